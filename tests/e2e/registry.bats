#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# registry - pull, push, copy, login and build against Debian's docker-registry.
load ../lib/common
load ../lib/registry

@test "an image keeps its digest from store to registry to store to registry" {
	real_registry
	digest=$(manifest_digest "$ALPINE")
	run croze push "$ALPINE" "$REGISTRY/team/alpine:1"
	ok
	says "@$digest"
	empty_store
	run pull "$REGISTRY/team/alpine:1"
	ok
	says "$digest"
	run croze push "$REGISTRY/team/alpine:1" "$REGISTRY/again/alpine:2"
	ok
	says "@$digest" "sent, blobs: 0 sent, 2 mounted"
	run croze store check
	ok
	image_ok "$REGISTRY/team/alpine:1"
}

@test "skopeo reads what was pushed, and croze pulls what skopeo pushed, bit for bit" {
	need skopeo
	real_registry
	croze push "$BUSYBOX" "$REGISTRY/a/busybox:1"
	digest=$(manifest_digest "$BUSYBOX")
	run skopeo inspect --tls-verify=false --format '{{.Digest}}' "docker://$REGISTRY/a/busybox:1"
	ok
	equal "$output" "$digest"
	skopeo copy --quiet --src-tls-verify=false "docker://$REGISTRY/a/busybox:1" oci:got:x
	skopeo copy --quiet --dest-tls-verify=false oci:got:x "docker://$REGISTRY/b/busybox:1"
	theirs=$(skopeo inspect --tls-verify=false --format '{{.Digest}}' "docker://$REGISTRY/b/busybox:1")
	empty_store
	run pull -q "$REGISTRY/b/busybox:1"
	ok
	equal "$(manifest_digest "$REGISTRY/b/busybox:1")" "$theirs"
}

@test "TLS with a CA of certs.d and a password: refused without, fine with both" {
	need skopeo
	ca localhost 127.0.0.1
	$PYTHON -W ignore -c 'import crypt; print("me:" + crypt.crypt("geheim", crypt.mksalt(crypt.METHOD_BLOWFISH, rounds=16)))' >htpasswd
	real_registry "$W/server.crt" "$W/server.key" "$W/htpasswd"
	name=$REGISTRY/app:1
	run croze push --retry 0 "$BUSYBOX" "$name"
	fails 4
	says "certs.d"
	mkdir -p "$HOME/.config/containers/certs.d/$REGISTRY"
	cp ca.crt "$HOME/.config/containers/certs.d/$REGISTRY/"
	run croze push "$BUSYBOX" "$name"
	fails 4
	says "401" "croze login $REGISTRY"
	run croze login -u me --password-stdin "$REGISTRY" <<<wrong
	fails 4
	says "does not accept"
	[ ! -e "$HOME/.docker/config.json" ]
	run croze login -u me --password-stdin "$REGISTRY" <<<geheim
	ok
	says "logged in to $REGISTRY"
	says_not geheim
	equal "$(stat -c %a "$HOME/.docker/config.json")" 600
	run croze push "$BUSYBOX" "$name"
	ok
	equal "$(skopeo inspect --authfile "$HOME/.docker/config.json" --cert-dir "$HOME/.config/containers/certs.d/$REGISTRY" \
	    --format '{{.Digest}}' "docker://$name")" "$(manifest_digest "$BUSYBOX")"
	empty_store
	run pull "$name"
	ok
	run croze logout "$REGISTRY"
	ok
	empty_store other
	run pull "$name"
	fails 4
	rm -r "$HOME/.config/containers" "$HOME/.docker"
}

@test "copy goes between registry, layout, archives and store with one digest" {
	real_registry
	digest=$(manifest_digest "$ALPINE")
	croze push "$ALPINE" "$REGISTRY/x:1"
	empty_store
	for step in "docker://$REGISTRY/x:1 oci:layout:x" "oci:layout:x oci-archive:a.tar:x" "oci-archive:a.tar:x named:1" \
	    "named:1 docker://$REGISTRY/y:2" "docker://$REGISTRY/y:2 docker://$REGISTRY/z:3"; do
		# shellcheck disable=SC2086 # two words
		run croze copy -q $step
		ok
		equal "$output" "$digest"
	done
	run croze copy "docker://$REGISTRY/z:3" docker-archive:d.tar:z:3
	ok
	tar tf d.tar | grep -qx manifest.json
	run croze copy containers-storage:x named
	fails 2
	says "podman save"
}

