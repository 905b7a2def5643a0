/* SPDX-License-Identifier: Apache-2.0 */
/*
 * writer - entries to a layer: tar, digest, compression, digest, file, in one pass.
 */
#ifndef CROZE_LAYER_WRITER_H
#define CROZE_LAYER_WRITER_H

#include "builder/layer/compress.h"
#include "builder/layer/entry.h"
#include "builder/layer/listing.h"
#include "runtime/base/digest.h"

struct layer_options {
	enum compression compression;
	int level;        /* 0: the default of the compression */
	unsigned threads; /* in all; 0 or 1: the caller's alone. Never changes the bytes */
	bool clamp;       /* times later than @clamp_to become @clamp_to */
	bool rewrite;     /* all times become @clamp_to */
	struct timespec clamp_to;
	bool whole_seconds; /* cut times to seconds, as docker does */
};

struct layer_result {
	struct digest diff_id; /* of the tar */
	struct digest digest;  /* of the bytes as written */
	uint64_t tar_size;
	uint64_t size;
	uint64_t n_entries; /* 0: nothing was added, an empty layer */
};

struct layer_writer;

/**
 * The bytes go to @out from its position on (-1: nowhere, only digests are made); @out stays the
 * caller's. With @threads > 1 threads are started: the process must not fork until
 * layer_writer_finish() or layer_writer_abort().
 * @listing (may be NULL): gets every entry.
 */
int layer_writer_open(int out, const struct layer_options *options, struct listing_builder *listing,
    struct layer_writer **w, struct error *e);

/**
 * Adds one entry (an entry_fn; @writer is a struct layer_writer). Entries come in the order of
 * entry_path_compare(), each path once; anything else is ERR_INPUT. For a regular file @content is
 * read from its position to its end, which must be
 * @entry->size bytes on: a file that changes while it is read is an error that names it. @content
 * may be -1 when the size is 0.
 */
int layer_writer_add(void *writer, const struct entry *entry, int content, struct error *e);
/** The same for a file whose bytes are in memory. */
int layer_writer_add_bytes(
    struct layer_writer *w, const struct entry *entry, const void *bytes, struct error *e);

/** Writes the end, waits for the threads, frees @w in any case. */
int layer_writer_finish(struct layer_writer *w, struct layer_result *result, struct error *e);
/** Ends without a result; NULL is fine. */
void layer_writer_abort(struct layer_writer *w);

/** Media type of a layer with this compression (image-spec, layer.md). */
const char *layer_media_type(enum compression compression);

#endif
