#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# hosts - the same image out of every environment that has a script in tests/hosts, or a refusal with what mends it.

load ../lib/common

setup_file()
{
	croze_suite
}

teardown_file()
{
	croze_suite_end
}

@test "environments: each gives the tier and the image that it must, or a refusal with a hint" {
	need bwrap unshare setpriv gcc
	CROZE_TEST_IMAGES=$SUITE/bases run timeout 280 "$CROZE_SOURCE/tests/hosts/run"
	printf '%s\n' "$output"
	ok
	[ "$(grep -c 'the same image' <<<"$output")" -ge 20 ]
	[ "$(grep -c 'refused: ' <<<"$output")" -ge 3 ]
}
