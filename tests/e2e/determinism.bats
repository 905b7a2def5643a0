#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# determinism - the same input gives the same manifest, whoever builds it, where, and how.
#
# Every build has an empty store (lib/determinism-build).

load ../lib/common

setup_file()
{
	croze_suite
}

teardown_file()
{
	croze_suite_end
}

# again NAME [OPTION...]: another build into another folder; it must give what the first gave.
again()
{
	local name=$1
	shift
	if [ ! -e "$SUITE/digest" ]; then
		"$LIB/determinism-build" "$SUITE/first" >"$SUITE/digest"
	fi
	equal "$("$LIB/determinism-build" "$W/$name" "$@")" "$(cat "$SUITE/digest")"
}

@test "in another folder" {
	again "a rather longer name of a folder"
}

@test "with one job and with two" {
	again one --jobs 1
	again two --jobs 2
}

@test "under another locale, time zone and umask" {
	umask 077
	LC_ALL=C TZ=Asia/Tokyo again c
	LC_ALL=tr_TR.UTF-8 LANG=tr_TR.UTF-8 TZ=America/New_York again turkish
}

@test "on another file system" {
	local other
	for other in /dev/shm /var/tmp; do
		[ -w "$other" ] || continue
		[ "$(stat -f -c %T "$other")" != "$(stat -f -c %T "$SUITE")" ] || continue
		local folder
		folder=$(mktemp -d "$other/croze-e2e.XXXXXX")
		W=$folder again other
		rm -rf "$folder"
		return
	done
	skip "there is one kind of file system only"
}

@test "as another user, with another range of ids" {
	[ -n "${CROZE_TEST_OTHER_DIGEST-}" ] || skip "needs root to become a second user: run as root"
	again this
	equal "$CROZE_TEST_OTHER_DIGEST" "$(cat "$SUITE/digest")"
}

@test "by SOURCE_DATE_EPOCH as well" {
	SOURCE_DATE_EPOCH=0 again epoch
}

@test "a second build in the same store gives the same image without the cache" {
	printf 'FROM busybox:musl\nRUN mkdir /d && touch /d/a /d/b\nCOPY f /f\n' >c/Dockerfile
	echo x >c/f
	build --timestamp 0 -q -t one
	sleep 1.1
	touch c/f
	build --timestamp 0 -q --no-cache -t two
	equal "$(manifest_digest one)" "$(manifest_digest two)"
}
