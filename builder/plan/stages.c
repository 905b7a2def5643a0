/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stages - which stages there are, what they stand on and which are needed.
 *
 * A stage refers to earlier ones only, so the needed ones are found by going once from the target
 * to the top, however long the chain is.
 */
#include "builder/plan/planner.h"

#include "builder/image/platform.h"
#include "runtime/base/mem.h"
#include "runtime/base/text.h"

#include <inttypes.h>
#include <string.h>
#include <strings.h>

size_t
stages_find(const struct planner *p, const char *name, size_t end)
{
	for (size_t n = end; n > 0; n--) {
		const struct stage *s = &p->f->stages[n - 1];

		if (s->name && strcasecmp(s->name, name) == 0)
			return n - 1;
	}
	return NO_STAGE;
}

static bool
is_number(const char *text)
{
	return text[0] != '\0' && strspn(text, "0123456789") == strlen(text);
}

static const struct instruction *
from_of(const struct planner *p, size_t number)
{
	return &p->f->instructions[p->f->stages[number].from];
}

/** Names of the stages before @end, for suggestions; borrowed. */
static void
stage_names(const struct planner *p, size_t end, struct strv *names)
{
	for (size_t n = 0; n < end; n++)
		if (p->f->stages[n].name && !strv_has(names, p->f->stages[n].name))
			strv_add(names, p->f->stages[n].name);
}

/** Most names that a message lists. */
#define LISTED_NAMES 12

/** "; stages: base, builder", or nothing when none has a name. To be freed. */
static char *
list_names(const struct strv *names)
{
	struct buf b = { 0 };

	for (size_t n = 0; n < names->count && n < LISTED_NAMES; n++)
		buf_printf(&b, "%s%s", n == 0 ? "; stages: " : ", ", names->items[n]);
	if (names->count > LISTED_NAMES)
		buf_add_text(&b, ", ...");
	return buf_steal(&b);
}

/** The stage that was probably meant by @name. */
static size_t
suggest_stage(const struct planner *p, const char *name, size_t end)
{
	auto(strv) struct strv names = { 0 };
	const char *near;

	stage_names(p, end, &names);
	near = text_suggest(name, (const char *const *)strv_array(&names));
	return near ? stages_find(p, near, end) : NO_STAGE;
}

static void
note_stage(struct planner *p, size_t number)
{
	diagnostics_note(p->diagnostics, (struct location){ from_of(p, number)->line, 0 },
	    "'%s' is defined at line %" PRIu32, p->f->stages[number].name,
	    from_of(p, number)->line);
}

int
stages_find_target(struct planner *p)
{
	const struct location nowhere = { 0 };
	const char *name = p->options->target;
	auto(strv) struct strv names = { 0 };
	autofree char *list = NULL;
	size_t found, near;

	if (p->f->n_stages == 0)
		return -1;
	p->target = p->f->n_stages - 1;
	if (!name)
		return 0;
	found = stages_find(p, name, p->f->n_stages);
	if (found != NO_STAGE) {
		p->target = found;
		return 0;
	}
	stage_names(p, p->f->n_stages, &names);
	list = list_names(&names);
	near = suggest_stage(p, name, p->f->n_stages);
	(void)diagnostics_add(p->diagnostics, SEVERITY_ERROR, nowhere,
	    "--target=%s: no stage of that name%s", name, list);
	if (near != NO_STAGE)
		note_stage(p, near);
	return -1;
}

/** What the froms belong to: the instruction, or the trigger in it. */
static const struct instruction *
holder(const struct instruction *i)
{
	return i->def->kind == INSTRUCTION_ONBUILD && i->trigger && i->trigger->def ? i->trigger
	                                                                            : i;
}

/** The stage that --from=@value means in stage @number, by the text alone. */
static size_t
referred_stage(const struct planner *p, const char *value, size_t number)
{
	struct error ignored = ERROR_INIT;
	uint64_t index;

	if (is_number(value) && parse_u64(value, 0, UINT32_MAX, "stage", &index, &ignored) == 0)
		return index < number ? (size_t)index : NO_STAGE;
	return images_has_context(p, value) ? NO_STAGE : stages_find(p, value, number);
}

