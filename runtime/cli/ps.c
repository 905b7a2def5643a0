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

#include <stdio.h>
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
print(const struct members *m, bool as_json)
{
	if (as_json)
		(void)putchar('[');
	else
		(void)puts("PID");
	for (size_t i = 0; i < m->count; i++)
		(void)printf(as_json ? "%s%d" : "%.0s%d\n", i > 0 ? "," : "", (int)m->pids[i]);
	if (as_json)
		(void)puts("]");
}

static int
print_members(const char *id, bool as_json, struct error *e)
{
	autofd int records = records_open(global_options()->root, e);
	autofd int record = records < 0 ? -1 : record_open(records, id, e);
	struct state s;
	struct members m;
	int result;

	if (record < 0 || state_read(record, &s, e) < 0)
		return -1;
	result = members_find(&s, &m, e);
	if (result == 0)
		print(&m, as_json);
	members_release(&m);
	state_release(&s);
	return result;
}

static int
ps(int argc, char **argv, const struct command *self)
{
	struct ps_flags flags = { 0 };
	auto(strv) struct strv words = { 0 };
	struct error e = ERROR_INIT;
	int parsed = options_parse(self, argc, argv, &flags, &words, &e);
	const char *id = parsed == 0 ? command_id(self, &words, &e) : NULL;

	if (parsed > 0)
		return 0;
	if (!id || print_members(id, flags.format && strcmp(flags.format, "json") == 0, &e) < 0)
		return command_fail(&e);
	return 0;
}

const struct command command_ps = {
	.name = "ps",
	.arguments = "[OPTIONS] NAME",
	.summary = "list the processes of a container",
	.options = options,
	.run = ps,
};
