/* SPDX-License-Identifier: Apache-2.0 */
/*
 * docker - docker archives: a tar with manifest.json, configs and layers (what docker save and skopeo write).
 *
 * Each image gets an OCI manifest here. Layers are kept as they are, mostly uncompressed; a plain one is checked against
 * the config's diff ID now, a packed one when it is applied.
 */
#include "builder/import/private.h"

#include "builder/image/reference.h"
#include "runtime/base/fd.h"
#include "runtime/base/mem.h"
#include "runtime/base/path.h"
#include "runtime/base/strv.h"
#include "runtime/base/text.h"

#include <unistd.h>

#define MANIFEST_FILE "manifest.json"

static const char *
layer_type(const struct piece *p)
{
	unsigned char magic[4] = { 0 };

	(void)!pread(p->fd, magic, sizeof(magic), (off_t)p->offset); /* too short: a plain one */
	if (magic[0] == 0x1f && magic[1] == 0x8b)
		return MEDIA_OCI_LAYER_GZIP;
	if (magic[0] == 0x28 && magic[1] == 0xb5 && magic[2] == 0x2f && magic[3] == 0xfd)
		return MEDIA_OCI_LAYER_ZSTD;
	return MEDIA_OCI_LAYER;
}

static int
copy_layer(struct store *store, const struct source *s, const char *name,
    const struct digest *diff_id, struct manifest *m, struct error *e)
{
	const struct tarball_member *member = tarball_find_linked(&s->tar, name, e);
	auto(descriptor) struct descriptor layer = { 0 };
	struct piece p;
	struct digest digest;
	const char *type;

	if (!member)
		return -1;
	p = (struct piece){ .fd = s->tar.fd, .offset = member->offset, .size = member->size };
	type = layer_type(&p);
	if (strcmp(type, MEDIA_OCI_LAYER) == 0 && store_blob_has(store, diff_id))
		digest = *diff_id;
	else if (copy_piece(store, &p, strcmp(type, MEDIA_OCI_LAYER) == 0 ? diff_id : NULL, &digest,
		     e) < 0)
		return error_ctx(e, "layer '%s'", name);
	descriptor_init(&layer, type, &digest, member->size);
	manifest_add_layer(m, &layer);
	return 0;
}

/* A config named by its digest has to be what the name says. */
static int
check_config_name(const char *name, const struct digest *digest, struct error *e)
{
	const char *base = path_base(name);
	autofree char *hex = xstrndup(base, strcspn(base, "."));
	char found[DIGEST_HEX_LEN + 1];
	struct error ignored = ERROR_INIT;
	struct digest said;

	if (digest_parse_hex(hex, &said, &ignored) < 0 || digest_equal(&said, digest))
		return 0;
	return error_set(
	    e, ERR_INPUT, "config '%s' has the digest %s", name, digest_hex(digest, found));
}

static int
copy_config(struct store *store, const struct source *s, const char *name, struct manifest *m,
    struct image_config *config, struct error *e)
{
	const struct tarball_member *member = tarball_find(&s->tar, name, e);
	auto(buf) struct buf b = { 0 };
	struct digest digest;

	if (!member || tarball_read(&s->tar, member, DOCUMENT_MAX, &b, e) < 0)
		return -1;
	if (image_config_parse(buf_text(&b), b.len, config, e) < 0)
		return error_ctx(e, "'%s'", name);
	if (store_blob_put(store, b.data, b.len, &digest, e) < 0 ||
	    check_config_name(name, &digest, e) < 0)
		return -1;
	descriptor_init(&m->config, MEDIA_OCI_CONFIG, &digest, b.len);
	return 0;
}

static int
copy_layers(struct store *store, const struct source *s, const struct strv *names,
    const struct image_config *config, struct manifest *m, struct error *e)
{
	if (image_config_check_layers(config, names->count, e) < 0)
		return -1;
	for (size_t i = 0; i < names->count; i++)
		if (copy_layer(store, s, names->items[i], &config->diff_ids[i], m, e) < 0)
			return -1;
	return 0;
}

static int
put_manifest(
    struct store *store, const struct manifest *m, struct descriptor *target, struct error *e)
{
	auto(buf) struct buf b = { 0 };
	struct digest digest;

	manifest_write(m, &b);
	if (store_blob_put(store, b.data, b.len, &digest, e) < 0)
		return -1;
	descriptor_init(target, MEDIA_OCI_MANIFEST, &digest, b.len);
	return 0;
}

static int
add_tags(const struct strv *tags, const struct descriptor *target, struct import_result *result,
    struct error *e)
{
	for (size_t i = 0; i < tags->count; i++) {
		auto(reference) struct reference r = { 0 };

		if (reference_parse(tags->items[i], &r, e) < 0)
			return -1;
		result_add(result, reference_text(&r), target);
	}
	if (tags->count == 0)
		result_add(result, NULL, target);
	return 0;
}

static int
copy_entry(struct store *store, const struct source *s, const struct json *entry,
    struct import_result *result, struct error *e)
{
	auto(manifest) struct manifest m = { 0 };
	auto(image_config) struct image_config config = { 0 };
	auto(descriptor) struct descriptor target = { 0 };
	auto(strv) struct strv layers = { 0 };
	auto(strv) struct strv tags = { 0 };
	const char *config_name = NULL;

	if (json_type(entry) != JSON_OBJECT)
		return error_set(e, ERR_INPUT, "it must be an object");
	if (json_read_text(entry, "Config", "", &config_name, e) < 0 ||
	    json_read_strv(entry, "Layers", "", &layers, e) < 0 ||
	    json_read_strv(entry, "RepoTags", "", &tags, e) < 0)
		return -1;
	if (!config_name)
		return error_set(e, ERR_INPUT, "'Config' is missing");
	if (copy_config(store, s, config_name, &m, &config, e) < 0 ||
	    copy_layers(store, s, &layers, &config, &m, e) < 0 ||
	    put_manifest(store, &m, &target, e) < 0)
		return -1;
	return add_tags(&tags, &target, result, e);
}

static struct json *
read_manifest_file(const struct source *s, struct error *e)
{
	const struct tarball_member *member;
	auto(buf) struct buf b = { 0 };
	struct json *j;

	if (!tarball_has(&s->tar, MANIFEST_FILE)) {
		error_set(e, ERR_INPUT, "it is neither an OCI archive nor a docker archive");
		error_hint(e,
		    "a docker archive has a file '%s', an OCI archive 'oci-layout' and "
		    "'index.json'",
		    MANIFEST_FILE);
		return NULL;
	}
	member = tarball_find(&s->tar, MANIFEST_FILE, e);
	if (!member || tarball_read(&s->tar, member, DOCUMENT_MAX, &b, e) < 0)
		return NULL;
	j = json_parse(buf_text(&b), b.len, e);
	if (!j)
		error_ctx(e, "'%s'", MANIFEST_FILE);
	return j;
}

int
docker_copy_all(
    struct store *store, const struct source *s, struct import_result *result, struct error *e)
{
	autojson struct json *j = read_manifest_file(s, e);

	if (!j)
		return error_ctx(e, "'%s'", s->label);
	if (json_type(j) != JSON_ARRAY || json_count(j) == 0)
		return error_set(
		    e, ERR_INPUT, "'%s': '%s' must be an array of images", s->label, MANIFEST_FILE);
	for (size_t i = 0; i < json_count(j); i++)
		if (copy_entry(store, s, json_at(j, i), result, e) < 0)
			return error_ctx(
			    e, "'%s': image %zu of '%s'", s->label, i + 1, MANIFEST_FILE);
	return 0;
}
