#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# contexts - where the files of a build come from, and what of them stays out (DOCKERFILE.md 10 and 11).

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

# context_files: a context in c with a Dockerfile that copies all of it.
context_files()
{
	mkdir -p c/sub
	echo a >c/a
	echo b >c/sub/b
	chmod 750 c/sub
	chmod 640 c/sub/b
	printf 'FROM scratch\nCOPY . /x/\n' >c/Dockerfile
}

# in_x NAME: the paths below /x, without those of the files that make the build.
in_x()
{
	tree "$1" | awk '/^\/x\// { print $1 }' | grep -vE '/(Dockerfile|dockerfile|[^/]*ignore)$' | tr '\n' ' '
}

@test "11.2 a Dockerfile on standard input builds without a context" {
	run croze build -t app - <<-'EOF'
		FROM scratch
		LABEL a=b
	EOF
	ok
	run croze build -t app - <<-'EOF'
		FROM scratch
		COPY a /
	EOF
	fails 2
	says "there is no build context"
}

@test "11.3 an archive on standard input is the context, whatever its compression" {
	local filter
	context_files
	run build -t dir
	ok
	for filter in cat "gzip -c" "bzip2 -c" "xz -c" "zstd -qc"; do
		need "${filter%% *}"
		tar -C c --owner=1 --group=2 -cf - . | $filter >c.tar
		run timeout 60 croze build --progress=plain -t app - <c.tar
		ok
		image_ok app
		equal "$(in_x app)" "/x/a /x/sub /x/sub/b "
		equal "$(entry app /x/sub | cut -d' ' -f1-3)" "d 0750 0:0"
		equal "$(entry app /x/sub/b | cut -d' ' -f1-3)" "f 0640 0:0"
		[ "$(tree app)" = "$(tree dir)" ]
	done
	nothing_left
}

@test "11.3 the layer of an archive on standard input is found in the cache of the same folder" {
	context_files
	printf 'FROM scratch\nCOPY sub /x/\n' >c/Dockerfile
	run build -t dir
	ok
	tar -C c -cf c.tar .
	run timeout 60 croze build --progress=plain -t app - <c.tar
	ok
	says "2 cached, 0 run"
}

@test "11.3 11.5 -f names a file in the archive on standard input, and not one beside it" {
	context_files
	mkdir -p c/docker
	printf 'FROM scratch\nCOPY a /inside\n' >c/docker/app.Dockerfile
	printf 'FROM scratch\nCOPY a /outside\n' >app.Dockerfile
	tar -C c -cf c.tar .
	run timeout 60 croze build -t app -f docker/app.Dockerfile - <c.tar
	ok
	entry app /inside | grep '^f'
	run timeout 60 croze build -t app -f app.Dockerfile - <c.tar
	fails 2
	says app.Dockerfile "is not there"
	cp app.Dockerfile text
	run timeout 60 croze build -t app -f app.Dockerfile - <text
	fails 2
	says "that is none"
	tar -C c --format=v7 -cf c.tar ./docker ./a
	run timeout 60 croze build -t app -f docker/app.Dockerfile - <c.tar
	ok
}

@test "11.3 an archive on standard input that is cut, or none at all, is refused" {
	context_files
	head -c 100000 /dev/urandom >c/big
	tar -C c -czf c.tgz .
	head -c 5000 c.tgz >cut.tgz
	run timeout 60 croze build -t app - <cut.tgz
	fails 2
	says "build context from standard input"
	printf '\x1f\x8bgarbage' >garbage
	run timeout 60 croze build -t app - <garbage
	fails 2
	nothing_left
	run timeout 60 croze build -t app -f - . <c.tgz
	fails 2
	says "standard input is an archive, and no Dockerfile"
}

@test "11.5 -f - reads the Dockerfile from standard input, beside a folder as context" {
	context_files
	run croze build -t app -f - c <<-'EOF'
		FROM scratch
		COPY a /from-stdin
	EOF
	ok
	entry app /from-stdin | grep '^f'
}

@test "11.5 Dockerfile falls back to dockerfile, and to Containerfile" {
	context_files
	mv c/Dockerfile c/dockerfile
	run build -t app
	ok
	run build -t app -f c/Dockerfile
	ok
	run build -t app -f Dockerfile
	ok
	tar -C c -cf c.tar .
	run timeout 60 croze build -t app - <c.tar
	ok
	run timeout 60 croze build -t app -f Dockerfile - <c.tar
	ok
	mv c/dockerfile c/Containerfile
	run build -t app
	ok
	run build -t app -f nosuch/Dockerfile
	fails 2
}

@test "10.1 FILE.dockerignore beside the Dockerfile wins over .dockerignore, .containerignore does too" {
	context_files
	printf 'a\n' >c/.dockerignore
	run build -t app
	ok
	equal "$(in_x app)" "/x/sub /x/sub/b "
	printf 'sub\n' >c/.containerignore
	run build -t app
	ok
	equal "$(in_x app)" "/x/a "
	printf 'a\nsub\n' >c/Dockerfile.dockerignore
	run build -t app
	ok
	equal "$(in_x app)" ""
	mkdir elsewhere
	cp c/Dockerfile elsewhere/other
	printf '# nothing but b\n**/b\n' >elsewhere/other.dockerignore
	run build -t app -f elsewhere/other
	ok
	equal "$(in_x app)" "/x/a /x/sub "
}

@test "10.1 --ignorefile is instead of them all" {
	context_files
	printf 'a\n' >c/.dockerignore
	printf 'sub\n' >rules
	run build -t app --ignorefile rules
	ok
	equal "$(in_x app)" "/x/a "
	run build -t app --ignorefile nosuch
	fails 1
	says nosuch
	printf 'a[\n' >rules
	run build -t app --ignorefile rules
	fails 2
	says rules:1
	printf 'FROM scratch\nCOPY sub/b /x/\n' >c/Dockerfile
	printf 'sub\n' >rules
	run build -t app --ignorefile rules
	fails 2
	says "it is left out by 'sub', line 1 of rules"
}

