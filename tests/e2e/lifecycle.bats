#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# lifecycle - croze-runtime's containers from create to delete, as engines call it.
# shellcheck disable=SC2094,SC2154

load ../lib/bundle

setup()
{
	bundle_setup
}

teardown()
{
	[ -z "${work-}" ] || for id in $(timeout 20 "$runtime" list -q 2>/dev/null); do
		timeout 20 "$runtime" delete --force "$id"
	done
	bundle_teardown
}

# r ARGUMENT...: the runtime, bounded.
r()
{
	timeout 30 "$runtime" "$@"
}

# create NAME [OPTION...]: with the container's streams in files.
create()
{
	local id=$1
	shift
	r create --pid-file "$id.pid" "$@" "$id" </dev/null >"$id.out" 2>"$id.err"
}

# ends NAME: waits for its end.
ends()
{
	for _ in {1..100}; do
		[ "$(r state "$1" | jq -r .status)" != stopped ] || return 0
		sleep 0.1
	done
	return 1
}

# gone PID: no such process, or one that only waits to be reaped.
gone()
{
	[ ! -e "/proc/$1/stat" ] || [[ "$(cat "/proc/$1/stat")" == *") Z "* ]]
}

status_of()
{
	r state "$1" | jq -r .status
}

@test "create makes everything ready, start sets it off, delete leaves nothing" {
	bundle 'echo ran; cat /proc/self/status | grep ^Uid'
	create one
	[ "$(status_of one)" = created ]
	[ ! -s one.out ]
	[ ! -s one.err ]
	run kill -0 "$(cat one.pid)"
	[ "$status" -eq 0 ]
	[ "$(r state one | jq .pid)" = "$(cat one.pid)" ]
	[ "$(r state one | jq -r .bundle)" = "$work" ]
	r start one
	ends one
	[ "$(head -n 1 one.out)" = ran ]
	[ "$(r state one | jq .pid)" = 0 ]
	r delete one
	[ -z "$(ls "$XDG_RUNTIME_DIR/croze-runtime")" ]
}

@test "the first process is a child of who reaps, nothing of ours stays" {
	bundle 'sleep 100'
	create one
	r start one
	pid=$(cat one.pid)
	[ "$(ps -o comm= -p "$(ps -o ppid= -p "$pid" | tr -d ' ')")" != croze-runtime ]
	run pgrep -f "^$runtime (create|start) .*one\$" # other files of tests run the same program
	[ -z "$output" ]
}

@test "the pid file is a number and no more" {
	bundle true
	create one
	[[ "$(cat one.pid)" =~ ^[0-9]+$ ]]
	[ "$(wc -l <one.pid)" -eq 0 ]
}

@test "a command that is not there fails at create, with the words that engines look for, and leaves nothing" {
	bundle '' '.process.args = ["/none"]'
	run create one
	[ "$status" -eq 127 ]
	grep -q 'No such file or directory' one.err
	bundle '' '.process.args = ["/etc"]'
	run create one
	[ "$status" -eq 126 ]
	grep -q 'Permission denied' one.err
	[ ! -e one.pid ]
	[ -z "$(ls "$XDG_RUNTIME_DIR/croze-runtime")" ]
}

@test "what only execve can find out is told by start" {
	printf 'no program\n' >rootfs/bin/text
	chmod 755 rootfs/bin/text
	bundle '' '.process.args = ["/bin/text"]'
	create one
	run r start one
	[ "$status" -eq 126 ]
	[[ "$output" == *"cannot execute '/bin/text'"* ]]
	[ "$(status_of one)" = stopped ]
}

@test "start, create and delete refuse what is in the wrong state" {
	bundle 'sleep 100'
	run r start one
	[ "$status" -eq 2 ]
	[[ "$output" == *"container 'one' does not exist"* ]]
	create one
	run create one
	[ "$status" -eq 2 ]
	grep -q "already exists" one.err
	r start one
	run r start one
	[[ "$output" == *"has been started already: it is running"* ]]
	run r delete one
	[[ "$output" == *"cannot delete container 'one' that is not stopped: running"* ]]
	r delete --force one
	run r delete one
	[ "$status" -eq 2 ]
	r delete --force one
}

