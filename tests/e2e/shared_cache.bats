#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shared_cache - steps that machines share: --cache-to and --cache-from. A machine is a store of its own.
#
# A cache may be slow, lie, be full or gone: the image is the same, digest for digest, and the build is over in bounded time.
load ../lib/common
load ../lib/registry

APP=docker.io/library/app:latest

# machine NAME: what follows has a store of its own, with the base images in it and nothing else.
machine()
{
	export CROZE_ROOT=$W/$1
	[ -e "$CROZE_ROOT" ] || cp -a "$SUITE/template" "$CROZE_ROOT"
}

# ran N: so many steps were run by the last build.
ran()
{
	says " cached, $1 run"
}

# example: three stages, of which each reads the one before; the same image whenever it is built.
example()
{
	mkdir -p c/src
	echo one >c/src/a
	export SOURCE_DATE_EPOCH=1700000000
	dockerfile <<-END
	FROM $BUSYBOX AS deps
	RUN mkdir /deps && head -c 300000 /dev/zero | tr '\0' d >/deps/d
	FROM $BUSYBOX AS build
	COPY --from=deps /deps /deps
	COPY src /src
	RUN cat /deps/d /src/a >/out
	RUN true
	FROM $BUSYBOX
	COPY --from=build /out /out
	RUN wc -c </out >/final && mkdir /d && chown 3:4 /d
	CMD ["cat", "/final"]
	END
}
STEPS=7

# want: the digest of the example, built without any cache; once a test.
want()
{
	machine plain
	run build -t app
	ok
	WANT=$(manifest_digest $APP)
}

# same: the image of this machine is the one that is wanted.
same()
{
	equal "$(manifest_digest $APP)" "$WANT"
}

# to_local [OPTION...]: the example of machine a, with all its stages, in the local cache "kept".
to_local()
{
	machine a
	run build -t app --cache-to "type=local,dest=$W/kept,mode=max$*"
	ok
	WANT=$(manifest_digest $APP)
}

# ---- what they are for ----

@test "an empty store and a registry cache: no step is run, the digest is the same, and only what is needed comes" {
	real_registry
	example
	machine a
	run build -t app --cache-to "type=registry,ref=$REGISTRY/team/cache:main,mode=max,image-manifest=true,oci-mediatypes=true"
	ok
	ran $STEPS
	says "9 records, 5 layers"
	WANT=$(manifest_digest $APP)
	machine b
	run build -t app --cache-from "type=registry,ref=$REGISTRY/team/cache:main"
	ok
	ran 0
	says "took 2 layers"
	same
	image_ok $APP
	run croze store check
	ok
	# nothing was unpacked, and what is known stays known without the cache
	equal "$(find "$CROZE_ROOT/snapshots" -mindepth 1 | wc -l)" 0
	run build -t app
	ok
	ran 0
	same
}

@test "what was changed is run over what others made, of which only the files it needs are unpacked" {
	real_registry
	example
	machine a
	run build -t app --cache-to "type=registry,ref=$REGISTRY/cache,mode=max"
	ok
	echo two >c/src/a
	want
	machine b
	run build -t app --cache-from "$REGISTRY/cache"
	ok
	ran 5 # COPY src, both RUN behind it, and the two steps of the image
	says "took 1 layers"
	same
	run croze store check
	ok
}

@test "the mode min has the layers of the image alone, and is enough for it, whatever its stages read" {
	real_registry
	example
	machine a
	run build -t app --cache-to "type=registry,ref=$REGISTRY/cache"
	ok
	says "2 layers"
	WANT=$(manifest_digest $APP)
	machine b
	run build -t app --cache-from "type=registry,ref=$REGISTRY/cache"
	ok
	ran 0
	same
	# a step of a stage whose key was only told is run when it has to be
	echo two >c/src/a
	want
	machine d
	run build -t app --cache-from "type=registry,ref=$REGISTRY/cache"
	ok
	ran $STEPS
	same
	run build -t app
	ok
	ran 0
}

