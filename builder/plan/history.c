/* SPDX-License-Identifier: Apache-2.0 */
/*
 * history - texts as the reference frontend writes them into an image's history: Go's %q and %v.
 */
#include "builder/plan/planner.h"

#include "runtime/base/json.h"
#include "runtime/base/mem.h"
#include "runtime/base/unicode.h"

#include <inttypes.h>
#include <string.h>

/** One byte below 0x80 inside of Go's quotes. */
static void
add_quoted_byte(struct buf *b, unsigned char c)
{
	static const char letters[] = "\aa\bb\ff\nn\rr\tt\vv\\\\\"\"";

	for (size_t n = 0; n + 1 < sizeof(letters); n += 2) {
		if ((unsigned char)letters[n] == c) {
			buf_add_char(b, '\\');
			buf_add_char(b, letters[n + 1]);
			return;
		}
	}
	if (c < 0x20 || c == 0x7f)
		buf_printf(b, "\\x%02x", c);
	else
		buf_add_char(b, (char)c);
}

/**
 * strconv.Quote, for characters that Go holds to be printable as far as they are met in commands.
 */
static void
add_quoted(struct buf *b, const char *text)
{
	size_t length = strlen(text);

	buf_add_char(b, '"');
	while (length > 0) {
		uint32_t code = 0;
		size_t n = unicode_decode(text, length, &code);

		if (n == 0)
			buf_printf(b, "\\x%02x", (unsigned char)*text);
		else if (code < 0x80)
			add_quoted_byte(b, (unsigned char)*text);
		else if (code <= 0xa0 || code == 0xad || (code >= 0x2000 && code <= 0x200f) ||
			 (code >= 0x2028 && code <= 0x202f) || code == 0xfeff)
			buf_printf(b, "\\u%04" PRIx32, code);
		else
			buf_add(b, text, n);
		n += n == 0;
		text += n;
		length -= n;
	}
	buf_add_char(b, '"');
}

void
history_add_quoted_list(struct buf *b, const struct strv *v)
{
	buf_add_char(b, '[');
	for (size_t n = 0; n < v->count; n++) {
		if (n > 0)
			buf_add_char(b, ' ');
		add_quoted(b, v->items[n]);
	}
	buf_add_char(b, ']');
}

void
history_add_list(struct buf *b, const struct strv *v)
{
	buf_add_char(b, '[');
	for (size_t n = 0; n < v->count; n++)
		buf_printf(b, "%s%s", n > 0 ? " " : "", v->items[n]);
	buf_add_char(b, ']');
}

/** A fraction of @unit without zeros at its end: 1500 of 1000 is "1.5". */
static void
add_fraction(struct buf *b, int64_t value, int64_t unit)
{
	int64_t rest = value % unit;

	buf_printf(b, "%" PRId64, value / unit);
	if (rest == 0)
		return;
	buf_add_char(b, '.');
	while (rest > 0) {
		rest *= 10;
		buf_add_char(b, (char)('0' + rest / unit));
		rest %= unit;
	}
}

/** Go's time.Duration.String(). */
static void
add_duration(struct buf *b, int64_t nanoseconds)
{
	const int64_t second = 1000000000, minute = 60 * second, hour = 60 * minute;

	if (nanoseconds == 0) {
		buf_add_text(b, "0s");
		return;
	}
	if (nanoseconds < second) {
		bool milli = nanoseconds >= 1000000;

		add_fraction(b, nanoseconds, milli ? 1000000 : nanoseconds >= 1000 ? 1000 : 1);
		buf_add_text(b, milli ? "ms" : nanoseconds >= 1000 ? "µs" : "ns");
		return;
	}
	if (nanoseconds >= hour)
		buf_printf(b, "%" PRId64 "h", nanoseconds / hour);
	if (nanoseconds >= minute)
		buf_printf(b, "%" PRId64 "m", nanoseconds % hour / minute);
	add_fraction(b, nanoseconds % minute, second);
	buf_add_char(b, 's');
}

/** Go's %q of a number: the character with that code. */
static void
add_quoted_number(struct buf *b, int64_t number)
{
	static const char letters[] = "\aa\bb\ff\nn\rr\tt\vv\\\\''";

	buf_add_char(b, '\'');
	for (size_t n = 0; n + 1 < sizeof(letters); n += 2) {
		if (number == (unsigned char)letters[n]) {
			buf_printf(b, "\\%c'", letters[n + 1]);
			return;
		}
	}
	if (number < 0x20 || number == 0x7f)
		buf_printf(b, "\\x%02x'", (unsigned)number);
	else if (number < 0x7f)
		buf_printf(b, "%c'", (char)number);
	else if (number <= 0xffff)
		buf_printf(b, "\\u%04x'", (unsigned)number);
	else
		buf_printf(b, "\\U%08x'", (unsigned)number);
}

static int64_t
read_number(const struct json *object, const char *key)
{
	struct error ignored = ERROR_INIT;
	int64_t value = 0;

	(void)json_read_i64(
	    object, key, "Healthcheck", &value, &ignored); /* 0 for what is not there */
	return value;
}

void
history_add_healthcheck(struct buf *b, const struct json *healthcheck)
{
	static const char *const durations[] = { "Interval", "Timeout", "StartPeriod",
		"StartInterval" };
	auto(strv) struct strv test = { 0 };
	struct error ignored = ERROR_INIT;

	(void)json_read_strv(
	    healthcheck, "Test", "Healthcheck", &test, &ignored); /* ours: always a list */
	buf_add_text(b, "&{");
	history_add_quoted_list(b, &test);
	for (size_t n = 0; n < ARRAY_LEN(durations); n++) {
		buf_add_text(b, " \"");
		add_duration(b, read_number(healthcheck, durations[n]));
		buf_add_char(b, '"');
	}
	buf_add_char(b, ' ');
	add_quoted_number(b, read_number(healthcheck, "Retries"));
	buf_add_char(b, '}');
}

void
history_add_arguments(struct buf *b, const struct building *building)
{
	const struct arguments *a = &building->arguments;

	if (a->count == 0)
		return;
	buf_printf(b, "|%zu ", a->count);
	for (size_t n = 0; n < a->count; n++) {
		const char *value = env_get(&building->config->env, a->items[n].name);

		if (!value)
			value = a->items[n].value ? a->items[n].value : "";
		buf_printf(b, "%s=%s ", a->items[n].name, value);
	}
}
