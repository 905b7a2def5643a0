#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# config_process - each member of config.json that is about the process and its namespaces: it is set, and seen from inside.
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

@test "process.args, env and cwd are those of the command" {
	run inside 'echo "$A $PWD"' '.process.env += ["A=b c"] | .process.cwd = "/tmp"'
	is "b c /tmp"
	run inside '' '.process.args = ["busybox", "echo", "a  b", "$x"]'
	is 'a  b $x'
	run inside 'env | sort | cut -d= -f1 | tr "\n" " "' '.process.env = ["PATH=/bin"]'
	is "PATH PWD SHLVL "
}

@test "process.user: uid, gid, additionalGids and umask" {
	needs_many_ids
	ids=$(many_ids)
	run inside 'id -u; id -g; id -G; umask; grep -E "^(Uid|Gid)" /proc/self/status' \
	    "$ids | .process.user = {uid: 1000, gid: 1001, additionalGids: [7, 1002], umask: 63}"
	is "1000
1001
1001 7 1002
0077
Uid:	1000	1000	1000	1000
Gid:	1001	1001	1001	1001"
}

@test "r13 the primary group is among the supplementary ones" {
	needs_many_ids
	run inside 'grep ^Groups: /proc/self/status' "$(many_ids) | .process.user = {uid: 1000, gid: 1001, additionalGids: [7]}"
	is "Groups:	7 1001 "
}

@test "process.user.additionalGids is refused by name where only the caller's id is mapped" {
	run inside 'echo started' '.process.user.additionalGids = [5]'
	refused "'process.user.additionalGids[0]' is 5, which 'linux.gidMappings' does not map"
	if [ "$(id -u)" -ne 0 ]; then # root may set groups even where one id alone is mapped
		run inside 'echo started' '.process.user.additionalGids = [0]'
		refused "'process.user.additionalGids'" "only your own group is mapped"
	fi
	run inside 'echo started' '.process.user.uid = 70000'
	refused "'process.user.uid' is 70000, which 'linux.uidMappings' does not map"
}

@test "process.capabilities: each of the five sets" {
	needs_many_ids
	run inside 'grep ^Cap /proc/self/status' '.process.capabilities = {
	    bounding: ["CAP_CHOWN", "CAP_KILL", "CAP_SETUID"], permitted: ["CAP_CHOWN", "CAP_KILL"],
	    effective: ["CAP_CHOWN"], inheritable: ["CAP_KILL"], ambient: ["CAP_KILL"]} | .process.user.uid = 0'
	# root's execve raises what is in the bounding set; inheritable and bounding are as given
	has "CapInh:	0000000000000020" "CapBnd:	00000000000000a1"
	run inside 'grep ^Cap /proc/self/status' "$(many_ids)"' | .process.user.uid = 1000 | .process.capabilities = {
	    bounding: ["CAP_CHOWN", "CAP_KILL", "CAP_SETUID"], permitted: ["CAP_CHOWN", "CAP_KILL"],
	    effective: ["CAP_CHOWN", "CAP_KILL"], inheritable: ["CAP_KILL"], ambient: ["CAP_KILL"]}'
	is "CapInh:	0000000000000020
CapPrm:	0000000000000020
CapEff:	0000000000000020
CapBnd:	00000000000000a1
CapAmb:	0000000000000020"
}

@test "r12 inheritable and ambient capabilities are empty unless they are asked for" {
	run inside 'grep -E "^Cap(Inh|Amb)" /proc/self/status'
	is "CapInh:	0000000000000000
CapAmb:	0000000000000000"
}

@test "process.noNewPrivileges: on, and off" {
	run inside 'grep ^NoNewPrivs /proc/self/status' '.process.noNewPrivileges = true'
	is "NoNewPrivs:	1"
	run inside 'grep ^NoNewPrivs /proc/self/status' '.process.noNewPrivileges = false'
	is "NoNewPrivs:	0"
}

