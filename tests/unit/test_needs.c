/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_needs - from the result backwards, only what somebody reads is run, unpacked or packed.
 *
 * Plans are made by hand: a stage is a list of step kinds.
 */
#include "builder/build/state.h"
#include "tests/unit/unit.h"

#include "runtime/base/mem.h"

#define MAX_STAGES 4
#define MAX_STEPS 6

struct fixture {
	struct build build;
	struct build_options options;
	struct plan_stage plans[MAX_STAGES];
	struct plan_step steps[MAX_STAGES][MAX_STEPS];
	struct stage_state stages[MAX_STAGES];
	struct step_state states[MAX_STAGES][MAX_STEPS];
	struct plan_target target;
};

static char empty[] = "";
static char variant[] = "gzip:0";

static int
setup(void **state)
{
	struct fixture *f = xcalloc(1, sizeof(*f));

	f->build.options = &f->options;
	f->build.variant = variant;
	f->build.plan.stages = f->plans;
	f->build.stages = f->stages;
	*state = f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	for (size_t s = 0; s < MAX_STAGES; s++)
		for (size_t i = 0; i < MAX_STEPS; i++)
			step_record_release(&f->states[s][i].record);
	free(f);
	return 0;
}

static size_t
add_stage(struct fixture *f, enum plan_base base_kind, size_t base)
{
	size_t s = f->build.plan.n_stages++;

	f->plans[s] =
	    (struct plan_stage){ .steps = f->steps[s], .base_kind = base_kind, .base = base };
	f->stages[s] = (struct stage_state){ .index = s, .steps = f->states[s] };
	f->build.plan.target = f->target.stage = s;
	f->build.plan.targets = &f->target;
	f->build.plan.n_targets = 1;
	return s;
}

static struct step_state *
add_step(struct fixture *f, size_t s, enum plan_step_kind kind)
{
	size_t i = f->plans[s].n_steps++;

	f->steps[s][i] =
	    (struct plan_step){ .kind = kind, .user = empty, .source = PLAN_FROM_CONTEXT };
	return &f->states[s][i];
}

static struct step_state *
add_copy_from(struct fixture *f, size_t s, size_t from)
{
	struct step_state *state = add_step(f, s, PLAN_COPY);
	struct plan_step *step = &f->steps[s][f->plans[s].n_steps - 1];

	step->source = PLAN_FROM_STAGE;
	step->from = from;
	return state;
}

static void
give_layer(struct step_state *state)
{
	struct layer_record layer = { .variant = variant, .media_type = variant };

	state->status = STEP_CACHED;
	step_record_set_layer(&state->record, &layer);
}

static void
give_snapshot(struct step_state *state)
{
	state->status = STEP_CACHED;
	state->record.snapshot = xstrdup("id");
}

static void
copy_into_scratch_needs_no_namespace(void **state)
{
	struct fixture *f = *state;
	size_t s = add_stage(f, PLAN_BASE_SCRATCH, 0);
	struct step_state *copy = add_step(f, s, PLAN_COPY);

	needs_find(&f->build);
	assert_true(copy->run && copy->want_layer);
	assert_false(copy->want_tree);
	assert_true(needs_work(&f->build));
	assert_false(needs_namespace(&f->build));
}

static void
copy_before_a_run_gets_a_snapshot(void **state)
{
	struct fixture *f = *state;
	size_t s = add_stage(f, PLAN_BASE_SCRATCH, 0);
	struct step_state *copy = add_step(f, s, PLAN_COPY), *run = add_step(f, s, PLAN_RUN);

	needs_find(&f->build);
	assert_true(copy->run && copy->want_tree && copy->want_layer);
	assert_true(run->run && run->want_tree);
	assert_true(needs_namespace(&f->build));
}

static void
steps_of_a_builder_stage_make_no_layer(void **state)
{
	struct fixture *f = *state;
	size_t builder = add_stage(f, PLAN_BASE_SCRATCH, 0);
	struct step_state *run = add_step(f, builder, PLAN_RUN);
	size_t final = add_stage(f, PLAN_BASE_SCRATCH, 0);
	struct step_state *copy = add_copy_from(f, final, builder);

	needs_find(&f->build);
	assert_true(run->run && run->want_tree);
	assert_false(run->want_layer);
	assert_true(copy->run && copy->want_layer);
	assert_false(copy->want_tree);
}

