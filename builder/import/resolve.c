/* SPDX-License-Identifier: Apache-2.0 */
/*
 * resolve - from what a user writes to an image in the store.
 */
#include "builder/import/private.h"

#include "builder/image/reference.h"
#include "runtime/base/fd.h"
#include "runtime/base/mem.h"
#include "runtime/base/path.h"
#include "runtime/base/text.h"

#include <fcntl.h>
#include <unistd.h>

#define NESTING_MAX 4
#define ID_LENGTH_MIN 4

void
image_release(struct image *i)
{
	descriptor_release(&i->descriptor);
	manifest_release(&i->manifest);
	image_config_release(&i->config);
	*i = (struct image){ 0 };
}

/* ---- from the store ---- */

static int
load_config(struct store *store, struct image *image, struct error *e)
{
	const struct descriptor *d = &image->manifest.config;
	auto(buf) struct buf b = { 0 };
	char text[DIGEST_TEXT_LEN + 1];

	if (media_class(d->media_type) != MEDIA_CONFIG)
		return error_set(e, ERR_INPUT,
		    "it is no image but an artifact (its config is '%s')", d->media_type);
	if (store_blob_read(store, &d->digest, DOCUMENT_MAX, &b, e) < 0)
		return -1;
	if (b.len != d->size)
		return error_set(e, ERR_INPUT, "config %s has %zu bytes, not %llu",
		    digest_text(&d->digest, text), b.len, (unsigned long long)d->size);
	if (image_config_parse(buf_text(&b), b.len, &image->config, e) < 0)
		return error_ctx(e, "%s", digest_text(&d->digest, text));
	return image_config_check_layers(&image->config, image->manifest.n_layers, e);
}

/* Follows indexes to the manifest for @platform; @d ends there. */
static int
choose(struct store *store, struct descriptor *d, const struct platform *platform, struct error *e)
{
	for (int depth = 0; media_class(d->media_type) == MEDIA_INDEX; depth++) {
		auto(buf) struct buf b = { 0 };
		auto(buf) struct buf wanted = { 0 };
		auto(index) struct index index = { 0 };
		const struct descriptor *next;

		if (depth == NESTING_MAX)
			return error_set(
			    e, ERR_INPUT, "indexes are nested more than %d deep", NESTING_MAX);
		if (store_blob_read(store, &d->digest, DOCUMENT_MAX, &b, e) < 0 ||
		    index_parse(buf_text(&b), b.len, d->media_type, &index, e) < 0)
			return -1;
		next = index_choose(&index, platform);
		platform_add_text(&wanted, platform);
		if (!next)
			return error_set(
			    e, ERR_NOT_FOUND, "there is no image for %s in it", buf_text(&wanted));
		if (!store_blob_has(store, &next->digest))
			return error_set(e, ERR_NOT_FOUND, "the image for %s is not in the store",
			    buf_text(&wanted));
		descriptor_copy(d, next);
	}
	return 0;
}

static int
load(struct store *store, const struct platform *platform, struct image *image, struct error *e)
{
	auto(buf) struct buf b = { 0 };

	if (choose(store, &image->descriptor, platform, e) < 0)
		return -1;
	if (store_blob_read(store, &image->descriptor.digest, DOCUMENT_MAX, &b, e) < 0 ||
	    manifest_parse(buf_text(&b), b.len, image->descriptor.media_type, &image->manifest, e) <
		0 ||
	    load_config(store, image, e) < 0)
		return -1;
	image->descriptor.size = b.len;
	return 0;
}

int
image_check_platform(const struct image *image, const struct platform *wanted, struct error *e)
{
	auto(buf) struct buf have = { 0 };
	auto(buf) struct buf want = { 0 };

	if (platform_match(wanted, &image->config.platform) > 0)
		return 0;
	platform_add_text(&have, &image->config.platform);
	platform_add_text(&want, wanted);
	return error_set(
	    e, ERR_NOT_FOUND, "it is for %s, not for %s", buf_text(&have), buf_text(&want));
}

