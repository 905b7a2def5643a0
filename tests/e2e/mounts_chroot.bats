#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# mounts_chroot - RUN --mount in the tier chroot, where nothing can be mounted (DOCKERFILE.md 6).
#
# The container is tests/hosts/confine in a user namespace, as root of it. Device nodes cannot be made there, so the base has files in
# their places. The tier userns is the judge of images.

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

# nodes: the folder c gets what stands for device nodes.
nodes()
{
	mkdir -p c/dev
	touch c/dev/{null,zero,full,random,urandom,tty}
}

# chrooted ARGUMENT...: a build of the folder c in the container, in a store of its own.
chrooted()
{
	[ -e "$W/chroot" ] || cp -a "$SUITE/template" "$W/chroot"
	CROZE_ROOT=$W/chroot timeout --kill-after=5 100 unshare --user --map-root-user --map-auto --mount "$SUITE/confine" \
	    croze build --progress=plain --isolation chroot --network=host --timestamp 0 -t app "$@" c
}

# base LINE...: the Dockerfile of those lines on the base.
base()
{
	nodes
	printf '%s\n' 'FROM alpine:3.19' 'COPY dev /dev' "$@" >c/Dockerfile
}

# alike_chrooted ARGUMENT...: the folder c gives the same manifest as in the tier userns.
alike_chrooted()
{
	judged "$@"
	run chrooted "$@"
	ok
	says "tier: chroot+copy"
	[ "$(manifest_digest app "$W/userns")" = "$(manifest_digest app "$W/chroot")" ] || {
		diff <(tree app "$W/userns") <(tree app "$W/chroot")
		return 1
	}
	# nothing of a step is left in the store
	equal "$(find "$W/chroot/tmp" -mindepth 1 | head -n 1)" ""
}

@test "chroot: files of stages and contexts are shown with owners, modes, times and links, and are as before for all others" {
	nodes
	mkdir c/d
	echo one >c/f
	echo two >c/d/g
	ln -s g c/d/l
	cat >c/Dockerfile <<-'EOF'
		FROM alpine:3.19 AS a
		COPY dev /dev
		RUN mkdir -p /x/y && echo 1 >/x/y/f && ln /x/y/f /x/y/h && chown -R 5:6 /x && chmod 1750 /x/y && touch -d @1000000000 /x/y/f /x/y /x
		FROM alpine:3.19
		COPY dev /dev
		RUN --mount=from=a,source=/x,target=/m cp -a /m /n && stat -c '%n %u:%g %a %h %Y' /m /m/y /m/y/f >/seen
		RUN --mount=target=/ctx --mount=source=f,target=/etc/one --mount=source=d,target=/srv/new/d,rw set -e; cat /etc/one /ctx/d/l; \
		    echo 3 >/srv/new/d/made; rm /srv/new/d/g; ls /srv/new/d
		RUN --mount=source=d,target=/srv/d,rw --mount=from=a,source=/x,target=/srv/d/deep set -e; test "$(ls /srv/d)" = "$(printf 'deep\ng\nl')"; \
		    test -f /srv/d/deep/y/h
		RUN test ! -e /m && test ! -e /ctx && test ! -e /srv/new && test ! -e /srv/d && test ! -e /etc/one
		RUN <<END
		#!/bin/sh -e
		echo "a script" >/script
		END
		COPY --from=a /x /x
	EOF
	alike_chrooted
	says one two
}

@test "chroot: a cache is kept, is one step's at a time, and shares no file with an image" {
	base 'RUN --mount=type=cache,target=/root/.cache,uid=3,mode=0750 echo 1 >/root/.cache/f; stat -c "%u:%g %a" /root/.cache >/seen' \
	    'RUN --mount=type=cache,target=/root/.cache --mount=type=cache,target=/root/.cache/in/it,id=two echo 2 >/root/.cache/in/it/g; cat /root/.cache/f >/f' \
	    'RUN --mount=type=cache,target=/k,id=two,source=sub touch /k/x' \
	    'RUN --mount=type=cache,target=/k,id=two cat /k/g >/g; ls -d /k/* >/names'
	alike_chrooted
	# in one of both only: files of a cache and of the image with one inode
	base 'RUN --mount=type=cache,target=/k echo 1 >/k/f; ln /k/f /linked; ln /etc/motd /k/motd; ln -s x /k/l; ln /k/l /l; mkfifo /k/p; ln /k/p /p' \
	    'RUN --mount=type=cache,target=/k echo changed >/k/f; echo changed >/k/motd; test -L /k/l && test ! -e /k/p' \
	    'RUN test "$(cat /linked)" = 1 && ! grep changed /etc/motd && test -p /p && test -L /l'
	run chrooted
	ok
	# two at once
	base 'ARG n' 'RUN --mount=type=cache,target=/k test ! -e /k/in; touch /k/in; sleep 1; rm /k/in; echo $n >>/k/log'
	chrooted --build-arg n=1 --no-cache >"$W/first.log" 2>&1 &
	run chrooted --build-arg n=2 --no-cache
	ok
	wait $!
	base 'RUN --mount=type=cache,target=/k wc -l </k/log'
	run chrooted --no-cache
	ok
	says " 2"
}

