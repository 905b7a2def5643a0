/* SPDX-License-Identifier: Apache-2.0 */
/*
 * main - croze-runtime: finds the command.
 */
#include "runtime/base/options.h"
#include "runtime/cli/commands.h"

#include <stdio.h>
#include <string.h>

/* Commands of the runtime interface that callers try, answered by name rather than as unknown words. */
static const char *const refused[] = { "create", "start", "state", "kill", "delete", "exec", "list",
	"ps", "pause", "resume", "update", "events", "features", "checkpoint", "restore" };

static int
refuse(const char *name)
{
	fprintf(stderr,
	    "croze-runtime: '%s' is not built: containers are run in the foreground\n"
	    "hint: croze-runtime run --bundle DIR NAME\n",
	    name);
	return 2;
}

int
main(int argc, char **argv)
{
	const struct command commands[] = { command_run, command_spec, { 0 } };

	for (size_t i = 0; argc > 1 && i < sizeof(refused) / sizeof(refused[0]); i++)
		if (strcmp(argv[1], refused[i]) == 0)
			return refuse(argv[1]);
	return command_main("croze-runtime", "runs OCI bundles without root", commands, argc, argv);
}
