/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_json - what is refused when JSON is read, and that what is read is written back.
 */
#include "runtime/base/json.h"

#include "tests/unit/unit.h"

#include "runtime/base/mem.h"

static struct json *
parse(const char *text)
{
	struct error e = ERROR_INIT;
	struct json *j = json_parse(text, strlen(text), &e);

	if (!j)
		fail_msg("'%s': %s", text, e.text);
	return j;
}

static void
assert_refused(const char *text, size_t length, const char *why)
{
	struct error e = ERROR_INIT;
	struct json *j = json_parse(text, length, &e);

	if (j)
		fail_msg("'%s' was read", text);
	assert_int_equal(e.kind, ERR_INPUT);
	if (!strstr(e.text, why))
		fail_msg("'%s': '%s', not '%s'", text, e.text, why);
}

static void
assert_written(const char *text, enum json_write_flags flags, const char *expected)
{
	autojson struct json *j = parse(text);
	auto(buf) struct buf b = { 0 };

	json_write(j, flags, &b);
	assert_string_equal(buf_text(&b), expected);
}

static void
reads_every_type(void **state)
{
	autojson struct json *j =
	    parse(" { \"a\" : [1, -2.5e3, true, false, null, \"x\"], \"b\": {} } ");
	const struct json *a = json_get(j, "a");

	(void)state;
	assert_int_equal(json_type(j), JSON_OBJECT);
	assert_int_equal(json_count(j), 2);
	assert_string_equal(json_key_at(j, 1), "b");
	assert_int_equal(json_count(a), 6);
	assert_string_equal(json_number(json_at(a, 0)), "1");
	assert_string_equal(json_number(json_at(a, 1)), "-2.5e3");
	assert_true(json_is_true(json_at(a, 2)));
	assert_false(json_is_true(json_at(a, 3)));
	assert_int_equal(json_type(json_at(a, 4)), JSON_NULL);
	assert_string_equal(json_text(json_at(a, 5)), "x");
	assert_null(json_at(a, 6));
	assert_null(json_get(json_get(json_get(j, "b"), "c"), "d"));
	assert_null(json_text(a));
	assert_null(json_number(json_at(a, 5)));
}

static void
numbers_keep_their_text(void **state)
{
	(void)state;
	assert_written("[1.0,1e5,1E+5,0.10,-0,12345678901234567890123,1.7976931348623157e999]", 0,
	    "[1.0,1e5,1E+5,0.10,-0,12345678901234567890123,1.7976931348623157e999]");
}

static void
members_keep_their_order_unless_sorted(void **state)
{
	(void)state;
	assert_written("{\"b\":1,\"a\":{\"z\":1,\"B\":2},\"C\":3}", 0,
	    "{\"b\":1,\"a\":{\"z\":1,\"B\":2},\"C\":3}");
	assert_written("{\"b\":1,\"a\":{\"z\":1,\"B\":2},\"C\":3}", JSON_SORTED,
	    "{\"C\":3,\"a\":{\"B\":2,\"z\":1},\"b\":1}");
}

static void
indents(void **state)
{
	(void)state;
	assert_written("{\"a\":[1,{}],\"b\":[]}", JSON_INDENT,
	    "{\n  \"a\": [\n    1,\n    {}\n  ],\n  \"b\": []\n}\n");
}

static void
escapes_only_what_must_be(void **state)
{
	autojson struct json *broken = json_new_text("a\xff\xc0z");
	auto(buf) struct buf b = { 0 };

	(void)state;
	assert_written("\"\\u0041\\u00e9\\ud83d\\ude00\\/<>&\\u2028\"", 0,
	    "\"A\xc3\xa9\xf0\x9f\x98\x80/<>&\xe2\x80\xa8\"");
	assert_written("\"\\\"\\\\\\b\\f\\n\\r\\t\\u0001\\u001f\x7f\"", 0,
	    "\"\\\"\\\\\\b\\f\\n\\r\\t\\u0001\\u001f\x7f\"");
	json_write(broken, 0, &b);
	assert_string_equal(buf_text(&b), "\"a\xef\xbf\xbd\xef\xbf\xbdz\"");
}

