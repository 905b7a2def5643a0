/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_glob - file name patterns (tests/data/dockerfile/glob.tsv).
 */
#include "builder/dockerfile/glob.h"
#include "tests/unit/table.h"

static void
check(char *const *fields, size_t line)
{
	struct error e = ERROR_INIT;
	const char *result;

	if (glob_check(fields[0], &e) < 0)
		result = "error";
	else
		result = glob_match(fields[0], fields[1]) ? "yes" : "no";
	if (strcmp(result, fields[2]) != 0)
		fail_msg("line %zu: '%s' and '%s': %s, not %s", line, fields[0], fields[1], result,
		    fields[2]);
}

static void
patterns_match_as_the_table_says(void **state)
{
	(void)state;
	assert_true(table_run("dockerfile/glob.tsv", 3, check) > 40);
}

static void
below_asks_for_the_first_components(void **state)
{
	(void)state;
	assert_true(glob_may_match_below("a/b/c", ""));
	assert_true(glob_may_match_below("a/b/c", "a"));
	assert_true(glob_may_match_below("a/*/c", "a/x"));
	assert_false(glob_may_match_below("a/b/c", "b"));
	assert_false(glob_may_match_below("a/b/c", "a/b/c"));
	assert_false(glob_may_match_below("*.go", "a"));
	assert_true(glob_may_match_below("a\\*/b", "a*"));
}

static void
wildcards_are_told_from_escapes(void **state)
{
	autofree char *plain = glob_unescape("a\\*b\\\\");

	(void)state;
	assert_true(glob_has_wildcard("a*"));
	assert_true(glob_has_wildcard("[a]"));
	assert_false(glob_has_wildcard("a\\*\\[b"));
	assert_string_equal(plain, "a*b\\");
}

static void
wrong_pattern_is_named_with_its_place(void **state)
{
	struct error e = ERROR_INIT;

	(void)state;
	assert_int_equal(glob_check("ab[c", &e), -1);
	assert_string_equal(
	    e.text, "wrong pattern 'ab[c': the '[' at character 3 has no proper end");
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(patterns_match_as_the_table_says),
	cmocka_unit_test(below_asks_for_the_first_components),
	cmocka_unit_test(wildcards_are_told_from_escapes),
	cmocka_unit_test(wrong_pattern_is_named_with_its_place),
};

UNIT_MAIN(tests)
