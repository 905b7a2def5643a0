/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_expand - variables, quotes and patterns in words (tests/data/dockerfile/expand.tsv).
 */
#include "builder/dockerfile/expand.h"
#include "tests/unit/table.h"

static const char *const variables[] = { "A=hello", "EMPTY=", "a=lower", "foo_bar=under",
	"F=foo.tar.gz", "PATHV=/usr/local/bin", "UNI=äöü→x", "SP=a b", "LITERAL=$A", "QUOTED=\"q\"",
	"STAR=a*b", "Q=y?z", "BS=a\\b", "BR=a}x", "P=foo", "REP=aaaaa", "ABAB=abcb" };

static struct strv environment;

static int
setup(void **state)
{
	(void)state;
	for (size_t n = 0; n < ARRAY_LEN(variables); n++)
		strv_add(&environment, variables[n]);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	strv_release(&environment);
	return 0;
}

static struct expansion
expansion(char escape)
{
	return (struct expansion){ escape, expand_lookup_env, &environment, 0 };
}

static void
check_word(char *const *fields, size_t line)
{
	struct expansion x = expansion('\\');
	auto(buf) struct buf result = { 0 };
	auto(buf) struct buf shown = { 0 };
	struct error e = ERROR_INIT;

	if (expand_word(&x, fields[0], &result, &e) < 0)
		buf_printf(&shown, "error: %s", e.text);
	else
		buf_add_text(&shown, buf_text(&result));
	if (strcmp(buf_text(&shown), fields[1]) != 0)
		fail_msg("line %zu: %s gives '%s', not '%s'", line, fields[0], buf_text(&shown),
		    fields[1]);
}

/** The cases of a row of section 3. */
static void
check_row(const char *row, size_t least)
{
	assert_true(table_run_section("dockerfile/expand.tsv", row, 2, check_word) >= least);
}

static void
s3_1_names_are_replaced_by_values(void **state)
{
	(void)state;
	check_row("3.1", 99);
}

static void
s3_2_a_word_stands_in_for_what_is_not_there(void **state)
{
	(void)state;
	check_row("3.2", 25);
}

static void
s3_3_a_word_stands_in_for_what_is_there(void **state)
{
	(void)state;
	check_row("3.3", 9);
}

static void
s3_4_what_must_be_there_is_an_error(void **state)
{
	(void)state;
	check_row("3.4", 8);
}

static void
s3_5_prefixes_and_suffixes_are_taken_away(void **state)
{
	(void)state;
	check_row("3.5", 81);
}

static void
s3_6_parts_are_replaced(void **state)
{
	(void)state;
	check_row("3.6", 59);
}

static void
s3_7_words_in_braces_are_expanded_too(void **state)
{
	(void)state;
	check_row("3.7", 24);
}

static void
s3_8_quotes_and_escapes(void **state)
{
	(void)state;
	check_row("3.8", 71);
}

static void
s3_9_what_is_wrong_is_named(void **state)
{
	(void)state;
	check_row("3.9", 19);
}

static void
all_words_of_the_table_belong_to_a_row(void **state)
{
	size_t count = 0;

	(void)state;
	for (unsigned n = 1; n <= 9; n++) {
		autofree char *row = xasprintf("3.%u", n);

		count += table_run_section("dockerfile/expand.tsv", row, 2, check_word);
	}
	assert_true(count >= 300);
	assert_int_equal(count, table_run("dockerfile/expand.tsv", 2, check_word));
}

static void
check_split(char *const *fields, size_t line)
{
	struct expansion x = expansion('\\');
	auto(strv) struct strv words = { 0 };
	auto(buf) struct buf shown = { 0 };
	struct error e = ERROR_INIT;

	assert_ok(expand_words(&x, fields[0], &words, &e), &e);
	for (size_t n = 0; n < words.count; n++)
		buf_printf(&shown, "[%s]", words.items[n]);
	if (strcmp(buf_text(&shown), fields[1]) != 0)
		fail_msg(
		    "line %zu: %s gives %s, not %s", line, fields[0], buf_text(&shown), fields[1]);
}

