/* SPDX-License-Identifier: Apache-2.0 */
/*
 * collect - what belongs to the images that are written: all their blobs, and how each is named.
 */
#ifndef CROZE_OUTPUT_COLLECT_H
#define CROZE_OUTPUT_COLLECT_H

#include "builder/image/index.h"
#include "builder/import/resolve.h"
#include "builder/output/output.h"

struct collected_blob {
	struct digest digest;
	uint64_t size;
};

struct collected {
	struct collected_blob *blobs; /* sorted by digest, each once */
	size_t n_blobs;
	size_t room;
	struct index index;   /* index.json: an entry for each name */
	struct image *images; /* for this machine where there is one, in the order given */
	struct strv *tags;    /* "app:latest", for each image */
	size_t n_images;
};

void collected_release(struct collected *c);
/** Reads manifests and configs of the store. */
int collect(struct store *store, const struct output_image *images, size_t count,
    struct collected *c, struct error *e);
/**
 * Readers that are given a tag alone take the image of that tag: where there are several, the members from @first on get their
 * whole name instead.
 */
void collect_tell_apart(struct index *index, size_t first);
/** Copies a blob to @to, checking its digest on the way. */
int collect_copy(struct store *store, const struct collected_blob *blob, int to, struct error *e);

#endif
