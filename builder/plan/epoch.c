/* SPDX-License-Identifier: Apache-2.0 */
/*
 * epoch - SOURCE_DATE_EPOCH: the time of everything in the image.
 *
 * A number of seconds, or a name whose time is meant: "context" for the build context, a named context, a stage that is FROM
 * scratch and a single ADD of something that is fetched. What was fetched has the time of its commit, of its Last-Modified or
 * of its newest file; a directory of this machine has none, and then nothing is set.
 */
#include "builder/plan/planner.h"

#include "runtime/base/mem.h"
#include "runtime/base/text.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#define EPOCH_MAX 253402300799 /* the year 9999 */

int
epoch_parse(const char *text, int64_t *epoch, struct error *e)
{
	if (parse_i64(text, 0, EPOCH_MAX, EPOCH_NAME, epoch, e) == 0)
		return 0;
	return error_set(e, ERR_INPUT,
	    EPOCH_NAME " is '%s', and has to be a number of seconds since 1970", text);
}

/* ---- a stage as a name for its source ---- */

/* While the ADD of a stage is looked for. */
struct finding {
	struct planner *p;
	const struct stage *stage;
	struct arguments arguments;
	struct resource resource;
	bool found;
};

static const char *
look_up(void *arg, const char *name)
{
	const struct finding *f = arg;
	const struct argument *a = arguments_find(&f->arguments, name);

	return a ? a->value : arguments_lookup_global(f->p, name);
}

static char *
expand(struct finding *f, const struct instruction *i, const char *text, uint32_t offset)
{
	struct expansion x = { .escape = f->p->f->escape, .lookup = look_up, .arg = f };

	return planner_expand_with(f->p, &x, i, text, offset);
}

static int
take_argument(struct finding *f, const struct instruction *i, const struct pair *pair)
{
	const char *given = env_get(&f->p->given, pair->name);
	autofree char *value = NULL;

	if (given || !pair->value) {
		if (given)
			arguments_set(&f->arguments, pair->name, given);
		return 0;
	}
	value = expand(f, i, pair->value, pair->value_offset);
	if (!value)
		return -1;
	arguments_set(&f->arguments, pair->name, value);
	return 0;
}

static int
take_add(struct finding *f, const struct instruction *i, struct error *e)
{
	const struct flag *checksum = instruction_flag(i, "checksum");
	autofree char *text = NULL, *sum = NULL;

	if (f->found || i->n_words != 2 || i->heredocs.count > 0)
		return error_set(e, ERR_INPUT, "it has more than one source");
	text = expand(f, i, i->words[0].text, i->words[0].offset);
	if (!text)
		return error_set(e, ERR_INPUT, "its source is not known");
	if (!resource_is_remote(text))
		return error_set(e, ERR_INPUT, "'%s' is not fetched", text);
	if (resource_parse(text, &f->resource, e) < 0)
		return -1;
	f->found = true;
	sum = checksum ? expand(f, i, checksum->value, checksum->offset) : NULL;
	return sum && f->resource.kind == RESOURCE_GIT ? resource_set_checksum(&f->resource, sum, e)
	                                               : 0;
}

/* The one source of the stage; anything else in it makes it no name for a time. */
static int
find_source(struct finding *f, struct error *e)
{
	const struct dockerfile *file = f->p->f;
	const struct instruction *from = &file->instructions[f->stage->from];

	if (strcmp(from->words[0].text, "scratch") != 0)
		return error_set(e, ERR_INPUT, "it is not FROM scratch");
	for (size_t n = f->stage->first; n < f->stage->first + f->stage->count; n++) {
		const struct instruction *i = &file->instructions[n];

		if (i->def->kind == INSTRUCTION_ARG) {
			for (size_t m = 0; m < i->n_pairs; m++)
				if (take_argument(f, i, &i->pairs[m]) < 0)
					return error_set(e, ERR_INPUT, "an ARG of it is wrong");
		} else if (i->def->kind != INSTRUCTION_ADD) {
			return error_set(e, ERR_INPUT, "it has %s", i->def->name);
		} else if (take_add(f, i, e) < 0) {
			return -1;
		}
	}
	return f->found ? 0 : error_set(e, ERR_INPUT, "it fetches nothing");
}

/* ---- names ---- */

static int
time_of_stage(struct planner *p, const struct stage *stage, bool *has_time, struct error *e)
{
	struct finding f = { .p = p, .stage = stage };
	struct plan_time_of what = { .resource = &f.resource };
	int ok = find_source(&f, e);

	if (ok == 0 && p->options->time_of)
		ok = p->options->time_of(p->options->arg, &what, has_time, &p->plan->epoch, e);
	resource_release(&f.resource);
	arguments_release(&f.arguments);
	if (ok == 0)
		return 0;
	(void)error_ctx(e, "stage '%s'", stage->name);
	return error_hint(e, "a stage that gives its time is FROM scratch and one ADD of a URL");
}

static int
time_of_name(struct planner *p, const char *name, bool *has_time, struct error *e)
{
	const struct plan_options *o = p->options;
	struct plan_time_of what = { .context = PLAN_MAIN_CONTEXT };
	bool is_context = strcmp(name, "context") == 0;
	size_t stage;

	for (size_t n = 0; !is_context && n < o->n_contexts; n++) {
		if (strcasecmp(o->contexts[n].name, name) != 0)
			continue;
		if (o->contexts[n].kind != PLAN_CONTEXT_DIRECTORY)
			return 0; /* an image: it has a time of its own */
		what.context = n;
		is_context = true;
	}
	if (is_context)
		return o->time_of ? o->time_of(o->arg, &what, has_time, &p->plan->epoch, e) : 0;
	stage = stages_find(p, name, p->f->n_stages);
	if (stage != NO_STAGE)
		return time_of_stage(p, &p->f->stages[stage], has_time, e);
	error_set(e, ERR_INPUT,
	    "it is '%s', and has to be a number of seconds since 1970 or a name", name);
	return error_hint(e, "names are \"context\", and those of build contexts and stages");
}

void
epoch_set(struct planner *p)
{
	const struct argument *global = arguments_find(&p->global, EPOCH_NAME);
	const char *text = env_get(&p->given, EPOCH_NAME);
	autofree char *name = NULL, *number = NULL;
	struct error e = ERROR_INIT;
	int ok;

	if (!text && global)
		text = global->value;
	if (!text || text[0] == '\0')
		return;
	name = xstrdup(text);
	if (!isalpha((unsigned char)name[0])) {
		ok = epoch_parse(name, &p->plan->epoch, &e);
		p->plan->has_epoch = ok == 0;
	} else {
		ok = time_of_name(p, name, &p->plan->has_epoch, &e);
		/* who asks for the argument gets what it has come to */
		number =
		    p->plan->has_epoch ? xasprintf("%lld", (long long)p->plan->epoch) : xstrdup("");
		if (env_get(&p->given, EPOCH_NAME))
			env_set(&p->given, EPOCH_NAME, number);
		if (global)
			arguments_set(&p->global, EPOCH_NAME, number);
	}
	if (ok < 0) {
		(void)error_ctx(&e, EPOCH_NAME);
		(void)diagnostics_error(p->diagnostics, (struct location){ 0 }, &e);
	}
}
