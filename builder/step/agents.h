/* SPDX-License-Identifier: Apache-2.0 */
/*
 * agents - a socket for RUN --mount=type=ssh, behind which an ssh agent lists its keys and signs.
 *
 * The command never sees the agent's own socket: a process between passes on the two requests that using a key takes
 * (draft-miller-ssh-agent, 3.5 and 3.6), and answers all others with a failure, so that a step can neither add, remove nor lock keys.
 */
#ifndef CROZE_BUILDER_STEP_AGENTS_H
#define CROZE_BUILDER_STEP_AGENTS_H

#include "runtime/base/error.h"

#include <sys/types.h>

/** An --ssh. */
struct run_agent {
	const char *id;
	const char *socket; /* of the agent */
};

/**
 * Makes the socket @name in the directory @dir and a process that serves it. Returns the process, to be ended with
 * agent_end(); it ends with the caller too.
 */
pid_t agent_serve(int dir, const char *name, const char *socket, struct error *e);
void agent_end(pid_t pid);

/** For tests: is the request with this first byte passed on? */
int agent_passes(unsigned char type);

#endif
