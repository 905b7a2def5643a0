#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# refused - a step that fails is told which system calls its seccomp profile has refused, and what refuses is as strict as what tells nothing.

load ../lib/common

setup_file()
{
	croze_suite
	command -v gcc >/dev/null || return 0
	cat >"$SUITE/calls.c" <<-'X'
		#include <errno.h>
		#include <stdio.h>
		#include <string.h>
		#include <sys/socket.h>
		#include <sys/syscall.h>
		#include <unistd.h>

		/* calls WORD...: makes each call and prints what it fails with; the status is 3 */
		int
		main(int argc, char **argv)
		{
			for (int i = 1; i < argc; i++) {
				long n = -1;

				errno = 0;
				if (strcmp(argv[i], "keyctl") == 0)
					n = syscall(SYS_keyctl, 0, -3, 0);
				else if (strcmp(argv[i], "mount") == 0)
					n = syscall(SYS_mount, "none", "/tmp", "tmpfs", 0, NULL);
				else if (strcmp(argv[i], "unshare") == 0)
					n = syscall(SYS_unshare, 0x10000000);
				else if (strcmp(argv[i], "crypto") == 0)
					n = syscall(SYS_socket, 38 | 1UL << 40, SOCK_SEQPACKET, 0);
				else if (strcmp(argv[i], "clone3") == 0)
					n = syscall(SYS_clone3, NULL, 0);
				else if (strcmp(argv[i], "unknown") == 0)
					n = syscall(999);
				printf("> %s: %s\n", argv[i], n < 0 ? strerror(errno) : "done");
			}
			return 3;
		}
	X
	gcc -O1 -static -o "$SUITE/calls" "$SUITE/calls.c"
}

teardown_file()
{
	croze_suite_end
}

# program: the calls for the Dockerfile of the folder c.
program()
{
	need gcc
	cp "$SUITE/calls" c/calls
}

# answers N: each call failed with its own errno, N times.
answers()
{
	equal "$(grep -c '> keyctl: Function not implemented' <<<"$output")" "$1"
	equal "$(grep -c '> mount: Operation not permitted' <<<"$output")" "$1"
	equal "$(grep -c '> unshare: Operation not permitted' <<<"$output")" "$1"
	equal "$(grep -c '> crypto: Address family not supported by protocol' <<<"$output")" "$1"
	equal "$(grep -c '> clone3: Function not implemented' <<<"$output")" "$1"
	equal "$(grep -c '> unknown: Function not implemented' <<<"$output")" "$1"
	says_not ': done'
}

all='keyctl mount unshare crypto clone3 unknown'
told='the seccomp profile refused the step keyctl, mount, unshare, socket with 0x26 as argument 1;'

@test "the error of a step names the calls that were refused, in each tier and network" {
	local tier network
	program
	for tier in userns userns-single; do
		[ -e "$W/$tier" ] || cp -a "$SUITE/template" "$W/$tier"
		for network in default none host; do
			printf 'FROM busybox:musl\nCOPY calls /calls\nRUN /calls %s keyctl\n' "$all" >c/Dockerfile
			CROZE_ROOT=$W/$tier run build --isolation "$tier" --network "$network" -t app
			[ "$status" -ne 0 ]
			says "exit status 3" "$told" "--allow security.insecure"
			says "> mount: Operation not permitted" "> unshare: Operation not permitted" "> keyctl: Function not implemented" \
			    "> crypto: Address family not supported by protocol"
			says_not ": done"
		done
	done
}

@test "the twin: a step that goes on is told nothing, nor is one that fails by itself; the image is the same with every network" {
	local tier network digest=
	program
	for tier in userns userns-single; do
		cp -a "$SUITE/template" "$W/$tier"
		for network in default none host; do
			printf 'FROM busybox:musl\nCOPY calls /calls\nRUN /calls %s >/said; cat /said; true\n' "$all" >c/Dockerfile
			CROZE_ROOT=$W/$tier run build --isolation "$tier" --network "$network" --timestamp 0 --no-cache -t app
			ok
			answers 1
			says_not "seccomp profile"
			[ -z "$digest" ] || equal "$(manifest_digest app "$W/$tier")" "$digest"
			digest=$(manifest_digest app "$W/$tier")
		done
		printf 'FROM busybox:musl\nCOPY calls /calls\nRUN /calls clone3 unknown\n' >c/Dockerfile
		CROZE_ROOT=$W/$tier run build --isolation "$tier" -t app
		[ "$status" -ne 0 ]
		says "exit status 3"
		says_not "seccomp profile"
	done
}

@test "without the profile nothing is refused, and nothing told" {
	program
	dockerfile <<-'EOF'
		# syntax=docker/dockerfile:1
		FROM busybox:musl
		COPY calls /calls
		RUN --security=insecure /calls mount unshare
	EOF
	run build --allow security.insecure -t app
	[ "$status" -ne 0 ]
	says "> mount: done" "> unshare: done" "exit status 3"
	says_not "seccomp profile"
}

@test "each step is told of its own calls, also while another one makes others" {
	program
	dockerfile <<-'EOF'
		FROM busybox:musl AS other
		COPY calls /calls
		RUN for i in $(seq 60); do /calls mount unshare >/dev/null; sleep 0.1; done; touch /x
		FROM busybox:musl AS before
		COPY calls /calls
		RUN /calls crypto; touch /y
		RUN sleep 1; /calls keyctl
		FROM scratch
		COPY --from=other /x /
		COPY --from=before /y /
	EOF
	run build --jobs 2 -t app
	[ "$status" -ne 0 ]
	says "the seccomp profile refused the step keyctl;"
}

# answerer: the process of the build that answers, by its root directory.
answerer()
{
	local pid
	for pid in $(pgrep -u "$(id -u)" -f "build .*-t mark-$$ "); do
		[ "$(readlink "/proc/$pid/root")" != /proc ] || echo "$pid"
	done
}

@test "who answers is killed while a step runs: its calls are refused all the same" {
	local tier pid
	program
	printf 'FROM busybox:musl\nCOPY calls /calls\nRUN /calls unshare; sleep 3; /calls %s\n' "$all" >c/Dockerfile
	for tier in userns userns-single; do
		[ -e "$W/$tier" ] || cp -a "$SUITE/template" "$W/$tier"
		CROZE_ROOT=$W/$tier timeout 60 croze build --progress=plain --isolation "$tier" --network none -t "mark-$$" c >"$W/$tier.log" 2>&1 &
		wait_for grep -q '> unshare: Operation not permitted' "$W/$tier.log"
		pid=$(answerer)
		[ -n "$pid" ] || { cat "$W/$tier.log"; return 1; }
		kill -KILL "$pid"
		wait $! || :
		output=$(<"$W/$tier.log")
		says "> keyctl: Function not implemented" "> mount: " "> crypto: "
		says_not ': done'
	done
}
