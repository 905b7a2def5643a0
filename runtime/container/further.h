/* SPDX-License-Identifier: Apache-2.0 */
/*
 * further - a further process in a container that runs: exec.
 */
#ifndef CROZE_CONTAINER_FURTHER_H
#define CROZE_CONTAINER_FURTHER_H

#include "runtime/base/error.h"
#include "runtime/base/strv.h"

#include <stdbool.h>

struct further_options {
	const char *root;
	const char *id;
	const char *process; /* file with a process object, instead of what follows; NULL */
	const struct strv *args;
	const char *cwd;           /* NULL: that of the container's first process, as the rest */
	const char *user;          /* "UID" or "UID:GID"; NULL */
	const struct strv *groups; /* further groups, by number */
	const struct strv *env;    /* NAME=VALUE, besides what there is */
	const struct strv *capabilities; /* besides what there is */
	bool terminal;
	bool no_new_privs;
	bool detach;
	bool ignore_paused;
	const char *pid_file;
	const char *console_socket;
	int preserve_fds;
};

/**
 * Joins the container and runs the command, with this process's standard streams or a terminal. @status: its exit status (128 + n for
 * signal n); 0 with @detach. ERR_STEP when the command is not there or cannot be executed.
 */
int further_process(const struct further_options *options, int *status, struct error *e);

#endif
