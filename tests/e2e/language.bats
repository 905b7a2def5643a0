#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# language - rows and traps of the language that only show in an image: files, layers, history, owners.
#
# What can be told from the plan is in tests/data/dockerfile/rows.

load ../lib/common

setup_file()
{
	croze_suite
}

teardown_file()
{
	croze_suite_end
}

# raw EXPRESSION: of the config of image app as it is stored.
raw()
{
	local id
	id=$(croze inspect app | "$PYTHON" -c 'import json,sys; print(json.load(sys.stdin)[0]["Id"].split(":")[1])')
	"$PYTHON" -c "import json,sys; c = json.load(open(sys.argv[1])); print($1)" "$CROZE_ROOT/blobs/sha256/$id"
}

@test "4.10 T19 WORKDIR makes the folder even if unused, owned by USER, as its own layer; ~ is literal" {
	printf 'FROM busybox:musl\nUSER 5:6\nWORKDIR /unused/deep\nWORKDIR ~\n' >c/Dockerfile
	run build -t app
	ok
	equal "$(layers app | awk '{ print $1 }' | sort -u | wc -l)" 3
	says_not "error"
	run entry app /unused/deep
	says "5:6"
	run entry app "/unused/deep/~"
	says "5:6"
}

@test "T20 T21 WorkingDir and User of the base apply to the first RUN, and a relative WORKDIR joins" {
	printf 'FROM busybox:musl\nRUN mkdir -m 0777 /base\nWORKDIR /base\nUSER 7\n' >c/Dockerfile
	run build -t base
	ok
	printf 'FROM base\nRUN pwd >/base/a; id -u >/base/b\nWORKDIR sub\nUSER 0\nRUN pwd >/base/c\n' >c/Dockerfile
	run build -t app
	ok
	run croze run --rm app cat /base/a /base/b /base/c
	ok
	equal "$output" $'/base\n7\n/base/sub'
}

@test "4.11 T22 USER by number has gid 0, by name its group and supplementary groups, u:g no others" {
	cat >c/Dockerfile <<-'EOF'
		FROM busybox:musl
		RUN echo 'jo:x:1234:55::/:/bin/sh' >>/etc/passwd && printf 'more:x:60:jo\nother:x:61:\n' >>/etc/group && mkdir -m 0777 /o
		USER 4321
		RUN echo "$(id -u) $(id -g) $(id -G)" >/o/number
		USER jo
		RUN echo "$(id -u) $(id -g) $(id -G)" >/o/name
		USER jo:other
		RUN echo "$(id -u) $(id -g) $(id -G)" >/o/both
	EOF
	run build -t app
	ok
	run croze run --rm -u 0 app cat /o/number /o/name /o/both
	ok
	equal "$output" $'4321 0 0\n1234 55 55 60\n1234 61 61'
}

@test "T23 HOME is set from passwd for RUN and is not stored in the image" {
	cat >c/Dockerfile <<-'EOF'
		FROM busybox:musl
		RUN echo 'jo:x:1234:55::/home/of/jo:/bin/sh' >>/etc/passwd && mkdir -m 0777 /o && echo "$HOME" >/o/root
		USER jo
		RUN echo "$HOME" >/o/jo
	EOF
	run build -t app
	ok
	run croze run --rm app cat /o/root /o/jo
	equal "$output" $'/root\n/home/of/jo'
	equal "$(raw '[e for e in c["config"]["Env"] if e.startswith("HOME")]')" "[]"
}

@test "T40 whiteouts: a removed file, a replaced folder, changes of type, a new name of a file" {
	cat >c/Dockerfile <<-'EOF'
		FROM busybox:musl
		RUN mkdir -p /d/sub /was-dir && touch /gone /d/old /d/sub/x /was-dir/f /was-file /one
		RUN rm /gone && rm -r /d && mkdir /d && touch /d/new
		RUN rm -r /was-dir && touch /was-dir && rm /was-file && mkdir /was-file && ln /one /two
	EOF
	run build -t app
	ok
	run layers app
	says ".wh.gone" "d/.wh..wh..opq"
	image_ok app
	equal "$(entry app /gone)" ""
	equal "$(entry app /d/old)" ""
	[ -n "$(entry app /d/new)" ]
	[[ $(entry app /was-dir) == f* ]]
	[[ $(entry app /was-file) == d* ]]
	[ -n "$(entry app /two)" ]
}

