#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# environments - croze-runtime where callers really start it: each container starts and nothing is said, or is refused with the true cause,
# and in both cases nothing stays behind.
# shellcheck disable=SC2015,SC2016,SC2154

load ../lib/bundle

setup()
{
	bundle_setup
	plain=.
	host_net='.linux.namespaces |= map(select(.type != "network"))'
}

teardown()
{
	bundle_teardown
}

# ids N: a jq filter that maps 0 to the caller's id N.
ids()
{
	printf '.linux.uidMappings[0].hostID = %d | .linux.gidMappings[0].hostID = %d' "$1" "$1"
}

# block: a program that refuses calls, made once a file.
block()
{
	local cc
	read -ra cc <<<"${CC:-gcc}"
	[ -x "$BATS_FILE_TMPDIR/block" ] || "${cc[@]}" -D_GNU_SOURCE -o "$BATS_FILE_TMPDIR/block" "$BATS_TEST_DIRNAME/../lib/block.c" -lseccomp ||
	    skip "no C compiler, or no libseccomp-dev"
	blocked=$BATS_FILE_TMPDIR/block
}

# left: records, mount points made in the rootfs, processes and temporary files of ours.
left()
{
	find "$XDG_RUNTIME_DIR" "$work/records" -mindepth 2 2>/dev/null
	(cd "$work" && find rootfs | sort | diff "$work/tree" -)
	pgrep -u "$(id -u)" -f "^$runtime .*box-$$" || :
}

# host WRAPPER... : run the bundle behind it. Sets status, out and err.
host()
{
	(cd "$work" && find rootfs | sort) >"$work/tree"
	status=0
	timeout --kill-after=5 30 "$@" "$runtime" run --bundle "$work" "box-$$" </dev/null >"$work/out" 2>"$work/err" || status=$?
	out=$(cat "$work/out")
	err=$(cat "$work/err")
}

# starts NAME FILTER WRAPPER...: the container runs, nothing is on stderr, nothing stays.
starts()
{
	local name=$1
	bundle 'echo started; exit 5' "$2"
	shift 2
	host "$@"
	[ "$status" -eq 5 ] && [ "$out" = started ] && [ -z "$err" ] && [ -z "$(left)" ] || {
		printf '%s\n' "$name: status $status, out '$out', err '$err', left '$(left)'"
		return 1
	}
}

# refuses NAME TEXT FILTER WRAPPER...: the text is said, the command does not run, nothing stays.
refuses()
{
	local name=$1 text=$2
	bundle 'echo started; exit 5' "$3"
	shift 3
	host "$@"
	[[ "$status" =~ ^[1-9][0-9]*$ ]] && [ "$status" -ne 5 ] && [ -z "$out" ] && [[ "$err" == *"$text"* ]] && [ -z "$(left)" ] || {
		printf '%s\n' "$name: status $status, out '$out', err '$err', left '$(left)'"
		return 1
	}
}

# As engines do to /proc and /sys of an outer container; then an ordinary user, or root, of a namespace in it.
masked='mount -t proc proc /proc; for f in /proc/timer_list /proc/keys /proc/sysrq-trigger; do [ ! -e $f ] || mount --bind /dev/null $f; done
    mount -t tmpfs -o ro t /sys/firmware; exec unshare --user --map-user=$USER_INSIDE --map-group=$USER_INSIDE --mount sh -c "exec \"\$@\"" sh "$@"'

outer()
{
	USER_INSIDE=$1
	export USER_INSIDE
	shift
	set -- unshare --user --map-root-user --mount --pid --fork sh -c "$1" sh
	wrapper=("$@")
}

@test "plain, subordinate ids, no new privileges, no environment, umask 077, a lower OOM score, a closed parent folder" {
	starts plain "$plain" env
	needs_many_ids
	starts "subordinate ids" "$(many_ids)" env
	starts "no new privileges" "$plain" setpriv --no-new-privs
	starts "no HOME" "$plain" env -u HOME
	starts "umask 077" "$plain" sh -c 'umask 077; exec "$@"' sh
	starts "lower OOM score" '.process.oomScoreAdj = -500' choom -n 300 --
	mkdir -p closed
	mv rootfs closed/
	chmod 0111 closed
	starts "closed parent folder" '.root.path = "closed/rootfs"' env
	chmod 0700 closed
	mv closed/rootfs .
	bundle 'echo started; exit 5' .
	find rootfs | sort >tree
	run env -i "$runtime" --root "$work/records" run "box-$$"
	[ "$status" -eq 5 ] && [ "$output" = started ] && [ -z "$(left)" ]
	run env -u XDG_RUNTIME_DIR "$runtime" run "box-$$"
	[ "$status" -eq 5 ] && [ "$output" = started ] && [ -z "$(left)" ]
}

