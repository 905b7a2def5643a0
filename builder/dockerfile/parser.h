/* SPDX-License-Identifier: Apache-2.0 */
/*
 * parser - a Dockerfile's text as stages of instructions.
 *
 * Nothing is expanded, looked up or fetched here: what comes out depends on the text alone. All
 * errors of the file are gathered, none ends the reading.
 */
#ifndef CROZE_DOCKERFILE_PARSER_H
#define CROZE_DOCKERFILE_PARSER_H

#include "builder/dockerfile/diagnostics.h"
#include "builder/dockerfile/instruction.h"

#include <stddef.h>

/** Larger files and longer lists of instructions are refused. */
#define DOCKERFILE_MAX_BYTES (16U << 20)
#define DOCKERFILE_MAX_INSTRUCTIONS 100000
#define DOCKERFILE_MAX_STAGES 10000
/** Longest physical line, as the reference frontend has it. */
#define DOCKERFILE_MAX_LINE 65535

/** FROM and what follows it, up to the next FROM. */
struct stage {
	size_t from;  /* index of the FROM instruction */
	size_t first; /* of the first instruction behind it */
	size_t count;
	char *name; /* lower case; NULL without AS */
};

struct dockerfile {
	char *text; /* as it was read */
	size_t length;
	size_t *lines; /* offset of each line */
	size_t n_lines;
	char escape;  /* '\\' or '`' */
	char *syntax; /* # syntax=, NULL when not given */
	struct location syntax_at;
	bool is_object; /* a JSON object with "syntax", and no Dockerfile */
	char *check;    /* # check=, NULL when not given */
	struct location check_at;
	struct instruction *instructions;
	size_t count;
	size_t room;
	size_t n_global; /* how many stand before the first FROM (ARG) */
	struct stage *stages;
	size_t n_stages;
	size_t stages_room;
};

/**
 * Parses @length bytes of @text. Errors, warnings and notes go to @diagnostics.
 * Returns 0, or -1 when there was an error; @f is then still what could be read, and to be
 * released.
 */
int dockerfile_parse(
    struct dockerfile *f, const char *text, size_t length, struct diagnostics *diagnostics);
void dockerfile_release(struct dockerfile *f);

/**
 * Line @number (from 1) without its end; NULL when there is none. Not NUL-terminated: *@length
 * bytes.
 */
const char *dockerfile_line(const struct dockerfile *f, size_t number, size_t *length);

/**
 * Parses one instruction that is not in the file: an ONBUILD trigger of a base image. @at is the
 * place that messages name (the FROM); its text is spoken of as "ONBUILD trigger". Returns 0 or -1.
 */
int dockerfile_parse_trigger(
    struct instruction *i, const char *text, struct location at, struct diagnostics *diagnostics);

#endif
