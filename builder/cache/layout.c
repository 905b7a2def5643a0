/* SPDX-License-Identifier: Apache-2.0 */
/*
 * layout - a cache in a directory, an OCI image layout (image-spec, image-layout.md).
 *
 * A writer holds a lock on the directory itself. Blobs come first, each under another name until it is whole, then index.json; a
 * reader needs no lock. What the cache of the same tag had before and nothing names any more is removed: a reader that
 * was about to take it runs the step.
 */
#include "builder/cache/transport.h"

#include "builder/image/index.h"
#include "builder/image/manifest.h"
#include "builder/store/layout.h"
#include "runtime/base/fd.h"
#include "runtime/base/mem.h"
#include "runtime/base/path.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

/* ---- reading ---- */

static int
open_blobs(int dir, struct error *e)
{
	return path_open(dir, LAYOUT_BLOBS, O_RDONLY | O_DIRECTORY, 0, PATH_NO_SYMLINKS, e);
}

static int
read_index(int dir, struct index *index, struct error *e)
{
	auto(buf) struct buf text = { 0 };

	if (path_read_file(dir, "index.json", &text, JSON_MAX_BYTES, e) < 0 ||
	    index_parse(buf_text(&text), text.len, NULL, index, e) < 0)
		return error_ctx(e, "'index.json'");
	return 0;
}

static const struct descriptor *
find_entry(const struct index *index, const struct cache_place *place)
{
	char text[DIGEST_TEXT_LEN + 1];

	for (size_t i = 0; i < index->n_manifests; i++) {
		const struct descriptor *d = &index->manifests[i];
		const char *name = descriptor_annotation(d, ANNOTATION_REF_NAME);

		if (media_class(d->media_type) != MEDIA_MANIFEST)
			continue;
		if (place->digest ? strcmp(digest_text(&d->digest, text), place->digest) == 0
				  : name && strcmp(name, place->tag) == 0)
			return d;
	}
	return NULL;
}

/* A small blob, checked. */
static int
read_blob(int blobs, const struct descriptor *d, size_t max, struct buf *text, struct error *e)
{
	char hex[DIGEST_HEX_LEN + 1];
	struct digest found;

	buf_clear(text);
	if (path_read_file(blobs, digest_hex(&d->digest, hex), text, max, e) < 0)
		return -1;
	digest_of(buf_text(text), text->len, &found);
	if (!digest_equal(&found, &d->digest))
		return error_set(e, ERR_INPUT, "the blob sha256:%s has another digest", hex);
	return 0;
}

static int
read_manifest(int blobs, const struct descriptor *d, struct manifest *m, struct error *e)
{
	auto(buf) struct buf text = { 0 };

	if (read_blob(blobs, d, JSON_MAX_BYTES, &text, e) < 0)
		return -1;
	return manifest_parse(buf_text(&text), text.len, d->media_type, m, e);
}

static int
open_source(const struct cache_place *place, struct error *e)
{
	int dir = path_open_user(place->dir, O_RDONLY | O_DIRECTORY, 0, e);

	if (dir < 0 && e->sys == ENOENT)
		e->kind = ERR_NOT_FOUND;
	return dir;
}

static int
read_document(
    const struct transport_call *call, struct buf *text, char **media_type, struct error *e)
{
	autofd int dir = open_source(call->place, e);
	autofd int blobs = dir < 0 ? -1 : open_blobs(dir, e);
	auto(index) struct index index = { 0 };
	auto(manifest) struct manifest m = { 0 };
	const struct descriptor *entry;

	if (blobs < 0 || read_index(dir, &index, e) < 0)
		return -1;
	entry = find_entry(&index, call->place);
	if (!entry)
		return error_set(e, ERR_NOT_FOUND, "it has no '%s'",
		    call->place->digest ? call->place->digest : call->place->tag);
	if (read_manifest(blobs, entry, &m, e) < 0 ||
	    read_blob(blobs, &m.config, CACHE_DOCUMENT_MAX, text, e) < 0)
		return -1;
	*media_type = xstrdup(m.config.media_type);
	return 0;
}

static int
fetch_blob(
    const struct transport_call *call, int blobs, const struct cache_layer *layer, struct error *e)
{
	char hex[DIGEST_HEX_LEN + 1];
	autofd int fd =
	    path_open(blobs, digest_hex(&layer->digest, hex), O_RDONLY, 0, PATH_NO_SYMLINKS, e);

	if (fd < 0 || transport_take_blob(call->store, fd, layer, e) < 0)
		return -1;
	__atomic_fetch_add(&call->pulse->bytes, layer->size, __ATOMIC_RELAXED);
	return 0;
}

static int
fetch_blobs(const struct transport_call *call, struct transport_blob *blobs, size_t n_blobs,
    struct error *e)
{
	autofd int dir = open_source(call->place, e);
	autofd int from = dir < 0 ? -1 : open_blobs(dir, e);

	if (from < 0)
		return -1;
	for (size_t i = 0; i < n_blobs; i++)
		if (!store_blob_has(call->store, &blobs[i].layer.digest))
			(void)fetch_blob(call, from, &blobs[i].layer, &blobs[i].error);
	return 0;
}

/* ---- writing ---- */

