/* SPDX-License-Identifier: Apache-2.0 */
/*
 * terminal - what the stream that a display writes to can do: colours, UTF-8, size, and the width of text on it.
 */
#ifndef CROZE_BUILDER_PROGRESS_TERMINAL_H
#define CROZE_BUILDER_PROGRESS_TERMINAL_H

#include "runtime/base/buf.h"

#include <stdbool.h>
#include <stddef.h>

enum colour {
	COLOUR_PLAIN,
	COLOUR_BOLD,
	COLOUR_DIM,
	COLOUR_RED,
	COLOUR_GREEN,
	COLOUR_YELLOW,
	COLOUR_BLUE,
};

struct terminal {
	int fd;
	bool is_tty;
	bool colour;
	bool utf8;
	unsigned columns;
	unsigned rows;
};

/** NO_COLOR beats CLICOLOR_FORCE, which beats "is a terminal and TERM is not dumb". */
void terminal_init(struct terminal *t, int fd);
/** Reads the size again: the window's, else COLUMNS and LINES, else 80 by 24. */
void terminal_measure(struct terminal *t);
/** May the cursor be moved? */
bool terminal_can_redraw(const struct terminal *t);
/** The separator between facts on one line: a middle dot, or a comma. */
const char *terminal_dot(const struct terminal *t);
/** Adds @text in @colour, nothing else when colours are off. */
void terminal_add(const struct terminal *t, struct buf *b, enum colour colour, const char *text);

/** Columns that safe UTF-8 text takes. */
unsigned text_columns(const char *text, size_t length);
/** Adds as much of @text as fits in @columns; ends in an ellipsis when it was cut. Returns the columns taken. */
unsigned text_add_clipped(
    struct buf *b, const char *text, unsigned columns, const struct terminal *t);
/** Removes escape sequences, keeps what follows the last carriage return, expands tabs, and makes the rest safe. */
void text_add_log_line(struct buf *b, const char *line, size_t length);

#endif
