#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154
#
# cache_mounts - RUN --mount=type=cache: what stays, who shares it, and croze cache.

load ../lib/common

setup_file()
{
	croze_suite
}

teardown_file()
{
	croze_suite_end
}

# ls_field N NAME: member NAME of the N-th cache mount.
ls_field()
{
	croze cache ls --format "{{.$2}}" | sed -n "$1p"
}

@test "6.2 cache: stays from step to step and from build to build, and enters no layer" {
	dockerfile <<-'EOF'
		FROM busybox:musl
		ARG N
		RUN --mount=type=cache,target=/var/k echo "run $N" >>/var/k/log; cat /var/k/log | tr '\n' ','
		RUN --mount=type=cache,target=/var/k cat /var/k/log | tr '\n' ','
		RUN ls -d /var/k 2>&1 | grep -o 'No such'
	EOF
	run build -t app --build-arg N=1
	ok
	says "run 1," "No such"
	run build -t app --build-arg N=2
	ok
	says "run 1,run 2,"
	equal "$(entry app /var/k)" ""
	run croze store check
	ok
}

@test "6.2 cache: the id is the cleaned target, or id=; BUILDKIT_CACHE_MOUNT_NS stands in front" {
	dockerfile <<-'EOF'
		FROM busybox:musl
		ARG N
		RUN --mount=type=cache,target=/a//b/ echo "$N" >/a/b/f
		RUN --mount=type=cache,target=/c,id=/a/b cat /c/f
		RUN --mount=type=cache,target=/a/b,id=other ls /a/b
	EOF
	run build -t app --build-arg N=first
	ok
	says first
	equal "$(ls_field 1 ID) $(ls_field 2 ID)" "/a/b other"
	run build -t app --build-arg N=second --build-arg BUILDKIT_CACHE_MOUNT_NS=team
	ok
	says second
	says_not "has no effect"
	run croze cache ls
	says team//a/b team/other
}

@test "6.2 cache: mode, uid and gid are those of a new one; ro is read-only" {
	dockerfile <<-'EOF'
		FROM busybox:musl
		RUN --mount=type=cache,target=/k1 stat -c %a:%u:%g /k1
		RUN --mount=type=cache,target=/k2,mode=01770,uid=5,gid=7 stat -c %a:%u:%g /k2
		USER 5:7
		RUN --mount=type=cache,target=/k2 touch /k2/mine
		RUN --mount=type=cache,target=/k2,ro ls /k2; touch /k2/x 2>&1 | grep -o 'Read-only'
	EOF
	run build -t app
	ok
	says 755:0:0 1770:5:7 mine Read-only
}

@test "6.2 cache: a new one begins with from and source; source alone is a part of it" {
	mkdir n
	echo named >n/f
	dockerfile <<-'EOF'
		FROM busybox:musl AS seed
		RUN mkdir -p /s/d && echo seeded >/s/d/f && chown 3:4 /s/d/f && ln -s d/f /s/l && ln /s/d/f /s/h
		FROM busybox:musl
		RUN --mount=type=cache,target=/k,from=seed,source=/s cat /k/l; stat -c %u:%g:%h /k/d/f; echo changed >/k/d/f
		RUN --mount=type=cache,target=/k,from=seed,source=/s cat /k/d/f
		RUN --mount=type=cache,target=/n,from=ctx cat /n/f
		RUN --mount=type=cache,target=/i,from=busybox:musl,source=/etc ls /i/passwd
		RUN --mount=type=cache,target=/part,id=whole,source=sub/dir touch /part/x
		RUN --mount=type=cache,target=/whole,id=whole find /whole
	EOF
	run build -t app --build-context ctx=n
	ok
	says seeded 3:4:2 changed named /i/passwd /whole/sub/dir/x
}

@test "6.2 cache: a source to begin with that is not there is an error that names it" {
	dockerfile <<-'EOF'
		FROM busybox:musl
		RUN --mount=type=cache,target=/k,from=busybox:musl,source=/nowhere true
	EOF
	run build -t app
	fails 1
	says Dockerfile:2 target=/k nowhere
	equal "$(croze cache ls --format '{{.ID}}')" ""
	nothing_left
}

