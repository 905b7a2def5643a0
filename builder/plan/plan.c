/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plan - what a Dockerfile asks for, with every text expanded: the stages that the target needs and
 * their steps.
 *
 * Two passes: from the target upwards to see what is needed, then downwards through the needed
 * stages, each of which starts with the config of its base as that has become.
 */
#include "builder/plan/plan.h"

#include "builder/dockerfile/lint.h"
#include "builder/plan/planner.h"
#include "runtime/base/mem.h"
#include "runtime/base/text.h"

#include <string.h>

static void
step_release(struct plan_step *step)
{
	free(step->text);
	free(step->created_by);
	free(step->record);
	free(step->workdir);
	free(step->user);
	free(step->destination);
	for (size_t n = 0; n < step->n_files; n++) {
		free(step->files[n].name);
		free(step->files[n].content);
	}
	free(step->files);
	for (size_t n = 0; n < step->n_mounts; n++) {
		mountspec_release(&step->mounts[n].spec);
		free(step->mounts[n].target);
	}
	free(step->mounts);
	free(step->devices);
	free(step->hostname);
	strv_release(&step->argv);
	strv_release(&step->env);
	strv_release(&step->sources);
	strv_release(&step->exclude_texts);
	for (size_t n = 0; n < step->n_remotes; n++) {
		free(step->remotes[n].text);
		resource_release(&step->remotes[n].source);
	}
	free(step->remotes);
	ignore_release(&step->exclude);
}

static void
config_free(struct image_config *config)
{
	if (config)
		image_config_release(config);
	free(config);
}

static void
stage_release(struct plan_stage *stage)
{
	for (size_t n = 0; n < stage->n_steps; n++)
		step_release(&stage->steps[n]);
	config_free(stage->config);
	free(stage->steps);
	free(stage->name);
	free(stage->text);
	platform_release(&stage->target);
	free(stage->author);
}

void
plan_release(struct plan *plan)
{
	for (size_t n = 0; n < plan->n_stages; n++)
		stage_release(&plan->stages[n]);
	for (size_t n = 0; n < plan->n_images; n++) {
		config_free(plan->images[n].config);
		free(plan->images[n].reference);
		free(plan->images[n].name);
		free(plan->images[n].id);
		platform_release(&plan->images[n].platform);
	}
	for (size_t n = 0; n < plan->n_triggers; n++) {
		instruction_release(plan->triggers[n]);
		free(plan->triggers[n]);
	}
	for (size_t n = 0; n < plan->n_arguments; n++)
		free(plan->arguments[n].value);
	for (size_t n = 0; n < plan->n_targets; n++)
		platform_release(&plan->targets[n].platform);
	free(plan->arguments);
	free(plan->stages);
	free(plan->targets);
	free(plan->images);
	free(plan->triggers);
	cdi_release(&plan->devices);
	strv_release(&plan->proxies);
	*plan = (struct plan){ 0 };
}

void
plan_look_at(struct plan *plan, size_t index)
{
	plan->current = index;
	plan->target = plan->targets[index].stage;
}

const struct platform *
plan_stage_platform(const struct plan_stage *stage)
{
	return &stage->config->platform;
}

int
planner_error(
    const struct building *b, const struct instruction *i, uint32_t offset, const struct error *e)
{
	if (b->lint.guessed)
		return -1; /* of a check: what the base image sets is not known */
	(void)diagnostics_error(b->p->diagnostics, instruction_locate(i, offset), e);
	if (b->is_trigger)
		diagnostics_note(b->p->diagnostics, instruction_locate(i, offset),
		    "in the ONBUILD trigger '%s' of the base", i->text);
	return -1;
}

int
planner_count(struct building *b, const struct instruction *i, size_t n_bytes)
{
	struct error e = ERROR_INIT;

	if (b->p->stopped)
		return -1;
	b->p->n_bytes += n_bytes;
	if (b->p->n_bytes <= PLANNER_MAX_BYTES)
		return 0;
	b->p->stopped = true;
	(void)error_set(&e, ERR_INPUT, "values and environments of RUNs grow beyond %u MiB in all",
	    PLANNER_MAX_BYTES >> 20);
	return planner_error(b, i, 0, &e);
}

