/* SPDX-License-Identifier: Apache-2.0 */
/*
 * descriptor - media type, digest and size of a blob.
 */
#include "builder/image/descriptor.h"

#include "runtime/base/mem.h"

#define MEDIA_TYPE_MAX 255

static const struct media_row {
	const char *type;
	enum media_class class;
	enum media_packing packing;
} media_rows[] = {
	{ MEDIA_OCI_INDEX, MEDIA_INDEX, PACKING_UNKNOWN },
	{ MEDIA_DOCKER_INDEX, MEDIA_INDEX, PACKING_UNKNOWN },
	{ MEDIA_OCI_MANIFEST, MEDIA_MANIFEST, PACKING_UNKNOWN },
	{ MEDIA_DOCKER_MANIFEST, MEDIA_MANIFEST, PACKING_UNKNOWN },
	{ MEDIA_OCI_CONFIG, MEDIA_CONFIG, PACKING_UNKNOWN },
	{ MEDIA_DOCKER_CONFIG, MEDIA_CONFIG, PACKING_UNKNOWN },
	{ MEDIA_OCI_LAYER, MEDIA_LAYER, PACKING_NONE },
	{ MEDIA_OCI_LAYER_GZIP, MEDIA_LAYER, PACKING_GZIP },
	{ MEDIA_OCI_LAYER_ZSTD, MEDIA_LAYER, PACKING_ZSTD },
	{ MEDIA_DOCKER_LAYER, MEDIA_LAYER, PACKING_NONE },
	{ MEDIA_DOCKER_LAYER_GZIP, MEDIA_LAYER, PACKING_GZIP },
	{ "application/vnd.docker.image.rootfs.diff.tar.zstd", MEDIA_LAYER, PACKING_ZSTD },
	{ "application/vnd.oci.image.layer.nondistributable.v1.tar", MEDIA_LAYER, PACKING_NONE },
	{ "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip", MEDIA_LAYER,
	    PACKING_GZIP },
	{ "application/vnd.oci.image.layer.nondistributable.v1.tar+zstd", MEDIA_LAYER,
	    PACKING_ZSTD },
	{ "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", MEDIA_LAYER, PACKING_GZIP },
};

static const struct media_row *
media_find(const char *media_type)
{
	for (size_t i = 0; i < ARRAY_LEN(media_rows); i++)
		if (strcmp(media_rows[i].type, media_type) == 0)
			return &media_rows[i];
	return NULL;
}

enum media_class
media_class(const char *media_type)
{
	const struct media_row *row = media_find(media_type);

	return row ? row->class : MEDIA_OTHER;
}

enum media_packing
media_packing(const char *media_type)
{
	const struct media_row *row = media_find(media_type);

	return row ? row->packing : PACKING_UNKNOWN;
}

void
descriptor_release(struct descriptor *d)
{
	free(d->media_type);
	free(d->artifact_type);
	json_free(d->annotations);
	platform_release(&d->platform);
	*d = (struct descriptor){ 0 };
}

void
descriptor_copy(struct descriptor *to, const struct descriptor *from)
{
	struct descriptor copy = { .digest = from->digest, .size = from->size };

	copy.media_type = from->media_type ? xstrdup(from->media_type) : NULL;
	copy.artifact_type = from->artifact_type ? xstrdup(from->artifact_type) : NULL;
	copy.annotations = from->annotations ? json_copy(from->annotations) : NULL;
	platform_copy(&copy.platform, &from->platform);
	descriptor_release(to);
	*to = copy;
}

void
descriptor_init(
    struct descriptor *d, const char *media_type, const struct digest *digest, uint64_t size)
{
	*d = (struct descriptor){
		.media_type = xstrdup(media_type),
		.digest = *digest,
		.size = size,
	};
}

/* type "/" subtype (RFC 6838): what is written to logs and files again must be plain. */
static bool
media_type_is_valid(const char *text)
{
	size_t length = strlen(text);

	if (length == 0 || length > MEDIA_TYPE_MAX)
		return false;
	return strspn(text,
		   "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!#$&^_.+-/") ==
	       length;
}

