/* SPDX-License-Identifier: Apache-2.0 */
/*
 * options - parsing command lines by their tables. Help is in help.c, commands in command.c.
 */
#include "runtime/base/options.h"

#include "runtime/base/mem.h"
#include "runtime/base/text.h"

#include <stdint.h>

struct parser {
	const struct command *command;
	int argc;
	char **argv;
	int next; /* of argv */
	char *target;
	struct strv *words;
	bool words_only;
	bool help;
};

static const struct option_def no_options[] = { { 0 } };

static const struct option_def *
rows_of(const struct command *command)
{
	return command->options ? command->options : no_options;
}

static const struct option_def *
find_long(const struct option_def *rows, const char *name, size_t length)
{
	for (; rows->name; rows++) {
		if (strlen(rows->name) == length && memcmp(rows->name, name, length) == 0)
			return rows;
	}
	return NULL;
}

static const struct option_def *
find_short(const struct option_def *rows, char letter)
{
	for (; rows->name; rows++) {
		if (rows->short_name == letter)
			return rows;
	}
	return NULL;
}

/* The row that an alias stands for. */
static const struct option_def *
follow_alias(const struct option_def *rows, const struct option_def *row)
{
	return row && row->alias_of ? find_long(rows, row->alias_of, strlen(row->alias_of)) : row;
}

static bool
takes_value(const struct option_def *row)
{
	return !row->bare && row->type != OPTION_FLAG && row->type != OPTION_REFUSED &&
	       (row->type != OPTION_FN || row->argument);
}

static int
usage_error(const struct parser *p, struct error *e)
{
	const char *program = command_program();

	return error_hint(e, "see '%s%s%s --help'", program, *program ? " " : "", p->command->name);
}

static int
unknown_option(const struct parser *p, const char *word, struct error *e)
{
	size_t length = strcspn(word, "=");
	autofree char *name = xstrndup(word, length);
	autofree const char **names = NULL;
	const char *nearest;
	size_t n = 0;

	for (const struct option_def *row = rows_of(p->command); row->name; row++)
		n++;
	names = xcalloc(n + 1, sizeof(*names));
	n = 0;
	for (const struct option_def *row = rows_of(p->command); row->name; row++) {
		if (row->type != OPTION_REFUSED || row->alias_of)
			names[n++] = row->name;
	}
	nearest = text_suggest(name, names);
	error_set(e, ERR_USAGE, "unknown option '--%s'", name);
	if (nearest)
		error_hint(e, "did you mean '--%s'?", nearest);
	return usage_error(p, e);
}

/* What is wrong with a value on the command line is wrong with the command line. */
static int
bad_value(const struct parser *p, struct error *e)
{
	if (e->kind == ERR_INPUT)
		e->kind = ERR_USAGE;
	return e->kind == ERR_USAGE ? usage_error(p, e) : -1;
}

static int
set_flag(const struct option_def *row, const char *value, bool *flag, struct error *e)
{
	if (!value || strcmp(value, "true") == 0 || strcmp(value, "1") == 0)
		*flag = true;
	else if (strcmp(value, "false") == 0 || strcmp(value, "0") == 0)
		*flag = false;
	else
		return error_set(
		    e, ERR_USAGE, "'--%s' is true or false, not '%s'", row->name, value);
	return 0;
}

static int
set_choice(const struct option_def *row, const char *value, const char **choice, struct error *e)
{
	auto(strv) struct strv choices = { 0 };
	const char *nearest;

	strv_split(&choices, row->choices, '|');
	if (strv_has(&choices, value)) {
		*choice = value;
		return 0;
	}
	error_set(e, ERR_USAGE, "'--%s' is one of %s, not '%s'", row->name, row->choices, value);
	nearest = text_suggest(value, (const char *const *)strv_array(&choices));
	return nearest ? error_hint(e, "did you mean '%s'?", nearest) : -1;
}

