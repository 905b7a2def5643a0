#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# config_points - hooks, limits, filters that are answered, Landlock: what config.json has done around the command.
# shellcheck disable=SC2154

bats_require_minimum_version 1.5.0
load ../lib/bundle

setup()
{
	bundle_setup
	export W=$work
}

teardown()
{
	bundle_teardown
}

# hook SCRIPT: a hook that is a shell, as JSON.
hook()
{
	jq -cn --arg s "$1" '{path: "/bin/sh", args: ["sh", "-c", $s], env: ["PATH=/usr/bin:/bin"]}'
}

@test "hooks: all six kinds, in their order, each in its namespaces, with the state on standard input" {
	bundle 'echo command' ".hooks = {
	    prestart: [$(hook "echo \"prestart \$(readlink /proc/self/ns/mnt)\" >>$work/log; cat >>$work/log; echo >>$work/log")],
	    createRuntime: [$(hook "echo \"createRuntime \$(readlink /proc/self/ns/mnt) \" >>$work/log; cat >>$work/log; echo >>$work/log")],
	    createContainer: [$(hook "echo \"createContainer \$(readlink /proc/self/ns/mnt)\" >>$work/log; cat >>$work/log; echo >>$work/log")],
	    startContainer: [$(hook "echo startContainer \$(busybox readlink /proc/self/ns/mnt); busybox cat >/tmp/started; exit 0")],
	    poststart: [$(hook "echo \"poststart \$(readlink /proc/self/ns/mnt)\" >>$work/log; cat >>$work/log; echo >>$work/log")],
	    poststop: [$(hook "echo \"poststop \$(readlink /proc/self/ns/mnt)\" >>$work/log; cat >>$work/log; echo >>$work/log")]}
	    | .root.readonly = false | .annotations = {a: \"b\"}"
	run "$runtime" run hooked
	is command
	here=$(readlink /proc/self/ns/mnt)
	[ "$(cut -d' ' -f1 log | grep -v '^{' | tr '\n' ' ')" = "prestart createRuntime createContainer poststart poststop " ] || { cat log; return 1; }
	for kind in prestart createRuntime poststart poststop; do grep -qF "$kind $here" log || { cat log; return 1; }; done
	run ! grep -F "createContainer $here" log
	grep '^{' log | head -1 | jq -e '.ociVersion == "1.3.0" and .id == "hooked" and .status == "creating" and .pid > 1
	    and (.bundle | startswith("/")) and .annotations.a == "b"'
	grep '^{' log | sed -n 4p | jq -e '.status == "running" and .pid > 1'
	grep '^{' log | tail -1 | jq -e '.status == "stopped" and (has("pid") | not)'
	jq -e '.status == "created" and .pid > 1' rootfs/tmp/started
}

@test "hooks: create, start and delete run theirs, each once" {
	mark() { hook "cat >/dev/null; echo $1 >>$work/log"; }
	bundle 'sleep 20' ".hooks = {prestart: [$(mark prestart)], createRuntime: [$(mark createRuntime)], createContainer: [$(mark createContainer)],
	    startContainer: [$(hook 'busybox touch /tmp/started')], poststart: [$(mark poststart)], poststop: [$(mark poststop)]} | .root.readonly = false"
	timeout 20 "$runtime" create later </dev/null >out 2>&1 || { cat out; return 1; }
	[ "$(tr '\n' ' ' <log)" = "prestart createRuntime createContainer " ] || { cat log; return 1; }
	[ ! -e rootfs/tmp/started ]
	timeout 20 "$runtime" start later
	[ -e rootfs/tmp/started ]
	[ "$(tail -1 log)" = poststart ]
	timeout 20 "$runtime" delete --force later
	[ "$(tail -1 log)" = poststop ]
	[ "$(wc -l <log)" -eq 5 ]
}

@test "hooks: a failure before the start ends the container, and poststop is still run" {
	for kind in prestart createRuntime createContainer startContainer; do
		rm -f after
		bundle 'echo started' ".hooks = {$kind: [$(hook 'echo not today >&2; exit 4')], poststop: [$(hook "touch $work/after")]} | .root.readonly = false"
		run "$runtime" run hooked
		refused "'hooks.${kind}[0]' ('/bin/sh'): exit status 4" "it said: not today"
		[ -e after ] || { echo "$kind: no poststop"; return 1; }
	done
}

@test "hooks: a failure behind the start is a warning" {
	bundle 'echo started' ".hooks = {poststart: [$(hook 'exit 5')], poststop: [$(hook 'exit 6')]}"
	run "$runtime" run hooked
	has started "warning: config.json: hook 'hooks.poststart[0]' ('/bin/sh'): exit status 5" "'hooks.poststop[0]'" "exit status 6"
}

