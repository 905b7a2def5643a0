#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# emulate - the tier emulate: RUN as an ordinary user where namespaces, mounts and chroot are refused.
#
# Judge and container: tests/lib/emulate.bash.

load ../lib/common
load ../lib/emulate

setup_file()
{
	emulate_suite
}

teardown_file()
{
	croze_suite_end
}

@test "emulate: users, owners, modes, links, devices and files of others are as with real ids" {
	echo 1 >c/f
	dockerfile <<-'EOF'
		FROM alpine:3.19
		RUN adduser -D u && mkdir /srv/u && echo 1 >/srv/u/f && ln -s f /srv/u/l && ln /srv/u/f /srv/u/h && chown -R u:u /srv/u && \
		    chmod 4750 /srv/u/f && chown -h 7:8 /srv/u/l && mkfifo /srv/u/p && chown 3:4 /srv/u/p
		RUN su u -c 'echo 2 >/srv/u/g; mkdir /srv/u/d; ! cat /etc/shadow 2>/dev/null && ! touch /etc/x 2>/dev/null' && \
		    rm -rf /opt && mv /etc/profile.d /etc/p && chgrp 50 /srv && chmod 2775 /srv && mkdir /srv/s
		RUN mkdir -m 0555 /srv/ro && touch /srv/ro/f && mkdir -m 0 /srv/none && echo x >/srv/0 && chmod 0 /srv/0 && cat /srv/0 && \
		    test "$(stat -c %a /srv/0 /srv/ro | tr '\n' ' ')" = '0 555 '
		COPY --chown=33:44 --chmod=0444 f /x/
		RUN cat /x/f && ! su u -c 'cat /srv/0' 2>/dev/null
		USER u
		RUN test "$(id -u):$(id -g)" = 1000:1000 && id -u >/srv/u/id && test "$(cat /srv/u/g)" = 2
	EOF
	same
}

@test "emulate: folders, links, renames, binds, procfs and programs by path tell one story" {
	mkdir c/d
	echo bound >c/d/f
	dockerfile <<-'EOF'
		FROM alpine:3.19
		RUN --mount=target=/ctx --mount=type=cache,target=/cache --mount=type=tmpfs,target=/t set -e; \
		    test "$(cat /ctx/d/f)" = bound; if touch /ctx/x 2>/dev/null; then exit 1; fi; echo 1 >/cache/f; mv /cache/f /srv/f; echo 2 >/t/x; \
		    mkdir -p /a/b/c; ln -s /a/b /l; ln -s ../../etc/os-release /a/b/rel; cd /l/c; test "$(pwd -P)" = /a/b/c; cd ..; \
		    test "$(/bin/pwd)" = /a/b; grep -q Alpine rel; cd /; test "$(cd ../../..; pwd)" = /; \
		    test "$(readlink /proc/self/exe)" = /bin/busybox; test "$(readlink /proc/self/cwd)" = /; test "$(readlink /proc/self/root)" = /; \
		    exec 5</etc/passwd; test "$(readlink /proc/self/fd/5)" = /etc/passwd; test "$(head -n 1 /dev/fd/5)" = "$(head -n 1 /etc/passwd)"; \
		    printf '#!/bin/sh -e\necho "$0 $*"\n' >/a/s; chmod 755 /a/s; test "$(/a/s 1 2)" = '/a/s 1 2'; \
		    printf '#!/a/s x\n' >/a/t; chmod 755 /a/t; test "$(/a/t y)" = '/a/s x /a/t y'; \
		    echo gone >/dev/null; test "$(head -c 4 /dev/zero | wc -c)" = 4; ls /dev | tr '\n' ' ' >/dev/shm/x; cat /proc/uptime >/dev/null
		RUN --mount=type=tmpfs,target=/var/run/m --mount=type=tmpfs,target=/run/m/n --mount=target=/var/run/m/n/ctx set -e; \
		    test "$(cat /run/m/n/ctx/d/f)" = bound; cd /var/run/m/n; test "$(pwd -P)" = /run/m/n; test "$(cat ctx/d/f)" = bound; \
		    cd ..; test "$(cat n/ctx/d/f)" = bound; cd n/ctx/d; test "$(cat ../../../n/ctx/d/f)" = bound; \
		    test "$(readlink /proc/self/cwd)" = /run/m/n/ctx/d; no() { if "$@" 2>/dev/null; then echo "worked: $*"; exit 1; fi; }; \
		    no touch x; no mv /run/m /run/x; no rmdir /run/m/n/ctx
	EOF
	same
}