@test "process.rlimits: every kind of limit" {
	run inside 'cat /proc/self/limits' '.process.rlimits = [
	    {type: "RLIMIT_NOFILE", soft: 40, hard: 50}, {type: "RLIMIT_CORE", soft: 0, hard: 0},
	    {type: "RLIMIT_CPU", soft: 61, hard: 62}, {type: "RLIMIT_DATA", soft: 99999744, hard: 199999488},
	    {type: "RLIMIT_FSIZE", soft: 1000, hard: 2000}, {type: "RLIMIT_MEMLOCK", soft: 4096, hard: 4096},
	    {type: "RLIMIT_STACK", soft: 1048576, hard: 2097152}, {type: "RLIMIT_AS", soft: 999997440, hard: 999997440},
	    {type: "RLIMIT_NPROC", soft: 900, hard: 1000}, {type: "RLIMIT_RSS", soft: 7, hard: 8},
	    {type: "RLIMIT_LOCKS", soft: 11, hard: 12}, {type: "RLIMIT_SIGPENDING", soft: 21, hard: 22},
	    {type: "RLIMIT_MSGQUEUE", soft: 31, hard: 32}, {type: "RLIMIT_RTTIME", soft: 41, hard: 42},
	    {type: "RLIMIT_NICE", soft: 0, hard: 0}, {type: "RLIMIT_RTPRIO", soft: 0, hard: 0}]'
	[ "$status" -eq 0 ]
	for row in "Max open files 40 50" "Max cpu time 61 62" "Max data size 99999744 199999488" \
	    "Max file size 1000 2000" "Max locked memory 4096 4096" "Max stack size 1048576 2097152" \
	    "Max address space 999997440 999997440" "Max processes 900 1000" "Max resident set 7 8" \
	    "Max file locks 11 12" "Max pending signals 21 22" "Max msgqueue size 31 32" \
	    "Max realtime timeout 41 42" "Max core file size 0 0" "Max nice priority 0 0" "Max realtime priority 0 0"; do
		echo "$output" | tr -s ' ' | grep -q "^$row " || { echo "$row"; echo "$output"; return 1; }
	done
}

@test "a limit above the caller's is refused with what there is" {
	bundle 'echo started' '.process.rlimits = [{type: "RLIMIT_NOFILE", soft: 50, hard: 60}]'
	run bash -c 'ulimit -n 40; exec "$0" run limited' "$runtime"
	refused "resource limit" "the hard limit here is 40"
}

@test "r34 no core is dumped unless a limit asks for it" {
	run inside 'ulimit -c'
	is 0
}

@test "process.oomScoreAdj" {
	run inside 'cat /proc/self/oom_score_adj' '.process.oomScoreAdj = 321'
	is 321
}

@test "process.scheduler: policy and nice" {
	# fields 19 and 41 of proc_pid_stat(5)
	run inside 'cut -d" " -f19,41 /proc/self/stat' '.process.scheduler = {policy: "SCHED_BATCH", nice: 7}'
	is "7 3"
	run inside 'cut -d" " -f41 /proc/self/stat' '.process.scheduler = {policy: "SCHED_IDLE"}'
	is 5
}

@test "process.scheduler that needs rights is refused by name" {
	run inside 'echo started' '.process.scheduler = {policy: "SCHED_FIFO", priority: 5}'
	refused "'process.scheduler' is refused by the kernel: Operation not permitted"
}

@test "process.ioPriority" {
	run inside 'ionice -p $$' '.process.ioPriority = {class: "IOPRIO_CLASS_BE", priority: 6}'
	is "best-effort: prio 6"
	run inside 'ionice -p $$' '.process.ioPriority = {class: "IOPRIO_CLASS_IDLE"}'
	has "idle"
}

@test "process.apparmorProfile and selinuxLabel are refused by name where the kernel has neither" {
	[ "$(cat /sys/module/apparmor/parameters/enabled 2>/dev/null)" != Y ] || skip "AppArmor is on"
	[ ! -e /sys/fs/selinux/enforce ] || skip "SELinux is on"
	run inside 'echo started' '.process.apparmorProfile = "prof"'
	refused "'process.apparmorProfile' is 'prof', and this kernel runs without AppArmor"
	run inside 'echo started' '.process.selinuxLabel = "a:b:c"'
	refused "'process.selinuxLabel' is 'a:b:c', and this kernel runs without SELinux"
}

