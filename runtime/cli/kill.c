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
kill_words(
    const struct command *self, const struct kill_flags *flags, struct strv *words, struct error *e)
{
	int number = SIGTERM;
	const char *id;

	if (words->count == 2) {
		if (signal_parse(words->items[1], &number, e) < 0)
			return -1;
		strv_remove(words, 1);
	}
	id = command_id(self, words, e);
	if (!id)
		return -1;
	return kill_container(global_options()->root, id, number, flags->all ? END_ALL : 0, e);
}

static int
run_kill(int argc, char **argv, const struct command *self)
{
	struct kill_flags flags = { 0 };
	auto(strv) struct strv words = { 0 };
	struct error e = ERROR_INIT;
	int parsed = options_parse(self, argc, argv, &flags, &words, &e);

	if (parsed != 0)
		return parsed > 0 ? 0 : command_fail(&e);
	return kill_words(self, &flags, &words, &e) == 0 ? 0 : command_fail(&e);
}

const struct command command_kill = {
	.name = "kill",
	.arguments = "[OPTIONS] NAME [SIGNAL]",
	.summary = "send a signal (default: TERM) to a container's first process",
	.examples = "croze-runtime kill NAME KILL\ncroze-runtime kill --all NAME 15\n",
	.options = options,
	.run = run_kill,
};
