/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json - the tree: looking up, typed reading, building, comparing.
 *
 * Reading text is in json_parse.c, writing it in json_write.c.
 */
#include "runtime/base/json.h"

#include "runtime/base/json_tree.h"
#include "runtime/base/mem.h"
#include "runtime/base/text.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>

struct json *
json_node(enum json_type type)
{
	struct json *j = xcalloc(1, sizeof(*j));

	j->type = type;
	return j;
}

static struct json *
text_node(enum json_type type, const char *text, size_t length)
{
	struct json *j = json_node(type);

	j->text = xstrndup(text, length);
	return j;
}

void
json_free(struct json *j)
{
	if (!j)
		return;
	for (size_t i = 0; i < j->count; i++) {
		json_free(j->items[i].value);
		free(j->items[i].key);
	}
	free(j->items);
	free(j->text);
	free(j);
}

void
json_free_at(struct json **j)
{
	int saved = errno;

	json_free(*j);
	errno = saved;
}

void
json_add(struct json *j, char *key, struct json *value)
{
	xgrow(&j->items, j->count, &j->room, sizeof(*j->items));
	j->items[j->count++] = (struct json_item){ .key = key, .value = value };
}

struct json *
json_copy(const struct json *j)
{
	struct json *copy;

	if (!j)
		return NULL;
	copy = json_node(j->type);
	copy->truth = j->truth;
	copy->text = j->text ? xstrdup(j->text) : NULL;
	for (size_t i = 0; i < j->count; i++) {
		const char *key = j->items[i].key;

		json_add(copy, key ? xstrdup(key) : NULL, json_copy(j->items[i].value));
	}
	return copy;
}

enum json_type
json_type(const struct json *j)
{
	return j ? j->type : JSON_NULL;
}

size_t
json_count(const struct json *j)
{
	return j ? j->count : 0;
}

const struct json *
json_at(const struct json *j, size_t index)
{
	return index < json_count(j) ? j->items[index].value : NULL;
}

const char *
json_key_at(const struct json *j, size_t index)
{
	return index < json_count(j) ? j->items[index].key : NULL;
}

static struct json_item *
find_item(const struct json *j, const char *key)
{
	if (json_type(j) != JSON_OBJECT)
		return NULL;
	for (size_t i = 0; i < j->count; i++) {
		if (strcmp(j->items[i].key, key) == 0)
			return &j->items[i];
	}
	return NULL;
}

const struct json *
json_get(const struct json *j, const char *key)
{
	const struct json_item *item = find_item(j, key);

	return item ? item->value : NULL;
}

struct json *
json_get_mutable(struct json *j, const char *key)
{
	struct json_item *item = find_item(j, key);

	return item ? item->value : NULL;
}

const char *
json_text(const struct json *j)
{
	return json_type(j) == JSON_STRING ? j->text : NULL;
}

const char *
json_number(const struct json *j)
{
	return json_type(j) == JSON_NUMBER ? j->text : NULL;
}

bool
json_is_true(const struct json *j)
{
	return json_type(j) == JSON_BOOL && j->truth;
}

/* Member @key when it is there and not null. *@value stays NULL when not; -1 when its type is another. */
static int
typed_member(const struct json *j, const char *key, const char *path, enum json_type type,
    const struct json **value, struct error *e)
{
	static const char *const names[] = { "null", "true or false", "a number", "a string",
		"an array", "an object" };
	const struct json *member = json_get(j, key);

	*value = NULL;
	if (json_type(member) == JSON_NULL)
		return 0;
	if (member->type != type)
		return error_set(
		    e, ERR_INPUT, "'%s%s%s' must be %s", path, *path ? "." : "", key, names[type]);
	*value = member;
	return 0;
}

int
json_read_text(
    const struct json *j, const char *key, const char *path, const char **value, struct error *e)
{
	const struct json *member;

	if (typed_member(j, key, path, JSON_STRING, &member, e) < 0)
		return -1;
	if (member)
		*value = member->text;
	return 0;
}

int
json_read_u64(
    const struct json *j, const char *key, const char *path, uint64_t *value, struct error *e)
{
	const struct json *member;

	if (typed_member(j, key, path, JSON_NUMBER, &member, e) < 0)
		return -1;
	if (member && parse_u64(member->text, 0, UINT64_MAX, key, value, e) < 0)
		return error_set(e, ERR_INPUT, "'%s%s%s' must be a whole number from 0 to %" PRIu64,
		    path, *path ? "." : "", key, UINT64_MAX);
	return 0;
}

