/* SPDX-License-Identifier: Apache-2.0 */
/*
 * exchange_to - steps to other machines: which of them, in which form.
 *
 * Told are keys with their layers, and the aliases by which a step that reads another stage is known before that is there: so
 * whoever has nothing but the Dockerfile and the context finds all of it. The mode "min" has the layers of the image, "max" those of
 * all stages. Nothing is run to be told of; layers of steps that were run are packed along the way.
 */
#include "builder/build/exchange.h"

#include "builder/layer/writer.h"
#include "runtime/base/mem.h"
#include "runtime/base/text.h"

static bool
wants_all_stages(const struct build *b)
{
	for (size_t i = 0; i < b->options->n_cache_to; i++)
		if (b->options->cache_to[i].max)
			return true;
	return false;
}

/* Does the stage enter the image of @target? */
static bool
is_of(const struct build *b, size_t target, size_t stage)
{
	size_t s = target;

	while (s != stage && b->plan.stages[s].base_kind == PLAN_BASE_STAGE)
		s = b->plan.stages[s].base;
	return s == stage;
}

static bool
enters_an_image(const struct build *b, size_t stage)
{
	for (size_t i = 0; i < b->plan.n_targets; i++)
		if (is_of(b, b->plan.targets[i].stage, stage))
			return true;
	return false;
}

/* ---- which layers are packed ---- */

static bool
has_files(const struct step_state *state)
{
	return state->run ||
	       (state->status == STEP_CACHED && (state->record.snapshot || state->record.empty));
}

/* Are the files after the first @count steps of @stage here, or going to be? */
static bool
tree_is_here(const struct build *b, const struct stage_state *stage, size_t count)
{
	const struct plan_stage *plan = state_plan(b, stage);

	for (size_t i = 0; i < count; i++)
		if (step_makes_layer(&plan->steps[i]) && !has_files(&stage->steps[i]))
			return false;
	if (plan->base_kind != PLAN_BASE_STAGE)
		return true;
	return tree_is_here(b, &b->stages[plan->base], b->plan.stages[plan->base].n_steps);
}

static bool
source_is_here(const struct build *b, enum plan_source source, size_t from)
{
	return source != PLAN_FROM_STAGE ||
	       tree_is_here(b, &b->stages[from], b->plan.stages[from].n_steps);
}

static bool
can_be_packed(const struct build *b, const struct stage_state *stage, size_t index)
{
	const struct plan_step *step = &state_plan(b, stage)->steps[index];

	if (!tree_is_here(b, stage, index + 1))
		return false;
	for (size_t n = 0; n < step->n_mounts; n++)
		if (step->mounts[n].has_files &&
		    !source_is_here(b, step->mounts[n].source, step->mounts[n].from))
			return false;
	return (step->kind != PLAN_COPY && step->kind != PLAN_ADD) ||
	       source_is_here(b, step->source, step->from);
}

static bool
is_offered(const struct build *b, const struct stage_state *stage, size_t index)
{
	const struct step_state *state = &stage->steps[index];

	if (!step_makes_layer(&state_plan(b, stage)->steps[index]) || state->want_layer ||
	    state->from_cache || (!wants_all_stages(b) && !enters_an_image(b, stage->index)))
		return false;
	if (state->run)
		return true;
	return state->status == STEP_CACHED && !step_record_layer(&state->record, b->variant) &&
	       can_be_packed(b, stage, index);
}

static size_t
count_runs(const struct build *b)
{
	size_t n = 0;

	for (size_t s = 0; s < b->plan.n_stages; s++)
		for (size_t i = 0; i < b->plan.stages[s].n_steps; i++)
			n += b->stages[s].steps[i].run &&
			     b->plan.stages[s].steps[i].kind == PLAN_RUN;
	return n;
}