# concurrent SHARING: 8 builds at once that each hold the cache for a moment.
concurrent()
{
	local i pids=()
	for i in 1 2 3 4 5 6 7 8; do
		mkdir -p "c$i"
		cat >"c$i/Dockerfile" <<-EOF
			FROM busybox:musl
			RUN --mount=type=cache,target=/k,sharing=$1 set -e; n=\$(ls /k | wc -l); touch /k/in-$i; \
			    ls /k | grep -c . ; echo "before \$n"; sleep 0.3; if [ $1 = locked ]; then ! ls -d /k/busy; mkdir /k/busy; sleep 0.1; rmdir /k/busy; fi
		EOF
		timeout 90 croze build --progress=plain -t "app$i" "c$i" >"out$i" 2>&1 &
		pids+=($!)
	done
	for i in "${pids[@]}"; do
		wait "$i" || {
			cat out*
			return 1
		}
	done
}

@test "6.2 cache: shared is one folder for 8 builds at once" {
	concurrent shared
	equal "$(croze cache ls --format '{{.ID}}' | wc -l)" 1
	printf 'FROM busybox:musl\nRUN --mount=type=cache,target=/k echo "in it $(ls /k | wc -l)"\n' >c/Dockerfile
	run build -t app
	says "in it 8"
}

@test "6.2 cache: locked is for one at a time of 8 builds, and who waits says so" {
	concurrent locked
	equal "$(croze cache ls --format '{{.ID}}' | wc -l)" 1
	printf 'FROM busybox:musl\nRUN --mount=type=cache,target=/k echo "in it $(ls /k | wc -l)"\n' >c/Dockerfile
	run build -t app
	says "in it 8"
	cat out* >all
	has "waiting for the cache mount '/k'" all
}

@test "6.2 cache: private is a folder of its own while others are taken" {
	concurrent private
	[ "$(croze cache ls --format '{{.ID}}' | wc -l)" -gt 1 ]
	equal "$(croze cache ls --format '{{.ID}}' | sort -u)" /k
	# alone again, the first one is used
	n=$(croze cache ls --format '{{.ID}}' | wc -l)
	printf 'FROM busybox:musl\nRUN --mount=type=cache,target=/k,sharing=private touch /k/x\n' >c/Dockerfile
	run build -t app
	ok
	equal "$(croze cache ls --format '{{.ID}}' | wc -l)" "$n"
}

@test "6.2 cache: two locked ones in one RUN, in both orders at once, do not wait for each other for ever" {
	local i
	for i in 1 2 3 4; do
		mkdir -p "c$i"
		a=/a b=/b
		[ $((i % 2)) -eq 0 ] || { a=/b b=/a; }
		printf 'FROM busybox:musl\nRUN --mount=type=cache,target=%s,sharing=locked --mount=type=cache,target=%s,sharing=locked sleep 0.2 # %s\n' $a $b $i >"c$i/Dockerfile"
		timeout 60 croze build --progress=plain -t "app$i" "c$i" >"out$i" 2>&1 &
	done
	for i in 1 2 3 4; do
		wait -n || { cat out*; return 1; }
	done
}

@test "6.2 cache: a failed or killed step keeps what it wrote, and lets go of the lock" {
	printf 'FROM busybox:musl\nRUN --mount=type=cache,target=/k,sharing=locked touch /k/failed; false\n' >c/Dockerfile
	run build -t app
	fails 1
	mkdir d
	printf 'FROM busybox:musl\nRUN --mount=type=cache,target=/k,sharing=locked touch /k/killed; sleep 60\n' >d/Dockerfile
	croze build --progress=plain -t app d >out 2>&1 &
	pid=$!
	wait_for grep -q "RUN --mount" out
	wait_for eval 'find "$CROZE_ROOT/mounts" -name killed | grep .'
	kill -9 "$pid"
	wait "$pid" || true
	printf 'FROM busybox:musl\nRUN --mount=type=cache,target=/k,sharing=locked ls /k\n' >c/Dockerfile
	LIMIT=20 run build -t app
	ok
	says failed killed
	run croze store check
	ok
}