static int
read_media_type(const struct json *j, const char *path, struct descriptor *d, struct error *e)
{
	const char *text = NULL;

	if (json_read_text(j, "mediaType", path, &text, e) < 0)
		return -1;
	if (!text)
		return error_set(e, ERR_INPUT, "'%s.mediaType' is missing", path);
	if (!media_type_is_valid(text))
		return error_set(e, ERR_INPUT, "'%s.mediaType' is no media type", path);
	d->media_type = xstrdup(text);
	text = NULL;
	if (json_read_text(j, "artifactType", path, &text, e) < 0)
		return -1;
	if (text && *text)
		d->artifact_type = xstrdup(text);
	return 0;
}

static int
read_size(const struct json *j, const char *path, struct descriptor *d, struct error *e)
{
	if (!json_get(j, "size") || json_type(json_get(j, "size")) == JSON_NULL)
		return error_set(e, ERR_INPUT, "'%s.size' is missing", path);
	if (json_read_u64(j, "size", path, &d->size, e) < 0)
		return -1;
	if (d->size > DESCRIPTOR_SIZE_MAX)
		return error_set(e, ERR_INPUT, "'%s.size' is too large", path);
	return 0;
}

static int
read_annotations(const struct json *j, const char *path, struct descriptor *d, struct error *e)
{
	const struct json *annotations = json_get(j, "annotations");

	if (json_type(annotations) == JSON_NULL)
		return 0;
	if (json_type(annotations) != JSON_OBJECT)
		return error_set(e, ERR_INPUT, "'%s.annotations' must be an object", path);
	for (size_t i = 0; i < json_count(annotations); i++)
		if (!json_text(json_at(annotations, i)))
			return error_set(
			    e, ERR_INPUT, "'%s.annotations' must hold strings only", path);
	d->annotations = json_copy(annotations);
	return 0;
}

static int
read_members(const struct json *j, const char *path, struct descriptor *d, struct error *e)
{
	char platform_path[128];

	if (json_type(j) != JSON_OBJECT)
		return error_set(e, ERR_INPUT, "'%s' must be an object", path);
	if (read_media_type(j, path, d, e) < 0 || digest_read(j, "digest", path, &d->digest, e) < 0)
		return -1;
	if (read_size(j, path, d, e) < 0 || read_annotations(j, path, d, e) < 0)
		return -1;
	if (json_type(json_get(j, "platform")) == JSON_NULL)
		return 0;
	if (json_type(json_get(j, "platform")) != JSON_OBJECT)
		return error_set(e, ERR_INPUT, "'%s.platform' must be an object", path);
	snprintf(platform_path, sizeof(platform_path), "%s.platform", path);
	return platform_read(json_get(j, "platform"), platform_path, &d->platform, e);
}

int
descriptor_read(const struct json *j, const char *path, struct descriptor *d, struct error *e)
{
	auto(descriptor) struct descriptor read = { 0 };

	if (read_members(j, path, &read, e) < 0)
		return -1;
	descriptor_release(d);
	*d = read;
	read = (struct descriptor){ 0 };
	return 0;
}

struct json *
descriptor_write(const struct descriptor *d)
{
	struct json *j = json_new_object();
	char text[DIGEST_TEXT_LEN + 1];

	json_set_text(j, "mediaType", d->media_type);
	json_set_text(j, "digest", digest_text(&d->digest, text));
	json_set(j, "size", json_new_u64(d->size));
	if (d->annotations && json_count(d->annotations) > 0)
		json_set(j, "annotations", json_copy(d->annotations));
	if (d->artifact_type)
		json_set_text(j, "artifactType", d->artifact_type);
	if (platform_is_set(&d->platform))
		platform_write(&d->platform, json_set(j, "platform", json_new_object()));
	return j;
}

const char *
descriptor_annotation(const struct descriptor *d, const char *key)
{
	return json_text(json_get(d->annotations, key));
}

void
descriptor_set_annotation(struct descriptor *d, const char *key, const char *value)
{
	if (!d->annotations)
		d->annotations = json_new_object();
	json_set_text(d->annotations, key, value);
}
