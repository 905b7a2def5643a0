/* SPDX-License-Identifier: Apache-2.0 */
/*
 * jail - a command in a chroot, for the root of a container that may make no namespaces and no mounts.
 *
 * What keeps it apart: its root directory, capabilities without CAP_SYS_CHROOT, CAP_MKNOD and those that the caller lacks, the filter of system
 * calls, no new privileges, and Landlock, which leaves it the files below its root alone and no signal to or trace of a process outside.
 * The network is its own (jail_net.h), none, or that of the container around it. What is not apart: it has the process numbers of that
 * container, and its host name, too, where the network is not the command's own; and there is no /proc.
 */
#ifndef CROZE_SANDBOX_JAIL_H
#define CROZE_SANDBOX_JAIL_H

#include "runtime/base/error.h"
#include "runtime/sandbox/container.h"

struct jail;

/**
 * Starts @spec's command below @spec->rootfs, a directory that is nobody else's. Device nodes are made and single files put in place for as
 * long as it runs. A mount that is none of the usual ones is ERR_HOST. As container_start(); what the command leaves running is killed
 * when it ends. *@jail is to be given to jail_finish() in any case.
 */
int jail_start(
    const struct container_spec *spec, struct container *c, struct jail **jail, struct error *e);
/** After the end: takes away what was put into the rootfs. NULL is fine. */
int jail_finish(struct jail *jail, struct error *e);

#endif
