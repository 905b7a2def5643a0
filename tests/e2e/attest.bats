#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# attest - what is attached to images: as BuildKit attaches it, found by other tools and registries, and without a secret.

bats_require_minimum_version 1.5.0
load ../lib/common
load ../lib/registry

setup_file()
{
	croze_suite
}

teardown_file()
{
	croze_suite_end
}

# blob DIGEST: of the store.
blob()
{
	cat "$CROZE_ROOT/blobs/sha256/${1#sha256:}"
}

# target NAME: the digest that it stands for.
target()
{
	jq -r --arg name "$1" '.manifests[] | select(.annotations["io.containerd.image.name"] == $name) | .digest' "$CROZE_ROOT/index.json"
}

# attached NAME [INDEX]: the manifest of attestations.
attached()
{
	blob "$(blob "$(target "$1")" | jq -r '[.manifests[] | select(.platform.os == "unknown")]['"${2:-0}"'].digest')"
}

# statement NAME PREDICATE [INDEX]
statement()
{
	blob "$(attached "$1" "${3:-0}" | jq -r --arg type "$2" '.layers[] | select(.annotations["in-toto.io/predicate-type"] == $type) | .digest')"
}

SPDX=https://spdx.dev/Document
SLSA=https://slsa.dev/provenance/v1
APP=docker.io/library/app:latest

@test "12.12 nothing is attached that was not asked for" {
	printf 'FROM %s\n' "$BUSYBOX" >c/Dockerfile
	for flags in "" "--sbom=false --provenance=false" "--provenance=true --attest type=provenance,disabled=true --provenance=false"; do
		# shellcheck disable=SC2086
		run build -t app $flags
		ok
		blob "$(target $APP)" | jq -e '.layers and (has("manifests") | not)'
	done
}

@test "12.12 attestations are a member of the index, marked as BuildKit marks them, and a referrer of the image" {
	printf 'FROM %s\n' "$ALPINE" >c/Dockerfile
	run build -t app -t other:2 --sbom=true --provenance=mode=max
	ok
	index=$(target $APP)
	[ "$index" = "$(target docker.io/library/other:2)" ]
	image=$(blob "$index" | jq -r '.manifests[0].digest')
	blob "$index" | jq -e --arg image "$image" '.manifests[1].annotations == {"vnd.docker.reference.type": "attestation-manifest",
	    "vnd.docker.reference.digest": $image} and .manifests[1].platform == {"architecture": "unknown", "os": "unknown"} and
	    .manifests[0].platform.os == "linux"'
	attached $APP | jq -e --arg image "$image" '.subject.digest == $image and .config.mediaType == "application/vnd.oci.empty.v1+json" and
	    .artifactType == "application/vnd.docker.attestation.manifest.v1+json" and
	    all(.layers[]; .mediaType == "application/vnd.in-toto+json")'
	for type in $SPDX $SLSA; do
		statement $APP "$type" | jq -e --arg image "${image#sha256:}" --arg type "$type" '._type == "https://in-toto.io/Statement/v1" and
		    .predicateType == $type and (.subject | length) == 2 and all(.subject[]; .digest.sha256 == $image) and
		    .subject[0].name == "pkg:docker/app@latest?platform=linux%2Famd64"'
	done
	# the list is that of croze sbom
	statement $APP $SPDX | jq -S '.predicate.packages[1:]' >a
	croze sbom --format spdx-json app | jq -S '.packages[1:]' >b
	[ "$(jq length a)" -ge 1 ]
	cmp a b
}

@test "an image with attestations runs, is a base, is saved and pruned as any other" {
	printf 'FROM %s\nRUN echo one >/one\n' "$BUSYBOX" >c/Dockerfile
	run build -t app --sbom=true -o type=oci,dest=app.tar
	ok
	[ "$(croze run --rm app cat /one)" = one ]
	croze prune --all --force >/dev/null 2>&1 || croze prune >/dev/null
	croze store check
	statement $APP $SPDX | jq -e .predicate.spdxVersion
	printf 'FROM app\nRUN cat /one\n' >c/Dockerfile
	run build -t two
	ok
	need skopeo
	skopeo inspect oci-archive:app.tar | jq -e '.Layers | length == 2'
	skopeo copy -q --all oci-archive:app.tar oci:copy:app
	"$PYTHON" - <<-'EOF'
		import hashlib, os
		names = os.listdir("copy/blobs/sha256")
		assert all(hashlib.sha256(open("copy/blobs/sha256/" + n, "rb").read()).hexdigest() == n for n in names)
	EOF
	[ "$(jq -r '.manifests[0].digest' copy/index.json)" = "$(target $APP)" ]
}

