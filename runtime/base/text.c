/* SPDX-License-Identifier: Apache-2.0 */
/*
 * text - numbers, sizes and comparing of words.
 */
#include "runtime/base/text.h"

#include "runtime/base/mem.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>

/* Digits of @base up to @end; false when there are none or when they do not fit. */
static bool
read_digits(const char *text, const char *end, unsigned int base, uint64_t *value)
{
	uint64_t sum = 0;

	if (text == end)
		return false;
	for (; text < end; text++) {
		unsigned int digit = (unsigned int)(unsigned char)*text - '0';

		if (digit >= base || __builtin_mul_overflow(sum, (uint64_t)base, &sum) ||
		    __builtin_add_overflow(sum, (uint64_t)digit, &sum))
			return false;
	}
	*value = sum;
	return true;
}

static bool
only_digits(const char *text)
{
	return *text != '\0' && text[strspn(text, "0123456789")] == '\0';
}

int
parse_u64(const char *text, uint64_t min, uint64_t max, const char *what, uint64_t *value,
    struct error *e)
{
	uint64_t number;

	if (!only_digits(text))
		return error_set(e, ERR_INPUT, "%s: '%.80s' is not a number", what, text);
	if (!read_digits(text, text + strlen(text), 10, &number) || number < min || number > max)
		return error_set(e, ERR_INPUT, "%s: %.80s is not between %" PRIu64 " and %" PRIu64,
		    what, text, min, max);
	*value = number;
	return 0;
}

int
parse_i64(
    const char *text, int64_t min, int64_t max, const char *what, int64_t *value, struct error *e)
{
	bool negative = text[0] == '-';
	const char *digits = text + negative;
	uint64_t number = 0;
	int64_t result;
	bool fits;

	if (!only_digits(digits))
		return error_set(e, ERR_INPUT, "%s: '%.80s' is not a number", what, text);
	fits = read_digits(digits, digits + strlen(digits), 10, &number) &&
	       number <= (uint64_t)INT64_MAX + negative;
	result = negative ? (int64_t)(0 - number) : (int64_t)number;
	if (!fits || result < min || result > max)
		return error_set(e, ERR_INPUT, "%s: %.80s is not between %" PRId64 " and %" PRId64,
		    what, text, min, max);
	*value = result;
	return 0;
}

int
parse_octal(const char *text, uint32_t max, const char *what, uint32_t *value, struct error *e)
{
	uint64_t number;

	if (!read_digits(text, text + strlen(text), 8, &number) || number > max)
		return error_set(
		    e, ERR_INPUT, "%s: '%.80s' is not an octal number up to %o", what, text, max);
	*value = (uint32_t)number;
	return 0;
}

/* How many times 1024 a unit stands for; -1 when it is none. */
static int
unit_power(const char *unit)
{
	static const char letters[] = "kmgtp";
	const char *at;
	int power = 0;

	if (*unit != '\0' && (at = strchr(letters, tolower((unsigned char)*unit))) != NULL) {
		power = (int)(at - letters) + 1;
		unit++;
	}
	if (*unit == '\0' || strcasecmp(unit, "b") == 0 ||
	    (power > 0 && strcasecmp(unit, "ib") == 0))
		return power;
	return -1;
}

int
parse_size(const char *text, const char *what, uint64_t *bytes, struct error *e)
{
	const char *unit = text + strspn(text, "0123456789");
	int power = unit_power(unit);
	uint64_t number;

	if (unit == text || power < 0) {
		error_set(e, ERR_INPUT, "%s: '%.80s' is not a size", what, text);
		return error_hint(e, "write a number with k, m, g or t behind it: 512m");
	}
	if (!read_digits(text, unit, 10, &number) || number > UINT64_MAX >> (10 * power))
		return error_set(e, ERR_INPUT, "%s: '%.80s' is too large", what, text);
	*bytes = number << (10 * power);
	return 0;
}

/* One "12.5ms" of a duration, added to *@sum; returns what follows it, or NULL. */
static const char *
add_duration(const char *text, uint64_t *sum)
{
	static const struct {
		const char *name;
		uint64_t nanoseconds;
	} units[] = { { "ns", 1 }, { "us", 1000 }, { "\xc2\xb5s", 1000 }, { "\xce\xbcs", 1000 },
		{ "ms", 1000000 }, { "s", 1000000000 }, { "m", 60000000000 },
		{ "h", 3600000000000 } };
	const char *end = text + strspn(text, "0123456789");
	const char *fraction = end;
	const char *unit = end;
	uint64_t number = 0;
	uint64_t part = 0;
	size_t length;

	if (*end == '.') {
		fraction = end + 1;
		unit = fraction + strspn(fraction, "0123456789");
	}
	if ((end == text && unit <= fraction) ||
	    (end > text && !read_digits(text, end, 10, &number)))
		return NULL;
	length = strcspn(unit, "0123456789.");
	for (size_t i = 0; i < ARRAY_LEN(units); i++) {
		uint64_t scale = units[i].nanoseconds;

		if (strlen(units[i].name) != length || memcmp(unit, units[i].name, length) != 0)
			continue;
		for (const char *c = fraction; c < unit && scale > 1; c++) {
			scale /= 10;
			part += scale * (uint64_t)(*c - '0');
		}
		if (__builtin_mul_overflow(number, units[i].nanoseconds, &number) ||
		    __builtin_add_overflow(number, part, &number) ||
		    __builtin_add_overflow(*sum, number, sum))
			return NULL;
		return unit + length;
	}
	return NULL;
}