static void
cached_result_needs_nothing_of_its_builder(void **state)
{
	struct fixture *f = *state;
	size_t builder = add_stage(f, PLAN_BASE_SCRATCH, 0);
	struct step_state *run = add_step(f, builder, PLAN_RUN);
	size_t final = add_stage(f, PLAN_BASE_SCRATCH, 0);

	give_layer(add_copy_from(f, final, builder));
	needs_find(&f->build);
	assert_false(run->run);
	assert_true(run->settled);
	assert_false(needs_work(&f->build));
}

static void
cached_run_without_layer_is_packed_not_run(void **state)
{
	struct fixture *f = *state;
	size_t s = add_stage(f, PLAN_BASE_SCRATCH, 0);
	struct step_state *run = add_step(f, s, PLAN_RUN);

	give_snapshot(run);
	needs_find(&f->build);
	assert_false(run->run);
	assert_true(run->settled && run->want_layer);
	assert_true(needs_work(&f->build));
}

static void
cached_layer_is_unpacked_for_a_run_that_follows(void **state)
{
	struct fixture *f = *state;
	size_t s = add_stage(f, PLAN_BASE_SCRATCH, 0);
	struct step_state *copy = add_step(f, s, PLAN_COPY), *run = add_step(f, s, PLAN_RUN);

	give_layer(copy);
	needs_find(&f->build);
	assert_false(copy->run);
	assert_false(copy->settled);
	assert_true(copy->want_tree);
	assert_true(run->run);
}

static void
stage_that_nobody_reads_is_not_needed(void **state)
{
	struct fixture *f = *state;
	size_t unused = add_stage(f, PLAN_BASE_SCRATCH, 0);
	struct step_state *run = add_step(f, unused, PLAN_RUN);
	size_t final = add_stage(f, PLAN_BASE_SCRATCH, 0);

	add_step(f, final, PLAN_COPY);
	needs_find(&f->build);
	assert_false(run->run);
	assert_false(f->stages[unused].needed);
	assert_true(f->stages[final].needed);
}

static void
layers_of_base_stages_enter_the_image(void **state)
{
	struct fixture *f = *state;
	size_t base = add_stage(f, PLAN_BASE_SCRATCH, 0);
	struct step_state *run = add_step(f, base, PLAN_RUN);
	size_t final = add_stage(f, PLAN_BASE_STAGE, base);

	add_step(f, final, PLAN_METADATA);
	needs_find(&f->build);
	assert_true(run->run && run->want_layer);
}

static void
discarded_build_runs_but_packs_nothing(void **state)
{
	struct fixture *f = *state;
	size_t s = add_stage(f, PLAN_BASE_SCRATCH, 0);
	struct step_state *run = add_step(f, s, PLAN_RUN);

	f->options.discard = true;
	needs_find(&f->build);
	assert_true(run->run);
	assert_false(run->want_layer);
}

static void
named_owner_is_looked_up_in_the_files(void **state)
{
	struct fixture *f = *state;
	size_t s = add_stage(f, PLAN_BASE_SCRATCH, 0);
	struct step_state *first = add_step(f, s, PLAN_COPY);

	add_step(f, s, PLAN_COPY);
	f->steps[s][1].has_chown = true;
	f->steps[s][1].chown.user.given = true;
	needs_find(&f->build);
	assert_true(first->want_tree);
	assert_true(f->stages[s].base_tree);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
static const struct CMUnitTest tests[] = {
	TEST(copy_into_scratch_needs_no_namespace),
	TEST(copy_before_a_run_gets_a_snapshot),
	TEST(steps_of_a_builder_stage_make_no_layer),
	TEST(cached_result_needs_nothing_of_its_builder),
	TEST(cached_run_without_layer_is_packed_not_run),
	TEST(cached_layer_is_unpacked_for_a_run_that_follows),
	TEST(stage_that_nobody_reads_is_not_needed),
	TEST(layers_of_base_stages_enter_the_image),
	TEST(discarded_build_runs_but_packs_nothing),
	TEST(named_owner_is_looked_up_in_the_files),
};

UNIT_MAIN(tests);
