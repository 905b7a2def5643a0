/* SPDX-License-Identifier: Apache-2.0 */
/*
 * global - options before the command, and the log that callers read.
 *
 * The log is opened when there is something to say: before, it would take a descriptor's number that the caller may want to pass on.
 */
#include "runtime/cli/global.h"

#include "runtime/base/fd.h"
#include "runtime/base/json.h"
#include "runtime/base/mem.h"
#include "runtime/base/path.h"
#include "runtime/base/text.h"
#include "runtime/container/without.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

const struct option_def global_option_table[] = {
	{ .name = "root",
	    .type = OPTION_TEXT,
	    .offset = offsetof(struct global_options, root),
	    .argument = "DIR",
	    .help = "where containers are on record (default: $XDG_RUNTIME_DIR/croze-runtime)" },
	{ .name = "log",
	    .type = OPTION_TEXT,
	    .offset = offsetof(struct global_options, log),
	    .argument = "FILE",
	    .help = "append errors to FILE too" },
	{ .name = "log-format",
	    .type = OPTION_CHOICE,
	    .offset = offsetof(struct global_options, log_format),
	    .choices = "text|json",
	    .help = "of the log; json is one object a line (default: text)" },
	{ .name = "debug",
	    .type = OPTION_FLAG,
	    .offset = offsetof(struct global_options, debug),
	    .help = "log commands too" },
	{ .name = "systemd-cgroup",
	    .type = OPTION_FLAG,
	    .offset = offsetof(struct global_options, systemd_cgroup),
	    .help = "taken from callers, without effect" },
	{ .name = "cgroup-manager",
	    .type = OPTION_CHOICE,
	    .offset = offsetof(struct global_options, cgroup_manager),
	    .choices = "cgroupfs|systemd|disabled",
	    .help = "disabled: none are made; the others are the same (default: cgroupfs)" },
	{ .name = "rootless",
	    .type = OPTION_CHOICE,
	    .offset = offsetof(struct global_options, rootless),
	    .choices = "auto|true|false",
	    .help = "false: an error for who has no rights of root (default: auto)" },
	{ .name = "version",
	    .short_name = 'v',
	    .type = OPTION_FLAG,
	    .offset = offsetof(struct global_options, version),
	    .help = "print the version" },
	{ .name = "help",
	    .short_name = 'h',
	    .type = OPTION_FLAG,
	    .offset = offsetof(struct global_options, help),
	    .help = "print this" },
	{ 0 },
};

/* The log's sink is reached from wherever a command fails. */
static struct global_options global;
static char *log_path;

const struct global_options *
global_options(void)
{
	return &global;
}

static void
add_line(struct buf *b, const char *level, const char *message)
{
	auto(buf) struct buf now = { 0 };
	struct timespec time;

	(void)clock_gettime(CLOCK_REALTIME, &time); /* cannot fail */
	time.tv_nsec = 0;
	text_add_rfc3339(&now, &time);
	if (global.log_format && strcmp(global.log_format, "json") == 0) {
		autojson struct json *j = json_new_object();

		json_set_text(j, "level", level);
		json_set_text(j, "msg", message);
		json_set_text(j, "time", buf_text(&now));
		json_write(j, 0, b);
	} else {
		autofree char *safe = text_safe(message);

		buf_printf(b, "time=\"%s\" level=%s msg=\"%s\"", buf_text(&now), level, safe);
	}
	buf_add_char(b, '\n');
}

static void
write_log(const char *level, const char *message)
{
	struct error ignored = ERROR_INIT;
	auto(buf) struct buf line = { 0 };
	autofd int fd = -1;

	if (!log_path)
		return;
	fd = path_open_user(log_path, O_WRONLY | O_APPEND | O_CREAT | O_NONBLOCK, 0644, &ignored);
	add_line(&line, level, message);
	if (fd >= 0)
		(void)fd_write_all(fd, buf_text(&line), line.len, &ignored); /* stderr has it too */
}

static void
log_failure(const struct error *e)
{
	autofree char *message =
	    e->hint[0] ? xasprintf("%s (%s)", e->text, e->hint) : xstrdup(e->text);

	write_log("error", message);
}

/* Relative paths mean the folder of now. */
static void
open_log(void)
{
	autofree char *here = getcwd(NULL, 0);

	if (!global.log)
		return;
	log_path = path_join(here ? here : "/", global.log);
	command_log_failures(log_failure);
}

static void
log_command(int argc, char **argv, int from)
{
	auto(buf) struct buf text = { 0 };

	buf_printf(&text, "%s %s:", command_program(), CROZE_VERSION);
	for (int i = from; i < argc; i++)
		buf_printf(&text, " %s", argv[i]);
	write_log("debug", buf_text(&text));
}

/* So many words of @argv belong to the options. */
static int
count_options(int argc, char **argv)
{
	int at = 1;

	while (at < argc && argv[at][0] == '-' && argv[at][1] != '\0') {
		const char *word = argv[at++];
		bool is_long = word[1] == '-';

		if (strcmp(word, "--") == 0)
			break;
		if (strchr(word, '='))
			continue;
		for (const struct option_def *row = global_option_table; is_long && row->name;
		     row++)
			if (strcmp(row->name, word + 2) == 0 && row->type != OPTION_FLAG)
				at++;
	}
	return at < argc ? at : argc;
}

int
global_parse(int argc, char **argv, int *command, struct error *e)
{
	static const struct command self = { .name = "", .options = global_option_table };
	int n = count_options(argc, argv);

	*command = n;
	if (options_parse(&self, n, argv, &global, NULL, e) < 0)
		return -1;
	if (getenv("CROZE_TEST_WITHOUT") && without(getenv("CROZE_TEST_WITHOUT"), e) < 0)
		return -1;
	if (global.rootless && strcmp(global.rootless, "false") == 0 && geteuid() != 0) {
		error_set(e, ERR_USAGE, "'--rootless=false' is for root");
		return error_hint(e, "leave it out");
	}
	open_log();
	if (global.debug)
		log_command(argc, argv, n);
	return 0;
}
