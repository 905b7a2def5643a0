/* SPDX-License-Identifier: Apache-2.0 */
/*
 * arguments - build arguments: who may see which, and what they are when nobody gives them.
 *
 * An ARG before the first FROM is seen by FROM only, until a stage names it again. In a stage, a
 * build argument that was given wins over the ARG's default, that over the global value; ENV wins
 * over all of them.
 */
#include "builder/plan/planner.h"

#include "runtime/base/mem.h"
#include "runtime/base/text.h"

#include <string.h>
#include <strings.h>

static const char *const proxy_names[] = { "HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy",
	"FTP_PROXY", "ftp_proxy", "NO_PROXY", "no_proxy", "ALL_PROXY", "all_proxy" };

void
arguments_release(struct arguments *a)
{
	for (size_t n = 0; n < a->count; n++) {
		free(a->items[n].name);
		free(a->items[n].value);
	}
	free(a->items);
	*a = (struct arguments){ 0 };
}

const struct argument *
arguments_find(const struct arguments *a, const char *name)
{
	for (size_t n = 0; n < a->count; n++)
		if (strcmp(a->items[n].name, name) == 0)
			return &a->items[n];
	return NULL;
}

void
arguments_set(struct arguments *a, const char *name, const char *value)
{
	char *copy = value ? xstrdup(value) : NULL;

	for (size_t n = 0; n < a->count; n++) {
		if (strcmp(a->items[n].name, name) == 0) {
			free(a->items[n].value);
			a->items[n].value = copy;
			return;
		}
	}
	(void)xgrow(&a->items, a->count, &a->room, sizeof(*a->items));
	a->items[a->count++] = (struct argument){ xstrdup(name), copy };
}

void
arguments_copy(struct arguments *to, const struct arguments *from)
{
	for (size_t n = 0; n < from->count; n++)
		arguments_set(to, from->items[n].name, from->items[n].value);
}

static bool
is_proxy(const char *name)
{
	for (size_t n = 0; n < ARRAY_LEN(proxy_names); n++)
		if (strcmp(proxy_names[n], name) == 0)
			return true;
	return false;
}

/** What was given: --build-arg, else for proxies and the epoch the client's environment. */
static void
gather_given(struct planner *p)
{
	const struct strv *environment = p->options->environment;

	for (size_t n = 0; environment && n < ARRAY_LEN(proxy_names); n++)
		if (env_get(environment, proxy_names[n]))
			env_set(&p->given, proxy_names[n], env_get(environment, proxy_names[n]));
	if (environment && env_get(environment, EPOCH_NAME))
		env_set(&p->given, EPOCH_NAME, env_get(environment, EPOCH_NAME));
	for (size_t n = 0; p->options->build_args && n < p->options->build_args->count; n++) {
		const char *item = p->options->build_args->items[n], *equals = strchr(item, '=');
		autofree char *name =
		    xstrndup(item, equals ? (size_t)(equals - item) : strlen(item));

		env_set(&p->given, name, equals ? equals + 1 : "");
	}
	for (size_t n = 0; n < ARRAY_LEN(proxy_names); n++)
		if (env_get(&p->given, proxy_names[n]))
			env_set(
			    &p->plan->proxies, proxy_names[n], env_get(&p->given, proxy_names[n]));
}

static void
set_platform(struct planner *p)
{
	const struct {
		const char *prefix;
		const struct platform *platform;
	} groups[] = { { "BUILD", &p->native }, { "TARGET", &p->wanted } };

	for (size_t n = 0; n < ARRAY_LEN(groups); n++) {
		const struct platform *platform = groups[n].platform;
		auto(buf) struct buf text = { 0 };
		const struct {
			const char *suffix, *value;
		} parts[] = {
			{ "PLATFORM", (platform_add_text(&text, platform), buf_text(&text)) },
			{ "OS", platform->os },
			{ "OSVERSION", platform->os_version ? platform->os_version : "" },
			{ "ARCH", platform->architecture },
			{ "VARIANT", platform->variant ? platform->variant : "" },
		};

		for (size_t m = 0; m < ARRAY_LEN(parts); m++) {
			autofree char *name = xasprintf("%s%s", groups[n].prefix, parts[m].suffix);
			const char *given = env_get(&p->given, name);

			arguments_set(&p->platform, name, given ? given : parts[m].value);
		}
	}
	arguments_set(
	    &p->platform, "TARGETSTAGE", p->options->target ? p->options->target : "default");
}

