/* SPDX-License-Identifier: Apache-2.0 */
/*
 * child - what a forked process does first; async-signal-safe.
 */
#ifndef CROZE_BASE_CHILD_H
#define CROZE_BASE_CHILD_H

#include <sys/types.h>

/** Default action for every signal, none blocked. */
void child_reset_signals(void);
/** Dies by SIGKILL when @parent does. -1 with errno when it cannot be had, or @parent is dead already. */
int child_die_with(pid_t parent);

#endif
