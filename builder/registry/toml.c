/* SPDX-License-Identifier: Apache-2.0 */
/*
 * toml - the part of TOML 1.0 that configuration files of containers use, read into a JSON tree.
 */
#include "builder/registry/toml.h"

#include "runtime/base/mem.h"
#include "runtime/base/text.h"

#include <string.h>

#define DEPTH_MAX 16
#define KEYS_MAX 16

struct toml {
	const char *at;
	const char *end;
	unsigned line;
	unsigned depth;
	struct error *e;
};

static int
fail(struct toml *t, const char *what)
{
	return error_set(t->e, ERR_INPUT, "line %u: %s", t->line, what);
}

static char
peek(const struct toml *t)
{
	return t->at < t->end ? *t->at : '\0';
}

static void
skip_blanks(struct toml *t)
{
	while (t->at < t->end && (*t->at == ' ' || *t->at == '\t' || *t->at == '\r'))
		t->at++;
}

static void
skip_comment(struct toml *t)
{
	skip_blanks(t);
	if (peek(t) == '#')
		while (t->at < t->end && *t->at != '\n')
			t->at++;
}

/* Blanks, comments and ends of lines. */
static void
skip_lines(struct toml *t)
{
	for (;;) {
		skip_comment(t);
		if (t->at == t->end || *t->at != '\n')
			return;
		t->line++;
		t->at++;
	}
}

static int
end_line(struct toml *t)
{
	skip_comment(t);
	if (t->at == t->end || *t->at == '\n')
		return 0;
	return fail(t, "there is more on the line than a value");
}

static bool
is_bare(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '_' || c == '-';
}

/* ---- strings ---- */

static int
take_escape(struct toml *t, struct buf *b)
{
	static const char names[] = "btnfr\"\\";
	static const char bytes[] = "\b\t\n\f\r\"\\";
	char c = peek(t);
	const char *found = c ? strchr(names, c) : NULL;

	if (!found)
		return fail(t, "this escape in a string is not supported");
	buf_add_char(b, bytes[found - names]);
	t->at++;
	return 0;
}

static int
take_string(struct toml *t, struct buf *b)
{
	char quote = *t->at++;

	if (t->end - t->at >= 2 && t->at[0] == quote && t->at[1] == quote)
		return fail(t, "strings of several lines are not supported");
	while (peek(t) != quote) {
		unsigned char c = (unsigned char)peek(t);

		if (t->at == t->end || c == '\n')
			return fail(t, "a string does not end on its line");
		if (c < 0x20 && c != '\t')
			return fail(t, "a control byte in a string");
		t->at++;
		if (c == '\\' && quote == '"') {
			if (take_escape(t, b) < 0)
				return -1;
		} else {
			buf_add_char(b, (char)c);
		}
	}
	t->at++;
	return 0;
}

/* ---- keys ---- */

static int
take_key(struct toml *t, struct strv *key)
{
	for (;;) {
		auto(buf) struct buf part = { 0 };

		skip_blanks(t);
		if (peek(t) == '"' || peek(t) == '\'') {
			if (take_string(t, &part) < 0)
				return -1;
		} else {
			while (is_bare(peek(t)))
				buf_add_char(&part, *t->at++);
			if (part.len == 0)
				return fail(t, "a key is missing");
		}
		if (key->count == KEYS_MAX)
			return fail(t, "a key of too many parts");
		strv_add(key, buf_text(&part));
		skip_blanks(t);
		if (peek(t) != '.')
			return 0;
		t->at++;
	}
}

/* The table in @table that the first @n parts of @key name, made when it is not there; of an array, its last one. */
static struct json *
walk(struct toml *t, struct json *table, const struct strv *key, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct json *next = json_get_mutable(table, key->items[i]);

		if (!next)
			next = json_set(table, key->items[i], json_new_object());
		if (json_type(next) == JSON_ARRAY && json_count(next) > 0)
			next = (struct json *)(uintptr_t)json_at(next, json_count(next) - 1);
		if (json_type(next) != JSON_OBJECT) {
			fail(t, "a key stands for a value and a table");
			return NULL;
		}
		table = next;
	}
	return table;
}

/* ---- values ---- */

static struct json *take_value(struct toml *t);
static int take_pair(struct toml *t, struct json *table);

static struct json *
take_array(struct toml *t)
{
	autojson struct json *array = json_new_array();

	t->at++;
	for (;;) {
		struct json *value;

		skip_lines(t);
		if (peek(t) == ']')
			break;
		value = take_value(t);
		if (!value)
			return NULL;
		json_append(array, value);
		skip_lines(t);
		if (peek(t) == ',')
			t->at++;
		else if (peek(t) != ']') {
			fail(t, "an array does not end");
			return NULL;
		}
	}
	t->at++;
	return steal_ptr(&array);
}