const char *
arguments_lookup_global(void *arg, const char *name)
{
	const struct planner *p = arg;
	const struct argument *found = arguments_find(&p->global, name);

	if (!found)
		found = arguments_find(&p->platform, name);
	return found ? found->value : NULL;
}

const char *
arguments_lookup(void *arg, const char *name)
{
	const struct building *b = arg;
	const char *value = env_get(&b->config->env, name);
	const struct argument *found;

	if (value)
		return value;
	found = arguments_find(&b->arguments, name);
	return found ? found->value : NULL;
}

/** More of them nobody would read. */
#define REMEMBERED_MAX 2000

/** Remembers an ARG for those who ask what can be given. */
static void
remember(struct plan *plan, const struct instruction *i, const struct pair *pair, const char *value)
{
	if (plan->n_arguments >= REMEMBERED_MAX)
		return;
	(void)xgrow(
	    &plan->arguments, plan->n_arguments, &plan->arguments_room, sizeof(*plan->arguments));
	plan->arguments[plan->n_arguments++] =
	    (struct plan_argument){ i, pair, value ? xstrdup(value) : NULL };
}

/** One ARG before the first FROM. */
static void
apply_global(
    struct planner *p, const struct instruction *i, const struct pair *pair, struct arguments *set)
{
	struct expansion x = {
		.escape = p->f->escape, .lookup = arguments_lookup_global, .arg = p
	};
	const char *given = env_get(&p->given, pair->name);
	autofree char *value = NULL;

	if (given || !pair->value) {
		const char *now = given ? given : arguments_lookup_global(p, pair->name);

		arguments_set(set, pair->name, now);
		remember(p->plan, i, pair, now);
		return;
	}
	value = planner_expand_with(p, &x, i, pair->value, pair->value_offset);
	if (!value)
		return;
	arguments_set(set, pair->name, value);
	remember(p->plan, i, pair, value);
}

void
arguments_prepare(struct planner *p)
{
	gather_given(p);
	set_platform(p);
	for (size_t n = 0; n < p->f->n_global; n++) {
		const struct instruction *i = &p->f->instructions[n];
		struct arguments set = { 0 };

		if (p->global.count + i->n_pairs > PLANNER_MAX_VARIABLES) {
			(void)diagnostics_add(p->diagnostics, SEVERITY_ERROR,
			    instruction_location(i), "more than %d arguments",
			    PLANNER_MAX_VARIABLES);
			break;
		}
		for (size_t m = 0; i->def->kind == INSTRUCTION_ARG && m < i->n_pairs; m++)
			apply_global(p, i, &i->pairs[m], &set);
		arguments_copy(&p->global, &set);
		arguments_release(&set);
	}
	epoch_set(p);
}

/** The value of an ARG in a stage. Returns 0 with *@value NULL when there is none, or -1. */
static int
stage_value(struct building *b, const struct instruction *i, const struct pair *pair, char **value)
{
	const char *given = env_get(&b->p->given, pair->name);
	const struct argument *outer;

	*value = NULL;
	if (given) {
		*value = xstrdup(given);
		return 0;
	}
	if (pair->value) {
		*value = planner_expand(b, i, pair->value, pair->value_offset);
		return *value ? 0 : -1;
	}
	outer = arguments_find(&b->p->global, pair->name);
	if (!outer)
		outer = arguments_find(&b->p->platform, pair->name);
	if (outer && outer->value)
		*value = xstrdup(outer->value);
	return 0;
}

