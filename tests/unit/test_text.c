/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_text - numbers, times, sizes, and text made safe for a terminal.
 */
#include "runtime/base/text.h"

#include "tests/unit/unit.h"

#include "runtime/base/mem.h"

static void
numbers_are_digits_within_a_range(void **state)
{
	static const char *const bad[] = { "", " 1", "1 ", "+1", "-1", "0x1", "1a",
		"18446744073709551616", "99999999999999999999999", "1.0" };
	struct error e = ERROR_INIT;
	uint64_t u = 0;
	int64_t i = 0;
	uint32_t o = 0;

	(void)state;
	for (size_t n = 0; n < ARRAY_LEN(bad); n++)
		assert_int_equal(parse_u64(bad[n], 0, UINT64_MAX, "x", &u, &e), -1);
	assert_ok(parse_u64("18446744073709551615", 0, UINT64_MAX, "x", &u, &e), &e);
	assert_true(u == UINT64_MAX);
	assert_ok(parse_u64("007", 7, 7, "x", &u, &e), &e);
	assert_int_equal(parse_u64("8", 1, 7, "jobs", &u, &e), -1);
	assert_string_equal(e.text, "jobs: 8 is not between 1 and 7");
	assert_int_equal(e.kind, ERR_INPUT);
	assert_ok(parse_i64("-9223372036854775808", INT64_MIN, INT64_MAX, "x", &i, &e), &e);
	assert_true(i == INT64_MIN);
	assert_ok(parse_i64("9223372036854775807", INT64_MIN, INT64_MAX, "x", &i, &e), &e);
	assert_int_equal(parse_i64("9223372036854775808", INT64_MIN, INT64_MAX, "x", &i, &e), -1);
	assert_int_equal(parse_i64("-9223372036854775809", INT64_MIN, INT64_MAX, "x", &i, &e), -1);
	assert_int_equal(parse_i64("--1", INT64_MIN, INT64_MAX, "x", &i, &e), -1);
	assert_int_equal(parse_i64("-", INT64_MIN, INT64_MAX, "x", &i, &e), -1);
	assert_ok(parse_octal("4755", 07777, "mode", &o, &e), &e);
	assert_int_equal(o, 04755);
	assert_int_equal(parse_octal("778", 07777, "mode", &o, &e), -1);
	assert_int_equal(parse_octal("10000", 07777, "mode", &o, &e), -1);
	assert_int_equal(parse_octal("", 07777, "mode", &o, &e), -1);
}

static void
sizes_have_units(void **state)
{
	static const struct {
		const char *text;
		uint64_t bytes;
	} good[] = { { "0", 0 }, { "512", 512 }, { "512b", 512 }, { "64k", 65536 },
		{ "64K", 65536 }, { "2m", 2097152 }, { "2MB", 2097152 }, { "2MiB", 2097152 },
		{ "1g", 1073741824 }, { "3t", 3ULL << 40 }, { "15p", 15ULL << 50 } };
	static const char *const bad[] = { "", "k", "-1", "1.5g", "1x", "1kk", "1 k", "1ib",
		"99999999999t", "18446744073709551615k" };
	struct error e = ERROR_INIT;
	uint64_t bytes = 0;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		assert_ok(parse_size(good[i].text, "memory", &bytes, &e), &e);
		assert_true(bytes == good[i].bytes);
	}
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_int_equal(parse_size(bad[i], "memory", &bytes, &e), -1);
}

static void
durations_are_as_in_go(void **state)
{
	static const struct {
		const char *text;
		int64_t nanoseconds;
	} good[] = { { "0", 0 }, { "0s", 0 }, { "5s", 5000000000 }, { "30s", 30000000000 },
		{ "1478s", 1478000000000 }, { "-5s", -5000000000 }, { "+5s", 5000000000 },
		{ "5.0s", 5000000000 }, { "5.6s", 5600000000 }, { "5.s", 5000000000 },
		{ ".5s", 500000000 }, { "1.004s", 1004000000 }, { "100.00100s", 100001000000 },
		{ "10ns", 10 }, { "11us", 11000 }, { "12\xc2\xb5s", 12000 },
		{ "12\xce\xbcs", 12000 }, { "13ms", 13000000 }, { "14s", 14000000000 },
		{ "15m", 900000000000 }, { "16h", 57600000000000 }, { "3h30m", 12600000000000 },
		{ "10.5s4m", 250500000000 }, { "1h2m3.5s", 3723500000000 },
		{ "1.5h", 5400000000000 }, { "9223372036854775807ns", INT64_MAX } };
	static const char *const bad[] = { "", "3", "-", "s", ".", "-.", ".s", "+.s", "1d", "1h 2m",
		"1e3s", "3000000h", "9223372036854775808ns", "--1s", "1", "1s1" };
	struct error e = ERROR_INIT;
	int64_t ns = 0;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		if (parse_duration(good[i].text, "x", &ns, &e) < 0 || ns != good[i].nanoseconds)
			fail_msg("'%s': %lld", good[i].text, (long long)ns);
	}
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		if (parse_duration(bad[i], "x", &ns, &e) == 0)
			fail_msg("'%s' was read", bad[i]);
	}
}