static void
refuses_what_is_not_json(void **state)
{
	static const char *const bad[] = { "", " ", "{", "[1,]", "{\"a\":1,}", "{a:1}", "[1] [2]",
		"1 2", "nul", "'a'", "[01]", "[.5]", "[1.]", "[+1]", "// x\n1", "/* x */ 1", "[1]x",
		"NaN", "\"a\nb\"", "\"\\x\"", "]", "{\"a\"}", "[\"a\":1]" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_refused(bad[i], strlen(bad[i]), "line ");
	assert_refused("{\n \"a\": 1,\n  \"b\" 2}", 20, "line 3, column");
}

static void
refuses_keys_that_come_twice(void **state)
{
	auto(buf) struct buf b = { 0 };

	(void)state;
	assert_refused("{\"a\":1,\"b\":2,\"a\":3}", 19, "the key 'a' twice");
	assert_refused("{\"a\":1,\"\\u0061\":3}", 18, "the key 'a' twice");
	json_free(parse("{\"a\":{\"a\":1},\"b\":{\"a\":1}}"));
	buf_add_char(&b, '{');
	for (int i = 0; i < 100000; i++)
		buf_printf(&b, "\"%d\":1,", i);
	buf_add_text(&b, "\"777\":1}");
	assert_refused(buf_text(&b), b.len, "the key '777' twice");
}

static void
refuses_nul_surrogates_and_broken_utf8(void **state)
{
	(void)state;
	assert_refused("\"a\\u0000b\"", 10, "NUL");
	assert_refused("{\"a\\u0000\":1}", 13, "NUL");
	assert_refused("\"a\0b\"", 5, "line 1");
	assert_refused("\"\\ud800\"", 8, "half of a surrogate pair");
	assert_refused("\"\\udc00\"", 8, "half of a surrogate pair");
	assert_refused("\"\\ud800\\ud800\"", 14, "half of a surrogate pair");
	assert_refused("\"\\ud800x\"", 9, "half of a surrogate pair");
	assert_refused("{\"\\uDFFF\":1}", 12, "half of a surrogate pair");
	assert_refused("\"\xed\xa0\x80\"", 5, "not UTF-8");
	assert_refused("\"\xc0\x80\"", 4, "not UTF-8");
	assert_refused("\"\xff\"", 3, "line 1, column 2: not UTF-8");
	assert_refused("\"\xf4\x90\x80\x80\"", 6, "not UTF-8");
	json_free(parse("\"\\\\ud800\""));
	json_free(parse("\"\\\\\\\\\\ud83d\\ude00\\\\\""));
}

static void
refuses_more_than_64_levels(void **state)
{
	auto(buf) struct buf b = { 0 };

	(void)state;
	for (int i = 0; i < 64; i++)
		buf_add_char(&b, '[');
	for (int i = 0; i < 64; i++)
		buf_add_char(&b, ']');
	json_free(parse(buf_text(&b)));
	buf_clear(&b);
	for (int i = 0; i < 65; i++)
		buf_add_text(&b, i % 2 ? "[" : "{\"a\":");
	assert_refused(buf_text(&b), b.len, "more levels than 64");
	for (int i = 0; i < 1000000; i++)
		buf_add_char(&b, '[');
	assert_refused(buf_text(&b), b.len, "more levels than 64");
}

static void
refuses_more_than_4_mib(void **state)
{
	auto(buf) struct buf b = { 0 };

	(void)state;
	buf_add_char(&b, '1');
	while (b.len <= JSON_MAX_BYTES)
		buf_add_char(&b, ' ');
	assert_refused(buf_text(&b), b.len, "larger than 4194304 bytes");
	json_free(json_parse(buf_text(&b), JSON_MAX_BYTES, &(struct error)ERROR_INIT));
}

static void
typed_members_say_what_is_wrong(void **state)
{
	autojson struct json *j = parse("{\"t\":\"x\",\"n\":7,\"neg\":-3,\"f\":1.5,\"big\":"
					"18446744073709551616,\"b\":true,\"v\":[\"a\",\"b\"],"
					"\"mixed\":[\"a\",1],\"null\":null}");
	auto(strv) struct strv v = { 0 };
	struct error e = ERROR_INIT;
	const char *text = "before";
	uint64_t u = 1;
	int64_t i = 1;
	bool b = false;

	(void)state;
	assert_ok(json_read_text(j, "missing", "", &text, &e), &e);
	assert_ok(json_read_text(j, "null", "", &text, &e), &e);
	assert_string_equal(text, "before");
	assert_ok(json_read_text(j, "t", "", &text, &e), &e);
	assert_string_equal(text, "x");
	assert_ok(json_read_u64(j, "n", "", &u, &e), &e);
	assert_int_equal(u, 7);
	assert_ok(json_read_i64(j, "neg", "", &i, &e), &e);
	assert_int_equal(i, -3);
	assert_ok(json_read_bool(j, "b", "", &b, &e), &e);
	assert_true(b);
	assert_ok(json_read_strv(j, "v", "", &v, &e), &e);
	assert_int_equal(v.count, 2);
	assert_int_equal(json_read_text(j, "n", "config", &text, &e), -1);
	assert_string_equal(e.text, "'config.n' must be a string");
	assert_int_equal(json_read_u64(j, "neg", "", &u, &e), -1);
	assert_string_equal(e.text, "'neg' must be a whole number from 0 to 18446744073709551615");
	assert_int_equal(json_read_u64(j, "f", "", &u, &e), -1);
	assert_int_equal(json_read_u64(j, "big", "", &u, &e), -1);
	assert_int_equal(json_read_i64(j, "big", "", &i, &e), -1);
	assert_int_equal(json_read_bool(j, "t", "", &b, &e), -1);
	assert_int_equal(json_read_strv(j, "mixed", "config", &v, &e), -1);
	assert_string_equal(e.text, "'config.mixed[1]' must be a string");
	assert_int_equal(v.count, 2);
}

static void
builds_changes_and_compares(void **state)
{
	autojson struct json *j = json_new_object();
	autojson struct json *copy = NULL;
	autojson struct json *other = parse("{\"list\":[1,-2,\"a\",true,null],\"name\":\"new\"}");
	struct json *list;

	(void)state;
	json_set_text(j, "name", "old");
	json_set_text(j, "gone", "x");
	list = json_set(j, "list", json_new_array());
	json_append(list, json_new_u64(1));
	json_append(list, json_new_i64(-2));
	json_append(list, json_new_text_n("abc", 1));
	json_append(list, json_new_bool(true));
	json_append(list, json_new_null());
	json_set_text(j, "name", "new");
	json_remove(j, "gone");
	json_remove(j, "gone");
	assert_int_equal(json_count(j), 2);
	assert_string_equal(json_key_at(j, 0), "name");
	assert_true(json_equal(j, other));
	copy = json_copy(j);
	assert_true(json_equal(j, copy));
	json_append(json_get_mutable(copy, "list"), json_new_null());
	assert_false(json_equal(j, copy));
	assert_true(json_equal(NULL, NULL));
	assert_int_equal(json_type(NULL), JSON_NULL);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(reads_every_type),
	cmocka_unit_test(numbers_keep_their_text),
	cmocka_unit_test(members_keep_their_order_unless_sorted),
	cmocka_unit_test(indents),
	cmocka_unit_test(escapes_only_what_must_be),
	cmocka_unit_test(refuses_what_is_not_json),
	cmocka_unit_test(refuses_keys_that_come_twice),
	cmocka_unit_test(refuses_nul_surrogates_and_broken_utf8),
	cmocka_unit_test(refuses_more_than_64_levels),
	cmocka_unit_test(refuses_more_than_4_mib),
	cmocka_unit_test(typed_members_say_what_is_wrong),
	cmocka_unit_test(builds_changes_and_compares),
};

UNIT_MAIN(tests)
