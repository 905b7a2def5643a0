/* SPDX-License-Identifier: Apache-2.0 */
/*
 * delete - croze-runtime delete: what is on record of a container goes.
 */
#include "runtime/base/mem.h"
#include "runtime/cli/commands.h"
#include "runtime/cli/global.h"
#include "runtime/container/end.h"

struct delete_flags {
	bool force;
};

static const struct option_def options[] = {
	{ .name = "force",
	    .short_name = 'f',
	    .type = OPTION_FLAG,
	    .offset = offsetof(struct delete_flags, force),
	    .help = "end what still runs; a container that is not there or damaged is no error" },
	{ 0 },
};

static int delete (void *arg, const struct strv *words, struct buf *b, struct error *e)
{
	const struct delete_flags *flags = arg;
	const char *id = command_id("delete", words, e);

	(void)b; /* nothing is printed */
	return id ? delete_container(global_options()->root, id, flags->force ? END_FORCE : 0, e)
	          : -1;
}

static int
run_delete(int argc, char **argv, const struct command *self)
{
	struct delete_flags flags = { 0 };

	return command_perform(self, argc, argv, &flags, delete);
}

const struct command command_delete = {
	.name = "delete",
	.arguments = "[OPTIONS] NAME",
	.summary = "remove a container that has stopped",
	.options = options,
	.run = run_delete,
};