static void
times_are_read_and_written(void **state)
{
	static const struct {
		const char *text;
		int64_t seconds;
		long nanoseconds;
		const char *written;
	} good[] = {
		{ "1970-01-01T00:00:00Z", 0, 0, "1970-01-01T00:00:00Z" },
		{ "2024-05-01T10:00:00Z", 1714557600, 0, "2024-05-01T10:00:00Z" },
		{ "2024-02-29T23:59:59.5+01:30", 1709245799, 500000000, "2024-02-29T22:29:59.5Z" },
		{ "1969-12-31T23:59:59.999999999Z", -1, 999999999,
		    "1969-12-31T23:59:59.999999999Z" },
		{ "0001-01-01T00:00:00Z", -62135596800, 0, "0001-01-01T00:00:00Z" },
		{ "9999-12-31T23:59:59Z", 253402300799, 0, "9999-12-31T23:59:59Z" },
		{ "2024-05-01t10:00:00.1234567899z", 1714557600, 123456789,
		    "2024-05-01T10:00:00.123456789Z" },
		{ "2000-01-01T00:00:00-23:59", 946771140, 0, "2000-01-01T23:59:00Z" },
	};
	static const char *const bad[] = { "", "2024-05-01", "2024-05-01T10:00:00",
		"2024-13-01T10:00:00Z", "2023-02-29T10:00:00Z", "2024-05-01 10:00:00Z",
		"2024-05-01T24:00:00Z", "2024-05-01T10:60:00Z", "2024-05-01T10:00:00.Z",
		"2024-05-01T10:00:00+1:00", "2024-05-01T10:00:00Zx", "2024-5-01T10:00:00Z0",
		"2024-05-01T10:00:00+24:00", "1900-02-29T00:00:00Z" };
	struct error e = ERROR_INIT;
	struct timespec t;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		auto(buf) struct buf b = { 0 };

		assert_ok(parse_rfc3339(good[i].text, &t, &e), &e);
		assert_int_equal(t.tv_sec, good[i].seconds);
		assert_int_equal(t.tv_nsec, good[i].nanoseconds);
		text_add_rfc3339(&b, &t);
		assert_string_equal(buf_text(&b), good[i].written);
	}
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		if (parse_rfc3339(bad[i], &t, &e) == 0)
			fail_msg("'%s' was read", bad[i]);
	}
}

static void
sizes_and_times_are_shown_short(void **state)
{
	static const struct {
		uint64_t bytes;
		const char *text;
	} sizes[] = { { 0, "0 B" }, { 999, "999 B" }, { 1000, "1 kB" }, { 1234, "1.23 kB" },
		{ 18700000, "18.7 MB" }, { 999499, "999 kB" }, { 999999, "1 MB" },
		{ UINT64_MAX, "18.4 EB" } };
	static const struct {
		double seconds;
		const char *text;
	} times[] = { { 0, "0.000 s" }, { 0.4124, "0.412 s" }, { 9.9994, "9.999 s" },
		{ 9.9996, "10.0 s" }, { 14.2, "14.2 s" }, { 59.94, "59.9 s" }, { 59.96, "1m 00 s" },
		{ 123.4, "2m 03 s" }, { 3600, "1h 00m 00 s" }, { 7384, "2h 03m 04 s" },
		{ -1, "0.000 s" } };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		auto(buf) struct buf b = { 0 };

		text_add_size(&b, sizes[i].bytes);
		assert_string_equal(buf_text(&b), sizes[i].text);
	}
	for (size_t i = 0; i < ARRAY_LEN(times); i++) {
		auto(buf) struct buf b = { 0 };

		text_add_seconds(&b, times[i].seconds);
		assert_string_equal(buf_text(&b), times[i].text);
	}
}

