/* SPDX-License-Identifier: Apache-2.0 */
/*
 * compress - one block of bytes to one whole gzip member or zstd frame.
 *
 * ISA-L is ten times as fast as zlib at its first levels and has no others; libdeflate serves
 * those.
 */
#include "builder/layer/compress.h"

#include "runtime/base/mem.h"

#ifdef HAVE_ISAL
#include <isa-l/igzip_lib.h>
#endif
#ifdef HAVE_DEFLATE
#include <libdeflate.h>
#endif
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <zlib.h>
#include <zstd.h>

#define GZIP_LEVEL_DEFAULT 1
#define GZIP_LEVEL_MAX 9
#define ZSTD_LEVEL_DEFAULT 1
#define ZSTD_LEVEL_MAX 19
#define ISAL_LEVEL_MAX 3

struct engine;

struct compressor {
	const struct engine *engine;
	int level;
	void *state;
	void *work; /* ISA-L's level buffer */
};

/* One library. */
struct engine {
	const char *name;
	int (*open)(struct compressor *c, struct error *e);
	void (*close)(struct compressor *c);
	ssize_t (*run)(struct compressor *c, const void *in, size_t length, void *out, size_t room);
};

#ifdef HAVE_ISAL
static const uint32_t isal_work_sizes[] = { ISAL_DEF_LVL0_DEFAULT, ISAL_DEF_LVL1_DEFAULT,
	ISAL_DEF_LVL2_DEFAULT, ISAL_DEF_LVL3_DEFAULT };

/*
 * ISA-L 2.30 on x86 takes the hash of the third byte's string from bits 16 to 47 of the address of the stream: which
 * matches are found, and so the bytes, would depend on where a stream lies. The hash is the low bits (15 at most) of a
 * CRC-32C; it is 0 for all of these numbers, so that all streams behave alike. A unit test has the proof.
 */
static const uint32_t isal_places[] = { 0x20007535, 0x2000a3fe, 0x20016e30, 0x2001b8fb, 0x2002433f,
	0x200295f4, 0x2003583a, 0x20038ef1, 0x20041921, 0x2004cfea, 0x20050224, 0x2005d4ef,
	0x20062f2b, 0x2006f9e0, 0x2007342e, 0x2007e2e5, 0x20087bd6, 0x2008ad1d, 0x200960d3,
	0x2009b618, 0x200a4ddc, 0x200a9b17, 0x200b56d9, 0x200b8012, 0x200c17c2, 0x200cc109,
	0x200d0cc7, 0x200dda0c, 0x200e21c8, 0x200ef703, 0x200f3acd, 0x200fec06 };

#if defined(__x86_64__)
static void *
isal_stream_new(void)
{
	for (size_t i = 0; i < ARRAY_LEN(isal_places); i++) {
		void *place = (void *)((uintptr_t)isal_places[i] << 16);
		void *found = mmap(place, sizeof(struct isal_zstream), PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);

		if (found == place)
			return found;
		if (found != MAP_FAILED) /* a kernel before 4.17 takes the address for a hint */
			(void)munmap(found, sizeof(struct isal_zstream));
	}
	return NULL;
}

static void
isal_stream_free(void *stream)
{
	if (stream)
		(void)munmap(stream, sizeof(struct isal_zstream));
}
#else
static void *
isal_stream_new(void)
{
	(void)isal_places;
	return xmalloc(sizeof(struct isal_zstream));
}

static void
isal_stream_free(void *stream)
{
	free(stream);
}
#endif

static int
isal_open(struct compressor *c, struct error *e)
{
	c->state = isal_stream_new();
	if (!c->state)
		return error_set(e, ERR_SYSTEM, "no address space is left to compress in");
	c->work = xmalloc(isal_work_sizes[c->level]);
	return 0;
}

static void
isal_close(struct compressor *c)
{
	free(c->work);
	isal_stream_free(c->state);
}

/*
 * Everything is set up anew for each member: isal_deflate_reset() keeps that a gzip header was
 * written, and matches found through what an earlier member left in the work area would make the
 * bytes depend on the thread.
 */
static ssize_t
isal_run(struct compressor *c, const void *in, size_t length, void *out, size_t room)
{
	struct isal_zstream *stream = c->state;

	memset(stream, 0, sizeof(*stream)); /* the next call leaves hist_bits as it was */
	isal_deflate_stateless_init(stream);
	memset(c->work, 0, isal_work_sizes[c->level]);
	stream->level = (uint32_t)c->level;
	stream->level_buf = c->work;
	stream->level_buf_size = isal_work_sizes[c->level];
	stream->gzip_flag = IGZIP_GZIP;
	stream->end_of_stream = 1;
	stream->next_in = (uint8_t *)(uintptr_t)in; /* only read */
	stream->avail_in = (uint32_t)length;
	stream->next_out = out;
	stream->avail_out = (uint32_t)room;
	if (isal_deflate_stateless(stream) != COMP_OK)
		return -1;
	return (ssize_t)(room - stream->avail_out);
}

static const struct engine isal_engine = { "gzip-isal", isal_open, isal_close, isal_run };
#endif

