#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# findings - what a build says of the image it made: programs that cannot start, data that are missing, secrets.
#
# The five rows of the table "Common Issues" of an article on multi-stage builds are here under its words for them.

load ../lib/common

setup_file()
{
	croze_suite
	# programs to be looked at, not run
	command -v gcc >/dev/null || return 0
	printf 'int puts(const char *); int main(void) { return puts("hello") < 0; }\n' >"$SUITE/p.c"
	gcc -o "$SUITE/dynamic" "$SUITE/p.c"
	gcc -static -o "$SUITE/static" "$SUITE/p.c" || rm -f "$SUITE/static"
	printf 'const char *const wants[] = { "%s", "%s" }; int main(int c, char **v) { return *wants[c & 1] == **v; }\n' \
	    time.LoadLocation /etc/ssl/certs/ca-certificates.crt >"$SUITE/w.c"
	gcc -static -o "$SUITE/wants" "$SUITE/w.c" || rm -f "$SUITE/wants"
	# what every Go program has
	sed 's/time.LoadLocation/time.LoadLocationFromTZData/; s/ca-certificates.crt/none/' "$SUITE/w.c" >"$SUITE/n.c"
	gcc -static -o "$SUITE/wants-not" "$SUITE/n.c" || rm -f "$SUITE/wants-not"
}

teardown_file()
{
	croze_suite_end
}

# programs: into the build context, or the test is skipped.
programs()
{
	[ -x "$SUITE/static" ] || skip "no C compiler with a static C library"
	cp "$SUITE/dynamic" "$SUITE/static" "$SUITE/wants" "$SUITE/wants-not" c/
}

@test "article 1, binary not found in runtime: COPY --from names what is near in that stage" {
	programs
	cat >c/Dockerfile <<-'EOF'
		FROM busybox:musl AS builder
		COPY static /app/bin/server
		FROM scratch
		COPY --from=builder /app/server /server
		ENTRYPOINT ["/server"]
	EOF
	run build -t app
	fails 1
	says "Dockerfile:4" "/app/server" "/app/bin/server"
}

@test "article 1, binary not found in runtime: the program of ENTRYPOINT is not in the image" {
	programs
	printf 'FROM scratch\nCOPY static /usr/bin/server\nENTRYPOINT ["/usr/bin/srver"]\n' >c/Dockerfile
	run build -t app
	ok
	says "Dockerfile:3: ENTRYPOINT starts '/usr/bin/srver', which the image does not have; there is '/usr/bin/server' (EntrypointMissing)"
	printf 'FROM busybox:musl\nCOPY static /opt/server\nCMD ["server"]\n' >c/Dockerfile
	run build -t app
	ok
	says "CMD starts 'server', which is in no directory of PATH" "(EntrypointMissing)"
	printf 'FROM busybox:musl\nENV PATH=$PATH:/opt\nCOPY static /opt/server\nCMD ["server"]\n' >c/Dockerfile
	run build -t app
	ok
	says_not "(Entrypoint"
}

@test "article 2, dynamic linking errors: the interpreter that scratch or musl does not have" {
	programs
	printf 'FROM scratch\nCOPY dynamic /server\nENTRYPOINT ["/server"]\n' >c/Dockerfile
	run build -t app
	ok
	says "Dockerfile:2: '/server' is dynamically linked with glibc and needs the interpreter '/lib" \
	    "(MissingInterpreter)" "CGO_ENABLED=0"
	printf 'FROM alpine:3.19\nCOPY dynamic /server\nENTRYPOINT ["/server"]\n' >c/Dockerfile
	run build -t app
	ok
	says "(MissingInterpreter)"
	printf 'FROM scratch\nCOPY static /server\nENTRYPOINT ["/server"]\n' >c/Dockerfile
	run build -t app
	ok
	says_not "(Missing" "warning"
}

@test "a library that is missing, and one that is found through the path in the program" {
	programs
	local interpreter
	interpreter=$(readelf -l "$SUITE/dynamic" | sed -n 's/.*interpreter: \(.*\)]/\1/p')
	printf 'int f(void) { return 0; }\n' >"$W/f.c"
	printf 'int f(void); int main(void) { return f(); }\n' >"$W/m.c"
	gcc -shared -o c/libown.so.1 -Wl,-soname,libown.so.1 "$W/f.c"
	# shellcheck disable=SC2016
	gcc -o c/program "$W/m.c" -Lc -l:libown.so.1 -Wl,-rpath,'$ORIGIN/../lib'
	cp "$(readlink -f "$interpreter")" c/ld.so
	cp "$(ldd "$SUITE/dynamic" | awk '/libc.so.6/ { print $3 }')" c/libc.so.6
	cat >c/Dockerfile <<-EOF
		FROM scratch
		COPY ld.so $interpreter
		COPY program /app/bin/program
		ENTRYPOINT ["/app/bin/program"]
	EOF
	run build -t app
	ok
	says "Dockerfile:3: '/app/bin/program' needs 'libown.so.1', 'libc.so.6'" "(MissingLibrary)"
	sed -i '2a COPY libown.so.1 /app/lib/\nCOPY libc.so.6 /lib64/' c/Dockerfile
	run build -t app
	ok
	says_not MissingLibrary
}

