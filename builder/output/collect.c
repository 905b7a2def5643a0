/* SPDX-License-Identifier: Apache-2.0 */
/*
 * collect - what belongs to the images that are written.
 */
#include "builder/output/collect.h"

#include "runtime/base/fd.h"
#include "runtime/base/mem.h"

#include <errno.h>
#include <unistd.h>

#define PIECE_SIZE (256U << 10)
#define NESTING_MAX 4

void
output_image_release(struct output_image *image)
{
	strv_release(&image->names);
}

void
collected_release(struct collected *c)
{
	for (size_t i = 0; i < c->n_images; i++) {
		image_release(&c->images[i]);
		strv_release(&c->tags[i]);
	}
	free(c->images);
	free(c->tags);
	free(c->blobs);
	index_release(&c->index);
	*c = (struct collected){ 0 };
}

static void
add_blob(struct collected *c, const struct descriptor *d)
{
	xgrow(&c->blobs, c->n_blobs, &c->room, sizeof(*c->blobs));
	c->blobs[c->n_blobs++] = (struct collected_blob){ .digest = d->digest, .size = d->size };
}

static int
compare_blobs(const void *a, const void *b)
{
	const struct collected_blob *x = a;
	const struct collected_blob *y = b;

	return digest_compare(&x->digest, &y->digest);
}

static void
sort_blobs(struct collected *c)
{
	size_t kept = 0;

	if (c->n_blobs > 1)
		qsort(c->blobs, c->n_blobs, sizeof(*c->blobs), compare_blobs);
	for (size_t i = 0; i < c->n_blobs; i++)
		if (i == 0 || !digest_equal(&c->blobs[i].digest, &c->blobs[kept - 1].digest))
			c->blobs[kept++] = c->blobs[i];
	c->n_blobs = kept;
}

static int
add_manifest(struct store *store, struct collected *c, const struct descriptor *d, struct error *e)
{
	auto(buf) struct buf b = { 0 };
	auto(manifest) struct manifest m = { 0 };

	if (store_blob_read(store, &d->digest, JSON_MAX_BYTES, &b, e) < 0 ||
	    manifest_parse(buf_text(&b), b.len, d->media_type, &m, e) < 0)
		return -1;
	add_blob(c, d);
	add_blob(c, &m.config);
	for (size_t i = 0; i < m.n_layers; i++)
		add_blob(c, &m.layers[i]);
	return 0;
}

/* Of an index, the members that are in the store. */
static int
add_tree(struct store *store, struct collected *c, const struct descriptor *d, int depth,
    struct error *e)
{
	auto(buf) struct buf b = { 0 };
	auto(index) struct index index = { 0 };

	if (media_class(d->media_type) == MEDIA_MANIFEST)
		return add_manifest(store, c, d, e);
	if (depth > NESTING_MAX)
		return error_set(e, ERR_INPUT, "indexes are nested more than %d deep", NESTING_MAX);
	if (store_blob_read(store, &d->digest, JSON_MAX_BYTES, &b, e) < 0 ||
	    index_parse(buf_text(&b), b.len, d->media_type, &index, e) < 0)
		return -1;
	add_blob(c, d);
	for (size_t i = 0; i < index.n_manifests; i++) {
		const struct descriptor *member = &index.manifests[i];
		enum media_class class = media_class(member->media_type);

		if (class != MEDIA_MANIFEST && class != MEDIA_INDEX)
			continue;
		if (store_blob_has(store, &member->digest) &&
		    add_tree(store, c, member, depth + 1, e) < 0)
			return -1;
	}
	return 0;
}

/* ---- names ---- */

static int
check_new(const struct collected *c, const char *name, struct error *e)
{
	for (size_t i = 0; i < c->index.n_manifests; i++) {
		const char *other =
		    descriptor_annotation(&c->index.manifests[i], ANNOTATION_IMAGE_NAME);

		if (other && strcmp(other, name) == 0)
			return error_set(
			    e, ERR_USAGE, "two images cannot both be named '%s'", name);
	}
	return 0;
}

static int
add_name(struct collected *c, const struct descriptor *d, const char *text, struct strv *tags,
    struct error *e)
{
	auto(reference) struct reference r = { 0 };
	auto(descriptor) struct descriptor entry = { 0 };
	autofree char *whole = NULL;
	char *familiar;

