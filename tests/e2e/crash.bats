#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# crash - kill -9 at many moments: the store stays right, the next build is right, nothing is left.
#
# CROZE_TEST_LONG=1 kills 200 builds instead of 25.

load ../lib/common

setup_file()
{
	croze_suite
}

teardown_file()
{
	croze_suite_end
}

# The example has two stages, steps of every kind, and output into the store; equal bytes each time.
example()
{
	dockerfile <<-'EOF'
		FROM busybox:musl AS one
		COPY src /src
		RUN mkdir /o && for i in 1 2 3 4 5 6 7 8; do head -c 300000 /dev/zero | tr '\0' $i >/o/$i; done
		FROM busybox:musl AS two
		RUN mkdir /p && cp -a /bin /p/bin
		FROM busybox:musl
		COPY --from=one /o /o
		COPY --from=two /p /p
		COPY src /src
		RUN rm -r /p/bin && echo done >/done
		LABEL a=b
	EOF
	local i
	mkdir c/src
	for ((i = 0; i < 200; i++)); do
		echo "$i" >"c/src/f$i"
	done
}

# contents STORE: what the store keeps, by kind; ids that are random are counted only.
contents()
{
	(cd "$1" && find blobs -type f | sort && find snapshots -mindepth 1 -maxdepth 1 | wc -l &&
	    find tmp -mindepth 1 | wc -l && find steps -type f | wc -l)
}

@test "a build that is killed at any moment harms nothing" {
	local points=25 i start length log pid left=0
	[ -z "${CROZE_TEST_LONG-}" ] || points=200
	example
	start=$EPOCHREALTIME
	build -q --timestamp 0 -t app
	length=$((${EPOCHREALTIME/./} - ${start/./}))
	local want
	want=$(manifest_digest app)
	contents "$CROZE_ROOT" >want.contents
	export CROZE_ROOT=$W/other
	cp -a "$SUITE/template" "$CROZE_ROOT"
	build -q --timestamp 0 --label earlier=1 --target two -t earlier
	local earlier
	earlier=$(manifest_digest earlier)
	echo "the build takes $length us"
	for ((i = 0; i < points; i++)); do
		setsid croze build -q --timestamp 0 --no-cache -t app c >"log$i" 2>&1 &
		pid=$!
		sleep "$(printf '0.%06d' $((length * (i + 1) / points % 1000000)))"
		kill -9 -- "-$pid" 2>/dev/null || true
		wait "$pid" 2>/dev/null || true
		image_ok earlier || { echo "after point $i"; return 1; }
		equal "$(manifest_digest earlier)" "$earlier"
		image_ok busybox:musl
		if "$PYTHON" "$LIB/oci_tree.py" digest "$CROZE_ROOT" app >now 2>/dev/null; then
			image_ok app
			equal "$(cat now)" "$want"
		fi
	done
	build -q --timestamp 0 -t app
	equal "$(manifest_digest app)" "$want"
	nothing_left
	for log in log*; do
		[ ! -s "$log" ] || left=$((left + 1))
	done
	echo "$left builds said something before they were killed"
}

@test "what killed builds left is removed by the next one, and the store holds what it would have held" {
	local i pid
	example
	build -q --timestamp 0 -t app
	contents "$CROZE_ROOT" >want
	export CROZE_ROOT=$W/other
	cp -a "$SUITE/template" "$CROZE_ROOT"
	for i in 02 05 08 12 16 20 25 30; do
		setsid croze build -q --timestamp 0 -t app c >/dev/null 2>&1 &
		pid=$!
		sleep "0.$i"
		kill -9 -- "-$pid" 2>/dev/null || true
		wait "$pid" 2>/dev/null || true
	done
	build -q --timestamp 0 -t app
	croze prune -f >/dev/null
	build -q --timestamp 0 -t app
	contents "$CROZE_ROOT" >got
	diff want got
	nothing_left
}

@test "no process outlives a killed build" {
	local pid
	local seconds=$((1000000 + $$))
	printf 'FROM busybox:musl\nRUN (trap "" TERM HUP INT; sleep %s) & echo started; sleep %s\n' $seconds $seconds >c/Dockerfile
	croze build --progress=plain -t app c >log 2>&1 &
	pid=$!
	wait_for grep -E '(^| )started$' log
	kill -9 "$pid"
	wait "$pid" 2>/dev/null || true
	wait_for no_process "^sleep $seconds"
	run leftovers
	says_not "process "
}

@test "builds, prunes and imports at once on one store all succeed" {
	local i j jobs=()
	example
	for i in 1 2 3 4; do
		(
			for j in 1 2 3; do
				timeout 100 croze build -q --label "n=$i.$j" -t "app$i" c >"log$i.$j" 2>&1 || exit 1
				timeout 100 croze prune -f >"prune$i.$j" 2>&1 || exit 2
				timeout 100 croze import "$SUITE/bases" >"import$i.$j" 2>&1 || exit 3
				timeout 100 croze tag "app$i" "copy$i:$j" || exit 4
			done
		) &
		jobs+=($!)
	done
	for i in "${jobs[@]}"; do
		wait "$i" || {
			echo "status $?"
			tail -n 5 log* prune* import*
			return 1
		}
	done
	for i in 1 2 3 4; do
		image_ok "app$i"
		image_ok "copy$i:3"
	done
	nothing_left
}

@test "many builds of one name at once leave one of them" {
	local i jobs=()
	printf 'FROM busybox:musl\nARG N\nRUN echo $N >/n\n' >c/Dockerfile
	for i in {1..12}; do
		timeout 100 croze build -q --build-arg "N=$i" -t app c >"log$i" 2>&1 &
		jobs+=($!)
	done
	for i in "${jobs[@]}"; do
		wait "$i"
	done
	image_ok app
	run croze run --rm app cat /n
	[[ $output =~ ^[0-9]+$ ]]
}