/** Does stage @a refer to stage @b? Then the line where is returned, else 0. */
static uint32_t
line_of_reference(const struct planner *p, size_t a, size_t b)
{
	const struct stage *s = &p->f->stages[a];
	const struct instruction *from = from_of(p, a);

	if (p->f->stages[b].name && from->n_words > 0 &&
	    strcasecmp(from->words[0].text, p->f->stages[b].name) == 0)
		return from->line;
	for (size_t n = s->first; n < s->first + s->count; n++) {
		const struct instruction *i = holder(&p->f->instructions[n]);

		for (size_t m = 0; m < i->n_froms; m++)
			if (referred_stage(p, i->froms[m].text, a) == b)
				return p->f->instructions[n].line;
	}
	return 0;
}

static void
report_later(struct planner *p, const struct instruction *i, const struct word *from, size_t number,
    size_t later)
{
	struct location at = instruction_locate(holder(i), from->offset);
	uint32_t back;

	if (later == number) {
		(void)diagnostics_add(p->diagnostics, SEVERITY_ERROR, at,
		    "%s=%s: a stage cannot copy from itself", instruction_from_spelling(holder(i)),
		    from->text);
		return;
	}
	back = line_of_reference(p, later, number);
	(void)diagnostics_add(p->diagnostics, SEVERITY_ERROR, at,
	    "%s=%s: that stage comes later; a stage can copy from earlier ones only",
	    instruction_from_spelling(holder(i)), from->text);
	diagnostics_note(p->diagnostics, (struct location){ from_of(p, later)->line, 0 },
	    "stage '%s' begins at line %" PRIu32, from->text, from_of(p, later)->line);
	if (back > 0)
		diagnostics_note(p->diagnostics, (struct location){ back, 0 },
		    "it needs this stage in turn, at line %" PRIu32 ": a circle", back);
}

static void
check_reference(
    struct planner *p, const struct instruction *i, const struct word *from, size_t number)
{
	struct error ignored = ERROR_INIT;
	uint64_t index;
	size_t later;

	if (!is_number(from->text)) {
		later = images_has_context(p, from->text)
		            ? NO_STAGE
		            : stages_find(p, from->text, p->f->n_stages);
		if (later != NO_STAGE && later >= number &&
		    stages_find(p, from->text, number) == NO_STAGE)
			report_later(p, i, from, number, later);
		return;
	}
	if (parse_u64(from->text, 0, UINT32_MAX, "stage", &index, &ignored) < 0 ||
	    index >= p->f->n_stages)
		(void)diagnostics_add(p->diagnostics, SEVERITY_ERROR,
		    instruction_locate(holder(i), from->offset),
		    "%s=%s: there is no such stage; the first of %zu has number 0",
		    instruction_from_spelling(holder(i)), from->text, p->f->n_stages);
	else if (index >= number)
		report_later(p, i, from, number, (size_t)index);
}

void
stages_check_references(struct planner *p)
{
	for (size_t n = 0; n < p->f->n_stages; n++) {
		const struct stage *s = &p->f->stages[n];

		for (size_t m = s->first; m < s->first + s->count; m++) {
			const struct instruction *i = &p->f->instructions[m];

			for (size_t k = 0; k < holder(i)->n_froms; k++)
				check_reference(p, i, &holder(i)->froms[k], n);
		}
	}
}

/** Shorter names are one letter off too many others. */
#define MISTYPED_MIN 4

/**
 * Is no registry to be asked for --from=@name, as it is one letter off stage @near? Who means an image of such a name gives it a
 * tag, which no stage has.
 */
static bool
is_left_to_store(const struct planner *p, const char *name, size_t near)
{
	return p->options->is_stored && near != NO_STAGE && strlen(name) >= MISTYPED_MIN &&
	       !strpbrk(name, ":/@") && text_distance(name, p->f->stages[near].name, 1) == 1;
}