int
image_load_descriptor(struct store *store, const struct descriptor *d,
    const struct platform *platform, struct image *image, struct error *e)
{
	auto(image) struct image read = { 0 };
	auto(platform) struct platform native = { 0 };
	char text[DIGEST_TEXT_LEN + 1];

	platform_native(&native);
	descriptor_copy(&read.descriptor, d);
	if (load(store, platform ? platform : &native, &read, e) < 0)
		return error_ctx(e, "image %s", digest_text(&d->digest, text));
	image_release(image);
	*image = read;
	read = (struct image){ 0 };
	return 0;
}

/* Without a descriptor, what a document is must be read from itself. */
int
image_describe(
    struct store *store, const struct digest *digest, struct descriptor *d, struct error *e)
{
	auto(buf) struct buf b = { 0 };
	autojson struct json *j = NULL;
	const char *type;

	if (store_blob_read(store, digest, DOCUMENT_MAX, &b, e) < 0)
		return -1;
	j = json_parse(buf_text(&b), b.len, e);
	if (!j)
		return error_ctx(e, "it is no manifest");
	type = json_text(json_get(j, "mediaType"));
	if (!type)
		type = json_get(j, "manifests") ? MEDIA_OCI_INDEX : MEDIA_OCI_MANIFEST;
	descriptor_release(d);
	descriptor_init(d, type, digest, b.len);
	return 0;
}

int
image_load(struct store *store, const struct digest *digest, const struct platform *platform,
    struct image *image, struct error *e)
{
	auto(descriptor) struct descriptor d = { 0 };
	char text[DIGEST_TEXT_LEN + 1];

	if (image_describe(store, digest, &d, e) < 0)
		return error_ctx(e, "image %s", digest_text(digest, text));
	return image_load_descriptor(store, &d, platform, image, e);
}

/* The platform of the first image of an index, in nested ones too, that is in the store. */
static int
first_platform(struct store *store, const struct descriptor *d, struct platform *found, int depth,
    struct error *e)
{
	auto(buf) struct buf b = { 0 };
	auto(index) struct index index = { 0 };

	if (depth == NESTING_MAX || media_class(d->media_type) != MEDIA_INDEX)
		return 0;
	if (store_blob_read(store, &d->digest, DOCUMENT_MAX, &b, e) < 0 ||
	    index_parse(buf_text(&b), b.len, d->media_type, &index, e) < 0)
		return -1;
	for (size_t i = 0; i < index.n_manifests && !platform_is_set(found); i++) {
		const struct descriptor *member = &index.manifests[i];

		if (!store_blob_has(store, &member->digest) ||
		    index_choose(&index, &member->platform) != member)
			continue;
		if (media_class(member->media_type) == MEDIA_INDEX)
			return first_platform(store, member, found, depth + 1, e);
		platform_copy(found, &member->platform);
	}
	return 0;
}

int
image_load_any(
    struct store *store, const struct digest *digest, struct image *image, struct error *e)
{
	auto(descriptor) struct descriptor d = { 0 };
	auto(platform) struct platform found = { 0 };
	struct error problem = ERROR_INIT;
	char text[DIGEST_TEXT_LEN + 1];

	if (image_describe(store, digest, &d, e) < 0)
		return error_ctx(e, "image %s", digest_text(digest, text));
	if (image_load_descriptor(store, &d, NULL, image, &problem) == 0)
		return 0;
	if (problem.kind == ERR_NOT_FOUND && first_platform(store, &d, &found, 0, e) < 0)
		return -1;
	if (platform_is_set(&found))
		return image_load_descriptor(store, &d, &found, image, e);
	*e = problem;
	return -1;
}

/* ---- by name or ID ---- */

static int
not_found(const char *text, struct error *e)
{
	autofree char *safe = text_safe(text);

	error_set(e, ERR_NOT_FOUND, "there is no image '%.300s' in the store", safe);
	return error_hint(e,
	    "bring it in with 'croze import LAYOUT' or 'croze load -i FILE', or give it to a build "
	    "with "
	    "--build-context %.200s=oci-layout://PATH:NAME",
	    safe);
}

