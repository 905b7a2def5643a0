/* SPDX-License-Identifier: Apache-2.0 */
/*
 * compress - one block of bytes to one whole gzip member or zstd frame.
 *
 * Blocks are independent, and readers take members and frames one after the other (RFC 1952, 2.2;
 * RFC 8878, 3), so blocks can be made on any number of threads without changing the bytes.
 */
#ifndef CROZE_LAYER_COMPRESS_H
#define CROZE_LAYER_COMPRESS_H

#include "runtime/base/error.h"

#include <stddef.h>
#include <sys/types.h>

enum compression { COMPRESSION_NONE, COMPRESSION_GZIP, COMPRESSION_ZSTD };

/** State of one thread. */
struct compressor;

/**
 * @level: 0 for the default (gzip 1, zstd 1), gzip 1-9, zstd 1-19. gzip 1-3 goes to ISA-L where it
 * was found, the others to libdeflate, else zlib. ERR_USAGE for a level that is not to be had.
 * NULL for COMPRESSION_NONE is not an error: *@c is NULL.
 */
int compressor_new(enum compression kind, int level, struct compressor **c, struct error *e);
void compressor_free(struct compressor *c);
/** The most that @length bytes can become. */
size_t compressor_bound(const struct compressor *c, size_t length);
/** Returns the length written to @out, of @room >= compressor_bound(); or -1. */
ssize_t compressor_run(
    struct compressor *c, const void *in, size_t length, void *out, size_t room, struct error *e);
/** Text for records that remember what made a blob: "gzip-isal-1", "zstd-1". Written to @text. */
const char *compressor_name(enum compression kind, int level, char text[32]);

#endif
