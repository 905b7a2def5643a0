/* SPDX-License-Identifier: Apache-2.0 */
/*
 * events - croze-runtime events: what a container uses, a line of JSON each time.
 */
#include "runtime/base/json.h"
#include "runtime/base/mem.h"
#include "runtime/base/text.h"
#include "runtime/cli/commands.h"
#include "runtime/cli/global.h"
#include "runtime/container/control.h"

#include <stdio.h>
#include <time.h>

#define SECOND 1000000000LL
#define DEFAULT_INTERVAL (5 * SECOND)

struct events_flags {
	bool stats;
	const char *interval;
};

static const struct option_def options[] = {
	{ .name = "stats",
	    .type = OPTION_FLAG,
	    .offset = offsetof(struct events_flags, stats),
	    .help = "once, and no more" },
	{ .name = "interval",
	    .type = OPTION_TEXT,
	    .offset = offsetof(struct events_flags, interval),
	    .argument = "DURATION",
	    .help = "between two lines (default: 5s)" },
	{ 0 },
};

static int
print_statistics(const char *id, struct error *e)
{
	autojson struct json *line = json_new_object();
	auto(buf) struct buf text = { 0 };
	struct json *data = control_statistics(global_options()->root, id, e);

	if (!data)
		return -1;
	json_set_text(line, "type", "stats");
	json_set_text(line, "id", id);
	json_set(line, "data", data);
	json_write(line, 0, &text);
	(void)printf("%s\n", buf_text(&text)); /* looked at by the flush */
	return fflush(stdout) == 0 ? 0 : error_sys(e, "cannot write to the standard output");
}

/* Until the container stops, which is its proper end. */
static int
events(void *arg, const struct strv *words, struct buf *b, struct error *e)
{
	const struct events_flags *flags = arg;
	const char *id = command_id("events", words, e);
	int64_t interval = DEFAULT_INTERVAL;
	struct timespec pause;

	(void)b; /* each line is printed when it is there */
	if (!id)
		return -1;
	if (flags->interval && parse_duration(flags->interval, "'--interval'", &interval, e) < 0)
		return -1;
	if (interval <= 0)
		return error_set(e, ERR_USAGE, "'--interval' must be more than nothing");
	pause = (struct timespec){ .tv_sec = interval / SECOND, .tv_nsec = interval % SECOND };
	if (print_statistics(id, e) < 0)
		return -1;
	while (!flags->stats) {
		(void)nanosleep(&pause, NULL); /* a signal only shortens it */
		if (print_statistics(id, e) < 0)
			return e->kind == ERR_INPUT || e->kind == ERR_NOT_FOUND ? 0 : -1;
	}
	return 0;
}

static int
run_events(int argc, char **argv, const struct command *self)
{
	struct events_flags flags = { 0 };

	return command_perform(self, argc, argv, &flags, events);
}

const struct command command_events = {
	.name = "events",
	.arguments = "[OPTIONS] NAME",
	.summary = "print what a container uses, as lines of JSON",
	.options = options,
	.run = run_events,
};
