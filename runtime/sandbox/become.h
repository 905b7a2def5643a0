/* SPDX-License-Identifier: Apache-2.0 */
/*
 * become - from a process that has entered a container to the command: limits, working directory, user, filter, execve.
 */
#ifndef CROZE_SANDBOX_BECOME_H
#define CROZE_SANDBOX_BECOME_H

#include "runtime/base/error.h"
#include "runtime/sandbox/container.h"
#include "runtime/sandbox/init.h"

/** A process between the caller, its @parent, and a command. */
typedef void become_main(void *arg, int socket, pid_t parent);
/**
 * Makes a process for @main, which never returns, and waits until a command executes below it: until nobody has the other end of @socket any
 * more. What is sent on that instead is a struct error, and becomes @e. *@pid is the process, to be waited for in any case; 0: there is none.
 */
int become_apart(pid_t *pid, become_main *main, void *arg, struct error *e);
/** A session keyring of its own, in the place of the caller's. */
int become_new_keyring(struct error *e);
/** Makes @from (-1: /dev/null) descriptors 0, 1 and 2; pipes and sockets are given to @uid. */
int become_stdio(const int from[3], uid_t uid, struct error *e);
/**
 * From here on @spec's egress answers what it is asked for; @spec->seccomp becomes NULL when it is part of that. Merely to be told of what is
 * refused is not worth a failure: then nothing is changed.
 */
int become_asking(struct container_spec *spec, struct error *e);
/**
 * All that is done before a start is waited for; the calling process cannot go back. Looks for the command, so that its absence is told here.
 * Every descriptor but those of @spec and @socket is closed. @socket: to the parent, which gets INIT_LISTENER and the listener of a filter
 * that notifies, when it waits for that (@spec->events); -1.
 */
int become_ready(const struct container_spec *spec, int socket, struct error *e);
/** Waits until @spec->hold_read says go. Ends the process when nobody can start it any more. */
void become_wait(const struct container_spec *spec);
/** Dies with the parent from here on, whose end of @socket closes when it ends. */
void become_mortal(int socket);
/** Executes. Returns only on failure. */
int become_command(const struct container_spec *spec, struct error *e);

#endif