@test "croze cache: ls and du show size and age; prune by name and age; croze prune --all" {
	dockerfile <<-'EOF'
		FROM busybox:musl
		RUN --mount=type=cache,target=/big dd if=/dev/zero of=/big/f bs=1M count=5 2>/dev/null
		RUN --mount=type=cache,target=/small touch /small/f && chmod 0 /small/f && mkdir -m 0 /small/d
	EOF
	run build -t app
	ok
	run croze cache ls
	ok
	says "ID " /big /small "second"
	[[ $output == *"5.2"?" MB"* || $output == *"5.2 MB"* ]]
	[ "$(croze cache ls --format '{{json .Bytes}}' | head -1)" -gt 5000000 ]
	run croze cache du
	ok
	says total
	run croze store usage
	says "2 mounts"
	run croze cache prune
	fails 2
	run croze cache prune nowhere
	fails 2
	says "there is no cache mount 'nowhere'" "croze cache ls"
	run croze cache prune --until 1h
	says "0 B"
	run croze cache prune /small
	ok
	says /small
	equal "$(croze cache ls --format '{{.ID}}')" /big
	run croze prune --all --force
	ok
	says "1 cache mount"
	equal "$(croze cache ls --format '{{.ID}}')" ""
	nothing_left
}

@test "croze cache: exported and imported into another store with owners, links, times and modes" {
	dockerfile <<-'EOF'
		FROM busybox:musl
		RUN --mount=type=cache,target=/k,uid=9,mode=0750 cd /k && mkdir d && echo text >d/f && chown 1000:1001 d/f && chmod 4755 d/f && \
		    ln d/f h && ln -s d/f l && touch -d '2020-01-02 03:04:05' d/f && mkfifo p && touch -d '2021-01-01' d
	EOF
	run build -t app
	ok
	run croze cache export /k -o k.tar.gz
	ok
	croze cache export /k --compression zstd >k.tar.zst
	tar tzf k.tar.gz >list
	has d/f list
	export CROZE_ROOT=$W/store2
	cp -a "$SUITE/template" "$CROZE_ROOT"
	run croze cache import /k -i k.tar.gz
	ok
	croze cache import /again <k.tar.zst
	run croze cache import /k -i k.tar.gz
	fails 2
	says "already" "croze cache prune"
	cat >c/Dockerfile <<-'EOF'
		FROM busybox:musl
		RUN --mount=type=cache,target=/k stat -c '%n %a %u:%g %h %Y' /k /k/d /k/d/f /k/h; readlink /k/l; [ -p /k/p ] && cat /k/h
		RUN --mount=type=cache,target=/again ls /again
	EOF
	run build -t app
	ok
	says "/k 750 9:0" "/k/d/f 4755 1000:1001 2 1577934245" "/k/h 4755 1000:1001 2" "d/f" text
	run croze cache export /nowhere -o x
	fails 2
	says "there is no cache mount '/nowhere'"
	head -c 100 k.tar.gz >broken
	run croze cache import /broken -i broken
	fails 2
	equal "$(croze cache ls --format '{{.ID}}' | sort | tr '\n' ' ')" "/again /k "
	nothing_left
}

@test "croze store check finds a damaged cache mount, and repairs it" {
	printf 'FROM busybox:musl\nRUN --mount=type=cache,target=/k touch /k/x\n' >c/Dockerfile
	run build -t app
	ok
	m=$(echo "$CROZE_ROOT"/mounts/*)
	echo nonsense >"$m/meta"
	mkdir "$CROZE_ROOT/mounts/stray"
	run croze store check
	fails 5
	says "its record is damaged" "has a name that is no cache mount's"
	run croze store check --repair
	ok
	run croze store check
	ok
	run build -t app --no-cache
	ok
}

@test "cache and store: an option of another word is refused by name" {
	run croze cache ls --output x
	fails 2
	says "'--output' does not go with ls"
	run croze cache export k --until 1h --output x
	fails 2
	says "'--until' does not go with export"
	[ ! -e x ]
	run croze store usage --repair
	fails 2
	says "'--repair' does not go with usage"
}

@test "cache export: the file is there whole or not at all" {
	dockerfile <<<$'FROM busybox:musl\nRUN --mount=type=cache,target=/k head -c 3000000 /dev/urandom >/k/f'
	run build -t app
	ok
	echo before >out.tar
	run bash -c 'ulimit -f 1000; trap "" XFSZ; exec croze cache export /k --compression uncompressed --output out.tar'
	fails 1
	says "cannot export '/k'"
	equal "$(cat out.tar)" before
	equal "$(shopt -s dotglob; printf "%s " *)" "c out.tar store "
	run croze cache export /k --output out.tar
	ok
	tar -tf out.tar | grep -qx ./f || tar -tf out.tar | grep -qx f
}