@test "T41 a RUN that changes nothing is a layer without entries and a row of history that counts" {
	printf 'FROM busybox:musl\nRUN true\nRUN :\n' >c/Dockerfile
	run build -t app
	ok
	equal "$(raw 'len(c["rootfs"]["diff_ids"])')" 3
	equal "$(raw 'c["rootfs"]["diff_ids"][1] == c["rootfs"]["diff_ids"][2]')" True
	equal "$(raw '[h.get("empty_layer", False) for h in c["history"]][-2:]')" "[False, False]"
}

@test "4.12 T42 what is written below a VOLUME later is kept" {
	printf 'FROM busybox:musl\nRUN mkdir /v\nVOLUME /v\nRUN echo x >/v/f\n' >c/Dockerfile
	run build -t app
	ok
	[ -n "$(entry app /v/f)" ]
}

@test "T44 triggers run before the child's own instructions and are dropped from the result" {
	printf 'FROM busybox:musl\nONBUILD RUN echo trigger >>/order\nONBUILD ENV T=1\n' >c/Dockerfile
	run build -t base
	ok
	printf 'FROM base\nRUN echo "own $T" >>/order\n' >c/Dockerfile
	run build -t app
	ok
	run croze run --rm app cat /order
	equal "$output" $'trigger\nown 1'
	equal "$(raw 'c["config"].get("OnBuild")')" None
}

@test "12.1 12.2 non-empty rows of history are as many as layers; FROM and ONBUILD make none" {
	cat >c/Dockerfile <<-'EOF'
		FROM busybox:musl
		ENV A=1
		RUN touch /a
		ONBUILD RUN b
		LABEL l=1
		WORKDIR /w
		CMD ["c"]
	EOF
	run build -t app
	ok
	equal "$(raw 'len([h for h in c["history"] if not h.get("empty_layer")]) == len(c["rootfs"]["diff_ids"])')" True
	equal "$(raw '[h["created_by"] for h in c["history"]][-5:]')" \
	    "['ENV A=1', 'RUN /bin/sh -c touch /a # buildkit', 'LABEL l=1', 'WORKDIR /w', 'CMD [\"c\"]']"
	equal "$(raw 'set(h.get("comment") for h in c["history"][-5:])')" "{'buildkit.dockerfile.v0'}"
}

@test "12.4 12.5 a row of metadata has the time of the next layer, the last ones that of the last; created is the last row's" {
	printf 'FROM busybox:musl\nENV A=1\nRUN sleep 0.1; touch /a\nENV B=1\nRUN touch /b\nENV C=1\n' >c/Dockerfile
	run build -t app
	ok
	equal "$(raw '(lambda t: (t[-5] == t[-4], t[-3] == t[-2], t[-2] == t[-1], c["created"] == t[-1]))([h["created"] for h in c["history"]])')" \
	    "(True, True, True, True)"
}

@test "12.6 12.7 Env has unique keys in the order of the base; diff_ids are those of the tars" {
	printf 'FROM busybox:musl\nENV B=1 A=2\nENV B=3\nRUN touch /x\n' >c/Dockerfile
	run build -t app
	ok
	equal "$(raw '[e for e in c["config"]["Env"] if e[0] in "AB"]')" "['B=3', 'A=2']"
	image_ok app
}

@test "12.9 fields of a base config that are not known here are kept" {
	local id
	printf 'FROM busybox:musl\nLABEL a=1\n' >c/Dockerfile
	run build -t odd -o type=oci,tar=false,dest=odd
	ok
	id=$("$PYTHON" - odd <<-'EOF'
		import hashlib, json, os, sys
		root = sys.argv[1] + "/blobs/sha256/"
		def put(data):
		    name = hashlib.sha256(data).hexdigest()
		    open(root + name, "wb").write(data)
		    return {"digest": "sha256:" + name, "size": len(data)}
		index = json.load(open(sys.argv[1] + "/index.json"))
		entry = index["manifests"][0]
		manifest = json.load(open(root + entry["digest"][7:]))
		config = json.load(open(root + manifest["config"]["digest"][7:]))
		config["x-unknown"] = {"kept": [1, 2.5e1]}
		config["config"]["X-Inner"] = "also"
		manifest["config"].update(put(json.dumps(config).encode()))
		entry.update(put(json.dumps(manifest).encode()))
		json.dump(index, open(sys.argv[1] + "/index.json", "w"))
		print(entry["digest"])
	EOF
	)
	[ -n "$id" ]
	printf 'FROM odd\nENV A=1\n' >c/Dockerfile
	run build -t app --build-context odd=oci-layout://odd
	ok
	equal "$(raw 'c["x-unknown"], c["config"]["X-Inner"]')" "{'kept': [1, 25.0]} also"
}

