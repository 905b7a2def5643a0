#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# tree - the tree that the last step saw is the tree of the image, entry by entry.
#
# The step lists its own root with lib/probe.c; the layers are read by lib/oci_tree.py and unpacked by umoci.

load ../lib/common

setup_file()
{
	croze_suite
}

teardown_file()
{
	croze_suite_end
}

SKIPPED="/listing /proc /sys /dev /etc/hosts /etc/resolv.conf /etc/hostname"

# same_tree: builds, with a last step that lists the tree into the image; compares the three views.
same_tree()
{
	need umoci
	probe
	printf 'COPY probe /probe\nRUN ["/bin/sh", "-c", "/probe list / %s >/tmp/l && cat /tmp/l >/listing && rm /tmp/l"]\n' \
	    "$SKIPPED /tmp/l" >>c/Dockerfile
	run build -t app -o type=oci,dest=out,tar=false
	ok || return 1
	image_ok app || return 1
	mkdir u
	# shellcheck disable=SC2086
	ns sh -c 'umoci raw unpack --image "$1" u/rootfs >&2 && cat u/rootfs/listing >inside && shift 2 &&
	    exec "$@"' sh "out:$(umoci list --layout out)" -- "$W/c/probe" list u/rootfs $SKIPPED >unpacked
	tree app | grep -vE '^/(listing|dev/.*|proc/.*|sys/.*|etc/(hosts|resolv.conf|hostname)|proc|sys|dev) ' >layers
	# the folder that held the listing for a moment keeps the time only, and times are not compared
	for f in inside unpacked layers; do
		grep -v '^/tmp/l ' $f | LC_ALL=C sort >$f.sorted
	done
	diff -u inside.sorted layers.sorted | head -n 60 || true
	diff -u inside.sorted unpacked.sorted | head -n 60 || true
	cmp inside.sorted layers.sorted && cmp inside.sorted unpacked.sorted
}

@test "plain files, links and modes" {
	dockerfile <<-'EOF'
		FROM busybox:musl
		RUN mkdir -p /d/e && echo x >/d/f && chmod 4711 /d/f && ln -s f /d/l && ln -s /nowhere /d/dangling && mkfifo /d/p
		RUN chown -R 5:6 /d && chown -h 7:8 /d/l && mkdir -m 1777 /t && mkdir -m 0000 /closed
	EOF
	same_tree
}

@test "whiteouts of files, folders and links of lower layers" {
	dockerfile <<-'EOF'
		FROM busybox:musl
		RUN mkdir -p /d/s/t && touch /d/a /d/b /d/s/c /d/s/t/d && ln -s a /d/l
		RUN rm /d/a /d/l && rm -r /d/s/t && rm -f /bin/uname
		RUN rm -r /d/s && touch /d/a
	EOF
	same_tree
}

@test "opaque folders" {
	dockerfile <<-'EOF'
		FROM busybox:musl
		RUN mkdir -p /d/s /o && touch /d/1 /d/2 /d/s/3 /o/x
		RUN rm -r /d && mkdir /d && touch /d/new && rm -r /o && mkdir -m 0700 /o
		RUN rm -r /d && mkdir -p /d/s && touch /d/s/again
		RUN rmdir /d/s 2>/dev/null || rm -r /d/s; mkdir /d/s
	EOF
	same_tree
}

@test "changes of type" {
	dockerfile <<-'EOF'
		FROM busybox:musl
		RUN echo f >/a && mkdir /b && touch /b/x && ln -s a /c && mkfifo /e && mkdir /g && touch /g/y
		RUN rm -r /a /b /c /e /g; mkdir /a && touch /a/z && echo b >/b && mkdir /c && ln -s b /e && mkfifo /g
		RUN rm -r /a /b /c /e /g; ln -s x /a && mkdir /b && mkfifo /c && echo e >/e && mkdir /g && touch /g/w
	EOF
	same_tree
}

@test "hard links in a layer, across folders and layers" {
	dockerfile <<-'EOF'
		FROM busybox:musl
		RUN mkdir /d && echo x >/d/a && ln /d/a /d/b && ln /d/a /c && mkfifo /p1 && ln /p1 /p2 && ln -s a /d/l1 && ln /d/l1 /d/l2
		RUN ln /d/b /later && mkdir /e && mv /c /e/
		RUN rm /d/a && echo more >>/e/c
	EOF
	same_tree
}

@test "sparse and large files" {
	dockerfile <<-'EOF'
		FROM busybox:musl
		COPY probe /p
		RUN /p sparse /sparse 50000000 && dd if=/dev/urandom of=/large bs=64k count=50 2>/dev/null
		RUN /p sparse /sparse 60000000 && echo x >>/large
	EOF
	probe
	same_tree
}

@test "file capabilities and extended attributes" {
	dockerfile <<-'EOF'
		FROM busybox:musl
		COPY probe /p
		RUN cp /p /capable && /p caps /capable && echo x >/f && /p xattr /f user.a one && /p xattr /f user.b @4000
		RUN mkdir /d && /p xattr /d user.on.folder yes && mv /capable /d && /p xattr /f user.a two
		RUN chown 5:5 /f
	EOF
	probe
	same_tree
}

@test "names that are long, not UTF-8, or full of control characters" {
	dockerfile <<-'EOF'
		FROM busybox:musl
		COPY probe /p
		RUN mkdir /n /m && /p names /n && cp -a /n /n2
		RUN rm /n2/* && rmdir /m && mv /n /m
	EOF
	probe
	same_tree
}

@test "deep trees and many links" {
	dockerfile <<-'EOF'
		FROM busybox:musl
		COPY probe /p
		RUN mkdir /deep /links && /p deep /deep 900 && /p links /links 3000
		RUN rm /links/l7 /links/l2999 && echo x >>/links/l1
	EOF
	probe
	same_tree
}

@test "copied from the context and from stages" {
	mkdir -p c/src/sub
	echo a >c/src/a
	ln c/src/a c/src/sub/hard
	ln -s ../a c/src/sub/link
	chmod 0711 c/src/sub
	chmod 4755 c/src/a
	mkfifo c/src/pipe
	setfattr -n user.note -v x c/src/a 2>/dev/null || true
	dockerfile <<-'EOF'
		FROM busybox:musl AS a
		COPY --chown=1:2 src /src
		RUN mkdir /x && ln /src/a /x/hard && chown 3:4 /x
		FROM busybox:musl
		COPY src /one
		COPY --chown=5 --chmod=0750 src /two/
		COPY --from=a /x /src /three/
		COPY --from=a /src/sub /bin/sub
	EOF
	same_tree
}
