/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mount_classic - what mount.h promises, by mount(2) alone: for kernels before 5.12 and filters that refuse what is newer.
 *
 * In the place of a detached mount there is one on a tmpfs that nobody has a path to. It exists in the mount namespace of the process
 * that made it only, so that a container's own process makes all of them.
 */
#ifndef CROZE_SANDBOX_MOUNT_CLASSIC_H
#define CROZE_SANDBOX_MOUNT_CLASSIC_H

#include "runtime/base/error.h"

#include <stdbool.h>

/** Are the calls of mount.h refused here, or said to be (mount_force_classic())? */
bool classic_is_needed(void);
void classic_force(bool on);

/** As those of mount.h, @attributes too. The first one makes the tmpfs: mounts must be private or slaves by then. */
int classic_clone(int fd, bool recursive, struct error *e);
int classic_new(const char *type, const char *source, const char *options, unsigned int attributes,
    struct error *e);
int classic_change(int fd, unsigned int set, unsigned int clear, bool recursive, struct error *e);
int classic_propagate(int fd, unsigned long type, bool recursive, struct error *e);
int classic_attach(int fd, int target, struct error *e);

#endif
