/* SPDX-License-Identifier: Apache-2.0 */
/*
 * progress - events in, model kept, display told.
 *
 * All text is made safe when it comes in, so that no display can forget it. A log is cut into lines here, once;
 * the record gets the bytes before that.
 */
#include "builder/progress/progress.h"

#include "builder/progress/model.h"
#include "runtime/base/fd.h"
#include "runtime/base/mem.h"
#include "runtime/base/path.h"
#include "runtime/base/text.h"

#include <fcntl.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#define REDRAW_MS 100

static const struct display display_quiet = { 0 };

static double
system_clock(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static bool
environment_has(const char *name)
{
	const char *value = getenv(name);

	return value != NULL && *value != '\0' && strcmp(value, "0") != 0 &&
	       strcmp(value, "false") != 0;
}

static enum progress_mode
choose_mode(enum progress_mode asked, const struct terminal *t)
{
	if (asked != PROGRESS_AUTO)
		return asked;
	return terminal_can_redraw(t) && !environment_has("CI") ? PROGRESS_TTY : PROGRESS_PLAIN;
}

static const struct display *
display_for(enum progress_mode mode)
{
	if (mode == PROGRESS_TTY)
		return &display_tty;
	return mode == PROGRESS_PLAIN ? &display_plain : &display_quiet;
}

struct progress *
progress_new(const struct progress_options *options)
{
	struct progress *p = xcalloc(1, sizeof(*p));

	terminal_init(&p->terminal, options->err);
	p->out = options->out;
	p->mode = choose_mode(options->mode, &p->terminal);
	p->display = display_for(p->mode);
	p->title = text_safe(options->title != NULL ? options->title : "image");
	p->platform = options->platform != NULL ? text_safe(options->platform) : NULL;
	p->clock = options->clock != NULL ? options->clock : system_clock;
	p->started = p->clock();
	p->github = environment_has("GITHUB_ACTIONS");
	p->record_dir = -1;
	return p;
}

static void
step_release(struct step *step)
{
	free(step->text);
	free(step->file);
	free(step->detail);
	buf_release(&step->partial);
	strv_release(&step->lines);
	fd_close_at(&step->record);
}

void
progress_free(struct progress *p)
{
	if (p == NULL)
		return;
	progress_stop(p);
	for (size_t i = 0; i < p->n_stages; i++) {
		for (size_t k = 0; k < p->stages[i].n_steps; k++)
			step_release(&p->stages[i].steps[k]);
		free(p->stages[i].steps);
		free(p->stages[i].name);
	}
	free(p->stages);
	free(p->title);
	free(p->platform);
	free(p->tier);
	free(p->record_path);
	free(p->drawn);
	free(p);
}

enum progress_mode
progress_get_mode(const struct progress *p)
{
	return p->mode;
}

/* ---- the event loop ---- */

static int
on_timer(void *arg, struct error *e)
{
	(void)e;
	progress_tick(arg);
	return 0;
}

static int
on_window(void *arg, int signal, struct error *e)
{
	struct progress *p = arg;

	(void)signal;
	(void)e;
	terminal_measure(&p->terminal);
	progress_tick(p);
	return 0;
}

int
progress_attach(struct progress *p, struct loop *loop, struct error *e)
{
	if (p->display->tick == NULL)
		return 0;
	p->timer = loop_add_timer(loop, REDRAW_MS, REDRAW_MS, on_timer, p, e);
	if (p->timer == NULL)
		return -1;
	p->window = loop_add_signal(loop, SIGWINCH, on_window, p, e);
	if (p->window == NULL) {
		progress_detach(p);
		return -1;
	}
	return 0;
}

void
progress_detach(struct progress *p)
{
	loop_remove(p->timer);
	loop_remove(p->window);
	p->timer = NULL;
	p->window = NULL;
}

void
progress_tick(struct progress *p)
{
	if (!p->ended && p->display->tick != NULL)
		p->display->tick(p);
}

/* ---- events ---- */

void
progress_tier(struct progress *p, const char *tier)
{
	free(p->tier);
	p->tier = text_safe(tier);
}

void
progress_record(struct progress *p, int dir, const char *path)
{
	p->record_dir = dir;
	free(p->record_path);
	p->record_path = path != NULL ? text_safe(path) : NULL;
}

size_t
progress_stage(struct progress *p, const char *name, size_t n_steps)
{
	struct stage *stage;
	unsigned columns;

	p->stages = xgrow(&p->stages, p->n_stages, &p->stages_room, sizeof(*p->stages));
	stage = &p->stages[p->n_stages];
	*stage = (struct stage){ .name = text_safe(name), .n_steps = n_steps };
	stage->steps = xcalloc(n_steps > 0 ? n_steps : 1, sizeof(*stage->steps));
	for (size_t i = 0; i < n_steps; i++)
		stage->steps[i].record = -1;
	columns = text_columns(stage->name, strlen(stage->name));
	if (columns > p->name_columns)
		p->name_columns = columns;
	return p->n_stages++;
}

static struct step *
find_step(struct progress *p, size_t stage, size_t step)
{
	if (stage >= p->n_stages || step >= p->stages[stage].n_steps)
		return NULL;
	return &p->stages[stage].steps[step];
}

static void
set_text(char **member, const char *text)
{
	if (text == NULL)
		return;
	free(*member);
	*member = text_safe(text);
}

static bool
state_is_final(enum progress_state state)
{
	return state != PROGRESS_WAITING && state != PROGRESS_RUNNING;
}

/* The last line of a log may lack its newline. */
static void flush_partial(struct progress *p, size_t stage, size_t step);

static void
change_state(struct progress *p, struct step *step, enum progress_state state)
{
	if (step->state == state)
		return;
	if (state == PROGRESS_RUNNING)
		step->started = p->clock();
	if (state_is_final(state)) {
		step->ended = p->clock();
		if (step->started == 0)
			step->started = step->ended;
		fd_close_at(&step->record);
		step->record = -1;
	}
	if (state == PROGRESS_CACHED)
		p->n_cached++;
	if (state == PROGRESS_DONE || state == PROGRESS_FAILED)
		p->n_run++;
	if (state == PROGRESS_DONE || state == PROGRESS_CACHED)
		strv_clear(&step->lines);
	step->state = state;
}

void
progress_step(struct progress *p, size_t stage, size_t number, const struct progress_step *report)
{
	struct step *step = find_step(p, stage, number);

	if (step == NULL)
		return;
	set_text(&step->text, report->text);
	set_text(&step->file, report->file);
	set_text(&step->detail, report->detail);
	if (report->line != 0)
		step->line = report->line;
	if (report->cpu_seconds > 0)
		step->cpu_seconds = report->cpu_seconds;
	if (report->peak_memory != 0)
		step->peak_memory = report->peak_memory;
	if (report->files != 0)
		step->files = report->files;
	if (report->bytes != 0)
		step->bytes = report->bytes;
	if (state_is_final(report->state))
		flush_partial(p, stage, number);
	change_state(p, step, report->state);
	if (p->display->step != NULL && !p->ended)
		p->display->step(p, stage, number, report);
}

void
progress_received(struct progress *p, uint64_t bytes)
{
	p->received += bytes;
}

static void
show_note(struct progress *p, enum colour colour, const char *label, struct buf *text)
{
	autofree char *safe = text_safe(buf_text(text));
	auto(buf) struct buf line = { 0 };

	if (p->display->note == NULL)
		return;
	if (!p->ended) {
		p->display->note(p, colour, label, safe);
		return;
	}
	buf_printf(&line, "%s: %s\n", label, safe);
	progress_write(p, &line);
}

void
progress_note(struct progress *p, const char *format, ...)
{
	auto(buf) struct buf text = { 0 };
	va_list arguments;

	va_start(arguments, format);
	buf_vprintf(&text, format, arguments);
	va_end(arguments);
	show_note(p, COLOUR_PLAIN, "note", &text);
}

void
progress_warn(struct progress *p, const char *format, ...)
{
	auto(buf) struct buf text = { 0 };
	va_list arguments;

	va_start(arguments, format);
	buf_vprintf(&text, format, arguments);
	va_end(arguments);
	show_note(p, COLOUR_YELLOW, "warning", &text);
}

void
progress_counts(const struct progress *p, size_t *n_cached, size_t *n_run)
{
	*n_cached = p->n_cached;
	*n_run = p->n_run;
}

/* ---- logs ---- */

static void
keep_line(struct step *step, char *line)
{
	if (step->lines.count < LOG_LINES_KEPT) {
		strv_take(&step->lines, line);
	} else {
		free(step->lines.items[step->first]);
		step->lines.items[step->first] = line;
		step->first = (step->first + 1) % LOG_LINES_KEPT;
	}
	step->n_lines++;
}

static void
end_line(struct progress *p, size_t stage, size_t number)
{
	struct step *step = &p->stages[stage].steps[number];
	auto(buf) struct buf safe = { 0 };

	text_add_log_line(&safe, buf_text(&step->partial), step->partial.len);
	buf_clear(&step->partial);
	if (p->display->line != NULL && !p->ended)
		p->display->line(
		    p, &p->stages[stage], number, p->clock() - step->started, buf_text(&safe));
	keep_line(step, buf_steal(&safe));
}

static void
flush_partial(struct progress *p, size_t stage, size_t step)
{
	if (p->stages[stage].steps[step].partial.len > 0)
		end_line(p, stage, step);
}

/* A record that cannot be written is given up: the log is on the display, and a full disk is found by the step itself. */
static void
write_record(struct progress *p, size_t stage, size_t number, const void *bytes, size_t length)
{
	struct step *step = &p->stages[stage].steps[number];
	struct error ignored = ERROR_INIT;
	autofree char *name = NULL;

	if (p->record_dir < 0)
		return;
	if (step->record < 0) {
		name =
		    xasprintf("%02zu-%s-%02zu.log", stage + 1, p->stages[stage].name, number + 1);
		if (!path_is_name(name))
			return;
		step->record = openat(p->record_dir, name,
		    O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
	}
	if (step->record >= 0)
		(void)fd_write_all(step->record, bytes, length, &ignored);
}

void
progress_log(struct progress *p, size_t stage, size_t number, const void *bytes, size_t length)
{
	struct step *step = find_step(p, stage, number);
	const char *at = bytes;
	const char *end = at + length;

	if (step == NULL || length == 0)
		return;
	write_record(p, stage, number, bytes, length);
	while (at < end) {
		const char *newline = memchr(at, '\n', (size_t)(end - at));
		size_t piece = (size_t)((newline != NULL ? newline : end) - at);
		size_t room = LOG_LINE_MAX - step->partial.len;

		buf_add(&step->partial, at, piece < room ? piece : room);
		if (newline == NULL && piece < room)
			return;
		end_line(p, stage, number);
		at += piece < room ? piece + 1 : room;
	}
}

size_t
step_log_kept(const struct step *step)
{
	return step->lines.count;
}

const char *
step_log_line(const struct step *step, size_t index)
{
	return step->lines.items[(step->first + index) % step->lines.count];
}

/* ---- for the displays ---- */

double
progress_elapsed(const struct progress *p, const struct step *step)
{
	if (step->state == PROGRESS_RUNNING)
		return p->clock() - step->started;
	return step->ended - step->started;
}

void
progress_write(const struct progress *p, const struct buf *b)
{
	struct error ignored = ERROR_INIT;

	/* A reader that went away is no reason to end the build. */
	(void)fd_write_all(p->terminal.fd, buf_text(b), b->len, &ignored);
}

void
progress_add_seconds(struct buf *b, double seconds)
{
	if (seconds < 60)
		buf_printf(b, "%.1f s", seconds);
	else
		text_add_seconds(b, seconds);
}

void
progress_add_title(const struct progress *p, struct buf *b)
{
	buf_printf(b, "building %s", p->title);
	if (p->platform != NULL)
		buf_printf(b, " for %s", p->platform);
}

void
progress_stop(struct progress *p)
{
	progress_detach(p);
	if (!p->ended && p->display->end != NULL)
		p->display->end(p);
	p->ended = true;
}
