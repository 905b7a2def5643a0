/* SPDX-License-Identifier: Apache-2.0 */
/*
 * exec - the last act of a container's own process: becoming the command, or saying why not.
 */
#ifndef CROZE_SANDBOX_EXEC_H
#define CROZE_SANDBOX_EXEC_H

#include "runtime/base/error.h"

#define EXEC_DEFAULT_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

/**
 * Executes argv[0], looked up in the PATH of @envp when it has no slash. Returns only on failure: -1 with @e ERR_STEP, @e->sys the
 * errno, and the cause as far as it can be seen (a missing interpreter, a program for another machine).
 */
int exec_command(char *const *argv, char *const *envp, struct error *e);

/**
 * Is it there, and may the calling process execute it? As exec_command() fails, without executing: what a start that comes later would be
 * told too late.
 */
int exec_check(char *const *argv, char *const *envp, struct error *e);

#endif
