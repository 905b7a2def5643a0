/* SPDX-License-Identifier: Apache-2.0 */
/*
 * end - signals to containers, and their removal.
 */
#ifndef CROZE_CONTAINER_END_H
#define CROZE_CONTAINER_END_H

#include "runtime/base/error.h"

#include <stdbool.h>

/** "9", "KILL", "SIGKILL", "kill", "RTMIN+3": ERR_USAGE for what is none. */
int signal_parse(const char *text, int *signal, struct error *e);

enum end_flags {
	END_ALL = 1 << 0,   /* every process, not only the first */
	END_FORCE = 1 << 1, /* kill what runs; what is not there or damaged is no failure */
};

/** "container not running" (ERR_INPUT) when it has stopped, unless END_ALL. */
int kill_container(
    const char *root, const char *id, int signal, enum end_flags flags, struct error *e);
/** Of a container that is stopped, or created and not started, which ends it; with END_FORCE of any. */
int delete_container(const char *root, const char *id, enum end_flags flags, struct error *e);

#endif