static int
name_descriptor(const struct store_name *n, struct descriptor *d)
{
	descriptor_release(d);
	descriptor_init(d, n->media_type, &n->digest, n->size);
	return 1;
}

/* By name; the digest, when there is one, decides, and must not contradict the tag (SECURITY G15). */
static int
find_reference(
    struct store *store, const struct reference *r, struct descriptor *d, struct error *e)
{
	auto(reference) struct reference tagged = { 0 };
	auto(store_name) struct store_name n = { 0 };
	autofree char *name = NULL;
	struct digest digest;
	int found = 0;

	reference_copy(&tagged, r);
	free(tagged.digest);
	tagged.digest = NULL;
	name = reference_text(&tagged);
	if (r->tag)
		found = store_name_get(store, name, &n, e);
	if (found < 0)
		return -1;
	if (!r->digest)
		return found ? name_descriptor(&n, d) : 0;
	if (digest_parse(r->digest, &digest, e) < 0)
		return -1;
	if (found && !digest_equal(&digest, &n.digest)) {
		char text[DIGEST_TEXT_LEN + 1];

		error_set(e, ERR_INPUT, "'%s' in the store is not %s", name, r->digest);
		return error_hint(e, "it is %s", digest_text(&n.digest, text));
	}
	if (!store_blob_has(store, &digest))
		return 0;
	return image_describe(store, &digest, d, e) < 0 ? -1 : 1;
}

static bool
has_prefix(const struct digest *digest, const char *prefix)
{
	char hex[DIGEST_HEX_LEN + 1];

	return text_starts_with(digest_hex(digest, hex), prefix);
}

/* An image's ID is the digest of its config; that of its manifest or index is as good. */
static bool
has_id(struct store *store, const struct store_name *n, const struct platform *platform,
    const char *id)
{
	auto(descriptor) struct descriptor d = { 0 };
	auto(image) struct image image = { 0 };
	struct error ignored = ERROR_INIT;

	if (has_prefix(&n->digest, id))
		return true;
	(void)name_descriptor(n, &d);
	if (image_load_descriptor(store, &d, platform, &image, &ignored) < 0)
		return false;
	return has_prefix(&image.manifest.config.digest, id) ||
	       has_prefix(&image.descriptor.digest, id);
}

static int
find_id(struct store *store, const char *id, const struct platform *platform, struct descriptor *d,
    struct error *e)
{
	auto(store_names) struct store_names names = { 0 };
	const struct store_name *found = NULL;

	if (store_names_list(store, &names, e) < 0)
		return -1;
	for (size_t i = 0; i < names.count; i++) {
		if (found && digest_equal(&found->digest, &names.items[i].digest))
			continue;
		if (!has_id(store, &names.items[i], platform, id))
			continue;
		if (found) {
			error_set(
			    e, ERR_USAGE, "several images have an ID that begins with '%s'", id);
			return error_hint(e, "give more of its digits");
		}
		found = &names.items[i];
	}
	return found ? name_descriptor(found, d) : 0;
}

static const char *
id_digits(const char *text)
{
	size_t length;

	if (text_starts_with(text, "sha256:"))
		text += strlen("sha256:");
	length = strlen(text);
	if (length < ID_LENGTH_MIN || length > DIGEST_HEX_LEN ||
	    strspn(text, "0123456789abcdef") != length)
		return NULL;
	return text;
}

static int
find_digest_blob(struct store *store, const char *digits, struct descriptor *d, struct error *e)
{
	struct error ignored = ERROR_INIT;
	struct digest digest;

	if (digest_parse_hex(digits, &digest, &ignored) < 0 || !store_blob_has(store, &digest) ||
	    image_describe(store, &digest, d, &ignored) < 0)
		return 0;
	(void)e;
	return media_class(d->media_type) == MEDIA_MANIFEST ||
	       media_class(d->media_type) == MEDIA_INDEX;
}

