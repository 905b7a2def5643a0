/* SPDX-License-Identifier: Apache-2.0 */
/*
 * exec - croze-runtime exec: a further process in a container that runs.
 */
#include "runtime/base/mem.h"
#include "runtime/cli/commands.h"
#include "runtime/cli/create_options.h"
#include "runtime/cli/global.h"
#include "runtime/container/files.h"
#include "runtime/container/further.h"

#define PRESERVE_MAX 1000000

struct exec_flags {
	struct strv env;
	struct strv capabilities;
	struct strv groups;
	const char *process;
	const char *cwd;
	const char *user;
	const char *pid_file;
	const char *console_socket;
	uint64_t preserve_fds;
	bool terminal;
	bool no_new_privs;
	bool detach;
	bool ignore_paused;
};

#define AT(member) .offset = offsetof(struct exec_flags, member)

static const struct option_def options[] = {
	{ .name = "process",
	    .short_name = 'p',
	    .type = OPTION_TEXT,
	    AT(process),
	    .argument = "FILE",
	    .help = "a process object of config.json, instead of a command and what is below" },
	{ .name = "tty",
	    .short_name = 't',
	    .type = OPTION_FLAG,
	    AT(terminal),
	    .help = "with a terminal of its own" },
	{ .name = "user",
	    .short_name = 'u',
	    .type = OPTION_TEXT,
	    AT(user),
	    .argument = "UID[:GID]",
	    .help = "numbers (default: the container's)" },
	{ .name = "additional-gids",
	    .short_name = 'g',
	    .type = OPTION_LIST,
	    AT(groups),
	    .argument = "GID",
	    .help = "a further group, by number" },
	{ .name = "env",
	    .short_name = 'e',
	    .type = OPTION_LIST,
	    AT(env),
	    .argument = "NAME=VALUE",
	    .help = "besides the container's environment" },
	{ .name = "cwd",
	    .type = OPTION_TEXT,
	    AT(cwd),
	    .argument = "DIR",
	    .help = "where it begins" },
	{ .name = "cap",
	    .short_name = 'c',
	    .type = OPTION_LIST,
	    AT(capabilities),
	    .argument = "CAP",
	    .help = "a capability besides the container's" },
	{ .name = "no-new-privs",
	    .type = OPTION_FLAG,
	    AT(no_new_privs),
	    .help = "set-user-ID programs and file capabilities give nothing" },
	{ .name = "detach",
	    .short_name = 'd',
	    .type = OPTION_FLAG,
	    AT(detach),
	    .help = "do not wait for its end" },
	{ .name = "pid-file",
	    .type = OPTION_TEXT,
	    AT(pid_file),
	    .argument = "FILE",
	    .help = "write its pid there" },
	{ .name = "console-socket",
	    .type = OPTION_TEXT,
	    AT(console_socket),
	    .argument = "SOCKET",
	    .help = "send the master of its terminal there" },
	{ .name = "preserve-fds",
	    .type = OPTION_U64,
	    AT(preserve_fds),
	    .help = "so many descriptors from 3 on are its too" },
	{ .name = "ignore-paused",
	    .type = OPTION_FLAG,
	    AT(ignore_paused),
	    .help = "in a paused container too, where it waits" },
	{ .name = "process-label",
	    .type = OPTION_REFUSED,
	    .argument = "LABEL",
	    .refused = "SELinux labels are not applied" },
	{ .name = "apparmor",
	    .type = OPTION_REFUSED,
	    .argument = "PROFILE",
	    .refused = "put apparmorProfile into a process object: --process" },
	{ .name = "cgroup",
	    .type = OPTION_REFUSED,
	    .argument = "PATH",
	    .refused = "a further process is in the container's cgroup" },
	{ 0 },
};

static void
release(struct exec_flags *flags)
{
	strv_release(&flags->env);
	strv_release(&flags->capabilities);
	strv_release(&flags->groups);
}

static int
run_further(const struct command *self, const struct exec_flags *flags, struct strv *words,
    int *status, struct error *e)
{
	autofree char *id = NULL;
	struct further_options o = {
		.root = global_options()->root,
		.process = flags->process,
		.args = words,
		.cwd = flags->cwd,
		.user = flags->user,
		.groups = &flags->groups,
		.env = &flags->env,
		.capabilities = &flags->capabilities,
		.terminal = flags->terminal,
		.no_new_privs = flags->no_new_privs,
		.detach = flags->detach,
		.ignore_paused = flags->ignore_paused,
		.pid_file = flags->pid_file,
		.console_socket = flags->console_socket,
		.preserve_fds = (int)flags->preserve_fds,
	};

	if (words->count == 0) {
		error_set(e, ERR_USAGE, "exec takes the name of a container and a command");
		return error_hint(e, "see '%s %s --help'", command_program(), self->name);
	}
	if (flags->preserve_fds > PRESERVE_MAX)
		return error_set(e, ERR_USAGE, "'--preserve-fds' is too large");
	if (o.preserve_fds < file_activated())
		o.preserve_fds = file_activated();
	id = xstrdup(words->items[0]);
	strv_remove(words, 0);
	o.id = id;
	return further_process(&o, status, e);
}

static int
exec(int argc, char **argv, const struct command *self)
{
	struct exec_flags flags = { 0 };
	auto(strv) struct strv words = { 0 };
	struct error e = ERROR_INIT;
	int status = 0;
	int parsed = options_parse(self, argc, argv, &flags, &words, &e);

	if (parsed == 0 && run_further(self, &flags, &words, &status, &e) < 0)
		parsed = -1;
	release(&flags);
	if (parsed > 0)
		return 0;
	return parsed == 0 ? status : create_fail(&e);
}

const struct command command_exec = {
	.name = "exec",
	.arguments = "[OPTIONS] NAME COMMAND [ARGUMENT...]",
	.summary = "run a further process in a container",
	.examples = "croze-runtime exec NAME ps\ncroze-runtime exec -t -u 1000 NAME sh\n",
	.options = options,
	.options_first = true,
	.run = exec,
};