/** Says that --from is neither stage nor image. @e: why there is no image. */
static void
report_unknown(struct planner *p, const struct instruction *i, const struct word *from,
    size_t number, const struct error *e)
{
	struct location at = instruction_locate(holder(i), from->offset);
	const char *spelling = instruction_from_spelling(holder(i));
	size_t near = suggest_stage(p, from->text, number);
	auto(strv) struct strv names = { 0 };
	autofree char *list = NULL;

	if (e->kind != ERR_NOT_FOUND && e->kind != ERR_INPUT) {
		(void)diagnostics_add(
		    p->diagnostics, SEVERITY_ERROR, at, "%s=%s: %s", spelling, from->text, e->text);
		return;
	}
	stage_names(p, number, &names);
	list = list_names(&names);
	(void)diagnostics_add(p->diagnostics, SEVERITY_ERROR, at,
	    "%s=%s: no stage or image of that name%s", spelling, from->text, list);
	if (near != NO_STAGE)
		note_stage(p, near);
	else
		diagnostics_note(p->diagnostics, at, "%s", e->hint[0] ? e->hint : e->text);
	if (is_left_to_store(p, from->text, near))
		diagnostics_note(p->diagnostics, at,
		    "no registry was asked: for an image of that name, write %s:latest",
		    from->text);
}

/** The image that --from=@name means. */
static struct origin
resolve_from(struct planner *p, const char *name, size_t number, struct error *e)
{
	const struct plan_options *o = p->options;

	if (!is_left_to_store(p, name, suggest_stage(p, name, number)) ||
	    o->is_stored(o->arg, name))
		return images_resolve(p, name, name, &p->wanted, e);
	(void)error_set(e, ERR_NOT_FOUND, "it is not in the store");
	return (struct origin){ 0 };
}

struct origin
stages_origin(
    struct planner *p, const struct instruction *i, const struct word *from, size_t number)
{
	struct error e = ERROR_INIT;
	struct origin origin;
	size_t stage;

	origin = is_number(from->text) ? (struct origin){ 0 }
	                               : images_context(p, from->text, &p->wanted, &e);
	if (origin.kind != ORIGIN_NONE)
		return origin;
	stage = referred_stage(p, from->text, number);
	if (stage != NO_STAGE && e.kind == ERR_NONE)
		return (struct origin){ ORIGIN_STAGE, stage };
	if (is_number(from->text) || stages_find(p, from->text, p->f->n_stages) != NO_STAGE)
		return origin; /* stages_check_references() has said so */
	if (e.kind == ERR_NONE)
		origin = resolve_from(p, from->text, number, &e);
	if (origin.kind == ORIGIN_NONE && suggest_stage(p, from->text, number) == NO_STAGE)
		origin = images_unknown(p, from->text, &p->wanted, &e);
	if (origin.kind == ORIGIN_NONE)
		report_unknown(p, i, from, number, &e);
	return origin;
}

void
stages_check_names(struct planner *p)
{
	for (size_t n = 0; n < p->f->n_stages; n++) {
		const struct stage *s = &p->f->stages[n];

		for (size_t m = s->first; m < s->first + s->count; m++) {
			const struct instruction *i = &p->f->instructions[m];
			const struct word *froms = holder(i)->froms;

			for (size_t k = 0; k < holder(i)->n_froms; k++)
				if (suggest_stage(p, froms[k].text, n) != NO_STAGE)
					(void)stages_origin(p, i, &froms[k], n);
		}
	}
}

/** Looks variables of FROM up, and remembers one that is not set. */
struct from_lookup {
	struct planner *p;
	char missing[128];
};

static const char *
lookup_for_from(void *arg, const char *name)
{
	struct from_lookup *l = arg;
	const char *value = arguments_lookup_global(l->p, name);

	if (!value && l->missing[0] == '\0')
		snprintf(l->missing, sizeof(l->missing), "%s", name);
	return value;
}

