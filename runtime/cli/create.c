/* SPDX-License-Identifier: Apache-2.0 */
/*
 * create - croze-runtime create: a container that waits for its start.
 */
#include "runtime/container/create.h"

#include "runtime/base/mem.h"
#include "runtime/cli/commands.h"
#include "runtime/cli/create_options.h"
#include "runtime/sandbox/container.h"

static const struct option_def options[] = {
	CREATE_OPTIONS,
	{ 0 },
};

static int
create(int argc, char **argv, const struct command *self)
{
	struct create_flags flags = { .bundle = "." };
	struct create_options o;
	struct error e = ERROR_INIT;
	int parsed = create_flags_parse(self, argc, argv, &flags, &o, &e);

	if (parsed != 0)
		return parsed > 0 ? 0 : command_fail(&e);
	return create_container(&o, &e) == 0 ? 0 : create_fail(&e);
}

const struct command command_create = {
	.name = "create",
	.arguments = "[OPTIONS] NAME",
	.summary = "make a bundle's container, up to its start",
	.examples =
	    "croze-runtime create --bundle DIR --pid-file FILE NAME\ncroze-runtime start NAME\n",
	.options = options,
	.run = create,
};
