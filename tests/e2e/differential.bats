#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# differential - the images of Dockerfiles (tests/data/dockerfiles) equal Buildah's, or a rule says why not (see the script of that name).

load ../lib/common

setup_file()
{
	croze_suite
}

teardown_file()
{
	croze_suite_end
}

# compare PATTERN: the cases whose number matches.
compare()
{
	need buildah skopeo
	mkdir work
	run timeout 480 "$CROZE_SOURCE/tests/e2e/differential" --only "$1" "$W/work" "$SUITE/bases"
	printf '%s\n' "$output"
	equal "$status" 0
}

@test "configuration and tree of every Dockerfile equal those of Buildah, or the difference is expected" {
	compare "[0-9][0-9]-*"
}

@test "the same for the language's rows and traps" {
	compare "[12][0-9][0-9]-*"
}

@test "the same for COPY, ADD, ignore files and contexts" {
	compare "3[0-9][0-9]-*"
}
