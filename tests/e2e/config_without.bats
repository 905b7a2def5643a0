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
	export CROZE_TEST_WITHOUT=newuidmap
	run inside 'id -u'
	is 0
	run inside 'echo started' "$(many_ids)"
	refused "newuidmap is not installed" "uidmap"
}

@test "a switch that does not exist is refused" {
	CROZE_TEST_WITHOUT=gravity run inside 'echo started'
	refused "'gravity' is not one of openat2, cgroup, newuidmap"
}
