/* SPDX-License-Identifier: Apache-2.0 */
/*
 * keys - what each step is known by, and which of them the store has.
 *
 * key = SHA-256(kind, parent's key, the plan's record of the step, what it reads). What a COPY reads from a context
 * is the digest of the content. What it reads from another stage is known only when that stage is there, so
 * such a step has two keys: one from the definition of the stage (its last key), under which an alias is stored, and the
 * one that counts, from the content. A stage that was built again and came out the same so changes nothing behind it.
 */
#include "builder/build/exchange.h"
#include "builder/build/state.h"

#include "runtime/base/mem.h"

static void
key_begin(
    struct hash *hash, const char *kind, const struct digest *parent, const struct plan_step *step)
{
	hash_add_text(hash, kind);
	hash_add(hash, parent->bytes, DIGEST_SIZE);
	hash_add_text(hash, step->record);
}

static void
key_of(const char *kind, const struct digest *parent, const struct plan_step *step,
    const void *input, size_t length, struct digest *key)
{
	autohash struct hash *hash = hash_new();

	key_begin(hash, kind, parent, step);
	hash_add_u64(hash, length);
	if (length > 0)
		hash_add(hash, input, length);
	hash_finish(hash, key);
}

void
keys_of_copy(const struct digest *parent, const struct plan_step *step,
    const struct digest *content, struct digest *key)
{
	key_of("croze step 1 content", parent, step, content->bytes, DIGEST_SIZE, key);
}

static bool
copies(const struct plan_step *step)
{
	return step->kind == PLAN_COPY || step->kind == PLAN_ADD;
}

static bool
mounts_files(const struct plan_step *step)
{
	for (size_t n = 0; n < step->n_mounts; n++)
		if (step->mounts[n].has_files)
			return true;
	return false;
}

bool
keys_wait(const struct plan_step *step)
{
	if (copies(step))
		return step->source == PLAN_FROM_STAGE;
	for (size_t n = 0; n < step->n_mounts; n++) {
		const struct plan_mount *mount = &step->mounts[n];

		/* all files of a stage are best known by how they were made */
		if (mount->has_files && mount->source == PLAN_FROM_STAGE &&
		    !state_mount_is_whole(mount))
			return true;
	}
	return false;
}

/* Adds what mount @n shows; false when that is not known yet. */
static bool
add_mount(const struct build *b, const struct plan_step *step, const struct step_state *state,
    size_t n, bool by_content, struct buf *input)
{
	const struct plan_mount *mount = &step->mounts[n];
	const struct stage_state *stage;
	const char *id;

	if (!mount->has_files)
		return true;
	switch (mount->source) {
	case PLAN_FROM_CONTEXT:
	case PLAN_FROM_NAMED_CONTEXT:
		buf_add(input, state->mounts[n].content.bytes, DIGEST_SIZE);
		return true;
	case PLAN_FROM_IMAGE:
		id = state_image(b, mount->from)->id;
		buf_add(input, id, strlen(id) + 1);
		return true;
	case PLAN_FROM_STAGE:
		stage = &b->stages[mount->from];
		if (by_content && !state_mount_is_whole(mount))
			buf_add(input, state->mounts[n].content.bytes, DIGEST_SIZE);
		else if (stage->has_final_key)
			buf_add(input, stage->final_key.bytes, DIGEST_SIZE);
		else
			return false;
		return true;
	}
	return false;
}

static bool
key_of_mounts(const struct build *b, const struct digest *parent, const struct plan_step *step,
    const struct step_state *state, bool by_content, struct digest *key)
{
	auto(buf) struct buf input = { 0 };

	for (size_t n = 0; n < step->n_mounts; n++)
		if (!add_mount(b, step, state, n, by_content, &input))
			return false;
	key_of(by_content ? "croze step 1 mounts content" : "croze step 1 mounts", parent, step,
	    input.data, input.len, key);
	return true;
}

void
keys_of_mounts(const struct build *b, const struct digest *parent, const struct plan_step *step,
    const struct step_state *state, struct digest *key)
{
	(void)key_of_mounts(b, parent, step, state, true, key); /* all stages are there */
}

bool
keys_of_definition(const struct build *b, const struct digest *parent, const struct plan_step *step,
    const struct step_state *state, struct digest *key)
{
	const struct stage_state *source;

	if (!copies(step))
		return key_of_mounts(b, parent, step, state, false, key);
	source = &b->stages[step->from];
	if (source->has_final_key)
		key_of(
		    "croze step 1 stage", parent, step, source->final_key.bytes, DIGEST_SIZE, key);
	return source->has_final_key;
}

void
keys_of_bind(const struct digest *content, struct digest *key)
{
	autohash struct hash *hash = hash_new();

	hash_add_text(hash, "croze bind 1");
	hash_add(hash, content->bytes, DIGEST_SIZE);
	hash_finish(hash, key);
}

