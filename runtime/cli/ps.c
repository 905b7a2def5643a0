/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ps - croze-runtime ps: the processes of a container, by the numbers that they have out here.
 */
#include "runtime/base/fd.h"
#include "runtime/base/json.h"
#include "runtime/base/mem.h"
#include "runtime/cli/commands.h"
#include "runtime/cli/global.h"
#include "runtime/container/members.h"
#include "runtime/container/records.h"

#include <string.h>

struct ps_flags {
	const char *format;
};

static const struct option_def options[] = {
	{ .name = "format",
	    .short_name = 'f',
	    .type = OPTION_CHOICE,
	    .offset = offsetof(struct ps_flags, format),
	    .choices = "table|json",
	    .help = "one number a line, or an array of them (default: table)" },
	{ 0 },
};

static void
add_members(const struct members *m, bool as_json, struct buf *b)
{
	buf_add_text(b, as_json ? "[" : "PID\n");
	for (size_t i = 0; i < m->count; i++)
		buf_printf(b, as_json ? "%s%d" : "%.0s%d\n", i > 0 ? "," : "", (int)m->pids[i]);
	if (as_json)
		buf_add_text(b, "]\n");
}

static int
ps(void *arg, const struct strv *words, struct buf *b, struct error *e)
{
	const struct ps_flags *flags = arg;
	const char *id = command_id("ps", words, e);
	autofd int records = id ? records_open(global_options()->root, e) : -1;
	autofd int record = records < 0 ? -1 : record_open(records, id, e);
	struct state s;
	struct members m;
	int result;

	if (record < 0 || state_read(record, &s, e) < 0)
		return -1;
	result = members_find(&s, &m, e);
	if (result == 0)
		add_members(&m, flags->format && strcmp(flags->format, "json") == 0, b);
	members_release(&m);
	state_release(&s);
	return result;
}

static int
run_ps(int argc, char **argv, const struct command *self)
{
	struct ps_flags flags = { 0 };

	return command_perform(self, argc, argv, &flags, ps);
}

const struct command command_ps = {
	.name = "ps",
	.arguments = "[OPTIONS] NAME",
	.summary = "list the processes of a container",
	.options = options,
	.run = run_ps,
};
