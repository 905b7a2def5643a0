#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# attack_runtime - what a hostile rootfs, config.json or process inside tries against croze-runtime (rows R of the security catalogue that
# stand nowhere else), each with an honest twin. Races are 15 tries each, and 1,000 with CROZE_TEST_LONG.
# shellcheck disable=SC2015,SC2016,SC2030,SC2031,SC2154,SC2317

load ../lib/bundle

setup()
{
	bundle_setup
	mkdir -p canary/empty canary/sys/kernel
	echo hunter2 >canary/secret
	: >canary/null
	mkfifo canary/fifo
	canary_state >before
	tries=15
	[ -z "${CROZE_TEST_LONG-}" ] || tries=1000
}

teardown()
{
	[ -z "${swapper-}" ] || kill "$swapper" 2>/dev/null || :
	bundle_teardown
}

canary_state()
{
	find canary -printf '%p %y %#m %U:%G %s %T@ %n %l\n' | sort
}

# holds: nothing outside has changed, the secret was not printed, no record stayed.
holds()
{
	canary_state | diff before -
	[[ "${output-}" != *hunter2* ]] || { echo "$output"; return 1; }
	[ -z "$(ls "$XDG_RUNTIME_DIR/croze-runtime" 2>/dev/null)" ]
}

# swap A B: exchanges the two names, for ever.
swap()
{
	python3 - "$1" "$2" 3>&- <<'X' &
import ctypes, sys, time
libc = ctypes.CDLL(None)
a, b = sys.argv[1].encode(), sys.argv[2].encode()
end = time.time() + 1500
while time.time() < end:
    for _ in range(50):
        libc.renameat2(-100, a, -100, b, 2)
    time.sleep(0.0003)
X
	swapper=$!
}

# race FILTER SCRIPT: so many containers while names are exchanged; how many of them came to run is in $ran.
race()
{
	ran=0
	bundle "$2" "$1"
	for ((try = 0; try < tries; try++)); do
		timeout 20 "$runtime" run "race-$$" </dev/null >out 2>&1 || :
		! grep -q hunter2 out || { cat out; return 1; }
		! grep -q ran out || ran=$((ran + 1))
	done
	kill "$swapper"
	wait "$swapper" 2>/dev/null || :
	holds
	echo "$ran of $tries ran"
}

rw='.root.readonly = false'
no_dev='.mounts |= map(select(.destination | test("^/dev") | not)) | .root.readonly = false'

@test "R4 masks are our own null device, whatever lies at /dev/null of the rootfs, also when it is exchanged" {
	ln -s "$work/canary/secret" rootfs/dev/link
	: >rootfs/dev/null
	mkdir -p rootfs/d
	echo inside >rootfs/d/secret
	ln -s "$work/canary" rootfs/d-link
	run inside 'cat /d/secret; stat -c %t:%T /d/secret; echo end' "$no_dev | .linux.maskedPaths = [\"/d/secret\"]"
	is "1:3
end"
	swap rootfs/dev/null rootfs/dev/link
	race "$no_dev | .linux.maskedPaths = [\"/proc/keys\", \"/d/secret\"]" 'cat /proc/keys /d/secret; echo ran'
	[ "$ran" -eq "$tries" ]
	swap rootfs/d rootfs/d-link
	race "$no_dev | .linux.maskedPaths = [\"/d/secret\"]" 'echo ran'
	[ "$ran" -gt 0 ]
}

