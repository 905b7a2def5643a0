#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# copy_flags - COPY and ADD with --link, --parents, --exclude, --chmod, --chown and --unpack (DOCKERFILE.md 7, T24 to T34).

load ../lib/common

setup_file()
{
	croze_suite
}

teardown_file()
{
	croze_suite_end
}

# no_files: not one snapshot was made.
no_files()
{
	equal "$(find "$CROZE_ROOT/snapshots" -mindepth 1 -maxdepth 1 | wc -l)" 0
}

@test "7.2 7.3 7.4 7.5 7.6 --link --parents --exclude --chmod --chown go straight into layers, no file is made" {
	mkdir -p c/a/b
	echo f >c/a/b/f
	echo g >c/a/b/g.md
	echo x >c/x
	tar -C c -cf c/t.tar x
	dockerfile <<-'EOF'
		FROM busybox:musl
		COPY --link a /link/
		COPY --parents a/b/f /parents/
		COPY --exclude=**/*.md a /exclude/
		COPY --chmod=u=rwX,go= --chown=5:6 a /mode/
		ADD --unpack=false t.tar /
	EOF
	run build -t app
	ok
	image_ok app
	no_files
	equal "$(tree app | grep -cE '^/(link|parents|exclude|mode)/')" 11
	equal "$(entry app /parents/a/b/f | cut -d' ' -f1-3)" "f 0644 0:0"
	equal "$(entry app /exclude/b/g.md)" ""
	equal "$(entry app /mode/b | cut -d' ' -f1-3)" "d 0700 5:6"
	equal "$(entry app /mode/b/f | cut -d' ' -f1-3)" "f 0600 5:6"
	equal "$(entry app /t.tar | cut -d' ' -f1)" f
}

@test "7.2 7.3 7.4 7.5 7.6 the same flags make the same tree when a RUN reads the files" {
	mkdir -p c/a/b
	echo f >c/a/b/f
	echo g >c/a/b/g.md
	dockerfile <<-'EOF'
		FROM busybox:musl
		COPY --link a /link/
		COPY --parents a/./b/f /parents/
		COPY --exclude=**/*.md --chmod=u=rwX,go= --chown=5:6 a /exclude/
	EOF
	run build -t direct
	ok
	no_files
	echo 'RUN cat /link/b/f /parents/b/f /exclude/b/f && ! test -e /exclude/b/g.md' >>c/Dockerfile
	run build -t files
	ok
	tree direct | grep -E '^/(link|parents|exclude)' >direct.list
	tree files | grep -E '^/(link|parents|exclude)' >files.list
	diff -u direct.list files.list
	export CROZE_ROOT=$W/other
	cp -a "$SUITE/template" "$CROZE_ROOT"
	run build -t files
	ok
	tree files | grep -E '^/(link|parents|exclude)' >files.list
	diff -u direct.list files.list
}

@test "7.4 --link: links of the destination are not followed, and folders above are the layer's own" {
	echo x >c/x
	dockerfile <<-'EOF'
		FROM busybox:musl
		RUN mkdir /real && ln -s /real /linked && mkdir -m 0700 /closed
		COPY --link x /linked/
		COPY --link x /closed/
		COPY x /copied/
		RUN test -d /linked && ! test -L /linked && ! test -e /real/x && stat -c %a /closed | grep 755
	EOF
	run build -t app
	ok
	equal "$(entry app /linked | cut -d' ' -f1)" d
	equal "$(entry app /linked/x | cut -d' ' -f1)" f
	equal "$(entry app /closed | cut -d' ' -f2)" 0755
}

@test "7.4 --link: the layer is found in the cache whatever changed below it" {
	echo x >c/x
	printf 'FROM busybox:musl\nRUN echo 1 >/one\nCOPY --link x /d/\nRUN cat /d/x /one\n' >c/Dockerfile
	run build -t app
	ok
	sed -i 's/echo 1/echo 2/' c/Dockerfile
	run build -t app
	ok
	says "cached  COPY --link x /d/" "2 cached, 2 run"
	says_not "cached  RUN"
	sed -i 's/busybox:musl/alpine:3.19/' c/Dockerfile
	run build -t app
	ok
	says "cached  COPY --link x /d/" "| RUN cat /d/x /one"
	image_ok app
}

@test "7.4 --link: what changed below is not lost for the steps behind it" {
	echo x >c/x
	printf 'FROM busybox:musl\nRUN echo 1 >/one\nCOPY --link x /d/\nRUN cat /one >/seen\n' >c/Dockerfile
	run build -t one
	ok
	sed -i 's/echo 1/echo two/' c/Dockerfile
	run build -t two
	ok
	equal "$(entry two /seen | cut -d' ' -f4)" 4
}

