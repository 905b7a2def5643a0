/* SPDX-License-Identifier: Apache-2.0 */
/*
 * writer - entries to a layer: tar, digest, compression, digest, file, in one pass.
 *
 * The tar goes into blocks of a fixed size (blocks.h), which are digested, compressed and written
 * behind the caller's back. Files are read straight into them: no byte is copied between read(2)
 * and the compressor.
 */
#include "builder/layer/writer.h"

#include "builder/layer/blocks.h"
#include "builder/layer/tar.h"
#include "runtime/base/mem.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SPARSE_MIN (4U << 20) /* files below this are read without asking for holes */

struct layer_writer {
	struct layer_options options;
	struct blocks *blocks;
	struct listing_builder *listing;
	struct buf head; /* headers of the entry at hand */
	struct buf last; /* path of the last entry */
	uint64_t n_entries;
};

int
layer_writer_open(int out, const struct layer_options *options, struct listing_builder *listing,
    struct layer_writer **w, struct error *e)
{
	struct blocks *blocks;

	if (blocks_open(out, options->compression, options->level, options->threads, &blocks, e) <
	    0)
		return -1;
	*w = xcalloc(1, sizeof(**w));
	(*w)->options = *options;
	(*w)->listing = listing;
	(*w)->blocks = blocks;
	return 0;
}

static void
release(struct layer_writer *w)
{
	blocks_close(w->blocks);
	buf_release(&w->head);
	buf_release(&w->last);
	free(w);
}

void
layer_writer_abort(struct layer_writer *w)
{
	if (w)
		release(w);
}

static int
changed(const char *path, struct error *e)
{
	error_set(e, ERR_INPUT, "'%s' changed while it was read", path);
	return error_hint(e, "build again when nothing writes to it");
}

static int
put_bytes(struct layer_writer *w, const void *bytes, size_t length, struct error *e)
{
	const char *from = bytes;
	size_t room;
	void *to;

	while (length > 0) {
		to = blocks_room(w->blocks, &room, e);
		if (!to)
			return -1;
		if (room > length)
			room = length;
		memcpy(to, from, room);
		blocks_add(w->blocks, room);
		from += room;
		length -= room;
	}
	return 0;
}

static int
put_zeros(struct layer_writer *w, uint64_t length, struct error *e)
{
	size_t room;
	void *to;

	while (length > 0) {
		to = blocks_room(w->blocks, &room, e);
		if (!to)
			return -1;
		if (room > length)
			room = (size_t)length;
		memset(to, 0, room);
		blocks_add(w->blocks, room);
		length -= room;
	}
	return 0;
}

static ssize_t
read_some(int fd, void *to, size_t length)
{
	ssize_t got;

	do
		got = read(fd, to, length);
	while (got < 0 && errno == EINTR);
	return got;
}

/*
 * Reads exactly @length bytes. When @to_end, nothing may follow: the read that takes the last
 * bytes asks for one more, so that a small file costs one call.
 */
static int
put_range(
    struct layer_writer *w, const char *path, int fd, uint64_t length, bool to_end, struct error *e)
{
	size_t room, want;
	ssize_t got;
	char *to, extra;

	while (length > 0) {
		to = blocks_room(w->blocks, &room, e);
		if (!to)
			return -1;
		want = room > length ? (size_t)length + to_end : room;
		got = read_some(fd, to, want);
		if (got < 0)
			return error_sys(e, "cannot read '%s'", path);
		if (got == 0 || (uint64_t)got > length)
			return changed(path, e);
		blocks_add(w->blocks, (size_t)got);
		length -= (uint64_t)got;
		if (length == 0 && (size_t)got < want)
			return 0;
	}
	if (!to_end)
		return 0;
	got = read_some(fd, &extra, 1);
	if (got < 0)
		return error_sys(e, "cannot read '%s'", path);
	return got == 0 ? 0 : changed(path, e);
}

