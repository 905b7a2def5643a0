#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# attack_context - contexts, paths and accounts that try to leave the image (SECURITY.md, rows C1 to C20).
#
# C2, C3, C4 and C10 (repositories, HTTP) are in remote.bats, C1 of archives in contexts.bats. C14 (compose files) has nothing here to
# attack: there are no such inputs.

load ../lib/common
load ../lib/canary

setup_file()
{
	croze_suite
}

teardown_file()
{
	croze_suite_end
}

@test "C3 contexts whose URL is an option or a command are refused by name, and nothing is started" {
	local url
	need strace
	canary_make
	for url in "https://example.invalid/x.git#main:../../.." "git@-x:x.git" "-u" \
	    "ext::sh -c touch% $CANARY/pwn" "s3://example.invalid/x.tar.gz" "git://example.invalid/x#--upload-pack=x"; do
		echo "case $url"
		attack strace -f -qq -e trace=execve,connect -o "$W/trace" croze build -t attack "$url"
		fails 2
		canary_holds
		equal "$(grep -c execve "$W/trace")" 1
		lacks AF_INET "$W/trace"
	done
}

@test "C5 a Dockerfile that is a link to the outside is refused" {
	canary_make
	printf 'FROM scratch\nCOPY . /\n# %s\n' "$CANARY_SECRET" >"$CANARY/Dockerfile"
	canary_state >"$W/canary.before"
	ln -s "$CANARY/Dockerfile" c/Dockerfile
	attack croze build -t attack c
	refused Dockerfile
}

@test "C5 a .dockerignore that is a link to the outside is refused" {
	canary_make
	printf 'FROM scratch\nCOPY . /\n' >c/Dockerfile
	ln -s "$CANARY/secret" c/.dockerignore
	attack croze build -t attack c
	refused .dockerignore
}

@test "C5 twin: a Dockerfile given by -f may be anywhere, and a link inside the context is followed" {
	printf 'FROM scratch\nCOPY a /\n' >elsewhere
	echo x >c/a
	run build -f elsewhere -t one
	ok
	mkdir c/sub
	mv elsewhere c/sub/real
	ln -s sub/real c/Dockerfile
	run build -t two
	ok
}

@test "C6 a link of the context to the outside is never read through" {
	canary_make
	mkdir c/tree
	ln -s "$CANARY/secret" c/leak
	ln -s "$CANARY" c/dir
	ln -s leak c/chain
	ln -s ../../canary c/tree/relative
	ln -s "$CANARY/secret" c/tree/inside
	local source
	for source in leak dir chain dir/secret tree/relative/secret "dir/*" "l*k"; do
		echo "case $source"
		printf 'FROM scratch\nCOPY %s /x/\n' "$source" >c/Dockerfile
		attack croze build --progress=plain -t attack c
		refused_or_confined
	done
	printf 'FROM scratch\nCOPY tree /x/\n' >c/Dockerfile
	attack croze build -t attack c
	confined
	equal "$(entry attack /x/inside | cut -d' ' -f1,4)" "l $CANARY/secret"
}

@test "C6 .. in a source stays in the context" {
	canary_make
	local source
	for source in ../canary/secret /../canary/secret "../../../../../..$CANARY/secret" "x/../../canary/secret"; do
		echo "case $source"
		printf 'FROM scratch\nCOPY %s /x/\n' "$source" >c/Dockerfile
		attack croze build -t attack c
		refused "secret"
	done
	mkdir -p c/canary
	echo inside >c/canary/secret
	printf 'FROM scratch\nCOPY ../canary/secret /x\n' >c/Dockerfile
	attack croze build -t attack c
	confined
	equal "$(entry attack /x | cut -d' ' -f4)" 7
}

@test "C7 a path of a stage is resolved inside the stage" {
	canary_make
	dockerfile <<-EOF
		FROM busybox:musl AS a
		RUN ln -s $CANARY /dir && ln -s $CANARY/secret /file && ln -s ../../../../../../../..$CANARY/secret /up
		FROM busybox:musl
		COPY --from=a /SOURCE /x/
		RUN true
	EOF
	local source
	for source in dir file up dir/secret "../../../../../../../../../../..$CANARY/secret"; do
		echo "case $source"
		sed -i "s|COPY --from=a [^ ]* |COPY --from=a /$source |" c/Dockerfile
		attack croze build -t attack c
		refused "${source##*/}"
	done
	dockerfile <<-EOF
		FROM busybox:musl AS a
		RUN mkdir -p $CANARY && echo inside >$CANARY/secret && ln -s $CANARY /dir
		FROM scratch
		COPY --from=a /dir/secret /x
	EOF
	attack croze build -t attack c
	confined
	equal "$(entry attack /x | cut -d' ' -f4)" 7
}

