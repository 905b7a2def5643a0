/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json_parse - reading untrusted JSON through yajl's streaming parser.
 *
 * yajl takes lone surrogates and some broken UTF-8; both are looked for before it starts. Depth, duplicate keys
 * and NUL are refused while the tree grows.
 */
#include "runtime/base/json_tree.h"

#include "runtime/base/mem.h"
#include "runtime/base/unicode.h"

#include <yajl/yajl_parse.h>

struct parser {
	struct json *root;
	struct json *open[JSON_MAX_DEPTH]; /* arrays and objects from the root to where we are */
	size_t depth;
	char *key; /* of the member that comes next */
	const char *refusal;
	char *duplicate;
};

enum { STOP, GO_ON };

static int
refuse(struct parser *p, const char *why)
{
	p->refusal = why;
	return STOP;
}

static int
add_value(struct parser *p, struct json *value)
{
	if (p->depth == 0)
		p->root = value;
	else
		json_add(p->open[p->depth - 1], steal_ptr(&p->key), value);
	return GO_ON;
}

static int
open_value(struct parser *p, enum json_type type)
{
	struct json *value;

	if (p->depth == JSON_MAX_DEPTH)
		return refuse(p, "more levels than 64");
	value = json_node(type);
	add_value(p, value);
	p->open[p->depth++] = value;
	return GO_ON;
}

static int
on_null(void *ctx)
{
	return add_value(ctx, json_new_null());
}

static int
on_bool(void *ctx, int truth)
{
	return add_value(ctx, json_new_bool(truth != 0));
}

static int
on_number(void *ctx, const char *text, size_t length)
{
	struct json *value = json_node(JSON_NUMBER);

	value->text = xstrndup(text, length);
	return add_value(ctx, value);
}

static int
on_string(void *ctx, const unsigned char *text, size_t length)
{
	if (memchr(text, '\0', length))
		return refuse(ctx, "a NUL character in a string");
	return add_value(ctx, json_new_text_n((const char *)text, length));
}

static int
on_key(void *ctx, const unsigned char *text, size_t length)
{
	struct parser *p = ctx;

	if (memchr(text, '\0', length))
		return refuse(ctx, "a NUL character in a key");
	p->key = xstrndup((const char *)text, length);
	return GO_ON;
}

static int
on_open_object(void *ctx)
{
	return open_value(ctx, JSON_OBJECT);
}

static int
on_open_array(void *ctx)
{
	return open_value(ctx, JSON_ARRAY);
}