static int
set_option(struct parser *p, const struct option_def *row, const char *value, struct error *e)
{
	void *member = p->target + row->offset;
	autofree char *what = NULL;

	switch (row->type) {
	case OPTION_FLAG:
		return set_flag(row, value, member, e);
	case OPTION_TEXT:
		*(const char **)member = value;
		return 0;
	case OPTION_LIST:
		strv_add(member, value);
		return 0;
	case OPTION_U64:
		what = xasprintf("'--%s'", row->name);
		return parse_u64(value, 0, UINT64_MAX, what, member, e);
	case OPTION_CHOICE:
		return set_choice(row, value, member, e);
	case OPTION_FN:
		return row->fn(p->target, value, e);
	case OPTION_REFUSED:
		error_set(e, ERR_USAGE, "option '--%s' is not supported", row->name);
		return row->refused ? error_hint(e, "%s", row->refused) : -1;
	}
	return 0;
}

/* @value is what stands behind "=" or the letter, or NULL; then the next word is the value. */
static int
apply(struct parser *p, const struct option_def *row, const char *value, struct error *e)
{
	if (!takes_value(row) && value && row->type == OPTION_FN) {
		error_set(e, ERR_USAGE, "option '--%s' takes no value", row->name);
		return usage_error(p, e);
	}
	if (row->bare && !value)
		value = row->bare;
	if (takes_value(row) && !value) {
		if (p->next >= p->argc) {
			error_set(e, ERR_USAGE, "option '--%s' needs a value", row->name);
			return usage_error(p, e);
		}
		value = p->argv[p->next++];
	}
	if (set_option(p, row, value, e) < 0)
		return bad_value(p, e);
	return 0;
}

static int
parse_long(struct parser *p, const char *word, struct error *e)
{
	const struct option_def *rows = rows_of(p->command);
	size_t length = strcspn(word, "=");
	const struct option_def *row = follow_alias(rows, find_long(rows, word, length));

	if (!row && strcmp(word, "help") == 0) {
		p->help = true;
		return 0;
	}
	if (!row)
		return unknown_option(p, word, e);
	return apply(p, row, word[length] == '=' ? word + length + 1 : NULL, e);
}

/* "-it", "-fFILE", "-f=FILE". */
static int
parse_short(struct parser *p, const char *letters, struct error *e)
{
	const struct option_def *rows = rows_of(p->command);

	for (; *letters != '\0'; letters++) {
		const struct option_def *row = follow_alias(rows, find_short(rows, *letters));
		const char *value = NULL;

		if (!row && *letters == 'h') {
			p->help = true;
			return 0;
		}
		if (!row) {
			error_set(e, ERR_USAGE, "unknown option '-%c'", *letters);
			return usage_error(p, e);
		}
		if (!takes_value(row)) {
			if (apply(p, row, NULL, e) < 0)
				return -1;
			continue;
		}
		if (letters[1] != '\0')
			value = letters[1] == '=' ? letters + 2 : letters + 1;
		return apply(p, row, value, e);
	}
	return 0;
}

static int
parse_word(struct parser *p, const char *word, struct error *e)
{
	if (p->words_only || word[0] != '-' || word[1] == '\0') {
		if (p->command->options_first)
			p->words_only = true;
		if (!p->words) {
			error_set(e, ERR_USAGE, "unexpected argument '%s'", word);
			return usage_error(p, e);
		}
		strv_add(p->words, word);
		return 0;
	}
	if (strcmp(word, "--") == 0) {
		p->words_only = true;
		return 0;
	}
	return word[1] == '-' ? parse_long(p, word + 2, e) : parse_short(p, word + 1, e);
}

int
options_parse(const struct command *command, int argc, char **argv, void *target,
    struct strv *words, struct error *e)
{
	struct parser p = { .command = command,
		.argc = argc,
		.argv = argv,
		.next = 1,
		.target = target,
		.words = words };

	while (p.next < argc && !p.help) {
		if (parse_word(&p, argv[p.next++], e) < 0)
			return -1;
	}
	if (p.help) {
		auto(buf) struct buf text = { 0 };

		options_help(command_program(), command, &text);
		fputs(buf_text(&text), stdout);
		return 1;
	}
	return 0;
}