@test "the good steps of a build that failed are shared too" {
	real_registry
	example
	want
	sed -i 's/^RUN true/RUN false/' c/Dockerfile
	machine a
	run build -t app --cache-to "type=registry,ref=$REGISTRY/cache,mode=max"
	fails 1
	says "cache': 5 records, 3 layers"
	sed -i 's/^RUN false/RUN true/' c/Dockerfile
	machine b
	run build -t app --cache-from "type=registry,ref=$REGISTRY/cache"
	ok
	ran 3
	same
}

@test "12.10 a cache that is inside the image is found by the image's name" {
	need skopeo
	real_registry
	example
	machine a
	run build -t "$REGISTRY/app:1" --push --cache-to type=inline
	ok
	WANT=$(manifest_digest "$REGISTRY/app:1")
	equal "$(skopeo inspect --tls-verify=false --format '{{.Digest}}' "docker://$REGISTRY/app:1")" "$WANT"
	machine b
	run build -t "$REGISTRY/app:1" --cache-from "$REGISTRY/app:1" --cache-to type=inline
	ok
	ran 0
	equal "$(manifest_digest "$REGISTRY/app:1")" "$WANT"
	image_ok "$REGISTRY/app:1"
	run croze run --rm "$REGISTRY/app:1"
	ok
	says 300004
	# an image on top of it has no cache of another one in it
	printf 'FROM %s\nLABEL a=b\n' "$REGISTRY/app:1" >c/Dockerfile
	run build -t over
	ok
	config docker.io/library/over:latest >told
	lacks io.croze.cache told
	# an image without a cache is none
	run build -t "$REGISTRY/plain:1" --push
	ok
	run build --no-cache -t x --cache-from "$REGISTRY/plain:1"
	ok
	machine d
	echo 'RUN echo new' >>c/Dockerfile
	run build -t x --cache-from "$REGISTRY/plain:1"
	ok
	says "without a cache in it"
}

@test "a local cache keeps one cache a tag, and no layer that none of them names" {
	example
	to_local ,tag=one
	first=$(find kept/blobs -type f | wc -l)
	run build -t app --cache-to type=local,dest="$W/kept",tag=two
	ok
	echo 'RUN head -c 1000 /dev/urandom >/more' >>c/Dockerfile
	run build -t app --cache-to type=local,dest="$W/kept",tag=two
	ok
	run build -t app --cache-to type=local,dest="$W/kept",tag=two
	ok
	sed -i '$d' c/Dockerfile
	run build -t app --cache-to type=local,dest="$W/kept",tag=two
	ok
	# two manifests and two configs; the layers of the second are among those of the first
	equal "$(find kept/blobs -type f | wc -l)" "$((first + 2))"
	equal "$(jq -r '[.manifests[].annotations["org.opencontainers.image.ref.name"]] | sort | join(" ")' kept/index.json)" "one two"
	machine b
	run build -t app --cache-from type=local,src="$W/kept",tag=one
	ok
	ran 0
	same
	digest=$(jq -r '.manifests[] | select(.annotations["org.opencontainers.image.ref.name"] == "two") | .digest' kept/index.json)
	machine d
	run build -t app --cache-from "type=local,src=$W/kept,digest=$digest"
	ok
	ran 0
	same
	machine e
	run build -t app --cache-from type=local,src="$W/kept",tag=three --cache-from type=local,src="$W/none"
	ok
	says "nothing to take" "'three'"
	ran $STEPS
	same
	mkdir mine
	touch mine/file
	run build -t app --cache-to type=local,dest="$W/mine"
	ok
	says "warning: " "is not empty and is no OCI layout"
	equal "$(ls mine)" file
}

