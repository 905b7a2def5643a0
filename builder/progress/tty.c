/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tty - a display that is redrawn in place: one row a stage, the last log lines below what runs.
 *
 * A frame is never higher than the window less two rows, so that moving the cursor up always reaches its first row. When the
 * window gets narrower the terminal wraps what was drawn; the columns of each row are kept to know how many rows that makes.
 * Each frame is one write, so that it does not flicker, and the cursor stays visible: nothing has to be restored after a kill.
 */
#include "builder/progress/model.h"
#include "runtime/base/mem.h"
#include "runtime/base/text.h"

#define LOG_ROWS 6
#define WIDEST 120
#define COUNT_COLUMNS 7

struct row {
	char *text;
	unsigned columns;
};

struct frame {
	const struct progress *p;
	struct row *rows;
	size_t n_rows;
	size_t room;
	unsigned width;
};

static void
frame_release(struct frame *f)
{
	for (size_t i = 0; i < f->n_rows; i++)
		free(f->rows[i].text);
	free(f->rows);
}

static void
frame_add(struct frame *f, struct buf *text, unsigned columns)
{
	f->rows = xgrow(&f->rows, f->n_rows, &f->room, sizeof(*f->rows));
	f->rows[f->n_rows++] = (struct row){ buf_steal(text), columns };
}

/* Adds @left, then @right at the right edge; @left is cut when both do not fit. */
static void
frame_add_sides(struct frame *f, enum colour colour, const char *left, const char *right)
{
	auto(buf) struct buf row = { 0 };
	auto(buf) struct buf clipped = { 0 };
	unsigned right_columns = text_columns(right, strlen(right));
	unsigned gap = right_columns > 0 ? 2 : 0;
	unsigned room = f->width > right_columns + gap ? f->width - right_columns - gap : 0;
	unsigned taken = text_add_clipped(&clipped, left, room, &f->p->terminal);

	terminal_add(&f->p->terminal, &row, colour, buf_text(&clipped));
	if (right_columns > 0 && right_columns < f->width) {
		buf_printf(&row, "%*s%s", (int)(f->width - right_columns - taken), "", right);
		taken = f->width;
	}
	frame_add(f, &row, taken);
}

/* ---- what a stage is doing ---- */

enum stage_state { STAGE_WAITING, STAGE_RUNNING, STAGE_DONE, STAGE_CACHED, STAGE_FAILED };

struct stage_view {
	enum stage_state state;
	size_t at;      /* the step that the row speaks of */
	double seconds; /* of all steps */
};

static struct stage_view
view_stage(const struct progress *p, const struct stage *stage)
{
	struct stage_view view = { .state = STAGE_WAITING };
	size_t n_final = 0;
	size_t n_cached = 0;

	for (size_t i = 0; i < stage->n_steps; i++) {
		const struct step *step = &stage->steps[i];

		if (step->state == PROGRESS_WAITING)
			continue;
		view.seconds += progress_elapsed(p, step);
		view.at = i;
		if (step->state == PROGRESS_FAILED || step->state == PROGRESS_STOPPED) {
			view.state = STAGE_FAILED;
			return view;
		}
		if (step->state == PROGRESS_RUNNING) {
			view.state = STAGE_RUNNING;
			return view;
		}
		n_final++;
		n_cached += step->state == PROGRESS_CACHED;
	}
	if (n_final == stage->n_steps)
		view.state = n_cached == n_final ? STAGE_CACHED : STAGE_DONE;
	else
		view.at = n_final;
	return view;
}

static const char *
short_text(const struct step *step)
{
	return step->text != NULL ? step->text : "";
}

