/* SPDX-License-Identifier: Apache-2.0 */
/*
 * expand - $name and ${name...} in the words of a Dockerfile, and the quotes around them.
 *
 * A recursive descent over the word: the text behind a modifier (the w of ${n:-w}) is read by the
 * same functions up to its '}'.
 */
#include "builder/dockerfile/expand.h"

#include "builder/dockerfile/pattern.h"
#include "runtime/base/mem.h"

#include <ctype.h>
#include <string.h>

/** Deepest ${a:-${b:-...}}. */
#define MAX_DEPTH 200

struct reader {
	struct expansion *x;
	const char *text;
	size_t at;
	unsigned depth;
	bool is_body; /* quotes mean nothing */
	struct error *e;
};

/** Where the result goes. With @words, unquoted blanks end a word. */
struct sink {
	struct buf *text;
	struct strv *words;
};

enum part_flags {
	PART_QUOTED = 1 << 0, /* blanks do not divide */
};

/** How escapes are treated. */
enum escapes {
	ESCAPES_REMOVE,
	ESCAPES_KEEP, /* a pattern follows, which has escapes of its own */
};

static int
fail(struct reader *r, const char *text)
{
	r->x->failed_at = r->at;
	return error_set(r->e, ERR_INPUT, "%s", text);
}

static void
end_word(struct sink *s)
{
	if (s->text->len == 0)
		return;
	strv_add(s->words, buf_text(s->text));
	buf_clear(s->text);
}

static int
emit(struct reader *r, struct sink *s, const char *bytes, size_t length, enum part_flags flags)
{
	for (size_t i = 0; s->words && !(flags & PART_QUOTED) && i < length; i++) {
		if (!isspace((unsigned char)bytes[i]))
			continue;
		buf_add(s->text, bytes, i);
		end_word(s);
		bytes += i + 1;
		length -= i + 1;
		i = (size_t)-1;
	}
	buf_add(s->text, bytes, length);
	if (s->text->len > EXPAND_MAX_VALUE)
		return fail(r, "the value grows beyond 1 MiB");
	return 0;
}

static int dollar(struct reader *r, struct sink *s, enum part_flags flags);

static int
single_quoted(struct reader *r, struct sink *s)
{
	const char *start = r->text + r->at + 1, *end = strchr(start, '\'');

	if (!end)
		return fail(r, "the quote ' is not closed");
	r->at += (size_t)(end - start) + 2;
	return emit(r, s, start, (size_t)(end - start), PART_QUOTED);
}

static int
double_quoted(struct reader *r, struct sink *s, enum escapes escapes)
{
	size_t start = r->at++;

	for (;;) {
		const char *c = r->text + r->at;

		if (*c == '\0') {
			r->at = start;
			return fail(r, "the quote \" is not closed");
		}
		if (*c == '"') {
			r->at++;
			return 0;
		}
		if (*c == '$') {
			if (dollar(r, s, PART_QUOTED) < 0)
				return -1;
			continue;
		}
		if (*c == r->x->escape && (c[1] == '"' || c[1] == '$' || c[1] == r->x->escape)) {
			if (escapes == ESCAPES_KEEP && emit(r, s, c, 1, PART_QUOTED) < 0)
				return -1;
			c++;
			r->at++;
		}
		if (emit(r, s, c, 1, PART_QUOTED) < 0)
			return -1;
		r->at++;
	}
}

/** The escape character outside of quotes. */
static int
escaped(struct reader *r, struct sink *s, enum escapes escapes)
{
	const char *c = r->text + r->at;

	if (escapes == ESCAPES_KEEP && emit(r, s, c, 1, PART_QUOTED) < 0)
		return -1;
	r->at++;
	if (c[1] == '\0')
		return 0;
	r->at++;
	return emit(r, s, c + 1, 1, PART_QUOTED);
}

/** Reads up to @stop, which is consumed; '\0' is the end of the text. */
static int
read_until(struct reader *r, struct sink *s, char stop, enum escapes escapes)
{
	for (;;) {
		char c = r->text[r->at];
		int result;

		if (c == '\0' && stop != '\0')
			return fail(
			    r, stop == '}' ? "'}' is missing" : "the second '/' is missing");
		if (c == stop) {
			r->at += c != '\0';
			return 0;
		}
		if (c == '\'' && !r->is_body)
			result = single_quoted(r, s);
		else if (c == '"' && !r->is_body)
			result = double_quoted(r, s, escapes);
		else if (c == '$')
			result = dollar(r, s, 0);
		else if (c == r->x->escape)
			result = escaped(r, s, escapes);
		else
			result = emit(r, s, r->text + r->at++, 1, 0);
		if (result < 0)
			return -1;
	}
}