@test "several places are read and written in one build" {
	real_registry
	example
	machine a
	run build --target deps --cache-to type=local,dest="$W/deps",mode=max
	ok
	run build --target build --cache-to type=local,dest="$W/build",mode=max --cache-to "$REGISTRY/one" \
	    --cache-to "type=registry,ref=$REGISTRY/two,mode=max"
	ok
	want
	machine b
	run build -t app --cache-from "$REGISTRY/none:1" --cache-from type=local,src="$W/deps" --cache-from "$REGISTRY/one" \
	    --cache-to "$REGISTRY/three"
	ok
	ran 2
	same
	machine d
	run build -t app --cache-from "$REGISTRY/three"
	ok
	ran 0
}

@test "other tools read and copy a cache: skopeo, from registry to layout, and croze takes it from there" {
	need skopeo
	real_registry
	example
	machine a
	run build -t app --cache-to "type=registry,ref=$REGISTRY/cache:1,mode=max"
	ok
	WANT=$(manifest_digest $APP)
	skopeo inspect --raw --tls-verify=false "docker://$REGISTRY/cache:1" >manifest
	equal "$(jq -r .config.mediaType manifest)" application/vnd.croze.cache.config.v1+json
	equal "$(jq '.layers | length' manifest)" 5
	skopeo copy --quiet --src-tls-verify=false "docker://$REGISTRY/cache:1" oci:copied:latest
	machine b
	run build -t app --cache-from type=local,src="$W/copied"
	ok
	ran 0
	same
	skopeo copy --quiet --dest-tls-verify=false oci:copied:latest "docker://$REGISTRY/elsewhere:2"
	machine d
	run build -t app --cache-from "$REGISTRY/elsewhere:2"
	ok
	ran 0
	same
}

