/* SPDX-License-Identifier: Apache-2.0 */
/*
 * exchange - steps from other machines: what is asked for, and when.
 */
#include "builder/build/exchange.h"

#include "builder/build/images.h"
#include "builder/layer/writer.h"
#include "runtime/base/mem.h"
#include "runtime/base/text.h"

#include <stdlib.h>

/* A round ends with everything here, or with fewer records than the one before. */
#define ROUNDS_MAX 1000

struct exchange {
	struct cache_taken *taken;
	size_t n_taken;
};

/* ---- how places are reached ---- */

void
exchange_reach_init(struct exchange_reach *reach, struct build *b)
{
	images_access(b, &reach->registry);
	reach->access = (struct cache_access){ .registry = &reach->registry };
}

void
exchange_form(const struct build *b, struct cache_layer *form)
{
	*form = (struct cache_layer){ .compression = b->layers.compression,
		.level = b->layers.level,
		.has_time = b->has_timestamp,
		.time = b->has_timestamp ? b->timestamp : 0 };
}

void
exchange_tell_layer(const struct build *b, const struct layer_record *from, struct cache_layer *to)
{
	exchange_form(b, to);
	to->diff_id = from->diff_id;
	to->digest = from->digest;
	to->size = from->size;
	to->uncompressed = from->uncompressed;
}

/* It is borrowed from the arguments. */
static struct layer_record
to_layer_record(char *variant, const struct cache_layer *layer)
{
	return (struct layer_record){ .variant = variant,
		.diff_id = layer->diff_id,
		.media_type = (char *)(uintptr_t)layer_media_type(layer->compression),
		.digest = layer->digest,
		.size = layer->size,
		.uncompressed = layer->uncompressed };
}

int
exchange_keep_layer(struct build *b, struct step_state *state, char *variant,
    const struct cache_layer *layer, struct error *e)
{
	struct layer_record record = to_layer_record(variant, layer);

	step_record_set_layer(&state->record, &record);
	return step_record_put(b->store, &state->key, &state->record, e);
}

/* ---- taking ---- */

static void
tell_taken(struct build *b, const struct cache_taken *taken)
{
	if (taken->error.kind == ERR_NONE)
		progress_note(
		    b->progress, "%s: %zu records", taken->place->label, taken->records.count);
	else if (taken->error.kind == ERR_NOT_FOUND)
		progress_note(
		    b->progress, "%s: nothing to take: %s", taken->place->label, taken->error.text);
	else
		progress_warn(b->progress, "%s: nothing is taken from it: %s", taken->place->label,
		    taken->error.text);
}

static void
take(struct build *b)
{
	const struct build_options *o = b->options;
	struct exchange *x = xcalloc(1, sizeof(*x));
	struct exchange_reach reach;

	x->taken = xcalloc(o->n_cache_from * b->plan.n_targets, sizeof(*x->taken));
	for (size_t i = 0; i < o->n_cache_from; i++) {
		/* an image for several platforms has a cache in each of its images */
		size_t n = o->cache_from[i].kind == CACHE_REGISTRY ? b->plan.n_targets : 1;

		for (size_t k = 0; k < n; k++)
			x->taken[x->n_taken++] = (struct cache_taken){ .place = &o->cache_from[i],
				.platform = &b->plan.targets[k].platform };
	}
	exchange_reach_init(&reach, b);
	cache_take(&reach.access, x->taken, x->n_taken);
	for (size_t i = 0; i < x->n_taken; i++)
		if (i == 0 || x->taken[i].place != x->taken[i - 1].place)
			tell_taken(b, &x->taken[i]);
	b->exchange = x;
}

void
exchange_free(struct exchange *x)
{
	if (!x)
		return;
	for (size_t i = 0; i < x->n_taken; i++)
		cache_records_release(&x->taken[i].records);
	free(x->taken);
	free(x);
}

/* A record as one of the store, as if its layer were here in the form of this build. */
static void
to_step_record(const struct build *b, const struct cache_record *from, struct step_record *record)
{
	struct layer_record layer = to_layer_record(b->variant, &from->layer);

	*record = (struct step_record){ .created = from->created,
		.empty = from->empty,
		.is_alias = from->is_alias,
		.alias_of = from->alias_of };
	layer.media_type = (char *)(uintptr_t)layer_media_type(b->layers.compression);
	if (from->has_layer)
		step_record_set_layer(record, &layer);
}