void
keys_of_step(const struct build *b, const struct plan_step *step, const struct step_state *state,
    const struct digest *parent, bool *known, struct digest *key)
{
	*known = true;
	if (mounts_files(step)) {
		*known = keys_of_definition(b, parent, step, state, key);
		return;
	}
	if (!copies(step)) {
		key_of("croze step 1", parent, step, NULL, 0, key);
		return;
	}
	switch (step->source) {
	case PLAN_FROM_CONTEXT:
	case PLAN_FROM_NAMED_CONTEXT:
		keys_of_copy(parent, step, &state->content, key);
		return;
	case PLAN_FROM_IMAGE:
		key_of("croze step 1 image", parent, step, state_image(b, step->from)->id,
		    strlen(state_image(b, step->from)->id), key);
		return;
	case PLAN_FROM_STAGE:
		*known = keys_of_definition(b, parent, step, state, key);
		return;
	}
}

void
keys_of_text(const char *what, const char *text, struct digest *key)
{
	autohash struct hash *hash = hash_new();

	hash_add_text(hash, what);
	hash_add_text(hash, text);
	hash_finish(hash, key);
}

static void
key_of_base(const char *text, struct digest *key)
{
	keys_of_text("croze base 1", text, key);
}

/* The key of a step that says nothing of what is below, with that. */
static bool
key_over_parent(
    const struct build *b, const struct stage_state *stage, size_t index, struct digest *key)
{
	autohash struct hash *hash = hash_new();
	struct digest parent;

	if (!stage->steps[index].has_key || !keys_parent(b, stage, index, &parent))
		return false;
	hash_add_text(hash, "croze link 1");
	hash_add(hash, parent.bytes, DIGEST_SIZE);
	hash_add(hash, stage->steps[index].key.bytes, DIGEST_SIZE);
	hash_finish(hash, key);
	return true;
}

bool
keys_parent(
    const struct build *b, const struct stage_state *stage, size_t index, struct digest *key)
{
	const struct plan_stage *plan = state_plan(b, stage);

	for (size_t i = index; i-- > 0;) {
		if (plan->steps[i].kind == PLAN_METADATA)
			continue;
		if (step_is_independent(&plan->steps[i]))
			return key_over_parent(b, stage, i, key);
		*key = stage->steps[i].key;
		return stage->steps[i].has_key;
	}
	switch (plan->base_kind) {
	case PLAN_BASE_STAGE:
		*key = b->stages[plan->base].final_key;
		return b->stages[plan->base].has_final_key;
	case PLAN_BASE_IMAGE:
		key_of_base(state_image(b, plan->base)->id, key);
		return true;
	case PLAN_BASE_SCRATCH:
		break;
	}
	key_of_base("scratch", key);
	return true;
}

bool
keys_base(const struct build *b, const struct stage_state *stage, size_t index, struct digest *key)
{
	if (!step_is_independent(&state_plan(b, stage)->steps[index]))
		return keys_parent(b, stage, index, key);
	key_of_base("nothing", key);
	return true;
}

int
keys_read(struct build *b, const struct digest *key, struct step_record *record, struct error *e)
{
	autojson struct json *json = NULL;
	int found = store_step_get(b->store, key, &json, e);

	if (found <= 0)
		return found;
	if (step_record_from_json(json, record, e) == 0) {
		step_record_fit(record, b->store);
		return 1;
	}
	/* of another version, or damaged: the step is made again and its record replaced */
	error_clear(e);
	return 0;
}

/* From the store, else from what other machines told. */
static int
read_any(struct build *b, const struct digest *key, struct step_record *record,
    struct keys_way *way, struct error *e)
{
	int found = keys_read(b, key, record, e);

	way->from_cache = 0;
	if (found == 0)
		found = exchange_find(b, key, record, &way->from_cache, e);
	return found;
}

int
keys_look_up(struct build *b, struct digest *key, struct step_record *record, struct keys_way *way,
    struct error *e)
{
	int found;

	*way = (struct keys_way){ 0 };
	if (b->options->no_cache)
		return 0;
	found = read_any(b, key, record, way, e);
	if (found == 1 && record->is_alias) {
		way->by_alias = true;
		*key = record->alias_of;
		step_record_release(record);
		found = read_any(b, key, record, way, e);
		if (found == 1 && record->is_alias) {
			step_record_release(record);
			found = 0;
		}
	}
	return found;
}

/* A step that copies from a context: what it copies is known now, and an error in it is one before anything runs. */
static int
scan_step(struct build *b, const struct plan_step *step, struct step_state *state, struct error *e)
{
	autofree struct copy_extra *extras = NULL;
	struct copy_request request;
	struct copy_stats stats;

	state_copy_request(b, step, state, &extras, &request);
	state->copy = copy_plan_make(&request, e);
	if (!state->copy)
		return -1;
	copy_plan_stats(state->copy, &stats);
	state->is_archive = stats.n_archives > 0;
	return copy_plan_digest(state->copy, &state->content, e);
}

