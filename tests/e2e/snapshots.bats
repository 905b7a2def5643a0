#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# snapshots - the same image however the files of steps are put on top of each other, and whatever the store's file system lacks.
#
# tests/lib/with-fuse gives the tests a /dev/fuse and file systems that can do less.

load ../lib/common

setup_file()
{
	croze_suite
}

teardown_file()
{
	croze_suite_end
}

# What the ways of stacking might do differently: removed and made again, opaque, moved, copied up without a change, links of others.
changes()
{
	dockerfile <<-'EOF'
		FROM alpine:3.19
		RUN rm -rf /etc/apk && mkdir /etc/apk && echo x >/etc/apk/new && rm /etc/motd && ln -s group /etc/motd
		RUN rm -rf /usr/share && echo f >/usr/share; mv /etc/profile.d /etc/p2; chmod u+s /bin/busybox; touch -a /etc/group
		RUN rm /usr/share && mkdir /usr/share && touch /usr/share/y && chown 5:6 /usr/share/y && ln -s y /usr/share/l && chown -h 7:8 /usr/share/l
		RUN chmod -R u+rw /usr /etc; chown -R root:root /usr; true
		RUN rmdir /opt; chmod 700 /root; chown 5:5 /srv; chown 3 /; mv /usr/share/l /usr/share/l2; cp -a /usr/share/l2 /l3
		COPY Dockerfile /usr/share/
		RUN rm /usr/share/Dockerfile; rm -rf /usr/local; mkdir -p /a/b/c/d; echo 1 >/a/b/c/d/e
		RUN mv /a/b/c/d /a/b/c/e; rm -rf /a/b/c/e; echo 2 >/a/b/c/f
	EOF
}

# on STORE [ARGUMENT...]: the image built in a store of its own; its digest in $digest.
on()
{
	local store=$1
	shift
	[ -e "$store" ] || cp -a "$SUITE/template" "$store"
	CROZE_ROOT=$store run build --timestamp 0 -t app "$@"
	[ "$status" -eq 0 ] || return 0
	digest=$(manifest_digest app "$store")
}

# plain KIND: the folder of a file system without KIND.
plain()
{
	[ -d "${CROZE_TEST_PLAINFS-}/$1/m" ] || skip "root, fuse and libfuse3-dev are needed: tests/lib/with-fuse"
	PLAIN=$CROZE_TEST_PLAINFS/$1/m
}

@test "fuse-overlayfs gives the image that an overlay gives, in both tiers, and is named in the first line" {
	need fuse-overlayfs
	[ -w /dev/fuse ] || skip "/dev/fuse cannot be opened"
	changes
	on "$W/overlay" --snapshots overlay
	ok
	local want=$digest tier
	for tier in userns userns-single; do
		on "$W/$tier" --snapshots fuse-overlayfs --isolation "$tier"
		ok
		equal "$digest" "$want"
		says "tier: $tier+fuse-overlayfs"
	done
	wait_for no_program
}

# same_on_fuse: the image of the Dockerfile is the same on an overlay and on fuse-overlayfs, in both tiers; twice, since the kernel forgets when it likes.
same_on_fuse()
{
	need fuse-overlayfs
	[ -w /dev/fuse ] || skip "/dev/fuse cannot be opened"
	local want tier
	on "$W/overlay" --snapshots overlay --isolation userns
	ok
	want=$digest
	for tier in userns userns-single userns; do
		on "$W/$tier" --no-cache --snapshots fuse-overlayfs --isolation "$tier"
		ok
		equal "$digest" "$want"
	done
}

