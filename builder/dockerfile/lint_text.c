/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lint_text - the lint rules that need no more than the text of the file.
 */
#include "builder/dockerfile/lint.h"

#include "runtime/base/map.h"
#include "runtime/base/mem.h"
#include "runtime/base/strv.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

enum casing {
	CASING_LOWER,
	CASING_UPPER,
	CASING_MIXED,
};

static enum casing
casing_of(const char *word, size_t length)
{
	bool lower = false, upper = false;

	for (size_t n = 0; n < length; n++) {
		lower = lower || islower((unsigned char)word[n]);
		upper = upper || isupper((unsigned char)word[n]);
	}
	if (lower && upper)
		return CASING_MIXED;
	return upper ? CASING_UPPER : CASING_LOWER;
}

static size_t
keyword_length(const struct instruction *i)
{
	return strlen(i->def->name);
}

static enum casing
keyword_casing(const struct instruction *i)
{
	return casing_of(i->text, keyword_length(i));
}

/* ---- names and casing ---- */

static void
lint_casing(const struct dockerfile *f, struct diagnostics *d)
{
	size_t count[3] = { 0 };
	enum casing most;

	for (size_t n = 0; n < f->count; n++)
		count[keyword_casing(&f->instructions[n])]++;
	most = count[CASING_LOWER] > count[CASING_UPPER] ? CASING_LOWER : CASING_UPPER;
	for (size_t n = 0; n < f->count; n++) {
		const struct instruction *i = &f->instructions[n];

		if (keyword_casing(i) != most)
			diagnostics_lint(d, "ConsistentInstructionCasing", instruction_location(i),
			    "'%.*s' is not written as most instructions of the file are, in %s",
			    (int)keyword_length(i), i->text,
			    most == CASING_LOWER ? "lower case" : "capitals");
	}
}

static void
lint_stage_name(const struct instruction *from, struct map *seen, struct diagnostics *d)
{
	const char *name = from->words[2].text;
	struct location at = instruction_locate(from, from->words[2].offset);
	autofree char *lower = xstrdup(name);
	const struct instruction *first;

	for (char *c = lower; *c != '\0'; c++)
		*c = (char)tolower((unsigned char)*c);
	if (strcmp(lower, name) != 0)
		diagnostics_lint(
		    d, "StageNameCasing", at, "the stage name '%s' is not in lower case", name);
	if (strcmp(lower, "scratch") == 0 || strcmp(lower, "context") == 0)
		diagnostics_lint(d, "ReservedStageName", at,
		    "the stage name '%s' is reserved: it means something else", name);
	first = map_get(seen, lower);
	if (first)
		diagnostics_lint(d, "DuplicateStageName", at,
		    "the stage name '%s' is used already, at line %u", name, (unsigned)first->line);
	else
		(void)map_set(seen, lower, (void *)(uintptr_t)from);
}

static void
lint_as(const struct instruction *from, struct diagnostics *d)
{
	const struct word *as = &from->words[1];
	enum casing wanted = keyword_casing(from);

	if (wanted != CASING_MIXED && casing_of(as->text, strlen(as->text)) != wanted)
		diagnostics_lint(d, "FromAsCasing", instruction_locate(from, as->offset),
		    "'%s' and '%.*s' are not written alike", as->text, (int)keyword_length(from),
		    from->text);
}

static bool
contains(const char *text, const char *part)
{
	return part[0] != '\0' && strcasestr(text, part) != NULL;
}

/** Does the stage's name say what platform it is for? Then its constant is meant. */
static bool
names_platform(const char *stage, const char *platform)
{
	auto(strv) struct strv parts = { 0 };

	strv_split(&parts, platform, '/');
	for (size_t n = 0; n < parts.count && n < 2; n++)
		if (contains(stage, parts.items[n]))
			return true;
	return false;
}