@test "the same build with a timestamp makes the same statements" {
	printf 'FROM %s\nCOPY Dockerfile /\n' "$ALPINE" >c/Dockerfile
	for n in 1 2; do
		run build -t app --timestamp 1700000000 --sbom=true --provenance=max --no-cache
		ok
		target $APP >"digest.$n"
	done
	cmp digest.1 digest.2
	statement $APP $SLSA | jq -e '.predicate.runDetails.metadata | .startedOn == "2023-11-14T22:13:20Z" and .finishedOn == .startedOn'
}

@test "each platform has its own" {
	[ -n "${CROZE_TEST_IMAGES-}" ] || skip "set CROZE_TEST_IMAGES to a layout with images for several platforms"
	croze copy --all "oci:$CROZE_TEST_IMAGES:$ALPINE" "$ALPINE" >/dev/null
	printf 'FROM %s\nCOPY Dockerfile /\n' "$ALPINE" >c/Dockerfile
	run build -t app --platform linux/amd64,linux/arm64 --sbom=true --provenance=true
	ok
	blob "$(target $APP)" | jq -e '[.manifests[].platform.architecture] == ["amd64", "arm64", "unknown", "unknown"] and
	    .manifests[2].annotations["vnd.docker.reference.digest"] == .manifests[0].digest and
	    .manifests[3].annotations["vnd.docker.reference.digest"] == .manifests[1].digest'
	statement $APP $SPDX 1 | grep -F 'arch=aarch64'
	statement $APP $SLSA 1 | grep -F 'platform=linux%2Farm64'
}

