/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_owner - USER, --chown and --chmod.
 */
#include "builder/dockerfile/user.h"
#include "tests/unit/unit.h"

#include <string.h>
#include <sys/stat.h>

static void
numbers_are_numbers_and_names_are_names(void **state)
{
	struct error e = ERROR_INIT;
	struct user_spec s;

	(void)state;
	assert_ok(user_parse("1000:2000", &s, &e), &e);
	assert_true(s.user.numeric && s.group.numeric);
	assert_int_equal(s.user.id, 1000);
	assert_int_equal(s.group.id, 2000);
	assert_ok(user_parse("www-data", &s, &e), &e);
	assert_true(s.user.given && !s.user.numeric && !s.group.given);
	assert_string_equal(s.user.name, "www-data");
	assert_ok(user_parse("node:0", &s, &e), &e);
	assert_true(s.group.numeric && s.group.id == 0);
	assert_ok(user_parse(":staff", &s, &e), &e);
	assert_false(s.user.given);
	assert_ok(user_parse("2147483647", &s, &e), &e);
	assert_ok(user_parse("00012", &s, &e), &e);
	assert_int_equal(s.user.id, 12);
}

static void
numbers_that_would_wrap_are_refused(void **state)
{
	static const char *const wrong[] = { "4294967296", "2147483648", "4294967295", "-1", "+1",
		"0x0", "0X1f", "1:99999999999", "1:-1", "99999999999999999999",
		"18446744073709551616" };
	struct user_spec s;

	(void)state;
	for (size_t n = 0; n < sizeof(wrong) / sizeof(wrong[0]); n++) {
		struct error e = ERROR_INIT;

		if (user_parse(wrong[n], &s, &e) == 0)
			fail_msg("%s was taken", wrong[n]);
		assert_int_equal(e.kind, ERR_INPUT);
	}
}

static void
names_with_odd_characters_are_refused(void **state)
{
	static const char *const wrong[] = { "a b", "a:b:c", "a/b", "a\nb", "a,b", "\x7f", "a\"b" };
	char longest[300];
	struct error e = ERROR_INIT;
	struct user_spec s;

	(void)state;
	for (size_t n = 0; n < sizeof(wrong) / sizeof(wrong[0]); n++)
		assert_int_equal(user_parse(wrong[n], &s, &e), -1);
	memset(longest, 'a', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	assert_int_equal(user_parse(longest, &s, &e), -1);
}

static mode_t
apply(const char *text, mode_t mode)
{
	struct error e = ERROR_INIT;
	struct mode_spec m;

	assert_ok(mode_parse(text, &m, &e), &e);
	return mode_apply(&m, mode);
}

static void
modes_are_octal_or_symbolic(void **state)
{
	(void)state;
	assert_int_equal(apply("755", S_IFREG | 0600), 0755);
	assert_int_equal(apply("0644", S_IFDIR | 0755), 0644);
	assert_int_equal(apply("7777", S_IFREG), 07777);
	assert_int_equal(apply("+x", S_IFREG | 0644), 0755);
	assert_int_equal(apply("u=rwX,go=rX", S_IFREG | 0600), 0644);
	assert_int_equal(apply("u=rwX,go=rX", S_IFREG | 0700), 0755);
	assert_int_equal(apply("u=rwX,go=rX", S_IFDIR | 0700), 0755);
	assert_int_equal(apply("g=u", S_IFREG | 0640), 0660);
	assert_int_equal(apply("o=", S_IFREG | 0777), 0770);
	assert_int_equal(apply("a-w", S_IFREG | 0666), 0444);
	assert_int_equal(apply("u+s,g+s,+t", S_IFREG | 0755), 07755);
	assert_int_equal(apply("u=rw-x+x", S_IFREG | 0000), 0700);
}

static void
wrong_modes_are_refused(void **state)
{
	static const char *const wrong[] = { "", "8", "10000", "0x1", "rwx", "u", "u=z", "u=r,",
		"u=r;", "777 " };
	struct mode_spec m;

	(void)state;
	for (size_t n = 0; n < sizeof(wrong) / sizeof(wrong[0]); n++) {
		struct error e = ERROR_INIT;

		if (mode_parse(wrong[n], &m, &e) == 0)
			fail_msg("'%s' was taken", wrong[n]);
	}
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(numbers_are_numbers_and_names_are_names),
	cmocka_unit_test(numbers_that_would_wrap_are_refused),
	cmocka_unit_test(names_with_odd_characters_are_refused),
	cmocka_unit_test(modes_are_octal_or_symbolic),
	cmocka_unit_test(wrong_modes_are_refused),
};

UNIT_MAIN(tests)