#ifdef HAVE_DEFLATE
static int
deflate_open(struct compressor *c, struct error *e)
{
	c->state = libdeflate_alloc_compressor(c->level);
	if (!c->state)
		return error_set(
		    e, ERR_SYSTEM, "libdeflate cannot be set up at level %d", c->level);
	return 0;
}

static void
deflate_close(struct compressor *c)
{
	libdeflate_free_compressor(c->state);
}

static ssize_t
deflate_run(struct compressor *c, const void *in, size_t length, void *out, size_t room)
{
	size_t written = libdeflate_gzip_compress(c->state, in, length, out, room);

	return written ? (ssize_t)written : -1;
}

static const struct engine high_engine = { "gzip-libdeflate", deflate_open, deflate_close,
	deflate_run };
#else
static int
zlib_open(struct compressor *c, struct error *e)
{
	z_stream *stream = xcalloc(1, sizeof(*stream));

	c->state = stream;
	if (deflateInit2(stream, c->level, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK)
		return error_set(e, ERR_SYSTEM, "zlib cannot be set up at level %d", c->level);
	return 0;
}

static void
zlib_close(struct compressor *c)
{
	(void)deflateEnd(c->state);
	free(c->state);
}

static ssize_t
zlib_run(struct compressor *c, const void *in, size_t length, void *out, size_t room)
{
	z_stream *stream = c->state;

	(void)deflateReset(stream);
	stream->next_in = (Bytef *)(uintptr_t)in; /* only read */
	stream->avail_in = (uInt)length;
	stream->next_out = out;
	stream->avail_out = (uInt)room;
	if (deflate(stream, Z_FINISH) != Z_STREAM_END)
		return -1;
	return (ssize_t)(room - stream->avail_out);
}

static const struct engine high_engine = { "gzip-zlib", zlib_open, zlib_close, zlib_run };
#endif

static int
zstd_open(struct compressor *c, struct error *e)
{
	c->state = ZSTD_createCCtx();
	if (!c->state ||
	    ZSTD_isError(ZSTD_CCtx_setParameter(c->state, ZSTD_c_compressionLevel, c->level)) ||
	    ZSTD_isError(ZSTD_CCtx_setParameter(c->state, ZSTD_c_checksumFlag, 1)))
		return error_set(e, ERR_SYSTEM, "zstd cannot be set up at level %d", c->level);
	return 0;
}

static void
zstd_close(struct compressor *c)
{
	(void)ZSTD_freeCCtx(c->state);
}

static ssize_t
zstd_run(struct compressor *c, const void *in, size_t length, void *out, size_t room)
{
	size_t written = ZSTD_compress2(c->state, out, room, in, length);

	return ZSTD_isError(written) ? -1 : (ssize_t)written;
}

static const struct engine zstd_engine = { "zstd", zstd_open, zstd_close, zstd_run };

static const struct engine *
choose_engine(enum compression kind, int *level)
{
	if (kind == COMPRESSION_ZSTD) {
		*level = *level ? *level : ZSTD_LEVEL_DEFAULT;
		return &zstd_engine;
	}
	*level = *level ? *level : GZIP_LEVEL_DEFAULT;
#ifdef HAVE_ISAL
	if (*level <= ISAL_LEVEL_MAX)
		return &isal_engine;
#endif
	return &high_engine;
}

int
compressor_new(enum compression kind, int level, struct compressor **c, struct error *e)
{
	int highest = kind == COMPRESSION_ZSTD ? ZSTD_LEVEL_MAX : GZIP_LEVEL_MAX;

	*c = NULL;
	if (kind == COMPRESSION_NONE)
		return 0;
	if (level < 0 || level > highest)
		return error_set(
		    e, ERR_USAGE, "there is no compression level %d, only 1 to %d", level, highest);
	*c = xcalloc(1, sizeof(**c));
	(*c)->level = level;
	(*c)->engine = choose_engine(kind, &(*c)->level);
	if ((*c)->engine->open(*c, e) == 0)
		return 0;
	compressor_free(*c);
	*c = NULL;
	return -1;
}

void
compressor_free(struct compressor *c)
{
	if (!c)
		return;
	if (c->state)
		c->engine->close(c);
	free(c);
}

size_t
compressor_bound(const struct compressor *c, size_t length)
{
	(void)
	    c; /* stored blocks are the worst case of all: 5 bytes for each 16 KiB, and the frame */
	return length + length / 1024 + 1024;
}

ssize_t
compressor_run(
    struct compressor *c, const void *in, size_t length, void *out, size_t room, struct error *e)
{
	ssize_t written = c->engine->run(c, in, length, out, room);

	if (written < 0)
		return error_set(
		    e, ERR_SYSTEM, "%s cannot compress %zu bytes", c->engine->name, length);
	return written;
}

const char *
compressor_name(enum compression kind, int level, char text[32])
{
	const struct engine *engine;

	if (kind == COMPRESSION_NONE) {
		snprintf(text, 32, "none");
		return text;
	}
	engine = choose_engine(kind, &level);
	snprintf(text, 32, "%s-%d", engine->name, level);
	return text;
}