int
parse_duration(const char *text, const char *what, int64_t *nanoseconds, struct error *e)
{
	bool negative = text[0] == '-';
	const char *at = text + (negative || text[0] == '+');
	uint64_t sum = 0;

	if (strcmp(at, "0") == 0) {
		*nanoseconds = 0;
		return 0;
	}
	if (*at == '\0')
		at = NULL;
	while (at && *at != '\0')
		at = add_duration(at, &sum);
	if (!at || sum > INT64_MAX) {
		error_set(e, ERR_INPUT, "%s: '%.80s' is not a duration", what, text);
		return error_hint(e, "write it as 300ms, 30s or 1m30s");
	}
	*nanoseconds = negative ? -(int64_t)sum : (int64_t)sum;
	return 0;
}

void
text_add_size(struct buf *b, uint64_t bytes)
{
	static const char *const units[] = { "B", "kB", "MB", "GB", "TB", "PB", "EB" };
	double value = (double)bytes;
	size_t unit = 0;

	for (; value >= (unit ? 999.5 : 1000); unit++)
		value /= 1000;
	buf_printf(b, "%.3g %s", value, units[unit]);
}

void
text_add_seconds(struct buf *b, double seconds)
{
	uint64_t whole = seconds > 0 ? (uint64_t)(seconds + 0.5) : 0;

	if (seconds < 9.9995)
		buf_printf(b, "%.3f s", seconds > 0 ? seconds : 0.0);
	else if (seconds < 59.95)
		buf_printf(b, "%.1f s", seconds);
	else if (whole < 3600)
		buf_printf(b, "%" PRIu64 "m %02u s", whole / 60, (unsigned int)(whole % 60));
	else
		buf_printf(b, "%" PRIu64 "h %02um %02u s", whole / 3600,
		    (unsigned int)(whole / 60 % 60), (unsigned int)(whole % 60));
}

bool
text_starts_with(const char *text, const char *prefix)
{
	return strncmp(text, prefix, strlen(prefix)) == 0;
}

bool
text_ends_with(const char *text, const char *suffix)
{
	size_t length = strlen(text);
	size_t n = strlen(suffix);

	return length >= n && memcmp(text + length - n, suffix, n) == 0;
}

static size_t
least(size_t a, size_t b, size_t c)
{
	size_t smaller = a < b ? a : b;

	return smaller < c ? smaller : c;
}

size_t
text_distance(const char *a, const char *b, size_t limit)
{
	size_t n = strlen(a);
	size_t m = strlen(b);
	autofree size_t *rows = NULL;
	size_t *before, *above, *row;

	if ((n > m ? n - m : m - n) > limit)
		return limit + 1;
	rows = xcalloc(3 * (m + 1), sizeof(*rows));
	before = rows;
	above = rows + m + 1;
	row = rows + 2 * (m + 1);
	for (size_t j = 0; j <= m; j++)
		above[j] = j;
	for (size_t i = 1; i <= n; i++) {
		size_t *oldest = before;

		row[0] = i;
		for (size_t j = 1; j <= m; j++) {
			row[j] = least(
			    above[j] + 1, row[j - 1] + 1, above[j - 1] + (a[i - 1] != b[j - 1]));
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
			    before[j - 2] + 1 < row[j])
				row[j] = before[j - 2] + 1;
		}
		before = above;
		above = row;
		row = oldest;
	}
	return above[m] > limit ? limit + 1 : above[m];
}

static char *
lower_case(const char *text)
{
	char *copy = xstrdup(text);

	for (char *c = copy; *c != '\0'; c++)
		*c = (char)tolower((unsigned char)*c);
	return copy;
}

const char *
text_suggest(const char *word, const char *const *names)
{
	autofree char *lower = lower_case(word);
	size_t length = strlen(word);
	size_t best = length <= 2 ? 1 : length <= 5 ? 2 : 3;
	const char *nearest = NULL;

	if (length > 64)
		return NULL;
	best++; /* the first that is near enough is less than this */
	for (; *names; names++) {
		autofree char *name = lower_case(*names);
		size_t distance = text_distance(lower, name, best);

		if (distance < best && distance < strlen(name)) {
			best = distance;
			nearest = *names;
		}
	}
	return nearest;
}

void
text_add_base64(struct buf *b, const void *bytes, size_t length)
{
	static const char digits[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const unsigned char *from = bytes;

	for (size_t i = 0; i < length; i += 3) {
		size_t n = length - i < 3 ? length - i : 3;
		uint32_t group = (uint32_t)from[i] << 16;

		if (n > 1)
			group |= (uint32_t)from[i + 1] << 8;
		if (n > 2)
			group |= from[i + 2];
		buf_add_char(b, digits[group >> 18]);
		buf_add_char(b, digits[group >> 12 & 63]);
		buf_add_char(b, n > 1 ? digits[group >> 6 & 63] : '=');
		buf_add_char(b, n > 2 ? digits[group & 63] : '=');
	}
}

static int
base64_value(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

int
text_parse_base64(const char *text, struct buf *bytes, struct error *e)
{
	size_t length = strlen(text);
	size_t padding = text_ends_with(text, "==") ? 2 : text_ends_with(text, "=") ? 1 : 0;
	uint32_t group = 0;

	if (length % 4 != 0)
		return error_set(
		    e, ERR_INPUT, "base64 text has a length of %zu, no multiple of 4", length);
	for (size_t i = 0; i < length; i++) {
		int value = i >= length - padding ? 0 : base64_value(text[i]);

		if (value < 0)
			return error_set(
			    e, ERR_INPUT, "base64 text has a wrong character at %zu", i + 1);
		group = group << 6 | (uint32_t)value;
		if (i % 4 == 3) {
			size_t n = i + 1 == length ? 3 - padding : 3;
			const char decoded[3] = { (char)(group >> 16), (char)(group >> 8),
				(char)group };

			buf_add(bytes, decoded, n);
			group = 0;
		}
	}
	return 0;
}
