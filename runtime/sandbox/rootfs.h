/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rootfs - puts a container's file tree together and enters it; for the container's own process only.
 */
#ifndef CROZE_SANDBOX_ROOTFS_H
#define CROZE_SANDBOX_ROOTFS_H

#include "runtime/base/error.h"
#include "runtime/sandbox/container.h"
#include "runtime/sandbox/mask.h"

/** What the parent has prepared and the child goes on with. */
struct rootfs {
	int root; /* detached mount (mount_is_classic(): an open directory); from rootfs_build() on attached */
	int dev; /* a /dev made ahead, detached; -1 */
	int sys; /* a /sys made ahead, detached; -1 */
	int *
	    sources; /* detached mounts of the binds, in the order of all mounts; -1 where there is none */
	int *devices;              /* likewise of the nodes of the host (container_spec.devices) */
	int pts;                   /* set by rootfs_build(): the devpts instance, -1 */
	unsigned long propagation; /* of the root once it is entered; 0: as it is */
	bool propagation_below;
	const char *label; /* container_spec.mount_label */
	int proc; /* set by rootfs_build(): root of the container's procfs, verified to be one; -1 */
	bool hide_sys; /* the rest is rootfs_build()'s own */
	struct mask mask;
};

/** The n-th of the default (or given) mounts followed by the extra ones; NULL behind the last. */
const struct container_mount *rootfs_mount_at(const struct container_spec *spec, size_t n);
/** Gives a copy of what @m binds the propagation that is asked for, or none: in namespaces of ours all is private, unless somebody asked for more. */
int rootfs_propagate(
    const struct container_spec *spec, const struct container_mount *m, int fd, struct error *e);
/** In the new mount namespace: attaches the root and all mounts, masks paths. The host's tree is still the root directory. */
int rootfs_build(struct rootfs *r, const struct container_spec *spec, struct error *e);
/** Makes it the root directory and lets go of the host's tree. */
int rootfs_enter(const struct rootfs *r, bool no_pivot, struct error *e);

#endif
