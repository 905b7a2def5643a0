/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lint - which findings are wanted: `# check=`.
 */
#include "builder/dockerfile/lint.h"

#include "builder/dockerfile/rules.h"
#include "runtime/base/mem.h"
#include "runtime/base/strv.h"
#include "runtime/base/text.h"

#include <string.h>
#include <strings.h>

/** What one `# check=` says. */
struct settings {
	struct strv skip;
	struct strv experimental;
	bool error;
};

static void
settings_release(struct settings *s)
{
	strv_release(&s->skip);
	strv_release(&s->experimental);
}

static bool
has_rule(const struct strv *rules, const char *rule)
{
	for (size_t n = 0; n < rules->count; n++)
		if (strcasecmp(rules->items[n], rule) == 0 ||
		    strcasecmp(rules->items[n], "all") == 0)
			return true;
	return false;
}

/** @d is NULL when nothing is to be said. */
static void
read_rules(struct strv *rules, const char *list, struct location at, struct diagnostics *d)
{
	auto(strv) struct strv names = { 0 };

	strv_split(&names, list, ',');
	for (size_t n = 0; n < names.count; n++) {
		char *name = names.items[n];
		const char *near;

		name += strspn(name, " \t");
		name[strcspn(name, " \t")] = '\0';
		strv_add(rules, name);
		if (!d || strcasecmp(name, "all") == 0 || rule_find(name))
			continue;
		near = rule_suggest(name);
		(void)diagnostics_add(d, SEVERITY_WARNING, at,
		    "'# check=' names a rule '%s' that there is not%s%s%s", name,
		    near ? ", did you mean " : "", near ? near : "", near ? "?" : "");
	}
}

static int
read_truth(const char *text, bool *value)
{
	bool yes = strcasecmp(text, "true") == 0 || strcmp(text, "1") == 0;

	if (!yes && strcasecmp(text, "false") != 0 && strcmp(text, "0") != 0)
		return -1;
	*value = yes;
	return 0;
}

static bool
is_option(const char *text, const char *name)
{
	size_t n = strlen(name);

	return strncasecmp(text, name, n) == 0 && text[n] == '=';
}

static void
read_option(struct settings *s, const char *option, struct location at, struct diagnostics *d)
{
	const char *value = strchr(option, '=');

	if (is_option(option, "skip"))
		read_rules(&s->skip, value + 1, at, d);
	else if (is_option(option, "experimental"))
		read_rules(&s->experimental, value + 1, at, d);
	else if (!is_option(option, "error") && d)
		(void)diagnostics_add(d, SEVERITY_ERROR, at,
		    "'# check=' knows skip=RULES, error=BOOL and experimental=RULES, not '%s'",
		    option);
	else if (is_option(option, "error") && read_truth(value + 1, &s->error) < 0 && d)
		(void)diagnostics_add(d, SEVERITY_ERROR, at,
		    "'# check=' error is true or false, not '%s'", value + 1);
}

static void
read_settings(struct settings *s, const char *text, struct location at, struct diagnostics *d)
{
	auto(strv) struct strv options = { 0 };

	strv_split(&options, text, ';');
	for (size_t n = 0; n < options.count; n++) {
		const char *option = options.items[n] + strspn(options.items[n], " \t");

		if (*option != '\0')
			read_option(s, option, at, d);
	}
}

/** The `check=` in the comment above an instruction; NULL. To be freed. */
static char *
check_of_comment(const char *comment)
{
	while (comment && *comment != '\0') {
		const char *line = comment + strspn(comment, " \t");
		size_t length = strcspn(line, "\n");

		if (strncasecmp(line, "check", 5) == 0) {
			const char *equals = line + 5 + strspn(line + 5, " \t");

			if (*equals == '=')
				return xstrndup(equals + 1, (size_t)(line + length - equals - 1));
		}
		comment = line[length] == '\0' ? NULL : line + length + 1;
	}
	return NULL;
}

