/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_mask - secrets in what commands print, in one piece and in many.
 */
#include "builder/build/mask.h"
#include "tests/unit/table.h"

/** What is shown of @text when it comes in pieces of @piece bytes. */
static void
check(const char *const *secrets, const char *text, size_t piece, const char *shown)
{
	struct mask *mask = mask_new();
	auto(buf) struct buf out = { 0 };
	size_t length = strlen(text);

	for (; *secrets; secrets++)
		mask_add(mask, *secrets, strlen(*secrets));
	for (size_t at = 0; at < length; at += piece)
		mask_feed(mask, text + at, length - at < piece ? length - at : piece, &out);
	mask_flush(mask, &out);
	mask_free(mask);
	if (strcmp(buf_text(&out), shown) != 0)
		fail_msg("'%s' by %zu: '%s' instead of '%s'", text, piece, buf_text(&out), shown);
}

static void
secrets_are_hidden_in_whatever_pieces_they_come(void **state)
{
	static const char *const secrets[] = { "token", "tokens-longer\n", "two\nlines", NULL };
	static const struct {
		const char *text, *shown;
	} rows[] = {
		{ "", "" },
		{ "nothing here", "nothing here" },
		{ "token", "***" },
		{ "a token b tokentoken", "a *** b ******" },
		{ "tokens-longer", "***" },
		{ "tokens-longe", "***s-longe" },
		{ "toktoken tok", "tok*** tok" },
		{ "x two\nlines\ny", "x ***\ny" },
		{ "two\nline", "two\nline" },
		{ "TOKEN", "TOKEN" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		for (size_t piece = 1; piece < 20; piece++)
			check(secrets, rows[i].text, piece, rows[i].shown);
}

static void
too_short_a_secret_stays(void **state)
{
	static const char *const secrets[] = { "abc\n", "", NULL };

	(void)state;
	check(secrets, "abcabc", 2, "abcabc");
}

static void
only_what_could_be_a_secret_is_held_back(void **state)
{
	struct mask *mask = mask_new();
	auto(buf) struct buf out = { 0 };

	(void)state;
	mask_add(mask, "secret", 6);
	mask_feed(mask, "line\nse", 7, &out);
	assert_string_equal(buf_text(&out), "line\n");
	mask_feed(mask, "a", 1, &out);
	assert_string_equal(buf_text(&out), "line\nsea");
	mask_free(mask);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(secrets_are_hidden_in_whatever_pieces_they_come),
	cmocka_unit_test(too_short_a_secret_stays),
	cmocka_unit_test(only_what_could_be_a_secret_is_held_back),
};

UNIT_MAIN(tests)