@test "12.11 HEALTHCHECK, SHELL, ONBUILD and ArgsEscaped are in an OCI config too" {
	printf 'FROM busybox:musl\nHEALTHCHECK CMD x\nSHELL ["/bin/sh", "-c"]\nONBUILD RUN y\nCMD z\n' >c/Dockerfile
	run build -t app
	ok
	equal "$(raw '"Healthcheck" in c["config"], c["config"]["Shell"], c["config"]["OnBuild"], c["config"]["ArgsEscaped"]')" \
	    "True ['/bin/sh', '-c'] ['RUN y'] True"
}

@test "13.1 SOURCE_DATE_EPOCH sets the times of config, of new history and of files, not those of the base's history" {
	printf 'FROM busybox:musl\nRUN touch /x\n' >c/Dockerfile
	SOURCE_DATE_EPOCH=1000000000 run build -t app
	ok
	equal "$(raw 'c["created"], c["history"][-1]["created"]')" "2001-09-09T01:46:40Z 2001-09-09T01:46:40Z"
	equal "$(raw 'c["history"][0]["created"] != c["created"]')" True
	run layers app
	says " 1000000000"
	run env SOURCE_DATE_EPOCH=soon timeout 60 croze build -t app c
	fails 2
	says SOURCE_DATE_EPOCH
}

@test "5.3 5.10 a name that is found nowhere is an error before anything runs, with all that is near" {
	printf 'FROM busybox:musl AS builder\nRUN false\nFROM busybox:musl\nCOPY --from=bulider /x /x\n' >c/Dockerfile
	run build -t app
	fails 2
	says "Dockerfile:4:6" "builder" "line 1" "nothing was run"
}

@test "5.1 stages that the target does not need are neither resolved nor run" {
	printf 'FROM no/such/image AS unused\nRUN false\nFROM busybox:musl AS also\nRUN false\nFROM busybox:musl AS wanted\nRUN true\n' >c/Dockerfile
	run build -t app
	ok
	run build -t app --target ALSO
	fails 1
	run build -t app --target unused
	fails 4
	says "no/such/image"
}

# media NAME: the media types of an image's manifest, config and layers, each once.
media()
{
	"$PYTHON" - "$CROZE_ROOT" "$1" <<-'EOF'
		import json, sys
		root, digest = sys.argv[1:]
		m = json.load(open("%s/blobs/%s" % (root, digest.replace(":", "/"))))
		for t in sorted({m["mediaType"], m["config"]["mediaType"], *(x["mediaType"] for x in m["layers"])}):
		    print(t)
	EOF
}