/* Times are a part of the layer's bytes: those of another build's bounds are of no use here. */
static bool
is_usable(const struct build *b, const struct cache_record *record)
{
	if (record->is_alias || !record->has_layer)
		return true;
	return record->layer.has_time == b->has_timestamp &&
	       (!b->has_timestamp || record->layer.time == b->timestamp);
}

int
exchange_find(struct build *b, const struct digest *key, struct step_record *record,
    size_t *from_cache, struct error *e)
{
	(void)e; /* what is taken is in memory */
	for (size_t i = 0; b->exchange && i < b->exchange->n_taken; i++) {
		const struct cache_record *found =
		    cache_records_find(&b->exchange->taken[i].records, key);

		if (!found || !is_usable(b, found))
			continue;
		to_step_record(b, found, record);
		*from_cache = found->has_layer ? i + 1 : 0;
		return 1;
	}
	return 0;
}

/* What was told under @key of place @i was not so: it was never there. */
static void
drop_record(struct exchange *x, size_t i, const struct digest *key)
{
	struct cache_records *r = &x->taken[i].records;
	const struct cache_record *found = cache_records_find(r, key);
	size_t at = found ? (size_t)(found - r->items) : r->count;

	if (!found)
		return;
	memmove(r->items + at, r->items + at + 1, (r->count - at - 1) * sizeof(*r->items));
	r->count--;
}

/* ---- layers ---- */

static bool
wants_layer(const struct step_state *state)
{
	return state->from_cache &&
	       (state->want_layer || (state->want_tree && !state->record.empty));
}

/* The layers of place @place that are needed, each once. */
struct wanted {
	struct cache_wanted *items;
	size_t count;
	size_t room;
};

static struct cache_wanted *
find_wanted(struct wanted *w, const struct digest *digest)
{
	for (size_t i = 0; i < w->count; i++)
		if (digest_equal(&w->items[i].layer.digest, digest))
			return &w->items[i];
	return NULL;
}

const struct cache_place *
exchange_place(const struct build *b, const struct step_state *state)
{
	return b->exchange->taken[state->from_cache - 1].place;
}

const struct cache_layer *
exchange_told(const struct build *b, const struct step_state *state)
{
	const struct cache_record *record =
	    cache_records_find(&b->exchange->taken[state->from_cache - 1].records, &state->key);

	return record ? &record->layer : NULL;
}

static void
collect(struct build *b, size_t place, struct wanted *w)
{
	for (size_t s = 0; s < b->plan.n_stages; s++) {
		for (size_t i = 0; i < b->plan.stages[s].n_steps; i++) {
			const struct step_state *state = &b->stages[s].steps[i];
			const struct cache_layer *told;

			if (state->from_cache != place || !wants_layer(state))
				continue;
			told = exchange_told(b, state);
			if (!told || find_wanted(w, &told->digest))
				continue;
			xgrow(&w->items, w->count, &w->room, sizeof(*w->items));
			w->items[w->count++] = (struct cache_wanted){ .layer = *told };
		}
	}
}

/* The layer of @state is here, as @layer says: the store remembers the step as its own. */
static int
keep(struct build *b, struct step_state *state, const struct cache_layer *layer, struct error *e)
{
	state->from_cache = 0;
	return exchange_keep_layer(b, state, b->variant, layer, e);
}

static void
tell_brought(struct build *b, const struct cache_place *place, const struct wanted *w)
{
	auto(buf) struct buf size = { 0 };
	uint64_t bytes = 0;
	size_t n = 0;

	for (size_t i = 0; i < w->count; i++) {
		if (w->items[i].error.kind != ERR_NONE)
			continue;
		bytes += w->items[i].layer.size;
		n++;
	}
	text_add_size(&size, bytes);
	if (n > 0)
		progress_note(
		    b->progress, "%s: took %zu layers, %s", place->label, n, buf_text(&size));
}

/* Gives the steps what came. Returns how many were told of something that is not there. */
static int
settle_steps(struct build *b, size_t place, const struct wanted *before, struct wanted *after,
    size_t *n_lost, struct error *e)
{
	for (size_t s = 0; s < b->plan.n_stages; s++) {
		for (size_t i = 0; i < b->plan.stages[s].n_steps; i++) {
			struct step_state *state = &b->stages[s].steps[i];
			const struct cache_wanted *was, *is;

			if (state->from_cache != place || !wants_layer(state))
				continue;
			if (!exchange_told(b, state)) { /* another step of this key has found out */
				++*n_lost;
				continue;
			}
			was = find_wanted(
			    (struct wanted *)(uintptr_t)before, &exchange_told(b, state)->digest);
			is = &after->items[was - before->items];
			if (is->error.kind == ERR_NONE) {
				if (keep(b, state, &is->layer, e) < 0)
					return -1;
				continue;
			}
			drop_record(b->exchange, place - 1, &state->key);
			++*n_lost;
		}
	}
	return 0;
}

