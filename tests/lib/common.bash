# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154
#
# common.bash - what every end-to-end test stands on: private folders, base images, calls of croze, checks.
#
# A test file says "load ../lib/common", calls croze_suite in setup_file and croze_suite_end in teardown_file. Each test then
# has $W (its own empty folder, the working folder), a store of its own with the base images in it, and a
# HOME, XDG_RUNTIME_DIR and TMPDIR that nothing else uses.

# shellcheck source=tests/lib/wait.bash
. "${BASH_SOURCE[0]%/*}/wait.bash" # not load: programs stand on this file, too

CROZE_SOURCE=${CROZE_SOURCE:-$(cd "$BATS_TEST_DIRNAME/../.." && pwd)}
CROZE_BUILD=${CROZE_BUILD:-$CROZE_SOURCE/_build}
LIB=$CROZE_SOURCE/tests/lib
PYTHON=/usr/bin/python3
BUSYBOX=docker.io/library/busybox:musl
ALPINE=docker.io/library/alpine:3.19
DISTROLESS=gcr.io/distroless/static-debian12:latest
export PATH=$CROZE_BUILD:$PATH

# ns COMMAND...: as root of a user namespace with the whole range, for files of other owners.
ns()
{
	unshare --user --map-root-user --map-auto -- "$@"
}

# need PROGRAM...: skip the test where one is missing.
need()
{
	local p
	for p in "$@"; do
		command -v "$p" >/dev/null || skip "$p is not installed"
	done
}

# The base images as one small OCI layout: from $CROZE_TEST_IMAGES, else made of Debian's busybox-static.
make_bases()
{
	local dest=$1 program
	if [ -n "${CROZE_TEST_IMAGES-}" ]; then
		"$PYTHON" "$LIB/oci_layout.py" subset "$CROZE_TEST_IMAGES" "$dest" \
		    $BUSYBOX $ALPINE $DISTROLESS
		return
	fi
	for program in /bin/busybox /usr/lib/initramfs-tools/bin/busybox; do
		if [ -x "$program" ] && "$program" --list >/dev/null 2>&1 &&
		    ldd "$program" 2>&1 | grep -qE 'not a dynamic|statically linked'; then
			"$PYTHON" "$LIB/oci_layout.py" base "$dest" "$program" $BUSYBOX $ALPINE
			return
		fi
	done
	echo "no base image: set CROZE_TEST_IMAGES to an OCI layout or install busybox-static" >&2
	return 1
}

# croze_suite: once a file; $SUITE is removed by croze_suite_end.
croze_suite()
{
	[ "$(id -u)" -ne 0 ] || skip "run as an ordinary user: tests/run-bats"
	# no capitals: Buildah takes a path for a name of an image
	SUITE=${TMPDIR:-/tmp}/croze-e2e.$$.$RANDOM
	export SUITE
	mkdir -m 0711 "$SUITE" || return 1
	mkdir -p "$SUITE"/{home,run,tmp}
	chmod 0700 "$SUITE/run"
	make_bases "$SUITE/bases" || skip "no base images: set CROZE_TEST_IMAGES, or install busybox-static"
	export HOME=$SUITE/home XDG_RUNTIME_DIR=$SUITE/run TMPDIR=$SUITE/tmp
	unset XDG_DATA_HOME XDG_CONFIG_HOME XDG_CACHE_HOME DBUS_SESSION_BUS_ADDRESS SOURCE_DATE_EPOCH
	export CROZE_ROOT=$SUITE/template LC_ALL=C.UTF-8 NO_COLOR=1
	timeout 60 croze import "$SUITE/bases" >"$SUITE/import.log" 2>&1 || {
		cat "$SUITE/import.log" >&2
		return 1
	}
}

croze_suite_end()
{
	[ -z "${SUITE-}" ] || ns rm -rf "$SUITE"
}

setup()
{
	W=$SUITE/t$BATS_TEST_NUMBER
	mkdir "$W"
	cd "$W" || return 1
	export CROZE_ROOT=$W/store CROZE_TEST_MARK=$W
	cp -a "$SUITE/template" "$CROZE_ROOT"
	mkdir c
}

teardown()
{
	cd /
	[ -z "${W-}" ] || ns rm -rf "$W"
}

# build [ARGUMENT...]: croze build of the folder c, plain progress, bounded; for "run build ...".
build()
{
	timeout --kill-after=5 "${LIMIT:-100}" croze build --progress=plain "$@" c
}

