/* SPDX-License-Identifier: Apache-2.0 */
/*
 * words - taking the arguments of an instruction apart: words, name=value pairs, JSON lists,
 * commands.
 *
 * Quotes and variables stay as they are written: they are for the expansion, which needs an
 * environment.
 */
#include "builder/dockerfile/words.h"

#include "runtime/base/buf.h"
#include "runtime/base/json.h"
#include "runtime/base/mem.h"
#include "runtime/base/text.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

int
reading_error(const struct reading *r, uint32_t offset, const char *format, ...)
{
	autofree char *text = NULL;
	va_list arguments;

	va_start(arguments, format);
	text = xvasprintf(format, arguments);
	va_end(arguments);
	return diagnostics_add(
	    r->diagnostics, SEVERITY_ERROR, instruction_locate(r->i, offset), "%s", text);
}

void
reading_add_word(struct reading *r, char *text, uint32_t offset)
{
	struct instruction *i = r->i;

	/* Grown by doubling without a member for the room: at the powers of two. */
	if ((i->n_words & (i->n_words - 1)) == 0)
		i->words = xrealloc(i->words, i->n_words ? 2 * i->n_words : 1, sizeof(*i->words));
	i->words[i->n_words++] = (struct word){ text, offset };
}

static void
add_pair(struct reading *r, struct pair pair)
{
	struct instruction *i = r->i;

	if ((i->n_pairs & (i->n_pairs - 1)) == 0)
		i->pairs = xrealloc(i->pairs, i->n_pairs ? 2 * i->n_pairs : 1, sizeof(*i->pairs));
	i->pairs[i->n_pairs++] = pair;
}

static const char *
skip_blanks(const char *p)
{
	while (isspace((unsigned char)*p))
		p++;
	return p;
}

/** At blanks; quotes mean nothing. */
static int
read_plain_words(struct reading *r)
{
	const char *p = skip_blanks(instruction_arguments(r->i));

	while (*p != '\0') {
		const char *start = p;

		while (*p != '\0' && !isspace((unsigned char)*p))
			p++;
		reading_add_word(
		    r, xstrndup(start, (size_t)(p - start)), (uint32_t)(start - r->i->text));
		p = skip_blanks(p);
	}
	return 0;
}

/** Behind the word at @p: blanks in quotes or behind the escape character belong to it. */
static const char *
quoted_word_end(const char *p, char escape)
{
	char quote = '\0';

	for (; *p != '\0' && (quote || !isspace((unsigned char)*p)); p++) {
		if (*p == escape && quote != '\'') {
			if (p[1] == '\0')
				return p + 1;
			p++;
		} else if (quote) {
			quote = *p == quote ? '\0' : quote;
		} else if (*p == '\'' || *p == '"') {
			quote = *p;
		}
	}
	return p;
}

/**
 * A JSON list of strings into words. Returns 1; 0 when the text is no JSON (then it is for the
 * shell); -1 for a list with something else in it.
 */
static int
read_list(struct reading *r, const char *text)
{
	uint32_t offset = (uint32_t)(text - r->i->text);
	struct error ignored = ERROR_INIT;
	autojson struct json *list = NULL;

	if (*text != '[')
		return 0;
	list = json_parse(text, strlen(text), &ignored);
	if (!list)
		return 0;
	for (size_t n = 0; n < json_count(list); n++)
		if (json_type(json_at(list, n)) != JSON_STRING)
			return reading_error(
			    r, offset, "member %zu of the JSON list is not a string", n + 1);
	for (size_t n = 0; n < json_count(list); n++)
		reading_add_word(r, xstrdup(json_text(json_at(list, n))), offset);
	return 1;
}

/** A text in brackets that is no JSON is a command for the shell, and almost never meant so. */
static void
warn_of_brackets(const struct reading *r, const char *text)
{
	size_t length = strlen(text);

	if (text[0] != '[' || length < 2 || text[length - 1] != ']' ||
	    isspace((unsigned char)text[1]))
		return;
	(void)diagnostics_add(r->diagnostics, SEVERITY_WARNING,
	    instruction_locate(r->i, (uint32_t)(text - r->i->text)),
	    "this is no JSON list of strings, so the shell gets it as it stands; JSON wants double "
	    "quotes");
}

/** The command that begins at @text: JSON list or one text. */
static int
read_command_at(struct reading *r, const char *text)
{
	uint32_t offset = (uint32_t)(text - r->i->text);
	int list = read_list(r, text);

	if (list < 0)
		return -1;
	r->i->form = list ? FORM_EXEC : FORM_SHELL;
	if (list)
		return 0;
	if (text[0] == '[' && text[1] == ']' && text[2] != '\0' && !isspace((unsigned char)text[2]))
		return reading_error(
		    r, offset, "'[]' with text behind it is neither a list nor a command");
	if (*text == '\0')
		return reading_error(r, (uint32_t)strlen(r->i->text), "%s needs a command: %s",
		    r->i->def->name, r->i->def->usage);
	warn_of_brackets(r, text);
	reading_add_word(r, xstrdup(text), offset);
	return 0;
}

static int
read_command(struct reading *r)
{
	return read_command_at(r, instruction_arguments(r->i));
}

static int
read_json(struct reading *r)
{
	const char *text = instruction_arguments(r->i);
	int list = read_list(r, text);

	if (list < 0)
		return -1;
	r->i->form = FORM_EXEC;
	if (list)
		return 0;
	return reading_error(r, r->i->arguments, "%s needs a JSON list of strings: %s",
	    r->i->def->name, r->i->def->usage);
}

static int
read_list_or_words(struct reading *r)
{
	const char *text = instruction_arguments(r->i);
	int list = read_list(r, text);

	if (list < 0)
		return -1;
	if (list) {
		r->i->form = FORM_EXEC;
		return 0;
	}
	return read_plain_words(r);
}

