#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# config_without - what is done where the host lacks something, with the switch that forces it.
# shellcheck disable=SC2154

load ../lib/bundle

setup()
{
	bundle_setup
}

teardown()
{
	bundle_teardown
}

@test "without openat2 links still lead nowhere outside, and mounts work" {
	export CROZE_TEST_WITHOUT=openat2
	mkdir canary source
	echo content >source/file
	rmdir rootfs/proc rootfs/sys
	ln -s "$work/canary" rootfs/proc
	ln -s ../../../../../../../../../../../tmp rootfs/sys
	ln -s /etc/../m rootfs/link
	mkdir rootfs/m
	run inside 'cat /m/file; ls /.. | head -1' '.root.readonly = false
	    | .mounts += [{destination: "/link", source: "source", type: "bind", options: ["bind", "ro"]}]'
	has content bin
	[ -z "$(ls canary)" ]
}

@test "without openat2 masks and a working folder behind magic links hold" {
	export CROZE_TEST_WITHOUT=openat2
	echo secret >rootfs/etc/secret
	run inside 'cat /etc/secret; echo end' '.linux.maskedPaths = ["/etc/secret"]'
	is end
	for fd in 3 4 5 6 7 8 9; do
		run inside 'echo started' ".process.cwd = \"/proc/self/fd/$fd\""
		[ "$status" -ne 0 ]
		[[ "$output" != *started* ]]
	done
}

@test "without any cgroup a container runs, and a limit is refused by name" {
	export CROZE_TEST_WITHOUT=cgroup
	run inside 'echo started' '.linux.cgroupsPath = "/some/where"'
	is started
	run inside 'echo started' '.linux.resources.pids.limit = 5'
	refused "'linux.resources.pids.limit' cannot be set: there is no cgroup file system here"
}

@test "without newuidmap one id works, and many are refused with the package that has it" {
	[ "$(id -u)" -ne 0 ] || skip "root needs no helper"
	needs_many_ids
	export CROZE_TEST_WITHOUT=newuidmap
	run inside 'id -u'
	is 0
	run inside 'echo started' "$(many_ids)"
	refused "newuidmap is not installed" "uidmap"
}

@test "without calls that mount by descriptor links still lead nowhere outside, and every kind of mount is made" {
	export CROZE_TEST_WITHOUT=mounts
	mkdir -p canary source/deep
	echo content >source/file
	rmdir rootfs/proc rootfs/sys
	ln -s "$work/canary" rootfs/proc
	ln -s ../../../../../../../../../../../tmp rootfs/sys
	ln -s /etc/../m rootfs/link
	mkdir rootfs/m
	run inside 'cat /link/file; touch /link/x 2>&1 | grep -c "Read-only"; grep -c " /proc proc " /proc/mounts; ls -A /.. | head -1; ls /dev/null /dev/pts/ptmx; touch /t/f && echo ok' \
	    '.mounts += [{destination: "/link", source: "source", type: "bind", options: ["rbind", "rro"]}, {destination: "/t", type: "tmpfs"}]'
	has content "ok" "/dev/pts/ptmx"
	[ -z "$(ls canary)" ]
	# what is mounted by the host below a bound folder is restricted too
	bundle 'touch /m/deep/x 2>&1 | grep -o "Read-only file system"; touch /n/deep/y && echo written' \
	    '.mounts += [{destination: "/m", source: "source", type: "bind", options: ["rbind", "rro"]},
	    {destination: "/n", source: "source", type: "bind", options: ["rbind", "ro"]}] | del(.linux.uidMappings, .linux.gidMappings)
	    | .linux.namespaces |= map(select(.type != "user"))'
	run unshare --user --map-root-user --map-auto --mount sh -c 'mount -t tmpfs x source/deep && exec "$0" run below' "$runtime"
	[ "${lines[0]}" = "Read-only file system" ]
	[ "${lines[1]}" = written ]
	run inside 'echo started' '.mounts += [{destination: "/m", source: "source", type: "bind", options: ["bind", "idmap"]}]'
	refused "'mounts[7].uidMappings': cannot map the ids of a mount without mount_setattr(2)"
}

@test "without pidfds processes are ended, waited for and signalled" {
	export CROZE_TEST_WITHOUT=pidfd
	bundle 'trap "exit 5" TERM; echo up; while :; do sleep 0.1; done'
	"$runtime" run --detach one </dev/null >out 2>&1
	for _ in {1..100}; do ! grep -q up out || break; sleep 0.1; done
	run "$runtime" exec one sh -c 'exit 6'
	[ "$status" -eq 6 ]
	"$runtime" kill one TERM
	for _ in {1..100}; do [ "$("$runtime" state one | jq -r .status)" != stopped ] || break; sleep 0.1; done
	"$runtime" delete one
	"$runtime" run --detach two </dev/null >out 2>&1
	"$runtime" delete --force two
	run inside 'exit 7' '.hooks.poststart = [{path: "/bin/sleep", args: ["sleep", "60"], timeout: 1}]'
	[ "$status" -eq 7 ]
}

@test "a switch that does not exist is refused" {
	CROZE_TEST_WITHOUT=gravity run inside 'echo started'
	refused "'gravity' is not one of openat2, cgroup, newuidmap, mounts, pidfd"
}
