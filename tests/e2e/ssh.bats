# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154
#
# ssh - RUN --mount=type=ssh: agents and keys for a step (DOCKERFILE.md 6).
#
# The client in the image is the host's ssh-add, which the tests bind into it with its libraries.

load ../lib/common

setup_file()
{
	croze_suite
}

teardown_file()
{
	croze_suite_end
}

# client: folder n with ssh-add, ssh-keygen and their libraries, as the context "tools".
client()
{
	need ssh-agent ssh-add ssh-keygen
	local p lib
	mkdir n
	for p in ssh-add ssh-keygen; do
		cp "$(command -v $p)" n/
		ldd "$(command -v $p)" | awk '$3 ~ /^\// { print $3 } $1 ~ /^\// { print $1 }' | while read -r lib; do
			mkdir -p "n$(dirname "$lib")"
			cp -L "$lib" "n$lib"
		done
	done
	ssh-keygen -q -t ed25519 -N '' -C first -f key1
	ssh-keygen -q -t ed25519 -N '' -C second -f key2
	for p in n/lib* n/usr; do
		[ ! -e "$p" ] || mounts+="--mount=from=tools,source=${p#n/},target=/${p#n/} "
	done
	mounts+="--mount=from=tools,source=ssh-add,target=/bin/ssh-add --mount=from=tools,source=ssh-keygen,target=/bin/ssh-keygen"
}

# agent: an agent of the test's own, with key1; ended with the test.
agent()
{
	eval "$(ssh-agent -a "$W/a")" >/dev/null
	ssh-add -q key1
}

teardown()
{
	[ -z "${SSH_AGENT_PID-}" ] || kill "$SSH_AGENT_PID" 2>/dev/null || true
	cd /
	[ -z "${W-}" ] || ns rm -rf "$W"
}

@test "6.5 ssh: the default agent lists its keys and signs, for root and for the user that has it" {
	client
	agent
	dockerfile <<-EOF
		FROM busybox:musl
		RUN --mount=type=ssh $mounts ssh-add -l; echo text >/tmp/t; ssh-add -L >/tmp/k; ssh-keygen -q -Y sign -f /tmp/k -n test /tmp/t && head -1 /tmp/t.sig; \
		    echo "at \$SSH_AUTH_SOCK"; stat -c %a:%u:%g \$SSH_AUTH_SOCK
		USER 7:8
		RUN --mount=type=ssh,uid=7,gid=8,mode=0600,target=/run/mine/s --mount=type=ssh,id=default,target=/other $mounts \
		    ssh-add -l; echo "at \$SSH_AUTH_SOCK"
	EOF
	run build -t app --ssh default --build-context tools=n
	ok
	says "first (ED25519)" "BEGIN SSH SIGNATURE" "at /run/buildkit/ssh_agent.0" 600:0:0 "at /run/mine/s"
	equal "$(entry app /run)" ""
}

@test "6.5 ssh: a step can neither add, remove nor lock keys" {
	client
	agent
	cp key2 n/key2
	dockerfile <<-EOF
		FROM busybox:musl
		RUN --mount=type=ssh $mounts --mount=from=tools,source=key2,target=/key2 \
		    ! ssh-add -D 2>/dev/null && ! ssh-add /key2 2>/dev/null && ! ssh-add -d /key2 2>/dev/null; ssh-add -l | wc -l
	EOF
	run build -t app --ssh default --build-context tools=n
	ok
	equal "$(ssh-add -l | wc -l)" 1
	ssh-add -l | grep -q first
}

@test "6.5 ssh: keys get an agent of their own, which ends with the build; several by id" {
	client
	unset SSH_AUTH_SOCK
	dockerfile <<-EOF
		FROM busybox:musl
		RUN --mount=type=ssh $mounts ssh-add -l
		RUN --mount=type=ssh,id=both $mounts ssh-add -l | wc -l | sed 's/^/both /'
	EOF
	run build -t app --ssh default=key1 --ssh both=key1,key2 --build-context tools=n
	ok
	says "first (ED25519)" "both 2"
	says_not "second (ED25519)"
	nothing_left
	equal "$(pgrep -u "$(id -u)" -f '^ssh-agent -D')" ""
}

@test "6.5 ssh: a key with a passphrase is refused with what to do" {
	client
	ssh-keygen -q -t ed25519 -N 'phrase of it' -f locked
	printf 'FROM busybox:musl\nRUN --mount=type=ssh true\n' >c/Dockerfile
	run build -t app --ssh default=locked
	fails 2
	says "ssh-add does not take the key 'locked'" "ssh-add locked, then --ssh default"
	nothing_left
}

@test "6.5 ssh: without an agent the mount is left out, unless it is required" {
	unset SSH_AUTH_SOCK
	printf 'FROM busybox:musl\nRUN --mount=type=ssh [ -z "$SSH_AUTH_SOCK" ] && [ ! -e /run/buildkit ]\n' >c/Dockerfile
	run build -t app
	ok
	printf 'FROM busybox:musl\nRUN --mount=type=ssh,id=x,required true\n' >c/Dockerfile
	run build -t app
	fails 2
	says Dockerfile:2 "ssh agent 'x' is required" "--ssh x"
	run build -t app --ssh default
	fails 2
	says "SSH_AUTH_SOCK is not set"
}

@test "6.5 ssh: an agent that is gone is an error that names its socket" {
	client
	agent
	kill "$SSH_AGENT_PID"
	"$PYTHON" -c 'import socket; s = socket.socket(socket.AF_UNIX); s.bind("dead")'
	printf 'FROM busybox:musl\nRUN --mount=type=ssh true\n' >c/Dockerfile
	run build -t app --ssh default=dead
	fails 1
	says Dockerfile:2 "cannot reach the ssh agent at 'dead'"
}