@test "C8 an output folder with links in it is not written through" {
	canary_make
	mkdir out
	ln -s "$CANARY" out/etc
	ln -s "$CANARY/secret" out/f
	ln -s "$CANARY/pwn" out/g
	mkdir -p c/r/etc
	echo x >c/r/etc/secret
	echo x >c/r/etc/pwn
	echo x >c/r/f
	echo x >c/r/g
	printf 'FROM scratch\nCOPY r /\n' >c/Dockerfile
	attack croze build -o type=local,dest=out c
	refused_or_confined
}

@test "C8 S12 an output file that is a link is replaced, not followed" {
	canary_make
	ln -s "$CANARY/secret" out.tar
	ln -s "$CANARY/new" new.tar
	printf 'FROM scratch\nLABEL a=b\n' >c/Dockerfile
	attack croze build -o type=oci,dest=out.tar c
	refused_or_confined
	attack croze build -o type=docker,dest=new.tar c
	refused_or_confined
	attack croze build --iidfile new.tar --metadata-file out.tar -t x c
	refused_or_confined
}

@test "C9 C11 names, digests and platforms of a layout are never paths" {
	local c
	canary_make
	for c in C9_digest_is_a_path C9_digest_algorithm_is_a_path; do
		echo "case $c"
		layer_build "$c"
		refused
		attack croze import "$W/layout"
		refused
		rm -r "$W/layout"
	done
	layer_build C11_platform_is_a_path
	refused_or_confined
	attack croze import "$W/layout"
	refused_or_confined
}

@test "C9 image names that are paths are refused" {
	canary_make
	printf 'FROM scratch\nLABEL a=b\n' >c/Dockerfile
	local name
	for name in ../x /x "x/../../y" "$(printf 'a%.0s' {1..5000})" "x:../y" "x@sha256:../.." "X" "a\\b" $'a\nb' ""; do
		echo "case ${name:0:60}"
		attack croze build -t "$name" c
		fails 2
		canary_holds
	done
}

@test "C9 stage names that are paths are refused" {
	canary_make
	local name
	for name in ../x /x a/b .. . "a:b"; do
		echo "case $name"
		printf 'FROM scratch AS %s\nLABEL a=b\n' "$name" >c/Dockerfile
		attack croze build -t attack c
		fails 2
		says Dockerfile:1
		canary_holds
	done
}

@test "C12 WORKDIR and COPY through a link of the image stay inside" {
	canary_make
	echo x >c/f
	dockerfile <<-EOF
		FROM busybox:musl
		RUN ln -s $CANARY /wd && ln -s $CANARY/secret /file && ln -s ../../../../../../../../../..$CANARY /up
		WORKDIR /wd/new
		COPY f /wd/f
		COPY f /file
		COPY f /up/g
		ADD f /wd/deep/er/
		RUN echo y >/wd/from-run
	EOF
	attack croze build --progress=plain -t attack c
	confined
	entry attack "$CANARY/f" | grep '^f '
	entry attack "$CANARY/new" | grep '^d '
	entry attack "$CANARY/g" | grep '^f '
}

@test "C13 well-known paths that are links are not followed by the set-up of a step" {
	canary_make
	dockerfile <<-EOF
		FROM busybox:musl
		RUN rm -rf /run && ln -s $CANARY /run && rm -rf /tmp && ln -s $CANARY /tmp && ln -s $CANARY/pwn /etc/system-fips
		RUN true
		RUN rm -rf /proc2 /sys2; rm -rf /var && ln -s $CANARY /var
		RUN true
	EOF
	attack croze build -t attack c
	refused_or_confined
}

@test "C13 R7 R8 mount points of the step that are links in the base are not followed" {
	canary_make
	mkdir t
	local d
	for d in proc sys dev etc; do
		ln -s "$CANARY" "t/$d"
	done
	tar -C t --owner=0 --group=0 -cf links.tar .
	"$PYTHON" "$LIB/oci_layout.py" subset "$SUITE/bases" layout docker.io/library/busybox:musl
	"$PYTHON" "$LIB/oci_layout.py" append layout hostile:latest docker.io/library/busybox:musl links.tar
	printf 'FROM hostile\nRUN true\n' >c/Dockerfile
	attack croze build -t attack --build-context "hostile=oci-layout://$W/layout:hostile:latest" c
	refused_or_confined
}