@test "hostname and domainname" {
	run inside 'hostname; cat /proc/sys/kernel/domainname' '.hostname = "inside" | .domainname = "example.test"'
	is "inside
example.test"
	host=$(hostname)
	run inside 'hostname' 'del(.hostname)'
	is "$host"
}

@test "linux.personality" {
	run inside 'uname -m; cat /proc/self/personality' '.linux.personality.domain = "LINUX32"'
	has i686 00000008
	run inside 'cat /proc/self/personality' '.linux.personality.domain = "LINUX"'
	is 00000000
}

@test "linux.memoryPolicy" {
	[ -e /proc/self/numa_maps ] || skip "this kernel has no NUMA"
	run inside 'cut -d" " -f2 /proc/self/numa_maps | sort -u' '.linux.memoryPolicy = {mode: "MPOL_BIND", nodes: "0"}'
	has "bind:0"
	run inside 'cut -d" " -f2 /proc/self/numa_maps | sort -u' \
	    '.linux.memoryPolicy = {mode: "MPOL_PREFERRED", nodes: "0", flags: ["MPOL_F_STATIC_NODES"]}'
	has "prefer=static:0"
	run inside 'echo started' '.linux.memoryPolicy = {mode: "MPOL_BIND", nodes: "777"}'
	refused "'linux.memoryPolicy' is refused by the kernel"
}

@test "linux.sysctl of the network, ipc and uts namespaces" {
	run inside 'cat /proc/sys/net/core/somaxconn /proc/sys/kernel/shmmax /proc/sys/kernel/msgmax /proc/sys/fs/mqueue/msg_max \
	    /proc/sys/kernel/domainname /proc/sys/net/ipv4/conf/lo/forwarding' \
	    '.linux.sysctl = {"net.core.somaxconn": "77", "kernel.shmmax": "1048576", "kernel/msgmax": "9000",
	    "fs.mqueue.msg_max": "5", "kernel.domainname": "d.test", "net/ipv4/conf/lo/forwarding": "1"}'
	is "77
1048576
9000
5
d.test
1"
	run inside 'echo started' '.linux.sysctl = {"net.no.such": "1"}'
	refused "'linux.sysctl.net.no.such' cannot be set to '1'"
}

@test "linux.sysctl works without a mount of /proc" {
	run inside 'hostname' '.mounts |= map(select(.destination != "/proc")) | .linux.sysctl = {"kernel.hostname": "by-sysctl"}
	    | del(.hostname) | .linux.maskedPaths = [] | .linux.readonlyPaths = []'
	is "by-sysctl"
}

# own TYPE: "own" when the namespace is not that of this shell.
own='for t in pid net ipc uts mnt user cgroup time; do echo "$t $(readlink /proc/self/ns/$t)"; done'

@test "linux.namespaces: each is made new, and only those that are listed" {
	run inside "$own"
	[ "$status" -eq 0 ]
	inside_all=$output
	for type in pid net ipc uts mnt user cgroup; do
		! grep -qxF "$type $(readlink /proc/self/ns/$type)" <<<"$inside_all" || { echo "$type"; return 1; }
	done
	for type in pid network ipc uts cgroup; do
		file=${type/network/net}
		run inside "$own" ".linux.namespaces |= map(select(.type != \"$type\")) | del(.hostname)
		    | if \"$type\" == \"ipc\" then .mounts |= map(select(.type != \"mqueue\")) else . end"
		has "$file $(readlink /proc/self/ns/"$file")"
	done
}

@test "linux.namespaces without mount is refused by name" {
	run inside 'echo started' '.linux.namespaces |= map(select(.type != "mount"))'
	refused "'linux.namespaces' must have a new one of type 'mount'"
}

