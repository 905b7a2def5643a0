/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plan_lint - lint rules that need values, images or the build context.
 *
 * They are asked while the plan is made, of the stages that the plan has; so a build tells what
 * concerns its target, and a check tells all.
 */
#include "builder/plan/planner.h"

#include "builder/image/platform.h"
#include "builder/image/reference.h"
#include "builder/plan/plan_npm.h"
#include "runtime/base/mem.h"
#include "runtime/base/path.h"
#include "runtime/base/text.h"

#include <ctype.h>
#include <string.h>

/* ---- FROM ---- */

/** Looks variables of FROM up. */
struct from_names {
	struct planner *p;
	const struct instruction *from;
	uint32_t offset; /* of the text that is expanded */
};

static const char *
lookup_from(void *arg, const char *name)
{
	const struct from_names *names = arg;

	return arguments_lookup_global(names->p, name);
}

static void
tell_undeclared(void *arg, const char *name, size_t at)
{
	const struct from_names *names = arg;
	struct planner *p = names->p;
	auto(strv) struct strv known = { 0 };
	const char *near;

	if (arguments_find(&p->global, name) || arguments_find(&p->platform, name))
		return;
	if (p->diagnostics->count >= DIAGNOSTICS_MAX)
		return;
	for (size_t n = 0; n < p->global.count; n++)
		strv_add(&known, p->global.items[n].name);
	for (size_t n = 0; n < p->platform.count; n++)
		strv_add(&known, p->platform.items[n].name);
	near = text_suggest(name, (const char *const *)strv_array(&known));
	diagnostics_lint(p->diagnostics, "UndefinedArgInFrom",
	    instruction_locate(names->from, names->offset + (uint32_t)at),
	    "FROM uses $%s, which no ARG before the first FROM declares%s%s%s", name,
	    near ? ": did you mean $" : "", near ? near : "", near ? "?" : "");
}

static void
check_declared(struct planner *p, const struct instruction *from, const char *text, uint32_t offset)
{
	struct from_names names = { p, from, offset };
	struct expansion x = { .escape = p->f->escape,
		.lookup = lookup_from,
		.arg = &names,
		.unset = tell_undeclared };
	auto(buf) struct buf result = { 0 };
	struct error ignored = ERROR_INIT; /* is reported where the stage is planned */

	(void)expand_word(&x, text, &result, &ignored);
}

/** The global arguments when nobody gives any. */
struct defaults {
	struct planner *p;
	struct arguments values;
};

static const char *
lookup_default(void *arg, const char *name)
{
	const struct defaults *d = arg;
	const struct argument *found = arguments_find(&d->values, name);

	if (!found)
		found = arguments_find(&d->p->platform, name);
	return found ? found->value : NULL;
}

static void
make_defaults(struct defaults *d)
{
	const struct dockerfile *f = d->p->f;

	for (size_t n = 0; n < f->n_global; n++) {
		const struct instruction *i = &f->instructions[n];

		for (size_t m = 0; i->def->kind == INSTRUCTION_ARG && m < i->n_pairs; m++) {
			struct expansion x = {
				.escape = f->escape, .lookup = lookup_default, .arg = d
			};
			auto(buf) struct buf value = { 0 };
			struct error ignored = ERROR_INIT;

			if (i->pairs[m].value &&
			    expand_word(&x, i->pairs[m].value, &value, &ignored) == 0)
				arguments_set(&d->values, i->pairs[m].name, buf_text(&value));
		}
	}
}

static void
check_default(struct defaults *d, const struct instruction *from)
{
	struct expansion x = { .escape = d->p->f->escape, .lookup = lookup_default, .arg = d };
	auto(reference) struct reference r = { 0 };
	auto(buf) struct buf name = { 0 };
	struct error ignored = ERROR_INIT;

	if (expand_word(&x, from->words[0].text, &name, &ignored) < 0)
		return; /* ${X:?...} asks for one on purpose */
	if (strchr(buf_text(&name), ':') && text_starts_with(buf_text(&name), "oci"))
		return;
	if (reference_parse(buf_text(&name), &r, &ignored) == 0)
		return;
	diagnostics_lint(d->p->diagnostics, "InvalidDefaultArgInFrom",
	    instruction_locate(from, from->words[0].offset),
	    "without --build-arg '%s' names no image: it becomes '%s'", from->words[0].text,
	    buf_text(&name));
}