static int
compare_keys(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* A key that @object has twice, or NULL. */
static const char *
find_duplicate(const struct json *object)
{
	autofree const char **keys = NULL;

	if (object->count < 2)
		return NULL;
	keys = xcalloc(object->count, sizeof(*keys));
	for (size_t i = 0; i < object->count; i++)
		keys[i] = object->items[i].key;
	qsort(keys, object->count, sizeof(*keys), compare_keys);
	for (size_t i = 1; i < object->count; i++) {
		if (strcmp(keys[i - 1], keys[i]) == 0)
			return keys[i];
	}
	return NULL;
}

static int
on_close_object(void *ctx)
{
	struct parser *p = ctx;
	const char *duplicate = find_duplicate(p->open[--p->depth]);

	if (!duplicate)
		return GO_ON;
	p->duplicate = xasprintf("the key '%.80s' twice in one object", duplicate);
	return refuse(p, p->duplicate);
}

static int
on_close_array(void *ctx)
{
	struct parser *p = ctx;

	p->depth--;
	return GO_ON;
}

static int
fail_at(const char *text, size_t offset, const char *what, struct error *e)
{
	size_t line = 1;
	size_t start = 0;

	for (size_t i = 0; i < offset; i++) {
		if (text[i] == '\n') {
			line++;
			start = i + 1;
		}
	}
	return error_set(e, ERR_INPUT, "line %zu, column %zu: %s", line, offset - start + 1, what);
}

/* The code unit of "\uXXXX" at @text; UINT32_MAX when there is none. */
static uint32_t
escaped_unit(const char *text, size_t length)
{
	uint32_t unit = 0;

	if (length < 6 || text[0] != '\\' || text[1] != 'u')
		return UINT32_MAX;
	for (size_t i = 2; i < 6; i++) {
		static const char digits[] = "0123456789abcdefABCDEF";
		const char *digit = text[i] ? strchr(digits, text[i]) : NULL;
		uint32_t value = digit ? (uint32_t)(digit - digits) : 0;

		if (!digit)
			return UINT32_MAX;
		unit = unit << 4 | (value > 15 ? value - 6 : value);
	}
	return unit;
}

/* Offset of the first "\uD800".."\uDFFF" that is not half of a pair; @length when there is none. */
static size_t
find_lone_surrogate(const char *text, size_t length)
{
	const char *at = memchr(text, '\\', length);

	while (at) {
		size_t offset = (size_t)(at - text);
		uint32_t unit = escaped_unit(at, length - offset);
		size_t step = 2; /* whatever is escaped, a backslash too */

		if (unit >= 0xd800 && unit <= 0xdbff) {
			uint32_t second =
			    length - offset > 6 ? escaped_unit(at + 6, length - offset - 6) : 0;

			if (second < 0xdc00 || second > 0xdfff)
				return offset;
			step = 12;
		} else if (unit >= 0xdc00 && unit <= 0xdfff) {
			return offset;
		}
		at =
		    offset + step < length ? memchr(at + step, '\\', length - offset - step) : NULL;
	}
	return length;
}

static int
check_text(const char *text, size_t length, struct error *e)
{
	size_t at;

	if (length > JSON_MAX_BYTES)
		return error_set(e, ERR_INPUT, "larger than %u bytes", JSON_MAX_BYTES);
	at = unicode_check(text, length);
	if (at < length)
		return fail_at(text, at, "not UTF-8", e);
	at = find_lone_surrogate(text, length);
	if (at < length)
		return fail_at(text, at, "half of a surrogate pair", e);
	return 0;
}

static int
run(yajl_handle handle, struct parser *p, const char *text, size_t length, struct error *e)
{
	yajl_status status = yajl_parse(handle, (const unsigned char *)text, length);
	size_t offset = yajl_get_bytes_consumed(handle);
	unsigned char *message;

	if (status == yajl_status_ok) {
		status = yajl_complete_parse(handle);
		offset = length;
	}
	if (status == yajl_status_ok && p->root)
		return 0;
	if (p->refusal)
		return fail_at(text, offset, p->refusal, e);
	if (!p->root)
		return fail_at(text, offset, "there is no JSON value", e);
	message = yajl_get_error(handle, 0, (const unsigned char *)text, length);
	message[strcspn((char *)message, "\n")] = '\0';
	fail_at(text, offset, (const char *)message, e);
	yajl_free_error(handle, message);
	return -1;
}

struct json *
json_parse(const char *text, size_t length, struct error *e)
{
	static const yajl_callbacks callbacks = {
		.yajl_null = on_null,
		.yajl_boolean = on_bool,
		.yajl_number = on_number,
		.yajl_string = on_string,
		.yajl_map_key = on_key,
		.yajl_start_map = on_open_object,
		.yajl_end_map = on_close_object,
		.yajl_start_array = on_open_array,
		.yajl_end_array = on_close_array,
	};
	struct parser p = { 0 };
	yajl_handle handle;
	int result;

	if (check_text(text, length, e) < 0)
		return NULL;
	handle = yajl_alloc(&callbacks, NULL, &p);
	if (!handle)
		abort(); /* out of memory */
	result = run(handle, &p, text, length, e);
	yajl_free(handle);
	free(p.key);
	free(p.duplicate);
	if (result < 0) {
		json_free(p.root);
		return NULL;
	}
	return p.root;
}
