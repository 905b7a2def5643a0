# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154
#
# heredoc - RUN with heredocs (DOCKERFILE.md 9): scripts, executable files, and what the shell redirects.

load ../lib/common

setup_file()
{
	croze_suite
}

teardown_file()
{
	croze_suite_end
}

# content PATH: a file of the image "app", as base64 in the listing has no place: run and print.
content()
{
	croze build --progress=quiet -o "type=local,dest=$W/out" c >/dev/null && cat "$W/out/$1"
}

@test "9.5 heredoc: nothing but a heredoc is a script of the current shell" {
	dockerfile <<-'EOF'
		FROM busybox:musl
		RUN <<X
		greeting="i am"
		echo "$greeting $(id -un)" >/who
		X
		SHELL ["/bin/awk"]
		RUN <<X
		BEGIN { print "from awk" >"/awk" }
		X
	EOF
	run build -t app
	ok
	says 'RUN <<X (greeting="i am"...)'
	equal "$(content who)" "i am root"
	equal "$(content awk)" "from awk"
	run croze history --no-trunc --format '{{.CreatedBy}}' app
	says 'RUN /bin/sh -c greeting="i am"\necho "$greeting $(id -un)" >/who\n # buildkit'
}

@test "9.5 heredoc: a body with #! is an executable file that leaves no trace" {
	dockerfile <<-'EOF'
		FROM busybox:musl
		RUN <<X
		#!/bin/awk -f
		BEGIN { print "hello" >"/hello" }
		X
		RUN <<X
		#!/bin/sh
		echo "$0" >/name; stat -c %a "$0" >>/name; touch "$0" 2>/dev/null && echo writable >>/name
		true
		X
		RUN ls /dev/pipes 2>/dev/null && exit 1; true
	EOF
	run build -t app
	ok
	equal "$(content hello)" hello
	equal "$(content name)" "$(printf '/dev/pipes/X\n755')"
	run tree app
	says_not pipes
}

@test "9.5 heredoc: a missing interpreter of #! is said to be missing" {
	dockerfile <<-'EOF'
		FROM busybox:musl
		RUN <<X
		#!/usr/bin/python9
		X
	EOF
	run build -t app
	fails 1
	says "Dockerfile:2" "127"
}

@test "9.2 9.3 9.6 heredoc: with a command the shell redirects: several, numbers, tabs, quotes" {
	dockerfile <<-'EOF'
		FROM busybox:musl
		WORKDIR /d
		ARG name=world
		RUN cat <<A | tr a-z A-Z >one; \
		    cat <<'B' >two
		hello $name
		A
		hello $name
		B
		RUN <<X 3<<Y cat - /proc/self/fd/3 >three
		first
		X
		second
		Y
		RUN <<-X cat >four
			tab $((1<<2))
			X
	EOF
	run build -t app
	ok
	equal "$(content d/one)" "HELLO WORLD"
	# shellcheck disable=SC2016
	equal "$(content d/two)" 'hello $name'
	equal "$(content d/three)" "$(printf 'first\nsecond')"
	equal "$(content d/four)" "tab 4"
}

@test "9.1 heredoc: of ONBUILD, in this file and from a base image" {
	dockerfile <<-'EOF'
		FROM busybox:musl
		ONBUILD RUN <<-X
			echo "on build" >/onbuild
		X
		ONBUILD RUN <<X
		#!/bin/sh
		echo "script" >>/onbuild
		X
	EOF
	run build -t base:1
	ok
	printf 'FROM base:1\nRUN echo last >>/onbuild\n' >c/Dockerfile
	run build -t app
	ok
	equal "$(content onbuild)" "$(printf 'on build\nscript\nlast')"
}

@test "9.5 heredoc: the body is part of the cache key, and a failure shows its lines" {
	printf 'FROM busybox:musl\nRUN <<X\n#!/bin/sh\necho 1 >/a\nX\n' >c/Dockerfile
	run build -t app
	ok
	run build -t app
	says "2 cached, 0 run"
	sed -i 's/echo 1/echo 2/' c/Dockerfile
	run build -t app
	ok
	equal "$(content a)" 2
	printf 'FROM busybox:musl\nRUN <<X\necho on its way\nfalse_command\nX\nRUN true\n' >c/Dockerfile
	run build -t app
	fails 1
	says "Dockerfile:2" "false_command" "127"
}

@test "9.4 heredoc: that is not ended names its line and word" {
	printf 'FROM busybox:musl\nRUN true\nRUN cat <<END\ntext\n' >c/Dockerfile
	run build -t app
	fails 2
	says "Dockerfile:3:9: error: the heredoc 'END' is not ended by a line 'END'"
}