@test "a container that was never started can be deleted, which ends it" {
	bundle 'sleep 100'
	create one
	pid=$(cat one.pid)
	r delete one
	gone "$pid"
}

@test "signals are spelled in every way" {
	bundle 'for s in HUP INT USR1 USR2 TERM; do trap "echo $s" $s; done; echo up; while :; do sleep 0.1; done'
	create one
	r start one
	wait_for grep -q up one.out
	while read -r said words; do
		# shellcheck disable=SC2086
		r kill $words
		wait_for grep -qx "$said" one.out
	done <<-'END'
		HUP one 1
		INT one INT
		USR1 one SIGUSR1
		USR2 --all one sigusr2
		TERM one
	END
	run r kill one NONE
	[ "$status" -eq 2 ]
	[[ "$output" == *"'NONE' is no signal"* ]]
	r kill one KILL
	ends one
	run r kill one 9
	[ "$status" -ne 0 ]
	[[ "$output" == *"container not running"*"no such process"* ]]
	r kill --all one 9
}

@test "exec: user, folder, environment, status, streams" {
	bundle 'sleep 100'
	create one
	r start one
	run r exec -e A=x --cwd /tmp one sh -c 'echo "$A $(pwd) $(id -u) $$"; exit 4'
	[ "$status" -eq 4 ]
	[[ "$output" =~ ^x\ /tmp\ 0\ [0-9]+$ ]]
	run r exec one sh -c 'kill -9 $$'
	[ "$status" -eq 137 ]
	[ "$(echo typed | r exec one cat)" = typed ]
	run r exec one none
	[ "$status" -eq 127 ]
	run r exec one /etc
	[ "$status" -eq 126 ]
	run r exec -u root one id
	[ "$status" -eq 2 ]
	[[ "$output" == *"give numbers"* ]]
}

@test "exec: a process object from a file, detached, with a pid file" {
	bundle 'sleep 100'
	create one
	r start one
	jq '.process | .args = ["sh", "-c", "echo $B; pwd; sleep 100"] | .env += ["B=y"] | .cwd = "/etc"' config.json >process.json
	r exec --process process.json --detach --pid-file p one </dev/null >exec.out 2>&1
	wait_for grep -q etc exec.out
	[ "$(tr '\n' ' ' <exec.out)" = "y /etc " ]
	[ "$(r ps --format json one | jq -c 'sort')" = "$(pgrep -P "$(cat one.pid),$(cat p)" | jq -sc ". + [$(cat one.pid), $(cat p)] | sort")" ]
	r kill one KILL
	ends one
	gone "$(cat p)"
}

@test "exec: held by the rules of the container: Landlock, scheduling, processors" {
	run inside 'true' '.annotations = {"org.croze.landlock": "{\"execute\": [\"/\"]}"}'
	[[ "$output" != *"has no Landlock"* ]] || skip "this kernel has no Landlock"
	bundle 'sleep 100' '.annotations = {"org.croze.landlock": "{\"execute\": [\"/bin\"], \"read\": [\"/proc\"]}"}'
	echo secret >rootfs/etc/secret
	create one
	r start one
	run r exec one cat /etc/secret
	[ "$status" -eq 1 ]
	[[ "$output" == *"Permission denied"* ]]
	jq '.process | .args = ["sh", "-c", "cut -d\" \" -f19 /proc/self/stat; grep Cpus_allowed_list /proc/self/status"]
	    | .scheduler = {policy: "SCHED_OTHER", nice: 7} | .execCPUAffinity = {initial: "0-1", final: "0"}' config.json >process.json
	run r exec --process process.json one
	[ "$status" -eq 0 ]
	[[ "$output" == *"Cpus_allowed_list:"*0 ]]
	[ "${lines[0]}" = 7 ] || { echo "$output"; return 1; }
}