@test "stdin, stdout or stderr closed, 24 descriptors, SIGCHLD ignored, signals blocked" {
	for _ in 1 2 3 4 5 6; do
		starts "stdin closed" "$plain" sh -c 'exec "$@" <&-' sh
	done
	bundle 'exit 5' .
	host sh -c 'exec "$@" >&-' sh
	[ "$status" -eq 5 ] && [ -z "$err" ]
	host sh -c 'exec "$@" 2>&-' sh
	[ "$status" -eq 5 ]
	host sh -c 'exec "$@" <&- >&- 2>&-' sh
	[ "$status" -eq 5 ]
	starts "24 descriptors" 'del(.process.rlimits)' sh -c 'ulimit -n 24; exec "$@"' sh
	starts "SIGCHLD ignored" "$plain" sh -c 'trap "" CHLD; exec "$@"' sh
	starts "all signals blocked" "$plain" python3 -c \
	    'import os, signal, sys; signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals()); os.execvp(sys.argv[1], sys.argv[1:])'
}

@test "masked /proc and /sys of an outer container: as its user, and as its root" {
	for inside in 1000 0; do
		outer $inside "$masked"
		starts "masked /proc, uid $inside" "$(ids $inside)" "${wrapper[@]}"
		starts "masked /sys with a sysfs mount, uid $inside" "$(ids $inside) | $host_net" "${wrapper[@]}"
		starts "masked /proc, pid namespace of the host, uid $inside" "$(ids $inside)"' | .linux.namespaces |= map(select(.type != "pid"))' "${wrapper[@]}"
		bundle 'cat /proc/keys /proc/timer_list 2>/dev/null | wc -c' "$(ids $inside)"
		host "${wrapper[@]}"
		[ "$out" = 0 ]
	done
}

@test "a sysfs mount with the host's network" {
	starts "sysfs and host network" "$host_net" env
	starts "the same as root of a user namespace" "$(ids 0) | $host_net" unshare --user --map-root-user
}

@test "no cgroup file system at all, and the hybrid layout: no limit asked, and one" {
	hide='mount -t tmpfs none /sys/fs/cgroup && exec "$@"'
	starts "no cgroups" "$(ids 0)" unshare --user --map-root-user --mount sh -c "$hide" sh
	starts "no cgroups, as an ordinary user" "$(ids 1000)" unshare --user --map-root-user --mount sh -c \
	    'mount -t tmpfs none /sys/fs/cgroup && exec unshare --user --map-user=1000 --map-group=1000 "$@"' sh
	refuses "no cgroups, a limit" "'linux.resources.memory.limit' cannot be set: there is no cgroup file system here" \
	    "$(ids 0)"' | .linux.resources.memory.limit = 100000000' unshare --user --map-root-user --mount sh -c "$hide" sh
	starts "as the host is" '.linux.cgroupsPath = "/box"' env
	starts "as the host is, root of a user namespace" "$(ids 0)"' | .linux.cgroupsPath = "/box"' unshare --user --map-root-user
	refuses "cgroup not delegated, a limit" "'linux.resources.memory.limit' cannot be set" '.linux.resources.memory.limit = 100000000' env
}

@test "calls that outer filters refuse: what is new, keyctl, mounts by descriptor" {
	block
	for answer in ENOSYS EPERM; do
		starts "keyctl: $answer" "$plain" "$blocked" $answer keyctl
		starts "what is new: $answer" "$plain" "$blocked" $answer openat2,clone3,pidfd_open,close_range,memfd_create,pidfd_send_signal
		starts "mounts by descriptor: $answer" "$plain" "$blocked" $answer open_tree,move_mount,fsopen,fsconfig,fsmount,fspick,mount_setattr
		starts "mount_setattr alone: $answer" "$plain" "$blocked" $answer mount_setattr
		starts "all of these: $answer" "$plain" "$blocked" $answer \
		    keyctl,openat2,clone3,pidfd_open,close_range,memfd_create,open_tree,move_mount,fsopen,fsconfig,fsmount,mount_setattr
	done
}

@test "what cannot be is refused with its cause: newuidmap absent, no /proc, pivot_root or unshare refused, no more user namespaces" {
	block
	needs_many_ids
	CROZE_TEST_WITHOUT=newuidmap refuses "newuidmap absent" "newuidmap is not installed" "$(many_ids)" env
	refuses "no new privileges, many ids" "no_new_privs" "$(many_ids)" setpriv --no-new-privs
	refuses "pivot_root" "pivot_root(2): Operation not permitted" "$plain" "$blocked" EPERM pivot_root
	refuses "unshare" "a seccomp profile of the outer container forbids" "$plain" "$blocked" EPERM unshare,clone3
	refuses "no more namespaces" "user.max_user_namespaces" "$(ids 0)" unshare --user --map-root-user --mount sh -c \
	    'echo 0 >/proc/sys/user/max_user_namespaces && exec "$@"' sh
	command -v bwrap >/dev/null || skip "bwrap is not installed"
	refuses "no /proc" "/proc is not" "$plain" bwrap --unshare-all --share-net --bind / / --tmpfs /proc --dev /dev
}
