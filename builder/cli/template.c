/* SPDX-License-Identifier: Apache-2.0 */
/*
 * template - the part of Go's templates that people type behind --format.
 */
#include "builder/cli/show.h"
#include "runtime/base/mem.h"
#include "runtime/base/text.h"

#include <ctype.h>

static void add_value(struct buf *b, const struct json *value);

static void
add_members(struct buf *b, const struct json *value)
{
	bool object = json_type(value) == JSON_OBJECT;

	buf_add_text(b, object ? "map[" : "[");
	for (size_t i = 0; i < json_count(value); i++) {
		if (i > 0)
			buf_add_char(b, ' ');
		if (object)
			buf_printf(b, "%s:", json_key_at(value, i));
		add_value(b, json_at(value, i));
	}
	buf_add_char(b, ']');
}

/* As Go prints a value; text is made safe, because it comes from an image. */
static void
add_value(struct buf *b, const struct json *value)
{
	switch (json_type(value)) {
	case JSON_NULL:
		buf_add_text(b, "<no value>");
		break;
	case JSON_BOOL:
		buf_add_text(b, json_is_true(value) ? "true" : "false");
		break;
	case JSON_NUMBER:
		buf_add_text(b, json_number(value));
		break;
	case JSON_STRING:
		text_add_safe(b, json_text(value), strlen(json_text(value)));
		break;
	case JSON_ARRAY:
	case JSON_OBJECT:
		add_members(b, value);
		break;
	}
}

/* ".A.B" from @value; NULL with *@good false when it is no path. */
static const struct json *
find_path(const char *path, const struct json *value, bool *good)
{
	*good = *path == '.';
	if (strcmp(path, ".") == 0)
		return value;
	while (*good && *path == '.') {
		size_t length = strspn(
		    path + 1, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");
		autofree char *name = xstrndup(path + 1, length);

		*good = length > 0;
		value = json_get(value, name);
		path += 1 + length;
	}
	*good = *good && *path == '\0';
	return value;
}

static int
refuse(const char *action, struct error *e)
{
	error_set(e, ERR_USAGE, "--format: '{{%s}}' is not understood", action);
	return error_hint(
	    e, "there are {{.Name}}, {{json .Name}}, {{index .Name \"key\"}}; or json, for jq");
}

/* index .Path "key" */
static int
add_index(struct buf *b, const char *action, const struct json *value, struct error *e)
{
	auto(strv) struct strv words = { 0 };
	const struct json *found;
	bool good = false;
	char *key;

	strv_split(&words, action, ' ');
	if (words.count != 3)
		return refuse(action, e);
	found = find_path(words.items[1], value, &good);
	key = words.items[2];
	if (good && json_type(found) == JSON_ARRAY) {
		uint64_t index = 0;

		if (parse_u64(key, 0, UINT32_MAX, "index", &index, e) < 0)
			return refuse(action, e);
		add_value(b, json_at(found, (size_t)index));
		return 0;
	}
	if (!good || *key != '"' || strlen(key) < 2 || !text_ends_with(key, "\""))
		return refuse(action, e);
	key[strlen(key) - 1] = '\0';
	if (json_get(found, key + 1) != NULL)
		add_value(b, json_get(found, key + 1));
	return 0;
}

static int
add_action(struct buf *b, char *action, const struct json *value, struct error *e)
{
	const struct json *found;
	bool good = false;
	bool as_json;

	while (isspace((unsigned char)*action))
		action++;
	while (*action != '\0' && isspace((unsigned char)action[strlen(action) - 1]))
		action[strlen(action) - 1] = '\0';
	if (text_starts_with(action, "index "))
		return add_index(b, action, value, e);
	as_json = text_starts_with(action, "json ");
	found = find_path(as_json ? action + strlen("json ") : action, value, &good);
	if (!good)
		return refuse(action, e);
	if (as_json && found == NULL)
		buf_add_text(b, "null");
	else if (as_json)
		json_write(found, 0, b);
	else
		add_value(b, found);
	return 0;
}

/* One character of the text between actions; \t and \n mean what they do in C. Returns what it takes. */
static size_t
add_literal(struct buf *b, const char *at)
{
	if (at[0] == '\\' && (at[1] == 't' || at[1] == 'n')) {
		buf_add_char(b, at[1] == 't' ? '\t' : '\n');
		return 2;
	}
	buf_add_char(b, *at);
	return 1;
}

int
show_template(const char *format, const struct json *value, struct buf *b, struct error *e)
{
	const char *at = format;

	while (*at != '\0') {
		const char *end;
		autofree char *action = NULL;

		if (!text_starts_with(at, "{{")) {
			at += add_literal(b, at);
			continue;
		}
		end = strstr(at, "}}");
		if (end == NULL)
			return error_set(e, ERR_USAGE, "--format: '{{' without '}}'");
		action = xstrndup(at + 2, (size_t)(end - at - 2));
		if (add_action(b, action, value, e) < 0)
			return -1;
		at = end + 2;
	}
	return 0;
}
