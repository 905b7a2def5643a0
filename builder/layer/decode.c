/* SPDX-License-Identifier: Apache-2.0 */
/*
 * decode - compressed bytes to a tar, digesting both.
 *
 * gzip and zstd are the formats of layers and go to their libraries directly; xz and bzip2 only
 * occur in archives for ADD and go through libarchive's filters.
 */
#include "builder/layer/decode.h"

#include "runtime/base/fd.h"
#include "runtime/base/mem.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zstd.h>
#ifdef HAVE_ISAL
#include <isa-l/igzip_lib.h>
#else
#include <zlib.h>
#endif

#define IN_SIZE ((size_t)256 << 10)
#define OUT_SIZE ((size_t)512 << 10)
#define ZSTD_WINDOW_LOG_MAX 27 /* 128 MiB, zstd's own limit without --long=31 */

struct decoder {
	int in;
	int out;
	uint64_t max_bytes;
	struct decode_answer *answer;
	struct hash *in_hash;
	struct hash *out_hash;
	unsigned char *in_bytes;
	size_t in_length; /* bytes of @in_bytes that were read and not used yet start at @in_at */
	size_t in_at;
	bool at_end;
	unsigned char *out_bytes;
};

/* Reads more when nothing is left; 1 when there is something, 0 at the end. */
static int
fill(struct decoder *d, struct error *e)
{
	ssize_t got;

	if (d->in_at < d->in_length)
		return 1;
	if (d->at_end)
		return 0;
	do
		got = read(d->in, d->in_bytes, IN_SIZE);
	while (got < 0 && errno == EINTR);
	if (got < 0)
		return error_sys(e, "cannot read the archive");
	d->at_end = got == 0;
	d->in_at = 0;
	d->in_length = (size_t)got;
	d->answer->size += (size_t)got;
	hash_add(d->in_hash, d->in_bytes, (size_t)got);
	return got > 0;
}

static int
put(struct decoder *d, const void *bytes, size_t length, struct error *e)
{
	d->answer->tar_size += length;
	if (d->answer->tar_size > d->max_bytes) {
		error_set(e, ERR_POLICY, "the archive is larger than %llu bytes",
		    (unsigned long long)d->max_bytes);
		return error_hint(e, "raise the limit if the archive is to be trusted");
	}
	hash_add(d->out_hash, bytes, length);
	return fd_write_all(d->out, bytes, length, e);
}

static int
copy_plain(struct decoder *d, struct error *e)
{
	int more;

	while ((more = fill(d, e)) > 0) {
		if (put(d, d->in_bytes + d->in_at, d->in_length - d->in_at, e) < 0)
			return -1;
		d->in_at = d->in_length;
	}
	return more;
}

/* Only zeros may follow the last gzip member: some writers fill blocks of a medium. */
static int
skip_zeros(struct decoder *d, struct error *e)
{
	int more;

	while ((more = fill(d, e)) > 0)
		for (; d->in_at < d->in_length; d->in_at++)
			if (d->in_bytes[d->in_at] != 0)
				return error_set(
				    e, ERR_INPUT, "there is something else after the gzip data");
	return more;
}

/* Does another gzip member begin here? */
static int
at_member(struct decoder *d, struct error *e)
{
	int more = fill(d, e);

	return more <= 0 ? more : d->in_bytes[d->in_at] == 0x1f;
}

#ifdef HAVE_ISAL
static int
decode_member(struct decoder *d, struct inflate_state *state, struct error *e)
{
	int result;

	isal_inflate_reset(state);
	state->crc_flag = ISAL_GZIP;
	while (state->block_state != ISAL_BLOCK_FINISH) {
		int more = fill(d, e);

		if (more < 0)
			return -1;
		state->next_in = d->in_bytes + d->in_at;
		state->avail_in = (uint32_t)(d->in_length - d->in_at);
		state->next_out = d->out_bytes;
		state->avail_out = OUT_SIZE;
		result = isal_inflate(state);
		d->in_at = d->in_length - state->avail_in;
		if (result != ISAL_DECOMP_OK && result != ISAL_END_INPUT)
			return error_set(e, ERR_INPUT, "damaged gzip data");
		if (put(d, d->out_bytes, OUT_SIZE - state->avail_out, e) < 0)
			return -1;
		if (!more && state->avail_out == OUT_SIZE &&
		    state->block_state != ISAL_BLOCK_FINISH)
			return error_set(e, ERR_INPUT, "truncated gzip data");
	}
	return 0;
}

