/* SPDX-License-Identifier: Apache-2.0 */
/*
 * progress - what a build is doing, told as events and shown on a terminal, as plain lines, or not at all.
 *
 * The scheduler declares the stages, then reports what becomes of each step. Everything is shown on the
 * error stream; only the quiet mode writes to the output stream, and there only the image ID. Text comes
 * from Dockerfiles and commands, so all of it is made safe for a terminal before it is shown; what is
 * recorded of a step's log is the bytes as they came.
 *
 * Stages and steps are numbered from 0 in the calls and shown from 1.
 */
#ifndef CROZE_BUILDER_PROGRESS_PROGRESS_H
#define CROZE_BUILDER_PROGRESS_PROGRESS_H

#include "runtime/base/error.h"
#include "runtime/base/loop.h"
#include "runtime/base/strv.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum progress_mode {
	PROGRESS_AUTO, /* terminal display when the error stream is one and CI is not set, else plain */
	PROGRESS_TTY,
	PROGRESS_PLAIN,
	PROGRESS_QUIET, /* nothing but the image ID, or the failure */
};

enum progress_state {
	PROGRESS_WAITING, /* not begun; @detail says what for ("builder 5/5") */
	PROGRESS_RUNNING,
	PROGRESS_CACHED,
	PROGRESS_DONE,
	PROGRESS_FAILED,
	PROGRESS_STOPPED, /* ended because another one failed, or by a signal */
};

struct progress_options {
	enum progress_mode mode;
	int out;               /* for the image ID: 1 */
	int err;               /* for everything else: 2 */
	const char *title;     /* "app:1.4.2"; copied; NULL: "image" */
	const char *platform;  /* "linux/amd64"; copied */
	double (*clock)(void); /* seconds that only go forward; NULL: the system's */
};

/** What a report about a step says besides its state; members that are 0 or NULL are unchanged. */
struct progress_step {
	enum progress_state state;
	const char *text; /* the instruction in one line: "RUN go build -o /server ./cmd/server" */
	const char *file; /* of the Dockerfile as the user named it */
	unsigned line;    /* from 1 */
	const char *
	    detail; /* CACHED: nothing more is needed; RUNNING: why it was not cached ("input builder:/server changed"); WAITING: for what */
	const char *reached;  /* DONE, FAILED: what it reached, or did not, over the network */
	double cpu_seconds;   /* DONE, FAILED: of the command */
	uint64_t peak_memory; /* bytes */
	uint64_t files;       /* written by the step */
	uint64_t bytes;
};

/** What stands at the end of a build that went well; members that are 0 or NULL are left out. */
struct progress_summary {
	const char *name;      /* first tag */
	const char *digest;    /* "sha256:..." of the manifest */
	const char *image_id;  /* "sha256:..." of the config: the quiet mode's line */
	const char *platforms; /* of several images: "linux/amd64,linux/arm64" */
	uint64_t size;         /* uncompressed */
	uint64_t compressed_size;
	size_t n_layers;
	uint64_t left_behind; /* bytes in the stages that do not enter the image */
	size_t n_left_stages;
	const struct strv *outputs; /* one line an output, made by the scheduler: "./app.tar" */
	const struct strv *next;    /* commands to try; NULL: croze run, croze history */
};

/** What stands at the end of a build in which a step failed. */
struct progress_failure {
	size_t stage, step;
	const char *file;   /* as the user named the Dockerfile */
	const char *source; /* its whole text */
	size_t source_length;
	unsigned first_line; /* of the instruction, from 1 */
	unsigned last_line;
	const char *what;   /* "exit status 1", "killed by SIGKILL"; or the error's text */
	int exit_status;    /* of the command, 128+n for a signal n; 0 when no command ran */
	const char *user;   /* the step's USER, "" or NULL: root */
	bool only_loopback; /* the step had no network although it asked for the default one */
	const struct strv *hints; /* further causes that the step itself found */
};

struct progress;

/** Never fails. The mode is decided here, from the error stream and the environment (NO_COLOR, CLICOLOR_FORCE, TERM, CI, GITHUB_ACTIONS). */
struct progress *progress_new(const struct progress_options *options);
/** Restores the terminal when progress_finish() or progress_fail() was not called. NULL is fine. */
void progress_free(struct progress *p);
/** The mode that is used; never PROGRESS_AUTO. */
enum progress_mode progress_get_mode(const struct progress *p);

/** Redraws every 100 ms and when the window changes, until progress_detach(). Without it the caller calls progress_tick() itself. */
int progress_attach(struct progress *p, struct loop *loop, struct error *e);
void progress_detach(struct progress *p);
/** Draws now, if something is to be drawn. */
void progress_tick(struct progress *p);

/** The isolation that was chosen ("userns+overlay"), for the first line. Optional. */
void progress_tier(struct progress *p, const char *tier);
/**
 * Where the logs of the steps are kept: files such as "02-builder-04.log" are made in directory @dir (stays the caller's) when a
 * step first says something; @path is how the user can name that directory. NULL @path: the failure text names no file.
 */
void progress_record(struct progress *p, int dir, const char *path);

/** Declares the next stage; returns its number. @name as the user knows it, or "1" for one without a name. */
size_t progress_stage(struct progress *p, const char *name, size_t n_steps);
void progress_step(
    struct progress *p, size_t stage, size_t step, const struct progress_step *report);
/** Output of a step's command, in any pieces. */
void progress_log(struct progress *p, size_t stage, size_t step, const void *bytes, size_t length);
/** Bytes that came over the network or from an archive, for the last line. */
void progress_received(struct progress *p, uint64_t bytes);
/** One line above the display ("writing layer 3 of 3"), or below it once that has ended. Plain: "note: ...". */
void progress_note(struct progress *p, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/** As progress_note(); also counted, and repeated nowhere. Plain: "warning: ...". */
void progress_warn(struct progress *p, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/** Ends the display and prints the summary. */
void progress_finish(struct progress *p, const struct progress_summary *summary);
/** Ends the display and prints the failure. */
void progress_fail(struct progress *p, const struct progress_failure *failure);
/** Ends the display with nothing more (interrupted, or an error that is no step's: the caller prints it). */
void progress_stop(struct progress *p);

/** How often a step was cached or run so far, for the record and the metadata file. */
void progress_counts(const struct progress *p, size_t *n_cached, size_t *n_run);

#endif