char *
planner_expand_with(struct planner *p, struct expansion *x, const struct instruction *i,
    const char *text, uint32_t offset)
{
	struct buf result = { 0 };
	struct error e = ERROR_INIT;

	if (expand_word(x, text, &result, &e) == 0)
		return buf_steal(&result);
	buf_release(&result);
	(void)diagnostics_error(
	    p->diagnostics, instruction_locate(i, offset + (uint32_t)x->failed_at), &e);
	return NULL;
}

char *
planner_expand(struct building *b, const struct instruction *i, const char *text, uint32_t offset)
{
	struct buf result = { 0 };
	struct error e = ERROR_INIT;

	b->instruction = i;
	b->offset = offset;
	if (expand_word(&b->expansion, text, &result, &e) == 0) {
		if (planner_count(b, i, result.len) == 0)
			return buf_steal(&result);
		buf_release(&result);
		return NULL;
	}
	buf_release(&result);
	(void)planner_error(b, i, offset + (uint32_t)b->expansion.failed_at, &e);
	return NULL;
}

int
planner_find_source(struct building *b, const struct instruction *i, const struct word *from,
    enum plan_source *source, size_t *index)
{
	struct origin origin = stages_origin(b->p, i, from, b->number);

	*index = origin.index;
	switch (origin.kind) {
	case ORIGIN_CONTEXT:
		*source = PLAN_FROM_NAMED_CONTEXT;
		return 0;
	case ORIGIN_IMAGE:
		*source = PLAN_FROM_IMAGE;
		return 0;
	case ORIGIN_STAGE:
		*source = PLAN_FROM_STAGE;
		*index = b->p->nodes[origin.index].planned;
		return b->p->nodes[origin.index].is_planned ? 0 : -1;
	case ORIGIN_NONE:
	case ORIGIN_SCRATCH:
		break;
	}
	return -1;
}

const char *
planner_given(const struct planner *p, const char *name)
{
	const char *value = env_get(&p->given, name);

	return value && value[0] ? value : NULL;
}

char *
planner_expand_body(struct building *b, const struct instruction *i, const struct heredoc *doc)
{
	autofree char *content = heredoc_content(doc);
	struct buf result = { 0 };
	struct error e = ERROR_INIT;
	struct location at = { .line = doc->line };
	int ok;

	if (!doc->expand)
		return steal_ptr(&content);
	b->instruction = i;
	b->body = content;
	b->offset = doc->line;
	ok = expand_body(&b->expansion, content, &result, &e);
	b->body = NULL;
	if (ok == 0) {
		if (planner_count(b, i, result.len) == 0)
			return buf_steal(&result);
		buf_release(&result);
		return NULL;
	}
	buf_release(&result);
	for (size_t n = 0; n < b->expansion.failed_at && content[n] != '\0' && i->n_segments > 0;
	     n++)
		at.line += content[n] == '\n';
	(void)diagnostics_error(b->p->diagnostics, at, &e);
	return NULL;
}

static struct image_config *
scratch_config(const struct platform *platform)
{
	struct image_config *config = xcalloc(1, sizeof(*config));

	image_config_init_scratch(config, platform);
	image_config_set_text(&config->workdir, "/");
	return config;
}

/** What the command line changes of every base: --env and --unsetlabel. */
static void
change_base(const struct plan_options *o, struct image_config *config)
{
	for (size_t n = 0; o->env && n < o->env->count; n++) {
		const char *item = o->env->items[n], *equals = strchr(item, '=');
		autofree char *name = xstrndup(item, (size_t)(equals - item));

		env_set(&config->env, name, equals + 1);
	}
	for (size_t n = 0; o->unset_labels && n < o->unset_labels->count; n++)
		image_config_unset_label(config, o->unset_labels->items[n]);
}

