/* SPDX-License-Identifier: Apache-2.0 */
/*
 * state - what several parts of a build ask of its state.
 */
#include "builder/build/state.h"

#include "builder/dockerfile/glob.h"
#include "runtime/base/mem.h"
#include "runtime/base/path.h"

const struct plan_stage *
state_plan(const struct build *b, const struct stage_state *stage)
{
	return &b->plan.stages[stage->index];
}

struct image_state *
state_image(const struct build *b, size_t index)
{
	const struct plan_image *image = &b->plan.images[index];

	for (size_t i = 0; i < b->n_images; i++)
		if (strcmp(b->images[i]->reference, image->reference) == 0 &&
		    platform_equal(&b->images[i]->platform, &image->platform))
			return b->images[i];
	return NULL;
}

bool
step_has_names(const struct plan_step *step)
{
	return step->has_chown && ((step->chown.user.given && !step->chown.user.numeric) ||
				      (step->chown.group.given && !step->chown.group.numeric));
}

bool
step_is_independent(const struct plan_step *step)
{
	return step->is_link && !step_has_names(step);
}

static void
add_steps(const struct build *b, const struct stage_state *stage, size_t count, struct chain *chain)
{
	for (size_t i = 0; i < count; i++) {
		const struct step_state *step = &stage->steps[i];

		if (step_makes_layer(&state_plan(b, stage)->steps[i]) && step->record.snapshot)
			strv_add(&chain->snapshots, step->record.snapshot);
	}
}

void
state_chain(
    const struct build *b, const struct stage_state *stage, size_t count, struct chain *chain)
{
	const struct plan_stage *plan = state_plan(b, stage);
	const struct stage_state *base;

	switch (plan->base_kind) {
	case PLAN_BASE_SCRATCH:
		chain_release(chain);
		break;
	case PLAN_BASE_IMAGE:
		chain_of_image(b->store, &state_image(b, plan->base)->config, chain);
		break;
	case PLAN_BASE_STAGE:
		base = &b->stages[plan->base];
		state_chain(b, base, state_plan(b, base)->n_steps, chain);
		break;
	}
	add_steps(b, stage, count, chain);
}

void
state_note(void *arg, const char *text)
{
	struct build *b = arg;

	progress_note(b->progress, "%s", text);
}

/* Sources that are no paths of the context. */
static struct copy_extra *
make_extras(const struct plan_step *step, const struct step_state *state)
{
	struct copy_extra *extras = xcalloc(state->n_remotes + step->n_files + 1, sizeof(*extras));

	for (size_t i = 0; i < state->n_remotes; i++)
		extras[i] = (struct copy_extra){ .position = step->remotes[i].position,
			.from = { .root = state->remotes[i].dir, .name = step->remotes[i].text },
			.path = state->remotes[i].path,
			.name = state->remotes[i].name,
			.unpack = step->unpack_remotes };
	for (size_t i = 0; i < step->n_files; i++)
		extras[state->n_remotes + i] = (struct copy_extra){ .position = step->sources.count,
			.name = step->files[i].name,
			.text = step->files[i].content,
			.length = strlen(step->files[i].content) };
	return extras;
}

/* Where files of a context are taken from. */
static struct copy_from
context_files(const struct build *b, enum plan_source source, size_t from)
{
	const struct context *context =
	    source == PLAN_FROM_NAMED_CONTEXT ? &b->contexts[from] : &b->context;

	return (struct copy_from){ .root = context->dir,
		.name =
		    context == &b->context ? "the build context" : b->options->contexts[from].name,
		.ignore = context->ignore_file ? &context->ignore : NULL,
		.ignore_file = context->ignore_file };
}

bool
state_mount_is_whole(const struct plan_mount *mount)
{
	autofree char *path = path_absolute(mount->spec.source ? mount->spec.source : "/");

	return path[1] == '\0';
}

void
state_bind_request(
    struct build *b, const struct plan_mount *mount, char *pattern[1], struct copy_request *request)
{
	autofree char *path = path_absolute(mount->spec.source ? mount->spec.source : "/");
	bool of_context =
	    mount->source == PLAN_FROM_CONTEXT || mount->source == PLAN_FROM_NAMED_CONTEXT;

	pattern[0] = path[1] ? glob_escape(path + 1) : xstrdup(".");
	*request = (struct copy_request){
		.sources = pattern,
		.n_sources = 1,
		.dest = STATE_BIND,
		.digests = b->digests,
		.note = state_note,
		.note_arg = b,
	};
	if (of_context)
		request->from = context_files(b, mount->source, mount->from);
}

void
state_copy_request(struct build *b, const struct plan_step *step, const struct step_state *state,
    struct copy_extra **extras, struct copy_request *request)
{
	*extras = make_extras(step, state);
	*request = (struct copy_request){
		.from = context_files(b, step->source, step->from),
		.sources = step->sources.items,
		.n_sources = step->sources.count,
		.extras = *extras,
		.n_extras = state->n_remotes + step->n_files,
		.dest = step->destination,
		.exclude = step->exclude.count > 0 ? &step->exclude : NULL,
		.flags = (step->unpack ? COPY_ADD : 0) | (step->has_chown ? COPY_CHOWN : 0) |
		         (step->parents ? COPY_PARENTS : 0),
		.chmod = step->has_chmod ? &step->chmod : NULL,
		.digests = b->digests,
		.note = state_note,
		.note_arg = b,
	};
}

struct json *
state_ask_worker(struct build *b, worker_fn *fn, void *arg, struct error *e)
{
	auto(buf) struct buf answer = { 0 };
	struct worker worker;

	if (store_tmp_prepare(b->store, e) < 0 || worker_start(&worker, fn, arg, e) < 0 ||
	    worker_finish(&worker, &answer, e) < 0)
		return NULL;
	return json_parse(buf_text(&answer), answer.len, e);
}
