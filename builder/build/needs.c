/* SPDX-License-Identifier: Apache-2.0 */
/*
 * needs - from the result backwards: which steps have to be run, whose files are read, which layers are wanted.
 *
 * Stages are looked at from the last to the first, the steps of each from the last to the first. @tree counts the
 * steps whose files are wanted: when the files after step i are, those after every step before it are too, as
 * snapshots are stacked.
 */
#include "builder/build/state.h"

bool
step_makes_layer(const struct plan_step *step)
{
	return step->kind != PLAN_METADATA;
}

bool
step_packs_snapshot(const struct plan_step *step, const struct step_state *state)
{
	return step->kind == PLAN_RUN || state->is_archive;
}

static bool
has_layer(const struct build *b, const struct step_state *state)
{
	return state->status != STEP_MISSING && step_record_layer(&state->record, b->variant);
}

static bool
has_tree(const struct step_state *state)
{
	return state->status != STEP_MISSING && (state->record.snapshot || state->record.empty);
}

/* Can a COPY find its destination in listings, without the files of the base and of the steps before it? */
static bool
listings_suffice(const struct build *b, const struct stage_state *stage, size_t index)
{
	const struct plan_stage *plan = state_plan(b, stage);

	for (size_t i = 0; i < index; i++) {
		const struct step_state *state = &stage->steps[i];
		const struct layer_record *layer;

		if (!step_makes_layer(&plan->steps[i]))
			continue;
		layer = state->status == STEP_MISSING
		            ? NULL
		            : step_record_layer(&state->record, b->variant);
		if (layer ? !store_listing_has(b->store, &layer->diff_id)
			  : step_packs_snapshot(&plan->steps[i], state))
			return false;
	}
	return plan->base_kind != PLAN_BASE_STAGE ||
	       listings_suffice(b, &b->stages[plan->base], b->plan.stages[plan->base].n_steps);
}

static bool
user_has_names(const struct plan_step *step)
{
	struct user_spec user;
	struct error ignored = ERROR_INIT;

	if (step->kind != PLAN_WORKDIR || !step->user[0])
		return false;
	if (user_parse(step->user, &user, &ignored) < 0)
		return true;
	/* a number alone takes its group from the image's passwd */
	return !user.user.numeric || !user.group.given || !user.group.numeric;
}

static void
need_files(struct build *b, enum plan_source source, size_t from)
{
	if (source == PLAN_FROM_STAGE)
		b->stages[from].whole_tree = true;
	if (source == PLAN_FROM_IMAGE)
		state_image(b, from)->needs_tree = true;
}

/* What step @index reads when it is run. Returns the number of steps whose files it needs below it, or 0 with *@base unset. */
static void
need_inputs(struct build *b, struct stage_state *stage, size_t index, size_t *tree)
{
	const struct plan_step *step = &state_plan(b, stage)->steps[index];
	const struct step_state *state = &stage->steps[index];
	bool below = step_has_names(step) ||
	             (!step->is_link &&
			 (step->kind == PLAN_RUN || state->is_archive || user_has_names(step) ||
			     state->want_tree || !listings_suffice(b, stage, index)));

	if (below) {
		stage->base_tree = true;
		if (*tree < index)
			*tree = index;
	}
	for (size_t n = 0; n < step->n_mounts; n++)
		if (step->mounts[n].has_files)
			need_files(b, step->mounts[n].source, step->mounts[n].from);
	if (step->kind == PLAN_COPY || step->kind == PLAN_ADD)
		need_files(b, step->source, step->from);
}

static void
need_step(struct build *b, struct stage_state *stage, size_t index, size_t *tree)
{
	const struct plan_step *step = &state_plan(b, stage)->steps[index];
	struct step_state *state = &stage->steps[index];
	bool lacks_tree, lacks_layer;

	state->want_tree = *tree > index;
	lacks_tree = state->want_tree && !has_tree(state);
	lacks_layer = state->want_layer && !has_layer(b, state);
	if (step_packs_snapshot(step, state) && lacks_layer && has_tree(state)) {
		/* only to be packed: what is below is compared with */
		state->settled = !lacks_tree;
		if (step->is_link)
			return;
		stage->base_tree = true;
		if (*tree < index)
			*tree = index;
		return;
	}
	state->settled = !lacks_tree && !lacks_layer;
	if (state->settled)
		return;
	if (lacks_tree && !lacks_layer && state->status == STEP_CACHED &&
	    state->record.n_layers > 0) {
		/* its layer is unpacked over what is below */
		stage->base_tree = stage->base_tree || !step->is_link;
		return;
	}
	state->run = true;
	if (step_packs_snapshot(step, state))
		state->want_tree = true;
	need_inputs(b, stage, index, tree);
}