static void
values_divide_into_words_outside_of_quotes(void **state)
{
	(void)state;
	assert_true(table_run("dockerfile/expand-words.tsv", 2, check_split) > 10);
}

static void
backtick_escapes_when_it_is_the_escape_character(void **state)
{
	struct expansion x = expansion('`');
	auto(buf) struct buf result = { 0 };
	struct error e = ERROR_INIT;

	(void)state;
	assert_ok(expand_word(&x, "`$A \\$A \"`\"\" c:\\x", &result, &e), &e);
	assert_string_equal(buf_text(&result), "$A \\hello \" c:\\x");
}

static void
failure_names_its_place_in_the_word(void **state)
{
	struct expansion x = expansion('\\');
	auto(buf) struct buf result = { 0 };
	struct error e = ERROR_INIT;

	(void)state;
	assert_int_equal(expand_word(&x, "abc${A:#x}", &result, &e), -1);
	assert_int_equal(x.failed_at, 7);
	assert_int_equal(result.len, 0);
	assert_int_equal(e.kind, ERR_INPUT);
}

static void
values_beyond_one_mebibyte_are_refused(void **state)
{
	struct expansion x = expansion('\\');
	auto(buf) struct buf result = { 0 };
	auto(buf) struct buf word = { 0 };
	auto(strv) struct strv large = { 0 };
	autofree char *half = xmalloc(600001);
	struct error e = ERROR_INIT;

	(void)state;
	memset(half, 'x', 600000);
	half[600000] = '\0';
	env_set(&large, "H", half);
	x.arg = &large;
	assert_ok(expand_word(&x, "$H", &result, &e), &e);
	assert_int_equal(expand_word(&x, "$H$H", &result, &e), -1);
	assert_string_equal(e.text, "the value grows beyond 1 MiB");
	assert_int_equal(expand_word(&x, "${H//x/yy}", &result, &e), -1);
}

static void
deep_nesting_is_refused(void **state)
{
	struct expansion x = expansion('\\');
	auto(buf) struct buf result = { 0 };
	auto(buf) struct buf word = { 0 };
	struct error e = ERROR_INIT;

	(void)state;
	for (size_t n = 0; n < 10000; n++)
		buf_add_text(&word, "${U:-");
	for (size_t n = 0; n < 10000; n++)
		buf_add_char(&word, '}');
	assert_int_equal(expand_word(&x, buf_text(&word), &result, &e), -1);
	assert_string_equal(e.text, "expansions are nested too deeply");
}

static void
long_patterns_are_refused(void **state)
{
	struct expansion x = expansion('\\');
	auto(buf) struct buf result = { 0 };
	auto(buf) struct buf word = { 0 };
	struct error e = ERROR_INIT;

	(void)state;
	buf_add_text(&word, "${A#");
	for (size_t n = 0; n < 2000; n++)
		buf_add_text(&word, "*a");
	buf_add_char(&word, '}');
	assert_int_equal(expand_word(&x, buf_text(&word), &result, &e), -1);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(s3_1_names_are_replaced_by_values),
		cmocka_unit_test(s3_2_a_word_stands_in_for_what_is_not_there),
		cmocka_unit_test(s3_3_a_word_stands_in_for_what_is_there),
		cmocka_unit_test(s3_4_what_must_be_there_is_an_error),
		cmocka_unit_test(s3_5_prefixes_and_suffixes_are_taken_away),
		cmocka_unit_test(s3_6_parts_are_replaced),
		cmocka_unit_test(s3_7_words_in_braces_are_expanded_too),
		cmocka_unit_test(s3_8_quotes_and_escapes),
		cmocka_unit_test(s3_9_what_is_wrong_is_named),
		cmocka_unit_test(all_words_of_the_table_belong_to_a_row),
		cmocka_unit_test(values_divide_into_words_outside_of_quotes),
		cmocka_unit_test(backtick_escapes_when_it_is_the_escape_character),
		cmocka_unit_test(failure_names_its_place_in_the_word),
		cmocka_unit_test(values_beyond_one_mebibyte_are_refused),
		cmocka_unit_test(deep_nesting_is_refused),
		cmocka_unit_test(long_patterns_are_refused),
	};

	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests(tests, setup, teardown);
}