static int
decode_gzip(struct decoder *d, struct error *e)
{
	autofree struct inflate_state *state = xmalloc(sizeof(*state));
	int more;

	isal_inflate_init(state);
	do {
		if (decode_member(d, state, e) < 0)
			return -1;
		more = at_member(d, e);
	} while (more > 0);
	return more < 0 ? -1 : skip_zeros(d, e);
}
#else
static int
decode_member(struct decoder *d, z_stream *stream, struct error *e)
{
	int result = Z_OK, more;

	if (inflateReset(stream) != Z_OK)
		return error_set(e, ERR_SYSTEM, "zlib cannot be set up");
	while (result != Z_STREAM_END) {
		more = fill(d, e);
		if (more < 0)
			return -1;
		stream->next_in = d->in_bytes + d->in_at;
		stream->avail_in = (uInt)(d->in_length - d->in_at);
		stream->next_out = d->out_bytes;
		stream->avail_out = (uInt)OUT_SIZE;
		result = inflate(stream, Z_NO_FLUSH);
		d->in_at = d->in_length - stream->avail_in;
		if (result == Z_BUF_ERROR && !more)
			return error_set(e, ERR_INPUT, "truncated gzip data");
		if (result != Z_OK && result != Z_STREAM_END && result != Z_BUF_ERROR)
			return error_set(e, ERR_INPUT, "damaged gzip data");
		if (put(d, d->out_bytes, OUT_SIZE - stream->avail_out, e) < 0)
			return -1;
	}
	return 0;
}

static int
decode_gzip(struct decoder *d, struct error *e)
{
	z_stream stream = { 0 };
	int more = -1;

	if (inflateInit2(&stream, 15 + 16) != Z_OK)
		return error_set(e, ERR_SYSTEM, "zlib cannot be set up");
	do
		more = decode_member(d, &stream, e) < 0 ? -1 : at_member(d, e);
	while (more > 0);
	(void)inflateEnd(&stream);
	return more < 0 ? -1 : skip_zeros(d, e);
}
#endif

static int
run_zstd(struct decoder *d, ZSTD_DCtx *context, struct error *e)
{
	size_t left = 0;
	int more;

	while ((more = fill(d, e)) > 0) {
		ZSTD_inBuffer in = { d->in_bytes, d->in_length, d->in_at };
		ZSTD_outBuffer out = { d->out_bytes, OUT_SIZE, 0 };

		do {
			out.pos = 0;
			left = ZSTD_decompressStream(context, &out, &in);
			if (ZSTD_isError(left))
				return error_set(
				    e, ERR_INPUT, "damaged zstd data: %s", ZSTD_getErrorName(left));
			if (put(d, d->out_bytes, out.pos, e) < 0)
				return -1;
		} while (in.pos < in.size || out.pos == out.size);
		d->in_at = in.pos;
	}
	if (more == 0 && left != 0)
		return error_set(e, ERR_INPUT, "truncated zstd data");
	return more;
}

static int
decode_zstd(struct decoder *d, struct error *e)
{
	ZSTD_DCtx *context = ZSTD_createDCtx();
	int result = -1;

	if (!context ||
	    ZSTD_isError(ZSTD_DCtx_setParameter(context, ZSTD_d_windowLogMax, ZSTD_WINDOW_LOG_MAX)))
		error_set(e, ERR_SYSTEM, "zstd cannot be set up");
	else
		result = run_zstd(d, context, e);
	(void)ZSTD_freeDCtx(context);
	return result;
}

/* libarchive's read callback. */
static la_ssize_t
give_bytes(struct archive *a, void *arg, const void **bytes)
{
	struct error e = ERROR_INIT;
	struct decoder *d = arg;
	size_t length;

	if (fill(d, &e) < 0) {
		archive_set_error(a, e.sys, "%s", e.text);
		return -1;
	}
	length = d->in_length - d->in_at;
	*bytes = d->in_bytes + d->in_at;
	d->in_at = d->in_length;
	return (la_ssize_t)length;
}

