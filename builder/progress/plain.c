/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plain - one record a line, each with the stage and step in front, so that a log can be searched.
 */
#include "builder/progress/model.h"
#include "runtime/base/mem.h"
#include "runtime/base/text.h"

#include <stdlib.h>
#include <string.h>

static void
add_prefix(const struct progress *p, struct buf *b, const struct stage *stage, size_t step)
{
	unsigned columns = text_columns(stage->name, strlen(stage->name));
	auto(buf) struct buf prefix = { 0 };

	buf_printf(&prefix, "%s%*s %zu/%zu", stage->name, (int)(p->name_columns - columns), "",
	    step + 1, stage->n_steps);
	terminal_add(&p->terminal, b, COLOUR_BLUE, buf_text(&prefix));
	buf_add_text(b, " | ");
}

static void
show_header(struct progress *p, struct buf *b)
{
	if (p->header_shown)
		return;
	p->header_shown = true;
	progress_add_title(p, b);
	if (p->tier != NULL)
		buf_printf(b, "  tier: %s", p->tier);
	buf_add_char(b, '\n');
}

static void
add_location(struct buf *b, const struct step *step)
{
	if (step->file != NULL && step->line != 0)
		buf_printf(b, "        %s:%u", step->file, step->line);
}

static void
add_result(struct buf *b, const struct progress *p, const struct step *step)
{
	progress_add_seconds(b, progress_elapsed(p, step));
	if (step->cpu_seconds > 0) {
		buf_add_text(b, "  cpu ");
		progress_add_seconds(b, step->cpu_seconds);
	}
	if (step->peak_memory != 0) {
		buf_add_text(b, "  peak ");
		text_add_size(b, step->peak_memory);
	}
	if (step->files != 0) {
		buf_printf(
		    b, "  wrote %ju file%s, ", (uintmax_t)step->files, step->files == 1 ? "" : "s");
		text_add_size(b, step->bytes);
	}
}

static void
show_running(const struct progress *p, struct buf *b, const struct stage *stage, size_t number)
{
	const struct step *step = &stage->steps[number];

	add_prefix(p, b, stage, number);
	buf_add_text(b, step->text != NULL ? step->text : "");
	add_location(b, step);
	buf_add_char(b, '\n');
	if (step->detail == NULL)
		return;
	add_prefix(p, b, stage, number);
	buf_printf(b, "cached no: %s\n", step->detail);
}

static void
plain_step(
    struct progress *p, size_t stage_number, size_t number, const struct progress_step *report)
{
	const struct stage *stage = &p->stages[stage_number];
	const struct step *step = &stage->steps[number];
	auto(buf) struct buf b = { 0 };

	show_header(p, &b);
	if (report->reached != NULL) {
		autofree char *reached = text_safe(report->reached);

		add_prefix(p, &b, stage, number);
		buf_printf(&b, "network: %s\n", reached);
	}
	if (report->state == PROGRESS_RUNNING)
		show_running(p, &b, stage, number);
	if (report->state == PROGRESS_CACHED) {
		add_prefix(p, &b, stage, number);
		buf_printf(&b, "cached  %s\n", step->text != NULL ? step->text : "");
	}
	if (report->state == PROGRESS_DONE) {
		add_prefix(p, &b, stage, number);
		terminal_add(&p->terminal, &b, COLOUR_GREEN, "done ");
		add_result(&b, p, step);
		buf_add_char(&b, '\n');
	}
	if (report->state == PROGRESS_FAILED || report->state == PROGRESS_STOPPED) {
		bool failed = report->state == PROGRESS_FAILED;

		add_prefix(p, &b, stage, number);
		terminal_add(
		    &p->terminal, &b, COLOUR_RED, failed ? "failed after " : "stopped after ");
		add_result(&b, p, step);
		buf_add_char(&b, '\n');
	}
	progress_write(p, &b);
}

/** How much of a step's log is shown; all of it when nothing else is asked for. */
static uint64_t
log_limit(void)
{
	const char *text = getenv("BUILDKIT_STEP_LOG_MAX_SIZE");
	struct error ignored = ERROR_INIT; /* -1 is what it means there, too: no limit */
	uint64_t limit = 0;

	if (text == NULL || parse_u64(text, 1, UINT64_MAX, "bytes", &limit, &ignored) < 0)
		return UINT64_MAX;
	return limit;
}

/** Is the line beyond the limit? The first one that is says so; the record of the build has all of them. */
static bool
is_cut(struct progress *p, const struct stage *stage, size_t number, const char *text)
{
	struct step *step = &p->stages[stage - p->stages].steps[number];
	uint64_t limit = log_limit();
	auto(buf) struct buf b = { 0 };

	step->n_shown += strlen(text) + 1;
	if (step->n_shown <= limit)
		return false;
	if (step->cut)
		return true;
	step->cut = true;
	add_prefix(p, &b, stage, number);
	buf_printf(&b,
	    "[BUILDKIT_STEP_LOG_MAX_SIZE: more than %ju bytes are not shown, the record of the "
	    "build has them]\n",
	    (uintmax_t)limit);
	progress_write(p, &b);
	return true;
}

static void
plain_line(struct progress *p, const struct stage *stage, size_t step, double at, const char *text)
{
	auto(buf) struct buf b = { 0 };

	if (is_cut(p, stage, step, text))
		return;
	add_prefix(p, &b, stage, step);
	buf_printf(&b, "%8.3f %s\n", at, text);
	progress_write(p, &b);
}

static void
plain_note(struct progress *p, enum colour colour, const char *label, const char *text)
{
	auto(buf) struct buf b = { 0 };

	terminal_add(&p->terminal, &b, colour, label);
	buf_printf(&b, ": %s\n", text);
	progress_write(p, &b);
}

const struct display display_plain = {
	.step = plain_step,
	.line = plain_line,
	.note = plain_note,
};
