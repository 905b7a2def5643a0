/* SPDX-License-Identifier: Apache-2.0 */
/*
 * record - what the store remembers of a step that went well: its snapshot, its layers, when it was made.
 *
 * A step is known by its key. Its result exists as a snapshot (the files it changed, as an overlay upper directory),
 * as one or more layers (one a variant: compression, level and clamped time give other bytes), or both.
 * A COPY whose content was only known after another stage had run also leaves an alias: the key made from
 * what the other stage *was* points to the key made from what was copied.
 */
#ifndef CROZE_BUILDER_STEP_RECORD_H
#define CROZE_BUILDER_STEP_RECORD_H

#include "builder/store/store.h"
#include "runtime/base/digest.h"
#include "runtime/base/error.h"
#include "runtime/base/json.h"

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

struct layer_record {
	char *variant;
	struct digest diff_id;
	char *media_type;
	struct digest digest; /* of the blob */
	uint64_t size;        /* of the blob */
	uint64_t uncompressed;
};

struct step_record {
	struct timespec created;
	bool empty;      /* the step changed no file: there is no snapshot and none is needed */
	char *snapshot;  /* id, or NULL */
	char *elsewhere; /* id of the snapshot for the other way of keeping owners, or NULL */
	struct layer_record *layers;
	size_t n_layers;
	bool is_alias;
	struct digest alias_of;
};

void step_record_release(struct step_record *record);
void step_record_copy(struct step_record *to, const struct step_record *from);

/** NULL when there is none of that variant. */
const struct layer_record *step_record_layer(const struct step_record *record, const char *variant);
/** Adds or replaces; copies @layer. */
void step_record_set_layer(struct step_record *record, const struct layer_record *layer);

struct json *step_record_to_json(const struct step_record *record);
/** ERR_INPUT when @json is not a record of this version. To be fitted before its snapshot is used. */
int step_record_from_json(const struct json *json, struct step_record *record, struct error *e);
/** Stores @record under @key. */
int step_record_put(struct store *store, const struct digest *key, const struct step_record *record,
    struct error *e);
/** Of the record's snapshots the one that fits @store becomes its snapshot, the other one is elsewhere. */
void step_record_fit(struct step_record *record, const struct store *store);

struct json *layer_record_to_json(const struct layer_record *layer);
int layer_record_from_json(const struct json *json, struct layer_record *layer, struct error *e);
void layer_record_release(struct layer_record *layer);

#endif
