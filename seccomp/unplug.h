/* SPDX-License-Identifier: Apache-2.0 */
/*
 * unplug - a process that makes no socket by which it could reach a network.
 */
#ifndef CROZE_SECCOMP_UNPLUG_H
#define CROZE_SECCOMP_UNPLUG_H

#include "runtime/base/error.h"

#include <linux/seccomp.h>
#include <stdint.h>

enum unplug_kept {
	UNPLUG_UNIX,  /* sockets of this machine's processes (unix(7)) can be made */
	UNPLUG_PAIRS, /* only connected pairs of them (socketpair(2)) */
};

/** What becomes of @call: SECCOMP_RET_ALLOW, or EAFNOSUPPORT (ENOSYS, where its arguments cannot be seen). */
uint32_t unplug_action(enum unplug_kept kept, const struct seccomp_data *call);
/**
 * From here on the calling process and those that it makes can have no other sockets than @kept, by the numbers of whichever
 * architecture: what a socket is is said by numbers alone, so that nobody has to be asked. Needs no_new_privs. Sockets that are open stay.
 */
int unplug_load(enum unplug_kept kept, struct error *e);

#endif
