#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# isolation - the same image out of every tier, and what a tier does for users, owners and devices (issue: every host).
#
# The tier userns is the judge: there the kernel keeps the ids. Each build has a store of its own, so that nothing comes from a cache.

load ../lib/common

setup_file()
{
	croze_suite
}

teardown_file()
{
	croze_suite_end
}

# both [ARGUMENT...]: the folder c in the tiers userns and userns-single; the image is called "app" in the stores
# $W/userns and $W/userns-single, what was printed is in $W/*.log.
both()
{
	local tier
	for tier in userns userns-single; do
		[ -e "$W/$tier" ] || cp -a "$SUITE/template" "$W/$tier"
		CROZE_ROOT=$W/$tier build --isolation "$tier" --timestamp 0 -t app "$@" >"$W/$tier.log" 2>&1 || {
			cat "$W/$tier.log"
			return 1
		}
	done
}

# equal_images: the manifests, and for a failure the files that differ.
equal_images()
{
	[ "$(manifest_digest app "$W/userns")" = "$(manifest_digest app "$W/userns-single")" ] && return
	diff <(tree app "$W/userns") <(tree app "$W/userns-single") &&
	    diff <(layers app "$W/userns") <(layers app "$W/userns-single") &&
	    diff <(config app "$W/userns") <(config app "$W/userns-single")
	return 1
}

# said TIER: what the steps printed, without numbers of lines and times.
said()
{
	sed -n 's/^.*| *[0-9.]* \(> .*\)$/\1/p' "$W/$1.log"
}

# same_words: the steps printed the same in both tiers, and not nothing.
same_words()
{
	[ -n "$(said userns)" ] || return 1
	equal "$(said userns-single)" "$(said userns)"
}

@test "single: owners, groups and modes of new, changed, copied and linked files are those of real ids" {
	dockerfile <<-'EOF'
		FROM alpine:3.19
		RUN mkdir -p /srv/a && echo 1 >/srv/a/f && ln /srv/a/f /srv/a/hard && ln -s f /srv/a/soft && mkfifo /srv/a/fifo && \
		    chown -R 1000:2000 /srv/a && chown -h 7:8 /srv/a/soft && chown 9 /srv/a/fifo && chmod 4755 /srv/a/f
		RUN cp -a /srv/a /srv/b && mv /srv/b /srv/c && chgrp 50 /srv && chmod 2775 /srv && mkdir /srv/d && touch /srv/e && ln -s e /srv/l
		RUN chown 3:3 /srv/a/f && chown -h 0:0 /srv/a/soft && touch -h /srv/c/soft && chown root:root /etc/passwd
		COPY --chown=33:34 Dockerfile /x/y/
		WORKDIR /w/x
	EOF
	both
	equal_images
	tree app "$W/userns-single" | grep -q '^/srv/c/soft .* 7:8 '
}

@test "single: what a user makes is the user's, and files of root alone are not for the user" {
	dockerfile <<-'EOF'
		FROM alpine:3.19
		RUN echo 'u:x:1000:1000::/home:/bin/sh' >>/etc/passwd && echo 'u:x:1000:' >>/etc/group && mkdir -m 700 /closed && echo s >/closed/s && \
		    echo s >/secret && chmod 600 /secret && echo g >/ours && chgrp 1000 /ours && chmod 640 /ours && mkdir -m 1777 /sticky && touch /sticky/r
		USER u
		WORKDIR /home/w
		RUN cd /sticky && echo m >mine && mkdir d && ln -s mine l && ln mine h && mkfifo p && mv mine m2; \
		    for c in 'cat /secret' 'cat /closed/s' 'ls /closed' 'rm /sticky/r' 'mv /sticky/r /sticky/x' 'touch /etc/new' 'mkdir /new' \
		    'chown 0 /sticky/m2' 'touch /secret' 'chmod 777 /secret' 'echo x >/secret' 'ln -s a /etc/l' 'rm /etc/passwd' 'cd /closed' 'cat /ours' 'echo >/ours'; do \
		        if sh -c "$c" >/dev/null 2>&1; then echo "> yes: $c"; else echo "> no: $c"; fi; \
		    done; echo "> $(id -u):$(id -g) $(grep -E '^(Uid|Gid|CapEff)' /proc/self/status | tr '\t\n' '  ')"
	EOF
	both
	equal_images
	same_words
	equal "$(said userns | grep -c '> no')" 15
}

