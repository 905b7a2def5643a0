/* SPDX-License-Identifier: Apache-2.0 */
/*
 * help - the help texts of commands and programs, made from their tables; 80 columns.
 */
#include "runtime/base/help.h"

#include "runtime/base/mem.h"

#define COLUMNS 80
#define INDENT 2
#define GAP 2
#define WIDEST_NAME 28 /* what is wider stands on a line of its own */

/* Columns of UTF-8 text, as far as our own texts need it: one a character. */
static size_t
width(const char *text, size_t length)
{
	size_t columns = 0;

	for (size_t i = 0; i < length; i++)
		columns += ((unsigned char)text[i] & 0xc0) != 0x80;
	return columns;
}

static void
pad(struct buf *b, size_t from, size_t to)
{
	for (; from < to; from++)
		buf_add_char(b, ' ');
}

/* Words of @text, broken at COLUMNS; every line begins at column @start; @at is where we are. */
static void
wrap(struct buf *b, const char *text, size_t at, size_t start)
{
	bool first = true;

	for (text += strspn(text, " "); *text != '\0'; text += strspn(text, " ")) {
		size_t length = strcspn(text, " ");
		size_t columns = width(text, length);

		if (!first && at + 1 + columns > COLUMNS) {
			buf_add_char(b, '\n');
			at = 0;
			first = true;
		}
		if (first)
			pad(b, at, start);
		else
			buf_add_char(b, ' ');
		at = (first ? (at > start ? at : start) : at + 1) + columns;
		buf_add(b, text, length);
		text += length;
		first = false;
	}
	buf_add_char(b, '\n');
}

/* "-f, --file FILE" */
static char *
option_name(const struct option_def *row)
{
	struct buf b = { 0 };

	if (row->short_name)
		buf_printf(&b, "-%c, ", row->short_name);
	else
		buf_add_text(&b, "    ");
	buf_printf(&b, "--%s", row->name);
	if (row->argument && row->bare)
		buf_printf(&b, "[=%s]", row->argument);
	else if (row->argument)
		buf_printf(&b, " %s", row->argument);
	else if (row->type == OPTION_CHOICE)
		buf_printf(&b, " %s", row->choices);
	else if (row->type == OPTION_U64)
		buf_add_text(&b, " N");
	return buf_steal(&b);
}

static bool
is_shown(const struct option_def *row)
{
	return row->help && !row->alias_of && row->type != OPTION_REFUSED;
}

static void
add_entry(struct buf *b, const char *name, const char *help, size_t column)
{
	size_t at = INDENT + width(name, strlen(name));

	pad(b, 0, INDENT);
	buf_add_text(b, name);
	if (at + GAP > column) {
		buf_add_char(b, '\n');
		at = 0;
	}
	wrap(b, help, at, column);
}

/* The column in which explanations begin. */
static size_t
options_column(const struct option_def *rows)
{
	size_t widest = 0;

	for (; rows->name; rows++) {
		autofree char *name = is_shown(rows) ? option_name(rows) : xstrdup("");
		size_t columns = width(name, strlen(name));

		if (columns <= WIDEST_NAME && columns > widest)
			widest = columns;
	}
	return INDENT + widest + GAP;
}

static bool
same_group(const char *a, const char *b)
{
	return strcmp(a ? a : "Options", b ? b : "Options") == 0;
}

/* Has a row before @row the same group? Then it has been written with that one. */
static bool
group_seen(const struct option_def *rows, const struct option_def *row)
{
	for (; rows < row; rows++) {
		if (is_shown(rows) && same_group(rows->group, row->group))
			return true;
	}
	return false;
}

static void
add_options(struct buf *b, const struct option_def *rows)
{
	size_t column = options_column(rows);

	for (const struct option_def *head = rows; head->name; head++) {
		if (!is_shown(head) || group_seen(rows, head))
			continue;
		buf_printf(b, "\n%s:\n", head->group ? head->group : "Options");
		for (const struct option_def *row = head; row->name; row++) {
			autofree char *name = NULL;

			if (!is_shown(row) || !same_group(row->group, head->group))
				continue;
			name = option_name(row);
			add_entry(b, name, row->help, column);
		}
	}
}

static void
add_examples(struct buf *b, const char *examples)
{
	buf_add_text(b, "\nExamples:\n");
	while (*examples != '\0') {
		size_t length = strcspn(examples, "\n");

		buf_printf(b, "  %.*s\n", (int)length, examples);
		examples += length;
		examples += *examples == '\n';
	}
}

void
options_help(const char *program, const struct command *command, struct buf *b)
{
	buf_printf(b, "Usage: %s%s%s", program, *program ? " " : "", command->name);
	if (command->arguments)
		buf_printf(b, " %s", command->arguments);
	buf_add_char(b, '\n');
	if (command->summary) {
		buf_add_char(b, '\n');
		wrap(b, command->summary, 0, 0);
	}
	if (command->aliases)
		buf_printf(b, "\nAlso called: %s\n", command->aliases);
	if (command->options)
		add_options(b, command->options);
	if (command->examples)
		add_examples(b, command->examples);
}

void
help_program(const char *program, const char *summary, const struct command *table, struct buf *b)
{
	size_t widest = 0;

	for (const struct command *c = table; c->name; c++)
		widest = strlen(c->name) > widest ? strlen(c->name) : widest;
	buf_printf(b, "Usage: %s COMMAND [OPTIONS] [ARGUMENTS]\n\n", program);
	wrap(b, summary, 0, 0);
	buf_add_text(b, "\nCommands:\n");
	for (const struct command *c = table; c->name; c++) {
		if (c->summary)
			add_entry(b, c->name, c->summary, INDENT + widest + GAP);
	}
	buf_printf(b, "\n'%s help COMMAND' tells more of a command; '%s --version' the version.\n",
	    program, program);
}