/** The config that a stage begins with. NULL when its base could not be planned. */
static struct image_config *
base_config(struct building *b, struct plan_stage *stage)
{
	struct planner *p = b->p;
	const struct node *node = &p->nodes[b->number];
	const struct image_config *from = NULL;
	struct image_config *config;

	if (node->base.kind == ORIGIN_IMAGE) {
		stage->base_kind = PLAN_BASE_IMAGE;
		stage->base = node->base.index;
		from = p->plan->images[stage->base].config;
	}
	if (node->base.kind == ORIGIN_STAGE) {
		stage->base_kind = PLAN_BASE_STAGE;
		stage->base = p->nodes[node->base.index].planned;
		from = p->plan->stages[stage->base].config;
	}
	if (from) {
		config = xcalloc(1, sizeof(*config));
		image_config_copy(config, from);
		strv_clear(&config->onbuild);
	} else {
		config = scratch_config(&node->platform);
	}
	if (!env_get(&config->env, "PATH"))
		env_set(&config->env, "PATH", PLAN_DEFAULT_PATH);
	if (node->base.kind != ORIGIN_STAGE)
		change_base(p->options, config);
	return config;
}

/** The triggers that the base hands down, then the stage's own instructions. */
static void
apply_all(struct building *b)
{
	struct planner *p = b->p;
	const struct node *node = &p->nodes[b->number];
	const struct stage *s = &p->f->stages[b->number];

	b->is_trigger = true;
	for (size_t n = 0; n < node->n_triggers; n++)
		(void)steps_apply(b, node->triggers[n]);
	if (node->base.kind == ORIGIN_STAGE && !p->nodes[node->base.index].replaced) {
		const struct stage *base = &p->f->stages[node->base.index];

		for (size_t n = base->first; n < base->first + base->count; n++)
			if (p->f->instructions[n].def->kind == INSTRUCTION_ONBUILD)
				(void)steps_apply(b, p->f->instructions[n].trigger);
	}
	b->is_trigger = false;
	for (size_t n = s->first; n < s->first + s->count && !p->stopped; n++) {
		plan_lint_instruction(b, &p->f->instructions[n]);
		(void)steps_apply(b, &p->f->instructions[n]);
	}
}

static bool
base_is_planned(const struct planner *p, const struct node *node)
{
	if (node->base.kind == ORIGIN_STAGE)
		return p->nodes[node->base.index].is_planned;
	return node->base.kind != ORIGIN_NONE;
}

static char *
stage_text(const struct planner *p, size_t number)
{
	const struct stage *s = &p->f->stages[number];
	const struct node *node = &p->nodes[number];

	return xasprintf(
	    "FROM %s%s%s", node->base_text, s->name ? " AS " : "", s->name ? s->name : "");
}

static void
plan_stage(struct planner *p, size_t number)
{
	const struct stage *s = &p->f->stages[number];
	const struct instruction *from = &p->f->instructions[s->from];
	struct plan *plan = p->plan;
	struct node *node = &p->nodes[number];
	struct building b = { .p = p, .number = number, .index = plan->n_stages };
	struct plan_stage *stage;

	if (!base_is_planned(p, node))
		return;
	(void)xgrow(&plan->stages, plan->n_stages, &plan->stages_room, sizeof(*plan->stages));
	stage = &plan->stages[plan->n_stages++];
	*stage = (struct plan_stage){
		.name = s->name ? xstrdup(s->name) : xasprintf("%zu", number),
		.number = number,
		.line = from->line,
		.end_line = from->end_line,
		.text = stage_text(p, number),
	};
	platform_copy(&stage->target, &p->wanted);
	node->planned = b.index;
	node->is_planned = true;
	b.config = base_config(&b, stage);
	stage->config = b.config;
	b.expansion = (struct expansion){ .escape = p->f->escape,
		.lookup = arguments_lookup,
		.arg = &b,
		.unset = plan_lint_unset };
	if (node->base.kind == ORIGIN_STAGE)
		b.lint = p->nodes[node->base.index].lint;
	if (node->base.kind == ORIGIN_IMAGE)
		b.lint.unknown_base = plan->images[node->base.index].unknown;
	if (node->base.kind == ORIGIN_STAGE)
		arguments_copy(&b.arguments, &p->nodes[node->base.index].arguments);
	if (node->base.kind == ORIGIN_CONTEXT)
		copies_add_context(&b, node->base.index);
	if (!node->replaced)
		apply_all(&b);
	node->arguments = b.arguments;
	node->lint = b.lint;
	if (b.config->author)
		stage->author = xstrdup(b.config->author);
}

