/* SPDX-License-Identifier: Apache-2.0 */
/*
 * create_options - what create and run have in common on the command line.
 */
#include "runtime/cli/create_options.h"

#include "runtime/base/mem.h"
#include "runtime/cli/commands.h"
#include "runtime/cli/global.h"

#include "runtime/container/files.h"
#include "runtime/sandbox/container.h"
#include <string.h>

#define PRESERVE_MAX 1000000

int
create_flags_parse(const struct command *self, int argc, char **argv, struct create_flags *flags,
    struct create_options *o, struct error *e)
{
	auto(strv) struct strv words = { 0 };
	int parsed = options_parse(self, argc, argv, flags, &words, e);
	const char *id;

	if (parsed != 0)
		return parsed;
	id = command_id(self->name, &words, e);
	if (!id)
		return -1;
	if (flags->preserve_fds > PRESERVE_MAX)
		return error_set(e, ERR_USAGE, "'--preserve-fds' is too large");
	flags->id = xstrdup(id); /* lives as long as the process */
	*o = (struct create_options){
		.root = global_options()->root,
		.bundle = flags->bundle,
		.id = flags->id,
		.pid_file = flags->pid_file,
		.console_socket = flags->console_socket,
		.preserve_fds = (int)flags->preserve_fds,
		.no_pivot = flags->no_pivot,
		.keep_keyring = flags->no_new_keyring,
		.no_cgroup = global_options()->cgroup_manager &&
		             strcmp(global_options()->cgroup_manager, "disabled") == 0,
		.detach = flags->detach,
		.keep = flags->keep,
	};
	if (o->preserve_fds < file_activated())
		o->preserve_fds = file_activated();
	return 0;
}

int
create_fail(const struct error *e)
{
	int status = container_exec_status(e);

	return status ? (command_fail(e), status) : command_fail(e);
}
