# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2034
#
# bundle.bash - bundles of a static busybox for tests of croze-runtime.
#
# bundle_setup makes $work with a rootfs and goes there; bundle SCRIPT [JQ FILTER] writes config.json; inside SCRIPT [JQ FILTER] runs
# it, for "run inside ...".

load ../lib/wait

# make_rootfs FOLDER: busybox under all its names.
make_rootfs()
{
	local name
	mkdir -p "$1"/{bin,etc,tmp,proc,sys,dev}
	cp /bin/busybox "$1/bin/"
	for name in $(/bin/busybox --list); do
		[ "$name" = busybox ] || ln -s busybox "$1/bin/$name"
	done
}

bundle_setup()
{
	runtime=${CROZE_BUILD:?}/croze-runtime
	[ -x "$runtime" ] || skip "croze-runtime is not built"
	[ -x /bin/busybox ] || skip "there is no /bin/busybox"
	! ldd /bin/busybox >/dev/null 2>&1 || skip "/bin/busybox is not static"
	command -v jq >/dev/null || skip "jq is not installed"
	work=$(mktemp -d "${TMPDIR:-/tmp}/croze-runtime-XXXXXX")
	chmod 0755 "$work"
	# some hundred links, a process each: made once a file of tests
	[ -d "$BATS_FILE_TMPDIR/rootfs" ] || make_rootfs "$BATS_FILE_TMPDIR/rootfs"
	cp -a "$BATS_FILE_TMPDIR/rootfs" "$work/"
	export LC_ALL=C XDG_RUNTIME_DIR=$work/run
	mkdir -m 0700 "$XDG_RUNTIME_DIR"
	cd "$work" || return 1
}

bundle_teardown()
{
	cd /
	[ -z "${work-}" ] || rm -rf "$work" 2>/dev/null || unshare --user --map-root-user --map-auto -- rm -rf "$work"
}

bundle()
{
	rm -f config.json
	"$runtime" spec --rootless
	jq --arg script "$1" '.process.terminal = false | .process.args = ["sh", "-c", $script]' config.json |
	    jq "${2:-.}" >new.json
	mv new.json config.json
}

inside()
{
	bundle "$@" && timeout --kill-after=5 60 "$runtime" run "box-$$"
}

# is EXPECTED: the last "run" succeeded and printed just that.
is()
{
	[ "$status" -eq 0 ] && [ "$output" = "$1" ] || {
		printf '%s\n' "status $status, printed:" "$output" "and not:" "$1"
		return 1
	}
}

# has TEXT...: the last "run" succeeded, and each text is somewhere in what it printed.
has()
{
	local text
	for text in "$@"; do
		[ "$status" -eq 0 ] && [[ "$output" == *"$text"* ]] || {
			printf '%s\n' "status $status, printed:" "$output" "without:" "$text"
			return 1
		}
	done
}

# refused TEXT...: the last "run" failed with status 2 or 3, said each text, and did not start the command.
refused()
{
	local text
	for text in "$@"; do
		[[ "$status" =~ ^[23]$ ]] && [[ "$output" == *"$text"* ]] && [[ "$output" != *started* ]] || {
			printf '%s\n' "status $status, printed:" "$output" "without:" "$text"
			return 1
		}
	done
}

# needs_many_ids: skips where there are none.
needs_many_ids()
{
	[ "$(id -u)" -ne 0 ] || return 0
	grep -q "^$(id -un):" /etc/subuid && grep -q "^$(id -un):" /etc/subgid || skip "no subordinate ids"
	[[ ",${CROZE_TEST_WITHOUT-}," != *,newuidmap,* ]] || skip "many ids take newuidmap"
}

# many_ids: a jq filter that maps 0 to the caller and 1.. to its subordinate ids.
many_ids()
{
	local uids gids
	if [ "$(id -u)" -eq 0 ]; then
		printf '.linux.uidMappings = [{containerID: 0, hostID: 100000, size: 65536}] | .linux.gidMappings = .linux.uidMappings'
		return
	fi
	uids=$(awk -F: -v u="$(id -un)" '$1 == u { print $2; exit }' /etc/subuid)
	gids=$(awk -F: -v u="$(id -un)" '$1 == u { print $2; exit }' /etc/subgid)
	printf '.linux.uidMappings = [{containerID: 0, hostID: %d, size: 1}, {containerID: 1, hostID: %d, size: 60000}]
	    | .linux.gidMappings = [{containerID: 0, hostID: %d, size: 1}, {containerID: 1, hostID: %d, size: 60000}]' \
	    "$(id -u)" "$uids" "$(id -g)" "$gids"
}
