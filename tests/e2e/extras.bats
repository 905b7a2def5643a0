#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# extras - flags that users of buildah know, and the frontends that a Dockerfile may name.

load ../lib/common

setup_file()
{
	croze_suite
}

teardown_file()
{
	croze_suite_end
}

# field EXPRESSION: of what croze inspect says of image app.
field()
{
	croze inspect app | "$PYTHON" -c "import json,sys; c = json.load(sys.stdin)[0]; print($1)"
}

@test "--from replaces the image of the first FROM, and of no other" {
	printf 'FROM no/such:image AS base\nRUN test -e /etc/alpine-release\nFROM busybox:musl\nCOPY --from=base /etc/alpine-release /r\n' >c/Dockerfile
	run build -t app --from alpine:3.19
	ok
	[ -n "$(entry app /r)" ]
	run build -t app --from ''
	fails 2
	says "--from"
	run build -t app --from no/other
	fails 4
	says "Dockerfile:1" no/other
}

@test "--env is there from the first step on, ENV changes it, --unsetenv takes it out at the end" {
	cat >c/Dockerfile <<-'EOF'
		FROM busybox:musl
		RUN test "$A" = 1 && test "$FROM_HERE" = here && test "$GONE" = x
		ENV A=2 B=$A
		RUN test "$A" = 2 && test "$B" = 1
	EOF
	export FROM_HERE=here
	unset NOT_SET
	run build -t app --env A=1 --env FROM_HERE --env NOT_SET --env GONE=x --unsetenv GONE
	ok
	equal "$(field '[e for e in c["Config"]["Env"] if not e.startswith("PATH=")]')" "['A=2', 'FROM_HERE=here', 'B=1']"
	run build -t app --env =x
	fails 2
}

@test "--env is part of the cache key of steps, --unsetenv is not" {
	printf 'FROM busybox:musl\nRUN echo run-%s >&2\n' '$A' >c/Dockerfile
	run build -t app --env A=1
	ok
	says run-1
	run build -t app --env A=2
	ok
	says run-2
	run build -t app --env A=1 --unsetenv A
	ok
	says_not "done"
	equal "$(field '[e for e in c["Config"]["Env"] if e.startswith("A=")]')" "[]"
}

@test "--unsetlabel keeps a label of the base away, but not one of the Dockerfile" {
	printf 'FROM busybox:musl\nLABEL a=1 b=2\n' >c/Dockerfile
	run build -t base
	ok
	printf 'FROM base\nLABEL c=3\n' >c/Dockerfile
	run build -t app --unsetlabel a --unsetlabel c --unsetlabel nothing
	ok
	equal "$(field 'sorted(c["Config"]["Labels"].items())')" "[('b', '2'), ('c', '3')]"
}

@test "--omit-history leaves no row, and the image is whole" {
	local id
	printf 'FROM busybox:musl\nRUN touch /x\n' >c/Dockerfile
	run build -t app --omit-history -o app.tar
	ok
	id=$(field 'c["Id"].split(":")[1]')
	run "$PYTHON" -c 'import json,sys; print(json.load(open(sys.argv[1])).get("history") or "none")' "$CROZE_ROOT/blobs/sha256/$id"
	equal "$output" none
	equal "$(field 'len(c["RootFS"]["Layers"])')" 2
	printf 'FROM app\nRUN touch /y\n' >c/Dockerfile
	run build -t app
	ok
	[ -n "$(entry app /x)" ]
	[ -n "$(entry app /y)" ]
}

@test "--squash makes one layer of what the build adds; removals stay, files that came and went are in none" {
	cat >c/Dockerfile <<-'EOF'
		FROM alpine:3.19 AS base
		RUN mkdir /d && touch /d/a /d/b && echo 1 >/secret
		FROM base
		RUN rm /secret /etc/alpine-release && ln /d/a /d/c && chown 5:6 /d/b
		ENV A=1
		RUN rm -r /d/a && mkdir /d/a
	EOF
	run build -t plain
	ok
	ls "$CROZE_ROOT/steps" >before
	run build -t app --squash
	ok
	equal "$(field 'len(c["RootFS"]["Layers"])')" 2
	image_ok app
	equal "$(tree plain | sed 's/[0-9]* *$//')" "$(tree app | sed 's/[0-9]* *$//')"
	run layers app
	says ".wh.alpine-release"
	says_not " secret" ".wh.secret"
	run build -t app --squash
	ok
	says_not "making one layer"
	run croze run --rm app ls /d/c
	ok
	# a record that cannot be used is made again, as a step's is
	for name in "$CROZE_ROOT"/steps/*.json; do
		grep -qxF "${name##*/}" before || echo '{"version":99}' >"$name"
	done
	run build -t app --squash
	ok
	says "making one layer"
}