void
plan_lint_from(struct planner *p)
{
	struct defaults d = { .p = p };

	make_defaults(&d);
	for (size_t n = 0; n < p->f->n_stages; n++) {
		const struct instruction *from = &p->f->instructions[p->f->stages[n].from];
		const struct flag *platform = instruction_flag(from, "platform");

		if (platform && strchr(platform->value, '$'))
			check_declared(p, from, platform->value,
			    platform->offset + (uint32_t)strlen("--platform="));
		if (from->n_words == 0 || !strchr(from->words[0].text, '$'))
			continue;
		check_declared(p, from, from->words[0].text, from->words[0].offset);
		check_default(&d, from);
	}
	arguments_release(&d.values);
}

void
plan_lint_base(struct planner *p, const struct instruction *i, const struct node *node)
{
	auto(buf) struct buf have = { 0 }, want = { 0 };
	const struct plan_image *image;

	if (node->base.kind != ORIGIN_IMAGE)
		return;
	image = &p->plan->images[node->base.index];
	if (image->unknown) {
		(void)diagnostics_add(p->diagnostics, SEVERITY_NOTE,
		    instruction_locate(i, i->words[0].offset),
		    "the image '%s' is not in the store: what it sets is not known to the check",
		    image->name);
		return;
	}
	if (platform_match(&node->platform, &image->config->platform) > 0)
		return;
	platform_add_text(&have, &image->config->platform);
	platform_add_text(&want, &node->platform);
	diagnostics_lint(p->diagnostics, "InvalidBaseImagePlatform",
	    instruction_locate(i, i->words[0].offset), "the image '%s' is for %s, not for %s",
	    image->name, buf_text(&have), buf_text(&want));
}

/* ---- the grammar of words ---- */

/** Every variable is set, so that only the grammar can be wrong. */
static const char *
lookup_anything(void *arg, const char *name)
{
	(void)arg;
	(void)name;
	return "x";
}

static void
check_word(struct planner *p, const struct instruction *i, const char *text, uint32_t offset)
{
	struct expansion x = { .escape = p->f->escape, .lookup = lookup_anything };

	if (text)
		free(planner_expand_with(p, &x, i, text, offset));
}

/** Has an error been reported within the lines of @i? */
static bool
is_reported(const struct planner *p, const struct instruction *i)
{
	for (size_t n = 0; n < p->diagnostics->count; n++) {
		const struct diagnostic *d = &p->diagnostics->items[n];

		if (d->severity == SEVERITY_ERROR && d->at.line >= i->line &&
		    d->at.line <= i->end_line)
			return true;
	}
	return false;
}

/** More instructions are not compared with all that was reported. */
#define CHECKED_WORDS_MAX 2000

void
plan_check_words(struct planner *p)
{
	for (size_t n = 0; n < p->f->count && n < CHECKED_WORDS_MAX; n++) {
		const struct instruction *i = &p->f->instructions[n];

		if (!(i->def->properties & INSTRUCTION_EXPANDS) || is_reported(p, i))
			continue;
		for (size_t m = 0; m < i->n_words; m++)
			check_word(p, i, i->words[m].text, i->words[m].offset);
		for (size_t m = 0; m < i->n_pairs; m++) {
			check_word(p, i, i->pairs[m].name, i->pairs[m].offset);
			check_word(p, i, i->pairs[m].value, i->pairs[m].value_offset);
		}
	}
}

/* ---- inside of a stage ---- */

/** Byte @at of what is expanded, in the file. */
static struct location
expanded_at(const struct building *b, size_t at)
{
	struct location place = { .line = b->offset, .column = 1 };

	if (!b->body)
		return instruction_locate(b->instruction, b->offset + (uint32_t)at);
	for (size_t n = 0; n < at && b->body[n] != '\0'; n++) {
		place.line += b->body[n] == '\n';
		place.column = b->body[n] == '\n' ? 1 : place.column + 1;
	}
	return place;
}