/** Expands a text of FROM. NULL after an error was reported. */
static char *
expand_from(struct from_lookup *l, const struct instruction *i, const char *text, uint32_t offset)
{
	struct expansion x = { .escape = l->p->f->escape, .lookup = lookup_for_from, .arg = l };

	return planner_expand_with(l->p, &x, i, text, offset);
}

/** What the base of stage @number is to be for: --platform of FROM, else what is built for. */
static int
find_platform(struct planner *p, size_t number)
{
	const struct instruction *i = from_of(p, number);
	const struct flag *flag = instruction_flag(i, "platform");
	struct node *node = &p->nodes[number];
	struct from_lookup lookup = { .p = p };
	autofree char *text = NULL;
	struct error e = ERROR_INIT;

	platform_copy(&node->platform, &p->wanted);
	if (!flag)
		return 0;
	text = expand_from(&lookup, i, flag->value, flag->offset);
	if (!text)
		return -1;
	if (platform_parse(text, &node->platform, &e) == 0)
		return 0;
	return diagnostics_error(p->diagnostics, instruction_locate(i, flag->offset), &e);
}

static int
report_base(
    struct planner *p, size_t number, const struct from_lookup *lookup, const struct error *e)
{
	const struct instruction *i = from_of(p, number);
	struct location at = instruction_locate(i, i->words[0].offset);
	const char *base = p->nodes[number].base_text;
	size_t later = stages_find(p, base, p->f->n_stages);
	size_t near = suggest_stage(p, base, number);

	(void)diagnostics_add(p->diagnostics, SEVERITY_ERROR, at, "FROM %s: %s",
	    base[0] ? base : i->words[0].text, e->text);
	if (lookup->missing[0])
		diagnostics_note(p->diagnostics, at,
		    "$%s is not set: FROM sees only an ARG that stands before the first FROM",
		    lookup->missing);
	else if (later != NO_STAGE && later > number)
		diagnostics_note(p->diagnostics, at,
		    "a stage of that name begins later, at line %" PRIu32, from_of(p, later)->line);
	else if (near != NO_STAGE)
		note_stage(p, near);
	else if (e->hint[0])
		diagnostics_note(p->diagnostics, at, "%s", e->hint);
	return -1;
}

/**
 * FROM takes the name of an image, as far as docker knows, and is asked of the registry as such. Whoever meant stage @near is told
 * before that takes its time.
 */
static void
tell_near(const struct planner *p, size_t number, const char *base)
{
	const struct plan_options *o = p->options;
	size_t near = suggest_stage(p, base, number);
	autofree char *text = NULL;

	if (!o->tell || !is_left_to_store(p, base, near) || o->is_stored(o->arg, base))
		return;
	text = xasprintf("%s:%" PRIu32
			 ": FROM %s is no stage, so an image of that name is looked for; "
			 "stage '%s' begins at line %" PRIu32,
	    p->diagnostics->file, from_of(p, number)->line, base, p->f->stages[near].name,
	    from_of(p, near)->line);
	o->tell(o->arg, text);
}

