#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# vm - limits that hold: croze-runtime in a virtual machine with all controllers (tests/vm/run), on Debian's own kernel. Takes minutes.

@test "memory and pids limits hold on cgroup v2, delegated, hybrid; without any cgroup they are refused" {
	[ -n "${CROZE_TEST_LONG-}" ] || skip "long: CROZE_TEST_LONG=1"
	kernel=${CROZE_TEST_KERNEL-$(find /boot -name 'vmlinuz-*cloud-amd64' | sort | tail -n 1)}
	[ -n "$kernel" ] || skip "no kernel: install linux-image-cloud-amd64, or set CROZE_TEST_KERNEL"
	status=0
	timeout 1500 "$BATS_TEST_DIRNAME/../vm/run" "$CROZE_BUILD/croze-runtime" "$kernel" >"$BATS_TEST_TMPDIR/out" || status=$?
	cat "$BATS_TEST_TMPDIR/out"
	! grep -q '^1..0 # SKIP' "$BATS_TEST_TMPDIR/out" || skip "$(sed -n 's/^1..0 # SKIP //p' "$BATS_TEST_TMPDIR/out")"
	[ "$status" -eq 0 ]
	[ "$(grep -c '^ok' "$BATS_TEST_TMPDIR/out")" -ge 20 ]
}
