#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# registry_faults - registries that fail, lie and lead astray (F10, G1 to G16): bounded, and never a wrong byte in the store.
load ../lib/common
load ../lib/registry

# one NUMBER EXPECTATION FAULT...: a pull under these faults. EXPECTATION: good, or words that the refusal says.
one()
{
	local number=$1 expectation=$2 before=$SECONDS
	shift 2
	printf '%s\n' "$@" >r/fault
	empty_store "store$number"
	run pull "127.0.0.1:$PORT/f$number:latest"
	if [ $((SECONDS - before)) -gt 25 ]; then
		echo "fault $number ($*) took $((SECONDS - before)) s"
		return 1
	fi
	if [ "$expectation" = good ]; then
		[ "$status" -eq 0 ] || { echo "fault $number ($*): $output"; return 1; }
		image_ok "127.0.0.1:$PORT/f$number:latest" || return 1
	else
		[ "$status" -eq 4 ] || [ "$status" -eq 5 ] || [ "$status" -eq 2 ] || { echo "fault $number ($*): status $status: $output"; return 1; }
		[[ $output == *"$expectation"* ]] || { echo "fault $number ($*): '$expectation' is not in: $output"; return 1; }
		run croze images -q
		equal "$output" '' || return 1
	fi
	run croze store check
	ok
}

@test "F10: 40 faults of a registry: retried inside a bound, or refused, and the store is right" {
	export CROZE_NETWORK_TIMEOUT=2
	fake_registry r
	one 1 good 'manifest 2 500'
	one 2 good 'blob 2 502'
	one 3 good 'any 2 503'
	one 4 good 'manifest 1 429 1'
	one 5 good "blob 1 429 $(LC_ALL=C date -u -d '+1 second' '+%a, %d %b %Y %H:%M:%S GMT')"
	one 6 "wants us to wait 9999 s" 'blob 0 429 9999'
	one 7 "answers 503" 'blob 0 503'
	one 8 good 'any 2 reset-before'
	one 9 good 'blob 2 reset-header'
	one 10 good 'blob 2 reset-body'
	one 11 "127.0.0.1:$PORT" 'blob 0 reset-before'
	one 12 good 'blob 1 truncated'
	one 13 good 'manifest 1 truncated'
	one 14 "not" 'blob 0 too-long'
	one 15 "not" 'blob 0 too-short'
	one 16 "sha256:" 'blob 0 wrong-data'
	one 17 good 'blob 1 wrong-data'
	one 18 "as the registry says" 'manifest 0 wrong-digest'
	one 19 "neither manifest nor index" 'manifest 0 wrong-type'
	one 20 "nothing came for 2 s" 'blob 0 stall'
	one 21 "nothing came for 2 s" 'manifest 0 stall-header'
	one 22 "nothing came for 2 s" 'blob 0 trickle'
	one 23 "more than 10 redirects" 'blob 0 redirect'
	one 24 good 'blob 1 http10'
	one 25 good 'blob 0 no-length'
	one 26 good 'blob 1 no-length-cut'
	one 27 good 'blob 0 chunked'
	one 28 "127.0.0.1:$PORT" 'blob 0 chunked-bad'
	one 29 "more than" 'blob 0 chunked-endless'
	one 30 "more than" 'manifest 0 chunked-endless'
	one 31 good 'blob 1 truncated' 'blob 1 range-ignored'
	one 32 good 'blob 2 range-wrong'
	one 33 "not" 'blob 0 gzip'
	one 34 good 'blob 0 transfer-gzip'
	one 35 "answers 404" 'blob 0 404'
	one 36 "answers 403" 'config 0 403'
	one 37 "is no http or https URL" 'blob 0 redirect gopher://x/'
	one 38 "127.0.0.1:$PORT" 'ping 0 reset-before'
	one 39 "answers 500" 'config 0 500'
	one 40 "has 'manifests'" 'manifest 0 body {"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]}'
}