@test "fuse-overlayfs gives what is made in a set-group-ID folder its group, and new folders the bit" {
	dockerfile <<-'EOF'
		FROM alpine:3.19
		RUN adduser -D -u 1000 -G www-data in && adduser -D -u 1001 out && mkdir -p /srv/a /srv/open && chgrp 82 /srv /srv/a /srv/open && chmod 2775 /srv /srv/a && chmod 2777 /srv/open
		RUN cd /srv && echo 1 >f && mkdir -p b/c/d && ln -s f l && mkfifo p && ln f a/hard && cp -a b a/copy && mkdir -p -m 700 /srv/open/e/f && touch b/c/d/f && \
		    for u in in out; do su $u -s /bin/sh -c "cd /srv/open && umask 027 && echo 1 >$u.f && mkdir -p $u.d/e && ln -s x $u.l && mkfifo $u.p && touch $u.d/e/f && cp /bin/busybox $u.x && chmod 2755 $u.x"; done
		RUN rm -rf /srv/a && mkdir /srv/a && touch /srv/a/f && chmod g-s /srv/b && mkdir /srv/b/no && chgrp 5 /srv/open && mkdir /srv/open/five && tar -C /srv/b -cf - . | tar -C /srv/open -xf - && \
		    install -m 2755 -g 9 /bin/busybox /srv/open/i && install -d -g 9 /srv/open/i.d/e && mv /srv/f /srv/open/moved
	EOF
	same_on_fuse
	tree app "$W/userns" | grep -qE '^/srv/b/c/d d 2755 0:82'
	tree app "$W/userns" | grep -qE '^/srv/open/out.d/e/f f 0640 1001:82'
}

@test "fuse-overlayfs copies up what the overlay does: links and folders with owner, bits and times, FIFOs, sockets" {
	dockerfile <<-'EOF'
		FROM alpine:3.19
		COPY probe /probe
		RUN mkdir -p /srv/d/e && cd /srv/d && mkfifo p p2 && /probe socket s && cp /probe x && cp x y && chown 7:8 x p p2 s && chmod 6755 x && chgrp 42 y && chmod 2755 y && \
		    ln -s x l && chown -h 9:10 l && touch -h -d '2001-02-03 00:00:00' x y p s l .
		RUN cd /srv/d && chmod 640 p && chown 11 p2 && chmod u+w x && chown -h 12 l && stat -c '%Y %n' . l p >/when && mv y y2
		RUN cd /srv/d && mv p p3 && rm -r e && mkdir e && mv s s2 && stat -c '%F %a %u:%g' p3 s2 y2 >/list && cp -a . /copy && echo 2 >>x
	EOF
	probe
	same_on_fuse
	tree app "$W/userns" | grep -qE '^/srv/d/p3 p 0640 7:8'
	tree app "$W/userns" | grep -qE '^/srv/d/y2 f 2755 0:42'
	[ "$(CROZE_ROOT=$W/userns croze run --rm --network none app cat /when | sort -u | tr '\n' ' ')" = '981158400 . 981158400 l 981158400 p ' ]
}

@test "fuse-overlayfs shows nothing of an earlier step where a step has put something else, and taken that away" {
	dockerfile <<-'EOF'
		FROM alpine:3.19
		RUN mkdir -p /srv/d/sub /srv/d/op/in && cd /srv/d && for f in f g h i sub/q op/f op/in/f; do echo 1 >$f; done
		RUN cd /srv/d && echo 2 >n && mv n f && rm f && rm g && echo 2 >g && rm g && echo 2 >n && mv n h && mv h j && ln j i2 && mv -f i2 i && rm i && \
		    rm -r sub && mkdir sub && echo 2 >sub/q && mv sub sup && mkdir new && echo 2 >new/f && mv new/f new/g && mv new neu && \
		    rm -r op && mkdir -p op/in && echo 2 >op/n && mv op/n op/f && rm op/f && echo 2 >op/n && mv op/n op/in/f && mv op/in/f op/in/g && find . | sort >/left
		RUN cd /srv/d && echo 3 >n && mv n j && rm j && rm -r sup && mkdir sup && mv sup sub && find . | sort >>/left
	EOF
	same_on_fuse
	[ "$(CROZE_ROOT=$W/userns croze run --rm --network none app cat /left | tr '\n' ' ')" = \
	    '. ./j ./neu ./neu/g ./op ./op/in ./op/in/g ./sup ./sup/q . ./neu ./neu/g ./op ./op/in ./op/in/g ./sub ' ]
}