static void
need_stage(struct build *b, struct stage_state *stage)
{
	const struct plan_stage *plan = state_plan(b, stage);
	size_t tree = stage->whole_tree ? plan->n_steps : 0;

	stage->base_tree = stage->whole_tree;
	for (size_t i = plan->n_steps; i-- > 0;) {
		if (step_makes_layer(&plan->steps[i]))
			need_step(b, stage, i, &tree);
		else
			stage->steps[i].settled = true;
		if (!stage->steps[i].settled || stage->steps[i].want_layer)
			stage->needed = true;
	}
	if (!stage->base_tree)
		return;
	if (plan->base_kind == PLAN_BASE_STAGE)
		b->stages[plan->base].whole_tree = true;
	if (plan->base_kind == PLAN_BASE_IMAGE)
		state_image(b, plan->base)->needs_tree = true;
}

/* The layers of a target, and of the stages it is based on, enter its image. */
static void
want_layers(struct build *b, size_t s)
{
	for (;;) {
		const struct plan_stage *plan = &b->plan.stages[s];

		for (size_t i = 0; i < plan->n_steps; i++)
			b->stages[s].steps[i].want_layer = step_makes_layer(&plan->steps[i]);
		b->stages[s].needed = true;
		if (plan->base_kind != PLAN_BASE_STAGE)
			return;
		s = plan->base;
	}
}

static bool
output_reads_files(const struct build *b)
{
	for (size_t i = 0; i < b->options->n_outputs; i++)
		if (b->options->outputs[i].kind == BUILD_OUTPUT_LOCAL ||
		    b->options->outputs[i].kind == BUILD_OUTPUT_TAR)
			return true;
	return false;
}

static void
forget(struct build *b)
{
	for (size_t s = 0; s < b->plan.n_stages; s++) {
		struct stage_state *stage = &b->stages[s];

		stage->needed = stage->whole_tree = stage->base_tree = false;
		for (size_t i = 0; i < b->plan.stages[s].n_steps; i++) {
			struct step_state *state = &stage->steps[i];

			state->run = state->want_tree = state->want_layer = state->settled = false;
		}
	}
	for (size_t i = 0; i < b->n_images; i++)
		b->images[i]->needs_tree = false;
}

bool
needs_runs(const struct build *b, bool assumed)
{
	for (size_t s = 0; s < b->plan.n_stages; s++)
		for (size_t i = 0; i < b->plan.stages[s].n_steps; i++)
			if (b->stages[s].steps[i].run &&
			    (!assumed || b->stages[s].steps[i].is_assumed))
				return true;
	return false;
}

void
needs_find(struct build *b)
{
	forget(b);
	for (size_t i = 0; i < b->plan.n_targets; i++) {
		size_t target = b->plan.targets[i].stage;

		if (!b->options->discard)
			want_layers(b, target);
		if (b->options->discard || output_reads_files(b))
			b->stages[target].whole_tree = true;
	}
	for (size_t s = 0; s < b->plan.n_stages; s++)
		for (size_t i = 0; i < b->plan.stages[s].n_steps; i++)
			if (b->stages[s].steps[i].offered)
				b->stages[s].steps[i].want_layer = true;
	for (size_t s = b->plan.n_stages; s-- > 0;)
		need_stage(b, &b->stages[s]);
}

static bool
stage_has_work(const struct build *b, const struct stage_state *stage)
{
	for (size_t i = 0; i < state_plan(b, stage)->n_steps; i++) {
		const struct step_state *state = &stage->steps[i];

		if (!state->settled || (state->want_layer && !has_layer(b, state)))
			return true;
	}
	return false;
}

bool
needs_work(const struct build *b)
{
	for (size_t s = 0; s < b->plan.n_stages; s++)
		if (stage_has_work(b, &b->stages[s]))
			return true;
	return needs_namespace(b);
}

bool
needs_namespace(const struct build *b)
{
	for (size_t s = 0; s < b->plan.n_stages; s++)
		if (b->stages[s].base_tree)
			return true;
	for (size_t i = 0; i < b->n_images; i++)
		if (b->images[i]->needs_tree)
			return true;
	return false;
}