@test "exec: processors before its cgroup and after" {
	bundle 'sleep 100'
	create one
	r start one
	with()
	{
		jq ".process | .args = [\"grep\", \"Cpus_allowed_list\", \"/proc/self/status\"] | .execCPUAffinity = $1" config.json >process.json
		r exec --process process.json one
	}
	run with '{initial: "0"}'
	has 'Cpus_allowed_list:	0'
	run with '{initial: "0", final: ""}'
	has 'Cpus_allowed_list:	0'
	# the first list is used even when there is a second one
	run with '{initial: "60000", final: "0"}'
	refused "'process.execCPUAffinity.initial': none of the CPUs 60000 can be used"
	run with '{initial: "0", final: "60000"}'
	refused "'process.execCPUAffinity.final': none of the CPUs 60000 can be used"
}

@test "exec: ids that are not mapped, and groups where there can be none, are refused as at create" {
	bundle 'sleep 100'
	create one
	r start one
	run r exec --user 7 one echo started
	refused "'process.user.uid' is 7, which 'linux.uidMappings' does not map"
	run r exec --user 0:7 one echo started
	refused "'process.user.gid' is 7, which 'linux.gidMappings' does not map"
	run r exec --additional-gids 0 one echo started
	refused "'process.user.additionalGids': only your own group is mapped"
}

@test "exec: what is said twice, or is of no use, is refused" {
	bundle 'sleep 100'
	create one
	r start one
	jq '.process | .args = ["echo", "started"]' config.json >process.json
	for option in --user=0 --additional-gids=0 --env=A=x --cwd=/tmp --cap=CAP_KILL --no-new-privs; do
		run r exec --process process.json "$option" one
		refused "there is ${option%%=*} and --process"
	done
	run r exec --process process.json one echo
	refused "there is a command and --process"
	run r exec --process process.json --tty one
	refused "'terminal' is not true"
	python3 -c 'import socket, time
s = socket.socket(socket.AF_UNIX); s.bind("console"); s.listen(); time.sleep(20)' 3>&- &
	for _ in {1..50}; do [ ! -S console ] || break; sleep 0.1; done
	run r exec --console-socket console one echo started
	kill $!
	refused "--console-socket is of no use"
}

@test "r33_neither the first process nor a further one has the keys of the caller's session" {
	[ -r /proc/keys ] && [ "$(uname -m)" = x86_64 ] || skip "no keys to be seen here"
	cat >with_key <<'X'
import ctypes, os, sys
libc = ctypes.CDLL(None)
libc.syscall(250, 1, None)
key = libc.syscall(248, b"user", b"croze-mark", b"secret", 6, -3)
if key < 0 or libc.syscall(250, 5, key, 0x3f000000) < 0:  # seen by who possesses it
    sys.exit(99)
os.execvp(sys.argv[1], sys.argv[1:])
X
	bundle 'cat /proc/keys; echo; sleep 100' '.linux.maskedPaths = []'
	run python3 with_key cat /proc/keys
	[ "$status" -eq 0 ] && [[ "$output" == *croze-mark* ]] || skip "no key can be made here"
	python3 with_key timeout 20 "$runtime" run --detach one </dev/null >out 2>&1
	for _ in {1..50}; do [ ! -s out ] || break; sleep 0.1; done
	run cat out
	[ -n "$output" ] && [[ "$output" != *croze-mark* ]]
	run python3 with_key timeout 20 "$runtime" exec one cat /proc/keys
	[ "$status" -eq 0 ]
	[[ "$output" != *croze-mark* ]]
}

@test "exec: a filter that somebody answers is refused by name" {
	bundle 'sleep 100' '.linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", syscalls: [{names: ["chroot"], action: "SCMP_ACT_NOTIFY"}],
	    listenerPath: "'"$work"'/listener"}'
	python3 -c 'import socket, sys, time
