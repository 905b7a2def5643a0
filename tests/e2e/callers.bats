#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# callers - podman and Buildah with croze-runtime: tests/callers/run, of which this runs a part, or with CROZE_TEST_LONG all.

load ../lib/common

setup_file()
{
	croze_suite
}

teardown_file()
{
	croze_suite_end
}

# scenarios ARGUMENT...: the script; what failed is shown.
scenarios()
{
	need podman conmon script
	CROZE_CALLERS_BASES=$SUITE/bases timeout 900 "$CROZE_SOURCE/tests/callers/run" "$@" "$CROZE_BUILD/croze-runtime" >"$W/scenarios" || {
		grep -A1 '^not ok' "$W/scenarios"
		return 1
	}
	if grep -q '^1..0 # SKIP' "$W/scenarios"; then
		skip "$(sed -n 's/^1..0 # SKIP //p' "$W/scenarios")"
	fi
}

@test "podman: run, exec, signals, terminal, volumes, user namespaces" {
	scenarios -q -f '^(run prints|status comes|command|volume is written|read-only root|own user|terminal|detached|is running|exec: (status|term)|signal by name|stop with TERM|remove|nothing is left)'
}

# As root: tests/callers/run -r, which is no ordinary user's to run.
@test "podman and Buildah: all scenarios" {
	[ -n "${CROZE_TEST_LONG-}" ] || skip "long: CROZE_TEST_LONG=1"
	scenarios
	[ "$(grep -c '^ok' "$W/scenarios")" -ge 60 ]
}
