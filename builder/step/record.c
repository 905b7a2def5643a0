/* SPDX-License-Identifier: Apache-2.0 */
/*
 * record - what the store remembers of a step that went well.
 */
#include "builder/step/record.h"

#include "runtime/base/mem.h"
#include "runtime/base/text.h"

#define RECORD_VERSION 1

void
layer_record_release(struct layer_record *layer)
{
	free(layer->variant);
	free(layer->media_type);
	memset(layer, 0, sizeof(*layer));
}

static void
layer_record_copy(struct layer_record *to, const struct layer_record *from)
{
	*to = *from;
	to->variant = xstrdup(from->variant);
	to->media_type = xstrdup(from->media_type);
}

void
step_record_release(struct step_record *record)
{
	for (size_t i = 0; i < record->n_layers; i++)
		layer_record_release(&record->layers[i]);
	free(record->layers);
	free(record->snapshot);
	free(record->elsewhere);
	memset(record, 0, sizeof(*record));
}

void
step_record_copy(struct step_record *to, const struct step_record *from)
{
	*to = *from;
	to->snapshot = from->snapshot ? xstrdup(from->snapshot) : NULL;
	to->elsewhere = from->elsewhere ? xstrdup(from->elsewhere) : NULL;
	to->layers = xcalloc(from->n_layers, sizeof(*to->layers));
	for (size_t i = 0; i < from->n_layers; i++)
		layer_record_copy(&to->layers[i], &from->layers[i]);
}

const struct layer_record *
step_record_layer(const struct step_record *record, const char *variant)
{
	for (size_t i = 0; i < record->n_layers; i++)
		if (strcmp(record->layers[i].variant, variant) == 0)
			return &record->layers[i];
	return NULL;
}

void
step_record_set_layer(struct step_record *record, const struct layer_record *layer)
{
	struct layer_record copy;

	layer_record_copy(&copy, layer);
	for (size_t i = 0; i < record->n_layers; i++) {
		if (strcmp(record->layers[i].variant, layer->variant) == 0) {
			layer_record_release(&record->layers[i]);
			record->layers[i] = copy;
			return;
		}
	}
	record->layers = xrealloc(record->layers, record->n_layers + 1, sizeof(*record->layers));
	record->layers[record->n_layers++] = copy;
}

struct json *
layer_record_to_json(const struct layer_record *layer)
{
	struct json *json = json_new_object();
	char text[DIGEST_TEXT_LEN + 1];

	json_set_text(json, "variant", layer->variant);
	json_set_text(json, "diffID", digest_text(&layer->diff_id, text));
	json_set_text(json, "mediaType", layer->media_type);
	json_set_text(json, "digest", digest_text(&layer->digest, text));
	json_set(json, "size", json_new_u64(layer->size));
	json_set(json, "uncompressed", json_new_u64(layer->uncompressed));
	return json;
}

struct json *
step_record_to_json(const struct step_record *record)
{
	struct json *json = json_new_object();
	char text[DIGEST_TEXT_LEN + 1];
	struct json *layers, *blobs, *snapshots = NULL;

	json_set(json, "version", json_new_u64(RECORD_VERSION));
	if (record->is_alias) {
		json_set_text(json, "aliasOf", digest_text(&record->alias_of, text));
		return json;
	}
	auto(buf) struct buf created = { 0 };
	text_add_rfc3339(&created, &record->created);
	json_set_text(json, "created", buf_text(&created));
	if (record->empty)
		json_set(json, "empty", json_new_bool(true));
	if (record->snapshot || record->elsewhere)
		snapshots = json_set(json, "snapshots", json_new_array());
	if (record->snapshot)
		json_append(snapshots, json_new_text(record->snapshot));
	if (record->elsewhere)
		json_append(snapshots, json_new_text(record->elsewhere));
	layers = json_set(json, "layers", json_new_array());
	blobs = json_set(json, "blobs", json_new_array());
	for (size_t i = 0; i < record->n_layers; i++) {
		json_append(layers, layer_record_to_json(&record->layers[i]));
		json_append(blobs, json_new_text(digest_text(&record->layers[i].digest, text)));
	}
	return json;
}

int
layer_record_from_json(const struct json *json, struct layer_record *layer, struct error *e)
{
	const char *variant = NULL, *media_type = NULL;

	memset(layer, 0, sizeof(*layer));
	if (json_read_text(json, "variant", "layer", &variant, e) < 0 ||
	    json_read_text(json, "mediaType", "layer", &media_type, e) < 0 ||
	    digest_read(json, "diffID", "layer", &layer->diff_id, e) < 0 ||
	    digest_read(json, "digest", "layer", &layer->digest, e) < 0 ||
	    json_read_u64(json, "size", "layer", &layer->size, e) < 0 ||
	    json_read_u64(json, "uncompressed", "layer", &layer->uncompressed, e) < 0)
		return -1;
	if (!variant || !media_type)
		return error_set(e, ERR_INPUT, "'layer' lacks its variant or media type");
	layer->variant = xstrdup(variant);
	layer->media_type = xstrdup(media_type);
	return 0;
}

static int
read_layers(const struct json *layers, struct step_record *record, struct error *e)
{
	record->layers = xcalloc(json_count(layers) + 1, sizeof(*record->layers));
	for (size_t i = 0; i < json_count(layers); i++) {
		if (layer_record_from_json(json_at(layers, i), &record->layers[i], e) < 0)
			return -1;
		record->n_layers++;
	}
	return 0;
}

void
step_record_fit(struct step_record *record, const struct store *store)
{
	char *snapshot = record->snapshot;

	if ((snapshot && store_snapshot_fits(store, snapshot)) ||
	    (record->elsewhere && !store_snapshot_fits(store, record->elsewhere)))
		return;
	record->snapshot = record->elsewhere;
	record->elsewhere = snapshot;
}

static int
read_record(const struct json *json, struct step_record *record, struct error *e)
{
	const struct json *snapshots = json_get(json, "snapshots");
	const char *created = NULL, *snapshot = json_text(json_at(snapshots, 0));
	const char *elsewhere = json_text(json_at(snapshots, 1));
	uint64_t version = 0;

	if (json_read_u64(json, "version", "step", &version, e) < 0)
		return -1;
	if (version != RECORD_VERSION)
		return error_set(e, ERR_INPUT, "step record of unknown version %llu",
		    (unsigned long long)version);
	if (json_get(json, "aliasOf")) {
		record->is_alias = true;
		return digest_read(json, "aliasOf", "step", &record->alias_of, e);
	}
	if (json_read_text(json, "created", "step", &created, e) < 0 ||
	    json_read_bool(json, "empty", "step", &record->empty, e) < 0)
		return -1;
	if (!created)
		return error_set(e, ERR_INPUT, "'step.created' is missing");
	if (parse_rfc3339(created, &record->created, e) < 0)
		return -1;
	record->snapshot = snapshot ? xstrdup(snapshot) : NULL;
	record->elsewhere = elsewhere ? xstrdup(elsewhere) : NULL;
	return read_layers(json_get(json, "layers"), record, e);
}

int
step_record_from_json(const struct json *json, struct step_record *record, struct error *e)
{
	memset(record, 0, sizeof(*record));
	if (read_record(json, record, e) == 0)
		return 0;
	step_record_release(record);
	return -1;
}

int
step_record_put(struct store *store, const struct digest *key, const struct step_record *record,
    struct error *e)
{
	autojson struct json *json = step_record_to_json(record);

	return store_step_put(store, key, json, e);
}