@test "single: su changes the user and a set-id program changes it back" {
	dockerfile <<-'EOF'
		FROM alpine:3.19
		RUN cp /bin/busybox /suid && chown 5:6 /suid && chmod 6755 /suid && cp /suid /plain && chmod 755 /plain
		RUN echo 'u:x:1000:1000::/:/bin/sh' >>/etc/passwd; echo "> $(su u -s /bin/sh -c 'id -u; id -ru; /suid id -u; /suid id -g; /suid id -ru; /plain id -u' | tr '\n' ' ')"
		USER 1000:1000
		RUN /suid touch /tmp/by-suid; touch /tmp/by-user; echo "> $(/suid id -u)"
	EOF
	both
	equal_images
	same_words
}

@test "single: a group folder gives its group to mkdir -p, who is not of the group sets no bit for it, and touch keeps the owner of a FIFO" {
	dockerfile <<-'EOF'
		FROM alpine:3.19
		RUN adduser -D -u 1001 out && mkdir /srv/g && chgrp 50 /srv/g && chmod 2777 /srv/g && cd /srv/g && mkdir -p a/b && mkdir c/ && install -d d/e/ && \
		    su out -s /bin/sh -c 'cd /srv/g && cp /bin/busybox x && chmod 2755 x && mkdir y && chmod 2700 y && chmod g+s x && echo "> $(stat -c "%a %g %n" x y)"' && \
		    mkfifo p q && chown 7:8 p q && touch -d 2001-02-03 p && touch q && echo "> $(stat -c '%u:%g %n' p q a/b c d/e)"
	EOF
	both
	equal_images
	same_words
}

@test "single: a device that a step makes is a device in the image and for stat" {
	dockerfile <<-'EOF'
		FROM alpine:3.19
		RUN mkdir /d && mknod -m 660 /d/null c 1 3 && chown 0:5 /d/null && mknod /d/blk b 7 0 && chown 3:4 /d/blk && chown 5:4 /d/blk && echo "> $(stat -c '%F %t:%T %a %g' /d/null)"
	EOF
	cp -a "$SUITE/template" "$W/userns-single"
	CROZE_ROOT=$W/userns-single run build --isolation userns-single -t app
	ok
	says '> character special file 1:3 660 5'
	tree app "$W/userns-single" | grep -E '^/d/null '
	tree app "$W/userns-single" | grep -E '^/d/blk .* 5:4 '
}

@test "single: our records are neither listed nor read nor written by a step" {
	dockerfile <<-'EOF'
		FROM alpine:3.19
		COPY probe /probe
		RUN mkdir /d && touch /d/f && /probe xattr /d/f user.a 1 && chown 5:6 /d/f && /probe list /d | sed 's/^/> /'
	EOF
	probe
	both
	same_words
	cat >c/Dockerfile <<-'EOF'
		FROM alpine:3.19
		COPY probe /probe
		RUN touch /f && /probe xattr /f user.croze.ids 0:0
	EOF
	CROZE_ROOT=$W/userns-single run build --isolation userns-single
	fails 1
	says 'Operation not permitted'
}

@test "single: snapshots of one tier are not taken for those of the other, in one store" {
	dockerfile <<-'EOF'
		FROM alpine:3.19 AS one
		RUN touch /f && chown 5:6 /f
		FROM one
		RUN stat -c '> %u:%g' /f
	EOF
	local tier
	for tier in userns userns-single userns userns-single; do
		run build --isolation "$tier" -t app --no-cache
		ok
		says '> 5:6'
	done
	for tier in userns userns-single; do
		run build --isolation "$tier" -t app
		ok
	done
	run croze store check
	ok
	run croze prune --all --force
	ok
}

@test "snapshots as copies give the image that an overlay gives, in both tiers" {
	dockerfile <<-'EOF'
		FROM alpine:3.19
		RUN rm -rf /etc/apk && mkdir /etc/apk && echo x >/etc/apk/new && rm /etc/motd && ln -s group /etc/motd
		RUN rm -rf /usr/share && echo f >/usr/share; mv /etc/profile.d /etc/p2; chmod u+s /bin/busybox; touch -a /etc/group
		RUN rm /usr/share && mkdir /usr/share && touch /usr/share/y && chown 5:6 /usr/share/y && ln -s y /usr/share/l && chown -h 7:8 /usr/share/l
		RUN true
		RUN rmdir /opt; chmod 700 /root; chown 5:5 /srv; chown 3 /
		COPY Dockerfile /usr/share/
		RUN rm /usr/share/Dockerfile; rm -rf /usr/local; mkdir -p /a/b/c/d; echo 1 >/a/b/c/d/e
		RUN mv /a/b/c/d /a/b/c/e; rm -rf /a/b/c/e; echo 2 >/a/b/c/f
	EOF
	both --snapshots overlay
	equal_images
	mv "$W/userns" "$W/overlay"
	rm -rf "$W/userns-single"
	both --snapshots copy
	equal_images
	equal "$(manifest_digest app "$W/userns")" "$(manifest_digest app "$W/overlay")"
	head -n 1 "$W/userns-single.log" | grep -qF 'tier: userns-single+copy'
}