static void
tell_lost(struct build *b, const struct cache_place *place, const struct wanted *w)
{
	char text[DIGEST_TEXT_LEN + 1];

	for (size_t i = 0; i < w->count; i++)
		if (w->items[i].error.kind != ERR_NONE)
			progress_warn(b->progress, "%s: layer %s is not taken: %s", place->label,
			    digest_text(&w->items[i].layer.digest, text), w->items[i].error.text);
}

/* Brings what is needed of one place. *@n_lost counts what is not there after all. */
static int
bring_from(struct build *b, size_t place, size_t *n_lost, struct error *e)
{
	struct cache_taken *taken = &b->exchange->taken[place - 1];
	struct wanted before = { 0 }, after = { 0 };
	struct error problem = ERROR_INIT;
	struct exchange_reach reach;
	struct cache_layer form;
	int ok = 0;

	collect(b, place, &before);
	if (before.count == 0)
		return 0;
	after.items = xcalloc(before.count, sizeof(*after.items));
	after.count = before.count;
	memcpy(after.items, before.items, before.count * sizeof(*after.items));
	exchange_form(b, &form);
	exchange_reach_init(&reach, b);
	if (cache_fetch(&reach.access, taken->place, b->store, &form, after.items, after.count,
		&problem) < 0) {
		progress_warn(b->progress, "%s: nothing more is taken from it: %s",
		    taken->place->label, problem.text);
		cache_records_release(&taken->records);
		++*n_lost;
	} else {
		tell_brought(b, taken->place, &after);
		ok = settle_steps(b, place, &before, &after, n_lost, e);
		tell_lost(b, taken->place, &after);
	}
	free(before.items);
	free(after.items);
	return ok;
}

/* Returns 1 when all that is needed is here, 0 when something turned out not to be there, -1. */
static int
bring(struct build *b, struct error *e)
{
	size_t n_lost = 0;

	for (size_t i = 0; b->exchange && i < b->exchange->n_taken; i++)
		if (bring_from(b, i + 1, &n_lost, e) < 0)
			return -1;
	return n_lost == 0;
}

bool
exchange_bring(
    struct build *b, struct step_state *state, void (*warn)(void *arg, const char *text), void *arg)
{
	const struct cache_taken *taken = &b->exchange->taken[state->from_cache - 1];
	struct cache_wanted wanted = { 0 };
	struct error e = ERROR_INIT;
	struct exchange_reach reach;
	struct cache_layer form;
	bool came;

	if (!wants_layer(state))
		return false; /* its files are here or made; there is nothing to take */
	wanted.layer = *exchange_told(b, state);
	exchange_form(b, &form);
	exchange_reach_init(&reach, b);
	came = cache_fetch(&reach.access, taken->place, b->store, &form, &wanted, 1, &e) == 0;
	if (came && wanted.error.kind != ERR_NONE)
		e = wanted.error;
	if (came && wanted.error.kind == ERR_NONE && keep(b, state, &wanted.layer, &e) == 0)
		return true;
	{
		autofree char *text = xasprintf("%s: %s", taken->place->label, e.text);

		warn(arg, text);
	}
	state->from_cache = 0;
	return false;
}

int
exchange_bring_all(struct build *b, struct error *e)
{
	for (size_t s = 0; s < b->plan.n_stages; s++) {
		for (size_t i = 0; i < b->plan.stages[s].n_steps; i++) {
			struct step_state *state = &b->stages[s].steps[i];

			state->want_layer = state->want_layer || state->from_cache;
		}
	}
	if (bring(b, e) < 0)
		return -1;
	for (size_t s = 0; s < b->plan.n_stages; s++) {
		for (size_t i = 0; i < b->plan.stages[s].n_steps; i++) {
			struct step_state *state = &b->stages[s].steps[i];

			if (state->from_cache)
				state->status = STEP_MISSING; /* nothing is known of it any more */
			state->from_cache = 0;
		}
	}
	return 0;
}