static int
add_equals_pair(struct reading *r, const char *start, const char *end)
{
	const char *equals = memchr(start, '=', (size_t)(end - start));
	uint32_t offset = (uint32_t)(start - r->i->text);

	if (!equals)
		return reading_error(r, offset, "'%.*s' has no '=': write %s", (int)(end - start),
		    start, r->i->def->usage);
	if (equals == start)
		return reading_error(r, offset, "nothing stands in front of the '='");
	add_pair(r, (struct pair){
			.name = xstrndup(start, (size_t)(equals - start)),
			.value = xstrndup(equals + 1, (size_t)(end - equals) - 1),
			.offset = offset,
			.value_offset = (uint32_t)(equals + 1 - r->i->text),
		    });
	return 0;
}

/** ENV name the rest of the line. */
static int
read_legacy_pair(struct reading *r)
{
	const char *name = instruction_arguments(r->i), *end = name, *value;

	while (*end != '\0' && !isspace((unsigned char)*end))
		end++;
	value = skip_blanks(end);
	if (*value == '\0')
		return reading_error(r, r->i->arguments, "%s of '%s' without a value: write %s",
		    r->i->def->name, name, r->i->def->usage);
	r->i->pair_form = PAIRS_LEGACY;
	add_pair(r, (struct pair){
			.name = xstrndup(name, (size_t)(end - name)),
			.value = xstrdup(value),
			.offset = r->i->arguments,
			.value_offset = (uint32_t)(value - r->i->text),
		    });
	return 0;
}

static int
read_pairs(struct reading *r)
{
	const char *p = instruction_arguments(r->i), *end = quoted_word_end(p, r->escape);
	int result = 0;

	if (*p != '\0' && !memchr(p, '=', (size_t)(end - p)))
		return read_legacy_pair(r);
	while (*p != '\0') {
		end = quoted_word_end(p, r->escape);
		if (add_equals_pair(r, p, end) < 0)
			result = -1;
		p = skip_blanks(end);
	}
	return result;
}

static int
read_names(struct reading *r)
{
	const char *p = instruction_arguments(r->i);
	int result = 0;

	while (*p != '\0') {
		const char *end = quoted_word_end(p, r->escape);

		if (memchr(p, '=', (size_t)(end - p))) {
			if (add_equals_pair(r, p, end) < 0)
				result = -1;
		} else {
			add_pair(r, (struct pair){
					.name = xstrndup(p, (size_t)(end - p)),
					.offset = (uint32_t)(p - r->i->text),
				    });
		}
		p = skip_blanks(end);
	}
	return result;
}

static int
read_text(struct reading *r)
{
	const char *text = instruction_arguments(r->i);

	if (*text != '\0')
		reading_add_word(r, xstrdup(text), r->i->arguments);
	return 0;
}

/** "NONE", or "CMD" and a command: the first word is one of these. */
static int
read_healthcheck(struct reading *r)
{
	const char *p = instruction_arguments(r->i), *end = p, *rest;

	while (*end != '\0' && !isspace((unsigned char)*end))
		end++;
	rest = skip_blanks(end);
	if (end == p)
		return 0;
	if (end - p == 4 && strncasecmp(p, "NONE", 4) == 0) {
		reading_add_word(r, xstrdup("NONE"), r->i->arguments);
		if (*rest != '\0')
			return reading_error(r, (uint32_t)(rest - r->i->text),
			    "HEALTHCHECK NONE takes no arguments");
		return 0;
	}
	if (end - p != 3 || strncasecmp(p, "CMD", 3) != 0)
		return reading_error(r, r->i->arguments,
		    "'%.*s' is no kind of HEALTHCHECK: write %s", (int)(end - p), p,
		    r->i->def->usage);
	reading_add_word(r, xstrdup("CMD"), r->i->arguments);
	if (read_command_at(r, rest) < 0)
		return -1;
	if (r->i->n_words < 2 || r->i->words[1].text[0] == '\0')
		return reading_error(r, r->i->arguments, "HEALTHCHECK CMD needs a command");
	return 0;
}

static int
read_nothing(struct reading *r)
{
	(void)r; /* ONBUILD: the parser reads what it holds */
	return 0;
}

static int
check_count(const struct reading *r)
{
	const struct instruction_def *def = r->i->def;
	size_t n = r->i->n_words + r->i->n_pairs;
	uint32_t end = (uint32_t)strlen(r->i->text);

	if (n < def->min_arguments)
		return reading_error(r, n == 0 ? 0 : end, "%s needs %s: %s", def->name,
		    n == 0 ? "an argument" : "more arguments", def->usage);
	if (def->max_arguments > 0 && n > def->max_arguments)
		return reading_error(r, r->i->words[def->max_arguments].offset,
		    "%s has too many arguments: %s", def->name, def->usage);
	return 0;
}

int
words_read_arguments(struct reading *r)
{
	static int (*const readers[])(struct reading *) = {
		[ARGUMENTS_COMMAND] = read_command,
		[ARGUMENTS_JSON] = read_json,
		[ARGUMENTS_WORDS] = read_plain_words,
		[ARGUMENTS_LIST] = read_list_or_words,
		[ARGUMENTS_PAIRS] = read_pairs,
		[ARGUMENTS_NAMES] = read_names,
		[ARGUMENTS_TEXT] = read_text,
		[ARGUMENTS_HEALTHCHECK] = read_healthcheck,
		[ARGUMENTS_INSTRUCTION] = read_nothing,
	};

	if (readers[r->i->def->syntax](r) < 0)
		return -1;
	return check_count(r);
}