/** The text behind a modifier. */
static int
read_operand(struct reader *r, char stop, enum escapes escapes, struct buf *operand)
{
	struct sink s = { .text = operand };
	int result;

	if (++r->depth > MAX_DEPTH)
		return fail(r, "expansions are nested too deeply");
	result = read_until(r, &s, stop, escapes);
	r->depth--;
	return result;
}

/** Length of the name at @text: a word, a number, or one of the shell's special parameters. */
static size_t
name_length(const char *text)
{
	size_t n = 0;

	if (isdigit((unsigned char)*text)) {
		while (isdigit((unsigned char)text[n]))
			n++;
		return n;
	}
	if (*text != '\0' && strchr("@*#?-$!", *text))
		return 1;
	while (isalnum((unsigned char)text[n]) || text[n] == '_')
		n++;
	return n;
}

static const char *
lookup(const struct reader *r, const char *name)
{
	return r->x->lookup(r->x->arg, name);
}

/** The same for a variable that ought to be set; its '$' stands at @dollar. */
static const char *
lookup_set(const struct reader *r, const char *name, size_t dollar)
{
	const char *value = lookup(r, name);

	if (!value && r->x->unset && r->depth == 0 &&
	    (isalpha((unsigned char)*name) || *name == '_'))
		r->x->unset(r->x->arg, name, dollar);
	return value;
}

/** ${name#p} and ${name%p}. */
static int
strip(struct reader *r, struct sink *s, const char *value, const char *pattern_text, char end,
    enum part_flags flags)
{
	auto(characters) struct characters pattern = { 0 }, text = { 0 };
	enum pattern_length length = PATTERN_SHORTEST;
	size_t count = 0, bytes;

	if (*pattern_text == end) {
		length = PATTERN_LONGEST;
		pattern_text++;
	}
	if (pattern_compile(&pattern, pattern_text, r->e) < 0) {
		r->x->failed_at = r->at;
		return -1;
	}
	characters_decode(&text, value, strlen(value));
	if (end == '%') {
		characters_reverse(&pattern);
		characters_reverse(&text);
	}
	if (!pattern_match_start(&pattern, &text, length, &count))
		return emit(r, s, value, strlen(value), flags);
	bytes = characters_bytes(&text, 0, count);
	if (end == '%')
		return emit(r, s, value, strlen(value) - bytes, flags);
	return emit(r, s, value + bytes, strlen(value) - bytes, flags);
}

struct replacement {
	const struct characters *pattern;
	const char *with;
	bool all;
};

/**
 * ${value/pattern/with} in @result, as Go's regular expressions replace: no empty match directly
 * behind another.
 */
static void
replace(const char *value, const struct replacement *how, struct buf *result)
{
	auto(characters) struct characters text = { 0 };
	size_t from = 0, start, end, last_end = (size_t)-1, copied = 0;

	characters_decode(&text, value, strlen(value));
	while (result->len <= EXPAND_MAX_VALUE &&
	       pattern_find(how->pattern, &text, from, &start, &end)) {
		size_t before = characters_bytes(&text, copied, start - copied);

		buf_add(result, value, before);
		value += before;
		copied = start;
		if (end > start || start != last_end)
			buf_add_text(result, how->with);
		value += characters_bytes(&text, start, end - start);
		copied = end;
		last_end = end;
		from = end > start ? end : end + 1;
		if (!how->all || from > text.count)
			break;
	}
	buf_add_text(result, value);
}

static int
substitute(struct reader *r, struct sink *s, const char *name, enum part_flags flags)
{
	auto(buf) struct buf pattern_text = { 0 }, with = { 0 }, result = { 0 };
	auto(characters) struct characters pattern = { 0 };
	struct replacement how = { .pattern = &pattern };
	const char *value = lookup_set(r, name, r->at - strlen(name) - 3);

	how.all = r->text[r->at] == '/';
	r->at += how.all;
	if (read_operand(r, '/', ESCAPES_KEEP, &pattern_text) < 0 ||
	    read_operand(r, '}', ESCAPES_REMOVE, &with) < 0)
		return -1;
	if (pattern_compile(&pattern, buf_text(&pattern_text), r->e) < 0) {
		r->x->failed_at = r->at;
		return -1;
	}
	how.with = buf_text(&with);
	replace(value ? value : "", &how, &result);
	return emit(r, s, buf_text(&result), result.len, flags);
}

enum test_flags {
	TEST_EMPTY = 1 << 0, /* ':': an empty value is as none */
};

