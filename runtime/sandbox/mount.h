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
	MOUNT_RELATIME =
	    1 << 7, /* only to take another choice back: it is what there is otherwise */
	MOUNT_NOSYMFOLLOW = 1 << 8,
};

/**
 * Are the calls that work with descriptors refused here (or said to be)? Then mounts that these functions make are of the calling process's mount
 * namespace alone, and a parent has none to hand on.
 */
bool mount_is_classic(void);
/** For tests: does without those calls. */
void mount_force_classic(bool on);

/** A detached copy of the mount at @fd (directory or file; O_PATH will do) from that path on; @recursive: with what is mounted below. */
int mount_clone(int fd, bool recursive, struct error *e);
/** A detached copy of a path of the host's own ("/sys"). */
int mount_clone_path(const char *path, bool recursive, struct error *e);
/** A new detached instance of file system @type; @options as in mount(8), a value with commas in "", may be NULL. */
int mount_new(const char *type, const char *options, unsigned int attributes, struct error *e);
/** Adds attributes (enum mount_attributes) to a mount. */
int mount_restrict(int fd, unsigned int attributes, bool recursive, struct error *e);
/** Sets and clears attributes (enum mount_attributes) of a mount; ERR_HOST when one is locked by whoever made it. */
int mount_change(int fd, unsigned int set, unsigned int clear, bool recursive, struct error *e);
/** @type: MS_SHARED, MS_SLAVE, MS_PRIVATE or MS_UNBINDABLE. */
int mount_propagate(int fd, unsigned long type, bool recursive, struct error *e);
/** Ids of the file system are those of user namespace @userns seen from outside (mount_setattr(2), "ID-mapped mounts"). */
int mount_map_ids(int fd, int userns, bool recursive, struct error *e);
/** As mount_new(), of @source. */
int mount_new_from(const char *type, const char *source, const char *options,
    unsigned int attributes, struct error *e);
/** Attaches detached mount @fd on the directory or file open at @target. */
int mount_attach(int fd, int target, struct error *e);
/** Takes the mount whose root @fd is off its place, at once, even while files in it are open. */
int mount_detach(int fd, struct error *e);
/** Sets @e from errno and from what the file system context @context says about the refusal. Always returns -1, ERR_HOST. */
int mount_refused(int context, const char *type, struct error *e);
/** Bind of @source on @target in one: mount_clone() and mount_attach(). */
int mount_bind(int source, int target, unsigned int attributes, bool recursive, struct error *e);

#endif
