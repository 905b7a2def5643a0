/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bundle - runs the container that a bundle describes, from start to end (runtime-spec, bundle.md).
 */
#include "runtime/container/bundle.h"

#include "runtime/base/fd.h"
#include "runtime/base/mem.h"
#include "runtime/base/path.h"
#include "runtime/container/console.h"
#include "runtime/container/prepare.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

/* Whole or not at all: somebody may be waiting for the file. */
static int
write_pid(const char *path, pid_t pid, struct error *e)
{
	autofree char *folder = xasprintf("%s/..", path);
	autofree char *clean = path_clean(folder);
	autofd int dir = path_open_user(clean, O_RDONLY | O_DIRECTORY, 0, e);
	char text[16];
	int length = snprintf(text, sizeof(text), "%d", (int)pid);

	if (dir < 0 ||
	    path_write_file(dir, path_base(path), text, (size_t)length, 0644, false, e) < 0)
		return error_ctx(e, "pid file");
	return 0;
}

static int
run_container(
    struct container_spec *spec, bool terminal, const char *pid_file, int *status, struct error *e)
{
	struct container c = CONTAINER_INIT;
	struct console console = CONSOLE_INIT;
	int result = console_open(
	    &console, terminal ? CONSOLE_TERMINAL | CONSOLE_INPUT : CONSOLE_INPUT, spec, e);

	if (result == 0)
		result = container_start(spec, &c, e);
	if (result == 0 && pid_file)
		result = write_pid(pid_file, c.pid, e);
	if (result == 0) {
		result = console_run(&console, &c, status, e);
		if (result == 0)
			c.pid = 0; /* reaped */
	}
	if (container_finish(&c, result < 0 ? &(struct error){ 0 } : e) < 0)
		result = -1;
	console_close(&console);
	return result;
}

int
bundle_run(const struct bundle_options *options, int *status, struct error *e)
{
	autofree char *pid_file = NULL;
	autofree char *here = getcwd(NULL, 0);
	struct prepared p;
	int result = prepare_read(&p, options->path, e);

	if (options->pid_file)
		pid_file = path_join(here ? here : "/", options->pid_file);
	if (result == 0 && (prepare_enter(&p, e) < 0 || prepare_spec(&p, e) < 0))
		result = -1;
	if (result == 0)
		result = run_container(&p.spec, p.config.process.terminal, pid_file, status, e);
	prepared_release(&p);
	if (result == 0)
		*status = WIFEXITED(*status) ? WEXITSTATUS(*status) : 128 + WTERMSIG(*status);
	return result;
}