	if (reference_parse(text, &r, e) < 0)
		return -1;
	if (!r.tag)
		return 0; /* a digest alone names nothing in an archive */
	free(r.digest);
	r.digest = NULL;
	whole = reference_text(&r);
	familiar = reference_short(&r);
	if (strv_has(tags, familiar)) {
		free(familiar);
		return 0;
	}
	strv_take(tags, familiar);
	if (check_new(c, whole, e) < 0)
		return -1;
	descriptor_copy(&entry, d);
	descriptor_set_annotation(&entry, ANNOTATION_IMAGE_NAME, whole);
	descriptor_set_annotation(&entry, ANNOTATION_REF_NAME, r.tag);
	index_add(&c->index, &entry);
	return 0;
}

void
collect_tell_apart(struct index *index, size_t first)
{
	for (size_t i = first; i < index->n_manifests; i++) {
		struct descriptor *d = &index->manifests[i];
		const char *tag = descriptor_annotation(d, ANNOTATION_REF_NAME);
		const char *name = descriptor_annotation(d, ANNOTATION_IMAGE_NAME);
		auto(reference) struct reference r = { 0 };
		struct error ignored = ERROR_INIT;
		autofree char *familiar = NULL;
		bool is_shared = false;

		for (size_t j = 0; j < index->n_manifests && tag; j++) {
			const char *other =
			    descriptor_annotation(&index->manifests[j], ANNOTATION_REF_NAME);

			is_shared |= j != i && other && strcmp(other, tag) == 0;
		}
		if (!is_shared || !name || reference_parse(name, &r, &ignored) < 0)
			continue;
		familiar = reference_short(&r);
		descriptor_set_annotation(d, ANNOTATION_REF_NAME, familiar);
	}
}

static int
add_image(
    struct store *store, struct collected *c, const struct output_image *from, struct error *e)
{
	auto(descriptor) struct descriptor d = { 0 };
	size_t at = c->n_images;

	if (image_describe(store, &from->digest, &d, e) < 0)
		return -1;
	c->n_images++;
	if (image_load_any(store, &from->digest, &c->images[at], e) < 0 ||
	    add_tree(store, c, &d, 0, e) < 0)
		return -1;
	for (size_t i = 0; i < from->names.count; i++)
		if (add_name(c, &d, from->names.items[i], &c->tags[at], e) < 0)
			return -1;
	if (c->tags[at].count == 0)
		index_add(&c->index, &d);
	return 0;
}

int
collect(struct store *store, const struct output_image *images, size_t count, struct collected *c,
    struct error *e)
{
	*c = (struct collected){ 0 };
	c->images = xcalloc(count + 1, sizeof(*c->images));
	c->tags = xcalloc(count + 1, sizeof(*c->tags));
	for (size_t i = 0; i < count; i++) {
		if (add_image(store, c, &images[i], e) < 0) {
			collected_release(c);
			return -1;
		}
	}
	collect_tell_apart(&c->index, 0);
	sort_blobs(c);
	return 0;
}

int
collect_copy(struct store *store, const struct collected_blob *blob, int to, struct error *e)
{
	char text[DIGEST_TEXT_LEN + 1];
	uint64_t size = 0;
	uint64_t done = 0;
	autofd int from = store_blob_open(store, &blob->digest, &size, e);
	autohash struct hash *h = hash_new();
	autofree char *bytes = xmalloc(PIECE_SIZE);
	struct digest found;

	if (from < 0)
		return -1;
	while (size == blob->size && done < size) {
		ssize_t got = read(from, bytes, PIECE_SIZE);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return error_sys(
			    e, "cannot read blob %s", digest_text(&blob->digest, text));
		if (got == 0)
			break;
		hash_add(h, bytes, (size_t)got);
		if (fd_write_all(to, bytes, (size_t)got, e) < 0)
			return -1;
		done += (uint64_t)got;
	}
	hash_finish(h, &found);
	if (done == blob->size && digest_equal(&found, &blob->digest))
		return 0;
	error_set(
	    e, ERR_INPUT, "blob %s in the store is damaged", digest_text(&blob->digest, text));
	return error_hint(e, "croze store check --repair removes what is damaged");
}