s = socket.socket(socket.AF_UNIX); s.bind(sys.argv[1]); s.listen()
s.settimeout(20); c, _ = s.accept(); _, fds, _, _ = socket.recv_fds(c, 65536, 1); time.sleep(15)' "$work/listener" 3>&- &
	wait_for test -S listener
	create one
	r start one
	run r exec one true
	kill $!
	[ "$status" -eq 3 ]
	[[ "$output" == *"'linux.seccomp'"*"SCMP_ACT_NOTIFY"*"further process"* ]]
}

@test "exec in a container that does not run is refused" {
	bundle true
	create one
	run r exec one true
	[[ "$output" == *"has not been started"* ]]
	r start one
	ends one
	run r exec one true
	[ "$status" -eq 2 ]
	[[ "$output" == *"container not running"* ]]
}

@test "run --detach returns at once, run --keep leaves a record" {
	bundle 'sleep 100'
	r run --detach --pid-file pid one </dev/null >out 2>&1
	[ "$(status_of one)" = running ]
	bundle 'exit 3'
	run r run --keep two
	[ "$status" -eq 3 ]
	[ "$(status_of two)" = stopped ]
	r delete two
	run r run three
	[ "$status" -eq 3 ]
	run r state three
	[ "$status" -eq 2 ]
}

@test "list and ps, as a table and as JSON" {
	bundle 'sleep 100'
	create one
	create two
	r start two
	[ "$(r list -q | tr '\n' ' ')" = "one two " ]
	[ "$(r list --format json | jq -r '.[] | .id + " " + .status' | tr '\n' ' ')" = "one created two running " ]
	r list | head -n 1 | grep -q '^ID  *PID  *STATUS  *BUNDLE  *CREATED  *OWNER$'
	[ "$(r ps --format json two | jq -c .)" = "[$(cat two.pid),$(pgrep -P "$(cat two.pid)")]" ] ||
	    [ "$(r ps --format json two | jq -c .)" = "[$(cat two.pid)]" ]
}

@test "options before the command, in one word and in two" {
	bundle true
	mkdir -m 0700 other
	r --root "$work/other" --log "$work/log" --log-format=json --systemd-cgroup --rootless=true run one
	[ -z "$(r --root="$work/other" list -q)" ]
	run r --log "$work/log" --log-format json start none
	[ "$status" -eq 2 ]
	[ "$(jq -r .level log)" = error ]
	[[ "$(jq -r .msg log)" == *"container 'none' does not exist"* ]]
	[[ "$(jq -r .time log)" =~ ^20[0-9]{2}-.*Z$ ]]
	run r --debug --log "$work/log2" list
	grep -q 'level=debug msg=.*: list' log2
	bundle true '.linux.resources.pids.limit = 50'
	for last in --systemd-cgroup --cgroup-manager=disabled; do
		run r --cgroup-manager disabled "$last" run one
		[ "$status" -eq 3 ]
		[[ "$output" == *"'linux.resources.pids.limit' cannot be set: there is no cgroup file system"* ]]
	done
	run r --frob list
	[ "$status" -eq 2 ]
}

@test "version, features and help: what callers read, nothing on stderr" {
	r --version >out 2>err
	grep -qx 'spec: 1.3.0' out
	grep -qE '^croze-runtime version [0-9]' out
	r features >features 2>>err
	[ "$(jq -r .ociVersionMax features)" = 1.3.0 ]
	[ ! -s err ]
	r --help | grep -q -- '--cgroup-manager'
	for command in create start run exec state list ps kill delete pause resume update events features spec; do
		r --help | grep -q "^  $command "
		r "$command" --help | grep -q "Usage: croze-runtime $command"
	done
}

@test "pause, resume, update and events without a cgroup say what is missing" {
	bundle 'sleep 100'
	create one
	r start one
	[ "$(jq .cgroup "$XDG_RUNTIME_DIR/croze-runtime/one/state.json")" = null ] || skip "there is a cgroup here"
	for command in pause resume events; do
		run r "$command" one
		[ "$status" -eq 3 ]
		[[ "$output" == *"container 'one' has no cgroup"* ]]
	done
	run r update --resources - one <<<'{"pids": {"limit": 10}}'
	[ "$status" -eq 3 ]
	run r update --resources - one <<<'{"pids": {"limit": "x"}}'
	[ "$status" -eq 2 ]
}

