/* SPDX-License-Identifier: Apache-2.0 */
/*
 * unit - what every unit test starts with: cmocka, and a main() that takes a filter.
 *
 * `tests/unit/test_diff 'opaque*'` runs the tests whose names match; a failed test prints @e with
 * assert_ok().
 */
#ifndef CROZE_TESTS_UNIT_H
#define CROZE_TESTS_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "runtime/base/error.h"

/** @result is that of a call which must have succeeded; else the test fails with the text of @e. */
#define assert_ok(result, e)                                    \
	do {                                                    \
		if ((result) < 0)                               \
			fail_msg("%s: %s", #result, (e)->text); \
	} while (0)

/** Skips the test that runs, with the reason why it cannot run here. */
#define skip_because(reason)                              \
	do {                                              \
		print_message("# skipped: %s\n", reason); \
		skip();                                   \
	} while (0)

/** main() for the cmocka table @tests. */
#define UNIT_MAIN(tests)                                          \
	int main(int argc, char **argv)                           \
	{                                                         \
		if (argc > 1)                                     \
			cmocka_set_test_filter(argv[1]);          \
		return cmocka_run_group_tests(tests, NULL, NULL); \
	}

#endif