static struct json *
take_inline(struct toml *t)
{
	autojson struct json *table = json_new_object();

	t->at++;
	skip_blanks(t);
	while (peek(t) != '}') {
		if (take_pair(t, table) < 0)
			return NULL;
		skip_blanks(t);
		if (peek(t) == ',')
			t->at++;
		else if (peek(t) != '}') {
			fail(t, "an inline table does not end");
			return NULL;
		}
		skip_blanks(t);
	}
	t->at++;
	return steal_ptr(&table);
}

static struct json *
take_word(struct toml *t)
{
	const char *start = t->at;
	autofree char *word = NULL;
	int64_t number;
	struct error ignored = ERROR_INIT;

	while (is_bare(peek(t)) || peek(t) == '+' || peek(t) == '.' || peek(t) == ':')
		t->at++;
	word = xstrndup(start, (size_t)(t->at - start));
	if (strcmp(word, "true") == 0 || strcmp(word, "false") == 0)
		return json_new_bool(*word == 't');
	if (parse_i64(word, INT64_MIN, INT64_MAX, "number", &number, &ignored) == 0)
		return json_new_i64(number);
	fail(t, "a value is wanted: a string, a whole number, true, false, an array or a table");
	return NULL;
}

static struct json *
take_value(struct toml *t)
{
	auto(buf) struct buf b = { 0 };
	struct json *value = NULL;

	skip_blanks(t);
	if (t->depth == DEPTH_MAX) {
		fail(t, "values are nested too deep");
		return NULL;
	}
	t->depth++;
	switch (peek(t)) {
	case '"':
	case '\'':
		if (take_string(t, &b) == 0)
			value = json_new_text(buf_text(&b));
		break;
	case '[':
		value = take_array(t);
		break;
	case '{':
		value = take_inline(t);
		break;
	default:
		value = take_word(t);
	}
	t->depth--;
	return value;
}

static int
take_pair(struct toml *t, struct json *table)
{
	auto(strv) struct strv key = { 0 };
	struct json *value;

	if (take_key(t, &key) < 0)
		return -1;
	if (peek(t) != '=')
		return fail(t, "'=' is missing behind a key");
	t->at++;
	table = walk(t, table, &key, key.count - 1);
	if (!table)
		return -1;
	if (json_get(table, key.items[key.count - 1]))
		return fail(t, "a key is given twice");
	value = take_value(t);
	if (!value)
		return -1;
	json_set(table, key.items[key.count - 1], value);
	return 0;
}

/* "[a.b]" or "[[a.b]]"; the table that follows. */
static struct json *
take_header(struct toml *t, struct json *root)
{
	auto(strv) struct strv key = { 0 };
	bool is_array = t->end - t->at > 1 && t->at[1] == '[';
	struct json *parent, *array;

	t->at += is_array ? 2 : 1;
	if (take_key(t, &key) < 0)
		return NULL;
	if (peek(t) != ']' || (is_array && (t->end - t->at < 2 || t->at[1] != ']'))) {
		fail(t, "']' is missing behind the name of a table");
		return NULL;
	}
	t->at += is_array ? 2 : 1;
	if (!is_array)
		return walk(t, root, &key, key.count);
	parent = walk(t, root, &key, key.count - 1);
	if (!parent)
		return NULL;
	array = json_get_mutable(parent, key.items[key.count - 1]);
	if (!array)
		array = json_set(parent, key.items[key.count - 1], json_new_array());
	if (json_type(array) != JSON_ARRAY) {
		fail(t, "a key stands for a value and a table");
		return NULL;
	}
	return json_append(array, json_new_object());
}

struct json *
toml_parse(const char *text, size_t length, struct error *e)
{
	struct toml t = { .at = text, .end = text + length, .line = 1, .e = e };
	autojson struct json *root = json_new_object();
	struct json *table = root;

	if (length > 0 && memchr(text, '\0', length)) {
		error_set(e, ERR_INPUT, "it has a NUL byte");
		return NULL;
	}
	for (;;) {
		skip_lines(&t);
		if (t.at == t.end)
			return steal_ptr(&root);
		if (*t.at == '[')
			table = take_header(&t, root);
		else if (take_pair(&t, table) < 0)
			return NULL;
		if (!table || end_line(&t) < 0)
			return NULL;
	}
}
