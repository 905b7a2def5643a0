#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# errors - what a user is told when something is wrong, and that nothing is left of it.
#
# Exit codes: CLI.md 2.4. Each message names the place, what is wrong, and where there is one the way out.

load ../lib/common

setup_file()
{
	croze_suite
}

teardown_file()
{
	croze_suite_end
}

# refuses TEXT...: the Dockerfile of standard input is refused before anything runs.
refuses()
{
	cat >c/Dockerfile
	run build -t app
	fails 2 || return 1
	says "$@" || return 1
	says_not "| done" || return 1
	nothing_left
}

@test "several mistakes are reported together, with line and column" {
	refuses Dockerfile:2: Dockerfile:3: Dockerfile:5: "WORKDIR" "nothing was run" <<-'EOF'
		FROM busybox:musl AS base
		WORKDR /x
		COPY --frm=base /a /b
		FROM busybox:musl
		COPY --from=bsae /a /b
	EOF
}

@test "an unknown instruction and what was meant" {
	refuses "Dockerfile:2:1" ENTRYPOINT <<-'EOF'
		FROM busybox:musl
		ENTRYPONT ["x"]
	EOF
}

@test "a stage that does not exist, and those that do" {
	refuses "Dockerfile:3" bulder builder "no registry was asked" <<-'EOF'
		FROM busybox:musl AS builder
		FROM scratch
		COPY --from=bulder /a /a
	EOF
}

@test "a stage that comes later" {
	refuses "Dockerfile:2" later <<-'EOF'
		FROM busybox:musl
		COPY --from=later /a /a
		FROM busybox:musl AS later
	EOF
}

@test "no FROM, an empty file, no file" {
	refuses FROM <<<"RUN true"
	refuses Dockerfile </dev/null
	rm c/Dockerfile
	run build -t app
	fails 2
	says "Dockerfile"
	run build -f nowhere/Dockerfile -t app
	fails 2
	says "nowhere/Dockerfile"
}

@test "JSON with a number, an unknown flag, a repeated flag, a missing argument" {
	refuses "Dockerfile:2" <<<$'FROM busybox:musl\nRUN ["echo", 1]'
	refuses "Dockerfile:2" --chown <<<$'FROM busybox:musl\nCOPY --chwon=1 a /a'
	refuses "Dockerfile:2" --chown <<<$'FROM busybox:musl\nCOPY --chown=1 --chown=2 a /a'
	refuses "Dockerfile:2" COPY <<<$'FROM busybox:musl\nCOPY a'
}

@test "wrong values: port, signal, duration, mode, label" {
	refuses "Dockerfile:2" <<<$'FROM busybox:musl\nEXPOSE 99999'
	refuses "Dockerfile:2" <<<$'FROM busybox:musl\nSTOPSIGNAL SIGNOPE'
	refuses "Dockerfile:2" <<<$'FROM busybox:musl\nHEALTHCHECK --interval=soon CMD x'
	refuses "Dockerfile:2" <<<$'FROM busybox:musl\nCOPY --chmod=999 a /a'
	refuses "Dockerfile:2" <<<$'FROM busybox:musl\nENV a=b c'
	refuses "Dockerfile:2" <<<$'FROM busybox:musl\nSHELL echo'
}

@test "an image that is not there, and how to provide it" {
	printf 'FROM no/such:image\nRUN true\n' >c/Dockerfile
	run build -t app
	[ "$status" -eq 2 ] || [ "$status" -eq 4 ]
	says "Dockerfile:1" "no/such" "--build-context"
}

@test "a target that does not exist, and what was meant" {
	printf 'FROM busybox:musl AS builder\n' >c/Dockerfile
	run build --target bilder -t app
	fails 2
	says bilder builder
}

@test "a source that is missing, with what is near" {
	printf 'FROM busybox:musl\nCOPY sorce /x\n' >c/Dockerfile
	echo x >c/source
	run build -t app
	[ "$status" -eq 1 ] || [ "$status" -eq 2 ]
	says "Dockerfile:2" sorce source
}