int
arguments_apply(struct building *b, const struct instruction *i)
{
	struct arguments set = { 0 };
	auto(buf) struct buf text = { 0 };
	struct error too_many = ERROR_INIT;
	struct plan_step *step;
	int result = 0;

	if (b->arguments.count + i->n_pairs > PLANNER_MAX_VARIABLES) {
		(void)error_set(
		    &too_many, ERR_INPUT, "more than %d arguments", PLANNER_MAX_VARIABLES);
		return planner_error(b, i, 0, &too_many);
	}
	buf_add_text(&text, "ARG");
	for (size_t n = 0; n < i->n_pairs; n++) {
		const struct pair *pair = &i->pairs[n];
		autofree char *value = NULL;
		struct error e = ERROR_INIT;
		int64_t epoch;

		if (stage_value(b, i, pair, &value) < 0)
			result = -1;
		if (value && value[0] != '\0' && strcmp(pair->name, EPOCH_NAME) == 0 &&
		    epoch_parse(value, &epoch, &e) < 0)
			result = planner_error(b, i, pair->offset, &e);
		arguments_set(&set, pair->name, value);
		if (value)
			plan_lint_value(b, i, pair->offset, pair->name, value);
		if (!b->is_trigger)
			remember(b->p->plan, i, pair, value);
		buf_printf(&text, " %s%s%s", pair->name, value ? "=" : "", value ? value : "");
	}
	arguments_copy(&b->arguments, &set);
	arguments_release(&set);
	step = steps_add(b, PLAN_METADATA, i);
	step->text = xstrdup(buf_text(&text));
	step->created_by = buf_steal(&text);
	return result;
}

static bool
has_argument(const struct instruction *i, const char *name)
{
	if (i->def->kind == INSTRUCTION_ONBUILD && i->trigger && i->trigger->def)
		i = i->trigger;
	if (i->def->kind != INSTRUCTION_ARG)
		return false;
	for (size_t n = 0; n < i->n_pairs; n++)
		if (strcmp(i->pairs[n].name, name) == 0)
			return true;
	return false;
}

static bool
is_named(const struct planner *p, const char *name)
{
	if (is_proxy(name) || strcmp(name, EPOCH_NAME) == 0 || arguments_find(&p->platform, name))
		return true;
	for (size_t n = 0; n < p->f->count; n++)
		if (has_argument(&p->f->instructions[n], name))
			return true;
	for (size_t n = 0; n < p->plan->n_triggers; n++)
		if (has_argument(p->plan->triggers[n], name))
			return true;
	return false;
}

/** The nearest name of an ARG in the file; NULL. */
static const char *
suggest_argument(const struct planner *p, const char *name)
{
	auto(strv) struct strv names = { 0 };
	const char *near;

	for (size_t n = 0; n < p->f->count; n++) {
		const struct instruction *i = &p->f->instructions[n];

		for (size_t m = 0; i->def->kind == INSTRUCTION_ARG && m < i->n_pairs; m++)
			strv_add(&names, i->pairs[m].name);
	}
	near = text_suggest(name, (const char *const *)strv_array(&names));
	if (!near)
		return NULL;
	for (size_t n = 0; n < p->f->count; n++) {
		const struct instruction *i = &p->f->instructions[n];

		for (size_t m = 0; i->def->kind == INSTRUCTION_ARG && m < i->n_pairs; m++)
			if (strcmp(i->pairs[m].name, near) == 0)
				return i->pairs[m].name;
	}
	return NULL;
}

/** Build arguments that mean something to the planner itself. */
static bool
is_for_builder(const char *name)
{
	static const char *const names[] = { "BUILDKIT_SYNTAX", "BUILDKIT_DOCKERFILE_CHECK",
		"BUILDKIT_CACHE_MOUNT_NS", "BUILDKIT_SANDBOX_HOSTNAME",
		"BUILDKIT_CONTEXT_KEEP_GIT_DIR", "BUILDKIT_MULTI_PLATFORM" };

	for (size_t n = 0; n < ARRAY_LEN(names); n++)
		if (strcmp(names[n], name) == 0)
			return true;
	return false;
}

void
arguments_warn_unused(struct planner *p)
{
	const struct location nowhere = { 0 };

	for (size_t n = 0; n < p->given.count; n++) {
		const char *item = p->given.items[n];
		autofree char *name = xstrndup(item, strcspn(item, "="));
		const char *near;

		if (is_named(p, name) || is_for_builder(name))
			continue;
		if (text_starts_with(name, "BUILDKIT_")) {
			(void)diagnostics_add(p->diagnostics, SEVERITY_WARNING, nowhere,
			    "the build argument %s has no effect in this version of croze", name);
			continue;
		}
		near = suggest_argument(p, name);
		(void)diagnostics_add(p->diagnostics, SEVERITY_WARNING, nowhere,
		    "the build argument %s is not used: no ARG has that name%s%s%s", name,
		    near ? ", did you mean " : "", near ? near : "", near ? "?" : "");
	}
}
