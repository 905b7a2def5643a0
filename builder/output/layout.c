/* SPDX-License-Identifier: Apache-2.0 */
/*
 * layout - an OCI image layout as a directory (image-spec, image-layout.md).
 *
 * Blobs first, index.json last, each renamed to its place: whoever reads the layout meanwhile sees it as it was or as it
 * will be.
 */
#include "builder/output/layout.h"

#include "builder/output/file.h"
#include "builder/store/layout.h"
#include "runtime/base/fd.h"
#include "runtime/base/mem.h"
#include "runtime/base/path.h"

#include <fcntl.h>
#include <unistd.h>

/* One that goes there. */
struct blob {
	struct store *store;
	const struct collected_blob *blob;
};

static int
write_blob(void *arg, int fd, struct error *e)
{
	const struct blob *b = arg;

	return collect_copy(b->store, b->blob, fd, e);
}

static bool
takes_place_of(const struct collected *c, const struct descriptor *old)
{
	const char *name = descriptor_annotation(old, ANNOTATION_IMAGE_NAME);
	const char *ref = descriptor_annotation(old, ANNOTATION_REF_NAME);

	for (size_t i = 0; i < c->index.n_manifests; i++) {
		const struct descriptor *d = &c->index.manifests[i];
		const char *new_name = descriptor_annotation(d, ANNOTATION_IMAGE_NAME);
		const char *new_ref = descriptor_annotation(d, ANNOTATION_REF_NAME);

		if (name ? new_name && strcmp(name, new_name) == 0
			 : ref && new_ref && strcmp(ref, new_ref) == 0)
			return true;
		if (!name && !ref && digest_equal(&d->digest, &old->digest))
			return true;
	}
	return false;
}

static int
put_index(int dest, const struct collected *c, struct error *e)
{
	auto(buf) struct buf old_text = { 0 };
	auto(buf) struct buf text = { 0 };
	auto(index) struct index old = { 0 };
	auto(index) struct index merged = { 0 };
	size_t first;

	if (faccessat(dest, "index.json", F_OK, AT_SYMLINK_NOFOLLOW) == 0 &&
	    (path_read_file(dest, "index.json", &old_text, JSON_MAX_BYTES, e) < 0 ||
		index_parse(buf_text(&old_text), old_text.len, NULL, &old, e) < 0))
		return error_ctx(e, "'index.json'");
	for (size_t i = 0; i < old.n_manifests; i++)
		if (!takes_place_of(c, &old.manifests[i]))
			index_add(&merged, &old.manifests[i]);
	first = merged.n_manifests;
	for (size_t i = 0; i < c->index.n_manifests; i++)
		index_add(&merged, &c->index.manifests[i]);
	collect_tell_apart(&merged, first);
	index_write(&merged, &text);
	return path_write_file(dest, "index.json", text.data, text.len, 0644, false, e);
}

int
layout_write(struct store *store, const struct collected *c, const char *path, struct error *e)
{
	autofd int dest = out_directory_open(path, e);
	autofd int blobs = dest < 0 ? -1 : layout_prepare(dest, e);

	if (blobs < 0)
		return -1;
	for (size_t i = 0; i < c->n_blobs; i++) {
		struct blob blob = { store, &c->blobs[i] };

		if (layout_put_blob(
			blobs, &c->blobs[i].digest, c->blobs[i].size, write_blob, &blob, e) < 0)
			return -1;
	}
	return put_index(dest, c, e);
}