@test "10.1 an ignore file in an archive does not count, as with the reference builder; --ignorefile does" {
	context_files
	printf 'a\n' >c/.dockerignore
	tar -C c -cf c.tar .
	run timeout 60 croze build -t app - <c.tar
	ok
	equal "$(in_x app)" "/x/a /x/sub /x/sub/b "
	run timeout 60 croze build -t app --ignorefile c/.dockerignore - <c.tar
	ok
	equal "$(in_x app)" "/x/sub /x/sub/b "
}

@test "10.5 T46 the Dockerfile and the ignore file are read even when they are ignored" {
	context_files
	printf 'Dockerfile\n.dockerignore\n' >c/.dockerignore
	run build -t app
	ok
	equal "$(tree app | grep -c '^/x/\(Dockerfile\|.dockerignore\)')" 0
}

@test "10.1 10.6 ignore files do not touch what comes from stages, and named contexts have their own" {
	context_files
	mkdir named
	echo 1 >named/a
	echo 2 >named/c
	echo c >named/.dockerignore
	printf 'a\n' >c/.dockerignore
	dockerfile <<-'EOF'
		FROM busybox:musl AS one
		RUN mkdir /r && echo 1 >/r/a
		FROM scratch
		COPY --from=one /r /stage/
		COPY --from=named . /named/
	EOF
	run build -t app --build-context named=named
	ok
	entry app /stage/a | grep '^f'
	entry app /named/a | grep '^f'
	equal "$(entry app /named/c)" ""
}

@test "11.6 --build-context NAME::OS/ARCH is for that platform alone, and wins over NAME" {
	local native other=linux/s390x
	native=$(croze version | grep -o 'linux/[a-z0-9/]*' | head -n 1 || true)
	[ -n "$native" ] || native=linux/$(uname -m | sed 's/x86_64/amd64/;s/aarch64/arm64/')
	mkdir all this that
	echo all >all/f
	echo this >this/f
	echo that >that/f
	printf 'FROM scratch\nCOPY --from=src f /f\n' >c/Dockerfile
	run build -t app --build-context src=all --build-context "src::$native=this" --build-context "src::$other=that"
	ok
	equal "$(entry app /f | cut -d' ' -f4)" 5
	croze build -o type=tar,dest=- --build-context src=all --build-context "src::$native=this" c 2>/dev/null | tar -xOf - f | grep -x this
	croze build -o type=tar,dest=- --build-context "src::$other=that" --build-context src=all c 2>/dev/null | tar -xOf - f | grep -x all
	run build -t app --build-context "src::$other=that"
	[ "$status" -ne 0 ]
	run build -t app --build-context "src::nonsense/x/y/z=that"
	fails 2
	run build -t app --build-context "::linux/amd64=that"
	fails 2
}

@test "11.6 T16 a stage named like a context is replaced by it, and FROM of a folder is its content" {
	mkdir src
	echo x >src/x
	printf 'FROM busybox:musl AS src\nRUN false\nFROM scratch\nCOPY --from=src x /x\nFROM src\n' >c/Dockerfile
	run build -t app --build-context src=src
	ok
	entry app /x | grep '^f'
}

@test "C1 a Dockerfile of an archive that is a link to outside is refused" {
	canary_make
	mkdir t
	printf 'FROM scratch\nCOPY . /\n' >"$CANARY/Dockerfile"
	canary_state >"$W/canary.before"
	ln -s "$CANARY/Dockerfile" t/Dockerfile
	tar -C t -cf t.tar .
	attack croze build -t attack - <t.tar
	refused Dockerfile
	nothing_left
}

@test "A11 C1 entries of an archive as context do not leave it" {
	canary_make
	"$PYTHON" - "$CANARY" <<-'EOF'
		import io, sys, tarfile
		canary = sys.argv[1]
		with tarfile.open("evil.tar", "w") as tar:
		    def add(name, data=b"", **more):
		        info = tarfile.TarInfo(name)
		        info.size = len(data)
		        for key, value in more.items():
		            setattr(info, key, value)
		        tar.addfile(info, io.BytesIO(data))
		    add("Dockerfile", b"FROM scratch\nCOPY . /x/\n")
		    add("l", type=tarfile.SYMTYPE, linkname=canary)
		    add("l/pwn", b"pwn")
		    add("up", type=tarfile.SYMTYPE, linkname="../../../../../../../../" + canary)
		    add("up/pwn", b"pwn")
		    add("../../../../../../../.." + canary + "/pwn", b"pwn")
		    add("h", type=tarfile.LNKTYPE, linkname="l/secret")
	EOF
	attack croze build --progress=plain -t attack - <evil.tar
	refused_or_confined
	nothing_left
}

@test "A11 twin: links, folders without entries, 0711 and setgid of an archive build" {
	mkdir -p t/d/e
	echo x >t/d/e/f
	ln -s d/e t/l
	ln -s /absolute t/abs
	chmod 0711 t/d
	chmod 2755 t/d/e
	printf 'FROM scratch\nCOPY . /x/\nCOPY l/f /through\n' >t/Dockerfile
	tar -C t -cf t.tar Dockerfile d/e d/e/f l abs
	run timeout 60 croze build -t app - <t.tar
	ok
	equal "$(entry app /x/d/e | cut -d' ' -f1-2)" "d 2755"
	equal "$(entry app /x/l | cut -d' ' -f1,4)" "l d/e"
	entry app /through | grep '^f'
}