@test "linux.namespaces: ipc, uts, network, pid, cgroup, time and user are joined by path" {
	unshare --user --map-root-user --ipc --uts --net --pid --fork --cgroup --time --mount-proc \
	    sh -c 'hostname joined-host; echo ready; exec sleep 100' >ready 3>&- &
	holder=$!
	wait_for grep -q ready ready
	inner=$(pgrep -P "$holder" | head -1)
	wanted=
	for t in ipc uts net pid cgroup user time; do wanted+="$t $(readlink "/proc/$inner/ns/$t")"$'\n'; done
	list=$(for t in ipc uts pid cgroup user time; do printf '{type: "%s", path: "/proc/%d/ns/%s"},' $t "$inner" $t; done)
	run inside "$own; hostname" "del(.linux.uidMappings, .linux.gidMappings, .hostname) | .linux.namespaces =
	    [$list {type: \"network\", path: \"/proc/$inner/ns/net\"}, {type: \"mount\"}]"
	kill "$inner"
	wait "$holder" || true
	[ "$status" -eq 0 ] || { echo "$output"; return 1; }
	while read -r line; do
		[ -z "$line" ] || grep -qxF "$line" <<<"$output" || { echo "missing: $line"; echo "$output"; return 1; }
	done <<<"$wanted"
	[[ "$output" == *joined-host* ]]
}

@test "a namespace that cannot be opened or joined is named" {
	run inside 'echo started' '.linux.namespaces |= map(if .type == "network" then .path = "/no/such/ns" else . end)'
	refused "network namespace" "/no/such/ns"
	run inside 'echo started' '.linux.namespaces |= map(if .type == "ipc" then .path = "/proc/1/ns/ipc" else . end)'
	[ "$status" -ne 0 ]
	[[ "$output" == *"ipc namespace"* && "$output" != *started* ]]
}

@test "linux.timeOffsets: the clocks of a time namespace" {
	[ -e /proc/self/ns/time ] || skip "this kernel has no time namespaces"
	run inside 'cut -d. -f1 /proc/uptime' '.linux.namespaces += [{type: "time"}]
	    | .linux.timeOffsets = {boottime: {secs: 5000000, nanosecs: 5}, monotonic: {secs: 1000}}'
	[ "$status" -eq 0 ]
	[ "$output" -gt 5000000 ]
	run inside 'cat /proc/self/timens_offsets' '.linux.namespaces += [{type: "time"}]
	    | .linux.timeOffsets = {boottime: {secs: 86400}, monotonic: {secs: 7, nanosecs: 9}}'
	has "monotonic" "7         9" "86400"
	run inside 'readlink /proc/self/ns/time' '.linux.namespaces += [{type: "time"}]'
	[ "$status" -eq 0 ]
	[ "$output" != "$(readlink /proc/self/ns/time)" ]
	run inside 'echo started' '.linux.namespaces += [{type: "time"}] | .linux.timeOffsets = {monotonic: {secs: -999999999999}}'
	refused "'linux.timeOffsets'"
}

@test "linux.uidMappings and gidMappings: many ids, and one" {
	needs_many_ids
	run inside 'cat /proc/self/uid_map /proc/self/gid_map' "$(many_ids)"
	[ "$status" -eq 0 ]
	[ "$(echo "$output" | tr -s ' ' | cut -d' ' -f2,4 | tr '\n' ' ')" = "0 1 1 60000 0 1 1 60000 " ]
	run inside 'cat /proc/self/uid_map; cat /proc/self/setgroups'
	[ "$(echo "$output" | head -1 | tr -s ' ')" = " 0 0 1" ]
	[[ "$output" == *deny* ]]
}

@test "linux.seccomp: an errno, and the default action" {
	run inside 'mkdir /dev/shm/x 2>&1; grep Seccomp: /proc/self/status' \
	    '.linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", syscalls: [{names: ["mkdir", "mkdirat"], action: "SCMP_ACT_ERRNO", errnoRet: 30}]}'
	has "Read-only file system" "Seccomp:	2"
}
