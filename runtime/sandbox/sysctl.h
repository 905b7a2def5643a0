/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sysctl - kernel parameters of the namespaces that the calling process is in.
 */
#ifndef CROZE_SANDBOX_SYSCTL_H
#define CROZE_SANDBOX_SYSCTL_H

#include "runtime/base/error.h"

/** Sets @item, "net.ipv4.ip_forward=1", below @proc, the root of a procfs. Dots and slashes as sysctl(8) takes them. */
int sysctl_set(int proc, const char *item, struct error *e);

#endif
