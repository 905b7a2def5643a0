/* SPDX-License-Identifier: Apache-2.0 */
/*
 * end - what stands on the screen when a build is over: the summary, or the failure with its place in the Dockerfile.
 */
#include "builder/progress/causes.h"
#include "builder/progress/model.h"
#include "runtime/base/fd.h"
#include "runtime/base/mem.h"
#include "runtime/base/text.h"

#define LINES_BEFORE 2
#define LINES_AFTER 1
#define INSTRUCTION_LINES 24 /* of a long instruction that are shown */
#define PLAIN_TAIL 20        /* lines repeated where the whole log stands above already */

/* ---- a build that went well ---- */

static void
add_quoted_step(struct buf *b, const struct stage *stage, size_t step, const struct terminal *t)
{
	buf_printf(b, "%s %zu/%zu ", stage->name, step + 1, stage->n_steps);
	if (stage->steps[step].text != NULL)
		text_add_clipped(b, stage->steps[step].text, 40, t);
}

static void
add_slowest(const struct progress *p, struct buf *b)
{
	const struct stage *stage = NULL;
	size_t step = 0;
	double longest = 0;

	for (size_t i = 0; i < p->n_stages; i++) {
		for (size_t k = 0; k < p->stages[i].n_steps; k++) {
			const struct step *s = &p->stages[i].steps[k];

			if (s->state != PROGRESS_DONE || progress_elapsed(p, s) <= longest)
				continue;
			longest = progress_elapsed(p, s);
			stage = &p->stages[i];
			step = k;
		}
	}
	if (stage == NULL)
		return;
	buf_add_text(b, "; slowest: ");
	add_quoted_step(b, stage, step, &p->terminal);
	buf_add_char(b, ' ');
	progress_add_seconds(b, longest);
}

static void
add_image_line(const struct progress *p, struct buf *b, const struct progress_summary *s)
{
	terminal_add(&p->terminal, b, COLOUR_BOLD, p->title);
	if (s->digest != NULL)
		buf_printf(b, "  %s", s->digest);
	if (s->size != 0) {
		buf_add_text(b, "  ");
		text_add_size(b, s->size);
	}
	if (s->compressed_size != 0) {
		buf_add_text(b, " (");
		text_add_size(b, s->compressed_size);
		buf_add_text(b, " compressed)");
	}
	if (s->platforms != NULL)
		buf_printf(b, "  for %s", s->platforms);
	if (s->n_layers != 0)
		buf_printf(b, ", %zu layer%s", s->n_layers, s->n_layers == 1 ? "" : "s");
	buf_add_char(b, '\n');
}

static void
add_left_behind(struct buf *b, const struct progress_summary *s)
{
	uint64_t all = s->left_behind + s->size;

	if (s->left_behind == 0 || s->n_left_stages == 0)
		return;
	buf_add_text(b, " left behind ");
	text_add_size(b, s->left_behind);
	buf_printf(b, " in %zu stage%s (%u %% smaller than a single-stage build)\n",
	    s->n_left_stages, s->n_left_stages == 1 ? "" : "s",
	    (unsigned)((double)s->left_behind * 100.0 / (double)all));
}

static void
add_next(const struct progress *p, struct buf *b, const struct progress_summary *s)
{
	const char *dot = terminal_dot(&p->terminal);

	if (s->next == NULL && s->name != NULL)
		buf_printf(
		    b, " next: croze run --rm %s%scroze history %s\n", p->title, dot, p->title);
	if (s->next == NULL || s->next->count == 0)
		return;
	buf_add_text(b, " next: ");
	for (size_t i = 0; i < s->next->count; i++)
		buf_printf(b, "%s%s", i > 0 ? dot : "", s->next->items[i]);
	buf_add_char(b, '\n');
}

static void
add_summary(const struct progress *p, struct buf *b, const struct progress_summary *s)
{
	buf_add_char(b, ' ');
	add_image_line(p, b, s);
	buf_add_text(b, " built in ");
	progress_add_seconds(b, p->clock() - p->started);
	buf_printf(b, ": %zu cached, %zu run", p->n_cached, p->n_run);
	add_slowest(p, b);
	buf_add_char(b, '\n');
	add_left_behind(b, s);
	for (size_t i = 0; s->outputs != NULL && i < s->outputs->count; i++) {
		autofree char *safe = text_safe(s->outputs->items[i]);

		buf_printf(b, " written to %s\n", safe);
	}
	add_next(p, b, s);
}