@test "article 3, permission denied: the final USER may not execute the program, or not enter its folder" {
	programs
	cat >c/Dockerfile <<-'EOF'
		FROM busybox:musl
		COPY --chmod=0700 static /server
		USER 1000:1000
		ENTRYPOINT ["/server"]
	EOF
	run build -t app
	ok
	says "Dockerfile:2: USER 1000:1000 cannot execute '/server' (mode 0700, owner 0:0), which ENTRYPOINT at line 4 starts (EntrypointNotExecutable)" \
	    "COPY --chown=1000:1000"
	sed -i 's/--chmod=0700/--chmod=0700 --chown=1000:1000/' c/Dockerfile
	run build -t app
	ok
	says_not "(Entrypoint"
	cat >c/Dockerfile <<-'EOF'
		FROM alpine:3.19
		COPY static /root/.local/bin/server
		ENV PATH=/root/.local/bin:$PATH
		USER 1000
		CMD ["server"]
	EOF
	run build -t app
	ok
	says "Dockerfile:5: USER 1000 cannot enter '/root'" "(EntrypointNotReachable)"
}

@test "article 4, node modules missing: the build script needs what the installation leaves out" {
	echo '{"scripts":{"build":"tsc -p ."},"devDependencies":{"typescript":"5"}}' >c/package.json
	cat >c/Dockerfile <<-'EOF'
		FROM busybox:musl AS builder
		RUN printf '#!/bin/sh\n[ "$1" = ci ] || { echo "sh: tsc: not found"; exit 127; }\n' >/bin/npm && chmod +x /bin/npm
		WORKDIR /app
		COPY package*.json ./
		RUN npm ci --only=production
		COPY . .
		RUN npm run build
	EOF
	run build -t app
	fails 1
	says "Dockerfile:7: the script 'build' runs 'tsc' of the dev dependency 'typescript', which the installation at line 5 leaves out (NpmDevDependencies)" \
	    "the dependencies for building were left out by an earlier npm ci"
}

@test "article 5, timezone not set: TZ without data, a program that loads zones by name" {
	programs
	printf 'FROM alpine:3.19\nENV TZ=Europe/Berlin\n' >c/Dockerfile
	run build -t app
	ok
	says "Dockerfile:2: TZ is 'Europe/Berlin', and the image has no data of that time zone: times will be UTC (MissingTimeZones)" tzdata
	printf 'FROM scratch\nCOPY wants /server\nENTRYPOINT ["/server"]\n' >c/Dockerfile
	run build -t app
	ok
	says "Dockerfile:2: '/server' loads time zones by name" "(MissingTimeZones)" \
	    "'/server' looks for CA certificates" "(MissingCertificates)"
	sed -i 's/COPY wants /COPY wants-not /' c/Dockerfile
	run build -t app
	ok
	says_not "(Missing"
	mkdir -p c/zoneinfo/Europe c/certs
	echo x >c/zoneinfo/Europe/Berlin
	echo x >c/certs/ca-certificates.crt
	printf 'FROM scratch\nENV TZ=Europe/Berlin\nCOPY zoneinfo /usr/share/zoneinfo\nCOPY certs /etc/ssl/certs\nCOPY wants /server\nENTRYPOINT ["/server"]\n' >c/Dockerfile
	run build -t app
	ok
	says_not "(Missing"
	printf 'FROM alpine:3.19\nENV TZ=EST5EDT\n' >c/Dockerfile
	run build -t app
	ok
	says_not "(Missing"
}

