#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# cache - what changed runs again with what follows it, and nothing else (DOCKERFILE.md, chapter 16).
#
# Steps write a random number: the same number in two images means that the step was not run again.

load ../lib/common

setup_file()
{
	croze_suite
}

teardown_file()
{
	croze_suite_end
}

# Three layers, each with a number of its own; the second depends on the context.
three_steps()
{
	dockerfile <<-'EOF'
		FROM busybox:musl
		ARG WHO=nobody
		RUN cat /proc/sys/kernel/random/uuid >/one
		COPY src /src
		RUN cat /proc/sys/kernel/random/uuid >/two
		ENV LAST=1
		RUN cat /proc/sys/kernel/random/uuid >/three
	EOF
	mkdir -p c/src
	echo a >c/src/a
	echo b >c/src/b
	run build -t first
	ok
}

# same FILE: the step that wrote it was taken from the cache; fresh FILE: it was run again.
same()
{
	local f
	for f in "$@"; do
		equal "$(entry second "$f")" "$(entry first "$f")" || return 1
	done
}

fresh()
{
	local f
	for f in "$@"; do
		if [ "$(entry second "$f")" = "$(entry first "$f")" ]; then
			echo "$f was not made again:"
			printf '%s\n' "$output"
			return 1
		fi
	done
}

again()
{
	run build -t second "$@"
	ok
}

@test "nothing changed: nothing runs, the image is the same" {
	three_steps
	again
	same /one /two /three
	equal "$(manifest_digest second)" "$(manifest_digest first)"
	says cached
	says_not "| done"
}

@test "a fully cached build starts no process" {
	need strace
	three_steps
	run strace -f -qq -e trace=execve,clone,clone3,fork,vfork,unshare -o trace croze build -q -t second c
	ok
	equal "$(grep -c execve trace)" 1
	lacks unshare trace
	lacks CLONE_NEW trace
}

@test "a changed file of the context: its COPY and what follows" {
	three_steps
	echo other >c/src/a
	again
	same /one
	fresh /two /three
	says "cached no:"
}

@test "a step that is not cached says why" {
	three_steps
	says_not "cached no:" # the first time there is nothing to compare with
	echo other >c/src/a
	again
	says "cached no: an input changed: 'src/a' of the build context"
	says "cached no: a step before it changed"
	echo new >c/src/new
	rm c/src/b
	again
	says "cached no: an input changed: 2 files of the build context, 'src/new' is the first"
	again --build-arg WHO=me
	says "cached no: the variable WHO changed"
	sed -i '/three/s/cat/cat -u/' c/Dockerfile
	again --build-arg WHO=me
	says "cached no: the instruction changed"
	again --build-arg WHO=me --network=none
	says "cached no: the network of the RUN changed"
	echo 'RUN true' >>c/Dockerfile
	again --build-arg WHO=me --network=none
	says "cached no: never built here"
	again --no-cache
	says_not "cached no:"
}

@test "what was remembered of a build is dropped after a month" {
	three_steps
	equal "$(find "$CROZE_ROOT/context" -name 'last-*' | wc -l)" 1
	find "$CROZE_ROOT/context" -name 'last-*' -exec touch -d '31 days ago' {} +
	run build -t second --target 0
	equal "$(find "$CROZE_ROOT/context" -name 'last-*' | wc -l)" 1
}

@test "a file of the same size and time is seen to be another" {
	three_steps
	touch -r c/src/a stamp
	printf 'c\n' >c/src/a
	touch -r stamp c/src/a
	again
	same /one
	fresh /two /three
	equal "$(entry second /src/a | cut -d' ' -f5)" "$(printf 'c\n' | sha256sum | cut -d' ' -f1)"
}

@test "touching files and folders: nothing" {
	three_steps
	touch -d 2001-01-01 c/src/a c/src c
	again
	same /one /two /three
	equal "$(manifest_digest second)" "$(manifest_digest first)"
}

@test "a changed mode: its COPY and what follows" {
	three_steps
	chmod 0600 c/src/a
	again
	same /one
	fresh /two
}

@test "a new, a removed, a renamed file" {
	three_steps
	echo n >c/src/new
	again
	same /one
	fresh /two
	rm c/src/new
	again
	same /one /two /three
	mv c/src/a c/src/z
	again
	same /one
	fresh /two
}

@test "a file outside of what is copied: nothing" {
	three_steps
	echo x >c/other
	again
	same /one /two /three
}

@test "an ignored file: nothing" {
	printf '**/*.log\n' >c/.dockerignore
	three_steps
	echo x >c/src/debug.log
	again
	same /one /two /three
}

@test "a copy of the folder elsewhere, of another age: nothing" {
	three_steps
	cp -r c d
	run timeout 60 croze build -t second d
	ok
	same /one /two /three
}