@test "7.2 7.4 --link takes names of the destination stage, and then depends on it" {
	echo x >c/x
	printf 'FROM busybox:musl\nRUN echo app:x:7:8::/:/bin/sh >>/etc/passwd\nCOPY --link --chown=app x /d/\n' >c/Dockerfile
	run build -t app
	ok
	equal "$(entry app /d/x | cut -d' ' -f3)" 7:8
	sed -i 's/7:8/9:8/' c/Dockerfile
	run build -t app
	ok
	equal "$(entry app /d/x | cut -d' ' -f3)" 9:8
}

@test "7.1 7.4 --link of an archive, and from a stage" {
	echo x >c/x
	tar -C c -cf c/t.tar --owner=3 --group=4 x
	dockerfile <<-'EOF'
		FROM busybox:musl AS a
		RUN mkdir /o && echo y >/o/y && chown 5:6 /o/y
		FROM busybox:musl
		ADD --link t.tar /t/
		COPY --link --from=a /o /o/
		RUN cat /t/x /o/y
	EOF
	run build -t app
	ok
	image_ok app
	equal "$(entry app /t/x | cut -d' ' -f3)" 3:4
	equal "$(entry app /o/y | cut -d' ' -f3)" 5:6
	run build -t app
	ok
	says_not "| RUN"
}

@test "7.3 7.4 --link beside --chmod has no effect, and says so" {
	echo x >c/x
	printf 'FROM busybox:musl\nRUN mkdir /real && ln -s /real /l\nCOPY --link --chmod=600 x /l/\n' >c/Dockerfile
	run build -t app
	ok
	says "--link has no effect beside --chmod"
	equal "$(entry app /real/x | cut -d' ' -f1-2)" "f 0600"
	equal "$(entry app /l | cut -d' ' -f1)" l
}

@test "7.3 --chmod takes variables, octal and symbolic" {
	echo x >c/x
	mkdir c/d
	echo y >c/d/y
	chmod 755 c/x
	chmod 640 c/d/y
	dockerfile <<-'EOF'
		FROM scratch
		ARG MODE=u=rwX,go=rX
		ARG OCTAL=4711
		COPY --chmod=$MODE x d /one/
		COPY --chmod=${OCTAL} x /two/
		COPY --chmod=g=u,o-rwx d /three/
		COPY --chmod=+x d/y /four
		COPY --chmod=a=,u+s x /five
		COPY --chmod=u=rw,go=u-w d/y /six
	EOF
	run build -t app
	if [ "$status" -ne 0 ]; then
		says "go=u-w"
		sed -i '/six/d' c/Dockerfile
		run build -t app
	fi
	ok
	equal "$(entry app /one/x | cut -d' ' -f2)" 0755
	equal "$(entry app /one/y | cut -d' ' -f2)" 0644
	equal "$(entry app /one | cut -d' ' -f2)" 0755
	equal "$(entry app /two/x | cut -d' ' -f2)" 4711
	equal "$(entry app /three/y | cut -d' ' -f2)" 0660
	equal "$(entry app /four | cut -d' ' -f2)" 0751
	equal "$(entry app /five | cut -d' ' -f2)" 4000
}

@test "7.3 T28 an octal --chmod hits folders too" {
	mkdir -p c/d/e
	echo y >c/d/e/y
	printf 'FROM scratch\nCOPY --chmod=644 d /d/\n' >c/Dockerfile
	run build -t app
	ok
	equal "$(entry app /d/e | cut -d' ' -f2)" 0644
	equal "$(entry app /d/e/y | cut -d' ' -f2)" 0644
}

@test "7.2 T27 T29 --chown: folders that are made belong to the owner, a name that is not there is refused" {
	echo x >c/x
	printf 'FROM busybox:musl\nCOPY --chown=daemon:www-data x /a/b/\nCOPY --chown=33 x /n\n' >c/Dockerfile
	run build -t app
	ok
	equal "$(entry app /a | cut -d' ' -f3)" "$(entry app /a/b/x | cut -d' ' -f3)"
	equal "$(entry app /n | cut -d' ' -f3)" 33:33
	printf 'FROM busybox:musl\nCOPY --chown=nosuch x /a/b/\n' >c/Dockerfile
	run build -t app
	fails 1
	says nosuch /etc/passwd
}

@test "7.9 7.17 ADD --unpack=false keeps an archive, and the default unpacks it" {
	echo x >c/x
	tar -C c -czf c/t.tgz x
	printf 'FROM scratch\nADD --unpack=false t.tgz /no/\nADD --unpack t.tgz /yes/\nADD t.tgz /default/\n' >c/Dockerfile
	run build -t app
	ok
	equal "$(tree app | cut -d' ' -f1 | grep /)" "$(printf '/default\n/default/x\n/no\n/no/t.tgz\n/yes\n/yes/x')"
}