static void
p8_p9_what_a_terminal_would_obey_is_escaped(void **state)
{
	static const char *const pairs[][2] = {
		{ "plain text, 100%", "plain text, 100%" },
		{ "\x1b]0;title\x07", "\\x1b]0;title\\x07" },
		{ "a\nb\rc\td\x7f", "a\\nb\\x0dc\\x09d\\x7f" },
		{ "gr\xc3\xbc\xc3\x9f \xe6\x97\xa5 \xf0\x9f\x98\x80",
		    "gr\xc3\xbc\xc3\x9f \xe6\x97\xa5 \xf0\x9f\x98\x80" },
		{ "\xe2\x80\xaeRLO\xe2\x81\xa6", "\\u{202e}RLO\\u{2066}" },
		{ "zero\xe2\x80\x8bwidth\xef\xbb\xbf", "zero\\u{200b}width\\u{feff}" },
		{ "\xc2\x9b"
		  "31m",
		    "\\u{009b}31m" },
		{ "tag\xf3\xa0\x81\x81", "tag\\u{e0041}" },
		{ "\xff\xc0\x80\xed\xa0\x80\xe2\x82", "\\xff\\xc0\\x80\\xed\\xa0\\x80\\xe2\\x82" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(pairs); i++) {
		autofree char *safe = text_safe(pairs[i][0]);

		assert_string_equal(safe, pairs[i][1]);
	}
}

static void
distance_counts_changes_and_swaps(void **state)
{
	(void)state;
	assert_int_equal(text_distance("", "", 3), 0);
	assert_int_equal(text_distance("abc", "abc", 3), 0);
	assert_int_equal(text_distance("abc", "acb", 3), 1);
	assert_int_equal(text_distance("abc", "abcd", 3), 1);
	assert_int_equal(text_distance("kitten", "sitting", 3), 3);
	assert_int_equal(text_distance("kitten", "sitting", 2), 3);
	assert_int_equal(text_distance("", "abcdef", 2), 3);
}

static void
suggests_what_is_near(void **state)
{
	static const char *const names[] = { "FROM", "RUN", "COPY", "WORKDIR", "ENTRYPOINT", NULL };

	(void)state;
	assert_string_equal(text_suggest("FORM", names), "FROM");
	assert_string_equal(text_suggest("copi", names), "COPY");
	assert_string_equal(text_suggest("ENTRPOINT", names), "ENTRYPOINT");
	assert_string_equal(text_suggest("workdri", names), "WORKDIR");
	assert_null(text_suggest("MAINTAINER", names));
	assert_null(text_suggest("", names));
	assert_null(text_suggest("x", (const char *const[]){ NULL }));
}

static void
base64_goes_there_and_back(void **state)
{
	static const char *const pairs[][2] = { { "", "" }, { "f", "Zg==" }, { "fo", "Zm8=" },
		{ "foo", "Zm9v" }, { "foob", "Zm9vYg==" }, { "fooba", "Zm9vYmE=" },
		{ "foobar", "Zm9vYmFy" }, { "\xff\xfe\xfd", "//79" } };
	static const char *const bad[] = { "Z", "Zg", "Zg=", "Z===", "Zg==Zg==", "Zm9v\n", "Zm9-",
		"=Zg=" };
	struct error e = ERROR_INIT;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(pairs); i++) {
		auto(buf) struct buf text = { 0 };
		auto(buf) struct buf bytes = { 0 };

		text_add_base64(&text, pairs[i][0], strlen(pairs[i][0]));
		assert_string_equal(buf_text(&text), pairs[i][1]);
		assert_ok(text_parse_base64(pairs[i][1], &bytes, &e), &e);
		assert_string_equal(buf_text(&bytes), pairs[i][0]);
	}
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		auto(buf) struct buf bytes = { 0 };

		if (text_parse_base64(bad[i], &bytes, &e) == 0)
			fail_msg("'%s' was read", bad[i]);
	}
}

static void
starts_and_ends(void **state)
{
	(void)state;
	assert_true(text_starts_with("sha256:", "sha"));
	assert_false(text_starts_with("sh", "sha"));
	assert_true(text_ends_with("a.tar.gz", ".gz"));
	assert_false(text_ends_with("gz", ".gz"));
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(numbers_are_digits_within_a_range),
	cmocka_unit_test(sizes_have_units),
	cmocka_unit_test(durations_are_as_in_go),
	cmocka_unit_test(times_are_read_and_written),
	cmocka_unit_test(sizes_and_times_are_shown_short),
	cmocka_unit_test(p8_p9_what_a_terminal_would_obey_is_escaped),
	cmocka_unit_test(distance_counts_changes_and_swaps),
	cmocka_unit_test(suggests_what_is_near),
	cmocka_unit_test(base64_goes_there_and_back),
	cmocka_unit_test(starts_and_ends),
};

UNIT_MAIN(tests)