@test "F10: a token that expires in the middle, one without expiry, one with another name" {
	fake_registry r --token
	for f in 'blob 1 expire' 'token 0 no-expiry' 'token 0 access' 'token 0 expires 1' 'token 2 503'; do
		fault r "$f"
		empty_store
		run pull "127.0.0.1:$PORT/app:latest"
		ok
	done
	fault r 'token 0 body not-json'
	empty_store
	run pull "127.0.0.1:$PORT/app:latest"
	fails 4
	says "cannot get a token"
}

@test "F10: a push survives HEAD 405, a denied mount, lost sessions and resets; 202 without Location is an error" {
	fake_registry r
	head -c 30000000 /dev/urandom >c/big
	printf 'FROM scratch\nCOPY big /\n' | dockerfile
	build --compression=uncompressed -t big >/dev/null
	croze tag big "127.0.0.1:$PORT/other:1"
	digest=$(manifest_digest "127.0.0.1:$PORT/other:1")
	n=0
	for f in 'head 0 405' 'post 2 mount-denied' 'put 1 lost' 'put 1 500' 'put 1 reset-before' 'patch 1 reset-body' 'patch 1 lost' \
	    'patch 0 405' 'post 2 503' 'put-manifest 2 503'; do
		n=$((n + 1))
		fault r "$f"
		run timeout 60 croze push --retry-delay 10ms big "127.0.0.1:$PORT/p$n:t$n"
		[ "$status" -eq 0 ] || { echo "$f: $output"; return 1; }
		says "@$digest"
		stop_servers
		rm r/port
		fake_registry r
		croze tag big "127.0.0.1:$PORT/other:1"
	done
	fault r 'patch 0 413'
	before=$(asked r PATCH)
	run timeout 60 croze push --retry-delay 10ms big "127.0.0.1:$PORT/p:t"
	fails 4
	says "it takes no body of this size"
	equal $(($(asked r PATCH) - before)) 1
	fault r 'post 0 no-location'
	run timeout 60 croze push --retry-delay 10ms big "127.0.0.1:$PORT/p:t"
	fails 4
	says "Location"
}