@test "preserved descriptors are the command's with their numbers, others are refused" {
	echo four >four
	bundle 'cat <&4; ls /proc/self/fd | tr "\n" " "'
	run r run --preserve-fds 2 one 3</dev/null 4<four
	[[ "$output" == *four*"0 1 2 3 4 5 "* ]]
	run bash -c "exec 3>&- 4>&- 5>&-; timeout 20 $runtime run --preserve-fds 3 one"
	[ "$status" -eq 2 ]
	[[ "$output" == *"is not open"* ]]
}

@test "descriptors of socket activation come with the number of the very process" {
	bundle 'echo "$LISTEN_FDS $LISTEN_FDNAMES $(($$ - LISTEN_PID))"; sleep 100' '.process.env += ["LISTEN_PID=77", "Z=z"]'
	export LISTEN_FDS=1 LISTEN_FDNAMES=web
	r run --detach one 3</dev/null >one.out 2>&1 </dev/null
	for _ in {1..50}; do [ ! -s one.out ] || break; sleep 0.1; done
	[ "$(cat one.out)" = "1 web 0" ]
	run r exec one sh -c 'echo "$LISTEN_FDS $LISTEN_FDNAMES $(($$ - LISTEN_PID)) $Z"' 3</dev/null
	is "1 web 0 z"
	bundle 'echo "$(($$ - LISTEN_PID))"' '.linux.namespaces |= map(select(.type != "pid")) | .mounts |= map(select(.type != "proc"))'
	run r run two 3</dev/null
	is 0
}

@test "a terminal goes to the console socket, with a path longer than a socket's" {
	long=$work/$(printf 'x%.0s' {1..100})
	mkdir "$long"
	cat >receive.py <<'X'
import array, os, socket, sys
s = socket.socket(socket.AF_UNIX)
os.chdir(sys.argv[1])
s.bind("console")
s.listen(1)
open("ready", "w").close()
c, _ = s.accept()
_, control, _, _ = c.recvmsg(4096, socket.CMSG_LEN(4))
fd = array.array("i", control[0][2])[0]
text = b""
try:
    while True:
        piece = os.read(fd, 4096)
        if not piece:
            break
        text += piece
except OSError:
    pass
sys.stdout.write(text.decode())
X
	bundle 'tty; stty size' '.process.terminal = true | .process.consoleSize = {"height": 21, "width": 71}'
	timeout 30 python3 receive.py "$long" >console.out 3>&- &
	wait_for test -e "$long/ready"
	run create one
	[ "$status" -ne 0 ]
	grep -q 'console-socket' one.err
	create one --console-socket "$long/console"
	r start one
	wait %1
	tr -d '\r' <console.out | grep -qx '/dev/pts/0'
	tr -d '\r' <console.out | grep -qx '21 71'
}

@test "hooks of every kind run at their time, poststop at delete" {
	cat >hook <<'X'
#!/bin/sh
read -r _; echo "$1" >>"$2"
X
	printf '#!/bin/sh\ncat >/dev/null; echo "$1" >>%s/hooks\n' "$work" >hook
	chmod 755 hook
	bundle true '.hooks = (["prestart","createRuntime","poststart","poststop"] | map({key: ., value: [{path: "'"$work"'/hook", args: ["hook", .]}]}) | from_entries)'
	create one
	[ "$(tr '\n' ' ' <hooks)" = "prestart createRuntime " ]
	r start one
	ends one
	r delete one
	[ "$(tr '\n' ' ' <hooks)" = "prestart createRuntime poststart poststop " ]
	printf '#!/bin/sh\necho no >&2; exit 5\n' >hook
	run create two
	[ "$status" -ne 0 ]
	grep -q 'createRuntime\|prestart' two.err
	[ -z "$(ls "$XDG_RUNTIME_DIR/croze-runtime")" ]
}