@test "--squash-all makes one layer of the whole image, --layers=false is --squash without cache" {
	printf 'FROM alpine:3.19\nRUN rm /etc/alpine-release\nRUN echo ran-here >&2; touch /x\n' >c/Dockerfile
	run build -t plain
	ok
	run build -t app --squash-all
	ok
	equal "$(field 'len(c["RootFS"]["Layers"])')" 1
	image_ok app
	equal "$(tree plain | sed 's/[0-9]* *$//')" "$(tree app | sed 's/[0-9]* *$//')"
	run layers app
	says_not ".wh."
	run build -t app --layers=false
	ok
	says ran-here
	equal "$(field 'len(c["RootFS"]["Layers"])')" 2
	printf 'FROM scratch\nCOPY Dockerfile /a\nCOPY Dockerfile /b\n' >c/Dockerfile
	run build -t app --squash
	ok
	equal "$(field 'len(c["RootFS"]["Layers"])')" 1
}

@test "--build-arg-file: lines, comments, line ends of Windows; later files and --build-arg win" {
	printf '# comment\n\nA=file\nB=file\r\nC=a=b\n' >args1
	printf 'B=second\n' >args2
	printf 'FROM busybox:musl\nARG A\nARG B\nARG C\nLABEL a=$A b=$B c=$C\n' >c/Dockerfile
	run build -t app --build-arg-file args1 --build-arg-file args2 --build-arg A=flag
	ok
	equal "$(field 'sorted(c["Config"]["Labels"].items())')" "[('a', 'flag'), ('b', 'second'), ('c', 'a=b')]"
	run build -t app --build-arg-file nowhere
	[ "$status" -ne 0 ]
	says nowhere
	echo nonsense >args1
	run build -t app --build-arg-file args1
	fails 2
	says "args1:1" "NAME=VALUE"
}

@test "a Dockerfile.in goes through cpp only with --cpp-flag" {
	need cpp
	printf '#ifdef BASE\nFROM BASE\n#endif\nLABEL x=1\n' >c/Dockerfile.in
	run build -t app -f c/Dockerfile.in
	fails 2
	run build -t app -f c/Dockerfile.in --cpp-flag=-DBASE=busybox:musl
	ok
	equal "$(field 'c["Config"]["Labels"]["x"]')" 1
	cp c/Dockerfile.in c/Dockerfile
	run build -t app --cpp-flag=-DBASE=busybox:musl
	fails 2
	says ".in"
	printf '#error stop here\n' >c/Dockerfile.in
	run build -t app -f c/Dockerfile.in --cpp-flag=-DX
	fails 2
	says "cpp ended with status"
}

@test "2.3 syntax names of the standard frontends are the built-in one" {
	local name
	for name in docker/dockerfile docker/dockerfile:1 docker/dockerfile:1.7-labs docker.io/docker/dockerfile:1 \
	    docker/dockerfile-upstream:master dockerfile.v0 \
	    "docker/dockerfile@sha256:0000000000000000000000000000000000000000000000000000000000000000"; do
		printf '# syntax=%s\nFROM busybox:musl\n' "$name" >c/Dockerfile
		run build -t app
		ok
	done
}

@test "2.3 any other frontend is refused by name, wherever it is named" {
	local text
	for text in '# syntax=example/frontend:1\nFROM busybox:musl\n' \
	    '#!/usr/bin/env frontend\n# syntax=example/frontend:1\nFROM busybox:musl\n' \
	    '// syntax=example/frontend:1\nFROM busybox:musl\n' \
	    '{"syntax": "example/frontend:1"}\n' \
	    '# syntax=docker/dockerfileX:1\nFROM busybox:musl\n'; do
		# shellcheck disable=SC2059
		printf "$text" >c/Dockerfile
		run build -t app
		fails 2
		says "the external frontend '" "cannot be run" "BUILDKIT_SYNTAX=dockerfile.v0"
	done
	printf '# syntax=example/frontend:1\nFROM busybox:musl\n' >c/Dockerfile
	run build -t app --build-arg BUILDKIT_SYNTAX=dockerfile.v0
	ok
	printf 'FROM busybox:musl\n' >c/Dockerfile
	run build -t app --build-arg BUILDKIT_SYNTAX=example/other
	fails 2
	says "'example/other'"
	printf '{"syntax": "docker/dockerfile:1"}\n' >c/Dockerfile
	run build -t app
	fails 2
	says "JSON object"
}