static int
run_filter(struct decoder *d, struct archive *a, struct error *e)
{
	struct archive_entry *entry;
	la_int64_t offset;
	const void *bytes;
	size_t length;
	int result, more;

	if (archive_read_open(a, d, NULL, give_bytes, NULL) != ARCHIVE_OK ||
	    archive_read_next_header(a, &entry) != ARCHIVE_OK)
		return error_set(e, ERR_INPUT, "damaged archive: %s", archive_error_string(a));
	/* block by block, so that what comes before a damaged place is seen to be an archive */
	while ((result = archive_read_data_block(a, &bytes, &length, &offset)) == ARCHIVE_OK)
		if (put(d, bytes, length, e) < 0)
			return -1;
	if (result != ARCHIVE_EOF)
		return error_set(e, ERR_INPUT, "damaged archive: %s", archive_error_string(a));
	while (
	    (more = fill(d, e)) > 0) /* what the filter did not need still belongs to the digest */
		d->in_at = d->in_length;
	return more;
}

static int
decode_filter(struct decoder *d, int (*support)(struct archive *a), struct error *e)
{
	struct archive *a = archive_read_new();
	int result;

	if (!a || support(a) < ARCHIVE_WARN || archive_read_support_format_raw(a) != ARCHIVE_OK ||
	    archive_read_support_format_empty(a) != ARCHIVE_OK)
		result = error_set(e, ERR_HOST, "libarchive cannot read this compression");
	else
		result = run_filter(d, a, e);
	(void)archive_read_free(a); /* only read */
	return result;
}

static bool
starts_with(const struct decoder *d, const char *magic, size_t length)
{
	return d->in_length >= length && !memcmp(d->in_bytes, magic, length);
}

/* zstd data may begin with skippable frames (RFC 8878, 3.1.2). */
static bool
is_zstd(const struct decoder *d)
{
	return starts_with(d, "\x28\xb5\x2f\xfd", 4) ||
	       (d->in_length >= 4 && (d->in_bytes[0] & 0xf0) == 0x50 &&
		   !memcmp(d->in_bytes + 1, "\x2a\x4d\x18", 3));
}

/* A pipe may give the first bytes one by one; what they are must be told from several. */
static int
fill_first(struct decoder *d, struct error *e)
{
	ssize_t got = 1;

	while (d->in_length < 8 && got > 0) {
		do
			got = read(d->in, d->in_bytes + d->in_length, IN_SIZE - d->in_length);
		while (got < 0 && errno == EINTR);
		if (got < 0)
			return error_sys(e, "cannot read the archive");
		d->in_length += (size_t)got;
	}
	d->at_end = got == 0;
	d->answer->size = d->in_length;
	hash_add(d->in_hash, d->in_bytes, d->in_length);
	return 0;
}

static int
decode(struct decoder *d, struct error *e)
{
	if (fill_first(d, e) < 0)
		return -1;
	if (starts_with(d, "\x1f\x8b", 2))
		return decode_gzip(d, e);
	if (is_zstd(d))
		return decode_zstd(d, e);
	if (starts_with(d,
		"\xfd"
		"7zXZ\0",
		6))
		return decode_filter(d, archive_read_support_filter_xz, e);
	if (starts_with(d, "BZh", 3))
		return decode_filter(d, archive_read_support_filter_bzip2, e);
	return copy_plain(d, e);
}

int
decode_stream(int in, int out, uint64_t max_bytes, struct decode_answer *answer, struct error *e)
{
	struct decoder d = {
		.in = in,
		.out = out,
		.max_bytes = max_bytes,
		.answer = answer,
		.in_hash = hash_new(),
		.out_hash = hash_new(),
		.in_bytes = xmalloc(IN_SIZE),
		.out_bytes = xmalloc(OUT_SIZE),
	};
	int result = decode(&d, e);

	hash_finish(d.in_hash, &answer->digest);
	hash_finish(d.out_hash, &answer->diff_id);
	hash_free(d.in_hash);
	hash_free(d.out_hash);
	free(d.in_bytes);
	free(d.out_bytes);
	return result;
}
