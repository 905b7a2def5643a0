#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# differential - the images of 86 Dockerfiles equal Buildah's, or a rule says why not (see the script of that name).

load ../lib/common

setup_file()
{
	croze_suite
}

teardown_file()
{
	croze_suite_end
}

@test "configuration and tree of every Dockerfile equal those of Buildah, or the difference is expected" {
	need buildah skopeo
	mkdir work
	run timeout 480 "$CROZE_SOURCE/tests/e2e/differential" "$W/work" "$SUITE/bases"
	printf '%s\n' "$output"
	equal "$status" 0
}
