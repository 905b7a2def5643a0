/* SPDX-License-Identifier: Apache-2.0 */
/*
 * transport - the ways to a cache. Only within cache/.
 *
 * All of these run in a process that may be ended at any instant.
 */
#ifndef CROZE_CACHE_TRANSPORT_H
#define CROZE_CACHE_TRANSPORT_H

#include "builder/cache/cache.h"

/** Shared with the process that waits for this one. */
struct transport_pulse {
	uint64_t bytes; /* that came or went so far */
	bool local;     /* nobody else is waited for: layers are being read and checked */
};

struct transport_call {
	const struct cache_access *access;
	const struct cache_place *place;
	struct store *store;             /* NULL for read() */
	const struct platform *platform; /* for read(): as in struct cache_taken */
	struct transport_pulse *pulse;
};

/** A blob that is wanted: @size bytes, perhaps in a pack. */
struct transport_blob {
	struct cache_layer layer;
	struct error error; /* ERR_NONE: the store has it */
};

struct transport {
	/** The document, and what it is by its media type (to be freed). ERR_NOT_FOUND when there is none. */
	int (*read)(const struct transport_call *call, struct buf *text, char **media_type,
	    struct error *e);
	/** Brings blobs into the store, checked; -1 when nothing can be had. */
	int (*fetch)(const struct transport_call *call, struct transport_blob *blobs,
	    size_t n_blobs, struct error *e);
	int (*write)(const struct transport_call *call, const struct cache_records *records,
	    struct cache_given *given, struct error *e);
};

extern const struct transport transport_registry, transport_layout, transport_gha;

/**
 * Puts the manifest of a cache and its config into the store: @d gets what they are. ERR_POLICY for a cache that is too large to
 * be told.
 */
int transport_make_artifact(struct store *store, const struct cache_records *records,
    struct descriptor *d, struct error *e);
/** Puts the blob of @layer, which begins at the position of file @from, into the store, when its digest is right: else ERR_INPUT. */
int transport_take_blob(
    struct store *store, int from, const struct cache_layer *layer, struct error *e);
/** The layers that @records name, each blob once, in their order; to be freed. */
struct cache_layer *transport_layers(const struct cache_records *records, size_t *n_layers);

#endif