@test "a build argument: the RUN steps after its ARG" {
	three_steps
	again --build-arg WHO=somebody
	fresh /one /two /three
	again
	same /one /two /three
}

@test "a build argument that nothing declares: a warning, no step" {
	three_steps
	again --build-arg UNKNOWN=1
	says UNKNOWN
	same /one /two /three
}

@test "proxy variables: nothing, and nowhere in the image" {
	three_steps
	again --build-arg HTTP_PROXY=http://user:pass-7731@proxy.invalid
	same /one /two /three
	no_leak pass-7731 "$CROZE_ROOT/blobs" "$CROZE_ROOT/steps"
}

@test "an instruction changed, inserted, removed: it and what follows" {
	three_steps
	sed -i 's/^ENV LAST=1/ENV LAST=2/' c/Dockerfile
	again
	same /one /two
	fresh /three
	sed -i 's/^ENV LAST=2/ENV LAST=1\nLABEL x=y/' c/Dockerfile
	again
	same /one /two
}

@test "comments, blank lines, line ends and letter case: nothing" {
	three_steps
	sed -i -e '1i # a comment' -e 's/^COPY/\n# another\ncopy/' -e 's/^FROM/from/' -e 's/$/\r/' c/Dockerfile
	again
	same /one /two /three
}

@test "--no-cache: everything, and a later build uses what it made" {
	three_steps
	again --no-cache
	fresh /one /two /three
	run build -t first
	ok
	same /one /two /three
}

@test "another base image: everything" {
	three_steps
	sed -i 's/busybox:musl/docker.io\/library\/alpine:3.19/' c/Dockerfile
	if [ "$(manifest_digest busybox:musl)" = "$(manifest_digest alpine:3.19)" ]; then
		skip "both names are the same image here"
	fi
	again
	fresh /one /two /three
}

@test "a changed stage: what copies from it, not its neighbours" {
	dockerfile <<-'EOF'
		FROM busybox:musl AS a
		COPY one /one
		RUN cat /proc/sys/kernel/random/uuid >/a
		FROM busybox:musl AS b
		COPY two /two
		RUN cat /proc/sys/kernel/random/uuid >/b
		FROM busybox:musl
		RUN cat /proc/sys/kernel/random/uuid >/own
		COPY --from=a /a /a
		COPY --from=b /b /b
		RUN cat /proc/sys/kernel/random/uuid >/last
	EOF
	echo 1 >c/one
	echo 2 >c/two
	run build -t first
	ok
	echo 3 >c/two
	again
	same /own /a
	fresh /b /last
}

@test "a stage that gives the same files as before: what follows is cached" {
	dockerfile <<-'EOF'
		FROM busybox:musl AS a
		COPY src /src
		RUN echo constant >/result
		FROM busybox:musl
		COPY --from=a /result /result
		RUN cat /proc/sys/kernel/random/uuid >/last
	EOF
	echo 1 >c/src
	run build -t first
	ok
	echo 2 >c/src
	again
	same /last
}

# overlap IMAGE: each of the steps of /a and /b began before the other ended.
overlap()
{
	croze run --rm "$1" cat /a /b | tee "$W/times" |
	    awk '{ t[NR] = $1 } END { exit !(NR == 4 && t[1] < t[4] && t[3] < t[2]) }'
}

@test "independent stages run at the same time" {
	dockerfile <<-'EOF'
		FROM busybox:musl AS a
		RUN cat /proc/uptime >/a; sleep 3; cat /proc/uptime >>/a
		FROM busybox:musl AS b
		RUN cat /proc/uptime >/b; sleep 3; cat /proc/uptime >>/b
		FROM busybox:musl
		COPY --from=a /a /a
		COPY --from=b /b /b
	EOF
	run build --jobs 2 -t app
	ok
	overlap app
	run build --no-cache --jobs 1 -t app
	ok
	run overlap app
	fails 1
}

@test "a failed step: what ran before it is cached" {
	dockerfile <<-'EOF'
		FROM busybox:musl
		RUN cat /proc/sys/kernel/random/uuid >/one
		RUN test -e /flag
	EOF
	run build -t first
	fails 1
	sed -i 's/^RUN test.*/RUN true/' c/Dockerfile
	run build -t first
	ok
	says "1/"
	sed -i 's/^RUN true/RUN : /' c/Dockerfile
	again
	same /one
}

@test "two builds of one folder at the same time give two right images" {
	three_steps
	build --no-cache -t second >log2 2>&1 &
	local other=$!
	run build --no-cache -t first
	ok
	wait $other
	image_ok first
	image_ok second
	fresh /one /two /three
}