@test "emulate: what is remembered of a file is never an older one's" {
	dockerfile <<-'EOF'
		FROM alpine:3.19
		RUN set -e; mkdir /srv/d; cd /srv/d; is() { test "$(stat -c %u:%g:%a "$1")" = "$2" && test "$(stat -c %u:%g:%a "$1")" = "$2"; }; \
		    for i in 1 2 3; do echo x >f; sleep 0.1; is f 0:0:644; chown 5:6 f; is f 5:6:644; sleep 0.1; is f 5:6:644; chmod 0400 f; \
		    is f 5:6:400; sleep 0.1; is f 5:6:400; chown 0:0 f; is f 0:0:400; chmod 0644 f; sleep 0.1; is f 0:0:644; chown 7:8 f; sleep 0.1; \
		    is f 7:8:644; rm f; echo y >g; is g 0:0:644; sleep 0.1; is g 0:0:644; rm g; done; echo x >f; chmod 0 f; sleep 0.1; is f 0:0:0; \
		    echo x >n; mv n f; is f 0:0:644; chown 3:4 .; is . 3:4:755; sleep 0.1; is . 3:4:755; chmod 2775 .; is . 3:4:2775; touch t; is t 0:4:644
	EOF
	same
}

@test "emulate: a command sees, signals, traces and reads nothing of the host's, and leaves nothing running" {
	mkdir "$W/secret"
	echo canary >"$W/secret/f"
	dockerfile <<-EOF
		FROM alpine:3.19
		RUN set -e; no() { if "\$@" 2>/dev/null; then echo "worked: \$*"; exit 1; fi; }; \
		    no cat "$W/secret/f"; no ls "$W"; no cat /proc/1/environ; no ls "/../../../$W"; ln -s "$W/secret" /srv/l; no cat /srv/l/f; \
		    no kill -0 "$$"; no ls "/proc/$$"; no cat /proc/\$PPID/status; no kill -9 \$PPID; no kill -0 1; no kill -- -$$; \
		    sh -c 'exec sleep 7316' & (setsid sh -c 'exec sleep 7316' &); echo kept >/srv/f
	EOF
	run confined -t app
	ok
	says_not canary
	no_process 'sleep 731[6]'
}

@test "N1 N2 N6 emulate: with --network=none nothing is reached; twin: the same step with the network" {
	need "$PYTHON"
	"$PYTHON" "$LIB/near.py" "$W/port" "${W##*/}" &
	local server=$!
	wait_for test -s "$W/port"
	cat >c/reach.c <<-'EOF'
		#include <arpa/inet.h>
		#include <stdio.h>
		#include <stdlib.h>
		#include <string.h>
		#include <sys/socket.h>
		#include <sys/un.h>
		int main(int argc, char **argv)
		{
			struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(atoi(argv[1])), .sin_addr = { htonl(INADDR_LOOPBACK) } };
			struct sockaddr_un un = { .sun_family = AF_UNIX };
			int s = socket(AF_INET, SOCK_STREAM, 0), u = socket(AF_UNIX, SOCK_STREAM, 0);
			snprintf(un.sun_path + 1, sizeof(un.sun_path) - 1, "%s", argv[2]);
			printf("> tcp: %s\n", connect(s, (void *)&at, sizeof(at)) ? "no" : "reached");
			printf("> abstract: %s\n", connect(u, (void *)&un, 3 + strlen(argv[2])) ? "no" : "reached");
			return argc != 3;
		}
	EOF
	gcc -static -o c/reach c/reach.c
	dockerfile <<-EOF
		FROM alpine:3.19
		COPY reach /
		RUN /reach $(cat "$W/port") ${W##*/}
	EOF
	run confined --network=host
	kill -0 "$server"
	ok
	says "> tcp: reached"
	run confined --network=none --no-cache
	kill "$server"
	ok
	says "> tcp: no" "> abstract: no" "have no network"
}

