/* SPDX-License-Identifier: Apache-2.0 */
/*
 * exchange - steps from other machines, and to them: --cache-from and --cache-to.
 *
 * A key is made of all that a step depends on, so what another machine has under it is what would be made here; it is believed
 * that who could write the cache did so honestly, and nothing else is. Others are asked only when something would have to
 * be run. Their records count as those of the store; the layers that are then really needed are fetched before anything
 * runs, and checked. What does not come, or is not what it was told to be, was never there: keys are looked up again without
 * it.
 */
#ifndef CROZE_BUILDER_BUILD_EXCHANGE_H
#define CROZE_BUILDER_BUILD_EXCHANGE_H

#include "builder/build/state.h"
#include "builder/cache/cache.h"

/**
 * Finds out what has to be done (needs.c), asking caches where that may save something, and brings the layers that are needed.
 * What goes wrong with a cache is told and is no failure.
 */
int exchange_settle(struct build *b, struct error *e);
void exchange_free(struct exchange *x);

/** What was taken under @key, as a record: its layer may not be here yet, then @from_cache is set. Returns 1, 0. */
int exchange_find(struct build *b, const struct digest *key, struct step_record *record,
    size_t *from_cache, struct error *e);
/**
 * A worker found such a record: brings its layer if the step needs it. False when it cannot be had; @warn is told why.
 */
bool exchange_bring(struct build *b, struct step_state *state,
    void (*warn)(void *arg, const char *text), void *arg);
/** Gives cache mounts that are not here yet what --cache-from has of them, for the steps that are going to run. */
void exchange_restore_mounts(struct build *b);

/** The layer of a step that was found elsewhere and is not here (state->from_cache). */
const struct cache_layer *exchange_told(const struct build *b, const struct step_state *state);
/** Where that was found. */
const struct cache_place *exchange_place(const struct build *b, const struct step_state *state);
/** Brings those of all steps, needed or not; what does not come is forgotten. */
int exchange_bring_all(struct build *b, struct error *e);

/* ---- exchange_to.c ---- */

/** Marks the steps whose layers go to a cache, and that can be packed without running anything. */
int exchange_offer(struct build *b, struct error *e);
/**
 * Sends the steps that are there to every place of --cache-to. What goes wrong is told; -1 with @e (which may be NULL) for the first
 * place that has to be written.
 */
int exchange_give(struct build *b, struct error *e);
/** Is a record of the steps wanted in the image itself? Then it is put into @config; what a base image has of it goes. */
void exchange_set_inline(struct build *b, struct image_config *config);

/* ---- exchange_mounts.c ---- */

/** Packs cache mount @id as a layer of the store. Returns 1, 0 when there is none, -1. */
int exchange_pack_mount(
    struct build *b, const char *id, struct cache_layer *layer, struct error *e);
/** Unpacks @layer, which the store has, as the cache mount @spec; one that is there by now stays as it is. */
int exchange_unpack_mount(struct build *b, const struct mountspec *spec,
    const struct cache_layer *layer, struct error *e);

/** For the files of exchange: how places are reached, and what is asked for. All of it is borrowed from @b. */
struct exchange_reach {
	struct registry_options registry;
	struct cache_access access;
};

void exchange_reach_init(struct exchange_reach *reach, struct build *b);
/** The form in which this build has its layers. */
void exchange_form(const struct build *b, struct cache_layer *form);
/** A layer of the store as others are told of it. */
void exchange_tell_layer(
    const struct build *b, const struct layer_record *from, struct cache_layer *to);
/** @layer, which the store has, is that of the step, in the form @variant: the store remembers it so. */
int exchange_keep_layer(struct build *b, struct step_state *state, char *variant,
    const struct cache_layer *layer, struct error *e);

#endif
