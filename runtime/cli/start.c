/* SPDX-License-Identifier: Apache-2.0 */
/*
 * start - croze-runtime start: sets a created container off.
 */
#include "runtime/container/start.h"

#include "runtime/base/mem.h"
#include "runtime/cli/commands.h"
#include "runtime/cli/create_options.h"
#include "runtime/cli/global.h"

static int
start(int argc, char **argv, const struct command *self)
{
	auto(strv) struct strv words = { 0 };
	struct error e = ERROR_INIT;
	int parsed = options_parse(self, argc, argv, NULL, &words, &e);
	const char *id = parsed == 0 ? command_id(self->name, &words, &e) : NULL;

	if (parsed > 0)
		return 0;
	if (!id)
		return command_fail(&e);
	return start_container(global_options()->root, id, &e) == 0 ? 0 : create_fail(&e);
}

const struct command command_start = {
	.name = "start",
	.arguments = "NAME",
	.summary = "start a container that create has made",
	.run = start,
};
