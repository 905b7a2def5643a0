/* SPDX-License-Identifier: Apache-2.0 */
/*
 * diagnostics - everything that is wrong with a Dockerfile, gathered before anything runs.
 *
 * Written in the form that editors and compilers share, sorted by place:
 *
 *	Dockerfile:8:1: error: unknown instruction WORKDR, did you mean WORKDIR?
 *	Dockerfile:14:13: error: COPY --from=bulder: no stage or image of that name
 *	Dockerfile:14: note: 'builder' is defined at line 4
 *	2 errors, nothing was run.
 */
#ifndef CROZE_DOCKERFILE_DIAGNOSTICS_H
#define CROZE_DOCKERFILE_DIAGNOSTICS_H

#include "runtime/base/buf.h"
#include "runtime/base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum severity {
	SEVERITY_ERROR,
	SEVERITY_WARNING,
	SEVERITY_NOTE, /* explains the one before it, or stands alone */
};

/** A place in the file; both count from 1, columns in bytes. 0: not known. */
struct location {
	uint32_t line;
	uint32_t column;
};

struct diagnostic {
	enum severity severity;
	struct location at;
	struct location group; /* where it is sorted to: a note stands behind what it explains */
	size_t order;          /* of that error or warning, then its own */
	size_t suborder;
	char *text;       /* safe to show */
	const char *rule; /* name of the lint rule, static text; NULL for none */
};

struct diagnostics {
	char *file; /* as shown; safe */
	struct diagnostic *items;
	size_t count;
	size_t room;
	size_t n_errors; /* of all, also those beyond DIAGNOSTICS_MAX */
	size_t n_warnings;
};

/** More than this many are counted and no longer kept. */
#define DIAGNOSTICS_MAX 1000

/** @file is how the Dockerfile is named to the user. */
void diagnostics_init(struct diagnostics *d, const char *file);
void diagnostics_release(struct diagnostics *d);
/** Adds one. The text may quote the file: it is made safe for terminals here. Always returns -1. */
int diagnostics_add(struct diagnostics *d, enum severity severity, struct location at,
    const char *format, ...) __attribute__((format(printf, 4, 5)));
/** Adds a warning of a lint rule ("NoEmptyContinuation"). */
void diagnostics_lint(struct diagnostics *d, const char *rule, struct location at,
    const char *format, ...) __attribute__((format(printf, 4, 5)));
/** Adds a note that stays behind the error or warning added last, wherever that is sorted to. */
void diagnostics_note(struct diagnostics *d, struct location at, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/** Adds an error from @e; its hint becomes a note. Always returns -1. */
int diagnostics_error(struct diagnostics *d, struct location at, const struct error *e);
/** Removes those from index @first on that say again, at the same place, what one before them said. */
void diagnostics_drop_repeated(struct diagnostics *d, size_t first);
/** Sorts by line and column, first come first. */
void diagnostics_sort(struct diagnostics *d);
/**
 * Sorts, and appends all lines; with errors, the last line counts them: "2 errors, nothing was
 * run."
 */
void diagnostics_write(struct diagnostics *d, struct buf *b);
/** Appends the line of one. */
void diagnostics_write_one(
    const struct diagnostics *d, const struct diagnostic *item, struct buf *b);
/**
 * Returns 0 when there is no error, else -1 with @e ERR_INPUT: the first error and how many more
 * there are.
 */
int diagnostics_check(struct diagnostics *d, struct error *e);

#endif