@test "C15 files exchanged for links while they are exported give nothing of the outside" {
	local swapper i
	canary_make
	mkdir out c/d
	echo x >c/d/secret
	printf 'FROM scratch\nCOPY d /d\n' >c/Dockerfile
	(
		set +e
		while :; do
			rm -rf out/d && ln -s "$CANARY" out/d
			rm -f out/d
		done 2>/dev/null
	) &
	swapper=$!
	disown
	for ((i = 0; i < 20; i++)); do
		timeout 20 croze build -q -o type=local,dest=out c >>race.log 2>&1 || true
	done
	kill "$swapper"
	wait "$swapper" 2>/dev/null || true
	output=$(cat race.log) status=0
	canary_holds
}

@test "C16 an account file that is no regular file is refused at once" {
	local make
	canary_make
	echo x >c/f
	for make in "mkfifo /etc/passwd" "ln -s /dev/zero /etc/passwd" "ln -s $CANARY/passwd /etc/passwd" \
	    "ln -s $CANARY/fifo /etc/passwd" "mkdir /etc/passwd" "ln -s passwd /etc/passwd" "mkfifo /p && ln -s /p /etc/passwd"; do
		echo "case $make"
		printf 'FROM busybox:musl\nRUN rm /etc/passwd && %s\nUSER app\nRUN true\n' "$make" >c/Dockerfile
		attack croze build --progress=plain -t attack c
		refused app
		printf 'FROM busybox:musl\nRUN rm /etc/passwd && %s\nCOPY --chown=app f /f\n' "$make" >c/Dockerfile
		attack croze build --progress=plain -t attack c
		refused app
	done
}

@test "C17 a huge account file costs little memory" {
	local make
	canary_make
	for make in "truncate -s 2G /etc/passwd" \
	    "printf 'g:x:5:' >/etc/group && yes root, | head -n 2000000 | tr -d '\\\\n' >>/etc/group" \
	    "yes 'u:x:7:7::/:/bin/sh' | head -n 1000000 >/etc/passwd"; do
		echo "case $make"
		printf 'FROM busybox:musl\nRUN %s\nUSER app:g\nRUN true\n' "$make" >c/Dockerfile
		attack "$LIB/measure.py" -o "$W/m" croze build --progress=plain -t attack c
		refused_or_confined
		cat "$W/m"
		[ "$(sed 's/.*peak_process_kib": \([0-9]*\).*/\1/' "$W/m")" -lt 49152 ]
	done
}

@test "C18 a number is a user id, even when an account has it as its name" {
	dockerfile <<-'EOF'
		FROM busybox:musl
		RUN echo '1000:x:0:0::/root:/bin/sh' >>/etc/passwd && echo '1000:x:0:' >>/etc/group && mkdir -m 1777 /out
		COPY --chown=1000:1000 f /f
		USER 1000
		RUN id -u >/out/user
		USER 1000:1000
		RUN id -g >/out/group && test "$(cat /out/user)" = 1000 && test "$(cat /out/group)" = 1000
	EOF
	echo x >c/f
	run build -t app
	ok
	equal "$(entry app /f | cut -d' ' -f3)" 1000:1000
}

@test "C19 numbers that are no ids are refused" {
	local user
	canary_make
	for user in 4294967296 4294967295 18446744073709551616 -1 1:99999999999 1:-1 99999999999999999999; do
		echo "case $user"
		printf 'FROM busybox:musl\nUSER %s\nRUN id\n' "$user" >c/Dockerfile
		attack croze build --progress=plain -t attack c
		refused "$user"
		says_not "uid=0"
		echo x >c/f
		printf 'FROM scratch\nCOPY --chown=%s f /f\n' "$user" >c/Dockerfile
		attack croze build --progress=plain -t attack c
		refused "$user"
	done
}

@test "C20 an account file that is an honest link inside the image is followed" {
	dockerfile <<-'EOF'
		FROM busybox:musl
		RUN mkdir -p /usr/etc && echo 'app:x:1234:2345::/:/bin/sh' >>/etc/passwd && mv /etc/passwd /usr/etc/passwd && \
		    ln -s /usr/etc/passwd /etc/passwd
		COPY --chown=app f /f
		USER app
		RUN test "$(id -u)" = 1234
	EOF
	echo x >c/f
	run build -t app
	ok
	[[ $(entry app /f) == *" 1234:"* ]]
}

@test "N6 a step with --network=none has the loopback and nothing else" {
	printf 'FROM busybox:musl\nRUN ip -o link | grep -v ": lo" >/links; test ! -s /links\n' >c/Dockerfile
	run build --network none -t app
	ok
}

@test "R1 a step gets no descriptor and no variable of the builder" {
	probe
	export SECRET_OF_THE_USER=canary-secret-5f3a9c
	dockerfile <<-'EOF'
		FROM busybox:musl
		COPY probe /probe
		RUN ["/probe", "env"]
	EOF
	run build -t app
	unset SECRET_OF_THE_USER
	ok
	says_not "open descriptor" canary-secret
	says PATH=
}
