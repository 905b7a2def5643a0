/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_seen - what was read of files' records: it is remembered, and never for longer than it holds.
 */
#include "seccomp/seen.h"

#include "tests/unit/unit.h"

#include <time.h>

/* A file that was changed @ns nanoseconds ago; in a file system that has @whole seconds only, at the last one before. */
static struct stat
changed_ago(int64_t ns, bool whole)
{
	struct stat st = { .st_dev = 7, .st_ino = 1000, .st_mode = S_IFREG | 0644, .st_uid = 1 };
	struct timespec now;
	int64_t at;

	assert_int_equal(clock_gettime(CLOCK_REALTIME, &now), 0);
	at = (int64_t)now.tv_sec * 1000000000 + now.tv_nsec - ns;
	st.st_ctim.tv_sec = (time_t)(at / 1000000000);
	st.st_ctim.tv_nsec = whole ? 0 : at % 1000000000 | 1;
	return st;
}

static void
what_is_remembered_comes_back_until_the_file_changes(void **state)
{
	struct seen *seen = seen_new();
	struct stat st = changed_ago(10000000000, false), read = st, again = st, other = st;
	bool has_records = false;

	(void)state;
	assert_int_equal(seen_recall(seen, &read, &has_records), SEEN_NOT_YET);
	read.st_uid = 42;
	read.st_gid = 43;
	read.st_mode = S_IFCHR | 0600;
	read.st_rdev = 259;
	seen_remember(seen, &read, true);
	assert_int_equal(seen_recall(seen, &again, &has_records), SEEN_KNOWN);
	assert_true(has_records);
	assert_memory_equal(&again, &read, sizeof(again));
	again = st;
	again.st_ctim.tv_nsec ^= 2;
	assert_int_equal(seen_recall(seen, &again, &has_records), SEEN_NOT_YET);
	assert_int_equal(again.st_uid, 1);
	other.st_dev = 8;
	assert_int_equal(seen_recall(seen, &other, &has_records), SEEN_NOT_YET);
	other = st;
	other.st_ino = 1001;
	assert_int_equal(seen_recall(seen, &other, &has_records), SEEN_NOT_YET);
	seen_free(seen);
}

static void
a_time_that_another_change_could_have_is_not_relied_on(void **state)
{
	static const struct {
		int64_t ns;
		bool whole;
		enum seen_state want;
	} cases[] = {
		{ 1000000, false, SEEN_UNSETTLED },
		{ 500000000, false, SEEN_NOT_YET },
		{ -5000000000, false, SEEN_UNSETTLED }, /* the clock was put back */
		{ 500000000, true, SEEN_UNSETTLED },
		{ 900000000, true, SEEN_UNSETTLED },
		{ 5000000000, true, SEEN_NOT_YET },
	};
	struct seen *seen = seen_new();
	bool has_records;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct stat st = changed_ago(cases[i].ns, cases[i].whole);

		assert_int_equal(seen_recall(seen, &st, &has_records), cases[i].want);
	}
	seen_free(seen);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(what_is_remembered_comes_back_until_the_file_changes),
	cmocka_unit_test(a_time_that_another_change_could_have_is_not_relied_on),
};

UNIT_MAIN(tests)
