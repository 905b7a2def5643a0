# SPDX-License-Identifier: Apache-2.0
# Shared by the .bats files of the tier emulate, after common.bash. The tier userns is the judge of images. The container is
# tests/hosts/confine: the filter of the engines' default profile, no new privileges, no capability.

emulate_suite()
{
	croze_suite
	need gcc
	gcc -D_GNU_SOURCE -o "$SUITE/confine" "$CROZE_SOURCE/tests/hosts/confine.c"
}

# confined ARGUMENT...: a build in the container, in a store of its own; network: that of the machine.
confined()
{
	[ -e "$W/emulate" ] || cp -a "$SUITE/template" "$W/emulate"
	CROZE_ROOT=$W/emulate timeout --kill-after=5 "${LIMIT:-250}" "$SUITE/confine" croze build --progress=plain --timestamp 0 "$@" "${FOLDER:-$W/c}"
}

# judged ARGUMENT...: the folder c, built in the tier userns as app; what the steps printed is in $W/userns.log.
judged()
{
	[ -e "$W/userns" ] || cp -a "$SUITE/template" "$W/userns"
	CROZE_ROOT=$W/userns croze build --progress=plain --isolation userns --network=host --timestamp 0 -t app "$@" "${FOLDER:-$W/c}" \
	    >"$W/userns.log" 2>&1 || { cat "$W/userns.log"; return 1; }
}

# alike NAME: app of the tier userns is NAME of the container's store.
alike()
{
	[ "$(manifest_digest app "$W/userns")" = "$(manifest_digest "$1" "$W/emulate")" ] || {
		diff <(tree app "$W/userns") <(tree "$1" "$W/emulate")
		return 1
	}
}

# same: the folder c gives the same manifest in both tiers; what the steps printed is in $W/userns.log and $W/emulate.log.
same()
{
	judged
	confined -t app >"$W/emulate.log" 2>&1 || { cat "$W/emulate.log"; return 1; }
	head -n 1 "$W/emulate.log" | grep -qF 'tier: emulate+copy'
	alike app
}
