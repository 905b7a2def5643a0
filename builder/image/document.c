/* SPDX-License-Identifier: Apache-2.0 */
/*
 * document - what manifests and indexes have in common, and what must not be in either.
 */
#include "builder/image/document.h"

#include "runtime/base/mem.h"
#include "runtime/base/text.h"

static int
check_media_type(
    const char *type, const struct document_kind *kind, const char *expected, struct error *e)
{
	autofree char *safe = text_safe(type);

	if (media_class(type) != kind->class)
		return error_set(e, ERR_INPUT,
		    "'mediaType' is '%.200s', which is not that of an image %s", safe, kind->name);
	if (expected && strcmp(expected, type) != 0)
		return error_set(e, ERR_INPUT,
		    "'mediaType' is '%.200s', but the descriptor that leads here says '%s'", safe,
		    expected);
	return 0;
}

int
document_check(const struct json *j, const struct document_kind *kind, const char *expected,
    char **media_type, struct error *e)
{
	const char *type = NULL;
	uint64_t version = 0;

	if (json_type(j) != JSON_OBJECT)
		return error_set(e, ERR_INPUT, "it must be an object");
	if (json_read_u64(j, "schemaVersion", "", &version, e) < 0)
		return -1;
	if (version != 2)
		return error_set(e, ERR_INPUT, "'schemaVersion' must be 2");
	for (size_t i = 0; i < ARRAY_LEN(kind->foreign); i++)
		if (kind->foreign[i] && json_get(j, kind->foreign[i]))
			return error_set(e, ERR_INPUT,
			    "it has '%s', which an image %s must not have: it could be read as two "
			    "different things",
			    kind->foreign[i], kind->name);
	if (json_read_text(j, "mediaType", "", &type, e) < 0)
		return -1;
	if (!type)
		type = expected ? expected : kind->oci_type;
	if (check_media_type(type, kind, expected, e) < 0)
		return -1;
	*media_type = xstrdup(type);
	return 0;
}

int
document_read_annotations(const struct json *j, struct json **annotations, struct error *e)
{
	const struct json *read = json_get(j, "annotations");

	if (json_type(read) == JSON_NULL)
		return 0;
	if (json_type(read) != JSON_OBJECT)
		return error_set(e, ERR_INPUT, "'annotations' must be an object");
	for (size_t i = 0; i < json_count(read); i++)
		if (!json_text(json_at(read, i)))
			return error_set(e, ERR_INPUT, "'annotations' must hold strings only");
	*annotations = json_copy(read);
	return 0;
}

void
document_write_annotations(struct json *j, const struct json *annotations)
{
	if (annotations && json_count(annotations) > 0)
		json_set(j, "annotations", json_copy(annotations));
	else
		json_remove(j, "annotations");
}

int
document_read_list(const struct json *j, const char *key, size_t max, struct descriptor **list,
    size_t *count, struct error *e)
{
	const struct json *array = json_get(j, key);
	char path[64];

	if (json_type(array) != JSON_ARRAY)
		return error_set(
		    e, ERR_INPUT, array ? "'%s' must be an array" : "'%s' is missing", key);
	if (json_count(array) > max)
		return error_set(e, ERR_INPUT, "'%s' has %zu members, more than %zu", key,
		    json_count(array), max);
	*list = xcalloc(json_count(array) + 1, sizeof(**list));
	for (*count = 0; *count < json_count(array); ++*count) {
		snprintf(path, sizeof(path), "%s[%zu]", key, *count);
		if (descriptor_read(json_at(array, *count), path, *list + *count, e) < 0)
			return -1;
	}
	return 0;
}

void
document_write_list(struct json *j, const char *key, const struct descriptor *list, size_t count)
{
	struct json *array = json_set(j, key, json_new_array());

	for (size_t i = 0; i < count; i++)
		json_append(array, descriptor_write(&list[i]));
}

void
document_release_list(struct descriptor **list, size_t *count)
{
	for (size_t i = 0; i < *count; i++)
		descriptor_release(*list + i);
	free(*list);
	*list = NULL;
	*count = 0;
}
