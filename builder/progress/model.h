/* SPDX-License-Identifier: Apache-2.0 */
/*
 * model - what is known of a build in progress; private to builder/progress.
 */
#ifndef CROZE_BUILDER_PROGRESS_MODEL_H
#define CROZE_BUILDER_PROGRESS_MODEL_H

#include "builder/progress/progress.h"
#include "builder/progress/terminal.h"
#include "runtime/base/buf.h"
#include "runtime/base/strv.h"

#define LOG_LINES_KEPT 2000 /* of a step, for the failure text */
#define LOG_LINE_MAX 4096   /* bytes of one line that are shown; the record has all of them */

struct step {
	enum progress_state state;
	char *text;   /* safe */
	char *file;   /* safe */
	char *detail; /* safe */
	unsigned line;
	double started;
	double ended;
	double cpu_seconds;
	uint64_t peak_memory;
	uint64_t files;
	uint64_t bytes;
	struct buf partial; /* of the line that has no end yet, as it came */
	struct strv lines;  /* the last ones, safe: a ring of LOG_LINES_KEPT from @first on */
	size_t first;
	size_t n_lines;   /* all there were */
	uint64_t n_shown; /* bytes of them that the plain display has shown */
	bool cut;         /* and it shows no more */
	int record;       /* -1: not open */
};

struct stage {
	char *name; /* safe */
	struct step *steps;
	size_t n_steps;
};

struct progress;

/** One way to show it. Any member may be NULL. */
struct display {
	void (*step)(
	    struct progress *p, size_t stage, size_t step, const struct progress_step *report);
	void (*line)(struct progress *p, const struct stage *stage, size_t step, double at,
	    const char *text);
	void (*note)(struct progress *p, enum colour colour, const char *label, const char *text);
	void (*tick)(struct progress *p);
	void (*end)(struct progress *p);
};

struct progress {
	enum progress_mode mode;
	const struct display *display;
	struct terminal terminal;
	int out;
	char *title;
	char *platform;
	char *tier;
	double (*clock)(void);
	double started;
	bool github;
	bool ended;
	bool header_shown;
	struct stage *stages;
	size_t n_stages;
	size_t stages_room;
	unsigned name_columns; /* of the longest stage name */
	uint64_t received;
	size_t n_cached;
	size_t n_run;
	int record_dir;
	char *record_path;
	struct loop_source *timer;
	struct loop_source *window;
	/* what the terminal display has drawn: the columns of each row */
	unsigned *drawn;
	size_t n_drawn;
	size_t drawn_room;
};

extern const struct display display_plain;
extern const struct display display_tty;

double progress_elapsed(const struct progress *p, const struct step *step);
void progress_write(const struct progress *p, const struct buf *b);
/** The kept log line number @index, the oldest first; the one without an end is the last. */
const char *step_log_line(const struct step *step, size_t index);
size_t step_log_kept(const struct step *step);
/** "0.4 s", "14.2 s", "2m 03 s": tenths, because more would flicker. */
void progress_add_seconds(struct buf *b, double seconds);
/** "building app:1 for linux/amd64". */
void progress_add_title(const struct progress *p, struct buf *b);

#endif
