/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pause - croze-runtime pause and resume.
 */
#include "runtime/base/mem.h"
#include "runtime/cli/commands.h"
#include "runtime/cli/global.h"
#include "runtime/container/control.h"

#include <string.h>

static int
run_pause(int argc, char **argv, const struct command *self)
{
	auto(strv) struct strv words = { 0 };
	struct error e = ERROR_INIT;
	int parsed = options_parse(self, argc, argv, NULL, &words, &e);
	const char *id = parsed == 0 ? command_id(self, &words, &e) : NULL;

	if (parsed > 0)
		return 0;
	if (!id ||
	    control_pause(global_options()->root, id, strcmp(self->name, "pause") == 0, &e) < 0)
		return command_fail(&e);
	return 0;
}

const struct command command_pause = {
	.name = "pause",
	.arguments = "NAME",
	.summary = "stop all processes of a container for a while",
	.run = run_pause,
};

const struct command command_resume = {
	.name = "resume",
	.arguments = "NAME",
	.summary = "let a paused container go on",
	.run = run_pause,
};
