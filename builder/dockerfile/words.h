/* SPDX-License-Identifier: Apache-2.0 */
/*
 * words - taking the text of an instruction apart: flags, words, name=value pairs, JSON lists.
 *
 * Used by the parser only.
 */
#ifndef CROZE_DOCKERFILE_WORDS_H
#define CROZE_DOCKERFILE_WORDS_H

#include "builder/dockerfile/instruction.h"

/** An instruction while it is read. */
struct reading {
	struct instruction *i;
	struct diagnostics *diagnostics;
	char escape;
};

/** Adds an error at byte @offset of the instruction's text. Returns -1. */
int reading_error(const struct reading *r, uint32_t offset, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void reading_add_word(struct reading *r, char *text, uint32_t offset);

/** Reads the --flags at byte @at; sets i->arguments behind them. */
int words_read_flags(struct reading *r, uint32_t at);
/** Reads what follows the flags as i->def->syntax says. Returns 0 or -1. */
int words_read_arguments(struct reading *r);

#endif