@test "chroot: a command that removes or moves what is mounted ends nobody else's cache, and never leaves it in an image" {
	local cache=--mount=type=cache,target=/k
	base "RUN $cache echo 1 >/k/f && mv /k /x"
	run chrooted
	fails 1
	says Dockerfile:3 "what was mounted on '/k'" "the command has moved it" "copy what is in it"
	base "RUN $cache ls -A /k | wc -l; echo 1 >/k/f; rm -rf /k; test ! -e /k" "RUN $cache ls -A /k | wc -l" "RUN test ! -e /k"
	run chrooted
	ok
	equal "$(grep -c ' 0$' <<<"$output")" 2
	base "RUN $cache rm -rf /k; echo 1 >/k"
	run chrooted
	fails 1
	says "the command has put something else in its place"
	base "RUN mkdir /k; echo below >/k/b" "RUN $cache rm -rf /k; mkdir /k; echo 1 >/k/f" "RUN cat /k/b; test ! -e /k/f" "RUN $cache ls -A /k | wc -l"
	run chrooted
	ok
	says below " 0"
	equal "$(find "$W/chroot/tmp" -mindepth 1 | head -n 1)" ""
}

@test "chroot: who is killed while a cache is at its place has lost it: the next one begins anew" {
	base 'RUN mkdir /k; echo "of the image" >/k/b' 'RUN --mount=type=cache,target=/k echo 1 >/k/f; sleep 50'
	chrooted >"$W/log" 2>&1 &
	until [ -n "$(find "$W"/chroot/tmp -path '*/k/f' 2>/dev/null)" ] || [ $SECONDS -gt 60 ]; do
		sleep 0.1
	done
	[ -n "$(find "$W"/chroot/tmp -path '*/k/f')" ]
	pkill -KILL -x croze -P "$(pgrep -x timeout -P $!)"
	wait $! || true
	base 'RUN --mount=type=cache,target=/k,mode=0711 ls -A /k | wc -l; stat -c %a /k; echo 2 >/k/g' 'RUN --mount=type=cache,target=/k ls /k'
	run chrooted
	ok
	says " 0" " 711" " g"
	says_not "of the image"
}

@test "chroot: secrets and agents are of the step alone; what cannot be is refused by name" {
	need ssh-agent ssh-add ssh-keygen
	gcc -O2 -static -o c/keys "$CROZE_SOURCE/tests/data/emulate/agent_keys.c"
	printf 'canary-of-the-secret\n' >s
	ssh-keygen -q -t ed25519 -N '' -f key
	base 'COPY keys /usr/bin/' \
	    'RUN --mount=type=secret,id=s --mount=type=secret,id=s,target=/etc/t,mode=0440,uid=1000,gid=7 rev /run/secrets/s; \
		stat -c "%a %u:%g %s %h" /run/secrets/s /etc/t >/seen' \
	    'RUN --mount=type=ssh --mount=type=tmpfs,target=/t keys && echo x >/t/x && stat -c %a /t >/mode' \
	    'RUN test ! -e /run/secrets && test ! -e /etc/t && test ! -e /run/buildkit && test ! -e /t'
	eval "$(ssh-agent -a "$W/a")" >/dev/null
	ssh-add -q key
	alike_chrooted --secret id=s,src=s --ssh default || { kill "$SSH_AGENT_PID"; false; }
	kill "$SSH_AGENT_PID"
	says terces-eht-fo-yranac "agent has 1 keys"
	equal "$(ns grep -rl canary-of-the-secret "$W/chroot")" ""
	base 'RUN --mount=type=tmpfs,target=/t,size=1m true'
	run chrooted
	fails 3
	says Dockerfile:3 "size=: without mounts it is a folder, which has no limit"
	base 'RUN --mount=type=cache,id=a,target=/t --mount=type=cache,id=a,target=/u true'
	run chrooted
	fails 3
	says "without mounts the cache 'a' can be at one place of a command only"
	base 'RUN --mount=type=tmpfs,target=/etc/passwd true'
	run chrooted
	fails 1
	says "mount point '/etc/passwd' is no folder"
	says_not "cannot be executed"
}
