/* SPDX-License-Identifier: Apache-2.0 */
/*
 * devices - which devices a container may use (runtime-spec, config-linux.md, "Allowed Device list").
 *
 * The usual devices (null, zero, full, random, urandom, tty, pseudo-terminals) are allowed behind all rules.
 */
#ifndef CROZE_CGROUP_DEVICES_H
#define CROZE_CGROUP_DEVICES_H

#include "runtime/base/error.h"
#include "runtime/oci/resources.h"

/** By devices.deny and devices.allow of a v1 cgroup. */
int devices_write(int cgroup, const struct oci_resources *r, struct error *e);
/** By a program that is attached to a v2 cgroup (bpf(2), BPF_CGROUP_DEVICE). */
int devices_attach(int cgroup, const struct oci_resources *r, struct error *e);

#endif