static void
lint_platform(const struct instruction *from, struct diagnostics *d)
{
	const struct flag *flag = instruction_flag(from, "platform");
	const char *name = from->n_words == 3 ? from->words[2].text : "";
	struct location at;

	if (!flag || flag->value[0] == '\0')
		return;
	at = instruction_locate(from, flag->offset);
	if (strcmp(flag->value, "$TARGETPLATFORM") == 0 ||
	    strcmp(flag->value, "${TARGETPLATFORM}") == 0)
		diagnostics_lint(d, "RedundantTargetPlatform", at,
		    "--platform=%s is what FROM takes without it", flag->value);
	else if (!strchr(flag->value, '$') && !names_platform(name, flag->value))
		diagnostics_lint(d, "FromPlatformFlagConstDisallowed", at,
		    "--platform=%s is a constant: the stage is never built for another platform",
		    flag->value);
}

static void
lint_from(const struct instruction *from, struct map *seen, struct diagnostics *d)
{
	lint_platform(from, d);
	if (from->n_words != 3)
		return;
	lint_as(from, d);
	lint_stage_name(from, seen, d);
}

/* ---- descriptions ---- */

static void
lint_description(const struct instruction *i, const char *name, struct diagnostics *d)
{
	const char *text = i->comment ? i->comment + strspn(i->comment, " \t") : "";
	autofree char *found = instruction_description(i, name);

	if (*text == '\0' || *text == '\n' || found || strncasecmp(text, "check", 5) == 0)
		return;
	diagnostics_lint(d, "InvalidDefinitionDescription", instruction_location(i),
	    "the comment right above %s does not begin with '%s'", i->def->name, name);
}

/* ---- single instructions ---- */

/** Parts of a name that say secret, and those that say it is none. */
static bool
is_one_of(const char *part, size_t length, const char *const *words)
{
	for (; *words; words++)
		if (strlen(*words) == length && strncasecmp(part, *words, length) == 0)
			return true;
	return false;
}

bool
lint_names_secret(const char *name)
{
	static const char *const secret[] = { "apikey", "auth", "credential", "credentials", "key",
		"password", "pword", "passwd", "secret", "token", NULL };
	static const char *const harmless[] = { "public", "file", "version", NULL };
	bool found = false;

	while (*name != '\0') {
		size_t length = strcspn(name, "_");

		if (is_one_of(name, length, harmless))
			return false;
		found = found || is_one_of(name, length, secret);
		name += length + (name[length] == '_');
	}
	return found;
}

static void
lint_pairs(const struct instruction *i, struct diagnostics *d)
{
	if (i->pair_form == PAIRS_LEGACY && i->n_pairs > 0)
		diagnostics_lint(d, "LegacyKeyValueFormat",
		    instruction_locate(i, i->pairs[0].offset),
		    "%s %s VALUE is the old form of %s %s=VALUE", i->def->name, i->pairs[0].name,
		    i->def->name, i->pairs[0].name);
	for (size_t n = 0; i->def->kind != INSTRUCTION_LABEL && n < i->n_pairs; n++)
		if (lint_names_secret(i->pairs[n].name))
			diagnostics_lint(d, "SecretsUsedInArgOrEnv",
			    instruction_locate(i, i->pairs[n].offset),
			    "%s '%s' has the name of a secret: its value stays in the image",
			    i->def->name, i->pairs[n].name);
}

/** "127.0.0.1:80:80", "8080:80". */
static bool
has_address(const char *port)
{
	const char *brace = strchr(port, '$');

	return strchr(port, ':') && !(brace && strchr(port, '}'));
}

static void
lint_expose(const struct instruction *i, struct diagnostics *d)
{
	for (size_t n = 0; n < i->n_words; n++) {
		const char *text = i->words[n].text, *slash = strchr(text, '/');
		struct location at = instruction_locate(i, i->words[n].offset);

		if (slash && !strchr(slash, '$') && casing_of(slash, strlen(slash)) != CASING_LOWER)
			diagnostics_lint(d, "ExposeProtoCasing", at,
			    "the protocol of '%s' is not in lower case", text);
		if (has_address(text))
			diagnostics_lint(d, "ExposeInvalidFormat", at,
			    "'%s' names an address or a port of the host, which EXPOSE does not "
			    "take",
			    text);
	}
}