@test "hooks: one that takes longer than its timeout is killed" {
	bundle 'echo started' ".hooks = {createRuntime: [$(hook 'sleep 50') + {timeout: 1}]}"
	run "$runtime" run hooked
	refused "'hooks.createRuntime[0]'" "did not end within 1 s"
}

@test "hooks: createRuntime sees the mounts of the container by its pid, before they are entered" {
	bundle 'cat /added/file' ".hooks = {createContainer: [$(hook 'mkdir -p "$ROOT/added" && echo by-hook >"$ROOT/added/file"' | jq -c --arg r "$work/rootfs" '.env += ["ROOT=" + $r]')]}
	    | .root.readonly = false"
	run "$runtime" run hooked
	is by-hook
}

@test "linux.resources: a limit that cannot be set is refused by its name, before anything starts" {
	[ "$(id -u)" -ne 0 ] || skip "root can set limits"
	while read -r member filter; do
		run inside 'echo started' "$filter"
		refused "'linux.resources.$member' cannot be set"
	done <<'END'
memory.limit .linux.resources.memory.limit = 100000000
pids.limit .linux.resources.pids.limit = 10
cpu.quota .linux.resources.cpu.quota = 5000
cpu.cpus .linux.resources.cpu.cpus = "0"
blockIO.weight .linux.resources.blockIO.weight = 100
hugepageLimits .linux.resources.hugepageLimits = [{pageSize: "2MB", limit: 0}]
END
}

@test "linux.resources: what asks for no limit needs no cgroup, and nothing is said" {
	bundle 'echo started' '.linux.resources = {devices: [{allow: false, access: "rwm"}], pids: {limit: 0}, memory: {}, cpu: {shares: 0, cpus: ""}}
	    | .linux.cgroupsPath = "/no/such/place"'
	"$runtime" run free >out 2>err
	[ "$(cat out)" = started ]
	[ ! -s err ]
}

