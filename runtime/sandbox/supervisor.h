/* SPDX-License-Identifier: Apache-2.0 */
/*
 * supervisor - the process beside a container that answers for its ids (seccomp/ids.h), where only one id is mapped.
 *
 * It is made before the container, in the caller's namespaces, and holds nothing open but what it needs.
 */
#ifndef CROZE_SANDBOX_SUPERVISOR_H
#define CROZE_SANDBOX_SUPERVISOR_H

#include "runtime/base/error.h"
#include "runtime/sandbox/container.h"

#include <sys/types.h>

/** Starts it. *@socket is for the container's first process and supervisor_join(); the caller closes its copy after the clone. Returns the pid. */
pid_t supervisor_start(const struct container_spec *spec, int *socket, struct error *e);
/**
 * In the container's first process, in its root, with all capabilities: from here on the supervisor answers. Changes of user are
 * answered with success until the first execve(2), which makes the process the user of the container's spec.
 */
int supervisor_join(const struct container_spec *spec, int socket, struct error *e);
/** Ends it. */
void supervisor_stop(pid_t pid);

#endif