@test "an isolation that is not to be had is refused with what mends it" {
	dockerfile <<-'EOF'
		FROM alpine:3.19
		RUN true
	EOF
	run build --isolation none
	fails 3
	says "c/Dockerfile:2: 'RUN true'"
	says 'hint: '
	run build --isolation chroot
	fails 3
	says "'chroot' is for root" 'hint: '
	run build --isolation everything
	fails 2
	says "'--isolation' is one of auto|userns|userns-single|chroot|emulate|none"
}

@test "no range of ids and no new privileges: builds with RUN work in the tier userns-single" {
	dockerfile <<-'EOF'
		FROM alpine:3.19
		RUN touch /f && chown 5:6 /f && stat -c '> %u:%g' /f
	EOF
	need setpriv
	run setpriv --no-new-privs timeout 60 croze build --progress=plain -t app c
	ok
	says '> 5:6'
	says userns-single
}

# A step that looks for what is none of its business: "> found" with where it was.
snoop()
{
	cat >c/Dockerfile <<-'EOF'
		FROM alpine:3.19 AS other
		RUN mkdir -p /of && echo in-the-other-stage >/of/other && touch /of/harmless
		FROM alpine:3.19
		COPY --from=other /of/harmless /
		ARG HOME_OUTSIDE
		ARG STORE
		ARG PID
		RUN n=in-the m=in-a f=found; look() { grep -qs -e $n-other-stage -e $n-auth-file -e $n-environment -e $m-command-line "$@" && echo "> $f: $*"; }; \
		    env >/tmp/env; look /tmp/env; look -r /etc /home /root /run /tmp /var; \
		    look "$HOME_OUTSIDE/.docker/config.json"; look -r "$STORE/snapshots"; look -r "$STORE/tmp"; \
		    for p in /proc/[0-9]*; do look $p/environ; look $p/cmdline; look -r $p/root/of $p/cwd/of $p/root"$HOME_OUTSIDE"/.docker; done; \
		    look /proc/1/root"$HOME_OUTSIDE"/.docker/config.json; cat /proc/self/environ >/tmp/e 2>/dev/null; look /tmp/e; \
		    for up in .. ../.. ../../.. ../../../../../../..; do look "$up$HOME_OUTSIDE/.docker/config.json"; done; \
		    ls "$HOME_OUTSIDE" 2>/dev/null | sed "s/^/> $f: name /"; \
		    kill -0 $PID 2>/dev/null && [ ! -e /proc/1/x ] && tr '\0' ' ' </proc/$PID/cmdline 2>/dev/null | grep -q $m-command && echo "> $f: the process"; \
		    mknod /tmp/disk b 254 0 2>/dev/null && [ -n "$(head -c 1 /tmp/disk 2>/dev/null | od -An -tx1)" ] && echo "> $f: a disk"; \
		    mount -t tmpfs none /mnt 2>/dev/null && echo "> $f: mount"; \
		    chroot /proc/1/root true 2>/dev/null && [ -e /proc/1/root"$HOME_OUTSIDE" ] && echo "> $f: another root"; \
		    (setsid sleep 4242 >/dev/null 2>&1 &) ; echo '> looked'; rm -f /tmp/*
	EOF
}

@test "isolation in each tier: not the credentials, other stages, processes, files and environment of the builder" {
	local tier pid
	mkdir -p "$W/home/.docker"
	echo '{"auths":{"registry.example":{"auth":"aW4tdGhlLWF1dGgtZmlsZTp4"}},"note":"in-the-auth-file"}' >"$W/home/.docker/config.json"
	snoop
	bash -c 'exec -a in-a-command-line sleep 300' &
	pid=$!
	for tier in userns userns-single; do
		[ -e "$W/$tier" ] || cp -a "$SUITE/template" "$W/$tier"
		CROZE_ROOT=$W/$tier HOME=$W/home SECRET_OF_BUILDER=in-the-environment run timeout 100 croze build --progress=plain \
		    --isolation "$tier" --build-arg "HOME_OUTSIDE=$W/home" --build-arg "STORE=$W/$tier" --build-arg "PID=$pid" -t app c
		ok
		says '> looked' "tier: $tier+"
		says_not '> found'
		wait_for no_process 'sleep 424[2]'
	done
	kill "$pid"
}

@test "single: calls that another table has are refused, not let through past the records" {
	need gcc
	cat >c/calls.c <<-'EOF'
		#include <errno.h>
		#include <stdio.h>
		#include <string.h>
		#include <sys/syscall.h>
		#include <unistd.h>
		int
		main(void)
		{
			char params[256] = "";
			long made = syscall(425, 4, params), result;

			printf("> io_uring_setup: %s\n", made < 0 ? strerror(errno) : "made");
		#ifdef __x86_64__
			made = syscall(0x40000000 | 92, "/f", 5, 6);
			printf("> chown of x32: %s\n", made < 0 ? strerror(errno) : "done");
			__asm__ volatile("int $0x80" : "=a"(result) : "a"(20) : "memory");
			printf("> getpid of i386: %s\n", result < 0 ? strerror((int)-result) : "done");
		#endif
			return 0;
		}
	EOF
	gcc -O1 -static -o c/calls c/calls.c
	dockerfile <<-'EOF'
		# syntax=docker/dockerfile:1
		FROM alpine:3.19
		COPY calls /calls
		RUN touch /f && /calls
		RUN --security=insecure touch /f && /calls
	EOF
	cp -a "$SUITE/template" "$W/userns-single"
	CROZE_ROOT=$W/userns-single run build --isolation userns-single --allow security.insecure -t app
	ok
	equal "$(grep -c '> io_uring_setup: Function not implemented' <<<"$output")" 2
	[ "$(uname -m)" != x86_64 ] || equal "$(grep -cE '> (chown of x32|getpid of i386): Function not implemented' <<<"$output")" 4
}

@test "single: the status of a process names its users, whoever asks" {
	dockerfile <<-'EOF'
		FROM alpine:3.19
		RUN adduser -D -u 1234 u && su u -c 'grep -E "^(Uid|Gid|Groups|CapEff)" /proc/self/status' | tr '\t' ' ' | sed 's/^/> /'
		RUN su u -c true; sleep 0.7; touch /f; su u -c 'echo $$ >/tmp/p; sleep 3; true' & while [ ! -s /tmp/p ]; do sleep 0.1; done; grep ^Uid /proc/$(cat /tmp/p)/status | tr '\t' ' ' | sed 's/^/> /'; wait; rm -f /tmp/p
	EOF
	both
	same_words
	equal "$(said userns-single | grep -c '> Uid: 1234 1234 1234 1234')" 2
}

@test "single: root that becomes somebody else may do what that one may: traced and tracing, threads, for a while, after vfork, stopped" {
	need gcc
	gcc -static -O1 -w -o c/drop "$CROZE_SOURCE/tests/data/ids/drop.c" -lpthread
	dockerfile <<-'EOF'
		FROM alpine:3.19
		COPY drop /drop
		RUN echo s >/secret && chmod 600 /secret && mkdir -m 1777 /sticky && touch /sticky/r && timeout 60 /drop
	EOF
	both
	equal_images
	same_words
	equal "$(said userns-single | grep -c 'open 13 access 13 unlink 1 rename 1 chmod 1 truncate 13 mkdir 13 touch 13')" 7
	equal "$(said userns-single | grep -c 'for now: 1234:1234 open 13 access 0 unlink 1')" 3
	equal "$(said userns-single | grep -c "root's process: attach 1, seize 1, read 1")" 1
	equal "$(said userns-single | grep -c 'followed: status 700, many calls')" 2
}

@test "single: what is not for a user is not reached through procfs either, nor through the processes of others" {
	dockerfile <<-'EOF'
		FROM alpine:3.19
		RUN echo 'u:x:1000:1000::/:/bin/sh' >>/etc/passwd; echo s >/secret; chmod 600 /secret; mkdir -m 700 /closed; echo c >/closed/s; \
		    echo u >/own; chown 1000:1000 /own; chmod 600 /own; touch /.secret; cp /bin/busybox /closed-tool; chmod 700 /closed-tool; mkdir -m 1777 /s
		RUN sleep 30 & for c in 'cat /proc/self/root/secret' 'cat /proc/thread-self/root/secret' 'cat /proc/self/cwd/secret' 'cat /proc/1/root/secret' \
		    'cat /proc/self/root/closed/s' 'cat /proc/../secret' 'cat /sys/../secret' 'cat /dev/pts/../../secret' 'cat /proc/self/../../secret' 'cat /dev/fd/../root/secret' \
		    'cd /proc/self/root && cat secret' 'cd /proc/self/root/closed' 'rm /proc/self/root/secret' 'mv /proc/self/root/secret /s/x' 'echo x >/proc/self/root/secret' \
		    'cat 3</own 0</dev/null </proc/self/fd/3' 'chmod 777 /proc/self/root/secret' 'chown 0:0 /proc/self/root/secret' 'ln -s x /proc/self/root/etc/x' \
		    'mkdir /proc/self/root/new' 'touch /proc/self/root/secret' 'test -r /proc/self/root/secret' 'stat -c %a /proc/self/root/closed/s' '/proc/self/root/closed-tool true' \
		    'cat /proc/1/environ' 'cat /proc/1/maps' 'cat /proc/1/smaps' 'cat /proc/1/mem' 'cat /proc/1/auxv' 'ls /proc/1/fd' 'ls /proc/1/map_files' 'cat /proc/1/cwd/etc/group' \
		    'test -r /proc/1/environ' 'cat /proc/1/root/etc/group' \
		    'cat /proc/self/root/own' 'cat /proc/self/root/etc/group' 'cat /proc/self/environ' 'cat /proc/self/maps' 'cat /proc/$$/environ' 'ls /proc/self/fd' 'cat /proc/1/cmdline' \
		    'cat /proc/1/status' 'stat /proc/1/environ' 'echo x >/dev/null' 'cat /dev/stdin </etc/group' 'echo x | cat /dev/stdin' 'echo x | cat /proc/self/fd/0' 'cat /proc/mounts' \
		    'cat /proc/net/dev' 'cat /proc/self/task/$$/maps' 'cat /sys/../etc/group' 'echo x >/proc/self/root/s/mine' 'cat /proc/self/cwd/s/mine' '/proc/self/exe true' \
		    'sleep 9 & cat /proc/$!/environ' 'cat /proc/sys/kernel/ostype' 'cat /proc/none' 'ls /proc/self/none' 'cat /proc/self/fd/77'; \
		    do if su u -c "cd /; $c" >/dev/null 2>&1; then echo "> yes: $c"; else echo "> no: $c"; fi; done; kill %1; grep . /secret
	EOF
	both
	equal_images
	same_words
	equal "$(said userns-single | grep -c '> no')" 37
}

# The program prints a line for each of some 15,000 calls.
@test "single: what is not for a user is refused by every call on files, sockets and processes as with real ids" {
	need gcc
	gcc -static -O1 -w -o c/rights "$CROZE_SOURCE/tests/data/ids/rights.c"
	dockerfile <<-'EOF'
		FROM alpine:3.19
		COPY rights /bin/rights
		RUN mkdir /srv/w && cd /srv/w && rights >/out 2>/dev/null && rmdir /srv/w && echo "> $(wc -l </out) $(grep -c ": 0$" /out) $(grep -c ": 13$" /out)"
	EOF
	both
	same_words
	equal_images
}

@test "single: make -j, and steps that run at once, with many processes that are somebody else" {
	dockerfile <<-'EOF'
		FROM alpine:3.19
		RUN for i in 1 2 3 4 5 6 7 8; do adduser -D -u 10$i u$i; done; mkdir -m 1777 /s; \
		    for i in 1 2 3 4 5 6 7 8; do su u$i -c "for n in 1 2 3 4 5 6 7 8 9 10 11 12; do echo $i >/s/$i.\$n; mkdir /s/d$i.\$n; id -u >>/s/id$i; done" & done; wait; \
		    for i in 1 2 3 4 5 6 7 8; do sort -u /s/id$i | sed "s/^/> $i: /"; done
	EOF
	both
	equal_images
	same_words
	equal "$(said userns-single | wc -l)" 8
}

@test "userns-single: numbers of processes that begin again keep a user from root's processes" {
	dockerfile <<-'EOF'
		FROM alpine:3.19
		RUN adduser -D u; i=0; while [ $i -lt 300 ]; do /bin/true; i=$((i + 1)); done; sleep 60 & sleep 0.2; p=$!; \
		    su u -c "if kill -9 $p; then echo '> root is killed'; fi; if kill -9 -1; then echo '> all are killed'; fi; cat /proc/$p/environ" 2>&1 | sed 's/^/> /'; \
		    kill -9 $p && echo '> root kills'
	EOF
	# the machine's numbers as those of a namespace, which are near their end
	run timeout 60 unshare --user --map-root-user --mount --pid --fork --mount-proc sh -c '
	    echo $(($(cat /proc/sys/kernel/pid_max) - 200)) >/proc/sys/kernel/ns_last_pid && exec croze build --progress=plain --isolation userns-single --network none c'
	ok
	says "> root kills"
	equal "$(grep -cE '\| +[0-9.]+ > (root is|all are) killed' <<<"$output")" 0
	equal "$(grep -ciE '> .*(permission denied|not permitted)' <<<"$output")" 3
}