@test "R5 the console is the terminal of our devpts, also while /dev/console is exchanged for a link" {
	command -v script >/dev/null || skip "script is not installed"
	: >rootfs/dev/console
	mkdir -p rootfs/dev/pts
	ln -s "$work/canary/null" rootfs/dev/link
	bundle 'echo to-console >/dev/console; [ -c /dev/console ] && tty && echo ran' ".process.terminal = true | $rw
	    | .mounts |= map(select(.destination | test(\"^/dev(\$|/shm|/mqueue)\") | not))"
	swap rootfs/dev/console rootfs/dev/link
	ran=0
	for ((try = 0; try < tries; try++)); do
		timeout 20 script -qec "$runtime run race-$$" /dev/null </dev/null >out 2>&1 || :
		! grep -q ran out || ran=$((ran + 1))
	done
	kill "$swapper"
	wait "$swapper" 2>/dev/null || :
	holds
	[ "$ran" -gt 0 ]
}

@test "R6 R10 writes to /proc go to a procfs that is checked, also while /proc is exchanged for a link" {
	mkdir -p canary/sys/net/ipv4 canary/self/attr
	echo 7 >canary/sys/net/ipv4/ip_forward
	: >canary/self/oom_score_adj
	canary_state >before
	ln -s "$work/canary" rootfs/proc-link
	value='.linux.sysctl = {"net.ipv4.ip_forward": "1"} | .process.oomScoreAdj = 500'
	run inside 'cat /proc/sys/net/ipv4/ip_forward /proc/self/oom_score_adj' "$rw | $value"
	is "1
500"
	holds
	swap rootfs/proc rootfs/proc-link
	race "$rw | $value" '[ "$(cat /proc/sys/net/ipv4/ip_forward)" = 1 ] && echo ran; cat /proc/secret'
	[ "$ran" -gt 0 ]
	# a volume on /proc or in it, in the place of procfs
	run inside 'echo started' "$rw | $value | .mounts += [{destination: \"/proc\", source: \"canary\", type: \"bind\", options: [\"bind\", \"ro\"]}]"
	holds
	grep -qx 7 canary/sys/net/ipv4/ip_forward
}

@test "R7 R8 folders of the rootfs that are links to the host: nothing is made there" {
	rm -rf rootfs/dev rootfs/etc rootfs/tmp
	for name in dev etc tmp run var; do
		ln -s "$work/canary" "rootfs/$name"
	done
	echo content >file
	run inside 'cat /etc/resolv.conf; ls -d /dev/null; touch /tmp/x && echo tmp' "$rw"' | .mounts += [
	    {destination: "/etc/resolv.conf", source: "file", type: "bind", options: ["bind", "ro"]},
	    {destination: "/run/secrets/one", source: "file", type: "bind", options: ["bind"]},
	    {destination: "/var/lib/x", type: "tmpfs"}, {destination: "/tmp", type: "tmpfs"}]'
	holds
	[ -z "$(ls -A canary/empty)" ]
	# the twin: links that stay inside, /var/run -> /run, as distributions have them
	rm rootfs/run rootfs/var rootfs/etc rootfs/tmp rootfs/dev
	mkdir -p rootfs/{run,var,etc,tmp,dev}
	ln -s /run rootfs/var/run
	ln -s ../../../../../../run/deep rootfs/etc/deep
	run inside 'cat /run/one /run/deep' "$rw"' | .mounts += [
	    {destination: "/var/run/one", source: "file", type: "bind", options: ["bind"]},
	    {destination: "/etc/deep", source: "file", type: "bind", options: ["bind"]}]'
	is "content
content"
}

@test "R9 mount points that are exchanged for links while they are mounted on make nothing outside" {
	mkdir -p volume/sub
	echo volume >volume/f
	mkdir -p rootfs/v/sub
	ln -s "$work/canary" rootfs/v/link
	swap rootfs/v/sub rootfs/v/link
	race "$rw"' | .mounts += [{destination: "/v/sub/new/deep", source: "volume", type: "bind", options: ["bind"]},
	    {destination: "/v/sub/file", source: "volume/f", type: "bind", options: ["bind"]}]' 'echo ran'
	[ "$ran" -gt 0 ]
}

