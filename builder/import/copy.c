/* SPDX-License-Identifier: Apache-2.0 */
/*
 * copy - blobs from outside into the store, each checked against its digest.
 *
 * The bytes that are hashed are those that are kept: what is read is hashed and written, or the file is cloned and the
 * clone hashed. Reading a second time could give other bytes.
 */
#include "builder/import/private.h"

#include "runtime/base/fd.h"
#include "runtime/base/mem.h"

#include <errno.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define PIECE_SIZE (256U << 10)
#define NESTING_MAX 4

static int
copy_and_hash(const struct piece *p, int to, struct digest *digest, struct error *e)
{
	autohash struct hash *h = hash_new();
	autofree char *bytes = xmalloc(PIECE_SIZE);
	uint64_t at = 0;

	while (at < p->size) {
		size_t want = p->size - at < PIECE_SIZE ? (size_t)(p->size - at) : PIECE_SIZE;
		ssize_t got = pread(p->fd, bytes, want, (off_t)(p->offset + at));

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return error_sys(e, "cannot read a blob");
		if (got == 0)
			return error_set(e, ERR_INPUT, "a blob became shorter while it was read");
		hash_add(h, bytes, (size_t)got);
		if (fd_write_all(to, bytes, (size_t)got, e) < 0)
			goto full;
		at += (uint64_t)got;
	}
	hash_finish(h, digest);
	return 0;
full:
	if (e->kind == ERR_TEMPORARY)
		error_hint(e, "croze prune gives back what nothing needs");
	return error_ctx(e, "cannot write a blob");
}

/* Returns 1 when it was cloned, 0 when that cannot be done here. */
static int
clone_and_hash(struct piece *p, int to, struct digest *digest, struct error *e)
{
	if (!p->is_whole || p->size == 0 || ioctl(to, FICLONE, p->fd) < 0)
		return 0;
	if (digest_of_fd(to, digest, &p->size, e) < 0)
		return error_ctx(e, "cannot read a blob");
	return 1;
}

int
copy_piece(struct store *store, const struct piece *p, const struct digest *expected,
    struct digest *digest, struct error *e)
{
	auto(blob_writer) struct blob_writer w = BLOB_WRITER_INIT;
	struct piece piece = *p;
	int cloned;

	if (blob_writer_open(&w, store, e) < 0)
		return -1;
	cloned = clone_and_hash(&piece, w.fd, digest, e);
	if (cloned < 0 || (cloned == 0 && copy_and_hash(&piece, w.fd, digest, e) < 0))
		return -1;
	if (expected && !digest_equal(digest, expected))
		return error_set(e, ERR_INPUT, "its bytes have another digest");
	return blob_writer_commit(&w, digest, piece.size, e);
}

int
copy_blob(struct store *store, const struct source *s, const struct descriptor *d, struct error *e)
{
	auto(piece) struct piece p = { .fd = -1 };
	char text[DIGEST_TEXT_LEN + 1];
	struct digest digest;

	if (store_blob_has(store, &d->digest))
		return 0;
	if (source_open_blob(s, &d->digest, &p, e) < 0)
		return -1;
	if (p.size != d->size)
		return error_set(e, ERR_INPUT, "blob %s in '%s' has %llu bytes, not %llu",
		    digest_text(&d->digest, text), s->label, (unsigned long long)p.size,
		    (unsigned long long)d->size);
	if (copy_piece(store, &p, &d->digest, &digest, e) < 0)
		return error_ctx(e, "blob %s in '%s'", digest_text(&d->digest, text), s->label);
	return 0;
}

static int
read_manifest(
    const struct source *s, const struct descriptor *d, struct manifest *m, struct error *e)
{
	auto(buf) struct buf b = { 0 };
	char text[DIGEST_TEXT_LEN + 1];

	if (source_read_blob(s, d, &b, e) < 0)
		return -1;
	if (manifest_parse(buf_text(&b), b.len, d->media_type, m, e) < 0)
		return error_ctx(e, "%s in '%s'", digest_text(&d->digest, text), s->label);
	return 0;
}

int
copy_manifest(
    struct store *store, const struct source *s, const struct descriptor *d, struct error *e)
{
	auto(manifest) struct manifest m = { 0 };

	if (read_manifest(s, d, &m, e) < 0 || copy_blob(store, s, &m.config, e) < 0)
		return -1;
	for (size_t i = 0; i < m.n_layers; i++)
		if (copy_blob(store, s, &m.layers[i], e) < 0)
			return -1;
	return copy_blob(store, s, d, e);
}

/* Layouts of several platforms are often cut down to some of them: what lacks a blob is left out. */
static bool
is_whole(const struct source *s, const struct descriptor *d)
{
	auto(manifest) struct manifest m = { 0 };
	struct error ignored = ERROR_INIT;

	if (read_manifest(s, d, &m, &ignored) < 0 || !source_has_blob(s, &m.config.digest))
		return false;
	for (size_t i = 0; i < m.n_layers; i++)
		if (!source_has_blob(s, &m.layers[i].digest))
			return false;
	return true;
}

static int copy_index(struct store *store, const struct source *s, const struct descriptor *d,
    int depth, size_t *n_copied, struct error *e);

static int
copy_member(struct store *store, const struct source *s, const struct descriptor *d, int depth,
    size_t *n_copied, struct error *e)
{
	if (!source_has_blob(s, &d->digest))
		return 0;
	switch (media_class(d->media_type)) {
	case MEDIA_INDEX:
		return copy_index(store, s, d, depth + 1, n_copied, e);
	case MEDIA_MANIFEST:
		if (!is_whole(s, d))
			return 0;
		++*n_copied;
		return copy_manifest(store, s, d, e);
	default:
		return copy_blob(store, s, d, e);
	}
}

static int
copy_index(struct store *store, const struct source *s, const struct descriptor *d, int depth,
    size_t *n_copied, struct error *e)
{
	auto(buf) struct buf b = { 0 };
	auto(index) struct index index = { 0 };
	char text[DIGEST_TEXT_LEN + 1];

	if (depth > NESTING_MAX)
		return error_set(e, ERR_INPUT, "indexes in '%s' are nested more than %d deep",
		    s->label, NESTING_MAX);
	if (source_read_blob(s, d, &b, e) < 0)
		return -1;
	if (index_parse(buf_text(&b), b.len, d->media_type, &index, e) < 0)
		return error_ctx(e, "%s in '%s'", digest_text(&d->digest, text), s->label);
	for (size_t i = 0; i < index.n_manifests; i++)
		if (copy_member(store, s, &index.manifests[i], depth, n_copied, e) < 0)
			return -1;
	return copy_blob(store, s, d, e);
}

int
copy_image(struct store *store, const struct source *s, const struct descriptor *d, struct error *e)
{
	char text[DIGEST_TEXT_LEN + 1];
	size_t n_copied = 0;

	if (media_class(d->media_type) == MEDIA_MANIFEST)
		return copy_manifest(store, s, d, e);
	if (copy_index(store, s, d, 1, &n_copied, e) < 0)
		return -1;
	if (n_copied == 0)
		return error_set(e, ERR_INPUT, "of index %s in '%s' no image is there whole",
		    digest_text(&d->digest, text), s->label);
	return 0;
}