void
plan_lint_unset(void *arg, const char *name, size_t at)
{
	struct building *b = arg;
	const struct strv *env = &b->config->env;
	auto(strv) struct strv known = { 0 };
	const char *near;

	b->lint.guessed = b->lint.guessed || b->lint.unknown_base;
	if (b->p->diagnostics->count >= DIAGNOSTICS_MAX)
		return; /* a suggestion for each of very many would take long */
	if (b->is_trigger || b->lint.unknown_base || !b->instruction ||
	    arguments_find(&b->arguments, name) || text_starts_with(name, "BUILDKIT_SBOM_"))
		return;
	for (size_t n = 0; n < env->count; n++)
		strv_take(&known, xstrndup(env->items[n], strcspn(env->items[n], "=")));
	for (size_t n = 0; n < b->arguments.count; n++)
		strv_add(&known, b->arguments.items[n].name);
	near = text_suggest(name, (const char *const *)strv_array(&known));
	diagnostics_lint(b->p->diagnostics, "UndefinedVar", expanded_at(b, at),
	    "$%s is not set by an ARG or ENV of this stage%s%s%s", name,
	    near ? ": did you mean $" : "", near ? near : "", near ? "?" : "");
}

/** How tokens of well-known services begin, and how many letters and digits follow at least. */
static const struct {
	const char *start;
	size_t length;
	const char *what;
} tokens[] = {
	{ "ghp_", 30, "a token of GitHub" },
	{ "gho_", 30, "a token of GitHub" },
	{ "ghs_", 30, "a token of GitHub" },
	{ "ghu_", 30, "a token of GitHub" },
	{ "github_pat_", 22, "a token of GitHub" },
	{ "glpat-", 20, "a token of GitLab" },
	{ "npm_", 36, "a token of npm" },
	{ "pypi-AgE", 40, "a token of PyPI" },
	{ "dckr_pat_", 20, "a token of Docker Hub" },
	{ "xoxb-", 20, "a token of Slack" },
	{ "xoxp-", 20, "a token of Slack" },
	{ "sk_live_", 20, "a key of Stripe" },
	{ "AKIA", 16, "a key of AWS" },
	{ "ASIA", 16, "a key of AWS" },
	{ "AIza", 35, "a key of Google" },
	{ "hvs.", 24, "a token of Vault" },
};

static bool
is_token(const char *at, const char *start, size_t length)
{
	size_t n = strlen(start);

	return strncmp(at, start, n) == 0 &&
	       strspn(at + n, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-") >=
	           length;
}

/** What @value has in it; NULL when nothing that is known. */
static const char *
secret_in(const char *value)
{
	if (strstr(value, "-----BEGIN ") && strstr(value, "PRIVATE KEY-----"))
		return "a private key";
	for (size_t n = 0; n < ARRAY_LEN(tokens); n++)
		for (const char *at = strstr(value, tokens[n].start); at;
		     at = strstr(at + 1, tokens[n].start))
			if ((at == value || !isalnum((unsigned char)at[-1])) &&
			    is_token(at, tokens[n].start, tokens[n].length))
				return tokens[n].what;
	return NULL;
}

void
plan_lint_value(struct building *b, const struct instruction *i, uint32_t offset, const char *name,
    const char *value)
{
	const char *what = b->is_trigger ? NULL : secret_in(value);

	if (what)
		diagnostics_lint(b->p->diagnostics, "SecretInValue", instruction_locate(i, offset),
		    "the value of %s '%s' looks like %s, and stays in the image", i->def->name,
		    name, what);
}

void
plan_lint_workdir(struct building *b, const struct instruction *i, const char *path)
{
	if (b->is_trigger)
		return;
	if (!b->lint.workdir_set && path[0] != '/')
		diagnostics_lint(b->p->diagnostics, "WorkdirRelativePath",
		    instruction_locate(i, i->words[0].offset),
		    "the relative WORKDIR '%s' depends on the base image, which may change", path);
	b->lint.workdir_set = true;
}

void
plan_lint_source(
    struct building *b, const struct instruction *i, const struct word *word, const char *source)
{
	const struct plan_options *o = b->p->options;
	autofree char *path = NULL;

	if (b->is_trigger || instruction_flag(i, "from") || strstr(source, "://"))
		return;
	plan_npm_source(b, source);
	path = path_absolute(source);
	if (path[1] == '\0' || !o->is_ignored || !o->is_ignored(o->arg, path + 1))
		return;
	diagnostics_lint(b->p->diagnostics, "CopyIgnoredFile", instruction_locate(i, word->offset),
	    "%s of '%s', which the ignore file leaves out of the build context", i->def->name,
	    source);
}

void
plan_lint_instruction(struct building *b, const struct instruction *i)
{
	b->lint.guessed = false;
	if (i->def->kind == INSTRUCTION_RUN && b->p->options->read_file)
		plan_npm_run(b, i);
}
