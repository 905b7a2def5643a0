#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# fallbacks - the suites of croze-runtime where the host lacks something, forced with CROZE_TEST_WITHOUT: a sample, and with
# CROZE_TEST_LONG all of lifecycle, runtime and config_*.

# suites SWITCHES [OPTION OF bats...]
suites()
{
	local file failed=0
	export CROZE_TEST_WITHOUT=$1
	shift
	for file in runtime lifecycle config_process config_points config_mounts; do
		timeout 500 bats --tap "$@" "$BATS_TEST_DIRNAME/$file.bats" >"$BATS_TEST_TMPDIR/out" 2>&1 </dev/null || {
			echo "$file without $CROZE_TEST_WITHOUT:"
			grep -A12 '^not ok' "$BATS_TEST_TMPDIR/out" || tail -n 5 "$BATS_TEST_TMPDIR/out"
			failed=1
		}
		grep -q '^ok' "$BATS_TEST_TMPDIR/out" || {
			echo "$file without $CROZE_TEST_WITHOUT: nothing ran"
			failed=1
		}
	done
	return $failed
}

# sampled SWITCHES: one or two tests of every file.
sampled()
{
	suites "$1" -f '^(a bundle runs as root|create makes everything ready|exec: user, folder|process.user: uid|hooks: all six|root.readonly|ro and what|proc, sysfs, devpts)'
}

whole()
{
	[ -n "${CROZE_TEST_LONG-}" ] || skip "long: CROZE_TEST_LONG=1"
	suites "$1"
}

@test "openat2, mount calls, pidfds, cgroups and newuidmap together absent: a part of each suite" {
	sampled openat2,mounts,pidfd,cgroup,newuidmap
}

@test "without openat2: all suites" {
	whole openat2
}

@test "without mounts: all suites" {
	whole mounts
}

@test "without pidfd: all suites" {
	whole pidfd
}

@test "without cgroup: all suites" {
	whole cgroup
}

@test "without newuidmap: all suites" {
	whole newuidmap
}
