/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_diagnostics - the form in which mistakes are reported.
 */
#include "builder/dockerfile/diagnostics.h"
#include "runtime/base/mem.h"
#include "tests/unit/unit.h"

#include <string.h>

static struct location
at(uint32_t line, uint32_t column)
{
	return (struct location){ line, column };
}

static void
messages_come_sorted_and_notes_stay_with_theirs(void **state)
{
	struct diagnostics d;
	auto(buf) struct buf b = { 0 };

	(void)state;
	diagnostics_init(&d, "Dockerfile");
	assert_int_equal(diagnostics_add(&d, SEVERITY_ERROR, at(14, 6), "second"), -1);
	diagnostics_note(&d, at(4, 0), "belongs to second");
	(void)diagnostics_add(&d, SEVERITY_ERROR, at(8, 1), "first");
	diagnostics_lint(&d, "SomeRule", at(8, 3), "a warning");
	(void)diagnostics_add(&d, SEVERITY_WARNING, at(0, 0), "nowhere");
	diagnostics_write(&d, &b);
	assert_string_equal(buf_text(&b), "Dockerfile: warning: nowhere\n"
					  "Dockerfile:8:1: error: first\n"
					  "Dockerfile:8:3: warning: a warning (SomeRule)\n"
					  "Dockerfile:14:6: error: second\n"
					  "Dockerfile:4: note: belongs to second\n"
					  "2 errors, nothing was run.\n");
	diagnostics_release(&d);
}

static void
text_from_the_file_cannot_reach_the_terminal(void **state)
{
	struct diagnostics d;
	auto(buf) struct buf b = { 0 };

	(void)state;
	diagnostics_init(&d, "a\033b");
	(void)diagnostics_add(
	    &d, SEVERITY_ERROR, at(1, 1), "unknown '%s'", "\033[2J\n\xe2\x80\xae");
	diagnostics_write(&d, &b);
	assert_null(strchr(buf_text(&b), '\033'));
	assert_null(strstr(buf_text(&b), "\xe2\x80\xae"));
	assert_non_null(strstr(buf_text(&b), "1 error, nothing was run.\n"));
	diagnostics_release(&d);
}

static void
check_gives_the_first_error(void **state)
{
	struct error e = ERROR_INIT;
	struct diagnostics d;

	(void)state;
	diagnostics_init(&d, "Dockerfile");
	(void)diagnostics_add(&d, SEVERITY_WARNING, at(1, 1), "w");
	assert_int_equal(diagnostics_check(&d, &e), 0);
	(void)diagnostics_add(&d, SEVERITY_ERROR, at(3, 2), "late");
	(void)diagnostics_add(&d, SEVERITY_ERROR, at(2, 7), "early");
	assert_int_equal(diagnostics_check(&d, &e), -1);
	assert_string_equal(e.text, "Dockerfile:2:7: early");
	assert_string_equal(e.hint, "1 further error in the same file");
	assert_int_equal(e.kind, ERR_INPUT);
	assert_int_equal(error_exit_status(&e), 2);
	diagnostics_release(&d);
}

static void
endless_errors_are_counted_and_not_kept(void **state)
{
	struct diagnostics d;
	auto(buf) struct buf b = { 0 };

	(void)state;
	diagnostics_init(&d, "f");
	for (uint32_t n = 0; n < 100000; n++)
		(void)diagnostics_add(&d, SEVERITY_ERROR, at(n + 1, 1), "e");
	assert_int_equal(d.count, DIAGNOSTICS_MAX);
	diagnostics_write(&d, &b);
	assert_non_null(strstr(buf_text(&b),
	    "99000 further errors are not shown.\n100000 errors, nothing was run.\n"));
	diagnostics_release(&d);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(messages_come_sorted_and_notes_stay_with_theirs),
	cmocka_unit_test(text_from_the_file_cannot_reach_the_terminal),
	cmocka_unit_test(check_gives_the_first_error),
	cmocka_unit_test(endless_errors_are_counted_and_not_kept),
};

UNIT_MAIN(tests)