static void
offer(struct build *b, bool of_run_alone)
{
	for (size_t s = 0; s < b->plan.n_stages; s++)
		for (size_t i = 0; i < b->plan.stages[s].n_steps; i++)
			if (is_offered(b, &b->stages[s], i) &&
			    (!of_run_alone || b->stages[s].steps[i].run))
				b->stages[s].steps[i].offered = true;
}

static void
withdraw(struct build *b)
{
	for (size_t s = 0; s < b->plan.n_stages; s++)
		for (size_t i = 0; i < b->plan.stages[s].n_steps; i++)
			b->stages[s].steps[i].offered = false;
}

int
exchange_offer(struct build *b, struct error *e)
{
	size_t n_runs = count_runs(b);

	(void)e; /* nothing is asked of anybody */
	if (b->options->n_cache_to == 0)
		return 0;
	offer(b, false);
	needs_find(b);
	if (count_runs(b) <= n_runs)
		return 0;
	/* something would have to be run for a layer that nobody here needs */
	withdraw(b);
	needs_find(b);
	offer(b, true);
	needs_find(b);
	return 0;
}

/* ---- what is told ---- */

/* Does it enter the image that is made (@place NULL: that one will have the records), or any of the images? */
static bool
is_of_image(const struct build *b, const struct cache_place *place, size_t stage)
{
	return place ? enters_an_image(b, stage) : is_of(b, b->plan.target, stage);
}

/* Returns whether there is something to tell of the step itself. */
static bool
tell_step(const struct build *b, const struct step_state *state, struct cache_record *record)
{
	const struct layer_record *layer = step_record_layer(&state->record, b->variant);

	*record = (struct cache_record){
		.key = state->key, .created = state->record.created, .empty = state->record.empty
	};
	if (!state->has_key || state->status == STEP_MISSING || state->is_assumed ||
	    state->record.is_alias)
		return false;
	if (layer && layer->uncompressed > 0 && layer->size <= CACHE_LAYER_MAX) {
		record->has_layer = true;
		exchange_tell_layer(b, layer, &record->layer);
	}
	return record->has_layer || record->empty;
}

static void
tell_alias(const struct build *b, const struct stage_state *stage, size_t index,
    struct cache_records *records)
{
	const struct plan_step *step = &state_plan(b, stage)->steps[index];
	const struct step_state *state = &stage->steps[index];
	struct cache_record alias = { .is_alias = true, .alias_of = state->key };
	struct digest parent;

	if (!state->has_key || !keys_wait(step) || !keys_base(b, stage, index, &parent) ||
	    !keys_of_definition(b, &parent, step, state, &alias.key))
		return;
	if (!digest_equal(&alias.key, &alias.alias_of))
		cache_records_add(records, &alias);
}

/* The form that @place wants, for what this build has made; for all of it when it is forced. A form once made is kept. */
static int
give_form(struct build *b, const struct cache_place *place, struct step_state *state,
    struct cache_layer *layer, struct error *e)
{
	autofree char *variant = NULL;
	struct cache_layer wanted = *layer;
	const struct layer_record *made;

	if (!place->has_compression || (!place->force && state->status != STEP_DONE) ||
	    (layer->compression == place->compression && layer->level == place->level))
		return 0;
	wanted.compression = place->compression;
	wanted.level = place->level;
	variant = cache_layer_variant(&wanted);
	made = step_record_layer(&state->record, variant);
	if (made) {
		wanted.digest = made->digest;
		wanted.size = made->size;
		*layer = wanted;
		return 0;
	}
	if (cache_recompress(b->store, place->compression, place->level, layer, e) < 0)
		return -1;
	return exchange_keep_layer(b, state, variant, layer, e);
}

/* What is told of step @index to @place (NULL: to the image). @with_told: also of layers that are elsewhere alone. */
static int
tell_record(struct build *b, const struct cache_place *place, struct step_state *state,
    bool with_told, struct cache_records *records, struct error *e)
{
	struct cache_record record;

	if (!tell_step(b, state, &record))
		return 0;
	if (state->from_cache) {
		if (!with_told)
			return 0;
		record.layer = *exchange_told(b, state);
	} else if (place && record.has_layer && give_form(b, place, state, &record.layer, e) < 0) {
		return -1;
	}
	cache_records_add(records, &record);
	return 0;
}