/** ${name-w}, ${name+w}, ${name?w}, ${name#p}, ${name%p}; @r stands behind the modifier. */
static int
modified(struct reader *r, struct sink *s, const char *name, char modifier, enum test_flags test,
    enum part_flags flags)
{
	bool is_strip = modifier == '#' || modifier == '%';
	auto(buf) struct buf operand = { 0 };
	size_t start = r->at;
	const char *value;
	bool set;

	if (read_operand(r, '}', is_strip ? ESCAPES_KEEP : ESCAPES_REMOVE, &operand) < 0)
		return -1;
	value = lookup(r, name);
	set = value && !((test & TEST_EMPTY) && *value == '\0');
	if (!value)
		value = "";
	if (is_strip)
		return strip(r, s, value, buf_text(&operand), modifier, flags);
	if (modifier == '-')
		return set ? emit(r, s, value, strlen(value), flags)
		           : emit(r, s, buf_text(&operand), operand.len, flags);
	if (modifier == '+')
		return set ? emit(r, s, buf_text(&operand), operand.len, flags) : 0;
	if (set)
		return emit(r, s, value, strlen(value), flags);
	r->x->failed_at = start;
	if (operand.len > 0)
		return error_set(r->e, ERR_INPUT, "%s: %s", name, buf_text(&operand));
	return error_set(r->e, ERR_INPUT, "%s: is not allowed to be %s", name,
	    test & TEST_EMPTY ? "empty or unset" : "unset");
}

/** Behind "${". */
static int
braced(struct reader *r, struct sink *s, enum part_flags flags)
{
	const char *start = r->text + r->at;
	size_t length = name_length(start);
	autofree char *name = xstrndup(start, length);
	enum test_flags test = 0;
	const char *value;
	char c;

	if (*start == '\0')
		return fail(r, "'}' is missing");
	if (length == 0)
		return fail(r, "'${' is not followed by a name");
	r->at += length;
	c = r->text[r->at++];
	if (c == '}') {
		value = lookup_set(r, name, (size_t)(start - r->text) - 2);
		return value ? emit(r, s, value, strlen(value), flags) : 0;
	}
	if (c == '/')
		return substitute(r, s, name, flags);
	if (c == ':') {
		test = TEST_EMPTY;
		c = r->text[r->at++];
	}
	if (c != '\0' && strchr(test ? "-+?" : "-+?#%", c))
		return modified(r, s, name, c, test, flags);
	r->at--;
	if (c == '\0')
		return fail(r, "'}' is missing");
	r->x->failed_at = r->at;
	return error_set(
	    r->e, ERR_INPUT, "unsupported modifier '%s%c' in '${%s'", test ? ":" : "", c, name);
}

/** At a '$'. */
static int
dollar(struct reader *r, struct sink *s, enum part_flags flags)
{
	const char *start = r->text + r->at + 1;
	autofree char *name = NULL;
	const char *value;
	size_t length;

	if (*start == '{') {
		r->at += 2;
		return braced(r, s, flags);
	}
	length = name_length(start);
	r->at += 1 + length;
	if (length == 0)
		return emit(r, s, "$", 1, flags);
	name = xstrndup(start, length);
	value = lookup_set(r, name, r->at - 1 - length);
	return value ? emit(r, s, value, strlen(value), flags) : 0;
}

/* Adds the value of all that @r has; nothing when it fails. */
static int
expand_whole(struct reader *r, struct buf *result)
{
	auto(buf) struct buf text = { 0 };
	struct sink s = { .text = &text };

	if (read_until(r, &s, '\0', ESCAPES_REMOVE) < 0)
		return -1;
	buf_add(result, buf_text(&text), text.len);
	return 0;
}

int
expand_word(struct expansion *x, const char *word, struct buf *result, struct error *e)
{
	struct reader r = { .x = x, .text = word, .e = e };

	return expand_whole(&r, result);
}

int
expand_body(struct expansion *x, const char *body, struct buf *result, struct error *e)
{
	struct reader r = { .x = x, .text = body, .is_body = true, .e = e };

	return expand_whole(&r, result);
}

int
expand_words(struct expansion *x, const char *word, struct strv *words, struct error *e)
{
	auto(buf) struct buf text = { 0 };
	struct reader r = { .x = x, .text = word, .e = e };
	struct sink s = { .text = &text, .words = words };

	if (read_until(&r, &s, '\0', ESCAPES_REMOVE) < 0)
		return -1;
	end_word(&s);
	return 0;
}

const char *
expand_lookup_env(void *arg, const char *name)
{
	return env_get(arg, name);
}
