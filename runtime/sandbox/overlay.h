/* SPDX-License-Identifier: Apache-2.0 */
/*
 * overlay - file trees from stacked directories, by the kernel's overlay file system.
 *
 * Always userxattr (the form that works in a user namespace) and volatile (no sync at unmount: durability is the store's
 * task). Layers are handed over as descriptors, so neither their paths nor their number of characters matter.
 */
#ifndef CROZE_SANDBOX_OVERLAY_H
#define CROZE_SANDBOX_OVERLAY_H

#include "runtime/base/error.h"

#include <stdbool.h>
#include <stddef.h>

/** The kernel refuses more layers than this in one mount: merge before. */
#define OVERLAY_LOWERS_MAX 500

struct overlay_spec {
	const int
	    *lowers; /* directories, lowest first; opened in the caller's own mount namespace */
	size_t n_lowers;
	int upper; /* -1: a read-only view */
	int work;  /* empty directory on the file system of @upper, used once; -1 without @upper */
};

/**
 * Mounts and returns a descriptor of the mount, which is attached nowhere: it serves as a directory, can be given to a container
 * as its rootfs, or be attached with mount_attach(). It lives until the last descriptor and container that uses it ends.
 * One lower without @upper is a read-only bind; no lower at all with an @upper is that directory itself, bound.
 *
 * Needs the namespaces of userns_enter(). -1 with @e ERR_HOST when overlay is refused, ERR_INPUT for more than
 * OVERLAY_LOWERS_MAX lowers.
 */
int overlay_mount(const struct overlay_spec *spec, struct error *e);

/** Tests: use an older way of naming the layers. */
enum overlay_api { OVERLAY_API_FD, OVERLAY_API_APPEND, OVERLAY_API_STRING };
void overlay_force_api(enum overlay_api api);

#endif