static void
add_stage_text(struct buf *b, const struct stage *stage, const struct stage_view *view)
{
	const struct step *step = &stage->steps[view->at];
	char count[64];

	snprintf(count, sizeof(count), "%zu/%zu", view->at + 1, stage->n_steps);
	switch (view->state) {
	case STAGE_WAITING:
		buf_printf(b, "%-*s", COUNT_COLUMNS, count);
		if (step->detail != NULL)
			buf_printf(b, "waiting for %s", step->detail);
		else
			buf_add_text(b, "waiting");
		break;
	case STAGE_RUNNING:
		buf_printf(b, "%-*s%s", COUNT_COLUMNS, count, short_text(step));
		break;
	case STAGE_FAILED:
		buf_printf(b, "%-*s%s: %s", COUNT_COLUMNS, count,
		    step->state == PROGRESS_FAILED ? "failed" : "stopped", short_text(step));
		break;
	case STAGE_DONE:
	case STAGE_CACHED:
		buf_printf(b, "%-*s%zu step%s", COUNT_COLUMNS,
		    view->state == STAGE_DONE ? "done" : "cached", stage->n_steps,
		    stage->n_steps == 1 ? "" : "s");
		break;
	}
}

static void
add_stage_row(struct frame *f, const struct stage *stage, const struct stage_view *view)
{
	static const enum colour colours[] = {
		[STAGE_WAITING] = COLOUR_DIM,
		[STAGE_RUNNING] = COLOUR_BLUE,
		[STAGE_DONE] = COLOUR_GREEN,
		[STAGE_CACHED] = COLOUR_GREEN,
		[STAGE_FAILED] = COLOUR_RED,
	};
	auto(buf) struct buf left = { 0 };
	auto(buf) struct buf right = { 0 };
	unsigned columns = text_columns(stage->name, strlen(stage->name));
	double seconds = view->seconds;

	buf_printf(&left, " %s%*s  ", stage->name, (int)(f->p->name_columns - columns), "");
	add_stage_text(&left, stage, view);
	if (view->state == STAGE_RUNNING)
		seconds = progress_elapsed(f->p, &stage->steps[view->at]);
	if (view->state != STAGE_WAITING && view->state != STAGE_CACHED)
		progress_add_seconds(&right, seconds);
	frame_add_sides(f, colours[view->state], buf_text(&left), buf_text(&right));
}

static void
add_log_rows(struct frame *f, const struct step *step, size_t n_rows)
{
	size_t kept = step_log_kept(step);
	size_t first = kept > n_rows ? kept - n_rows : 0;

	for (size_t i = first; i < kept; i++) {
		auto(buf) struct buf line = { 0 };

		buf_printf(
		    &line, " %*s  | %s", (int)f->p->name_columns, "", step_log_line(step, i));
		frame_add_sides(f, COLOUR_DIM, buf_text(&line), "");
	}
}

/* ---- the frame ---- */

static void
add_header(struct frame *f)
{
	const struct progress *p = f->p;
	auto(buf) struct buf left = { 0 };
	auto(buf) struct buf right = { 0 };

	buf_add_char(&left, ' ');
	progress_add_title(p, &left);
	if (p->tier != NULL)
		buf_printf(&right, "tier: %s   ", p->tier);
	progress_add_seconds(&right, p->clock() - p->started);
	frame_add_sides(f, COLOUR_BOLD, buf_text(&left), buf_text(&right));
}

static void
add_footer(struct frame *f)
{
	const struct progress *p = f->p;
	const char *dot = terminal_dot(&p->terminal);
	auto(buf) struct buf left = { 0 };
	size_t n_steps = 0;

	for (size_t i = 0; i < p->n_stages; i++)
		n_steps += p->stages[i].n_steps;
	buf_printf(&left, " %zu of %zu steps cached", p->n_cached, n_steps);
	if (p->received > 0) {
		buf_add_text(&left, dot);
		text_add_size(&left, p->received);
		buf_add_text(&left, " read");
	}
	buf_printf(&left, "%sctrl-c stops, work so far is kept", dot);
	frame_add_sides(f, COLOUR_DIM, buf_text(&left), "");
}

static size_t
log_rows_wanted(void)
{
	const char *text = getenv("BUILDKIT_TTY_LOG_LINES");
	struct error ignored = ERROR_INIT;
	uint64_t value = LOG_ROWS;

	if (text != NULL && parse_u64(text, 0, 1000, "lines", &value, &ignored) < 0)
		value = LOG_ROWS;
	return (size_t)value;
}