@test "linux.seccomp: calls are answered by whoever listens at listenerPath" {
	command -v python3 >/dev/null || skip "there is no python3"
	cat >agent.py <<'END'
import array, ctypes, fcntl, json, os, socket, struct, sys
s = socket.socket(socket.AF_UNIX)
s.bind("agent.sock")
s.listen(1)
open("ready", "w").close()
c, _ = s.accept()
data, anc, _, _ = c.recvmsg(65536, socket.CMSG_SPACE(4))
fd = array.array("i", anc[0][2])[0]
open("state.json", "wb").write(data)
# struct seccomp_notif is 80 bytes, its answer 24; SECCOMP_IOCTL_NOTIF_RECV and _SEND
while True:
    request = bytearray(80)
    try:
        fcntl.ioctl(fd, 0xc0502100, request)
    except OSError:
        break
    number = struct.unpack_from("i", request, 16)[0]
    open("calls", "a").write("%d\n" % number)
    answer = bytearray(struct.pack("QqiI", struct.unpack_from("Q", request)[0], 0, -17, 0))
    fcntl.ioctl(fd, 0xc0182101, answer)
    break
END
	python3 agent.py >agent.log 2>&1 3>&- &
	agent=$!
	wait_for test -e ready
	bundle 'mkdir /dev/shm/x 2>&1; echo done' ".process.noNewPrivileges = true | .linux.seccomp = {defaultAction: \"SCMP_ACT_ALLOW\",
	    listenerPath: \"$work/agent.sock\", listenerMetadata: \"for the agent\",
	    syscalls: [{names: [\"mkdir\", \"mkdirat\"], action: \"SCMP_ACT_NOTIFY\"}]}"
	run timeout 30 "$runtime" run notified
	has "File exists" "done"
	kill "$agent" 2>/dev/null || true
	jq -e '.fds == ["seccompFd"] and .metadata == "for the agent" and .state.id == "notified" and .pid == .state.pid and .pid > 1' state.json || { cat state.json agent.log; return 1; }
	[ "$(wc -l <calls)" -eq 1 ]
}

@test "linux.seccomp: what cannot be is named" {
	run inside 'echo started' '.linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", syscalls: [{names: ["mkdir"], action: "SCMP_ACT_NOTIFY"}]}'
	refused "'linux.seccomp.listenerPath' is missing"
	run inside 'echo started' '.linux.seccomp = {defaultAction: "SCMP_ACT_NOTIFY"}'
	refused "'linux.seccomp.defaultAction' cannot be SCMP_ACT_NOTIFY"
	run inside 'echo started' '.linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", listenerPath: "/no/such", syscalls: [{names: ["mkdir"], action: "SCMP_ACT_NOTIFY"}]}'
	refused "'linux.seccomp.listenerPath': cannot connect to '/no/such'"
	run inside 'echo started' '.linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", flags: ["X"]}'
	refused "'linux.seccomp.flags': 'X' is unknown"
	run inside 'echo started' '.linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", architectures: ["SCMP_ARCH_Z80"]}'
	refused "'linux.seccomp.architectures': 'SCMP_ARCH_Z80' is unknown"
}

@test "linux.seccomp: a start that fails by the profile names the call that it refuses, and one that fails otherwise does not" {
	for call in execve capset setresuid; do
		run inside 'echo started' ".process.noNewPrivileges = false
		    | .linux.seccomp = {defaultAction: \"SCMP_ACT_ALLOW\", syscalls: [{names: [\"$call\"], action: \"SCMP_ACT_ERRNO\", errnoRet: 95}]}"
		[ "$status" -ne 0 ]
		[[ "$output" == *"Operation not supported"*"the seccomp profile refuses $call(2)"* && "$output" != *started* ]] || { echo "$call: $output"; return 1; }
	done
	run inside 'echo started' '.linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", syscalls: [{names: ["execve"], action: "SCMP_ACT_ERRNO", errnoRet: 1}]}'
	[ "$status" -eq 126 ]
	[[ "$output" == *"Operation not permitted"*"the seccomp profile refuses execve(2)"* && "$output" != *started* ]] || { echo "$output"; return 1; }
	run inside 'echo started' '.process.args = ["/bin/sh/x"] | .linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", syscalls: [{names: ["capset"], action: "SCMP_ACT_ERRNO", errnoRet: 1}]}'
	[ "$status" -ne 0 ]
	[[ "$output" != *"seccomp profile"* && "$output" != *started* ]]
}

@test "linux.seccomp: every action, flag and architecture" {
	for action in SCMP_ACT_KILL SCMP_ACT_KILL_THREAD SCMP_ACT_KILL_PROCESS SCMP_ACT_TRAP; do
		run inside 'mkdir /dev/shm/x; echo "status $?"' ".linux.seccomp = {defaultAction: \"SCMP_ACT_ALLOW\", syscalls: [{names: [\"mkdir\", \"mkdirat\"], action: \"$action\"}]}"
		[[ "$output" == *"status 159"* ]] || { echo "$action: $output"; return 1; }
	done
	for action in SCMP_ACT_LOG SCMP_ACT_ALLOW; do
		run inside 'mkdir /dev/shm/x; echo "status $?"' ".linux.seccomp = {defaultAction: \"SCMP_ACT_ALLOW\", syscalls: [{names: [\"mkdir\", \"mkdirat\"], action: \"$action\"}]}"
		[[ "$output" == *"status 0"* ]] || { echo "$action: $output"; return 1; }
	done
	run inside 'mkdir /dev/shm/x; echo "status $?"' '.linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", syscalls: [{names: ["mkdir", "mkdirat"], action: "SCMP_ACT_TRACE", errnoRet: 1}]}'
	has "Function not implemented" "status 1"
	run inside 'grep Seccomp /proc/self/status' '.linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", architectures: ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32", "SCMP_ARCH_AARCH64"],
	    flags: ["SECCOMP_FILTER_FLAG_LOG", "SECCOMP_FILTER_FLAG_SPEC_ALLOW", "SECCOMP_FILTER_FLAG_TSYNC"]}'
	has "Seccomp:	2"
}

@test "landlock by annotation: what is not listed cannot be reached" {
	run inside 'true' '.annotations = {"org.croze.landlock": "{\"execute\": [\"/\"]}"}'
	[[ "$output" != *"has no Landlock"* ]] || skip "this kernel has no Landlock"
	echo secret >rootfs/etc/secret
	run inside 'cat /etc/secret 2>&1; echo x >/tmp/x && cat /tmp/x; touch /bin/y 2>&1; ls / >/dev/null 2>&1 || echo no-list; true' \
	    '.root.readonly = false | .annotations = {"org.croze.landlock": "{\"execute\": [\"/bin\"], \"write\": [\"/tmp\"], \"read\": [\"/proc\"]}"}'
	has "can't open '/etc/secret': Permission denied" x "/bin/y: Permission denied" no-list
	run inside 'cat /etc/secret' '.annotations = {"org.croze.landlock": "{\"execute\": [\"/\"]}"} | .process.noNewPrivileges = false'
	is secret
	run inside 'echo started' '.annotations = {"org.croze.landlock": "{\"execute\": [\"/nowhere\"]}"}'
	refused "annotation 'org.croze.landlock': cannot open '/nowhere'"
}

@test "linux.intelRdt is refused by name, section and cause" {
	cause="this kernel and processor have no resctrl"
	! grep -qw resctrl /proc/filesystems || cause="croze-runtime makes no resctrl groups"
	run inside 'echo started' '.linux.intelRdt = {closID: "x", schemata: ["L3:0=f"]}'
	refused "'linux.intelRdt': $cause" "IntelRdt"
}

@test "linux.netDevices: a device is moved, called otherwise, with its addresses, and up" {
	command -v ip >/dev/null || skip "ip is not installed"
	own='.linux.uidMappings[0].hostID = 0 | .linux.gidMappings[0].hostID = 0'
	# with_devices SCRIPT FILTER: as root of a network that has two ends of a veth
	with_devices()
	{
		bundle "$1" "$own | $2"
		unshare --user --map-root-user --net sh -c 'ip link add one address 02:00:00:00:00:01 mtu 1400 type veth peer name two || exit 99
		    ip addr add 192.0.2.5/24 dev one; ip addr add 2001:db8::5/64 dev one nodad; ip link set one up; "$0" run "$1"; s=$?
		    ip -o link show one 2>/dev/null | grep -c one >&2; exit $s' "$runtime" "net-$$"
	}
	run with_devices 'ip addr show dev eth0; ip addr show dev two' '.linux.netDevices = {one: {name: "eth0"}, two: {}}'
	[ "$status" -ne 99 ] || skip "no veth devices here"
	has "192.0.2.5/24" "2001:db8::5/64" "mtu 1400" "02:00:00:00:00:01" "eth0" "two:" "UP"
	[ "${lines[-1]}" = 0 ]
	run with_devices 'echo started' '.linux.netDevices = {absent: {}}'
	[ "$status" -eq 3 ] && [[ "$output" == *"'linux.netDevices.absent'"*"there is no network device 'absent'"* ]] && [[ "$output" != *started* ]]
	run with_devices 'echo started' '.linux.netDevices = {one: {name: "lo"}}'
	[ "$status" -eq 3 ] && [[ "$output" == *"'linux.netDevices.one'"*"the name is taken there"* ]] && [[ "$output" != *started* ]]
	for wrong in '{one: {name: "a/b"}}' '{one: {name: "0123456789abcdef"}}' '{"a b": {}}' '{one: {name: 5}}' '{one: 5}' '[]'; do
		run inside 'echo started' ".linux.netDevices = $wrong"
		refused "'linux.netDevices"
	done
	run inside 'echo started' '.linux.netDevices = {one: {}} | .linux.namespaces |= map(select(.type != "network"))'
	refused "'linux.netDevices' needs a namespace of type 'network'" "Network Devices"
	[ "$(id -u)" -ne 0 ] || return 0
	run inside 'echo started' '.linux.netDevices = {lo: {name: "x"}}'
	refused "'linux.netDevices'" "ordinary user"
}

@test "linux.resources as root: limits hold inside, and the cgroup is gone afterwards" {
	[ "$(id -u)" -eq 0 ] || skip "only root makes cgroups on this machine"
	bundle 'for i in 1 2 3 4 5 6 7 8 9; do sleep 5 & done 2>&1; echo end; kill $(jobs -p) 2>/dev/null' \
	    ".linux.resources.pids.limit = 6 | .linux.cgroupsPath = \"/croze-e2e-$$/x\""
	run timeout 60 "$runtime" run limited
	[[ "$output" == *"can't fork"* ]] || { echo "$output"; return 1; }
	bundle 'dd if=/dev/zero of=/dev/null bs=100M count=1 2>&1; echo "status $?"' \
	    ".linux.resources.memory = {limit: 30000000, swap: 30000000} | .linux.cgroupsPath = \"/croze-e2e-$$/x\""
	run timeout 60 "$runtime" run limited
	[[ "$output" == *"status 137"* || "$status" -eq 137 ]] || { echo "$status $output"; return 1; }
	[ -z "$(find /sys/fs/cgroup -path "*croze-e2e-$$/x" 2>/dev/null)" ]
	find /sys/fs/cgroup -name "croze-e2e-$$" -exec rmdir {} +
}

@test "linux.resources.devices: root of an engine's user namespace needs no right to set them" {
	[ "$(id -u)" -eq 0 ] || skip "only root makes cgroups on this machine"
	bundle 'echo started' 'del(.linux.uidMappings, .linux.gidMappings) | .linux.namespaces |= map(select(.type != "user"))
	    | .linux.resources.devices = [{allow: false, access: "rwm"}] | .linux.cgroupsPath = "/croze-e2e-'$$'/x"'
	run timeout 60 unshare --user --map-root-user --mount "$runtime" run box
	find /sys/fs/cgroup -name "croze-e2e-$$" -exec rmdir {} +
	is started
}