void
progress_finish(struct progress *p, const struct progress_summary *summary)
{
	struct error ignored = ERROR_INIT;
	auto(buf) struct buf b = { 0 };

	progress_stop(p);
	if (p->mode != PROGRESS_QUIET) {
		add_summary(p, &b, summary);
		progress_write(p, &b);
		return;
	}
	if (summary->image_id == NULL)
		return;
	buf_printf(&b, "%s\n", summary->image_id);
	(void)fd_write_all(p->out, buf_text(&b), b.len, &ignored);
}

/* ---- a step that failed ---- */

static const char *
next_line(const char *at, const char *end, size_t *length)
{
	const char *newline = memchr(at, '\n', (size_t)(end - at));

	*length = (size_t)((newline != NULL ? newline : end) - at);
	if (*length > 0 && at[*length - 1] == '\r')
		(*length)--;
	return newline != NULL ? newline + 1 : NULL;
}

static void
add_source_line(const struct progress *p, struct buf *b, unsigned number, const char *text,
    size_t length, const struct progress_failure *f)
{
	bool marked = number >= f->first_line && number <= f->last_line;
	auto(buf) struct buf line = { 0 };

	buf_printf(&line, "%4u %c ", number, marked ? '>' : '|');
	text_add_log_line(&line, text, length);
	terminal_add(&p->terminal, b, marked ? COLOUR_BOLD : COLOUR_PLAIN, buf_text(&line));
	buf_add_char(b, '\n');
}

static void
add_source(const struct progress *p, struct buf *b, const struct progress_failure *f)
{
	const char *at = f->source;
	const char *end = f->source + f->source_length;
	unsigned first = f->first_line > LINES_BEFORE ? f->first_line - LINES_BEFORE : 1;
	size_t length = 0;

	if (f->source == NULL || f->first_line == 0)
		return;
	for (unsigned number = 1; at != NULL && at < end; number++) {
		const char *text = at;

		at = next_line(at, end, &length);
		if (number > f->last_line + LINES_AFTER)
			break;
		if (number >= first && number < f->first_line + INSTRUCTION_LINES)
			add_source_line(p, b, number, text, length, f);
		else if (number == f->first_line + INSTRUCTION_LINES)
			buf_add_text(b, "     | ...\n");
	}
	buf_add_char(b, '\n');
}

/* A runner of GitHub's takes lines that begin with "::" as commands to itself; what a step printed must not become one. */
static const char *
log_indent(const struct progress *p)
{
	return p->github ? "   | " : "   ";
}

static void
add_log(const struct progress *p, struct buf *b, const struct step *step)
{
	size_t kept = step_log_kept(step);
	size_t n = p->mode == PROGRESS_PLAIN && kept > PLAIN_TAIL ? PLAIN_TAIL : kept;
	bool whole = n == step->n_lines;

	if (step->n_lines == 0) {
		buf_add_text(b, "the step printed nothing\n\n");
		return;
	}
	if (whole)
		buf_printf(b, "what it printed (%zu line%s):\n", n, n == 1 ? "" : "s");
	else if (p->record_path != NULL)
		buf_printf(b, "last lines (%zu in all: %s):\n", step->n_lines, p->record_path);
	else
		buf_printf(b, "last lines (%zu in all):\n", step->n_lines);
	for (size_t i = kept - n; i < kept; i++)
		buf_printf(b, "%s%s\n", log_indent(p), step_log_line(step, i));
	buf_add_char(b, '\n');
}

static void
add_others(const struct progress *p, struct buf *b, const struct progress_failure *f)
{
	size_t n_stopped = 0;
	size_t n_kept = 0;

	for (size_t i = 0; i < p->n_stages; i++) {
		bool stopped = false;

		for (size_t k = 0; k < p->stages[i].n_steps; k++) {
			stopped = stopped || p->stages[i].steps[k].state == PROGRESS_STOPPED;
			n_kept += p->stages[i].steps[k].state == PROGRESS_DONE;
		}
		n_stopped += stopped && i != f->stage;
	}
	if (n_stopped > 0)
		buf_printf(
		    b, "%zu other stage%s stopped.", n_stopped, n_stopped == 1 ? " was" : "s were");
	if (n_stopped > 0 && n_kept > 0)
		buf_add_char(b, ' ');
	if (n_kept > 0)
		buf_printf(b, "%zu step%s that ran before %s kept in the cache.", n_kept,
		    n_kept == 1 ? "" : "s", n_kept == 1 ? "is" : "are");
	if (n_stopped > 0 || n_kept > 0)
		buf_add_char(b, '\n');
}