@test "a source that is missing because it is ignored" {
	printf 'FROM busybox:musl\nCOPY secret /x\n' >c/Dockerfile
	printf 'secret\n' >c/.dockerignore
	echo x >c/secret
	run build -t app
	[ "$status" -eq 1 ] || [ "$status" -eq 2 ]
	says "Dockerfile:2" secret .dockerignore
}

@test "a path that a stage does not have, with what is near" {
	printf 'FROM busybox:musl AS b\nRUN mkdir /app && touch /app/server\nFROM scratch\nCOPY --from=b /app/sever /x\n' >c/Dockerfile
	run build -t app
	[ "$status" -eq 1 ] || [ "$status" -eq 2 ]
	says "Dockerfile:4" /app/sever server
}

@test "several sources and a destination without a slash" {
	printf 'FROM busybox:musl\nCOPY a b /x\n' >c/Dockerfile
	touch c/a c/b
	run build -t app
	[ "$status" -eq 1 ] || [ "$status" -eq 2 ]
	says "Dockerfile:2" "/x"
}

@test "an account that does not exist, and the file that was searched" {
	touch c/a
	printf 'FROM busybox:musl\nCOPY --chown=nosuch a /a\n' >c/Dockerfile
	run build -t app
	[ "$status" -eq 1 ] || [ "$status" -eq 2 ]
	says "Dockerfile:2" nosuch /etc/passwd
	printf 'FROM busybox:musl\nUSER nosuch\nRUN id\n' >c/Dockerfile
	run build -t app
	[ "$status" -eq 1 ] || [ "$status" -eq 2 ]
	says nosuch /etc/passwd
	nothing_left
}

@test "a step that fails: status, place, lines around it, its output whole, what to do" {
	dockerfile <<-'EOF'
		FROM busybox:musl AS builder
		RUN echo before
		RUN echo "the reason" && exit 7
		RUN echo never
	EOF
	run build -t app
	fails 1
	says "Dockerfile:3" "builder" "exit status 7" "the reason" "RUN echo before" "RUN echo never" "try:"
	run croze inspect app
	[ "$status" -ne 0 ]
	nothing_left
}

@test "a step that is killed, that does not exist, that cannot be run" {
	printf 'FROM busybox:musl\nRUN sh -c "kill -9 \$\$"; exit $?\n' >c/Dockerfile
	run build -t app
	fails 1
	says "Dockerfile:2" 137
	printf 'FROM busybox:musl\nRUN ["/no/such"]\n' >c/Dockerfile
	run build -t app
	fails 1
	says "Dockerfile:2" /no/such
	printf 'FROM busybox:musl\nRUN touch /x\nRUN ["/x"]\n' >c/Dockerfile
	run build -t app
	fails 1
	says "Dockerfile:3" /x
}

@test "a step in a stage without a shell says so" {
	printf 'FROM scratch\nRUN true\n' >c/Dockerfile
	run build -t app
	fails 1
	says "Dockerfile:2" "/bin/sh"
}

@test "a failure stops the other stages and leaves no process" {
	dockerfile <<-'EOF'
		FROM busybox:musl AS slow
		RUN sleep 1000
		FROM busybox:musl AS bad
		RUN sleep 1; false
		FROM scratch
		COPY --from=slow / /
		COPY --from=bad / /
	EOF
	run build --jobs 2 -t app
	fails 1
	says "Dockerfile:4"
	nothing_left
}

@test "a step that wants what it may not reach fails with the reason repeated" {
	printf 'FROM busybox:musl\nRUN wget -T 2 -q http://169.254.169.254/x\n' >c/Dockerfile
	run build -t app
	fails 1
	says "Dockerfile:2" "network: refused 169.254.169.254:80" "hint: the step was not allowed to reach 169.254.169.254:80"
}

@test "a step that wants the network fails with the reason repeated" {
	printf 'FROM busybox:musl\nRUN wget -T 2 -q http://192.0.2.1/x\n' >c/Dockerfile
	run build -t app --network=none
	fails 1
	says "Dockerfile:2" "--network=none, of the command line or of the RUN"
}

