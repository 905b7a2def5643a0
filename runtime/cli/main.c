/* SPDX-License-Identifier: Apache-2.0 */
/*
 * main - croze-runtime: options before the command, then the command.
 */
#include "runtime/base/help.h"
#include "runtime/base/mem.h"
#include "runtime/cli/commands.h"
#include "runtime/cli/global.h"
#include "runtime/oci/config.h"
#include "runtime/sandbox/seal.h"

#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define PROGRAM "croze-runtime"
#define SUMMARY "runs OCI bundles, with and without root"

/* Commands of other runtimes that callers try, answered by name rather than as unknown words. */
static int
refuse(int argc, char **argv, const struct command *self)
{
	struct error e = ERROR_INIT;

	(void)argc;
	(void)argv;
	error_set(
	    &e, ERR_HOST, "'%s' is not supported: containers are not saved to disk", self->name);
	return command_fail(&e);
}

const char *
command_id(const char *command, const struct strv *words, struct error *e)
{
	if (words->count == 1)
		return words->items[0];
	error_set(e, ERR_USAGE, "%s takes the name of one container", command);
	error_hint(e, "see '" PROGRAM " %s --help'", command);
	return NULL;
}

/* Callers look for lines "NAME version X" and "spec: X". */
static int
print_version(void)
{
	(void)printf(PROGRAM " version %s\nspec: %s\n", CROZE_VERSION, OCI_VERSION);
	return fflush(stdout) == 0 ? 0 : 1;
}

static int
print_help(const struct command *table)
{
	static const struct command self = { .name = "[OPTIONS] COMMAND",
		.options = global_option_table };
	auto(buf) struct buf text = { 0 };

	help_program(PROGRAM, SUMMARY, table, &text);
	buf_add_char(&text, '\n');
	options_help(PROGRAM, &self, &text);
	(void)fputs(buf_text(&text), stdout);
	return fflush(stdout) == 0 ? 0 : 1;
}

/* Does the command put a process of ours into a container? */
static bool
enters(const char *name)
{
	return strcmp(name, "create") == 0 || strcmp(name, "run") == 0 || strcmp(name, "exec") == 0;
}

int
main(int argc, char **argv)
{
	const struct command commands[] = { command_create, command_start, command_run,
		command_exec, command_state, command_list, command_ps, command_kill, command_delete,
		command_pause, command_resume, command_update, command_events, command_features,
		command_spec, { .name = "checkpoint", .run = refuse },
		{ .name = "restore", .run = refuse }, { 0 } };
	struct error e = ERROR_INIT;
	int at = 1;

	(void)signal(SIGCHLD,
	    SIG_DFL); /* a caller that ignores it would have its children reaped before we can */
	command_begin(PROGRAM);
	if (global_parse(argc, argv, &at, &e) < 0)
		return command_fail(&e);
	if (global_options()->version)
		return print_version();
	if (global_options()->help)
		return print_help(commands);
	if (enters(at < argc ? argv[at] : "") && seal_program(argv, &e) < 0)
		return command_fail(&e);
	argv[at - 1] = argv[0];
	return command_main(PROGRAM, SUMMARY, commands, argc - at + 1, argv + at - 1);
}
