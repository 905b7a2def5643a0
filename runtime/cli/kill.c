/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kill - croze-runtime kill: a signal to a container.
 */
#include "runtime/base/mem.h"
#include "runtime/cli/commands.h"
#include "runtime/cli/global.h"
#include "runtime/container/end.h"

#include <signal.h>

struct kill_flags {
	bool all;
};

static const struct option_def options[] = {
	{ .name = "all",
	    .short_name = 'a',
	    .type = OPTION_FLAG,
	    .offset = offsetof(struct kill_flags, all),
	    .help = "to every process, not only the first; a stopped container is no error then" },
	{ 0 },
};

static int
send_signal(void *arg, const struct strv *words, struct buf *b, struct error *e)
{
	const struct kill_flags *flags = arg;
	/* the name without the signal, which is checked first */
	const struct strv name = { .items = words->items,
		.count = words->count == 2 ? 1 : words->count };
	int number = SIGTERM;
	const char *id;

	(void)b; /* nothing is printed */
	if (words->count == 2 && signal_parse(words->items[1], &number, e) < 0)
		return -1;
	id = command_id("kill", &name, e);
	if (!id)
		return -1;
	return kill_container(global_options()->root, id, number, flags->all ? END_ALL : 0, e);
}

static int
run_kill(int argc, char **argv, const struct command *self)
{
	struct kill_flags flags = { 0 };

	return command_perform(self, argc, argv, &flags, send_signal);
}

const struct command command_kill = {
	.name = "kill",
	.arguments = "[OPTIONS] NAME [SIGNAL]",
	.summary = "send a signal (default: TERM) to a container's first process",
	.examples = "croze-runtime kill NAME KILL\ncroze-runtime kill --all NAME 15\n",
	.options = options,
	.run = run_kill,
};