/* The directory, locked; *@blobs gets its folder of blobs. */
static int
open_dest(const char *path, int *blobs, struct error *e)
{
	autofd int dir = -1;

	if (path_make_dirs_user(path, e) < 0)
		return -1;
	dir = path_open_user(path, O_RDONLY | O_DIRECTORY, 0, e);
	if (dir < 0)
		return -1;
	if (flock(dir, LOCK_EX) < 0)
		return error_sys(e, "cannot lock '%s'", path);
	*blobs = layout_prepare(dir, e);
	return *blobs < 0 ? error_ctx(e, "'%s'", path) : steal_fd(&dir);
}

/* A blob that goes there. */
struct blob {
	struct store *store;
	const struct descriptor *descriptor;
};

static int
write_blob(void *arg, int fd, struct error *e)
{
	const struct blob *b = arg;
	uint64_t size;
	autofd int from = store_blob_open(b->store, &b->descriptor->digest, &size, e);

	return from < 0 ? -1 : fd_copy(from, fd, size, NULL, e);
}

static int
put_blob(const struct transport_call *call, int blobs, const struct descriptor *d,
    struct cache_given *given, struct error *e)
{
	struct blob blob = { call->store, d };
	int put = layout_put_blob(blobs, &d->digest, d->size, write_blob, &blob, e);

	if (put <= 0)
		return put;
	given->bytes += d->size;
	__atomic_fetch_add(&call->pulse->bytes, d->size, __ATOMIC_RELAXED);
	return 0;
}

/* index.json as it will be; @old gets the cache that had the tag. */
static int
make_index(int dir, const struct cache_place *place, const struct descriptor *d,
    struct index *merged, struct descriptor *old, struct error *e)
{
	auto(index) struct index before = { 0 };
	auto(descriptor) struct descriptor named = { 0 };

	if (faccessat(dir, "index.json", F_OK, AT_SYMLINK_NOFOLLOW) == 0 &&
	    read_index(dir, &before, e) < 0)
		return -1;
	for (size_t i = 0; i < before.n_manifests; i++) {
		const struct descriptor *entry = &before.manifests[i];
		const char *name = descriptor_annotation(entry, ANNOTATION_REF_NAME);

		if (name && strcmp(name, place->tag) == 0)
			descriptor_copy(old, entry);
		else
			index_add(merged, entry);
	}
	descriptor_copy(&named, d);
	descriptor_set_annotation(&named, ANNOTATION_REF_NAME, place->tag);
	index_add(merged, &named);
	return 0;
}

/* Adds what @d names; false when that cannot be told. */
static bool
add_named(int blobs, const struct descriptor *d, struct strv *names)
{
	auto(manifest) struct manifest m = { 0 };
	struct error ignored = ERROR_INIT;
	char hex[DIGEST_HEX_LEN + 1];

	if (media_class(d->media_type) != MEDIA_MANIFEST ||
	    read_manifest(blobs, d, &m, &ignored) < 0)
		return false;
	strv_add(names, digest_hex(&d->digest, hex));
	strv_add(names, digest_hex(&m.config.digest, hex));
	for (size_t i = 0; i < m.n_layers; i++)
		strv_add(names, digest_hex(&m.layers[i].digest, hex));
	return true;
}

/* What only the former cache had. Where anything else is in the layout, all of it stays. */
static void
remove_old(int blobs, const struct index *index, const struct descriptor *old)
{
	auto(strv) struct strv wanted = { 0 };
	auto(strv) struct strv gone = { 0 };

	if (!old->media_type || !add_named(blobs, old, &gone))
		return;
	for (size_t i = 0; i < index->n_manifests; i++)
		if (!add_named(blobs, &index->manifests[i], &wanted))
			return;
	for (size_t i = 0; i < gone.count; i++)
		if (!strv_has(&wanted, gone.items[i]))
			(void)unlinkat(blobs, gone.items[i], 0); /* it only takes room */
}

static int
put_artifact(const struct transport_call *call, int blobs, const struct descriptor *d,
    struct cache_given *given, struct error *e)
{
	auto(manifest) struct manifest m = { 0 };
	auto(buf) struct buf text = { 0 };

	if (store_blob_read(call->store, &d->digest, JSON_MAX_BYTES, &text, e) < 0 ||
	    manifest_parse(buf_text(&text), text.len, d->media_type, &m, e) < 0)
		return -1;
	for (size_t i = 0; i < m.n_layers; i++)
		if (put_blob(call, blobs, &m.layers[i], given, e) < 0)
			return -1;
	given->n_layers = m.n_layers;
	if (put_blob(call, blobs, &m.config, given, e) < 0)
		return -1;
	return put_blob(call, blobs, d, given, e);
}

static int
write_cache(const struct transport_call *call, const struct cache_records *records,
    struct cache_given *given, struct error *e)
{
	autofd int blobs = -1;
	autofd int dir = open_dest(call->place->dir, &blobs, e);
	auto(descriptor) struct descriptor d = { 0 };
	auto(descriptor) struct descriptor old = { 0 };
	auto(index) struct index index = { 0 };
	auto(buf) struct buf text = { 0 };

	if (dir < 0 || transport_make_artifact(call->store, records, &d, e) < 0 ||
	    put_artifact(call, blobs, &d, given, e) < 0 ||
	    make_index(dir, call->place, &d, &index, &old, e) < 0)
		return -1;
	index_write(&index, &text);
	if (path_write_file(dir, "index.json", text.data, text.len, 0644, false, e) < 0)
		return -1;
	remove_old(blobs, &index, &old);
	return 0;
}

const struct transport transport_layout = { read_document, fetch_blobs, write_cache };
