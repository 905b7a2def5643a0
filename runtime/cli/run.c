/* SPDX-License-Identifier: Apache-2.0 */
/*
 * run - croze-runtime run: create and start in one.
 */
#include "runtime/base/mem.h"
#include "runtime/cli/commands.h"
#include "runtime/cli/create_options.h"

static const struct option_def options[] = {
	CREATE_OPTIONS,
	{ .name = "detach",
	    .short_name = 'd',
	    .type = OPTION_FLAG,
	    .offset = offsetof(struct create_flags, detach),
	    .help = "do not wait for the end" },
	{ .name = "keep",
	    .type = OPTION_FLAG,
	    .offset = offsetof(struct create_flags, keep),
	    .help = "keep the container on record after its end, for delete" },
	{ 0 },
};

static int
run(int argc, char **argv, const struct command *self)
{
	struct create_flags flags = { .bundle = "." };
	struct create_options o;
	struct error e = ERROR_INIT;
	int status = 0;
	int parsed = create_flags_parse(self, argc, argv, &flags, &o, &e);

	if (parsed != 0)
		return parsed > 0 ? 0 : command_fail(&e);
	return run_container(&o, &status, &e) == 0 ? status : create_fail(&e);
}

const struct command command_run = {
	.name = "run",
	.arguments = "[OPTIONS] NAME",
	.summary = "run a bundle's container and wait for its end",
	.examples = "croze-runtime spec --rootless\ncroze-runtime run test\n",
	.options = options,
	.run = run,
};
