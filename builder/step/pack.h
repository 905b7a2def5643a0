/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pack - from a snapshot to a layer in the store.
 *
 * Only steps whose files are found out by running them (RUN, ADD of archives) are packed from their
 * snapshot; COPY and WORKDIR write their layer from the plan of what they copy, so that the same
 * step makes the same layer whether a snapshot of it was wanted or not.
 */
#ifndef CROZE_BUILDER_STEP_PACK_H
#define CROZE_BUILDER_STEP_PACK_H

#include "builder/layer/diff.h"
#include "builder/layer/writer.h"
#include "builder/step/record.h"
#include "builder/store/store.h"

/** A layer being written into a blob of the store, with its listing. */
struct layer_sink {
	struct store *store;
	struct blob_writer blob;
	struct listing_builder *listing;
	struct layer_writer *writer;
};

/** May start threads (@options->threads). */
int layer_sink_open(struct layer_sink *sink, struct store *store,
    const struct layer_options *options, struct error *e);
/** Commits blob and listing; fills @layer but for its variant. The sink is closed in any case. */
int layer_sink_finish(struct layer_sink *sink, const struct layer_options *options,
    struct layer_record *layer, struct error *e);
/** Drops all; nothing after layer_sink_finish(). */
void layer_sink_abort(struct layer_sink *sink);

/**
 * Packs the snapshot with fs directory @upper over the tree @lower (-1: nothing below). @notes may be NULL. The
 * process needs the ids of the namespace that wrote the snapshot.
 */
int pack_snapshot(struct store *store, int upper, int lower, const struct layer_options *options,
    struct strv *notes, struct layer_record *layer, struct error *e);
/** The layer of a step that changed nothing: always the same bytes. Starts no threads. */
int pack_nothing(struct store *store, const struct layer_options *options,
    struct layer_record *layer, struct error *e);

#endif