@test "an index goes and comes with all its members, or with one of them" {
	need skopeo
	real_registry
	$PYTHON - "$SUITE/bases" two <<'END'
import hashlib, json, shutil, sys
source, dest = sys.argv[1:]
shutil.copytree(source, dest)
index = json.load(open(f"{dest}/index.json"))
base = next(d for d in index["manifests"] if d["annotations"]["org.opencontainers.image.ref.name"].endswith("musl"))
def put(value):
    data = json.dumps(value).encode()
    digest = hashlib.sha256(data).hexdigest()
    open(f"{dest}/blobs/sha256/{digest}", "wb").write(data)
    return {"digest": "sha256:" + digest, "size": len(data)}
def get(d):
    return json.load(open(f"{dest}/blobs/sha256/{d['digest'][7:]}"))
manifest = get(base)
if "manifests" in manifest:
    manifest = get(next(m for m in manifest["manifests"] if m["platform"]["architecture"] == "amd64"))
members = []
for arch in "amd64", "arm64":
    config = get(manifest["config"])
    config["architecture"] = arch
    config.pop("variant", None)
    m = dict(manifest, config=dict(manifest["config"], **put(config)))
    kind = "application/vnd.oci.image.manifest.v1+json"
    m["mediaType"] = kind
    members.append({"mediaType": kind, "platform": {"os": "linux", "architecture": arch}, **put(m)})
kind = "application/vnd.oci.image.index.v1+json"
top = {"schemaVersion": 2, "mediaType": kind, "manifests": members}
index["manifests"] = [{"mediaType": kind, **put(top), "annotations": {"org.opencontainers.image.ref.name": "both"}}]
json.dump(index, open(f"{dest}/index.json", "w"))
END
	digest=$(jq -r '.manifests[0].digest' two/index.json)
	run croze copy --all oci:two:both "docker://$REGISTRY/two:1"
	ok
	equal "sha256:$(skopeo inspect --raw --tls-verify=false "docker://$REGISTRY/two:1" | sha256sum | cut -d' ' -f1)" "$digest"
	empty_store
	run pull --platform linux/arm64 "$REGISTRY/two:1"
	ok
	run croze push "$REGISTRY/two:1" "$REGISTRY/three:1"
	fails 2
	says "does not have the member for linux/amd64" "--all-platforms"
	run pull --all-platforms "$REGISTRY/two:1"
	ok
	says "$digest"
	run croze push "$REGISTRY/two:1" "$REGISTRY/three:1"
	ok
	says "@$digest"
}

@test "build pulls its base, asks again with --pull, stays away with --pull=never, and pushes" {
	real_registry
	croze push "$BUSYBOX" "$REGISTRY/base:1"
	empty_store
	printf 'FROM %s/base:1\nCOPY Dockerfile /x\n' "$REGISTRY" | dockerfile
	run build --pull=never
	fails 2
	says "there is no image '$REGISTRY/base:1' in the store"
	run build -t "$REGISTRY/app:1" -t "$REGISTRY/app:2" --push
	ok
	says "pulled $REGISTRY/base:1" "pushed $REGISTRY/app:1" "pushed $REGISTRY/app:2" "1 mounted"
	first=$(manifest_digest "$REGISTRY/base:1")
	croze copy "oci:$SUITE/bases:$ALPINE" "docker://$REGISTRY/base:1"
	run build
	ok
	equal "$(manifest_digest "$REGISTRY/base:1")" "$first"
	run build --pull -o "type=registry,name=$REGISTRY/out:9"
	ok
	says "the base image changed" "pushed $REGISTRY/out:9"
	equal "$(manifest_digest "$REGISTRY/base:1")" "$(manifest_digest "$ALPINE" "$SUITE/template")"
	run build --push
	fails 2
	says "--push" "--tag"
}

@test "a Dockerfile with an error is refused before the registry is asked" {
	fake_registry r
	printf 'FROM 127.0.0.1:%s/x:%s\nRUNN true\n' "$PORT" latest | dockerfile
	run build
	fails 2
	says "RUNN"
	[ ! -e r/requests ]
}

@test "a base of which no file is read is pulled and not unpacked" {
	real_registry
	croze push "$BUSYBOX" "$REGISTRY/base:1"
	empty_store
	printf 'FROM %s/base:1\nENV a=b\n' "$REGISTRY" | dockerfile
	run build -t app
	ok
	equal "$(find "$CROZE_ROOT/snapshots" -mindepth 1 -maxdepth 1 2>/dev/null | wc -l)" 0
}

@test "large blobs go in pieces and come in whole" {
	real_registry
	head -c 100000000 /dev/urandom >c/big
	printf 'FROM scratch\nCOPY big /\n' | dockerfile
	build --compression=uncompressed -t "$REGISTRY/big:1" --push >/dev/null
	empty_store
	run pull "$REGISTRY/big:1"
	ok
	image_ok "$REGISTRY/big:1"
}

@test "all tags of a repository come" {
	real_registry
	croze push "$BUSYBOX" "$REGISTRY/t:1"
	croze push "$ALPINE" "$REGISTRY/t:2"
	empty_store
	run pull -a "$REGISTRY/t"
	ok
	says "$REGISTRY/t:1" "$REGISTRY/t:2"
}

@test "programs without a registry do not load libcurl, and a build without one does not start croze-fetch" {
	need strace
	run ldd "$CROZE_BUILD/croze"
	says_not libcurl
	printf 'FROM %s\nENV a=b\n' "$BUSYBOX" | dockerfile
	strace -f -qq -e trace=execve -o trace timeout 60 croze build c >/dev/null 2>&1
	lacks croze-fetch trace
}

@test "croze-fetch can neither run a program nor read a file that is not its business" {
	need strace
	real_registry
	croze push "$BUSYBOX" "$REGISTRY/x:1"
	empty_store
	strace -f -qq -e trace=execve,openat,seccomp,landlock_restrict_self -o trace timeout 60 croze pull "$REGISTRY/x:1" >/dev/null
	has "landlock_restrict_self" trace
	pid=$(awk '/execve.*croze-fetch/ { print $1; exit }' trace)
	awk -v p="$pid" '$1 == p && /landlock_restrict_self/ { on = 1 } $1 == p && on' trace >after
	has seccomp after
	lacks execve after
}