@test "scripts: the interpreter is missing, ends with a carriage return, or is not named" {
	printf '#!/usr/bin/env python3\n' >c/a.sh
	printf '#!/bin/sh\r\n' >c/b.sh
	printf 'echo\n' >c/c.sh
	printf '#!/bin/sh\n' >c/d.sh
	chmod 0755 c/*.sh
	local f
	for f in a b c d; do
		printf 'FROM busybox:musl\nCOPY *.sh /\nENTRYPOINT ["/%s.sh"]\n' $f >c/Dockerfile
		run build -t app
		ok
		case $f in
		a) says "script for 'python3', which is in no directory of PATH (MissingInterpreter)" ;;
		b) says "carriage return" "(EntrypointNotExecutable)" ;;
		c) says "neither an ELF program nor a script" "(EntrypointNotExecutable)" ;;
		d) says_not "warning" ;;
		esac
	done
}

@test "shell form needs a shell, a USER has to be known, a program has to be for the platform" {
	programs
	printf 'FROM scratch\nCOPY static /server\nCMD /server\n' >c/Dockerfile
	run build -t app
	ok
	says "needs '/bin/sh', which the image does not have (EntrypointMissing)" 'CMD ["program", "argument"]'
	printf 'FROM busybox:musl\nUSER nosuch\nCMD ["sh"]\n' >c/Dockerfile
	run build -t app
	ok
	says "cannot be started as USER nosuch" "(UnknownUser)"
	cp c/static c/foreign
	printf '\x08\x00' | dd of=c/foreign bs=1 seek=18 conv=notrunc status=none
	printf 'FROM scratch\nCOPY foreign /server\nCMD ["/server"]\n' >c/Dockerfile
	run build -t app
	ok
	says "'/server' is for mips64le" "(WrongArchitecture)"
}

@test "secrets: files of a layer, also one that a later step removes, and values; none is shown" {
	printf -- '-----BEGIN OPENSSH PRIVATE KEY-----\nSHHHKEY\n' >c/id_ed25519
	printf '//registry.example/:_authToken=SHHHTOKEN\n' >c/.npmrc
	mkdir -p c/.aws c/node_modules/x
	printf '[default]\naws_secret_access_key = SHHHAWS\n' >c/.aws/credentials
	cp c/id_ed25519 c/node_modules/x/test.pem
	printf 'registry=https://registry.example/\n' >c/harmless
	cat >c/Dockerfile <<-'EOF'
		FROM busybox:musl
		COPY id_ed25519 .npmrc /root/
		COPY .aws /root/.aws
		COPY node_modules /app/node_modules
		COPY harmless /app/.npmrc
		RUN rm /root/id_ed25519
		ENV GH=ghp_SHHHabcdefghijklmnopqrstuvwxyz0123456789
	EOF
	run build -t app
	ok
	says "Dockerfile:2: '/root/.npmrc' looks like a token of npm, and stays in the image (SecretInLayer)" \
	    "Dockerfile:2: '/root/id_ed25519' looks like a private key, and stays in the image: removing it in a later step" \
	    "Dockerfile:3: '/root/.aws/credentials' looks like a key of AWS" \
	    "Dockerfile:7: the value of ENV 'GH' looks like a token of GitHub, and stays in the image (SecretInValue)"
	says_not SHHHKEY SHHHTOKEN SHHHAWS "'/app/.npmrc'" "test.pem"
}

@test "--policy=require-nonroot: status 5 for root by any name, the image is there, its outputs are not" {
	local user
	for user in "" "USER 0" "USER root" "USER 0:100"; do
		printf 'FROM busybox:musl\n%s\n' "$user" >c/Dockerfile
		run build -t app --policy require-nonroot -o out.tar
		fails 5
		says "require-nonroot" "USER 65532:65532"
		[ ! -e out.tar ]
		run croze inspect app
		ok
		croze rmi app >/dev/null
	done
	printf 'FROM busybox:musl\nUSER 65532\n' >c/Dockerfile
	run build -t app --policy=require-nonroot -o out.tar
	ok
	[ -e out.tar ]
	run build --policy=nothing
	fails 2
	says "require-nonroot"
}

@test "findings obey check=skip above their line, and error=true makes them status 5" {
	printf 'FROM alpine:3.19\n# check=skip=MissingTimeZones\nENV TZ=Europe/Berlin\n' >c/Dockerfile
	run build -t app
	ok
	says_not MissingTimeZones
	printf '# check=error=true\nFROM alpine:3.19\nENV TZ=Europe/Berlin\n' >c/Dockerfile
	run build -t app
	fails 5
	says "Dockerfile:3: TZ is" "1 finding in the image"
}

@test "a cached build says the same again without looking at the image again" {
	printf 'FROM alpine:3.19\nENV TZ=Europe/Berlin\nRUN true\n' >c/Dockerfile
	run build -t app
	ok
	says "(MissingTimeZones)"
	rm "$CROZE_ROOT"/listings/*
	run build -t app
	ok
	says "(MissingTimeZones)"
	equal "$(ls "$CROZE_ROOT/listings")" ""
	sed -i 's/TZ=Europe/TZ=Asia/' c/Dockerfile
	run build -t app
	ok
	says "TZ is 'Asia/Berlin'"
}

@test "what was found keeps nothing of an image that is pruned" {
	printf 'FROM alpine:3.19\nENV A=1\n' >c/Dockerfile
	build -t app
	local manifest
	manifest=$(manifest_digest app)
	[ -e "$CROZE_ROOT/blobs/sha256/${manifest#sha256:}" ]
	sed -i 's/A=1/A=2/' c/Dockerfile
	build -t app
	run croze prune --force
	ok
	[ ! -e "$CROZE_ROOT/blobs/sha256/${manifest#sha256:}" ]
}

@test "hostile programs and scripts in the image cost the answer and not the build" {
	programs
	local n
	for n in 64 100 500; do
		head -c $n c/dynamic >c/cut
		chmod 0755 c/cut
		printf 'FROM scratch\nCOPY cut /server\nENTRYPOINT ["/server"]\n' >c/Dockerfile
		run build -t app
		ok
		says "(EntrypointNotExecutable)" "damaged ELF file"
	done
	printf '#!/b.sh\n' >c/a.sh
	printf '#!/a.sh\n' >c/b.sh
	chmod 0755 c/*.sh
	printf 'FROM scratch\nCOPY *.sh /\nENTRYPOINT ["/a.sh"]\n' >c/Dockerfile
	run build -t app
	ok
}