static void
lint_instruction(const struct instruction *i, struct diagnostics *d)
{
	switch (i->def->kind) {
	case INSTRUCTION_ENV:
	case INSTRUCTION_LABEL:
	case INSTRUCTION_ARG:
		lint_pairs(i, d);
		break;
	case INSTRUCTION_EXPOSE:
		lint_expose(i, d);
		break;
	case INSTRUCTION_MAINTAINER:
		diagnostics_lint(d, "MaintainerDeprecated", instruction_location(i),
		    "MAINTAINER is no longer used: LABEL org.opencontainers.image.authors says it");
		break;
	default:
		break;
	}
	if (i->def->kind == INSTRUCTION_ARG && i->n_pairs == 1)
		lint_description(i, i->pairs[0].name, d);
	if (i->def->kind == INSTRUCTION_FROM && i->n_words == 3)
		lint_description(i, i->words[2].text, d);
	if (i->def->kind == INSTRUCTION_ONBUILD && i->trigger && i->trigger->def)
		lint_instruction(i->trigger, d);
}

/* ---- stages ---- */

/** Of one kind only the last instruction of a stage counts. */
static void
lint_repeated(const struct dockerfile *f, const struct stage *s, enum instruction_kind kind,
    struct diagnostics *d)
{
	const struct instruction *last = NULL;

	for (size_t n = s->first; n < s->first + s->count; n++) {
		const struct instruction *i = &f->instructions[n];

		if (i->def->kind != kind)
			continue;
		if (last)
			diagnostics_lint(d, "MultipleInstructionsDisallowed",
			    instruction_location(last),
			    "this %s is without effect: the one at line %u replaces it",
			    last->def->name, (unsigned)i->line);
		last = i;
	}
}

/** Has a stage above of that name, or one that it is FROM, a SHELL? */
static bool
inherits_shell(const struct dockerfile *f, size_t stage, const bool *has_shell)
{
	const struct instruction *from = &f->instructions[f->stages[stage].from];

	for (size_t n = stage; from->n_words > 0 && n > 0; n--)
		if (f->stages[n - 1].name &&
		    strcasecmp(f->stages[n - 1].name, from->words[0].text) == 0)
			return has_shell[n - 1];
	return false;
}

static void
lint_commands(
    const struct dockerfile *f, const struct stage *s, bool *has_shell, struct diagnostics *d)
{
	for (size_t n = s->first; n < s->first + s->count; n++) {
		const struct instruction *i = &f->instructions[n];
		bool command =
		    i->def->kind == INSTRUCTION_CMD || i->def->kind == INSTRUCTION_ENTRYPOINT;

		if (i->def->kind == INSTRUCTION_SHELL)
			*has_shell = true;
		if (command && i->form == FORM_SHELL && i->n_words > 0 && !*has_shell)
			diagnostics_lint(d, "JSONArgsRecommended", instruction_location(i),
			    "%s in this form is started by a shell, which does not pass signals "
			    "on; a "
			    "JSON list is started directly",
			    i->def->name);
	}
}

/** Stages whose base is looked up by name one after the other: more of them are not looked at. */
#define SHELL_STAGES_MAX 2000

void
lint_file(const struct dockerfile *f, struct diagnostics *diagnostics)
{
	static const enum instruction_kind single[] = { INSTRUCTION_CMD, INSTRUCTION_ENTRYPOINT,
		INSTRUCTION_HEALTHCHECK };
	autofree bool *has_shell = xcalloc(f->n_stages + 1, sizeof(*has_shell));
	struct map seen = { 0 };

	lint_casing(f, diagnostics);
	for (size_t n = 0; n < f->count; n++)
		lint_instruction(&f->instructions[n], diagnostics);
	for (size_t n = 0; n < f->n_stages; n++) {
		const struct stage *s = &f->stages[n];

		lint_from(&f->instructions[s->from], &seen, diagnostics);
		has_shell[n] = n < SHELL_STAGES_MAX && inherits_shell(f, n, has_shell);
		lint_commands(f, s, &has_shell[n], diagnostics);
		for (size_t m = 0; m < ARRAY_LEN(single); m++)
			lint_repeated(f, s, single[m], diagnostics);
	}
	map_release(&seen);
}