@test "layers in another compression become those of the image, byte for byte" {
	example
	to_local ,compression=zstd,compression-level=7
	jq -r .manifests[0].digest kept/index.json >digest
	equal "$(jq -r '[.layers[].mediaType] | unique[]' "kept/blobs/sha256/$(cut -d: -f2 digest)")" application/vnd.oci.image.layer.v1.tar+zstd
	machine b
	run build -t app --cache-from type=local,src="$W/kept"
	ok
	ran 0
	same
	image_ok $APP
	# what is there in one form stays so, unless it is forced
	run build -t app --cache-to type=local,dest="$W/stays",compression=uncompressed --cache-to type=local,dest="$W/forced",compression=uncompressed,force-compression=true
	ok
	stays=$(jq -r .manifests[0].digest stays/index.json)
	forced=$(jq -r .manifests[0].digest forced/index.json)
	equal "$(jq -r '[.layers[].mediaType] | unique[]' "stays/blobs/sha256/${stays#*:}")" application/vnd.oci.image.layer.v1.tar+gzip
	equal "$(jq -r '[.layers[].mediaType] | unique[]' "forced/blobs/sha256/${forced#*:}")" application/vnd.oci.image.layer.v1.tar
	machine d
	run build -t app --cache-from type=local,src="$W/forced"
	ok
	ran 0
	same
	# and a build that wants another form gets that
	machine e
	run build -t app --compression zstd --cache-from type=local,src="$W/forced"
	ok
	ran 0
	image_ok $APP
}

@test "layers with other bounds of time are not taken" {
	example
	to_local
	machine b
	export SOURCE_DATE_EPOCH=1600000000
	run build -t app --cache-from type=local,src="$W/kept"
	ok
	ran $STEPS
}

@test "a key that is known when a stage was run again is found then" {
	example
	to_local
	# the stage is made in another way, and comes out the same
	sed -i 's/^RUN cat .deps.d .src.a >.out/RUN cat \/deps\/d >\/out \&\& cat \/src\/a >>\/out/' c/Dockerfile
	machine b
	run build -t app --cache-from type=local,src="$W/kept"
	ok
	same
	says "COPY --from=build" "stage-2 2/3 | cached"
	ran 2
}

@test "a store that knows all of it asks no cache" {
	real_registry
	example
	machine a
	run build -t app --cache-to "$REGISTRY/cache"
	ok
	stop_servers
	run build -t app --cache-from "$REGISTRY/cache"
	ok
	ran 0
	says_not "$REGISTRY"
}

@test "a cache that was taken is passed on whole, though only a part of it came" {
	real_registry
	example
	machine a
	run build -t app --cache-to "type=registry,ref=$REGISTRY/cache,mode=max"
	ok
	WANT=$(manifest_digest $APP)
	machine b
	run build -t app --cache-from "$REGISTRY/cache" --cache-to "type=registry,ref=$REGISTRY/cache,mode=max"
	ok
	ran 0
	says "took 2 layers" "9 records, 5 layers"
	machine d
	run build -t app --cache-from "$REGISTRY/cache" --cache-to "type=local,dest=$W/all,mode=max"
	ok
	ran 0
	says "9 records, 5 layers"
	echo two >c/src/a
	machine e
	run build -t app --cache-from type=local,src="$W/all"
	ok
	ran 5
}

@test "cache mounts go along, and are there for the step that has to run" {
	real_registry
	example
	cat >>c/Dockerfile <<-'END'
	RUN --mount=type=cache,id=packages,target=/p,mode=0751 --mount=type=cache,target=/q [ -e /p/one ] && echo "had it" || { echo x >/p/one; chown 5:6 /p/one; }
	END
	machine a
	run build -t app --cache-to "type=registry,ref=$REGISTRY/cache,mounts=packages,/q,/none,mode=max"
	ok
	says "there is no cache mount '/none'"
	echo 'RUN --mount=type=cache,id=packages,target=/p,mode=0751 stat -c "mode %a" /p && stat -c "%u:%g %n" /p/one' >>c/Dockerfile
	machine b
	run build -t app --cache-from "type=registry,ref=$REGISTRY/cache,mounts=packages"
	ok
	says "took cache mount 'packages'" "5:6 /p/one" "mode 751"
	ran 1
	# without being asked for, nothing comes
	machine d
	run build -t app --cache-from "type=registry,ref=$REGISTRY/cache"
	fails 1
	says "/p/one"
	says_not "took cache mount"
	# one that is here stays as it is
	run build -t app --cache-from "type=registry,ref=$REGISTRY/cache,mounts=packages"
	fails 1
	says_not "took cache mount"
}

@test "no secret goes to a cache" {
	real_registry
	example
	echo 'RUN --mount=type=secret,id=s cat /run/secrets/s | wc -c' >>c/Dockerfile
	printf 'canary-%s' secret-of-the-build >secret
	machine a
	run build -t app --secret id=s,src=secret --cache-to "type=registry,ref=$REGISTRY/cache,mode=max" --cache-to "type=local,dest=$W/kept,mode=max"
	ok
	rm secret
	no_leak canary-secret-of-the-build registry kept
}

# ---- two machines ----

# as_machine NAME COMMAND...: as another user, in a network namespace of its own from which the socket "way" leads to the
# registry; its port there is that of $REGISTRY.
as_machine()
{
	local name=$1 id=$2
	shift 2
	unshare --user --map-root-user --map-auto --net -- bash -euc '
		name=$1 id=$2 w=$3 port=$4 lib=$5
		shift 5
		ip link set lo up 2>/dev/null || /usr/sbin/ip link set lo up
		mkdir -p "$w/$name-home" "$w/$name-run"
		cp -a "$CROZE_ROOT" "$w/store-$name"
		chown -R "$id:$id" "$w/store-$name" "$w/$name-home" "$w/$name-run"
		export HOME=$w/$name-home XDG_RUNTIME_DIR=$w/$name-run TMPDIR=$w/$name-run CROZE_ROOT=$w/store-$name
		exec setpriv --reuid="$id" --regid="$id" --clear-groups bash -euc "
			/usr/bin/python3 $lib/stall_server.py $port $w/way &
			relay=\$!
			trap \"kill \$relay\" EXIT
			for i in \$(seq 100); do (: </dev/tcp/127.0.0.1/$port) 2>/dev/null && break; sleep 0.05; done
			\"\$@\"" -- "$@"
	' -- "$name" "$id" "$W" "${REGISTRY#*:}" "$LIB" "$@"
}

@test "two users, two stores, two network namespaces, one registry cache: the second runs no step" {
	need ip setpriv
	real_registry
	example
	want
	machine template
	chmod 0755 "$W" c c/src
	"$PYTHON" "$LIB/stall_server.py" "$W/way" "${REGISTRY#*:}" "$W/stop" 3>&- &
	SERVERS+=($!)
	wait_for test -e way
	run as_machine one 11 timeout -k 5 100 croze build --progress=plain -t app --cache-to "type=registry,ref=$REGISTRY/cache,mode=max" c
	ok
	says "$WANT" "5 layers"
	ran $STEPS
	run as_machine two 12 timeout -k 5 100 croze build --progress=plain -t app --cache-from "$REGISTRY/cache" c
	ok
	says "$WANT"
	ran 0
	[ "$(stat -c %u store-one)" != "$(stat -c %u store-two)" ]
	# the registry goes silent in the middle: a third and a fourth machine build all the same
	(sleep 1.2; touch "$W/stop") 3>&- &
	run as_machine three 13 timeout -k 5 100 croze build --progress=plain -t app \
	    --cache-from "type=registry,ref=$REGISTRY/cache,timeout=3" --cache-to "type=registry,ref=$REGISTRY/more,timeout=3" c
	ok
	says "$WANT"
	wait_for test -e stop # the third may have been quicker
	run as_machine four 14 timeout -k 5 100 croze build --progress=plain -t app --retry 0 \
	    --cache-from "type=registry,ref=$REGISTRY/cache,timeout=3" --cache-to "type=registry,ref=$REGISTRY/more,timeout=3" c
	ok
	says "$WANT" "warning: "
	ran $STEPS
}

@test "a registry that is killed in the middle: both builds succeed, with one digest" {
	real_registry
	example
	sed -i 's/^RUN true/RUN sleep 1/' c/Dockerfile
	want
	for delay in 0.1 0.5 1 1.5; do
		stop_servers
		wait
		rm -rf registry one two
		real_registry
		cp -a "$SUITE/template" one
		cp -a "$SUITE/template" two
		for m in one two; do
			CROZE_ROOT=$W/$m timeout -k 5 60 croze build --progress=plain -t app --retry-delay 10ms \
			    --cache-from "$REGISTRY/cache" --cache-to "type=registry,ref=$REGISTRY/cache,mode=max" c >"log-$m" 2>&1 3>&- &
			pids[${#m}${#pids[@]}]=$!
		done
		sleep "$delay"
		kill -9 "${SERVERS[@]}"
		for p in "${pids[@]}"; do
			wait "$p" || { cat log-one log-two; return 1; }
		done
		pids=()
		for m in one two; do
			machine $m
			same
			run croze store check
			ok
		done
	done
}

# ---- caches that lie ----

@test "S2: a cache that lies: the image is the same, and what was said is in no store" {
	example
	to_local
	cp -a kept honest
	n=0
	while read -r lie; do
		rm -rf kept "$W/liar"
		cp -a honest kept
		"$PYTHON" "$LIB/cache_liar.py" kept "$lie"
		machine liar
		run build -t app --cache-from type=local,src="$W/kept"
		[ "$status" -eq 0 ] || { echo "$lie: $output"; return 1; }
		same || { echo "$lie: $output"; return 1; }
		case $lie in
		*alias*) ;;
		*)
			says "local cache '$W/kept'" || { echo "$lie"; return 1; }
			ran $STEPS || { echo "$lie"; return 1; }
			;;
		esac
		run croze store check
		ok || { echo "$lie"; return 1; }
		tree $APP >told
		lacks poison told || { echo "$lie"; return 1; }
		n=$((n + 1))
	done < <("$PYTHON" "$LIB/cache_liar.py" list)
	[ "$n" -ge 34 ]
}

# ---- caches that are slow, full, gone ----

@test "a cache that is gone, silent or slow costs a bounded time" {
	example
	want
	real_registry
	machine a
	run build -t app --cache-to "type=registry,ref=$REGISTRY/cache,mode=max"
	ok
	gone=$(free_port) silent=$(free_port) slow=$(free_port)
	"$PYTHON" "$LIB/stall_server.py" "$silent" "${REGISTRY#*:}" silent 3>&- &
	SERVERS+=($!)
	"$PYTHON" "$LIB/stall_server.py" "$slow" "${REGISTRY#*:}" slow 3>&- &
	SERVERS+=($!)
	wait_for port_open "$silent"
	wait_for port_open "$slow"
	for way in $gone $silent $slow; do
		rm -rf "$W/b"
		machine b
		before=$SECONDS
		run build -t app --retry-delay 10ms --cache-from "type=registry,ref=127.0.0.1:$way/cache,timeout=2" \
		    --cache-to "type=registry,ref=127.0.0.1:$way/cache,timeout=2"
		ok
		says "warning: registry cache '127.0.0.1:$way/cache': nothing is taken from it" "cache': not written"
		ran $STEPS
		same
		# at most 2 s to read and 4 s to write, and what the build takes
		[ $((SECONDS - before)) -lt 30 ]
		nothing_left
	done
}

@test "layers that come steadily are waited for, however long it takes" {
	example
	echo 'RUN head -c 600000 /dev/urandom >/random' >>c/Dockerfile
	real_registry
	machine a
	run build -t app --cache-to "$REGISTRY/cache"
	ok
	WANT=$(manifest_digest $APP)
	steady=$(free_port)
	"$PYTHON" "$LIB/stall_server.py" "$steady" "${REGISTRY#*:}" steady 3>&- &
	SERVERS+=($!)
	wait_for port_open "$steady"
	machine b
	run build -t app --cache-from "type=registry,ref=127.0.0.1:$steady/cache,timeout=2"
	ok
	ran 0
	same
}

@test "an image that is not kept is shared all the same" {
	example
	want
	machine a
	run build -o type=cacheonly --cache-to "type=local,dest=$W/kept"
	ok
	says "2 layers"
	machine b
	run build -t app --cache-from "type=local,src=$W/kept"
	ok
	ran 0
	same
}

@test "layers that come too slowly are not waited for" {
	example
	want
	fake_registry slow
	REGISTRY=127.0.0.1:$PORT
	machine a
	run build -t app --cache-to "type=registry,ref=$REGISTRY/cache:1,mode=max"
	ok
	fault slow 'blob 0 trickle'
	machine b
	before=$SECONDS
	run build -t app --retry 0 --cache-from "type=registry,ref=$REGISTRY/cache:1,timeout=2"
	ok
	[ $((SECONDS - before)) -lt 30 ]
	says "warning: registry cache" "nothing more is taken from it"
	ran $STEPS
	same
}

@test "a cache that cannot be written is a warning, and a failure when it has to be written" {
	example
	want
	touch full # no directory can be made below it
	machine a
	run build -t app --cache-to "type=local,dest=$W/full/cache"
	ok
	says "warning: local cache '$W/full/cache': not written"
	same
	run build -t app --cache-to "type=local,dest=$W/full/cache,ignore-error=true"
	ok
	machine b
	run build -t app --iidfile "$W/iid" --cache-to "type=local,dest=$W/full/cache,ignore-error=false"
	[ "$status" -ne 0 ]
	says "ignore-error=false" "$WANT"
	same
	[ -s iid ]
	fake_registry busy
	fault busy 'post 0 507' 'put 0 507' 'patch 0 507'
	machine e
	run build -t app --retry 0 --cache-to "127.0.0.1:$(cat busy/port)/cache:1"
	ok
	says "warning: " "not written" "507"
	same
}

@test "a build that is killed while it takes or gives harms neither its store nor the cache" {
	real_registry
	example
	cat >>c/Dockerfile <<-'END'
	RUN head -c 3000000 /dev/zero | tr "\0" x >/x
	END
	machine a
	run build -t app --cache-to "type=registry,ref=$REGISTRY/cache,mode=max" --cache-to "type=local,dest=$W/kept,mode=max"
	ok
	WANT=$(manifest_digest $APP)
	for delay in 0.05 0.1 0.15 0.2 0.25 0.3 0.35 0.4 0.5 0.6 0.7 0.8; do
		machine b
		setsid timeout -k 5 60 croze build -q -t app --cache-from "$REGISTRY/cache" --cache-from type=local,src="$W/kept" \
		    --cache-to "type=local,dest=$W/kept,mode=max" --cache-to "type=registry,ref=$REGISTRY/cache,mode=max" c >/dev/null 2>&1 3>&- &
		pid=$!
		sleep "$delay"
		kill -9 -- "-$pid" 2>/dev/null || true
		wait "$pid" 2>/dev/null || true
		croze images -q >/dev/null # takes away what the killed one had open
		run croze store check
		ok
		rm -rf "$W/b"
	done
	for from in "type=local,src=$W/kept" "type=registry,ref=$REGISTRY/cache"; do
		rm -rf "$W/b"
		machine b
		run build -t app --cache-from "$from"
		ok
		ran 0
		same
		nothing_left
	done
}

@test "many builds at once, one cache: it is that of one of them, and whole" {
	real_registry
	example
	want
	pids=()
	for i in 1 2 3 4 5 6; do
		cp -a "$SUITE/template" "m$i"
		CROZE_ROOT=$W/m$i timeout -k 5 100 croze build -q -t app --cache-from "$REGISTRY/cache" --cache-from "type=local,src=$W/kept" \
		    --cache-to "type=local,dest=$W/kept,mode=max" --cache-to "type=registry,ref=$REGISTRY/cache,mode=max" c >"log$i" 2>&1 3>&- &
		pids+=($!)
	done
	for p in "${pids[@]}"; do
		wait "$p" || { cat log?; return 1; }
	done
	for i in 1 2 3 4 5 6; do
		machine "m$i"
		same
		run croze store check
		ok
	done
	for from in "type=local,src=$W/kept" "type=registry,ref=$REGISTRY/cache"; do
		rm -rf "$W/b"
		machine b
		run build -t app --cache-from "$from"
		ok
		ran 0
		same
	done
}

# ---- GitHub Actions ----

gha()
{
	mkdir -p hub
	"$PYTHON" "$LIB/gha_server.py" hub >hub/log 2>&1 3>&- &
	SERVERS+=($!)
	wait_for test -e hub/port
	export ACTIONS_RESULTS_URL ACTIONS_RUNTIME_TOKEN=the-runtime-token ACTIONS_CACHE_SERVICE_V2=true
	ACTIONS_RESULTS_URL=http://127.0.0.1:$(cat hub/port)/
}

# uploads: how often something was put into the object store.
uploads()
{
	grep -c '"method": "PUT"' hub/requests || true
}

@test "the cache service of GitHub Actions: few uploads, what is there is not sent again, no token goes to the object store" {
	gha
	example
	machine a
	run build -t app --cache-to type=gha,mode=max
	ok
	equal "$(uploads)" 2 # a pack and the records
	WANT=$(manifest_digest $APP)
	machine b
	run build -t app --cache-from type=gha --cache-to type=gha,mode=max
	ok
	ran 0
	same
	image_ok $APP
	equal "$(uploads)" 3
	# one more layer, one more pack
	echo 'RUN echo more >/more' >>c/Dockerfile
	run build -t app --cache-from type=gha --cache-to type=gha,mode=max
	ok
	ran 1
	equal "$(uploads)" 5
	machine d
	run build -t app --cache-from type=gha
	ok
	ran 0
	# scopes keep apart, also when one begins as the other
	machine e
	run build -t app --cache-from type=gha,scope=croz
	ok
	says "nothing for this scope"
	equal "$(jq -c 'select(.path | startswith("/store/")) | select(.headers.Authorization)' hub/requests)" ""
	echo "$output" >said
	lacks the-runtime-token said
	no_leak the-runtime-token "$CROZE_ROOT"
}

@test "a cache service that fails, forgets or is not there changes nothing" {
	gha
	example
	want
	machine a
	run build -t app --cache-to type=gha,mode=max
	ok
	for what in "GetCacheEntryDownloadURL 500" "GetCacheEntryDownloadURL 403" "get 404" "get 500"; do
		echo "$what" >hub/fault
		rm -rf "$W/b"
		machine b
		run build -t app --retry 0 --cache-from type=gha,timeout=10
		ok
		ran $STEPS
		same
	done
	for what in "CreateCacheEntry 500" "CreateCacheEntry 404" "put 403" "FinalizeCacheEntryUpload 500"; do
		echo "$what" >hub/fault
		rm -rf "$W/b"
		machine b
		run build -t app --retry 0 --cache-to type=gha,timeout=10,scope=other
		ok
		says "gha cache 'other'" "not"
		same
	done
	rm hub/fault
	unset ACTIONS_RUNTIME_TOKEN
	rm -rf "$W/b"
	machine b
	run build -t app --cache-from type=gha --cache-to type=gha
	ok
	says "ACTIONS_RUNTIME_TOKEN is not set"
	same
}

# ---- the command line ----

@test "what is not known, or not to be had, of --cache-to and --cache-from is an error" {
	dockerfile <<<"FROM $BUSYBOX"
	n=0
	while IFS='|' read -r flag value words; do
		run build "$flag" "$value"
		[ "$status" -eq 2 ] || { echo "$flag $value: status $status: $output"; return 1; }
		[[ $output == *"$words"* ]] || { echo "$flag $value: '$words' is not in: $output"; return 1; }
		n=$((n + 1))
	done <<-'END'
	--cache-to||empty value
	--cache-to|ref=x|'type' is missing
	--cache-to|type=registry|'ref' is missing
	--cache-to|type=registry,ref=UPPER|UPPER
	--cache-to|type=registry,ref=x,reff=y|unknown key 'reff'
	--cache-to|type=registry,ref=x,mode=mid|there are min and max
	--cache-to|type=registry,ref=x,image-manifest=false|'image-manifest=false' is not supported
	--cache-to|type=registry,ref=x,oci-mediatypes=false|'oci-mediatypes=false' is not supported
	--cache-to|type=registry,ref=x,compression=brotli|unknown compression 'brotli'
	--cache-to|type=registry,ref=x,compression=estargz|unknown compression 'estargz'
	--cache-to|type=registry,ref=x,compression=gzip,compression-level=10|compression-level
	--cache-to|type=registry,ref=x,compression-level=3|needs compression=
	--cache-to|type=registry,ref=x,force-compression=true|needs compression=
	--cache-to|type=registry,ref=x,ignore-error=maybe|neither true nor false
	--cache-to|type=registry,ref=x,dest=y|no meaning with type=registry
	--cache-to|type=registry,ref=x,timeout=0|timeout
	--cache-to|type=local|'dest' is missing
	--cache-to|type=local,src=x|'src' is of --cache-from
	--cache-from|type=local|'src' is missing
	--cache-from|type=local,src=x,digest=sha256:1|64 hexadecimal digits
	--cache-from|type=local,src=x,mode=max|'mode' is of --cache-to
	--cache-from|type=inline|type=registry,ref=IMAGE
	--cache-to|type=inline,mode=max|mode=max has no meaning
	--cache-to|type=inline,ref=x|no meaning with type=inline
	--cache-to|type=s3,bucket=x|unknown key 'bucket'
	--cache-to|type=s3|type=s3 is not supported
	--cache-to|type=azblob|type=azblob is not supported
	--cache-to|type=nothing|unknown type 'nothing'
	--cache-to|type=gha,url=http://x|version 1
	--cache-to|type=gha,version=1|version 2
	--cache-to|type=registry,x|is not KEY=VALUE
	END
	equal "$n" 31
	run build --squash --cache-to type=inline
	fails 2
	says "type=inline"
}