@test "emulate: secrets are files of the step alone, in memory, and an ssh agent answers" {
	need ssh-agent ssh-add ssh-keygen
	gcc -O2 -static -o c/keys "$CROZE_SOURCE/tests/data/emulate/agent_keys.c"
	printf 'canary-of-the-secret\n' >s
	ssh-keygen -q -t ed25519 -N '' -f key
	dockerfile <<-'EOF'
		FROM alpine:3.19
		COPY keys /usr/bin/
		RUN --mount=type=secret,id=s --mount=type=secret,id=s,target=/etc/t,mode=0440,uid=1000,gid=7 set -e; \
		    no() { if "$@" 2>/dev/null; then echo "worked: $*"; exit 1; fi; }; \
		    test "$(stat -c '%a %u:%g %s %F %h' /run/secrets/s)" = '400 0:0 21 regular file 1'; \
		    test "$(stat -c '%a %u:%g %s %F %h' /etc/t)" = '440 1000:7 21 regular file 1'; rev /run/secrets/s; cmp /run/secrets/s /etc/t; \
		    no sh -c 'echo x >/run/secrets/s'; no rm /run/secrets/s; no mv /run/secrets/s /x; no ln /run/secrets/s /x; no chmod 0777 /etc/t; \
		    no truncate -s 0 /etc/t; exec 5</etc/t; test "$(readlink /proc/self/fd/5)" = /etc/t; test "$(head -c 6 <&5)" = canary; \
		    no su nobody -s /bin/sh -c 'cat /run/secrets/s'; adduser -D -u 1000 u; su u -c 'cmp /etc/t /etc/t'; no su u -c 'cat /run/secrets/s'; \
		    no su nobody -s /bin/sh -c 'cat /etc/t'; deluser u
		RUN --mount=type=ssh --mount=type=ssh,id=default,target=/run/mine,uid=33,mode=0600 set -e; keys; test "$(stat -c %a:%u /run/mine)" = 600:33; \
		    SSH_AUTH_SOCK=/run/mine keys; test -S "$SSH_AUTH_SOCK"
		RUN test ! -e /run/secrets && test ! -e /etc/t && test ! -e /run/buildkit && test ! -e /run/mine
	EOF
	eval "$(ssh-agent -a "$W/a")" >/dev/null
	ssh-add -q key
	judged --secret id=s,src=s --ssh default
	confined -t app --secret id=s,src=s --ssh default >"$W/emulate.log" 2>&1 || { kill "$SSH_AGENT_PID"; cat "$W/emulate.log"; false; }
	kill "$SSH_AGENT_PID"
	alike app
	grep -q terces-eht-fo-yranac "$W/emulate.log"
	[ "$(grep -c 'agent has 1 keys' "$W/emulate.log")" -eq 2 ]
	# no file of the store has had it
	run grep -rl canary-of-the-secret "$W/emulate"
	equal "$output" ""
}

@test "emulate: the host name is the step's, in whichever way it is asked for" {
	dockerfile <<-'EOF'
		FROM busybox:musl
		RUN for name in $(hostname) $(uname -n) $(cat /proc/sys/kernel/hostname) $(sed -n 's/^127.0.0.1.localhost //p' /etc/hosts); do echo "> $name"; done
	EOF
	run build --isolation emulate -t app
	ok
	equal "$(grep -c '> buildkitsandbox$' <<<"$output")" 4
	run build --isolation emulate -t app --build-arg BUILDKIT_SANDBOX_HOSTNAME=worker7
	ok
	equal "$(grep -c '> worker7$' <<<"$output")" 4
}

@test "emulate: the terminals of others are not opened, read, written to or changed; twin: one that the step makes is" {
	need script
	gcc -O2 -static -D_GNU_SOURCE -o c/terminal "$CROZE_SOURCE/tests/data/emulate/terminal.c"
	dockerfile <<<$'FROM busybox:musl\nCOPY terminal /\nRUN /terminal'
	run script -qec "tty; croze build --progress=plain --isolation emulate -t app c; stat -c '> mode %a of %u' \$(tty)" /dev/null </dev/null
	ok
	says /dev/pts/ "> sees " "> a terminal" "> its text" "> its mode" "> its controlling one" "> what was written to that" "> gone" "of $(id -u)"
	says_not "> mode 666" "> opened" "> changed" "> touched" "> truncated" "> removed"
}