static void
add_hints(const struct progress *p, struct buf *b, const struct progress_failure *f,
    const struct step *step)
{
	autofree char *source = xstrndup(f->source != NULL ? f->source : "", f->source_length);
	auto(strv) struct strv hints = { 0 };
	struct causes_input input = {
		.text = step->text,
		.source = source,
		.what = f->what,
		.exit_status = f->exit_status,
		.user = f->user,
		.only_loopback = f->only_loopback,
		.log = &step->lines,
	};

	if (f->hints != NULL)
		strv_append(&hints, f->hints);
	causes_find(&input, &hints);
	for (size_t i = 0; i < hints.count; i++) {
		autofree char *safe = text_safe(hints.items[i]);

		terminal_add(&p->terminal, b, COLOUR_YELLOW, "hint: ");
		buf_printf(b, "%s\n", safe);
	}
}

/* Workflow commands of GitHub: in messages "%", CR and LF are escaped, in properties ":" and "," as well. */
static void
add_annotation_text(struct buf *b, const char *text, const char *escaped)
{
	for (; *text != '\0'; text++) {
		if (strchr(escaped, *text) != NULL)
			buf_printf(b, "%%%02X", (unsigned char)*text);
		else
			buf_add_char(b, *text);
	}
}

static void
add_annotation(
    const struct progress *p, struct buf *b, const struct progress_failure *f, const char *headline)
{
	autofree char *file = text_safe(f->file != NULL ? f->file : "Dockerfile");

	if (!p->github)
		return;
	buf_add_text(b, "::error file=");
	add_annotation_text(b, file, "%\r\n:,");
	buf_printf(b, ",line=%u::", f->first_line);
	add_annotation_text(b, headline, "%\r\n");
	buf_add_char(b, '\n');
}

static void
add_failure(struct progress *p, struct buf *b, const struct progress_failure *f)
{
	const struct stage *stage = &p->stages[f->stage];
	const struct step *step = &stage->steps[f->step];
	autofree char *file = text_safe(f->file != NULL ? f->file : "Dockerfile");
	autofree char *what = text_safe(f->what != NULL ? f->what : "error");
	auto(buf) struct buf headline = { 0 };

	buf_printf(
	    &headline, "%s %zu/%zu failed: %s", stage->name, f->step + 1, stage->n_steps, what);
	/* where no command ran, the text is about something else than time */
	if (f->exit_status != 0 && step->ended > step->started) {
		buf_add_text(&headline, " after ");
		progress_add_seconds(&headline, progress_elapsed(p, step));
	}
	add_annotation(p, b, f, buf_text(&headline));
	buf_printf(b, "%s:%u: ", file, f->first_line);
	terminal_add(&p->terminal, b, COLOUR_RED, buf_text(&headline));
	buf_add_text(b, "\n\n");
	add_source(p, b, f);
	if (f->exit_status != 0 || step->n_lines > 0)
		add_log(p, b, step);
	if (step_log_kept(step) > PLAIN_TAIL) /* the first line has left the screen */
		buf_printf(b, "%s:%u: %s\n", file, f->first_line, buf_text(&headline));
	add_others(p, b, f);
	add_hints(p, b, f, step);
	buf_printf(b,
	    "try:  croze build %s       continues at this step; steps before it are cached\n",
	    p->terminal.utf8 ? "…" : "...");
}

void
progress_fail(struct progress *p, const struct progress_failure *failure)
{
	auto(buf) struct buf b = { 0 };
	struct progress_step report = { .state = PROGRESS_FAILED };

	if (failure->stage >= p->n_stages || failure->step >= p->stages[failure->stage].n_steps) {
		progress_stop(p);
		return;
	}
	if (p->stages[failure->stage].steps[failure->step].state != PROGRESS_FAILED)
		progress_step(p, failure->stage, failure->step, &report);
	progress_stop(p);
	add_failure(p, &b, failure);
	progress_write(p, &b);
}