@test "flags: unknown, misspelt, without value, of other builders" {
	printf 'FROM scratch\nLABEL a=b\n' >c/Dockerfile
	run build --tga x
	fails 2
	says --tga --tag
	run build --target
	fails 2
	run build --platform plan9/mips -t app
	fails 2
	says plan9
	run build --secret id=x -t app
	fails 2
	says --secret
	run build -t "BAD NAME"
	fails 2
	run croze bulid .
	fails 2
	says build
}

@test "a context that is no folder" {
	run timeout 20 croze build -t app nowhere
	fails 2
	says nowhere
	touch file
	run timeout 20 croze build -t app file
	fails 2
	says file
	run timeout 20 croze build
	fails 2
}

@test "a store that cannot be written, or belongs to others" {
	printf 'FROM scratch\nLABEL a=b\n' >c/Dockerfile
	CROZE_ROOT=/proc/croze run build -t app
	[ "$status" -ne 0 ]
	says /proc/croze
	mkdir -m 0777 open
	chmod 0777 open
	CROZE_ROOT=$W/open run build -t app
	[ "$status" -eq 0 ] || says "$W/open"
}

@test "no room on the disk: the reason, and nothing left" {
	ns true || skip "no user namespace"
	printf 'FROM busybox:musl\nRUN dd if=/dev/zero of=/big bs=1M count=200\n' >c/Dockerfile
	cat >small <<-'EOF'
		mount -t tmpfs -o size=24m tmpfs "$W/mnt" && cp -a "$SUITE/bases" "$W/mnt/bases" || exit 77
		export CROZE_ROOT=$W/mnt/store
		croze import "$W/mnt/bases" >&2 || exit 77
		croze build --progress=plain -t app c
	EOF
	mkdir mnt
	run timeout 60 unshare --user --map-root-user --map-auto --mount sh small
	[ "$status" -ne 77 ] || skip "no file system of its own to fill"
	[ "$status" -ne 0 ]
	says "space"
}

@test "interrupted: the status of the signal, no process, the store as before" {
	printf 'FROM busybox:musl\nRUN sleep 60\n' >c/Dockerfile
	local signal pid want
	for signal in INT TERM; do
		want=143
		[ "$signal" = TERM ] || want=130
		env --default-signal=INT croze build --progress=plain -t app c >log 2>&1 &
		pid=$!
		wait_for grep -q sleep log
		kill -"$signal" $pid
		wait $pid && status=0 || status=$?
		output=$(cat log)
		fails "$want"
		nothing_left
	done
}

@test "text of strangers is shown without its control characters" {
	printf 'FROM busybox:musl\nRUN echo \033]0;title\007 && false\nCOPY \xe2\x80\xaex /x\n' >c/Dockerfile
	run build -t app
	[ "$status" -ne 0 ]
	says_not $'\033]0;' $'\007' $'\xe2\x80\xae'
}

# steps_kept COUNT: the store has the records of so many steps.
steps_kept()
{
	[ "$(find "$CROZE_ROOT/steps" -type f | wc -l)" -ge "$1" ]
}

@test "what a step printed is shown as its own, however late it is read" {
	local pid
	printf 'FROM busybox:musl\nRUN echo of-two; sleep 1\nRUN echo of-three\nRUN echo of-four\n' >c/Dockerfile
	croze build --progress=plain -t app c >log 2>&1 &
	pid=$!
	wait_for grep -q 'of-two$' log
	kill -STOP $pid
	wait_for steps_kept 3 || { kill -KILL $pid; false; }
	kill -CONT $pid
	wait $pid && status=0 || status=$?
	output=$(cat log)
	ok
	equal "$(grep -v RUN log | grep -oE '[0-9]/4 .* of-(two|three|four)$' | sed 's/ .* / /')" "2/4 of-two
3/4 of-three
4/4 of-four"
}
