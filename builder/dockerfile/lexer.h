/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lexer - a Dockerfile's lines: directives, comments, continuations, heredoc bodies.
 */
#ifndef CROZE_DOCKERFILE_LEXER_H
#define CROZE_DOCKERFILE_LEXER_H

#include "builder/dockerfile/parser.h"

struct lexer {
	struct dockerfile *file; /* text and lines are there already */
	struct diagnostics *diagnostics;
	size_t next; /* line that is read next, from 0 */
};

/** An instruction's lines as one. */
struct logical_line {
	char *text;
	struct segment *segments;
	size_t n_segments;
	size_t room;
	uint32_t line;
	uint32_t end_line;
	char *comment;
};

void logical_line_release(struct logical_line *l);

/** Finds the lines and reads the directives at the top (syntax, escape, check) into @file. */
void lexer_init(struct lexer *x, struct dockerfile *file, struct diagnostics *diagnostics);
/** The next instruction's text. Returns whether there is one; @l is to be released. */
bool lexer_next(struct lexer *x, struct logical_line *l);
/** Reads the bodies of @i's heredocs from the lines that follow. Returns the last line, from 1. */
uint32_t lexer_read_heredocs(struct lexer *x, struct instruction *i);

#endif
