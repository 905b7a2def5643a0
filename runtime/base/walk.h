/* SPDX-License-Identifier: Apache-2.0 */
/*
 * walk - resolving a path below a directory in user space; only runtime/base/path.c calls it.
 *
 * Every component is opened by itself, O_PATH|O_NOFOLLOW, below the one before, so whatever another process
 * renames meanwhile, a link is never followed by the kernel. Links are read and taken apart here. ".." walks
 * down again from the top along the names that were resolved so far: it neither needs a descriptor for each
 * level nor trusts the ".." of a directory that has been moved out of the tree.
 */
#ifndef CROZE_BASE_WALK_H
#define CROZE_BASE_WALK_H

#include "runtime/base/path.h"

/** As openat2(2) with the RESOLVE_ flags of @how. -1 with errno; EAGAIN when the tree changes again and again. */
int walk_open(int dir, const char *path, int flags, mode_t mode, enum path_resolve how);

/** How directories are made that are missing. */
struct walk_dirs {
	mode_t mode;
	uid_t uid; /* (uid_t)-1: as created */
	gid_t gid;
};

/** path_make_dirs() without its error. */
int walk_make_dirs(int dir, const char *path, const struct walk_dirs *dirs);

#endif
