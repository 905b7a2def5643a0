/* SPDX-License-Identifier: Apache-2.0 */
/*
 * jail_net - the network of a command in a chroot: its own, though there is no namespace for one (stepnet.h).
 *
 * Threads of the watcher (jail.c) answer. It is above all of the step's processes, so that it may trace them where only ancestors may
 * (Yama), and outside of the chroot; its root directory is procfs. It stays root, and takes the user of a process for the moment of a look
 * into it (pose.h).
 */
#ifndef CROZE_SANDBOX_JAIL_NET_H
#define CROZE_SANDBOX_JAIL_NET_H

#include "runtime/base/error.h"
#include "runtime/sandbox/become.h"
#include "runtime/sandbox/container.h"

/** Can it be had here? Tried in children: one that drops its user, and is looked into afterwards. ERR_HOST with what is missing. */
int jail_net_check(struct error *e);

/** Made once, before the process that is the watcher is. */
void jail_net_prepare(const struct container_spec *spec);
/** In the watcher: makes a process for @keep, serves what that starts, and ends as it does. @socket: as become_main's. */
_Noreturn void jail_net_watch(const struct container_spec *spec, become_main *keep, int socket);
/**
 * In the command's process, as its user and with no_new_privs, just before execve(2): from here on its calls are answered. @socket is that
 * which @keep was given. @spec->seccomp becomes NULL when it is part of that.
 */
int jail_net_join(struct container_spec *spec, int socket, struct error *e);

#endif
