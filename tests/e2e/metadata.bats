#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# metadata - what a file system can say of a file comes through build, save, load and unpack (SECURITY.md, F15 and F16).
#
# Names and trees are compared in tree.bats; here is what is not part of a listing, and what cannot be kept.

load ../lib/common

setup_file()
{
	croze_suite
}

teardown_file()
{
	croze_suite_end
}

# round: the Dockerfile of standard input, then the image saved, loaded into another store and unpacked there by a step.
# Leaves the listing of that step in "seen", and the layers' entries before and after in "before" and "after".
round()
{
	cat >c/Dockerfile
	probe
	run build -t app
	ok || return 1
	image_ok app || return 1
	layers app >before
	croze save -o app.tar app || return 1
	export CROZE_ROOT=$W/other
	croze load -i app.tar >/dev/null || return 1
	mkdir d
	printf 'FROM app\nRUN ["/probe", "list", "/x"]\n' >d/Dockerfile
	timeout 100 croze build --progress=plain -t seen d >log 2>&1 || {
		cat log
		return 1
	}
	layers app >after
	cmp before after || return 1
	sed -n 's/^.* | *[0-9.]* \(\/.*\)$/\1/p' log >seen
}

@test "times: before 1970, 1901, 2038, 2106, 2262, nanoseconds" {
	round <<-'EOF'
		FROM busybox:musl
		COPY probe /probe
		RUN mkdir /x && cd /x && touch a b c d e f && /probe times a -1 0 && /probe times b -2147483648 0 && \
		    /probe times c 2147483648 0 && /probe times d 4294967296 0 && /probe times e 9224318015 999999999 && \
		    /probe times f 1000000000 123456789
	EOF
	layers app | grep ' x/' >x
	cat x
	grep -E ' -1(\.0+)? x/a' x
	grep -E ' -2147483648(\.0+)? x/b' x
	grep -E ' 2147483648(\.0+)? x/c' x
	grep -E ' 4294967296(\.0+)? x/d' x
	grep -E ' 922431801[56][0-9.]* x/e' x # the reader rounds
	grep -E ' 1000000000[0-9.]* x/f' x
}

@test "owners: the last of the range, and those beyond it in an archive" {
	mkdir c/t
	echo x >c/t/f
	tar -C c/t --owner=2147483647 --group=65536 -cf c/a.tar f
	rm -r c/t
	round <<-'EOF'
		FROM busybox:musl
		COPY probe /probe
		ADD a.tar /x/
		RUN touch /x/last && chown 65535:65535 /x/last 2>/dev/null || chown 65534:65534 /x/last
	EOF
	[[ $(entry app /x/f) == "f "*" 2147483647:65536 "* ]]
	[[ $(entry app /x/last) == *" 6553"[45]":6553"[45]" "* ]]
}

@test "65,000 names of one file" {
	round <<-'EOF'
		FROM busybox:musl
		COPY probe /probe
		RUN mkdir /x && /probe links /x 65000
	EOF
	equal "$(tree app | grep -c '^/x/l.*=x/l')" 65000
}

@test "extended attributes: many, large, binary, on folders and links' targets" {
	round <<-'EOF'
		FROM busybox:musl
		COPY probe /probe
		RUN mkdir /x && touch /x/f && for i in 1 2 3 4 5 6 7 8 9; do /probe xattr /x/f user.n$i v$i; done && \
		    /probe xattr /x/f "user.a.b" "with = and newline" && touch /x/big && /probe xattr /x/big user.big @3900 && \
		    /probe xattr /x user.dir yes
	EOF
	cat seen
	equal "$(entry app /x/f | grep -o 'user\.' | wc -l)" 10
	[[ $(entry app /x) == *user.dir=796573* ]]
	equal "$(entry app /x/big | grep -o 'user.big=\(78\)*' | wc -c)" 7810
}

@test "an attribute whose name no layer can hold is left out, and said" {
	dockerfile <<-'EOF'
		FROM busybox:musl
		COPY probe /probe
		RUN touch /f && /probe xattr /f "user.a=b" value && /probe xattr /f user.kept yes
	EOF
	probe
	run build -t app
	ok
	says "user.a=b" /f
	[[ $(entry app /f) == *" user.kept=796573" ]]
}

@test "file capabilities have the 20-byte form of no namespace" {
	round <<-'EOF'
		FROM busybox:musl
		COPY probe /probe
		RUN mkdir /x && cp /bin/busybox /x/b && /probe caps /x/b
	EOF
	[[ $(entry app /x/b) == *"security.capability=0100000200240000000000000000000000000000" ]]
	has security.capability=0100000200240000000000000000000000000000 seen
}

@test "setuid, setgid and sticky survive a change of owner behind them" {
	round <<-'EOF'
		FROM busybox:musl
		COPY probe /probe
		RUN mkdir /x && touch /x/s && chown 5:6 /x/s && chmod 6755 /x/s && mkdir /x/t && chown 7 /x/t && chmod 3777 /x/t
	EOF
	has "/s f 6755 5:6" seen
	has "/t d 3777 7:0" seen
}

@test "a socket is left out, and said" {
	dockerfile <<-'EOF'
		FROM busybox:musl
		COPY probe /probe
		RUN /probe socket /s && touch /f
	EOF
	probe
	run build -t app
	ok
	says /s socket
	equal "$(entry app /s)" ""
	entry app /f | grep '^f '
}

@test "a sparse file of 100 GiB costs its data only" {
	[ -n "${CROZE_TEST_LONG-}" ] || skip "reads 100 GiB of zeros: set CROZE_TEST_LONG=1"
	dockerfile <<-'EOF'
		FROM busybox:musl
		COPY probe /probe
		RUN /probe sparse /s 107374182400
	EOF
	probe
	LIMIT=3000 run build -t app
	ok
	[ "$(du -sm "$CROZE_ROOT" | cut -f1)" -lt 1000 ]
}

@test "names of 255 bytes, paths of 4,095, folders 2,000 deep" {
	round <<-'EOF'
		FROM busybox:musl
		COPY probe /probe
		RUN mkdir /x /x/deep && /probe names /x && /probe deep /x/deep 2000 && \
		    cd /x && for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15; do \
		    mkdir $(printf "p%.0s" $(seq 255)) && cd $(printf "p%.0s" $(seq 255)); done && touch end
	EOF
	equal "$(tree app | grep -c '^/x/deep/')" 2001
}
