# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154
#
# canary.bash - the rule of every attack test: nothing outside changes, the secret is nowhere, nothing is left.
#
# After "load ../lib/common" and "load ../lib/canary", a test calls canary_make, provokes the attack with "attack COMMAND...",
# and then says what must have come of it: refused TEXT... or confined, both of which check the rule.

CANARY_SECRET=canary-secret-5f3a9c

canary_make()
{
	CANARY=$W/canary
	export CANARY
	mkdir -p "$CANARY/empty" "$CANARY/sub"
	echo "$CANARY_SECRET" >"$CANARY/secret"
	echo "root:x:0:0:$CANARY_SECRET:/:/bin/sh" >"$CANARY/passwd"
	echo inner >"$CANARY/sub/f"
	mkfifo "$CANARY/fifo"
	canary_state >"$W/canary.before"
}

# The whole of the canary, and of the folders that no build has business in.
canary_state()
{
	find "$CANARY" "$HOME" -printf '%p %y %#m %U:%G %s %T@ %n %l\n' | sort
	find "$CANARY" -exec getfattr -h -d -m - {} + 2>/dev/null
}

# attack COMMAND...: run it; what takes for ever is killed and fails. $status and $output as of "run".
attack()
{
	run timeout --kill-after=5 "${LIMIT:-100}" "$@"
}

# canary_holds: the rule itself.
canary_holds()
{
	canary_state >"$W/canary.after"
	if ! diff -u "$W/canary.before" "$W/canary.after"; then
		echo "something outside has changed; the output was:"
		printf '%s\n' "$output"
		return 1
	fi
	says_not "$CANARY_SECRET" || return 1
	no_leak "$CANARY_SECRET" "$CROZE_ROOT" "$W/out" || return 1
	if [ "$status" -eq 124 ] || [ "$status" -ge 128 ]; then
		printf '%s\n' "ended by time limit or signal, status $status" "$output"
		return 1
	fi
	nothing_left
}

# refused [TEXT...]: it failed, said what it was about, and the rule holds.
refused()
{
	if [ "$status" -eq 0 ]; then
		printf '%s\n' "succeeded:" "$output"
		return 1
	fi
	says "$@" && canary_holds
}

# confined: it succeeded, and the rule holds.
confined()
{
	ok && canary_holds
}

# refused_or_confined: either is safe.
refused_or_confined()
{
	canary_holds
}

# hostile_archive CASE [FILE]
hostile_archive()
{
	"$PYTHON" "$LIB/hostile.py" archive "$1" "${2:-c/a.tar}" "$CANARY"
}

# hostile_layout CASE [FOLDER]
hostile_layout()
{
	"$PYTHON" "$LIB/hostile.py" layout "$1" "${2:-$W/layout}" "$CANARY" "$SUITE/bases"
}

# add_build CASE: ADD the archive of a case in a build, with a RUN behind it so that it is unpacked.
add_build()
{
	hostile_archive "$1"
	printf 'FROM busybox:musl\nADD a.tar /x/\nRUN true\n' >c/Dockerfile
	attack croze build --progress=plain -t attack c
}

# layer_build CASE: the archive of a case as the second layer of a base image that a RUN needs.
layer_build()
{
	hostile_layout "$1"
	printf 'FROM hostile\nRUN true\n' >c/Dockerfile
	attack croze build --progress=plain -t attack --build-context "hostile=oci-layout://$W/layout:hostile:latest" c
}
