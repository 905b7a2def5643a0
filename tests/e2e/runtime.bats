#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# runtime - croze-runtime runs bundles of a static busybox.
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

@test "a bundle runs as root of its own namespaces, without rights outside" {
	bundle 'id -u; hostname; echo $$; ls /proc | grep -c "^[0-9]*$"'
	run "$runtime" run one
	[ "$status" -eq 0 ]
	[ "${lines[0]}" = 0 ]
	[ "${lines[1]}" = croze ]
	[ "${lines[2]}" = 1 ]
	[ "${lines[3]}" -le 3 ]
}

@test "nothing is on stderr when all is well" {
	bundle true
	"$runtime" run one 2>err
	[ ! -s err ]
}

@test "the container's status is the program's" {
	bundle 'exit 7'
	run "$runtime" run one
	[ "$status" -eq 7 ]
	bundle 'sh -c "kill -9 \$\$"; exit $?'
	run "$runtime" run one
	[ "$status" -eq 137 ]
}

@test "a command that is not there is 127 and named, one that cannot be executed is 126" {
	bundle '' '.process.args = ["/bin/none"]'
	run "$runtime" run one
	[ "$status" -eq 127 ]
	[ "$output" = "croze-runtime: cannot execute '/bin/none': No such file or directory" ]
	bundle '' '.process.args = ["/etc"]'
	run "$runtime" run one
	[ "$status" -eq 126 ]
}

@test "the rootfs is read-only when the file says so, and untouched afterwards" {
	bundle 'touch /x || echo refused'
	find rootfs | sort >before
	run "$runtime" run one
	[[ "$output" == *refused* ]]
	find rootfs | sort >after
	cmp before after
}

@test "limits that would not hold are refused by name before anything starts" {
	bundle 'echo started' '.linux.resources.memory.limit = 1000000'
	run "$runtime" run one
	[ "$status" -eq 3 ]
	[[ "$output" == *"'linux.resources"* ]]
	[[ "$output" != *started* ]]
}

@test "unknown namespaces and unknown mount options are refused by their path" {
	bundle true '.linux.namespaces += [{"type": "net"}]'
	run "$runtime" run one
	[[ "$output" == *"linux.namespaces"*"'net' is not one of pid, network"* ]]
	bundle true '.mounts[0].options = ["frob"]'
	run "$runtime" run one
	[[ "$output" == *"'mounts[0]'"*"'frob'"* ]]
}

@test "a seccomp profile is in force, and its refusal is the caller's errno" {
	bundle 'mkdir /dev/shm/x; grep Seccomp: /proc/self/status' \
	    '.linux.seccomp = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls":
	    [{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 30}]}'
	run "$runtime" run one
	[[ "$output" == *"Read-only file system"* ]]
	[[ "$output" == *"Seccomp:	2"* ]]
}

@test "bind mounts come from beside the bundle's config, tmpfs is bounded" {
	echo content >file
	bundle 'cat /tmp/file; echo x >/tmp/file || echo read-only' \
	    '.mounts += [{"destination": "/tmp/file", "source": "file", "options": ["bind", "ro"]}]'
	touch rootfs/tmp/file
	run "$runtime" run one
	[[ "$output" == *content*read-only* ]]
}

@test "the terminal is the container's own and has the size of the caller's" {
	command -v script >/dev/null || skip "script is not installed"
	bundle 'tty; stty size' '.process.terminal = true'
	run script -qec "stty cols 91 rows 31; '$runtime' run one" /dev/null
	[[ "$output" == *"/dev/pts/0"* ]]
	[[ "$output" == *"31 91"* ]]
}

@test "more ids are mapped as the file says, and only the caller's" {
	needs_many_ids
	range=$(grep "^$(id -un):" /etc/subuid | head -1 | cut -d: -f2) || skip "no subordinate ids"
	[ -n "$range" ] || skip "no subordinate ids"
	bundle 'cat /proc/self/uid_map' \
	    ".linux.uidMappings = [{\"containerID\": 0, \"hostID\": $range, \"size\": 100}] | .linux.gidMappings = .linux.uidMappings"
	chmod -R a+rX .
	run "$runtime" run one
	[[ "${lines[0]}" =~ ^\ *0\ +[0-9]+\ +100$ ]]
	bundle true '.linux.uidMappings = [{"containerID": 0, "hostID": 7, "size": 100}]'
	run "$runtime" run one
	[ "$status" -eq 3 ]
	[[ "$output" == *"host id 7 is not the caller's"* ]]
}

@test "links in place of mount points lead nowhere outside" {
	mkdir canary
	for name in proc sys dev; do
		rmdir "rootfs/$name"
		ln -s "$work/canary" "rootfs/$name"
	done
	bundle 'true' '.root.readonly = false'
	run "$runtime" run one
	[ -z "$(ls canary)" ]
}

@test "commands that are not built are refused by name" {
	for command in checkpoint restore; do
		run "$runtime" "$command" x
		[ "$status" -eq 3 ]
		[[ "$output" == *"'$command' is not supported"* ]]
	done
	run "$runtime" run ../x
	[ "$status" -eq 2 ]
}

@test "the command ends when the runtime is killed" {
	seconds=$((1000000 + $$))
	bundle "echo started; sleep $seconds"
	"$runtime" run one >out 2>&1 3>&- &
	pid=$!
	wait_for grep -q started out
	kill -9 "$pid"
	wait_for no_process "^sleep $seconds"
}
