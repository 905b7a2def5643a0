#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# layers - images of many layers, layers of many files (SECURITY.md, F13 and F14).

load ../lib/common

setup_file()
{
	croze_suite
}

teardown_file()
{
	croze_suite_end
}

# run_layers N: an image of N layers by N steps, and a step on top of it that sees all of them.
run_layers()
{
	local i
	{
		echo "FROM busybox:musl"
		echo "RUN mkdir /d"
		for ((i = 1; i < $1; i++)); do
			echo "RUN echo $i >/d/$i && rm -f /d/$((i - 100))"
		done
	} >c/Dockerfile
	LIMIT=300 run build -t many || return 1
	ok || return 1
	image_ok many || return 1
	printf 'FROM many\nRUN ls /d | wc -l >/count && echo more >/d/1 && cat /d/* | wc -l >>/count\n' >c/Dockerfile
	run build -t top
	ok
}

@test "F13 127 layers by 127 steps" {
	run_layers 126
	equal "$(tree top | grep -c '^/d/')" 101
}

@test "F13 400 layers by 400 steps" {
	run_layers 399
	equal "$(tree top | grep -c '^/d/')" 101
	run croze run --rm top cat /count
	equal "${lines[0]}" 100
}

@test "F13 1,000 layers by 1,000 steps" {
	[ -n "${CROZE_TEST_LONG-}" ] || skip "takes minutes: set CROZE_TEST_LONG=1"
	run_layers 999
	equal "$(tree top | grep -c '^/d/')" 101
	run croze run --rm top cat /count
	equal "${lines[0]}" 100
}

@test "F13 a base image of 1,000 layers from a layout" {
	"$PYTHON" - "$LIB" "$SUITE/bases" layout <<-'EOF'
		import io, sys, tarfile
		sys.path.insert(0, sys.argv[1])
		import oci_layout
		oci_layout.subset(sys.argv[2], sys.argv[3], ["docker.io/library/busybox:musl"])
		out = oci_layout.Layout(sys.argv[3])
		_, parent = out.manifest(out.find("docker.io/library/busybox:musl"))
		layers = []
		for i in range(999):
		    b = io.BytesIO()
		    with tarfile.open(fileobj=b, mode="w") as t:
		        oci_layout.add_member(t, "d/%d" % i, data=b"%d" % i)
		        if i > 100:
		            oci_layout.add_member(t, "d/.wh.%d" % (i - 100))
		    layers.append(b.getvalue())
		out.name(out.image(layers, base=parent), "many:1")
		out.save()
	EOF
	printf 'FROM many\nRUN ls /d | wc -l >/count; test "$(cat /d/998)" = 998\n' >c/Dockerfile
	LIMIT=300 run build -t top --build-context "many=oci-layout://$W/layout:many:1"
	ok
	run croze run --rm top cat /count
	equal "$output" "$(tree top | grep -c '^/d/')"
	# the lowest are merged, each once
	equal "$(grep -l '^{"snapshots":' "$CROZE_ROOT"/steps/*.json | wc -l)" 2
}

# calls COMMAND...: how often it and what it started has read or written. Time would tell how busy the machine is.
calls()
{
	(
		"$@" >/dev/null || exit 1
		awk '/^sysc/ { n += $2 } END { print n }' "/proc/$BASHPID/io"
	)
}

@test "a step's cost does not grow with the layers below it" {
	local i tier small big
	[ -e /proc/self/io ] || skip "this kernel does not count reads and writes"
	printf 'FROM busybox:musl\nRUN true\n' >c/Dockerfile
	build -q -t small >/dev/null
	printf 'FROM busybox:musl\n' >c/Dockerfile
	for ((i = 0; i < 100; i++)); do
		echo "RUN echo $i >/f$i"
	done >>c/Dockerfile
	build -q -t big >/dev/null
	for tier in auto userns-single; do
		printf 'FROM small\nRUN touch /x\n' >c/Dockerfile
		build -q --no-cache --isolation $tier -t x >/dev/null # unpacks the layers, once
		small=$(calls build -q --no-cache --isolation $tier -t x)
		printf 'FROM big\nRUN touch /x\n' >c/Dockerfile
		build -q --no-cache --isolation $tier -t x >/dev/null
		big=$(calls build -q --no-cache --isolation $tier -t x)
		echo "$tier: reads and writes for a step on 2 layers: $small, on 101: $big"
		[ "$small" -gt 50 ]
		[ "$big" -lt $((small * 2)) ]
	done
}

# many_files COUNT: a layer of so many entries is made by a step, stored, read back; $peak of the largest process.
many_files()
{
	probe
	printf 'FROM busybox:musl\nCOPY probe /probe\nRUN mkdir /m && /probe many /m %s\n' "$1" >c/Dockerfile
	LIMIT=1500 run timeout 1500 "$LIB/measure.py" -o "$W/m" croze build --progress=plain -t many c
	ok || return 1
	cat "$W/m"
	[ "$(sed 's/.*peak_process_kib": \([0-9]*\).*/\1/' "$W/m")" -lt "$2" ] || return 1
	run timeout 600 croze save -o many.tar many
	ok || return 1
	printf 'FROM many\nRUN test -e /m/d0/f0 && find /m -type f | wc -l >/count\n' >c/Dockerfile
	export CROZE_ROOT=$W/other
	run timeout 600 croze load -i many.tar
	ok || return 1
	run timeout 1500 "$LIB/measure.py" -o "$W/m" croze build --progress=plain -t counted c
	ok || return 1
	cat "$W/m"
	[ "$(sed 's/.*peak_process_kib": \([0-9]*\).*/\1/' "$W/m")" -lt "$2" ] || return 1
	run croze run --rm counted cat /count
	equal "$output" "$1"
}

@test "a layer of 20,000 files is made and read in less than 64 MiB" {
	many_files 20000 65536
}

@test "a layer of 1,000,000 files is made and read in less than 100 MiB" {
	[ -n "${CROZE_TEST_LONG-}" ] || skip "takes minutes: set CROZE_TEST_LONG=1"
	many_files 1000000 102400
}