/** What the FROM of stage @number stands for. */
static int
resolve_base(struct planner *p, size_t number)
{
	const struct instruction *i = from_of(p, number);
	const struct stage *s = &p->f->stages[number];
	struct node *node = &p->nodes[number];
	struct from_lookup lookup = { .p = p };
	struct error e = ERROR_INIT;
	size_t stage;

	if (s->name && images_has_context(p, s->name)) {
		node->replaced = true;
		node->base_text = xstrdup(s->name);
		platform_copy(&node->platform, &p->wanted);
		node->base = images_context(p, s->name, &node->platform, &e);
		return node->base.kind == ORIGIN_NONE ? report_base(p, number, &lookup, &e) : 0;
	}
	if (number == 0 && p->options->from)
		node->base_text = xstrdup(p->options->from);
	else
		node->base_text = expand_from(&lookup, i, i->words[0].text, i->words[0].offset);
	if (!node->base_text || find_platform(p, number) < 0)
		return -1;
	if (node->base_text[0] == '\0') {
		(void)error_set(&e, ERR_INPUT, "the name of the base image is empty");
		return report_base(p, number, &lookup, &e);
	}
	if (strcmp(node->base_text, "scratch") == 0) {
		node->base.kind = ORIGIN_SCRATCH;
		return 0;
	}
	node->base = images_context(p, node->base_text, &node->platform, &e);
	stage = stages_find(p, node->base_text, number);
	if (node->base.kind == ORIGIN_NONE && e.kind == ERR_NONE && stage != NO_STAGE)
		node->base = (struct origin){ ORIGIN_STAGE, stage };
	if (node->base.kind == ORIGIN_NONE && e.kind == ERR_NONE) {
		tell_near(p, number, node->base_text);
		node->base =
		    images_resolve(p, node->base_text, node->base_text, &node->platform, &e);
	}
	if (node->base.kind == ORIGIN_NONE && suggest_stage(p, node->base_text, number) == NO_STAGE)
		node->base = images_unknown(p, node->base_text, &node->platform, &e);
	plan_lint_base(p, i, node);
	return node->base.kind == ORIGIN_NONE ? report_base(p, number, &lookup, &e) : 0;
}

/** Parses the ONBUILD triggers of a base image. */
static void
read_triggers(struct planner *p, size_t number)
{
	struct node *node = &p->nodes[number];
	struct plan *plan = p->plan;
	const struct strv *texts;

	if (node->base.kind != ORIGIN_IMAGE || node->replaced)
		return;
	texts = &plan->images[node->base.index].config->onbuild;
	node->triggers = xcalloc(texts->count + 1, sizeof(*node->triggers));
	for (size_t n = 0; n < texts->count; n++) {
		struct instruction *i = xcalloc(1, sizeof(*i));
		struct location at = { from_of(p, number)->line, 0 };

		(void)xgrow(&plan->triggers, plan->n_triggers, &plan->triggers_room,
		    sizeof(*plan->triggers));
		plan->triggers[plan->n_triggers++] = i;
		if (dockerfile_parse_trigger(i, texts->items[n], at, p->diagnostics) == 0)
			node->triggers[node->n_triggers++] = i;
	}
}

static void
mark(struct planner *p, const struct instruction *i, size_t number)
{
	const struct instruction *inner = holder(i);

	for (size_t n = 0; n < inner->n_froms; n++) {
		size_t stage = referred_stage(p, inner->froms[n].text, number);

		if (stage != NO_STAGE)
			p->nodes[stage].needed = true;
	}
}

/** Marks what the instructions of stage @number refer to, those that its base hands down too. */
static void
mark_sources(struct planner *p, size_t number)
{
	const struct stage *s = &p->f->stages[number];
	const struct node *node = &p->nodes[number];

	for (size_t n = 0; n < node->n_triggers; n++)
		mark(p, node->triggers[n], number);
	for (size_t n = s->first; n < s->first + s->count; n++)
		if (p->f->instructions[n].def->kind != INSTRUCTION_ONBUILD)
			mark(p, &p->f->instructions[n], number);
	if (node->base.kind != ORIGIN_STAGE)
		return;
	p->nodes[node->base.index].needed = true;
	s = &p->f->stages[node->base.index];
	for (size_t n = s->first; n < s->first + s->count; n++)
		if (p->f->instructions[n].def->kind == INSTRUCTION_ONBUILD)
			mark(p, &p->f->instructions[n], number);
}

void
stages_mark_needed(struct planner *p)
{
	p->nodes[p->target].needed = true;
	for (size_t n = 0; p->options->flags & PLAN_ALL && !p->options->target && n < p->target;
	     n++)
		p->nodes[n].needed = true;
	for (size_t n = p->target + 1; n > 0; n--) {
		if (!p->nodes[n - 1].needed)
			continue;
		if (resolve_base(p, n - 1) < 0)
			p->nodes[n - 1].base.kind = ORIGIN_NONE;
		if (p->nodes[n - 1].replaced)
			continue;
		read_triggers(p, n - 1);
		mark_sources(p, n - 1);
	}
}