/* What a RUN mounts from contexts. */
static int
scan_mounts(
    struct build *b, const struct plan_step *step, struct step_state *state, struct error *e)
{
	for (size_t n = 0; n < step->n_mounts; n++) {
		const struct plan_mount *mount = &step->mounts[n];
		struct copy_request request;
		char *pattern[1];
		int ok;

		if (!mount->has_files || mount->source == PLAN_FROM_STAGE ||
		    mount->source == PLAN_FROM_IMAGE)
			continue;
		state_bind_request(b, mount, pattern, &request);
		state->mounts[n].files = copy_plan_make(&request, e);
		ok = state->mounts[n].files
		         ? copy_plan_digest(state->mounts[n].files, &state->mounts[n].content, e)
		         : -1;
		free(pattern[0]);
		if (ok < 0)
			return error_ctx(e, "RUN --mount=type=%s,target=%s",
			    mount_type_names[mount->spec.type], mount->target);
	}
	return 0;
}

static int
scan_any(struct build *b, const struct plan_step *step, struct step_state *state, struct error *e)
{
	if (step->n_mounts > 0) {
		state->mounts = xcalloc(step->n_mounts, sizeof(*state->mounts));
		return scan_mounts(b, step, state, e);
	}
	if (!copies(step) || step->source == PLAN_FROM_STAGE || step->source == PLAN_FROM_IMAGE)
		return 0;
	return scan_step(b, step, state, e);
}

static int
find_step(struct build *b, struct stage_state *stage, size_t index, struct error *e)
{
	const struct plan_step *step = &state_plan(b, stage)->steps[index];
	struct step_state *state = &stage->steps[index];
	struct keys_way way;
	struct digest parent;
	bool known = false;
	int found;

	if (!keys_base(b, stage, index, &parent))
		return 0;
	keys_of_step(b, step, state, &parent, &known, &state->key);
	if (!known)
		return 0;
	found = keys_look_up(b, &state->key, &state->record, &way, e);
	if (found < 0)
		return -1;
	state->status = found ? STEP_CACHED : STEP_MISSING;
	state->from_cache = found ? way.from_cache : 0;
	/* without a record, the key of what reads files of a stage waits for their content, unless it is never run */
	state->is_assumed = !found && way.by_alias && !b->assumes_nothing;
	state->has_key = found || state->is_assumed || !keys_wait(step);
	return 0;
}

static int
find_stage(struct build *b, struct stage_state *stage, struct error *e)
{
	const struct plan_stage *plan = state_plan(b, stage);

	for (size_t i = 0; i < plan->n_steps; i++) {
		if (plan->steps[i].kind == PLAN_METADATA)
			continue;
		if (find_step(b, stage, i, e) < 0)
			return error_ctx(e, "%s", plan->steps[i].text);
	}
	stage->has_final_key = keys_parent(b, stage, plan->n_steps, &stage->final_key);
	return 0;
}

/* All that is wrong with what is copied is reported together, with its lines. */
static int
scan_all(struct build *b, struct error *e)
{
	for (size_t s = 0; s < b->plan.n_stages; s++) {
		for (size_t i = 0; i < b->plan.stages[s].n_steps; i++) {
			const struct plan_step *step = &b->plan.stages[s].steps[i];
			struct error problem = ERROR_INIT;

			if (scan_any(b, step, &b->stages[s].steps[i], &problem) == 0)
				continue;
			if (problem.kind == ERR_TEMPORARY || problem.kind == ERR_SYSTEM) {
				*e = problem;
				return error_ctx(
				    e, "%s:%u: %s", b->dockerfile.path, step->line, step->text);
			}
			diagnostics_error(
			    &b->diagnostics, (struct location){ .line = step->line }, &problem);
		}
	}
	return diagnostics_check(&b->diagnostics, e);
}

static int
find_all(struct build *b, struct error *e)
{
	for (size_t s = 0; s < b->plan.n_stages; s++)
		if (find_stage(b, &b->stages[s], e) < 0)
			return -1;
	return 0;
}

int
keys_find(struct build *b, struct error *e)
{
	return scan_all(b, e) < 0 ? -1 : find_all(b, e);
}

int
keys_again(struct build *b, struct error *e)
{
	for (size_t s = 0; s < b->plan.n_stages; s++) {
		b->stages[s].has_final_key = false;
		for (size_t i = 0; i < b->plan.stages[s].n_steps; i++) {
			struct step_state *state = &b->stages[s].steps[i];

			step_record_release(&state->record);
			state->status = STEP_MISSING;
			state->has_key = state->is_assumed = false;
			state->from_cache = 0;
		}
	}
	return find_all(b, e);
}