@test "7.15 17 several sources without a slash are refused, with the rule" {
	echo a >c/a
	echo b >c/b
	printf 'FROM scratch\nCOPY a b /x\n' >c/Dockerfile
	run build -t app
	fails 1
	says "several sources need a directory as destination" "write '/x/'"
}

@test "7.5 17 COPY --parents . and ./x/./ copy all of it" {
	mkdir -p c/x/y
	echo z >c/x/y/z
	printf 'FROM scratch\nCOPY --parents . /all/\nCOPY --parents ./x/./ /below/\n' >c/Dockerfile
	run build -t app
	ok
	entry app /all/x/y/z | grep '^f'
	entry app /below/y/z | grep '^f'
}

@test "17 **/*.go without --parents is one level, and says how many files are deeper" {
	mkdir -p c/a/b/c
	touch c/a/1.go c/a/b/2.go c/a/b/c/3.go
	printf 'FROM scratch\nCOPY **/*.go /x/\nCOPY --parents **/*.go /p/\n' >c/Dockerfile
	run build -t app
	ok
	says "2 deeper ones"
	equal "$(tree app | grep -c '^/x/')" 1
	equal "$(tree app | grep -c '^/p/.*go')" 3
}

@test "T32 T33 T34 an unchanged context is found in the cache with every flag" {
	mkdir -p c/a/b
	echo f >c/a/b/f
	echo '*.log' >c/.dockerignore
	printf 'FROM scratch\nCOPY --link a /1/\nCOPY --parents a /2/\nCOPY --exclude=*.md a/b /3/\nADD --unpack=false a /4/\n' >c/Dockerfile
	run build -t app
	ok
	touch c/a c/a/b c/a/b/f c/x.log
	run build -t app
	ok
	says "5 cached, 0 run"
}

@test "7.10 9.7 3.12 COPY and ADD write heredocs: named after the delimiter, 0644, expanded unless quoted, no file made" {
	echo a >c/a
	cat >c/Dockerfile <<-'OUTER'
		FROM busybox:musl
		ARG NAME=world
		COPY <<EOF /greeting
		hello "$NAME" '${NAME}' \$NAME
		EOF
		COPY <<"raw.txt" <<conf a /etc/app/
		$NAME stays
		raw.txt
		[x]
		y=${NAME:-z}
		conf
		ADD --chmod=755 --chown=5:6 <<-run.sh /bin/
			#!/bin/sh
			echo $NAME
		run.sh
		COPY --link <<empty /linked/
		empty
	OUTER
	run build -t app
	ok
	image_ok app
	no_files
	equal "$(entry app /greeting | cut -d' ' -f1-3)" "f 0644 0:0"
	equal "$(entry app /bin/run.sh | cut -d' ' -f1-3)" "f 0755 5:6"
	equal "$(entry app /linked/empty | cut -d' ' -f4)" 0
	tree app | grep '^/etc/app/a f'
	echo 'RUN cat /greeting /etc/app/raw.txt /etc/app/conf && /bin/run.sh' >>c/Dockerfile
	run build -t app
	ok
	says "hello \"world\" 'world' \$NAME" "\$NAME stays" "y=world"
	croze history app | grep 'COPY a <<raw.txt <<conf /etc/app/'
	sed -i 's/\[x\]/[changed]/' c/Dockerfile
	run build -t app
	ok
	says "| COPY a <<raw.txt <<conf /etc/app/"
}

@test "7.10 9.7 a heredoc beside files of a stage, and to a destination that is a folder" {
	cat >c/Dockerfile <<-'OUTER'
		FROM busybox:musl AS one
		RUN echo x >/x
		FROM busybox:musl
		COPY --from=one /x <<y /d/
		text
		y
		COPY <<z /d
		text
		z
		RUN cat /d/x /d/y /d/z
	OUTER
	run build -t app
	ok
	tree app | grep '^/d/z f'
	cat >c/Dockerfile <<-'OUTER'
		FROM busybox:musl
		COPY <<a <<b /one
		1
		a
		2
		b
	OUTER
	run build -t app
	fails 1
	says "several sources need a directory"
}

@test "9.7 heredocs build without a context" {
	printf 'FROM scratch\nCOPY <<EOF /f\nx\nEOF\n' >Dockerfile
	run croze build -t app - <Dockerfile
	ok
	equal "$(entry app /f | cut -d' ' -f4)" 2
}