static int
tell_all(struct build *b, const struct cache_place *place, bool with_told,
    struct cache_records *records, struct error *e)
{
	for (size_t s = 0; s < b->plan.n_stages; s++) {
		for (size_t i = 0; i < b->plan.stages[s].n_steps; i++) {
			if (!step_makes_layer(&b->plan.stages[s].steps[i]))
				continue;
			tell_alias(b, &b->stages[s], i, records);
			if (((place && place->max) || is_of_image(b, place, s)) &&
			    tell_record(b, place, &b->stages[s].steps[i], with_told, records, e) <
				0)
				return -1;
		}
	}
	return 0;
}

/* ---- what a failure left ---- */

struct packing {
	struct build *build;
	struct stage_state *stage;
	size_t index;
};

static int
pack_main(void *arg, struct buf *result, struct error *e)
{
	const struct packing *p = arg;
	const struct step_record *record = &p->stage->steps[p->index].record;
	autojson struct json *json = NULL;

	if (worker_pack(p->build, p->stage, p->index, NULL, e) < 0)
		return -1;
	json = layer_record_to_json(step_record_layer(record, p->build->variant));
	json_write(json, 0, result);
	return 0;
}

/* The build ended while the layer of a good step was being made, or before that. */
static int
pack_step(struct build *b, struct stage_state *stage, size_t index, struct error *e)
{
	struct step_state *state = &stage->steps[index];
	struct packing packing = { b, stage, index };
	struct layer_record layer = { 0 };
	autojson struct json *json = state_ask_worker(b, pack_main, &packing, e);

	if (!json || layer_record_from_json(json, &layer, e) < 0)
		return -1;
	step_record_set_layer(&state->record, &layer);
	layer_record_release(&layer);
	return step_record_put(b->store, &state->key, &state->record, e);
}

static void
pack_left(struct build *b)
{
	for (size_t s = 0; s < b->plan.n_stages; s++) {
		for (size_t i = 0; i < b->plan.stages[s].n_steps; i++) {
			const struct step_state *state = &b->stages[s].steps[i];
			struct error problem = ERROR_INIT;

			if (state->status != STEP_DONE || !state->want_layer ||
			    step_record_layer(&state->record, b->variant))
				continue;
			if (pack_step(b, &b->stages[s], i, &problem) < 0)
				progress_note(b->progress, "'%s' is not shared: %s",
				    b->plan.stages[s].steps[i].text, problem.text);
		}
	}
}

/* ---- giving ---- */

static int
tell_mounts(struct build *b, const struct cache_place *place, struct cache_records *records,
    struct error *e)
{
	for (size_t i = 0; i < place->mounts.count; i++) {
		struct cache_mount mount = { 0 };
		const char *id = place->mounts.items[i];
		int packed;

		if (strlen(id) > CACHE_MOUNT_ID_MAX)
			return error_set(e, ERR_USAGE, "the id '%.60s...' is too long", id);
		memcpy(mount.id, id, strlen(id));
		packed = exchange_pack_mount(b, id, &mount.layer, e);
		if (packed < 0)
			return error_ctx(e, "cache mount '%s'", id);
		if (packed > 0)
			cache_records_add_mount(records, &mount);
		else
			progress_note(
			    b->progress, "%s: there is no cache mount '%s'", place->label, id);
	}
	return 0;
}