/* Which stages have a row: what runs or failed first, then the others in their order. Returns how many have none. */
static size_t
choose_stages(const struct stage_view *views, size_t n, size_t room, bool *shown)
{
	size_t left = room;

	for (int pass = 0; pass < 2; pass++) {
		for (size_t i = 0; i < n && left > 0; i++) {
			bool active =
			    views[i].state == STAGE_RUNNING || views[i].state == STAGE_FAILED;

			if (shown[i] || (pass == 0 && !active))
				continue;
			shown[i] = true;
			left--;
		}
	}
	return n > room ? n - room : 0;
}

static void
add_stages(struct frame *f, size_t room)
{
	const struct progress *p = f->p;
	autofree struct stage_view *views = xcalloc(p->n_stages + 1, sizeof(*views));
	autofree bool *shown = xcalloc(p->n_stages + 1, sizeof(*shown));
	size_t n_running = 0;
	size_t n_hidden;
	size_t n_logs = 0;

	for (size_t i = 0; i < p->n_stages; i++) {
		views[i] = view_stage(p, &p->stages[i]);
		n_running += views[i].state == STAGE_RUNNING;
	}
	n_hidden = choose_stages(views, p->n_stages, p->n_stages > room ? room - 1 : room, shown);
	if (n_running > 0 && p->n_stages < room)
		n_logs = (room - p->n_stages) / n_running;
	if (n_logs > log_rows_wanted())
		n_logs = log_rows_wanted();
	for (size_t i = 0; i < p->n_stages; i++) {
		if (!shown[i])
			continue;
		add_stage_row(f, &p->stages[i], &views[i]);
		if (views[i].state == STAGE_RUNNING)
			add_log_rows(f, &p->stages[i].steps[views[i].at], n_logs);
	}
	if (n_hidden > 0) {
		auto(buf) struct buf more = { 0 };

		buf_printf(&more, " and %zu more stages", n_hidden);
		frame_add_sides(f, COLOUR_DIM, buf_text(&more), "");
	}
}

/* Moves the cursor to the first row that was drawn. */
static void
add_return(struct progress *p, struct buf *b)
{
	unsigned columns = p->terminal.columns;
	size_t rows = 0;

	for (size_t i = 0; i < p->n_drawn; i++)
		rows += p->drawn[i] > columns ? (p->drawn[i] + columns - 1) / columns : 1;
	buf_add_char(b, '\r');
	if (rows > 0)
		buf_printf(b, "\x1b[%zuA", rows);
	p->n_drawn = 0;
}

static void
add_frame(struct progress *p, struct buf *b)
{
	struct frame f = { .p = p };
	size_t height = p->terminal.rows > 6 ? p->terminal.rows - 2 : 4;

	f.width = p->terminal.columns > 1 ? p->terminal.columns - 1 : 1;
	if (f.width > WIDEST)
		f.width = WIDEST;
	add_header(&f);
	add_stages(&f, height - 2);
	add_footer(&f);
	add_return(p, b);
	for (size_t i = 0; i < f.n_rows; i++) {
		buf_printf(b, "%s\x1b[K\n", f.rows[i].text);
		p->drawn = xgrow(&p->drawn, i, &p->drawn_room, sizeof(*p->drawn));
		p->drawn[i] = f.rows[i].columns;
	}
	p->n_drawn = f.n_rows;
	buf_add_text(b, "\x1b[J");
	frame_release(&f);
}

static void
tty_tick(struct progress *p)
{
	auto(buf) struct buf b = { 0 };

	if (p->n_stages == 0)
		return;
	add_frame(p, &b);
	progress_write(p, &b);
}

static void
tty_note(struct progress *p, enum colour colour, const char *label, const char *text)
{
	auto(buf) struct buf b = { 0 };
	bool drawn = p->n_drawn > 0;

	add_return(p, &b);
	terminal_add(&p->terminal, &b, colour, label);
	buf_printf(&b, ": %s\x1b[K\n", text);
	if (drawn)
		add_frame(p, &b);
	progress_write(p, &b);
}

static void
tty_end(struct progress *p)
{
	auto(buf) struct buf b = { 0 };

	if (p->n_drawn == 0)
		return;
	add_return(p, &b);
	buf_add_text(&b, "\x1b[J");
	progress_write(p, &b);
}

const struct display display_tty = {
	.note = tty_note,
	.tick = tty_tick,
	.end = tty_end,
};
