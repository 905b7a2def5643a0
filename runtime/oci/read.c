/* SPDX-License-Identifier: Apache-2.0 */
/*
 * read - members of config.json with their types, ranges and words; what is wrong is named by its path in the file.
 */
#include "runtime/oci/read.h"

#include "runtime/base/buf.h"
#include "runtime/base/mem.h"
#include "runtime/base/text.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define LISTED_MAX 12

int
read_wrong_type(const char *path, const char *what, struct error *e)
{
	return error_set(e, ERR_INPUT, "'%s' must be %s", path, what);
}

static char *
full_path(const char *path, const char *key)
{
	return xasprintf("%s%s%s", path, *path ? "." : "", key);
}

int
read_member(const struct json *j, const char *key, const char *path, enum json_type type,
    const struct json **value, struct error *e)
{
	const struct json *v = json_get(j, key);
	autofree char *full = full_path(path, key);

	*value = NULL;
	if (json_type(v) == JSON_NULL)
		return 0;
	if (json_type(v) != type)
		return read_wrong_type(full, type == JSON_ARRAY ? "an array" : "an object", e);
	*value = v;
	return 0;
}

char *
read_item(const struct json *list, size_t n, const char *path, struct error *e)
{
	char *full = xasprintf("%s[%zu]", path, n);

	if (json_type(json_at(list, n)) == JSON_OBJECT)
		return full;
	read_wrong_type(full, "an object", e);
	free(full);
	return NULL;
}

int
read_id(const struct json *j, const char *key, const char *path, uint32_t *id, struct error *e)
{
	uint64_t value = *id;

	if (json_read_u64(j, key, path, &value, e) < 0)
		return -1;
	if (value > UINT32_MAX - 1)
		return error_set(e, ERR_INPUT, "'%s%s%s' is no id: %" PRIu64, path,
		    *path ? "." : "", key, value);
	*id = (uint32_t)value;
	return 0;
}

int
read_u64(const struct json *j, const char *key, const char *path, uint64_t min, uint64_t max,
    uint64_t *value, struct error *e)
{
	uint64_t found = 0;

	if (json_type(json_get(j, key)) == JSON_NULL)
		return 0;
	if (json_read_u64(j, key, path, &found, e) < 0)
		return -1;
	if (found < min || found > max)
		return error_set(e, ERR_INPUT, "'%s%s%s' must be from %" PRIu64 " to %" PRIu64,
		    path, *path ? "." : "", key, min, max);
	*value = found;
	return 0;
}

int
read_i64(const struct json *j, const char *key, const char *path, int64_t min, int64_t max,
    int64_t *value, struct error *e)
{
	int64_t found = 0;

	if (json_type(json_get(j, key)) == JSON_NULL)
		return 0;
	if (json_read_i64(j, key, path, &found, e) < 0)
		return -1;
	if (found < min || found > max)
		return error_set(e, ERR_INPUT, "'%s%s%s' must be from %" PRId64 " to %" PRId64,
		    path, *path ? "." : "", key, min, max);
	*value = found;
	return 0;
}

int
read_text(const struct json *j, const char *key, const char *path, char **value, struct error *e)
{
	const char *text = NULL;

	if (json_read_text(j, key, path, &text, e) < 0)
		return -1;
	if (!text)
		return 0;
	free(*value);
	*value = xstrdup(text);
	return 0;
}

int
read_word(const struct oci_word *table, const char *word, const char *path, uint64_t *value,
    struct error *e)
{
	auto(buf) struct buf known = { 0 };
	autofree char *safe = text_safe(word);

	for (const struct oci_word *w = table; w->name; w++)
		if (strcmp(w->name, word) == 0) {
			*value = w->value;
			return 0;
		}
	for (size_t i = 0; i < LISTED_MAX && table[i].name && *table[i].name; i++)
		buf_printf(&known, "%s%s", i ? ", " : "", table[i].name);
	return error_set(e, ERR_INPUT, "'%s': '%s' is not one of %s", path, safe, buf_text(&known));
}

int
read_word_member(const struct oci_word *table, const struct json *j, const char *key,
    const char *path, uint64_t *value, struct error *e)
{
	autofree char *full = full_path(path, key);
	const char *word = NULL;

	if (json_read_text(j, key, path, &word, e) < 0)
		return -1;
	return word ? read_word(table, word, full, value, e) : 0;
}

int
read_words(const struct oci_word *table, const struct json *j, const char *key, const char *path,
    uint64_t *value, struct error *e)
{
	auto(strv) struct strv words = { 0 };

	if (json_read_strv(j, key, path, &words, e) < 0)
		return -1;
	for (size_t i = 0; i < words.count; i++) {
		autofree char *full = xasprintf("%s.%s[%zu]", path, key, i);
		uint64_t one = 0;

		if (read_word(table, words.items[i], full, &one, e) < 0)
			return -1;
		*value |= one;
	}
	return 0;
}

int
read_pairs(
    const struct json *j, const char *key, const char *path, struct strv *pairs, struct error *e)
{
	autofree char *full = full_path(path, key);
	const struct json *object;

	if (read_member(j, key, path, JSON_OBJECT, &object, e) < 0)
		return -1;
	for (size_t i = 0; i < json_count(object); i++) {
		const char *name = json_key_at(object, i);
		const char *value = json_text(json_at(object, i));

		if (!*name || strchr(name, '='))
			return error_set(e, ERR_INPUT,
			    "'%s' has a member without a name, or with "
			    "'=' in it",
			    full);
		if (!value)
			return error_set(e, ERR_INPUT, "'%s.%s' must be a string", full, name);
		strv_printf(pairs, "%s=%s", name, value);
	}
	return 0;
}

int
read_paths(
    const struct json *j, const char *key, const char *path, struct strv *paths, struct error *e)
{
	if (json_read_strv(j, key, path, paths, e) < 0)
		return -1;
	for (size_t i = 0; i < paths->count; i++)
		if (paths->items[i][0] != '/')
			return error_set(
			    e, ERR_INPUT, "'%s.%s[%zu]' must be an absolute path", path, key, i);
	return 0;
}

int
read_check_list(const char *list, const char *key, const char *path, struct error *e)
{
	auto(strv) struct strv parts = { 0 };
	struct error ignored = ERROR_INIT;

	strv_split(&parts, list, ',');
	for (size_t i = 0; i < parts.count; i++) {
		char *dash = strchr(parts.items[i], '-');
		uint64_t first = 0, last = 0;

		if (dash)
			*dash = '\0';
		if (parse_u64(parts.items[i], 0, 65535, "", &first, &ignored) < 0 ||
		    (dash && parse_u64(dash + 1, first, 65535, "", &last, &ignored) < 0))
			return error_set(e, ERR_INPUT,
			    "'%s.%s' must be a list of numbers and ranges like '0-3,7', and is "
			    "'%s'",
			    path, key, list);
	}
	return 0;
}
