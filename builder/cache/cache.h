/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cache - caches that machines share: reading what there is, fetching layers, writing.
 *
 * Nothing here is worth a failed build, and nothing may keep one waiting: each of these calls does its work in a process of its
 * own, which is ended when nothing comes any more (place.timeout). What comes is checked against its digest and, unpacked, its
 * diff ID before it is told of.
 */
#ifndef CROZE_CACHE_CACHE_H
#define CROZE_CACHE_CACHE_H

#include "builder/cache/place.h"
#include "builder/cache/records.h"
#include "builder/registry/registry.h"
#include "builder/store/store.h"

/** How registries are reached; borrowed. */
struct cache_access {
	const struct registry_options *registry;
};

/** What one place has. */
struct cache_taken {
	const struct cache_place *place;
	const struct platform *platform; /* of images with a cache in them; NULL: this machine's */
	struct cache_records records;
	struct error error; /* ERR_NONE: they were read; ERR_NOT_FOUND: there are none */
};

/** Reads all places at once; @taken[].place and platform are set, the rest is filled in. */
void cache_take(const struct cache_access *access, struct cache_taken *taken, size_t n_taken);

/** A layer that is wanted. */
struct cache_wanted {
	struct cache_layer
	    layer; /* as the records say; then as the store has it, in the form asked for */
	struct error error; /* ERR_NONE: it is there */
};

/**
 * Brings layers, one at least, into the store, compressed as @form says (of which compression and level are looked at). -1 with @e when the
 * place cannot be asked at all, or gives too little; then what came before is there all the same, but not told.
 */
int cache_fetch(const struct cache_access *access, const struct cache_place *place,
    struct store *store, const struct cache_layer *form, struct cache_wanted *wanted,
    size_t n_wanted, struct error *e);

/** What went where. */
struct cache_given {
	uint64_t bytes; /* that were sent or written */
	size_t n_layers;
};

/**
 * Writes @records with their layers. Layers are in the store, in the form that the records say; those which are not have to be
 * there already, as a registry knows. At least one layer.
 */
int cache_give(const struct cache_access *access, const struct cache_place *place,
    struct store *store, const struct cache_records *records, struct cache_given *given,
    struct error *e);

/**
 * The layer of the store in another form: @layer is replaced. A confined process unpacks it.
 */
int cache_recompress(struct store *store, enum compression compression, int level,
    struct cache_layer *layer, struct error *e);

#endif