static int
give_once(struct build *b, const struct exchange_reach *reach, const struct cache_place *place,
    bool with_told, struct error *e)
{
	struct cache_records records = { 0 };
	struct cache_given given = { 0 };
	auto(buf) struct buf size = { 0 };
	int ok = tell_all(b, place, with_told, &records, e);

	if (ok == 0)
		ok = tell_mounts(b, place, &records, e);
	if (ok == 0)
		ok = cache_give(&reach->access, place, b->store, &records, &given, e);
	if (ok == 0) {
		text_add_size(&size, given.bytes);
		progress_note(b->progress, "%s: %zu records, %zu layers, %s sent", place->label,
		    records.count, given.n_layers, buf_text(&size));
	}
	cache_records_release(&records);
	return ok;
}

static bool
has_told(const struct build *b)
{
	for (size_t s = 0; s < b->plan.n_stages; s++)
		for (size_t i = 0; i < b->plan.stages[s].n_steps; i++)
			if (b->stages[s].steps[i].from_cache)
				return true;
	return false;
}

static bool
is_same(const struct cache_place *a, const struct cache_place *b)
{
	if (a->kind != b->kind)
		return false;
	return a->kind == CACHE_REGISTRY ? strcmp(a->ref, b->ref) == 0
	       : a->kind == CACHE_LOCAL  ? strcmp(a->dir, b->dir) == 0
	                                 : strcmp(a->scope, b->scope) == 0;
}

/* Does @place have all that was told and never fetched? */
static bool
has_its_own(const struct build *b, const struct cache_place *place)
{
	for (size_t s = 0; s < b->plan.n_stages; s++) {
		for (size_t i = 0; i < b->plan.stages[s].n_steps; i++) {
			const struct step_state *state = &b->stages[s].steps[i];

			if (state->from_cache && !is_same(exchange_place(b, state), place))
				return false;
		}
	}
	return true;
}

static int
give(struct build *b, const struct exchange_reach *reach, const struct cache_place *place,
    struct error *e)
{
	struct error problem = ERROR_INIT;

	if (!has_told(b))
		return give_once(b, reach, place, false, e);
	if (place->max && !has_its_own(b, place) && exchange_bring_all(b, e) < 0)
		return -1;
	if (give_once(b, reach, place, true, &problem) == 0)
		return 0;
	if (problem.kind != ERR_NOT_FOUND) {
		*e = problem;
		return -1;
	}
	/* what others told is there no more */
	return give_once(b, reach, place, false, e);
}

int
exchange_give(struct build *b, struct error *e)
{
	struct exchange_reach reach;
	int result = 0;

	if (b->options->n_cache_to == 0)
		return 0;
	pack_left(b);
	exchange_reach_init(&reach, b);
	for (size_t i = 0; i < b->options->n_cache_to; i++) {
		const struct cache_place *place = &b->options->cache_to[i];
		struct error problem = ERROR_INIT;

		if (place->kind == CACHE_INLINE || give(b, &reach, place, &problem) == 0)
			continue;
		if (problem.kind == ERR_NOT_FOUND)
			progress_note(
			    b->progress, "%s: nothing is written: %s", place->label, problem.text);
		else
			progress_warn(
			    b->progress, "%s: not written: %s", place->label, problem.text);
		if (!place->strict || result < 0)
			continue;
		result = -1;
		if (e) {
			*e = problem;
			error_ctx(e, "%s could not be written, and has to be (ignore-error=false)",
			    place->label);
		}
	}
	return result;
}

void
exchange_set_inline(struct build *b, struct image_config *config)
{
	struct cache_records records = { 0 };
	struct error impossible = ERROR_INIT; /* nothing is made anew without a place */
	bool wanted = false;

	if (config->raw)
		json_remove(config->raw, CACHE_MEMBER);
	for (size_t i = 0; i < b->options->n_cache_to; i++)
		wanted = wanted || b->options->cache_to[i].kind == CACHE_INLINE;
	if (!wanted)
		return;
	if (!config->raw)
		config->raw = json_new_object();
	(void)tell_all(b, NULL, false, &records, &impossible);
	json_set(config->raw, CACHE_MEMBER, cache_records_to_json(&records));
	cache_records_release(&records);
}
