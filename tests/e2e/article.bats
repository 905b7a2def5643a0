#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# article - the Dockerfiles of the article that CROZE_TEST_ARTICLE names (tests/article/run does the work).
#
# Go into Alpine, scratch and distroless, build arguments, --target, run -it; all of it with CROZE_TEST_LONG=1. Debian's
# package archive is needed for the toolchain.

load ../lib/common

@test "the article's Dockerfiles build unchanged and their images answer" {
	local which=(1 3 7 9)
	[ -f "${CROZE_TEST_ARTICLE-}" ] || skip "CROZE_TEST_ARTICLE names no file"
	[ -d "${CROZE_TEST_IMAGES-}" ] || skip "CROZE_TEST_IMAGES names no OCI layout"
	[ -z "${CROZE_TEST_LONG-}" ] || which=()
	W=$(mktemp -d "${TMPDIR:-/tmp}/croze-article.XXXXXX")
	export CROZE_BUILD CROZE_SOURCE
	run timeout "${CROZE_TEST_LONG:+3}900" "$CROZE_SOURCE/tests/article/run" "$W" "${which[@]}"
	ns rm -rf "$W"
	printf '%s\n' "$output"
	says_not "not ok"
	[[ $output != *"1..0 # SKIP"* ]] || skip "${output#*SKIP }"
	equal "$status" 0
}

setup()
{
	:
}

teardown()
{
	:
}