static int
resolve_local(struct store *store, const char *text, const struct platform *platform,
    struct image *image, struct error *e)
{
	auto(reference) struct reference r = { 0 };
	auto(descriptor) struct descriptor d = { 0 };
	const char *digits = id_digits(text);
	struct error bad_name = ERROR_INIT;
	int found = 0;

	if (reference_parse(text, &r, &bad_name) == 0)
		found = find_reference(store, &r, &d, e);
	else if (!digits) {
		*e = bad_name;
		return -1;
	}
	if (found == 0 && digits)
		found = find_id(store, digits, platform, &d, e);
	if (found == 0 && digits)
		found = find_digest_blob(store, digits, &d, e);
	if (found < 0)
		return -1;
	if (found == 0)
		return not_found(text, e);
	if (image_load_descriptor(store, &d, platform, image, e) < 0)
		return error_ctx(e, "'%s'", text);
	return 0;
}

/* ---- from outside ---- */

/* "PATH[:NAME][@DIGEST]", taken apart in place. */
struct outside {
	char *path;
	char *name;
	bool has_digest;
	struct digest digest;
};

static int
parse_outside(char *text, struct outside *o, struct error *e)
{
	char *at = strrchr(text, '@');
	char *colon;

	*o = (struct outside){ .path = text };
	if (at && text_starts_with(at + 1, "sha256:")) {
		if (digest_parse(at + 1, &o->digest, e) < 0)
			return -1;
		o->has_digest = true;
		*at = '\0';
	}
	colon = strchr(text, ':');
	if (colon) {
		*colon = '\0';
		if (colon[1])
			o->name = colon + 1;
	}
	if (!*text)
		return error_set(e, ERR_USAGE, "the path is empty");
	return 0;
}

static int
take_from_layout(struct store *store, const struct source *s, const struct outside *o,
    const struct platform *platform, struct image *image, struct error *e)
{
	auto(descriptor) struct descriptor manifest = { 0 };
	auto(platform) struct platform native = { 0 };
	const struct descriptor *d = layout_find(s, o->name, o->has_digest ? &o->digest : NULL, e);

	platform_native(&native);
	if (!d || layout_choose(s, d, platform ? platform : &native, &manifest, e) < 0)
		return -1;
	/* What the store has already is not copied again. */
	if (copy_manifest(store, s, &manifest, e) < 0)
		return -1;
	return image_load_descriptor(store, &manifest, platform, image, e);
}

static int
open_layout(struct store *store, const struct outside *o, struct source *s, struct error *e)
{
	(void)store;
	return source_open_layout(s, o->path, e);
}

static int
open_archive(struct store *store, const struct outside *o, struct source *s, struct error *e)
{
	int fd = path_open_user(o->path, O_RDONLY, 0, e);

	return fd < 0 ? -1 : source_open_archive(s, store, fd, o->path, e);
}

static int
open_oci_archive(struct store *store, const struct outside *o, struct source *s, struct error *e)
{
	return open_archive(store, o, s, e) < 0 ? -1 : source_read_index(s, e);
}

/* Which of the images of a docker archive @o names: by reference, by number ("@0"), or the only one. */
static const struct imported *
pick(const struct import_result *all, const struct outside *o, struct error *e)
{
	auto(reference) struct reference r = { 0 };
	autofree char *name = NULL;

	for (size_t i = 0; i < all->count; i++)
		if (o->has_digest && digest_equal(&all->items[i].target.digest, &o->digest))
			return &all->items[i];
	if (o->has_digest || !o->name) {
		for (size_t i = 1; i < all->count && !o->has_digest; i++)
			if (!digest_equal(
				&all->items[0].target.digest, &all->items[i].target.digest)) {
				error_set(
				    e, ERR_USAGE, "'%s' has several images: say which", o->path);
				return NULL;
			}
		if (!o->has_digest)
			return &all->items[0];
	} else {
		if (reference_parse(o->name, &r, e) < 0)
			return NULL;
		name = reference_text(&r);
		for (size_t i = 0; i < all->count; i++)
			if (all->items[i].name && strcmp(all->items[i].name, name) == 0)
				return &all->items[i];
	}
	error_set(e, ERR_NOT_FOUND, "'%s' has no such image", o->path);
	return NULL;
}