@test "a damaged record is listed, and goes with --force alone" {
	bundle true
	create one
	pid=$(cat one.pid)
	for text in '' '{' '{"version": 7}' '[]'; do
		echo "$text" >"$XDG_RUNTIME_DIR/croze-runtime/one/state.json"
		[ "$(r list --format json | jq -r '.[0].status')" = damaged ]
		run r delete one
		[ "$status" -ne 0 ]
		[[ "$output" == *"is damaged"*"delete --force one"* ]]
	done
	r delete --force one
	[ -z "$(ls "$XDG_RUNTIME_DIR/croze-runtime")" ]
	kill -9 "$pid"
}

@test "a create that is killed leaves no process, and the name can be used again" {
	seconds=$((100000 + $$))
	bundle 'sleep 100' ".hooks.createRuntime = [{path: \"/bin/sleep\", args: [\"sleep\", \"$seconds\"]}]"
	timeout 20 "$runtime" create one </dev/null >out 2>&1 3>&- &
	wait_for pgrep -f "^sleep $seconds"
	[ "$(status_of one)" = creating ]
	pkill -9 -P $!
	wait_for no_process "^$runtime create one"
	wait_for no_process "^sleep $seconds"
	bundle true
	create one
	r delete one
}

@test "p7_names that are paths are refused by every command" {
	bundle true
	for id in .. . a/b '' "$(printf 'x%.0s' {1..300})" 'a b' $'a\nb'; do
		for command in create run start state kill delete ps; do
			run r "$command" "$id"
			[ "$status" -eq 2 ]
		done
	done
}

@test "s3_a folder of records that is somebody else's or open to others is refused" {
	bundle true
	mkdir -m 0777 open
	run r --root "$work/open" run one
	[ "$status" -eq 3 ]
	[[ "$output" == *"can be written by others"* ]]
	run r --root / run one
	[ "$status" -eq 3 ]
	[[ "$output" == *"belongs to somebody else"* ]]
}

@test "r1_no working folder leads out through a descriptor" {
	bundle 'sleep 100'
	create one
	r start one
	for n in {3..20}; do
		run r exec --cwd "/proc/self/fd/$n" one pwd
		[ "$status" -ne 0 ]
	done
	for n in 3 4 5 6 7 8 9 10; do
		bundle pwd ".process.cwd = \"/proc/self/fd/$n\""
		run r run two
		[ "$status" -ne 0 ]
	done
	run r exec --cwd /proc/self one pwd
	[ "$status" -eq 0 ]
}