/* A large file, its holes as zeros without reading them (lseek(2), SEEK_DATA). */
static int
put_sparse(struct layer_writer *w, const char *path, int fd, uint64_t length, struct error *e)
{
	off_t start = lseek(fd, 0, SEEK_CUR);
	off_t at = start, data, hole;
	off_t end = start + (off_t)length;

	while (start >= 0 && at < end) {
		data = lseek(fd, at, SEEK_DATA);
		if (data < 0 && errno == ENXIO)
			data = end;
		if (data < 0 || (hole = data < end ? lseek(fd, data, SEEK_HOLE) : end) < 0)
			break;
		if (data > end || hole > end)
			return changed(path, e);
		if (put_zeros(w, (uint64_t)(data - at), e) < 0)
			return -1;
		if (data < end && lseek(fd, data, SEEK_SET) < 0)
			return error_sys(e, "cannot read '%s'", path);
		if (put_range(w, path, fd, (uint64_t)(hole - data), false, e) < 0)
			return -1;
		at = hole;
	}
	if (start < 0)
		return put_range(w, path, fd, length, true, e);
	if (lseek(fd, at, SEEK_SET) < 0)
		return error_sys(e, "cannot read '%s'", path);
	return put_range(w, path, fd, (uint64_t)(end - at), true, e);
}

static void
adjust_time(const struct layer_options *options, struct timespec *time)
{
	const struct timespec *limit = &options->clamp_to;
	bool later = time->tv_sec > limit->tv_sec ||
	             (time->tv_sec == limit->tv_sec && time->tv_nsec > limit->tv_nsec);

	if (options->rewrite || (options->clamp && later))
		*time = *limit;
	if (options->whole_seconds)
		time->tv_nsec = 0;
}

static int
check_order(struct layer_writer *w, const struct entry *entry, struct error *e)
{
	if (w->n_entries && entry_path_compare(buf_text(&w->last), entry->path) >= 0)
		return error_set(e, ERR_INPUT, "'%s' comes after '%s' in a layer",
		    buf_text(&w->last), entry->path);
	buf_clear(&w->last);
	buf_add_text(&w->last, entry->path);
	w->n_entries++;
	return 0;
}

/* The headers. Returns how many bytes of content follow. */
static int
put_head(struct layer_writer *w, const struct entry *entry, uint64_t *size, struct error *e)
{
	struct entry adjusted = *entry;

	adjust_time(&w->options, &adjusted.mtime);
	if (check_order(w, entry, e) < 0)
		return -1;
	buf_clear(&w->head);
	if (tar_add_header(&w->head, &adjusted, e) < 0)
		return -1;
	if (put_bytes(w, w->head.data, w->head.len, e) < 0)
		return -1;
	if (w->listing)
		listing_builder_add(w->listing, &adjusted);
	*size = 0;
	if (S_ISREG(entry->mode) && !entry->is_hardlink && entry->whiteout == ENTRY_KEEPS)
		*size = entry->size;
	return 0;
}

int
layer_writer_add(void *writer, const struct entry *entry, int content, struct error *e)
{
	struct layer_writer *w = writer;
	uint64_t size;
	int result;

	if (put_head(w, entry, &size, e) < 0)
		return -1;
	if (size == 0)
		return 0;
	if (content < 0)
		return error_set(e, ERR_INPUT, "the content of '%s' is missing", entry->path);
	if (size >= SPARSE_MIN)
		result = put_sparse(w, entry->path, content, size, e);
	else
		result = put_range(w, entry->path, content, size, true, e);
	if (result < 0)
		return -1;
	return put_zeros(w, tar_padding(size), e);
}

int
layer_writer_add_bytes(
    struct layer_writer *w, const struct entry *entry, const void *bytes, struct error *e)
{
	uint64_t size;

	if (put_head(w, entry, &size, e) < 0 || put_bytes(w, bytes, (size_t)size, e) < 0)
		return -1;
	return put_zeros(w, tar_padding(size), e);
}

int
layer_writer_finish(struct layer_writer *w, struct layer_result *result, struct error *e)
{
	int ended = put_zeros(w, 2 * TAR_BLOCK, e);

	if (ended == 0)
		ended = blocks_finish(w->blocks, result, e);
	if (ended == 0)
		result->n_entries = w->n_entries;
	release(w);
	return ended;
}

const char *
layer_media_type(enum compression compression)
{
	static const char *const types[] = {
		[COMPRESSION_NONE] = "application/vnd.oci.image.layer.v1.tar",
		[COMPRESSION_GZIP] = "application/vnd.oci.image.layer.v1.tar+gzip",
		[COMPRESSION_ZSTD] = "application/vnd.oci.image.layer.v1.tar+zstd",
	};

	return types[compression];
}