/* Brings in all of a docker archive, which is read from its beginning to its end anyway. */
static int
bring_docker(struct store *store, const struct source *s, const struct outside *o,
    struct descriptor *target, struct error *e)
{
	auto(import_result) struct import_result all = { 0 };
	const struct imported *picked;

	if (docker_copy_all(store, s, &all, e) < 0)
		return -1;
	picked = pick(&all, o, e);
	if (!picked)
		return -1;
	descriptor_copy(target, &picked->target);
	return 0;
}

static int
take_from_docker(struct store *store, const struct source *s, const struct outside *o,
    const struct platform *platform, struct image *image, struct error *e)
{
	auto(descriptor) struct descriptor target = { 0 };

	if (bring_docker(store, s, o, &target, e) < 0)
		return -1;
	return image_load_descriptor(store, &target, platform, image, e);
}

/* All platforms of an image. */
static int
bring_from_layout(struct store *store, const struct source *s, const struct outside *o,
    struct descriptor *target, struct error *e)
{
	const struct descriptor *d = layout_find(s, o->name, o->has_digest ? &o->digest : NULL, e);

	if (!d || copy_image(store, s, d, e) < 0)
		return -1;
	descriptor_copy(target, d);
	return 0;
}

static const struct transport {
	const char *prefix;
	int (*open)(
	    struct store *store, const struct outside *o, struct source *s, struct error *e);
	/* one platform */
	int (*take)(struct store *store, const struct source *s, const struct outside *o,
	    const struct platform *platform, struct image *image, struct error *e);
	/* all of them */
	int (*bring)(struct store *store, const struct source *s, const struct outside *o,
	    struct descriptor *target, struct error *e);
} transports[] = {
	{ "oci:", open_layout, take_from_layout, bring_from_layout },
	{ "oci-archive:", open_oci_archive, take_from_layout, bring_from_layout },
	{ "docker-archive:", open_archive, take_from_docker, bring_docker },
};

static const struct transport *
find_transport(const char *text)
{
	for (size_t i = 0; i < ARRAY_LEN(transports); i++)
		if (text_starts_with(text, transports[i].prefix))
			return &transports[i];
	return NULL;
}

bool
image_is_outside(const char *text)
{
	return find_transport(text) != NULL;
}

int
image_resolve(struct store *store, const char *text, const struct platform *platform,
    struct image *image, struct error *e)
{
	const struct transport *transport = find_transport(text);
	auto(source) struct source s = SOURCE_INIT;
	autofree char *rest = NULL;
	struct outside o;

	if (!transport)
		return resolve_local(store, text, platform, image, e);
	rest = xstrdup(text + strlen(transport->prefix));
	if (parse_outside(rest, &o, e) < 0 || transport->open(store, &o, &s, e) < 0 ||
	    transport->take(store, &s, &o, platform, image, e) < 0)
		return error_ctx(e, "'%s'", text);
	return 0;
}

int
image_find_target(struct store *store, const char *text, struct descriptor *target, struct error *e)
{
	const struct transport *transport = find_transport(text);
	auto(reference) struct reference r = { 0 };
	auto(image) struct image image = { 0 };
	auto(source) struct source s = SOURCE_INIT;
	struct error ignored = ERROR_INIT;
	autofree char *rest = NULL;
	struct outside o;
	int found;

	if (transport) {
		rest = xstrdup(text + strlen(transport->prefix));
		if (parse_outside(rest, &o, e) < 0 || transport->open(store, &o, &s, e) < 0 ||
		    transport->bring(store, &s, &o, target, e) < 0)
			return error_ctx(e, "'%s'", text);
		return 0;
	}
	if (reference_parse(text, &r, &ignored) == 0) {
		found = find_reference(store, &r, target, e);
		if (found != 0)
			return found < 0 ? -1 : 0;
	}
	if (image_resolve(store, text, NULL, &image, e) < 0)
		return -1;
	descriptor_copy(target, &image.descriptor);
	return 0;
}