@test "r2_a process that waits or enters cannot be looked into from inside" {
	# in execve its memory is the container's: then no descriptor of a file of the host may be among those that are about to be closed
	bundle 'while :; do for p in /proc/[0-9]*; do [ "$p" != /proc/1 ] || continue
	    for f in $p/fd/*; do n=${f##*/}; case $n in [012]) continue;; esac; t=$(readlink $f)
	    case $t in /*) [ "$(cat $p/comm 2>/dev/null)" = croze-runtime ] && echo "seen $f $t";; esac; done; done; done' \
	    '.process.capabilities |= map_values(. + ["CAP_SYS_PTRACE"])'
	create one
	r start one
	for _ in {1..40}; do
		r exec one true
	done
	run grep seen one.out
	[ -z "$output" ]
}

@test "r5_a link in the place of /dev/console leads nowhere" {
	mkdir canary
	: >canary/file
	rm -rf rootfs/dev
	ln -s "$work/canary" rootfs/dev
	command -v script >/dev/null || skip "script is not installed"
	bundle 'echo in >/dev/console; tty' '.process.terminal = true | .root.readonly = false'
	run timeout 20 script -qec "$runtime run one" /dev/null
	echo "$output"
	[ "$(ls canary)" = file ]
	[ ! -s canary/file ]
}

@test "r22_a set-user-ID copy refuses to run" {
	[[ ",$(findmnt -nro OPTIONS -T .)," != *,nosuid,* ]] || skip "set-user-ID means nothing on this file system"
	cp "$runtime" copy
	for mode in u+s g+s; do
		run unshare --user --map-root-user --map-auto -- sh -c 'chown 5:5 copy && chmod 0755 copy && chmod "$0" copy && exec ./copy list' $mode
		[ "$status" -eq 3 ]
		[[ "$output" == *"set-user-ID"*"chmod ug-s"* ]]
	done
	run unshare --user --map-root-user --map-auto -- sh -c 'chmod 0755 copy && exec ./copy list'
	[ "$status" -eq 0 ]
}

@test "r3_the program is not overwritten from inside, and a copy that is ours is sealed" {
	cp "$runtime" own
	before=$(sha256sum <own)
	bundle 'cat /proc/self/exe >/dev/null; for p in /proc/[0-9]*; do echo x 2>/dev/null >$p/exe; done; sleep 100'
	timeout 20 ./own run --detach one </dev/null >out 2>&1
	for _ in {1..20}; do
		timeout 20 ./own exec one sh -c 'for p in /proc/[0-9]*/exe; do echo x >$p; done' >/dev/null 2>&1 || true
	done
	printf '#!/proc/self/exe\n' >rootfs/bin/self
	chmod 755 rootfs/bin/self
	timeout 20 ./own exec one /bin/self >out 2>&1 || true
	[ "$(sha256sum <own)" = "$before" ]
	timeout 20 ./own create two </dev/null >out 2>&1
	[[ "$(readlink "/proc/$(timeout 9 ./own state two | jq .pid)/exe" 2>&1)" != "$work/own" ]]
}

@test "r29_processes that go into the background end with the container" {
	seconds=$((200000 + $$))
	bundle "(setsid sleep $seconds &) ; (sleep $seconds &); sleep 0.2"
	run r run one
	[ "$status" -eq 0 ]
	no_process "^sleep $seconds"
}

@test "r31_r32_neither descriptors nor the environment of the caller are inside" {
	bundle 'sleep 100'
	SECRET=hunter2 create one 7</etc/passwd
	r start one
	run env SECRET=hunter2 timeout 20 "$runtime" exec one sh -c 'ls /proc/self/fd | tr "\n" " "; cat /proc/*/environ' 8</etc/passwd
	[[ "$output" == "0 1 2 3 "* ]]
	[[ "$output" != *hunter2* ]]
	run r exec one sh -c 'ls /proc/1/fd | tr "\n" " "'
	[ "$output" = "0 1 2 " ]
}

@test "the namespaces' own root is the container's: joining them leads nowhere else" {
	bundle 'sleep 100' '.root.readonly = true'
	echo inside >rootfs/etc/mark
	create one
	r start one
	[ "$(r exec one cat /etc/mark)" = inside ]
}

@test "thirty containers, one after another and ten at a time, leave nothing" {
	bundle true
	for n in {1..20}; do r run "n$n"; done
	for n in {1..10}; do
		(create "c$n" && r start "c$n") 3>&- &
	done
	wait
	for n in {1..10}; do
		ends "c$n"
		r delete "c$n"
	done
	[ -z "$(ls "$XDG_RUNTIME_DIR/croze-runtime")" ]
	no_process "^$runtime (run n|create .*c|start c)[0-9]+\$" # other files of tests run the same program
}

@test "environments: closed streams, few descriptors, SIGCHLD ignored, no environment, umask" {
	bundle 'echo ok'
	run bash -c "exec 0<&-; timeout 20 $runtime run a"
	[ "$output" = ok ]
	bundle 'echo ok' 'del(.process.rlimits)'
	run bash -c "ulimit -n 24; timeout 20 $runtime run b"
	[ "$output" = ok ]
	run bash -c "trap '' CHLD; exec timeout 20 $runtime run c"
	[ "$output" = ok ]
	run env -i timeout 20 "$runtime" --root "$work/records" run d
	[ "$output" = ok ]
	run bash -c "umask 077; timeout 20 $runtime run e"
	[ "$output" = ok ]
}
