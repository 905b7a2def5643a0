/* SPDX-License-Identifier: Apache-2.0 */
/*
 * run - croze-runtime run: a bundle's container in the foreground.
 */
#include "runtime/base/mem.h"
#include "runtime/cli/commands.h"
#include "runtime/container/bundle.h"
#include "runtime/oci/config.h"
#include "runtime/sandbox/container.h"

struct run_flags {
	const char *bundle;
	const char *pid_file;
};

static const struct option_def options[] = {
	{ .name = "bundle",
	    .short_name = 'b',
	    .type = OPTION_TEXT,
	    .offset = offsetof(struct run_flags, bundle),
	    .argument = "DIR",
	    .help = "folder with config.json (default: the current one)" },
	{ .name = "pid-file",
	    .type = OPTION_TEXT,
	    .offset = offsetof(struct run_flags, pid_file),
	    .argument = "FILE",
	    .help = "write the pid of the first process there" },
	{ .name = "detach",
	    .short_name = 'd',
	    .type = OPTION_REFUSED,
	    .refused = "containers run in the foreground only" },
	{ .name = "console-socket",
	    .type = OPTION_REFUSED,
	    .argument = "SOCKET",
	    .refused = "a terminal is relayed by croze-runtime itself" },
	{ .name = "no-pivot",
	    .type = OPTION_REFUSED,
	    .refused = "the rootfs is always entered by pivot_root" },
	{ .name = "preserve-fds",
	    .type = OPTION_REFUSED,
	    .argument = "N",
	    .refused = "no descriptor but 0, 1 and 2 is passed on" },
	{ 0 },
};

static int
run(int argc, char **argv, const struct command *self)
{
	struct run_flags flags = { .bundle = "." };
	auto(strv) struct strv words = { 0 };
	struct error e = ERROR_INIT;
	int status = 0;
	int parsed = options_parse(self, argc, argv, &flags, &words, &e);

	if (parsed != 0)
		return parsed > 0 ? 0 : command_fail(&e);
	if (words.count != 1) {
		error_set(&e, ERR_USAGE, "run takes one name for the container");
		return command_fail(&e);
	}
	if (oci_check_id(words.items[0], &e) == 0 &&
	    bundle_run(&(struct bundle_options){ flags.bundle, words.items[0], flags.pid_file },
		&status, &e) == 0)
		return status;
	status = container_exec_status(&e);
	return status ? (command_fail(&e), status) : command_fail(&e);
}

const struct command command_run = {
	.name = "run",
	.arguments = "[OPTIONS] NAME",
	.summary = "run a bundle's container and wait for its end",
	.examples = "croze-runtime spec --rootless\ncroze-runtime run test\n",
	.options = options,
	.run = run,
};