@test "emulate: what cannot be had is refused by name" {
	dockerfile <<-'EOF'
		FROM alpine:3.19
		RUN chroot / true
	EOF
	run confined
	fails 1
	says "the isolation 'emulate' does not serve chroot"
	run confined --snapshots overlay
	fails 2
	says "the isolation 'emulate' has no mounts"
}

# The program prints a line for each of some 1,500 calls, and what is left of the files.
@test "emulate: system calls on paths, processes, signals, ids and sockets answer as in the tier userns" {
	gcc -static -O1 -w -o c/conform "$CROZE_SOURCE/tests/data/emulate/conform.c" -lpthread
	dockerfile <<-'EOF'
		FROM alpine:3.19
		COPY conform /bin/conform
		RUN cp /bin/conform /tmp/suid && conform >/out && rm -r /tmp/*
	EOF
	same
	[ "$(tree app "$W/emulate" | grep -c "^/out ")" = 1 ]
}

# The program prints a line for each of some 13,000 calls.
@test "emulate: what is not for a user is refused by every call on files, sockets and processes as in the tier userns" {
	gcc -static -O1 -w -o c/rights "$CROZE_SOURCE/tests/data/ids/rights.c"
	dockerfile <<-'EOF'
		FROM alpine:3.19
		COPY rights /bin/rights
		RUN mkdir /srv/w && cd /srv/w && rights plain >/out 2>/dev/null && rmdir /srv/w
	EOF
	same
	[ "$(tree app "$W/emulate" | grep -c "^/out ")" = 1 ]
}

@test "emulate: 1,000 tries to lead a path outside by exchanging folders and links under it: none does" {
	mkdir "$W/secret"
	echo canary >"$W/secret/f"
	chmod 0755 "$W" "$W/secret"
	gcc -static -O1 -w -o c/race "$CROZE_SOURCE/tests/data/emulate/race.c" -lpthread
	dockerfile <<-EOF
		FROM alpine:3.19
		COPY race /bin/race
		RUN race "$W/secret/f" 1000
	EOF
	run confined
	ok
	says '1000 rounds, 0 escapes'
}

@test "emulate: processes, pipes, signals and stops, a thousand over: nothing hangs, nothing is left" {
	dockerfile <<-'EOF'
		FROM alpine:3.19
		RUN for i in $(seq 1 150); do true & /bin/true | /bin/cat; \
		    sh -c 'sleep 9 & kill -STOP $!; kill -CONT $!; kill $!; wait $! 2>/dev/null; exit 0' || exit 1; done; wait; \
		    test "$(ps -o comm | grep -c '^sleep')" = 0
	EOF
	run confined
	ok
}

# soak STEPS: builds with that many steps of tests/data/emulate/soak.c, at most 200 each; each step ends by itself, and nothing is left of it.
soak()
{
	local left=$1 n
	gcc -static -O1 -w -o c/soak "$CROZE_SOURCE/tests/data/emulate/soak.c" -lpthread
	while [ "$left" -gt 0 ]; do
		n=$((left > 200 ? 200 : left))
		left=$((left - n))
		{
			printf 'FROM scratch\nCOPY soak /soak\n'
			for ((i = 0; i < n; i++)); do
				printf 'RUN ["/soak", "1", "%d"]\n' "$i"
			done
		} | dockerfile
		LIMIT=600 run confined --no-cache
		ok
		equal "$(grep -c '> 1 rounds' <<<"$output")" "$n"
		no_process "soak 1 [0-9]*"
	done
}

@test "emulate: 40 steps with threads, vfork, signals and job control: each ends, and nothing is left" {
	soak 40
}

@test "emulate: 2,000 steps with threads, vfork, signals and job control: each ends, and nothing is left (long)" {
	[ -n "${CROZE_TEST_LONG-}" ] || skip "CROZE_TEST_LONG is not set"
	soak 2000
}