int
json_read_i64(
    const struct json *j, const char *key, const char *path, int64_t *value, struct error *e)
{
	const struct json *member;

	if (typed_member(j, key, path, JSON_NUMBER, &member, e) < 0)
		return -1;
	if (member && parse_i64(member->text, INT64_MIN, INT64_MAX, key, value, e) < 0)
		return error_set(e, ERR_INPUT, "'%s%s%s' must be a whole number of 64 bits", path,
		    *path ? "." : "", key);
	return 0;
}

int
json_read_bool(
    const struct json *j, const char *key, const char *path, bool *value, struct error *e)
{
	const struct json *member;

	if (typed_member(j, key, path, JSON_BOOL, &member, e) < 0)
		return -1;
	if (member)
		*value = member->truth;
	return 0;
}

int
json_read_strv(
    const struct json *j, const char *key, const char *path, struct strv *value, struct error *e)
{
	const struct json *member;

	if (typed_member(j, key, path, JSON_ARRAY, &member, e) < 0)
		return -1;
	if (!member)
		return 0;
	for (size_t i = 0; i < member->count; i++) {
		if (!json_text(member->items[i].value))
			return error_set(e, ERR_INPUT, "'%s%s%s[%zu]' must be a string", path,
			    *path ? "." : "", key, i);
	}
	strv_clear(value);
	for (size_t i = 0; i < member->count; i++)
		strv_add(value, member->items[i].value->text);
	return 0;
}

struct json *
json_new_object(void)
{
	return json_node(JSON_OBJECT);
}

struct json *
json_new_array(void)
{
	return json_node(JSON_ARRAY);
}

struct json *
json_new_text(const char *text)
{
	return text_node(JSON_STRING, text, strlen(text));
}

struct json *
json_new_text_n(const char *text, size_t length)
{
	return text_node(JSON_STRING, text, length);
}

struct json *
json_new_i64(int64_t value)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRId64, value);
	return json_new_number(text);
}

struct json *
json_new_u64(uint64_t value)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRIu64, value);
	return json_new_number(text);
}

struct json *
json_new_number(const char *text)
{
	return text_node(JSON_NUMBER, text, strlen(text));
}

struct json *
json_new_bool(bool value)
{
	struct json *j = json_node(JSON_BOOL);

	j->truth = value;
	return j;
}

struct json *
json_new_null(void)
{
	return json_node(JSON_NULL);
}

struct json *
json_new_strv(const struct strv *v)
{
	struct json *array = json_new_array();

	for (size_t i = 0; i < v->count; i++)
		json_append(array, json_new_text(v->items[i]));
	return array;
}

struct json *
json_set(struct json *object, const char *key, struct json *value)
{
	struct json_item *item = find_item(object, key);

	assert(object->type == JSON_OBJECT);
	if (item) {
		json_free(item->value);
		item->value = value;
	} else {
		json_add(object, xstrdup(key), value);
	}
	return value;
}

void
json_set_text(struct json *object, const char *key, const char *value)
{
	json_set(object, key, json_new_text(value));
}

void
json_remove(struct json *object, const char *key)
{
	struct json_item *item = find_item(object, key);
	size_t index;

	if (!item)
		return;
	index = (size_t)(item - object->items);
	json_free(item->value);
	free(item->key);
	memmove(item, item + 1, (object->count - index - 1) * sizeof(*item));
	object->count--;
}

struct json *
json_append(struct json *array, struct json *value)
{
	assert(array->type == JSON_ARRAY);
	json_add(array, NULL, value);
	return value;
}

static bool
equal_objects(const struct json *a, const struct json *b)
{
	for (size_t i = 0; i < a->count; i++) {
		const struct json_item *other = find_item(b, a->items[i].key);

		if (!other || !json_equal(a->items[i].value, other->value))
			return false;
	}
	return true;
}

bool
json_equal(const struct json *a, const struct json *b)
{
	if (json_type(a) != json_type(b) || json_count(a) != json_count(b))
		return false;
	switch (json_type(a)) {
	case JSON_NULL:
		return true;
	case JSON_BOOL:
		return a->truth == b->truth;
	case JSON_NUMBER:
	case JSON_STRING:
		return strcmp(a->text, b->text) == 0;
	case JSON_OBJECT:
		return equal_objects(a, b);
	case JSON_ARRAY:
		break;
	}
	for (size_t i = 0; i < a->count; i++) {
		if (!json_equal(a->items[i].value, b->items[i].value))
			return false;
	}
	return true;
}