/** The instruction that @line belongs to: the last that begins there or above; NULL. */
static const struct instruction *
instruction_at(const struct dockerfile *f, uint32_t line)
{
	size_t low = 0, high = f->count;

	if (line == 0 || f->count == 0 || f->instructions[0].line > line)
		return NULL;
	while (high - low > 1) {
		size_t middle = low + (high - low) / 2;

		if (f->instructions[middle].line <= line)
			low = middle;
		else
			high = middle;
	}
	return &f->instructions[low];
}

/** FROM of the stage that instruction @i stands in; NULL before the first. */
static const struct instruction *
from_at(const struct dockerfile *f, const struct instruction *i)
{
	size_t index = (size_t)(i - f->instructions), low = 0, high = f->n_stages;

	if (f->n_stages == 0 || f->stages[0].from > index)
		return NULL;
	while (high - low > 1) {
		size_t middle = low + (high - low) / 2;

		if (f->stages[middle].from <= index)
			low = middle;
		else
			high = middle;
	}
	return &f->instructions[f->stages[low].from];
}

static void
read_comment(struct settings *s, const struct instruction *i)
{
	autofree char *text = i ? check_of_comment(i->comment) : NULL;

	if (text)
		read_settings(s, text, (struct location){ 0 }, NULL);
}

static bool
is_wanted(const struct dockerfile *f, const struct settings *global, const char *rule,
    uint32_t line, bool *as_error)
{
	const struct rule_def *def = rule_find(rule);
	const struct instruction *i = instruction_at(f, line);
	struct settings local = { 0 };
	bool wanted = !has_rule(&global->skip, rule);

	read_comment(&local, i);
	if (i)
		read_comment(&local, from_at(f, i));
	if (has_rule(&local.skip, rule))
		wanted = false;
	if (def && def->flags & RULE_EXPERIMENTAL && !has_rule(&global->experimental, rule) &&
	    !has_rule(&local.experimental, rule))
		wanted = false;
	*as_error = global->error || local.error;
	settings_release(&local);
	return wanted;
}

/** Drops item @n's notes too: they stand behind it and have its order. */
static void
filter(const struct dockerfile *f, const struct settings *s, struct diagnostics *d)
{
	size_t kept = 0, dropped = (size_t)-1;

	for (size_t n = 0; n < d->count; n++) {
		struct diagnostic *item = &d->items[n];
		bool error = false;

		if (item->rule && item->severity == SEVERITY_WARNING &&
		    !is_wanted(f, s, item->rule, item->at.line, &error)) {
			dropped = item->order;
			free(item->text);
			d->n_warnings--;
			continue;
		}
		if (item->severity == SEVERITY_NOTE && item->order == dropped) {
			free(item->text);
			continue;
		}
		if (item->rule && item->severity == SEVERITY_WARNING && error) {
			item->severity = SEVERITY_ERROR;
			d->n_warnings--;
			d->n_errors++;
		}
		d->items[kept++] = *item;
	}
	d->count = kept;
}

/** Says what is wrong with `check=` above instructions, which is obeyed without a word elsewhere. */
static void
check_comments(const struct dockerfile *f, struct diagnostics *d)
{
	for (size_t n = 0; n < f->count; n++) {
		autofree char *text = check_of_comment(f->instructions[n].comment);
		struct settings s = { 0 };

		if (text)
			read_settings(&s, text, instruction_location(&f->instructions[n]), d);
		settings_release(&s);
	}
}

void
lint_apply(const struct dockerfile *f, const char *given, struct diagnostics *diagnostics)
{
	struct settings s = { 0 };

	diagnostics_sort(diagnostics);
	if (given)
		read_settings(&s, given, (struct location){ 0 }, diagnostics);
	else if (f->check)
		read_settings(&s, f->check, f->check_at, diagnostics);
	check_comments(f, diagnostics);
	filter(f, &s, diagnostics);
	settings_release(&s);
}

bool
lint_wants(
    const struct dockerfile *f, const char *given, const char *rule, uint32_t line, bool *as_error)
{
	const char *text = given ? given : f->check;
	struct settings s = { 0 };
	bool wanted;

	if (text)
		read_settings(&s, text, (struct location){ 0 }, NULL);
	wanted = is_wanted(f, &s, rule, line, as_error);
	settings_release(&s);
	return wanted;
}