/* ---- the whole ---- */

static int
again(struct build *b, struct error *e)
{
	if (keys_again(b, e) < 0)
		return -1;
	needs_find(b);
	return 0;
}

/* A key that was only told of is good as long as its step is not run: else it has to be found out. */
static int
stop_assuming(struct build *b, struct error *e)
{
	if (b->assumes_nothing || !needs_runs(b, true))
		return 0;
	b->assumes_nothing = true;
	return again(b, e);
}

/* By what others know a step that reads a stage: the next build here knows it without them. */
static int
keep_alias(struct build *b, const struct stage_state *stage, size_t index, struct error *e)
{
	const struct plan_step *step = &state_plan(b, stage)->steps[index];
	const struct step_state *state = &stage->steps[index];
	struct step_record alias = { .is_alias = true, .alias_of = state->key };
	struct digest parent, definition;

	if (!state->has_key || !keys_wait(step) || !keys_base(b, stage, index, &parent) ||
	    !keys_of_definition(b, &parent, step, state, &definition) ||
	    digest_equal(&definition, &state->key))
		return 0;
	return step_record_put(b->store, &definition, &alias, e);
}

static int
keep_aliases(struct build *b, struct error *e)
{
	for (size_t s = 0; b->exchange && s < b->plan.n_stages; s++)
		for (size_t i = 0; i < b->plan.stages[s].n_steps; i++)
			if (step_makes_layer(&b->plan.stages[s].steps[i]) &&
			    keep_alias(b, &b->stages[s], i, e) < 0)
				return -1;
	return 0;
}

int
exchange_settle(struct build *b, struct error *e)
{
	int all_here = 0;

	needs_find(b);
	if (stop_assuming(b, e) < 0)
		return -1;
	if (b->options->n_cache_from > 0 && !b->options->no_cache && needs_runs(b, false)) {
		take(b);
		b->assumes_nothing = false;
		if (again(b, e) < 0)
			return -1;
	}
	for (int i = 0; !all_here && i < ROUNDS_MAX; i++) {
		if (stop_assuming(b, e) < 0)
			return -1;
		all_here = bring(b, e);
		if (all_here < 0 || (!all_here && again(b, e) < 0))
			return -1;
	}
	return keep_aliases(b, e) < 0 ? -1 : exchange_offer(b, e);
}

/* ---- cache mounts ---- */

static const struct cache_mount *
told_mount(const struct exchange *x, const char *id, const struct cache_place **place)
{
	for (size_t i = 0; i < x->n_taken; i++) {
		const struct cache_records *r = &x->taken[i].records;

		*place = x->taken[i].place;
		for (size_t k = 0; strv_has(&(*place)->mounts, id) && k < r->n_mounts; k++)
			if (strcmp(r->mounts[k].id, id) == 0)
				return &r->mounts[k];
	}
	return NULL;
}

static void
restore_mount(struct build *b, const struct mountspec *spec)
{
	const struct cache_place *place = NULL;
	const struct cache_mount *told = told_mount(b->exchange, spec->id, &place);
	struct cache_wanted wanted = { 0 };
	struct error e = ERROR_INIT;
	struct exchange_reach reach;
	int ok;

	if (!told || store_mount_has(b->store, spec->id))
		return;
	wanted.layer = told->layer;
	exchange_reach_init(&reach, b);
	ok = cache_fetch(&reach.access, place, b->store, &told->layer, &wanted, 1, &e);
	if (ok == 0 && wanted.error.kind != ERR_NONE) {
		e = wanted.error;
		ok = -1;
	}
	if (ok == 0)
		ok = exchange_unpack_mount(b, spec, &wanted.layer, &e);
	if (ok < 0)
		progress_warn(b->progress, "%s: cache mount '%s' is not taken: %s", place->label,
		    spec->id, e.text);
	else
		progress_note(b->progress, "%s: took cache mount '%s'", place->label, spec->id);
}

void
exchange_restore_mounts(struct build *b)
{
	for (size_t s = 0; b->exchange && s < b->plan.n_stages; s++) {
		for (size_t i = 0; i < b->plan.stages[s].n_steps; i++) {
			const struct plan_step *step = &b->plan.stages[s].steps[i];

			for (size_t n = 0; b->stages[s].steps[i].run && n < step->n_mounts; n++)
				if (step->mounts[n].spec.type == MOUNT_CACHE)
					restore_mount(b, &step->mounts[n].spec);
		}
	}
}
