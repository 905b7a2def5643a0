/* SPDX-License-Identifier: Apache-2.0 */
/*
 * netdev - network devices of the host for a container (runtime-spec, config-linux.md, "Network Devices").
 */
#ifndef CROZE_SANDBOX_NETDEV_H
#define CROZE_SANDBOX_NETDEV_H

#include "runtime/base/error.h"

#include <sys/types.h>

/**
 * Moves device @name of the calling process's network namespace to that of process @pid, where it is called @as. It keeps its hardware
 * address, its MTU and its permanent global addresses, and is up afterwards.
 *
 * ERR_HOST when there is none, when the name is taken, or without CAP_NET_ADMIN over both namespaces.
 */
int netdev_move(const char *name, const char *as, pid_t pid, struct error *e);

#endif