/** --label and --unsetenv: on the result only, without a row of history. */
static void
change_result(struct planner *p)
{
	const struct strv *labels = p->options->labels;
	const struct strv *unset = p->options->unset_env;

	for (size_t n = 0; unset && n < unset->count; n++)
		env_unset(&p->plan->stages[p->plan->target].config->env, unset->items[n]);

	for (size_t n = 0; labels && n < labels->count; n++) {
		const char *item = labels->items[n], *equals = strchr(item, '=');
		autofree char *name =
		    xstrndup(item, equals ? (size_t)(equals - item) : strlen(item));

		image_config_set_label(
		    p->plan->stages[p->plan->target].config, name, equals ? equals + 1 : "");
	}
}

static void
make(struct planner *p)
{
	struct plan *plan = p->plan;

	stages_check_references(p);
	arguments_prepare(p);
	if (stages_find_target(p) < 0)
		return;
	plan_lint_from(p);
	stages_mark_needed(p);
	for (size_t n = 0; n <= p->target && !p->stopped; n++)
		if (p->nodes[n].needed)
			plan_stage(p, n);
	if (p->stopped)
		return;
	plan->target = p->nodes[p->target].planned;
	plan->targets = xcalloc(1, sizeof(*plan->targets));
	plan->n_targets = 1;
	platform_copy(&plan->targets[0].platform, &p->wanted);
	plan->targets[0].is_explicit = p->options->n_platforms > 0;
	plan->targets[0].stage = plan->target;
	if (p->nodes[p->target].is_planned)
		change_result(p);
	arguments_warn_unused(p);
}

static void
planner_release(struct planner *p)
{
	for (size_t n = 0; n < p->f->n_stages; n++) {
		free(p->nodes[n].base_text);
		free(p->nodes[n].triggers);
		platform_release(&p->nodes[n].platform);
		arguments_release(&p->nodes[n].arguments);
	}
	free(p->nodes);
	strv_release(&p->given);
	platform_release(&p->native);
	platform_release(&p->wanted);
	arguments_release(&p->platform);
	arguments_release(&p->global);
}

static void
set_native(const struct plan_options *o, struct platform *native)
{
	native->os = xstrdup(o->os);
	native->architecture = xstrdup(o->architecture);
	native->variant = o->variant && o->variant[0] ? xstrdup(o->variant) : NULL;
}

/** The plan for one platform. @wanted NULL: the native one. */
static void
make_one(struct planner *p, const struct platform *wanted)
{
	p->nodes = xcalloc(p->f->n_stages + 1, sizeof(*p->nodes));
	set_native(p->options, &p->native);
	platform_copy(&p->wanted, wanted ? wanted : &p->native);
	if (p->diagnostics->n_errors > 0) {
		stages_check_references(p);
		stages_check_names(p);
		plan_check_words(p);
	} else {
		make(p);
	}
	planner_release(p);
}

int
plan_make(struct plan *plan, const struct dockerfile *f, const struct plan_options *options,
    struct diagnostics *diagnostics)
{
	struct planner whole = {
		.plan = plan, .f = f, .options = options, .diagnostics = diagnostics
	};

	*plan = (struct plan){ 0 };
	for (size_t n = 0; n == 0 || (n < options->n_platforms && diagnostics->n_errors == 0);
	     n++) {
		struct plan one = { 0 };
		struct planner p = {
			.plan = &one, .f = f, .options = options, .diagnostics = diagnostics
		};
		size_t n_before = diagnostics->count;

		make_one(&p, options->n_platforms > 0 ? &options->platforms[n] : NULL);
		if (n > 0)
			diagnostics_drop_repeated(diagnostics, n_before);
		plan_merge(plan, &one);
	}
	if (diagnostics->n_errors == 0)
		lint_file(f, diagnostics);
	directives_obey(&whole);
	return diagnostics->n_errors > 0 ? -1 : 0;
}