@test "one token does for a push with blobs of several repositories" {
	fake_registry r --token
	printf 'FROM %s\nCOPY Dockerfile /x\n' "$BUSYBOX" | dockerfile
	build -t "127.0.0.1:$PORT/a:1" >/dev/null
	croze tag "$BUSYBOX" "127.0.0.1:$PORT/b:1"
	printf 'FROM 127.0.0.1:%s/a:1\nCOPY Dockerfile /y\n' "$PORT" | dockerfile
	build -t "127.0.0.1:$PORT/c:1" >/dev/null
	fault r 'mount 0 yes'
	run croze push "127.0.0.1:$PORT/c:1"
	ok
	says "2 mounted"
	equal "$(asked r '"path": "/token')" 1
	[ "$(asked r 'mount=sha256:[0-9a-f]*&from=a"')" -gt 0 ]
}

@test "F10: a cut-off push goes on where the registry stopped" {
	fake_registry r
	head -c 30000000 /dev/urandom >c/big
	printf 'FROM scratch\nCOPY big /\n' | dockerfile
	build --compression=uncompressed -t big >/dev/null
	fault r 'patch 1 reset-body'
	run croze push --retry-delay 10ms big "127.0.0.1:$PORT/p:t"
	ok
	jq -r 'select(.method == "PATCH") | .headers["Content-Range"]' r/requests >ranges
	[ "$(wc -l <ranges)" -ge 2 ]
	[ "$(tail -n 1 ranges | cut -d- -f1)" -gt 1000000 ]
}

@test "G9 single-bit flips and truncations of a layer: all refused, nothing in the store" {
	fake_registry r
	count=${CROZE_TEST_LONG:+500}
	count=${count:-40}
	RANDOM=7
	empty_store
	for ((i = 0; i < count; i++)); do
		for kind in flip cut; do
			fault r "blob 0 $kind $((RANDOM * 32768 + RANDOM))"
			run pull --retry 0 "127.0.0.1:$PORT/x:latest"
			[ "$status" -eq 4 ] || { cat r/fault; echo "$output"; return 1; }
		done
	done
	run croze images -q
	equal "$output" ''
	run croze store check
	ok
}

@test "G1 foreign URLs in a descriptor are not followed, and their host gets nothing" {
	fake_registry s --address 127.0.0.2
	second=127.0.0.2:$PORT
	fake_registry r
	empty_store
	pull -q "127.0.0.1:$PORT/x:latest"
	croze inspect "127.0.0.1:$PORT/x:latest" >/dev/null
	"$PYTHON" - "$SUITE/bases" "http://$second/foreign" >body <<'END'
import json, sys
index = json.load(open(sys.argv[1] + "/index.json"))
d = next(d for d in index["manifests"] if "busybox" in json.dumps(d["annotations"]))
get = lambda digest: json.load(open(sys.argv[1] + "/blobs/sha256/" + digest[7:]))
m = get(d["digest"])
if "manifests" in m:
    m = get(next(x for x in m["manifests"] if x["platform"]["architecture"] == "amd64")["digest"])
m["layers"][0]["urls"] = [sys.argv[2]]
print(json.dumps(m))
END
	fault r "manifest 0 body $(cat body)" "blob 0 404"
	empty_store
	run pull --creds me:geheim "127.0.0.1:$PORT/x:latest"
	fails 2
	says "answers 404"
	[ ! -e s/requests ]
}

@test "G2 a realm at another site gets no password; the registry's own host at another port does" {
	fake_registry s --address 127.0.0.2
	second=$PORT
	fake_registry t
	third=$PORT
	fake_registry r --token
	mkdir -p "$HOME/.docker"
	printf '{"auths":{"127.0.0.1:%s":{"auth":"%s"}}}' "$PORT" "$(printf me:geheim | base64)" >"$HOME/.docker/config.json"
	secret=$(printf me:geheim | base64)
	fault r "realm 0 x http://127.0.0.2:$second/token"
	empty_store
	run pull "127.0.0.1:$PORT/x:latest"
	ok
	says "another site"
	lacks "$secret" s/requests
	has /token s/requests
	fault r "realm 0 x http://127.0.0.1:$third/token"
	empty_store
	run pull "127.0.0.1:$PORT/x:latest"
	ok
	has "$secret" t/requests
	fault r "realm 0 x http://169.254.169.254/token"
	empty_store
	run pull --retry 0 "127.0.0.1:$PORT/x:latest"
	fails 5
	says "cannot get a token" "link-local"
}

@test "G2 a realm by http of a registry by https is refused" {
	ca 127.0.0.1
	fake_registry r --token --https server.crt server.key
	mkdir -p certs
	cp ca.crt certs
	fake_registry t
	plain=$PORT
	PORT=$(cat r/port)
	fault r "realm 0 x http://127.0.0.1:$plain/token"
	empty_store
	run pull --cert-dir certs --creds me:geheim "127.0.0.1:$PORT/x:latest"
	[ "$status" -ne 0 ]
	says "by http"
	[ ! -e t/requests ]
}

@test "G3 redirects and Locations to link-local addresses are not followed" {
	fake_registry r
	for url in http://169.254.169.254 'http://[fe80::1]' 'http://[::ffff:169.254.169.254]'; do
		fault r "blob 0 redirect-blob $url"
		empty_store
		run pull --retry 0 "127.0.0.1:$PORT/x:latest"
		fails 5
		says "link-local"
	done
}

@test "G5 a blob elsewhere is fetched without the password, which is there again afterwards" {
	fake_registry s --address 127.0.0.2
	second=$PORT
	fake_registry r --token
	fault r "blob 0 redirect-blob http://127.0.0.2:$second"
	empty_store
	run pull --creds me:geheim "127.0.0.1:$PORT/x:latest"
	ok
	image_ok "127.0.0.1:$PORT/x:latest"
	has /blobs/ s/requests
	lacks Authorization s/requests
	has 'Bearer token-' r/requests
}

@test "G6 digests that are none are refused by the parser" {
	fake_registry r
	for d in 'sha256:../../x' "sha256:$(printf 'A%.0s' {1..64})" sha256:abc "sha512:$(printf 'a%.0s' {1..128})" "sha256:$(printf 'a%.0s' {1..63})"; do
		run pull "127.0.0.1:$PORT/x@$d"
		fails 2
		fault r "manifest 0 body {\"schemaVersion\":2,\"mediaType\":\"application/vnd.oci.image.manifest.v1+json\",\"config\":{\"mediaType\":\"application/vnd.oci.image.config.v1+json\",\"size\":2,\"digest\":\"$d\"},\"layers\":[]}"
		empty_store
		run pull "127.0.0.1:$PORT/x:latest"
		[ "$status" -ne 0 ]
		[ "$(asked r /blobs/)" -eq 0 ]
	done
}

@test "G8 endless documents and tokens are stopped" {
	fake_registry r --token
	empty_store
	fault r 'token 0 chunked-endless'
	run pull --retry 0 "127.0.0.1:$PORT/x:latest"
	[ "$status" -ne 0 ]
	says "more than"
	fault r 'manifest 0 chunked-endless'
	run pull --retry 0 "127.0.0.1:$PORT/x:latest"
	[ "$status" -ne 0 ]
	says "more than"
	fault r 'ping 0 chunked-endless'
	run pull --retry 0 "127.0.0.1:$PORT/x:latest"
	[ "$status" -ne 0 ]
	says "more than 1048576 bytes"
}

@test "G11 a document that drips is given up though it never stalls" {
	export CROZE_NETWORK_TIMEOUT=1
	fake_registry r
	fault r 'manifest 0 drip'
	empty_store
	run pull "127.0.0.1:$PORT/x:latest"
	fails 4
	says "it is not whole after 10 s" "CROZE_NETWORK_TIMEOUT"
}

@test "G11 half-open: the other end is gone without a word, for a manifest and for a layer" {
	need ip
	need unshare
	export CROZE_NETWORK_TIMEOUT=2
	empty_store
	cat >inside <<-'END'
	pull_from()
	{
		rm -f r/port
		ip link set lo up
		"$PYTHON" "$LIB/registry_server.py" "$SUITE/bases" r >r/log 2>&1 3>&- &
		server=$!
		for ((i = 0; i < 100; i++)); do [ -e r/port ] && break; sleep 0.1; done
		timeout 30 croze pull --retry-delay 10ms "127.0.0.1:$(cat r/port)/x:latest" && echo "it was pulled"
		echo "status $?"
		kill -9 $server
	}
	for kind in manifest blob; do
		echo "$kind 0 cut-link" >r/fault
		pull_from
	done
	END
	mkdir -p r
	begin=$SECONDS
	PYTHON=$PYTHON LIB=$LIB SUITE=$SUITE run timeout 60 unshare --user --map-root-user --net bash ./inside
	[[ $output != *"Operation not permitted"* ]] || skip "no network namespace is to be had"
	[ $((SECONDS - begin)) -lt 25 ]
	equal "$(grep -c '^status 4$' <<<"$output")" 2
	equal "$(grep -c 'nothing came for 2 s' <<<"$output")" 2
	run croze images -q
	equal "$output" ''
}

# none_of PIDS: has each of them ended?
none_of()
{
	local pid
	for pid in $1; do
		! kill -0 "$pid" 2>/dev/null || return 1
	done
}

# unpacked: is anything in a snapshot, whole or not?
unpacked()
{
	[ -n "$(find "$CROZE_ROOT/tmp" "$CROZE_ROOT/snapshots" -path '*/fs/*' -print -quit)" ]
}

@test "a layer is unpacked while it comes, and is nothing before all of it is here" {
	fake_registry r
	empty_store
	fault r "blob 1 hold $W/go"
	printf 'FROM 127.0.0.1:%s/x:latest\nRUN true\n' "$PORT" | dockerfile
	timeout 60 croze build -t app c >log 2>&1 3>&- &
	local build=$!
	wait_for unpacked
	equal "$(ls "$CROZE_ROOT/snapshots")" ''
	run croze images -q
	equal "$output" ''
	touch go
	wait "$build" || { cat log; false; }
	grep -q "pulled 127.0.0.1:$PORT/x:latest: " log
	run croze store check
	ok
	stop_servers
	run build --pull=never -t again
	ok
	equal "$(croze inspect --format '{{.Id}}' again)" "$(croze inspect --format '{{.Id}}' app)"
}

@test "a build that is killed while its base comes leaves neither processes nor files" {
	fake_registry r
	empty_store
	fault r "blob 1 hold $W/go"
	printf 'FROM 127.0.0.1:%s/x:latest\nRUN true\n' "$PORT" | dockerfile
	croze build -t app c >log 2>&1 3>&- &
	local build=$!
	wait_for unpacked
	children=$(pgrep -g "$(ps -o pgid= "$build" | tr -d ' ')" croze)
	[ "$(wc -w <<<"$children")" -ge 4 ]
	kill -9 "$build"
	wait "$build" || true
	wait_for none_of "$children"
	touch go
	run build -t app
	ok
	equal "$(ls "$CROZE_ROOT/tmp")" ''
	run croze store check
	ok
}

@test "F10: a base that comes badly is unpacked right in the end, or leaves nothing" {
	export CROZE_NETWORK_TIMEOUT=2
	fake_registry r
	printf 'FROM 127.0.0.1:%s/x:latest\nRUN ls -l /bin | wc -l >/list\n' "$PORT" | dockerfile
	empty_store s0
	run build -o out0
	ok
	for f in reset-body wrong-data truncated; do
		fault r "blob 1 $f" 'blob 1 range-ignored'
		empty_store "s-$f"
		run build --retry-delay 10ms -o "out-$f"
		ok
		diff -r out0 "out-$f"
	done
	for f in 'flip 12345' 'flip 6000000' 'cut 300000' wrong-data stall 404; do
		fault r "blob 0 $f"
		empty_store
		run build --retry 0 -t app
		fails 4
		says "image '127.0.0.1:$PORT/x:latest': cannot pull" "pulling 127.0.0.1:$PORT/x:latest: "
		equal "$(ls "$CROZE_ROOT/snapshots")" ''
		run croze images -q
		equal "$output" ''
		run croze store check
		ok
	done
}

@test "images with a layer in common bring it once, and a step that fails leaves its base named" {
	fake_registry r
	empty_store
	printf 'FROM 127.0.0.1:%s/x:latest AS a\nRUN touch /a\nFROM 127.0.0.1:%s/y:latest\nCOPY --from=a /a /\nRUN false\n' "$PORT" "$PORT" |
	    dockerfile
	run build
	fails 1
	equal "$(jq -r 'select(.path | contains("/blobs/")) | .path | split("/")[-1]' r/requests | sort | uniq -d)" ''
	run croze images --format '{{.Repository}}'
	says "127.0.0.1:$PORT/y"
}

@test "FROM of a name one letter off a stage says so before a silent registry is waited for" {
	fake_registry r
	fault r 'ping 0 stall-header'
	export CONTAINERS_REGISTRIES_CONF=$W/registries.conf
	printf '[aliases]\nbulder = "127.0.0.1:%s/x"\n' "$PORT" >registries.conf
	printf 'FROM %s AS builder\nFROM bulder\nCOPY Dockerfile /x\n' "$BUSYBOX" | dockerfile
	timeout 60 croze build c >log 2>&1 3>&- &
	local build=$!
	wait_for grep -q "Dockerfile:2: FROM bulder is no stage, .*; stage 'builder' begins at line 1" log
	kill -0 "$build"
	kill "$build"
	wait "$build" || true
}

@test "G13 manifests and configs with missing, wrong and extra members end in a clear error" {
	fake_registry r
	"$PYTHON" - >mutants <<'END'
import itertools, json
d = {"mediaType": "application/vnd.oci.image.config.v1+json", "size": 2, "digest": "sha256:" + "a" * 64}
good = {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json", "config": d, "layers": [dict(d, mediaType="application/vnd.oci.image.layer.v1.tar")]}
wrong = [None, 1, -1, "x", [], {}, True, 1e99]
for key in good:
    print(json.dumps({k: v for k, v in good.items() if k != key}))
    for w in wrong:
        print(json.dumps(dict(good, **{key: w})))
for key, w in itertools.product(d, wrong):
    print(json.dumps(dict(good, config=dict(d, **{key: w}))))
print(json.dumps(dict(good, manifests=[])))
END
	n=0
	empty_store
	while read -r mutant; do
		n=$((n + 1))
		fault r "manifest 0 body $mutant"
		run pull --retry 0 "127.0.0.1:$PORT/x:latest"
		[ "$status" -eq 2 ] || [ "$status" -eq 4 ] || [ "$status" -eq 5 ] || { echo "$status $mutant: $output"; return 1; }
		[ -n "$output" ]
	done <mutants
	[ "$n" -gt 60 ]
	run croze images -q
	equal "$output" ''
}

# mutants LAYOUT KIND: an OCI layout with one image for each way in which its config (or manifest, or index) can be wrong,
# named 1, 2, ...; prints how many.
mutants()
{
	"$PYTHON" - "$LIB" "$@" <<'END'
import json, sys
sys.dont_write_bytecode = True
sys.path.insert(0, sys.argv[1])
import oci_layout
layout, kind = oci_layout.Layout(sys.argv[2]), sys.argv[3]
INDEX, MANIFEST, CONFIG = ("application/vnd.oci.image.%s.v1+json" % k for k in ("index", "manifest", "config"))
diff = "sha256:" + "1" * 64
config = {"os": "linux", "architecture": "amd64", "created": "2020-01-01T00:00:00Z", "author": "a",
          "rootfs": {"type": "layers", "diff_ids": []}, "history": [{"created_by": "x", "empty_layer": True}],
          "config": {"Env": ["A=b"], "Cmd": ["x"], "Entrypoint": ["y"], "User": "u", "WorkingDir": "/", "Labels": {"k": "v"},
                     "ExposedPorts": {"1/tcp": {}}, "Volumes": {"/v": {}}, "StopSignal": "TERM", "Healthcheck": {"Test": ["NONE"]},
                     "OnBuild": [], "Shell": ["sh"]}}
wrong = [None, 1, -1, "x", [], {}, True, [1], [None], {"a": 1}, 1e99]
n = 0

def add(descriptor):
    global n
    n += 1
    layout.name(descriptor, "m%d" % n)

def image(value, **more):
    c = layout.put_json(value, CONFIG)
    return layout.put_json({"schemaVersion": 2, "mediaType": MANIFEST, "config": c, "layers": [], **more}, MANIFEST)

if kind == "config":
    for where in (None, "rootfs", "config"):
        part = config[where] if where else config
        for key in part:
            for w in ["gone"] + wrong:
                other = {k: v for k, v in part.items() if k != key} if w == "gone" else dict(part, **{key: w})
                add(image(dict(config, **{where: other}) if where else other))
    for ids in ([diff], [diff, diff], ["sha256:x"], [diff, 1], [None]):
        add(image(dict(config, rootfs={"type": "layers", "diff_ids": ids})))
else:
    good = image(config)
    member = dict(good, platform={"os": "linux", "architecture": "amd64"})
    index = {"schemaVersion": 2, "mediaType": INDEX, "manifests": [member]}
    both = json.loads(layout.read(good["digest"]))
    add(image(config, manifests=[member]))
    add(layout.put_json(dict(index, layers=[]), INDEX))
    add(layout.put_json(dict(index, config=both["config"]), INDEX))
    add(layout.put_json(index, MANIFEST))
    add(layout.put_json(both, INDEX))
    add(layout.put_json(dict(both, mediaType=INDEX), MANIFEST))
    add(layout.put_json(dict(index, mediaType=MANIFEST), INDEX))
    add(layout.put_json(dict(both, mediaType="application/vnd.docker.distribution.manifest.v2+json"), MANIFEST))
    add(layout.put_json(dict(index, manifests=[dict(member, mediaType=INDEX)]), INDEX))
layout.save()
print(n)
END
}

@test "G7 a document that is both a manifest and an index, or not what its descriptor says, is refused" {
	count=$(mutants odd documents)
	[ "$count" -eq 9 ]
	for ((n = 1; n <= count; n++)); do
		run croze copy --all "oci:odd:m$n" taken
		fails 2
		[[ $output == *sha256:* || $output == *manifest* || $output == *index* ]]
	done
	run croze images -q taken
	equal "$output" ''
	fake_registry r
	fault r 'manifest 0 body {"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[],"layers":[],"config":{}}'
	empty_store
	run pull --retry 0 "127.0.0.1:$PORT/x:latest"
	[ "$status" -ne 0 ]
	run croze images -q
	equal "$output" ''
}

@test "G13 configs with missing, wrong and extra members: an error that names them, or an image, and never a crash" {
	count=$(mutants odd config)
	[ "$count" -ge 200 ]
	refused=0
	printf 'FROM base\nENV a=b\n' | dockerfile
	for ((n = 1; n <= count; n++)); do
		run build -q --build-context "base=oci-layout://odd:m$n"
		[ "$status" -eq 0 ] || [ "$status" -eq 2 ] || { echo "$status m$n: $output"; return 1; }
		[ "$status" -eq 0 ] || refused=$((refused + 1))
		[ "$status" -eq 0 ] || [[ $output == *error:* || $output == croze:* ]] || { echo "m$n: $output"; return 1; }
	done
	[ "$refused" -ge 100 ] || { echo "$refused of $count"; return 1; }
	run croze store check
	ok
}

@test "G14 an archive that calls its image by a name that is taken does not get it, unless that is asked for" {
	base=$(manifest_digest "$BUSYBOX")
	printf 'FROM scratch\nCOPY Dockerfile /evil\n' | dockerfile
	build -q -o type=oci,dest=evil.tar,name="$BUSYBOX" -o type=docker,dest=docker.tar,name="$BUSYBOX" >/dev/null
	mkdir evil
	tar xf evil.tar -C evil
	run croze import evil
	fails 5
	says "$BUSYBOX" "--replace"
	equal "$(manifest_digest "$BUSYBOX")" "$base"
	run croze import --replace evil
	ok
	[ "$(manifest_digest "$BUSYBOX")" != "$base" ]
	# docker load moves names, too, and says so
	croze import --replace "$SUITE/bases" >/dev/null
	for archive in evil.tar docker.tar; do
		run croze load -q -i "$archive"
		ok
		says "busybox:musl stood for another image so far: sha256:"
		croze import --replace "$SUITE/bases" >/dev/null
	done
}

@test "G15 the digest counts: a name in the store that stands for another image is an error" {
	fake_registry r
	empty_store
	pull "127.0.0.1:$PORT/x:latest"
	digest=$(jq -r '.manifests[0].digest' "$CROZE_ROOT/index.json")
	croze copy "oci:$SUITE/bases:$ALPINE" "127.0.0.1:$PORT/x:latest"
	printf 'FROM 127.0.0.1:%s/x:latest@%s\n' "$PORT" "$digest" | dockerfile
	run build
	fails 2
	says "is not $digest"
}

@test "G16 passwords are in no output, log, image or record" {
	fake_registry r --token
	export CROZE_ROOT=$W/store
	printf 'FROM 127.0.0.1:%s/x:latest\nCOPY Dockerfile /x\n' "$PORT" | dockerfile
	run build --creds me:geheim123 --pull -t app
	ok
	says_not geheim123 "$(printf me:geheim123 | base64)"
	run pull --creds me:geheim123 "127.0.0.1:$PORT/nothing:there"
	[ "$status" -ne 0 ]
	says_not geheim123 token-
	run grep -rlaE "geheim123|$(printf me:geheim123 | base64)|token-[0-9]" "$CROZE_ROOT"
	equal "$output" ''
	run pull "http://me:geheim123@127.0.0.1:$PORT/x:latest"
	[ "$status" -ne 0 ]
}