@test "8.6 the client's environment: BUILDKIT_PROGRESS, NO_COLOR, CLICOLOR_FORCE, DOCKER_CONFIG" {
	printf 'FROM busybox:musl\nRUN echo said\n' >c/Dockerfile
	BUILDKIT_PROGRESS=quiet run timeout 60 croze build -t app c
	ok
	[[ $output == sha256:* ]]
	BUILDKIT_PROGRESS=plain run timeout 60 croze build --no-cache -t app c
	ok
	says "RUN echo said"
	# an option wins, and a word that means nothing is no default
	BUILDKIT_PROGRESS=quiet run timeout 60 croze build --progress=plain -t app c
	says "RUN echo said"
	BUILDKIT_PROGRESS=loud run timeout 60 croze build -t app c
	fails 2
	says BUILDKIT_PROGRESS=loud "plain"
	run env -u NO_COLOR CLICOLOR_FORCE=1 timeout 60 croze build -t app c
	says $'\e['
	NO_COLOR=1 CLICOLOR_FORCE=1 run timeout 60 croze build -t app c
	says_not $'\e['
	printf 'FROM busybox:musl\nRUN seq 1 2000\n' >c/Dockerfile
	BUILDKIT_STEP_LOG_MAX_SIZE=50 run timeout 60 croze build --progress=plain -t app c
	ok
	says " 19" "BUILDKIT_STEP_LOG_MAX_SIZE: more than 50 bytes"
	says_not " 1999"
	cat "$CROZE_ROOT"/builds/*/*.log >whole
	has 1999 whole
	BUILDKIT_STEP_LOG_MAX_SIZE=-1 run timeout 60 croze build --progress=plain --no-cache -t app c
	says " 1999"
	mkdir config
	echo nonsense >config/config.json
	DOCKER_CONFIG=$W/config run timeout 60 croze pull localhost:1/none
	fails 2
	says config/config.json
}

@test "11.1 of a directory only what is named is read" {
	mkdir -p c/closed c/used
	echo used >c/used/f
	echo closed >c/closed/f
	echo closed >c/file
	chmod 0 c/closed c/file
	printf 'FROM scratch\nCOPY used /used\n' >c/Dockerfile
	run build -t app
	ok
	[ -n "$(entry app /used/f)" ]
	printf 'FROM scratch\nCOPY . /\n' >c/Dockerfile
	run build -t app
	fails 1
	says "closed" "ermission denied"
	chmod 0755 c/closed
}

@test "12.8 os and arch are the platform's in its one spelling, and there is no variant that was not asked for" {
	printf 'FROM busybox:musl\nRUN true\n' >c/Dockerfile
	run build -t app
	ok
	native=$(raw 'c["os"], c["architecture"], c.get("variant")')
	equal "${native%% *} ${native##* }" "linux None"
	[ "$(uname -m)" = x86_64 ] || skip "the other spellings here are those of amd64"
	equal "$native" "linux amd64 None"
	run build -t app --platform linux/x86_64
	ok
	equal "$(raw 'c["os"], c["architecture"], c.get("variant")')" "$native"
}

@test "12.13 media types are those of OCI, and docker's in an archive for docker" {
	printf 'FROM busybox:musl\nRUN echo x >/x\n' >c/Dockerfile
	run build -t app
	ok
	run media "$(manifest_digest app)"
	says vnd.oci.image.manifest.v1+json vnd.oci.image.config.v1+json vnd.oci.image.layer.v1.tar+gzip
	says_not docker
	run build -t app --compression zstd --no-cache
	run media "$(manifest_digest app)"
	says vnd.oci.image.layer.v1.tar+zstd
	run build -t app -o type=docker,dest=app.tar
	ok
	need skopeo
	run skopeo inspect --raw docker-archive:app.tar
	says vnd.docker.distribution.manifest.v2+json
	says_not oci
}

@test "13.2 the epoch bounds the times of new layers while they are written, and leaves those of the base alone" {
	printf 'FROM busybox:musl\nRUN touch /new && touch -d @5 /old\n' >c/Dockerfile
	run env SOURCE_DATE_EPOCH=1000000000 timeout 60 croze build -t app -o type=oci,rewrite-timestamp=true,dest=app.tar c
	ok
	run layers app
	says " 1000000000" " 5"
	before=$(raw 'c["rootfs"]["diff_ids"][0]')
	croze tag busybox:musl app
	equal "$(raw 'c["rootfs"]["diff_ids"][0]')" "$before"
	# without an epoch there is nothing to bound; that it is not done when there is one cannot be had
	run timeout 60 croze build -o type=oci,rewrite-timestamp=false,dest=app.tar c
	fails 2
	says "rewrite-timestamp=false" "SOURCE_DATE_EPOCH"
}

@test "13.5 what a step itself writes is its own: the epoch changes no byte of a file" {
	printf 'FROM busybox:musl\nRUN date +%%s >/stamp && head -c 8 /dev/urandom >>/stamp\n' >c/Dockerfile
	run env SOURCE_DATE_EPOCH=1000000000 timeout 60 croze build -t app c
	ok
	first=$(manifest_digest app)
	run env SOURCE_DATE_EPOCH=1000000000 timeout 60 croze build --no-cache -t app -o out c
	ok
	[ "$first" != "$(manifest_digest app)" ]
	[ "$(head -n 1 out/stamp)" -gt 1500000000 ]
}

@test "12.10 12.12 there is neither an inline cache nor an attestation in an image that was not asked to have them" {
	printf 'FROM busybox:musl\nRUN echo x >/x\n' >c/Dockerfile
	run build -t app --provenance=false --sbom=false --build-arg BUILDKIT_INLINE_CACHE=0
	ok
	equal "$(raw '"moby.buildkit.cache.v0" in c')" False
	run media "$(manifest_digest app)"
	ok
	says image.manifest.v1+json
	# one manifest and no index around it, by any other way of saying no
	first=$(manifest_digest app)
	run build -t app
	ok
	equal "$(manifest_digest app)" "$first"
}
