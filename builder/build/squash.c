/* SPDX-License-Identifier: Apache-2.0 */
/*
 * squash - one layer in the place of several.
 *
 * The layers are applied, one over the other, to a mount of what is below them; what its upper directory then has is packed
 * as a step's would be. So a file that one layer makes and a later one removes is in none, and whiteouts of files of the
 * base stay. The layer is remembered under a key made of what it replaces.
 */
#include "builder/build/squash.h"

#include "builder/layer/apply.h"
#include "builder/step/pack.h"
#include "runtime/base/fd.h"
#include "runtime/base/mem.h"

#include <time.h>
#include <unistd.h>

struct squash {
	struct build *b;
	const struct image_config *config;
	const struct manifest *manifest;
	size_t first;
};

static void
key_of(const struct squash *s, struct digest *key)
{
	autohash struct hash *hash = hash_new();
	char text[DIGEST_TEXT_LEN + 1];

	hash_add_text(hash, "squash");
	hash_add_u64(hash, s->first);
	for (size_t i = 0; i < s->config->n_diff_ids; i++)
		hash_add_text(hash, digest_text(&s->config->diff_ids[i], text));
	hash_add_text(hash, s->b->variant);
	hash_finish(hash, key);
}

static int
apply_layers(const struct squash *s, const struct apply_root *root, struct error *e)
{
	for (size_t i = s->first; i < s->manifest->n_layers; i++) {
		struct layer_source source = { .digest = &s->manifest->layers[i].digest,
			.diff_id = &s->config->diff_ids[i] };
		autofd int fd = store_blob_open(s->b->store, source.digest, NULL, e);

		if (fd < 0)
			return -1;
		source.fd = fd;
		if (layer_apply(&source, root, NULL, NULL, NULL, e) < 0)
			return -1;
	}
	return 0;
}

/* What is below the layers: a chain of the base image's snapshots, unpacked by now. */
static int
open_below(const struct squash *s, struct chain *chain, struct error *e)
{
	const struct plan_stage *plan = &s->b->plan.stages[s->b->plan.target];
	const struct image_state *image;

	if (s->first == 0)
		return 0;
	while (plan->base_kind == PLAN_BASE_STAGE)
		plan = &s->b->plan.stages[plan->base];
	image = state_image(s->b, plan->base);
	chain_of_image(s->b->store, &image->config, chain);
	if (chain_is_unpacked(s->b->store, &image->config))
		return 0;
	return chain_unpack_image(s->b->store, &image->manifest, &image->config, NULL, e);
}

static int
merge(const struct squash *s, const struct chain *below, struct snapshot_writer *upper,
    struct layer_record *layer, struct error *e)
{
	autofd int root = -1, lower = -1;

	root = chain_link(s->b->store, below, upper, e);
	if (root < 0 ||
	    apply_layers(s, &(struct apply_root){ root, chain_shared(s->b->store, upper) }, e) <
		0 ||
	    chain_settle(s->b->store, root, upper, e) < 0)
		return -1;
	fd_close_at(&root); /* ends the mount */
	if (below->snapshots.count > 0) {
		lower = chain_open(s->b->store, below, e);
		if (lower < 0)
			return -1;
	}
	return pack_snapshot(s->b->store, upper->fs, lower, &s->b->layers, NULL, layer, e);
}

static int
enter(struct build *b, struct error *e)
{
	struct userns userns;

	if (b->in_namespace)
		return 0;
	if (b->tier == TIER_NONE) {
		error_set(
		    e, ERR_HOST, "--squash needs a user namespace, which this host does not allow");
		return error_hint(e, "croze doctor says what is missing");
	}
	if (tier_enter(b->tier, &userns, e) < 0)
		return -1;
	return store_reopen(b->store, e);
}

static int
merge_main(void *arg, struct buf *result, struct error *e)
{
	const struct squash *s = arg;
	struct snapshot_writer upper = SNAPSHOT_WRITER_INIT;
	auto(chain) struct chain below = { 0 };
	struct step_record record = { 0 };
	struct layer_record layer = { 0 };
	struct json *json;
	int ok;

	if (enter(s->b, e) < 0 || open_below(s, &below, e) < 0 ||
	    snapshot_writer_open(&upper, s->b->store, e) < 0)
		return -1;
	ok = merge(s, &below, &upper, &layer, e);
	snapshot_writer_release(&upper);
	if (ok < 0)
		return -1;
	layer.variant = xstrdup(s->b->variant);
	(void)clock_gettime(CLOCK_REALTIME, &record.created); /* cannot fail */
	step_record_set_layer(&record, &layer);
	json = step_record_to_json(&record);
	json_write(json, 0, result);
	json_free(json);
	layer_record_release(&layer);
	step_record_release(&record);
	return 0;
}

static int
find(struct squash *s, struct step_record *record, struct error *e)
{
	autojson struct json *json = NULL;
	struct digest key;
	int found;

	key_of(s, &key);
	found = s->b->options->no_cache ? 0 : keys_read(s->b, &key, record, e);
	if (found != 0)
		return found < 0 ? -1 : 0;
	progress_note(s->b->progress, "making one layer of %zu", s->manifest->n_layers - s->first);
	json = state_ask_worker(s->b, merge_main, s, e);
	if (!json || step_record_from_json(json, record, e) < 0)
		return -1;
	return store_step_put(s->b->store, &key, json, e);
}

/* Of all rows with a layer behind the @first of them, the last alone keeps it. */
static void
squash_history(struct image_config *config, size_t first)
{
	size_t last = SIZE_MAX, n = 0;

	for (size_t i = 0; i < config->n_history; i++) {
		if (config->history[i].empty_layer || n++ < first)
			continue;
		if (last != SIZE_MAX)
			config->history[last].empty_layer = true;
		last = i;
	}
}

static void
replace(struct image_config *config, struct manifest *manifest, size_t first,
    const struct layer_record *made)
{
	struct descriptor layer = { 0 };

	for (size_t i = first; i < manifest->n_layers; i++)
		descriptor_release(&manifest->layers[i]);
	manifest->n_layers = first;
	config->n_diff_ids = first;
	descriptor_init(&layer, made->media_type, &made->digest, made->size);
	manifest_add_layer(manifest, &layer);
	descriptor_release(&layer);
	image_config_add_diff_id(config, &made->diff_id);
	squash_history(config, first);
}

int
squash_layers(struct build *b, struct image_config *config, struct manifest *manifest, size_t first,
    struct error *e)
{
	struct squash s = { b, config, manifest, first };
	struct step_record record = { 0 };
	const struct layer_record *made;

	if (manifest->n_layers < first + 2)
		return 0;
	if (find(&s, &record, e) < 0)
		return error_ctx(e, "--squash");
	made = step_record_layer(&record, b->variant);
	if (made)
		replace(config, manifest, first, made);
	step_record_release(&record);
	return made ? 0 : error_set(e, ERR_SYSTEM, "--squash: its layer was not made");
}