@test "R11 a user is a number and that number: -u 1 is 1, and whatever is no id is refused" {
	bundle 'sleep 100' "$(needs_many_ids; many_ids) | .process.user = {uid: 0, gid: 0}"
	timeout 20 "$runtime" run --detach box </dev/null >out 2>&1
	for user in 0 1 2 10 65 1000 0:1 1:0 1:1 00 001 12:34 59999:59999; do
		run timeout 20 "$runtime" exec --user "$user" box sh -c 'echo $(id -u):$(id -g)'
		uid=$((10#${user%%:*}))
		gid=0
		[ "$user" = "${user#*:}" ] || gid=$((10#${user#*:}))
		[ "$output" = "$uid:$gid" ] || { echo "$user: $output"; return 1; }
	done
	for user in '' -1 +1 ' 1' '1 ' 0x1 1e0 1. 1.0 4294967295 4294967296 18446744073709551616 99999999999999999999 root 1: :1 1:: 1:1:1 1:-1 1:x \
	    '1:4294967296' '1:4294967295' $'1\n' '1;0' '1,0' '0 0' '１' ; do
		run timeout 20 "$runtime" exec --user "$user" box sh -c 'echo in'
		[ "$status" -ne 0 ] && [[ "$output" != *in ]] || { echo "'$user': $status $output"; return 1; }
	done
	for value in -1 4294967295 4294967296 1.5 '"1"' null true '[]' '{}' 1e3; do
		bundle 'echo started' ".process.user.uid = $value"
		run timeout 20 "$runtime" run two
		[[ "$value" =~ ^(null|1e3)$ ]] || [ "$status" -ne 0 ] && [[ "$output" != *started* || "$value" = null ]] || { echo "$value: $output"; return 1; }
	done
	timeout 20 "$runtime" delete --force box
}

@test "R14 R15 cgroups are read-only or absent inside, and no release_agent can be set" {
	run inside 'find /sys/fs/cgroup -name cgroup.procs | while read -r f; do echo $$ >$f && echo moved $f; done 2>/dev/null
	    touch /sys/fs/cgroup/x 2>/dev/null && echo wrote
	    for type in cgroup cgroup2; do mkdir -p /tmp/c; mount -t $type x /tmp/c 2>/dev/null && echo mounted
	    mount -t $type -o memory x /tmp/c 2>/dev/null && echo mounted; done
	    unshare -Urm sh -c "mount -t cgroup -o rdma x /tmp/c && echo /x >/tmp/c/release_agent && echo agent" 2>/dev/null; echo end' \
	    "$rw"' | .mounts += [{destination: "/tmp", type: "tmpfs"}]'
	is end
}

@test "R16 R17 no input is pushed to the caller's terminal: the container's is its own" {
	command -v script >/dev/null || skip "script is not installed"
	cat >push.c <<'X'
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>
int main(void)
{
	for (int fd = 0; fd < 10; fd++)
		for (const char *c = "touch PUSHED\n"; *c; c++) {
			ioctl(fd, TIOCSTI, c);
			syscall(SYS_ioctl, fd, TIOCSTI | 1UL << 32, c);
		}
	return 0;
}
X
	gcc -static -o rootfs/bin/push push.c 2>/dev/null || skip "no C compiler"
	bundle '/bin/push; exit 0'
	# without a terminal: the caller's is on the streams, but it does not control this session
	timeout 20 script -qec "cd $work && $runtime run box; sleep 0.3" /dev/null </dev/null >out 2>&1
	[ ! -e PUSHED ]
	run grep -c "touch PUSHED" out
	[ "$output" = 0 ]
	bundle '/bin/push; exit 0' '.process.terminal = true'
	timeout 20 script -qec "cd $work && $runtime run box; sleep 0.3" /dev/null </dev/null >out 2>&1
	[ ! -e PUSHED ]
}

@test "R22 a set-user-ID copy refuses each command before it looks at anything" {
	[[ ",$(findmnt -nro OPTIONS -T .)," != *,nosuid,* ]] || skip "set-user-ID means nothing on this file system"
	needs_many_ids
	cp "$runtime" copy
	bundle 'echo started'
	for command in 'run one' 'create one' 'exec one true' 'state one' 'delete --force one' 'features' '--version' 'spec'; do
		rm -f config.json.new
		run unshare --user --map-root-user --map-auto -- sh -c "chown 5:5 copy && chmod 4755 copy && exec ./copy --root $work/other --log $work/log $command"
		[ "$status" -eq 3 ] && [[ "$output" == *"set-user-ID"* ]] && [[ "$output" != *started* ]] || { echo "$command: $output"; return 1; }
		[ ! -e other ] && [ ! -e log ]
	done
}

@test "R23 errors about the host's files are those of the caller, who sees no more by them than by ls" {
	[ ! -x /root ] && [ "$(id -u)" -ne 0 ] || skip "there is no folder that is closed to this user"
	for name in .profile absent; do
		run inside 'echo started' ".mounts += [{destination: \"/m\", source: \"/root/$name\", type: \"bind\", options: [\"bind\"]}]"
		refused "'mounts[7].source'" "Permission denied"
		echo "${output//$name/NAME}" >"said-$name"
		run inside 'echo started' "$rw | .root.path = \"/root/$name\""
		[ "$status" -ne 0 ]
		echo "${output//$name/NAME}" >>"said-$name"
	done
	cmp said-.profile said-absent
}

@test "R24 nothing of the rootfs is executed outside of it, nor loaded" {
	command -v strace >/dev/null || skip "strace is not installed"
	for name in newuidmap newgidmap nsenter criu sh crun; do
		printf '#!/bin/sh\ntouch %s/canary/executed\n' "$work" >"rootfs/bin/$name.host"
	done
	printf 'passwd: evil\n' >rootfs/etc/nsswitch.conf
	bundle true
	strace -f -e trace=execve,execveat -o trace "$runtime" run box </dev/null
	run grep -c 'execve.*rootfs' trace
	[ "$output" = 0 ]
	# the runtime itself, and the command inside
	[ "$(grep -c 'execve(.* = 0' trace)" -eq 2 ]
	holds
}

@test "R25 R28 malformed files end in a clean error, and settings cannot be changed from inside" {
	for text in '' '{' '[]' 'null' '{"process":1}' '{"process":{"args":[]}}' '{"ociVersion":"9.9.9"}' '{"mounts":[null]}' '{"linux":{"namespaces":[{}]}}' \
	    '{"process":{"args":["a"],"cwd":"/","user":[]}}' "$(printf '[%.0s' {1..5000})" '{"linux":{"seccomp":{"defaultAction":7}}}' \
	    '{"linux":{"resources":{"devices":[{"allow":"x"}]}}}' '{"hooks":{"poststop":[{}]}}' '{"a":1,"a":2}' '{"process":{"env":["x"]}}'; do
		printf '%s' "$text" >config.json
		run timeout 20 "$runtime" run box
		[ "$status" -ge 1 ] && [ "$status" -le 3 ] && [[ "$output" == croze-runtime:* ]] || { echo "$text: $status $output"; return 1; }
	done
	holds
	run inside 'echo 0 >/proc/self/attr/current; echo 1 >/proc/sys/kernel/unprivileged_userns_clone; echo 2 >/proc/sys/kernel/yama/ptrace_scope
	    echo 3 >/proc/sys/vm/drop_caches; echo x >/proc/sysrq-trigger; echo end' "$rw"
	[ "$status" -eq 0 ] && [[ "$output" == *end ]]
}

@test "R26 no file system of a disk is mounted, and set-user-ID files of a volume are of no use with nosuid" {
	truncate -s 1M rootfs/image
	for type in ext4 xfs squashfs iso9660 fuse nfs; do
		run inside 'echo started' "$rw | .mounts += [{destination: \"/m\", source: \"/image\", type: \"$type\"}]"
		[ "$status" -ne 0 ] && [[ "$output" != *started* ]] || { echo "$type: $output"; return 1; }
	done
	mkdir volume
	cp /bin/busybox volume/id
	chmod 4755 volume/id
	run inside 'grep -c " /v .*nosuid" /proc/mounts' '.mounts += [{destination: "/v", source: "volume", type: "bind", options: ["bind", "nosuid"]}]'
	is 1
}

@test "R27 what /proc and /sys tell of the host is hidden" {
	run inside 'for f in /proc/interrupts /proc/kallsyms /proc/kcore /proc/keys /proc/latency_stats /proc/sched_debug /proc/timer_list /proc/timer_stats \
	    /proc/acpi /proc/asound /proc/scsi /sys/firmware /sys/devices/virtual/powercap; do
	    if [ -d $f ]; then [ -z "$(ls -A $f)" ] || echo shown $f; else [ -z "$(head -c 1 $f 2>/dev/null)" ] || echo shown $f; fi; done; echo end'
	is end
	# the twin: what programs need
	run inside 'head -c 3 /proc/cpuinfo >/dev/null && grep -c MemTotal /proc/meminfo && ls /sys/class >/dev/null && cat /proc/self/comm'
	has 1 cat
}

@test "R30 a fork bomb and a lot of memory end by their limits, and nothing stays" {
	bundle 'b() { b | b & }; b 2>/dev/null; sleep 0.5; echo end' '.process.rlimits = [{type: "RLIMIT_NPROC", soft: 300, hard: 300}]'
	timeout --kill-after=2 20 "$runtime" run bomb </dev/null >out 2>&1 || :
	run inside 'head -c 200000000 /dev/zero | tail -c 200000000 >/dev/null; echo $?' '.process.rlimits = [{type: "RLIMIT_AS", soft: 50000000, hard: 50000000}]'
	[ "$status" -eq 0 ] && [[ "${lines[-1]}" != 0 ]]
	holds
}

@test "R35 records and what is in them are the owner's alone" {
	bundle 'sleep 100'
	umask 000
	timeout 20 "$runtime" run --detach box </dev/null >out 2>&1
	[ "$(stat -c %a "$XDG_RUNTIME_DIR/croze-runtime")" = 700 ]
	[ -z "$(find "$XDG_RUNTIME_DIR/croze-runtime" -mindepth 1 -perm /077)" ]
	timeout 20 "$runtime" delete --force box
}