@test "provenance: bases and what was fetched have digests; build arguments are told with mode=max alone" {
	need git
	git init -q repository
	printf 'FROM %s AS one\nARG WORD\nRUN echo $WORD\nFROM scratch\nCOPY --from=one /etc/passwd /\n' "$BUSYBOX" >repository/Dockerfile
	git -C repository add .
	git -C repository -c user.email=a@example.com -c user.name=a commit -q -m one
	commit=$(git -C repository rev-parse HEAD)
	for mode in min max; do
		LIMIT=100 timeout 100 croze build --progress=plain -t app --provenance=mode="$mode" --build-arg WORD=visible-word \
		    --target one "file://$W/repository" >log 2>&1 || { cat log; false; }
		statement $APP $SLSA >$mode
		jq -e --arg commit "$commit" 'any(.predicate.buildDefinition.resolvedDependencies[]; .digest.sha1 == $commit) and
		    any(.predicate.buildDefinition.resolvedDependencies[]; (.uri // "" | startswith("pkg:docker/busybox@musl")) and (.digest.sha256 | length) == 64) and
		    .predicate.buildDefinition.externalParameters.configSource.path == "Dockerfile" and
		    .predicate.buildDefinition.externalParameters.request.args.target == "one" and
		    (.predicate.runDetails.builder.id | contains(":")) and
		    (.predicate.runDetails.metadata.startedOn | endswith("Z"))' $mode
	done
	run ! grep -F visible-word min
	jq -e '.predicate.buildDefinition.externalParameters.request.args["build-arg:WORD"] == "visible-word"' max
	jq -r '.predicate.runDetails.metadata.buildkit_metadata.source.infos[0].data' max | base64 -d | cmp - repository/Dockerfile
	jq -e '[.predicate.buildDefinition.internalParameters.buildConfig.stages[].steps[] | select(.instruction == "RUN") | .digest.sha256 | length] == [64]' max
}

@test "G16: no credential of an address, secret or build argument is in what is attached" {
	local number
	mkdir www
	printf 'content\n' >www/file
	(cd www && exec "$PYTHON" -u -m http.server --bind 127.0.0.1 0 >../www.log 2>&1 3>&-) &
	SERVERS+=($!)
	wait_for grep -q 'port [0-9]' www.log
	number=$(sed -n 's/.* port \([0-9]*\).*/\1/p' www.log)
	cat >c/Dockerfile <<-EOF
		FROM $BUSYBOX
		ARG API_TOKEN
		ARG PLAIN
		# as http://canary-user:canary-password@example.com/file
		ADD http://127.0.0.1:$number/file?sig=canary-query /file
		RUN --mount=type=secret,id=s test -s /run/secrets/s; : canary-secret
	EOF
	printf canary-secret >secret
	for mode in min max; do
		HTTP_PROXY=http://canary-proxy:canary-proxy@127.0.0.1:1/ NO_PROXY=127.0.0.1 \
		    run build -t app --sbom=true --provenance=mode="$mode" --secret id=s,src=secret --build-arg API_TOKEN=canary-token \
		    --build-arg PLAIN=https://canary-user:canary-password@example.com/ \
		    --build-arg HTTPS_PROXY=http://canary-proxy:canary-proxy@127.0.0.1:1/
		ok
		{
			blob "$(target $APP)"
			attached $APP
			statement $APP $SPDX
			statement $APP $SLSA
			statement $APP $SLSA | jq -r '.. | .data? // empty' | base64 -d
		} >all
		[ "$(grep -c canary all || true)" -eq 0 ] || { grep canary all; false; }
		# and it was there to be found
		grep -F "http://127.0.0.1:$number/file\"" all
		[ $mode = min ] || grep -F 'as http://***@example.com/file' all
	done
	# the digest of what was fetched
	statement $APP $SLSA | jq -e --arg digest "$(sha256sum <www/file | cut -d' ' -f1)" \
	    'any(.predicate.buildDefinition.resolvedDependencies[]; .digest.sha256 == $digest)'
}

@test "a push keeps the list of referrers under its tag where the registry has none" {
	real_registry
	printf 'FROM %s\nCOPY Dockerfile /\n' "$BUSYBOX" >c/Dockerfile
	for n in 1 2; do
		printf 'LABEL n=1\n' >>c/Dockerfile
		run build -t "$REGISTRY/team/app:$n" --sbom=true --push
		ok
	done
	image=$(blob "$(target "$REGISTRY/team/app:1")" | jq -r '.manifests[0].digest')
	curl -sf -H 'Accept: application/vnd.oci.image.index.v1+json' "http://$REGISTRY/v2/team/app/manifests/${image/:/-}" >referrers
	jq -e '.mediaType == "application/vnd.oci.image.index.v1+json" and (.manifests | length) == 1 and
	    .manifests[0].artifactType == "application/vnd.docker.attestation.manifest.v1+json"' referrers
	# once more: nothing is listed twice; another attestation of the same image is added
	croze push "$REGISTRY/team/app:1"
	curl -sf -H 'Accept: application/vnd.oci.image.index.v1+json' "http://$REGISTRY/v2/team/app/manifests/${image/:/-}" | cmp - referrers
	need skopeo
	skopeo inspect --tls-verify=false "docker://$REGISTRY/team/app:1" | jq -e '.Layers | length == 2'
	skopeo copy -q --all --src-tls-verify=false --dest-tls-verify=false "docker://$REGISTRY/team/app:1" "docker://$REGISTRY/team/copy:1"
	[ "$(skopeo inspect --raw --tls-verify=false "docker://$REGISTRY/team/copy:1" | sha256sum | cut -d' ' -f1)" = \
	    "$(target "$REGISTRY/team/app:1" | cut -d: -f2)" ]
	index=$(target "$REGISTRY/team/app:1")
	empty_store
	croze pull --all-platforms "$REGISTRY/team/copy:1" >/dev/null
	[ "$(target "$REGISTRY/team/copy:1")" = "$index" ]
	statement "$REGISTRY/team/copy:1" $SPDX | jq -e .predicate.spdxVersion
}

@test "a registry that notes referrers itself gets no list of them" {
	fake_registry r --referrers
	printf 'FROM %s\n' "$BUSYBOX" >c/Dockerfile
	run build -t "127.0.0.1:$PORT/app:1" --sbom=true --push
	ok
	[ "$(asked r 'sha256-')" -eq 0 ]
	fake_registry old
	run build -t "127.0.0.1:$PORT/app:1" --sbom=true --push
	ok
	[ "$(asked old 'PUT.*manifests/sha256-')" -eq 1 ]
}

@test "what cannot be attached is an error that says so" {
	printf 'FROM %s\n' "$BUSYBOX" >c/Dockerfile
	while IFS='|' read -r flags text; do
		# shellcheck disable=SC2086
		run build $flags
		fails 2
		says "$text"
	done <<-'EOF'
		--attest type=vsa|'type' must be sbom or provenance
		--attest mode=max|'type' must be sbom or provenance
		--sbom=maybe|--sbom: 'maybe' is not supported
		--attest type=sbom,generator=docker/scanner|croze has a scanner of its own
		--attest type=sbom,format=xml|there are spdx-json and cyclonedx-json
		--attest type=sbom,mode=max|an sbom has no mode
		--provenance=mode=medium|'mode=medium' is neither min nor max
		--provenance=true,version=v0.2|SLSA's v1 is
		--provenance=true,builder-id=me|is no URI
		--sbom=true -o type=docker,dest=x.tar|type=docker has no place for attestations
		--sbom=true -o type=cacheonly|type=cacheonly makes no image
	EOF
}

@test "CycloneDX can be attached, and the builder named" {
	printf 'FROM %s\n' "$ALPINE" >c/Dockerfile
	run build -t app --attest type=sbom,format=cyclonedx-json --attest type=provenance,builder-id=https://ci.example.com/1
	ok
	statement $APP https://cyclonedx.org/bom | jq -e '.predicate.specVersion == "1.6"'
	statement $APP $SLSA | jq -e '.predicate.runDetails.builder.id == "https://ci.example.com/1"'
}
