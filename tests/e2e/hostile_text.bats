#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# hostile_text - Dockerfiles that strangers wrote: rows P4 to P9 of the catalogue of attacks, each with a twin that works.

load ../lib/common

setup_file()
{
	croze_suite
}

teardown_file()
{
	croze_suite_end
}

# bounded SECONDS KIB COMMAND...: the command ends within both; its output and status are left to "run".
bounded()
{
	local seconds=$1 kib=$2
	shift 2
	run "$PYTHON" "$LIB/measure.py" -o "$W/measured" "$@"
	"$PYTHON" - "$W/measured" "$seconds" "$kib" <<-'EOF'
		import json, sys
		m = json.load(open(sys.argv[1]))
		print(m)
		assert m["seconds"] < float(sys.argv[2]) and m["peak_process_kib"] < int(sys.argv[3])
	EOF
}

@test "P4 a Dockerfile of 10 MiB, one of 10,000 instructions, one of 1,000 stages: time and memory are bounded" {
	# 2 s and 100 MiB on a quiet machine; four times as long where others work too
	"$PYTHON" - c <<-'EOF'
		import sys
		d = sys.argv[1]
		line = "RUN " + "x" * 1000 + " \\\n" + ("  && " + "y" * 60000 + " \\\n") * 30 + "  && z\n"
		big = "FROM scratch\n" + line * (10 * 2**20 // len(line))
		open(d + "/big", "w").write(big + "LABEL end=1\n")
		open(d + "/many", "w").write("FROM scratch\n" + "".join("ENV V%d=$V%d\n" % (n % 50, n % 49) for n in range(9999)))
		open(d + "/stages", "w").write("FROM scratch AS s0\n" + "".join(
		    "FROM s%d AS s%d\nCOPY --from=s%d /a /b\nLABEL n=%d\n" % (n - 1, n, n // 2, n) for n in range(1, 1000)))
	EOF
	for f in big many stages; do
		bounded 8 102400 croze check -f c/$f --build-arg BUILDKIT_DOCKERFILE_CHECK=skip=all c
		ok
	done
}

@test "P4 a line of a megabyte, a million continuations, NUL and what is no UTF-8 are errors or text, never a crash" {
	{ printf 'FROM busybox:musl\nRUN '; head -c 1000000 /dev/zero | tr '\0' x; printf '\n'; } >c/Dockerfile
	bounded 8 102400 croze build c
	fails 2
	says "Dockerfile:2:1" "65535"
	{ printf 'FROM busybox:musl\nRUN true'; yes " \\" | head -n 1000000; printf '\n'; } >c/Dockerfile
	bounded 20 204800 croze check c
	[ "$status" -eq 0 ] || [ "$status" -eq 2 ]
	printf 'FROM busybox:musl\nENV A=a\0b\n' >c/Dockerfile
	run build -t app
	fails 2
	says "Dockerfile:2:8" "NUL"
	printf 'FROM busybox:musl\nENV A=\xff\xfe\n' >c/Dockerfile
	run build -t app
	[ "$status" -eq 0 ] || [ "$status" -eq 2 ]
}

@test "P4 a heredoc that does not end is an error with its line" {
	printf 'FROM busybox:musl\nRUN <<EOF\necho x\n' >c/Dockerfile
	run build -t app
	fails 2
	says "Dockerfile:2" "EOF"
}

@test "P4 twin: a mark at the start, line ends of Windows and text of other scripts are read" {
	printf '\xef\xbb\xbfFROM busybox:musl\r\nENV A=\xc3\xa4\xe2\x86\x92 \\\r\n  B=2\r\nRUN test "$A$B" = \xc3\xa4\xe2\x86\x922\r\n' >c/Dockerfile
	run build -t app
	ok
}

@test "P5 values that double sixty times are refused at 1 MiB, at once" {
	{
		printf 'FROM busybox:musl\nARG A0=0123456789\n'
		for n in $(seq 1 60); do
			printf 'ARG A%d=$A%d$A%d\n' "$n" $((n - 1)) $((n - 1))
		done
	} >c/Dockerfile
	bounded 8 204800 croze build c
	fails 2
	says "1 MiB"
}

@test "P5 twin: a value of 80 KiB, made by doubling, arrives in a RUN" {
	{
		printf 'FROM busybox:musl\nARG A0=0123456789\n'
		for n in $(seq 1 13); do
			printf 'ARG A%d=$A%d$A%d\n' "$n" $((n - 1)) $((n - 1))
		done
		printf 'RUN test ${#A13} -eq 81920\n'
	} >c/Dockerfile
	run build -t app
	ok
}

@test "P6 ignore patterns of 200 stars over a deep tree take no longer than reading it" {
	"$PYTHON" - c <<-'EOF'
		import os, sys
		os.chdir(sys.argv[1])
		for n in range(300):
		    os.mkdir("a")
		    os.chdir("a")
		open("x", "w").close()
	EOF
	{ for n in $(seq 1 200); do printf '**/'; done; printf 'b\n'; for n in $(seq 1 60); do printf 'a*'; done; printf 'b\n'; } >c/.dockerignore
	printf 'FROM scratch\nCOPY . /\n' >c/Dockerfile
	bounded 30 204800 croze build -t app c
	ok
	printf 'FROM scratch\nCOPY a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*b /\n' >c/Dockerfile
	bounded 30 204800 croze build -t app c
	ok
}

@test "P6 twin: many stars match what they should" {
	mkdir -p c/x/y/z
	touch c/x/y/z/leave c/x/y/z/keep
	printf '**/**/**/leave\n' >c/.dockerignore
	printf 'FROM scratch\nCOPY . /\n' >c/Dockerfile
	run build -t app
	ok
	equal "$(entry app /x/y/z/leave)" ""
	[ -n "$(entry app /x/y/z/keep)" ]
}

@test "P7 names of stages and tags are no paths" {
	local name
	for name in .. a/b ../x; do
		printf 'FROM busybox:musl AS %s\n' "$name" >c/Dockerfile
		run build -t app
		fails 2
		says "cannot name a stage"
	done
	for name in .. ../x /abs "$(printf 'x%.0s' $(seq 1 300))"; do
		printf 'FROM busybox:musl\n' >c/Dockerfile
		run build -t "$name"
		fails 2
	done
	equal "$(cd "$W" && echo *)" "c store"
}

@test "P7 twin: names with dots, dashes and digits name stages" {
	printf 'FROM busybox:musl AS a.b-c_1\nRUN touch /x\nFROM busybox:musl\nCOPY --from=a.b-c_1 /x /y\n' >c/Dockerfile
	run build -t app
	ok
}

@test "P8 bidirectional controls in a Dockerfile are shown escaped, in messages and in progress" {
	printf 'FROM busybox:musl\nRUN echo \xe2\x80\xae dlrow\nRNU \xe2\x80\xaex\n' >c/Dockerfile
	run build -t app
	fails 2
	says_not $'\xe2\x80\xae'
	printf 'FROM busybox:musl\nRUN true \xe2\x80\xaedlrow\nLABEL a="\xe2\x81\xa6x"\n' >c/Dockerfile
	run build -t app
	ok
	says_not $'\xe2\x80\xae' $'\xe2\x81\xa6'
	says 'u{202e}'
	printf 'FROM busybox:musl AS Caf\xc3\xa9\n' >c/Dockerfile
	run croze check c
	says_not $'\xe2\x80\xae'
}

@test "P8 twin: letters of right-to-left scripts are shown as they are" {
	printf 'FROM busybox:musl\nRUN echo \xd7\xa9\xd7\x9c\xd7\x95\xd7\x9d\n' >c/Dockerfile
	run build -t app
	ok
	says $'\xd7\xa9\xd7\x9c\xd7\x95\xd7\x9d'
}

@test "P9 escape sequences from file names, labels, stages and commands are shown escaped in our messages" {
	local esc=$'\e]0;evil\a'
	printf 'FROM busybox:musl\nCOPY "%s" /x\n' "$esc" >c/Dockerfile
	run build -t app
	[ "$status" -ne 0 ]
	says_not $'\e'
	printf 'FROM busybox:musl\n%s x\n' "$esc" >c/Dockerfile
	run build -t app
	fails 2
	says_not $'\e'
	says '\x1b'
	printf '# check=skip=%s\nFROM busybox:musl\nENV %s x\n' "$esc" "$esc" >c/Dockerfile
	run croze check c
	says_not $'\e'
	run croze outline c
	says_not $'\e'
	run croze dump c
	says_not $'\e'
	run croze check --format sarif c
	says_not $'\e'
}

@test "P9 twin: colours that a command prints are in its log, and the message around it is ours" {
	printf 'FROM busybox:musl\nRUN printf "\\033[1mbold\\033[0m\\n"; exit 3\n' >c/Dockerfile
	run build -t app
	fails 1
	says "exit status 3" bold
}
