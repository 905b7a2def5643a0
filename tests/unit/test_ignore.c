/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_ignore - .dockerignore (tests/data/dockerfile/ignore.tsv).
 */
#include "builder/dockerfile/ignore.h"
#include "tests/unit/table.h"

#include <time.h>

static void
check(char *const *fields, size_t line)
{
	autofree char *text = xstrdup(fields[0]);
	struct error e = ERROR_INIT;
	struct ignore ignore;
	const char *result;

	for (char *c = text; *c != '\0'; c++)
		if (*c == '|')
			*c = '\n';
	if (ignore_parse(&ignore, text, strlen(text), ".dockerignore", &e) < 0) {
		result = "error";
	} else {
		result = ignore_match(&ignore, fields[1], false) ? "out" : "in";
		ignore_release(&ignore);
	}
	if (strcmp(result, fields[2]) != 0)
		fail_msg("line %zu: '%s' and '%s': %s, not %s", line, fields[0], fields[1], result,
		    fields[2]);
}

static void
s10_2_lines_are_read_as_the_table_says(void **state)
{
	(void)state;
	assert_true(table_run_section("dockerfile/ignore.tsv", "10.2", 3, check) >= 24);
}

static void
s10_3_patterns_match_as_the_table_says(void **state)
{
	(void)state;
	assert_true(table_run_section("dockerfile/ignore.tsv", "10.3", 3, check) >= 100);
}

static void
s10_4_the_last_pattern_that_matches_decides(void **state)
{
	(void)state;
	assert_true(table_run_section("dockerfile/ignore.tsv", "10.4", 3, check) >= 28);
	assert_true(table_run("dockerfile/ignore.tsv", 3, check) >= 150);
}

static void
parse(struct ignore *ignore, const char *text)
{
	struct error e = ERROR_INIT;

	assert_ok(ignore_parse(ignore, text, strlen(text), "x", &e), &e);
}

static void
walk_enters_only_folders_with_something_to_take_back(void **state)
{
	auto(ignore) struct ignore ignore = { 0 };

	(void)state;
	parse(&ignore, "*\n!src/**/*.c\n!doc/a.md\n");
	assert_true(ignore_may_reinclude_below(&ignore, "src"));
	assert_true(ignore_may_reinclude_below(&ignore, "src/deep/er"));
	assert_true(ignore_may_reinclude_below(&ignore, "doc"));
	assert_false(ignore_may_reinclude_below(&ignore, "doc/b"));
	assert_false(ignore_may_reinclude_below(&ignore, "node_modules"));
}

static void
later_exclusion_ends_what_was_taken_back(void **state)
{
	auto(ignore) struct ignore ignore = { 0 };

	(void)state;
	parse(&ignore, "a\n!a/b\na/b\n");
	assert_false(ignore_may_reinclude_below(&ignore, "a/b"));
	assert_true(ignore_may_reinclude_below(&ignore, "a"));
	assert_true(ignore_match(&ignore, "a/b/c", false));
}

static void
without_negation_nothing_is_walked(void **state)
{
	auto(ignore) struct ignore ignore = { 0 };

	(void)state;
	parse(&ignore, "a\n");
	assert_false(ignore_may_reinclude_below(&ignore, "a"));
}

static void
mark_of_utf8_and_line_ends_of_other_systems_are_read(void **state)
{
	auto(ignore) struct ignore ignore = { 0 };

	(void)state;
	parse(&ignore, "\xef\xbb\xbfone\r\n# no\r\ntwo\r\n");
	assert_int_equal(ignore.count, 2);
	assert_true(ignore_match(&ignore, "one", false));
	assert_true(ignore_match(&ignore, "two", false));
}

static void
reason_is_the_last_pattern_that_matches(void **state)
{
	auto(ignore) struct ignore ignore = { 0 };
	size_t line = 0;

	(void)state;
	parse(&ignore, "# head\n*.log\n!keep.log\n");
	assert_string_equal(ignore_reason(&ignore, "a.log", &line), "*.log");
	assert_int_equal(line, 2);
	assert_string_equal(ignore_reason(&ignore, "keep.log", &line), "!keep.log");
	assert_null(ignore_reason(&ignore, "b", &line));
}

static void
wrong_pattern_is_reported_with_file_and_line(void **state)
{
	struct error e = ERROR_INIT;
	struct ignore ignore;

	(void)state;
	assert_int_equal(ignore_parse(&ignore, "ok\n\na[\n", 7, "app/.dockerignore", &e), -1);
	assert_string_equal(e.text,
	    "app/.dockerignore:3: wrong pattern 'a[': the '[' at character 2 has no proper end");
}

static double
seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void
adversarial_patterns_take_linear_time(void **state)
{
	auto(ignore) struct ignore ignore = { 0 };
	auto(buf) struct buf pattern = { 0 }, path = { 0 };
	double start = seconds();

	(void)state;
	for (size_t n = 0; n < 500; n++)
		buf_add_text(&pattern, n % 2 ? "**/a*" : "*a*");
	buf_add_text(&pattern, "b\n");
	for (size_t n = 0; n < 4000; n++)
		buf_add_text(&path, n % 50 == 49 ? "/" : "a");
	parse(&ignore, buf_text(&pattern));
	assert_false(ignore_match(&ignore, buf_text(&path), false));
	assert_true(seconds() - start < 10.0);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(s10_2_lines_are_read_as_the_table_says),
	cmocka_unit_test(s10_3_patterns_match_as_the_table_says),
	cmocka_unit_test(s10_4_the_last_pattern_that_matches_decides),
	cmocka_unit_test(walk_enters_only_folders_with_something_to_take_back),
	cmocka_unit_test(later_exclusion_ends_what_was_taken_back),
	cmocka_unit_test(without_negation_nothing_is_walked),
	cmocka_unit_test(mark_of_utf8_and_line_ends_of_other_systems_are_read),
	cmocka_unit_test(reason_is_the_last_pattern_that_matches),
	cmocka_unit_test(wrong_pattern_is_reported_with_file_and_line),
	cmocka_unit_test(adversarial_patterns_take_linear_time),
};

UNIT_MAIN(tests)