@test "fuse-overlayfs has files without a name, which leave their folder as it was" {
	dockerfile <<-'EOF'
		FROM alpine:3.19
		COPY probe /probe
		RUN mkdir -p /srv/d /srv/g && chgrp 50 /srv/g && chmod 2777 /srv/g && touch -d '2001-02-03 00:00:00' /srv/d /srv/g
		RUN /probe unnamed /srv/d - && touch /x && stat -c '%Y %n' /srv/d && ls -A /srv/d >/left
		RUN /probe unnamed /srv/g named && su nobody -s /bin/sh -c 'umask 077 && /probe unnamed /srv/g mine' && cat /srv/g/* >/read
	EOF
	probe
	# a kernel that has none on an overlay has none here either
	on "$W/try" --snapshots overlay --isolation userns
	[ "$status" -eq 0 ] || skip "no files without a name on an overlay of this kernel"
	same_on_fuse
	run ! grep -q "^srv/d" <(layers app "$W/userns" 4)
	tree app "$W/userns" | grep -qE '^/srv/g/mine f 0600 65534:50'
}

@test "F7 a store without hard links: fuse-overlayfs gives the same image, and what links in a step is told that it cannot" {
	need fuse-overlayfs
	[ -w /dev/fuse ] || skip "/dev/fuse cannot be opened"
	plain link
	changes
	cat >>c/Dockerfile <<-'EOF'
		COPY probe /probe
		RUN mkdir -p /srv/d && chgrp 50 /srv/d && chmod 2777 /srv/d && cd /srv/d && echo 1 >f && ln -s f s && mkfifo p && touch -h -d @1 s p . && chmod 4751 f
		RUN cd /srv/d && chown -h 7:8 s p && echo 2 >>f && mv f g && echo 3 >n && mv n f && rm f && /probe unnamed /srv/d -
	EOF
	probe
	on "$W/overlay" --snapshots overlay
	ok
	local want=$digest
	on "$PLAIN/fuse" --snapshots fuse-overlayfs
	ok
	says '+fuse-overlayfs'
	equal "$digest" "$want"
	printf '%s\n' 'FROM alpine:3.19' 'RUN echo 1 >/f; ! ln /f /g && ! ln /etc/group /g && [ ! -e /g ]' | dockerfile
	on "$PLAIN/fuse" --snapshots fuse-overlayfs
	ok
	says '/g: '
	CROZE_ROOT=$PLAIN/fuse run croze store check
	ok
	CROZE_ROOT=$PLAIN/fuse run croze store reset --force
	ok
}

@test "a fuse-overlayfs whose images would be others is refused with what mends it" {
	need fuse-overlayfs
	[ -w /dev/fuse ] || skip "/dev/fuse cannot be opened"
	local program
	mkdir lib
	for program in unpack fetch load; do
		ln -s "$CROZE_BUILD/croze-$program" lib/
	done
	dockerfile <<-'EOF'
		FROM alpine:3.19
		RUN true
	EOF
	CROZE_LIBEXEC=$W/lib run build --snapshots fuse-overlayfs
	fails 3
	says '--snapshots fuse-overlayfs:' 'copied up' 'hint: --snapshots copy, or the fuse-overlayfs of a distribution'
}

# nothing of the programs is left
no_program()
{
	! pgrep -u "$(id -u)" fuse-overlayfs >/dev/null
}

@test "fuse-overlayfs that cannot be had is refused with what mends it" {
	dockerfile <<-'EOF'
		FROM alpine:3.19
		RUN true
	EOF
	need bwrap
	run bwrap --dev-bind / / --dev /dev timeout 60 croze build --snapshots fuse-overlayfs c
	fails 3
	says '--snapshots fuse-overlayfs:' 'hint: '
}

@test "a step on a copy has the copy of the one before it, and what that has changed" {
	local driver
	dockerfile <<-'EOF'
		FROM alpine:3.19
		RUN stat -c %i /bin/busybox /etc/fstab /etc/profile >/inodes && echo 1 >>/etc/fstab && rm /etc/motd && mv /etc/profile.d /etc/p && mkdir /etc/motd
		RUN [ "$(stat -c %i /bin/busybox)" = "$(sed -n 1p /inodes)" ] && [ "$(tail -n 1 /etc/fstab)" = 1 ] && [ -d /etc/motd ] && ls /etc/p/README && \
		    [ "$(stat -c %i /etc/profile)" = "$(sed -n 3p /inodes)" ] && [ ! -e /etc/profile.d ] && echo 2 >>/etc/fstab && rm -r /etc/p && touch /etc/profile.d
		RUN [ "$(stat -c %i /bin/busybox)" = "$(sed -n 1p /inodes)" ] && [ "$(tail -n 2 /etc/fstab | tr '\n' ' ')" = '1 2 ' ] && [ ! -e /etc/p ] && \
		    [ -f /etc/profile.d ] && rm /inodes
	EOF
	for driver in copy overlay; do
		[ "$driver" = copy ] || sed -i 's/\[ "$(stat -c %i [^]]*\] && //' c/Dockerfile
		run build --no-cache --snapshots "$driver" --timestamp 0 -t "app:$driver"
		ok
	done
	# not the digests: the layer of the first step has the numbers of the inodes
	diff <(tree app:copy) <(tree app:overlay)
}

@test "F7 a store without hard links and device nodes: steps work on copies, the image is the same" {
	plain link,device
	changes
	on "$W/overlay"
	ok
	local want=$digest
	on "$PLAIN/store" --snapshots copy
	ok
	equal "$digest" "$want"
	CROZE_ROOT=$PLAIN/store run croze store check
	ok
	CROZE_ROOT=$PLAIN/store run croze store reset --force
	ok
	[ ! -e "$PLAIN/store/blobs" ]
}

@test "F7 a store where nobody may give files away: owners are recorded without being asked to, the image is the same" {
	plain owner
	dockerfile <<-'EOF'
		FROM alpine:3.19
		RUN adduser -D u && touch /srv/f && chown u /srv/f && ln -s f /srv/l && chown -h 7:8 /srv/l && mkfifo /srv/p && chown 9 /srv/p
		RUN rm -rf /opt && chgrp 5 /home && su u -c 'touch /tmp/mine'
	EOF
	on "$W/overlay"
	ok
	local want=$digest
	on "$PLAIN/store" --snapshots copy
	ok
	says 'tier: userns-single+copy'
	equal "$digest" "$want"
	CROZE_ROOT=$PLAIN/store run build --isolation userns --snapshots copy --no-cache
	fails 3
	says 'files cannot be given to other users' 'hint: --isolation userns-single'
}

@test "F7 a store without extended attributes: RUN is refused before it begins, builds without RUN work" {
	plain xattr
	dockerfile <<-'EOF'
		FROM alpine:3.19
		RUN true
	EOF
	on "$PLAIN/store"
	fails 3
	says 'files have no extended attributes' 'hint: put the store on a local'
	dockerfile <<-'EOF'
		FROM alpine:3.19
		COPY --chown=5:6 Dockerfile /x/
	EOF
	on "$W/overlay"
	ok
	local want=$digest
	on "$PLAIN/store"
	ok
	equal "$digest" "$want"
}

@test "F7 a store without locks is refused with what mends it" {
	plain lock
	dockerfile <<-'EOF'
		FROM scratch
	EOF
	CROZE_ROOT=$PLAIN/store run build
	fails 3
	says 'cannot lock' 'hint: its file system has no locks'
}

@test "a store on another file system than the home: the image is the same, and rm -rf of the whole works or reset says how" {
	[ -w /dev/shm ] || skip "/dev/shm cannot be written to"
	local store=/dev/shm/croze-$$
	[ "$(stat -c %d /dev/shm)" != "$(stat -c %d "$W")" ] || skip "/dev/shm is on the file system of the tests"
	dockerfile <<-'EOF'
		FROM alpine:3.19
		RUN mkdir -m 0 /shut && touch /shut/f && chown 5:6 /shut/f /shut && rm -rf /opt
	EOF
	on "$W/overlay"
	ok
	local want=$digest
	on "$store"
	ok
	equal "$digest" "$want"
	CROZE_ROOT=$store run croze store reset --force
	ok
	run rm -rf "$store"
	ok
}
