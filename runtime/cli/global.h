/* SPDX-License-Identifier: Apache-2.0 */
/*
 * global - options before the command, and the log that callers read.
 */
#ifndef CROZE_RUNTIME_CLI_GLOBAL_H
#define CROZE_RUNTIME_CLI_GLOBAL_H

#include "runtime/base/options.h"

#include <stdbool.h>

struct global_options {
	const char *root;
	const char *log;
	const char *log_format;
	const char *cgroup_manager;
	const char *rootless;
	bool debug;
	bool systemd_cgroup;
	bool help;
	bool version;
};

extern const struct option_def global_option_table[];

/** What stood before the command; set once by global_parse(). */
const struct global_options *global_options(void);
/** Parses argv[1..] up to the command, which *@command is the index of (argc when there is none). */
int global_parse(int argc, char **argv, int *command, struct error *e);

#endif