# dockerfile: the text of standard input becomes c/Dockerfile.
dockerfile()
{
	cat >c/Dockerfile
}

# tree NAME [LAYOUT]: the flattened tree of an image of the store.
tree()
{
	"$PYTHON" "$LIB/oci_tree.py" list "${2:-$CROZE_ROOT}" "$1"
}

# entry NAME PATH: the entry's text, without its path.
entry()
{
	tree "$1" | awk -v p="$2" '$1 == p { sub(/^[^ ]+ /, ""); print }'
}

config()
{
	"$PYTHON" "$LIB/oci_tree.py" config "${2:-$CROZE_ROOT}" "$1"
}

layers()
{
	"$PYTHON" "$LIB/oci_tree.py" layers "${2:-$CROZE_ROOT}" "$1"
}

manifest_digest()
{
	"$PYTHON" "$LIB/oci_tree.py" digest "${2:-$CROZE_ROOT}" "$1"
}

# image_ok NAME [LAYOUT]: every blob, diff ID and history row is as it must be.
image_ok()
{
	"$PYTHON" "$LIB/oci_tree.py" check "${2:-$CROZE_ROOT}" "$1"
}

# probe: the static helper program, made once a file.
probe()
{
	local cc
	read -ra cc <<<"${CC:-gcc}"
	if [ ! -x "$SUITE/probe" ]; then
		"${cc[@]}" -std=gnu2x -D_GNU_SOURCE -O2 -static -o "$SUITE/probe" "$LIB/probe.c" 2>/dev/null ||
		    "${cc[@]}" -std=gnu11 -D_GNU_SOURCE -O2 -static -o "$SUITE/probe" "$LIB/probe.c" ||
		    skip "no C compiler with a static C library"
	fi
	cp "$SUITE/probe" "${1:-c/probe}"
}

# Checks of the last "run"; each prints what it looked at when it fails.

ok()
{
	if [ "$status" -ne 0 ]; then
		printf '%s\n' "status $status:" "$output"
		return 1
	fi
}

fails()
{
	if [ "$status" -ne "$1" ]; then
		printf '%s\n' "status $status, not $1:" "$output"
		return 1
	fi
}

says()
{
	local text
	for text in "$@"; do
		if [[ "$output" != *"$text"* ]]; then
			printf '%s\n' "'$text' is not in:" "$output"
			return 1
		fi
	done
}

says_not()
{
	local text
	for text in "$@"; do
		if [[ "$output" == *"$text"* ]]; then
			printf '%s\n' "'$text' is in:" "$output"
			return 1
		fi
	done
}

equal()
{
	if [ "$1" != "$2" ]; then
		printf '%s\n' "got:  $1" "want: $2"
		return 1
	fi
}

# lacks TEXT FILE: "!" before a command hides its failure from bats.
lacks()
{
	if grep -nF -e "$1" "$2"; then
		echo "'$1' is in $2"
		return 1
	fi
}

# has TEXT FILE
has()
{
	if ! grep -qF -e "$1" "$2"; then
		printf '%s\n' "'$1' is not in $2:"
		head -n 100 "$2"
		return 1
	fi
}

# no_leak TEXT PATH...: it is in no file there, as it is or encoded, also not in files of other ids.
no_leak()
{
	local found
	found=$(ns "$PYTHON" "$LIB/leak.py" "$@" 2>&1) || {
		printf '%s\n' "'$1' is in:" "$found"
		return 1
	}
}

# leftovers: processes of this test, temporary files, half-written parts of the store. Prints them.
leftovers()
{
	local p
	env -u CROZE_TEST_MARK grep -lzxF "CROZE_TEST_MARK=$W" /proc/[0-9]*/environ 2>/dev/null | while read -r p; do
		p=$({ tr '\0' ' ' <"${p%/environ}/cmdline"; } 2>/dev/null)
		case ${p%% *} in # the program; the folder of the tests may be named after croze
		croze* | */croze | */croze-* | *pasta* | *newuidmap*) echo "process $p" ;;
		esac
	done
	find "$TMPDIR" "$XDG_RUNTIME_DIR" -mindepth 1 2>/dev/null | sed 's/^/temporary /'
	find "$CROZE_ROOT/tmp" -mindepth 1 2>/dev/null | sed 's/^/store /'
}

nothing_left()
{
	local left i
	for i in {1..25}; do
		left=$(leftovers)
		[ -n "$left" ] || return 0
		sleep 0.2
	done
	printf '%s\n' "left behind ($i tries):" "$left"
	return 1
}
