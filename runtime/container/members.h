/* SPDX-License-Identifier: Apache-2.0 */
/*
 * members - the processes of a container.
 */
#ifndef CROZE_CONTAINER_MEMBERS_H
#define CROZE_CONTAINER_MEMBERS_H

#include "runtime/base/error.h"
#include "runtime/container/state.h"

#include <stddef.h>
#include <sys/types.h>

struct members {
	pid_t *pids; /* ascending */
	size_t count;
	size_t room;
};

void members_release(struct members *m);
/**
 * All that belong to a container with a pid namespace of its own; of another one the first process and its descendants, as far as
 * those have not been adopted by others. A stopped container has none.
 */
int members_find(const struct state *s, struct members *m, struct error *e);
/** Sends @signal to each, over and over for SIGKILL until nobody new is found. Those that have ended meanwhile are no failure. */
int members_signal(const struct state *s, int signal, struct error *e);

#endif
