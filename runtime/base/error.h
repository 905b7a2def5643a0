/* SPDX-License-Identifier: Apache-2.0 */
/*
 * error - what went wrong, as a plain value.
 *
 * A struct error has no pointers and is smaller than PIPE_BUF, so a child sends it to its parent in
 * one write(). Each layer puts in front what it alone knows (error_ctx); only cli/ prints and exits.
 */
#ifndef CROZE_BASE_ERROR_H
#define CROZE_BASE_ERROR_H

/** What kind of failure: it decides the exit status and whether trying again makes sense. */
enum error_kind {
	ERR_NONE,
	ERR_SYSTEM,      /* a system call failed; @sys says how */
	ERR_INPUT,       /* a file, archive, image or Dockerfile is not as it must be */
	ERR_USAGE,       /* wrong flag or argument */
	ERR_NOT_FOUND,   /* a name, digest or path is not there */
	ERR_STEP,        /* a command of a build step failed */
	ERR_HOST,        /* this host or pod cannot do it */
	ERR_NETWORK,     /* registry, network, authentication */
	ERR_POLICY,      /* a budget, policy or verification said no */
	ERR_TEMPORARY,   /* lock held, disk full: trying again makes sense */
	ERR_INTERRUPTED, /* SIGINT or SIGTERM; @sys holds the signal's number */
};

#define ERROR_TEXT_MAX 2560
#define ERROR_HINT_MAX 1024

struct error {
	enum error_kind kind;
	int sys;                   /* errno, or 0; a signal's number for ERR_INTERRUPTED */
	char text[ERROR_TEXT_MAX]; /* lower case, no full stop; cut with "..." when too long */
	char hint[ERROR_HINT_MAX]; /* command or setting that mends it; "" when none */
};

#define ERROR_INIT               \
	{                        \
		.kind = ERR_NONE \
	}

/** Sets @e. Always returns -1, so that `return error_set(...)` reads well. Clears the hint. */
int error_set(struct error *e, enum error_kind kind, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/** As error_set() from errno: appends ": " and strerror(errno). ENOSPC and EDQUOT become ERR_TEMPORARY. */
int error_sys(struct error *e, const char *format, ...) __attribute__((format(printf, 2, 3)));

/** Puts "text: " in front of what @e says. Always returns -1. */
int error_ctx(struct error *e, const char *format, ...) __attribute__((format(printf, 2, 3)));

/** Sets the hint, unless there is one already. Always returns -1. */
int error_hint(struct error *e, const char *format, ...) __attribute__((format(printf, 2, 3)));

/** The process's exit status for @e (manual croze(1), EXIT STATUS). */
int error_exit_status(const struct error *e);

/** Forgets what @e says. */
void error_clear(struct error *e);

#endif
