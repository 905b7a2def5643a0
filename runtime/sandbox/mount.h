/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mount - mounts as descriptors (open_tree(2), fsmount(2), move_mount(2)).
 */
#ifndef CROZE_SANDBOX_MOUNT_H
#define CROZE_SANDBOX_MOUNT_H

#include "runtime/base/error.h"

#include <stdbool.h>
#include <stdint.h>

enum mount_attributes {
	MOUNT_READ_ONLY = 1 << 0,
	MOUNT_NOSUID = 1 << 1,
	MOUNT_NODEV = 1 << 2,
	MOUNT_NOEXEC = 1 << 3,
	MOUNT_NOATIME = 1 << 4, /* access times: never, or always; relatime when neither is given */
	MOUNT_STRICTATIME = 1 << 5,
	MOUNT_NODIRATIME = 1 << 6,
};

/** A detached copy of the mount at @fd (directory or file; O_PATH will do) from that path on; @recursive: with what is mounted below. */
int mount_clone(int fd, bool recursive, struct error *e);
/** A detached copy of a path of the host's own ("/sys"). */
int mount_clone_path(const char *path, bool recursive, struct error *e);
/** A new detached instance of file system @type; @options as in mount(8), may be NULL. */
int mount_new(const char *type, const char *options, unsigned int attributes, struct error *e);
/** Adds attributes (enum mount_attributes) to a mount. */
int mount_restrict(int fd, unsigned int attributes, bool recursive, struct error *e);
/** Neither gives to nor takes from other mounts what is mounted in it, with all below. */
int mount_make_private(int fd, struct error *e);
/** Attaches detached mount @fd on the directory or file open at @target. */
int mount_attach(int fd, int target, struct error *e);
/** Sets @e from errno and from what the file system context @context says about the refusal. Always returns -1, ERR_HOST. */
int mount_refused(int context, const char *type, struct error *e);
/** Bind of @source on @target in one: mount_clone() and mount_attach(). */
int mount_bind(int source, int target, unsigned int attributes, bool recursive, struct error *e);

#endif
