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
pause_or_resume(void *arg, const struct strv *words, struct buf *b, struct error *e)
{
	const struct command *self = arg;
	const char *id = command_id(self->name, words, e);

	(void)b; /* nothing is printed */
	return id ? control_pause(global_options()->root, id, strcmp(self->name, "pause") == 0, e)
	          : -1;
}

/* Neither has options: what is done is told by the name. */
static int
run_pause(int argc, char **argv, const struct command *self)
{
	return command_perform(
	    self, argc, argv, (void *)(uintptr_t)self /* only read */, pause_or_resume);
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
