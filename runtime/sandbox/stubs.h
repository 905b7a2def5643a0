/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stubs - mount points that a rootfs lacks: made before a container starts, taken away after its end.
 *
 * Nothing of them may reach a layer: not the stub, not the folder that changed its time because of it.
 */
#ifndef CROZE_SANDBOX_STUBS_H
#define CROZE_SANDBOX_STUBS_H

#include "runtime/base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <time.h>

struct stub {
	int parent; /* its folder; held open, so that no link can redirect the removal */
	char *name;
	dev_t device; /* what was made, to be known again */
	ino_t inode;
	bool directory;
	struct timespec times[2]; /* of the folder before: access, modification */
	struct timespec after;    /* modification of the folder once the stub was in it */
	struct timespec own;      /* modification of the stub */
};

struct stubs {
	struct stub *items; /* in the order they were made */
	size_t count;
	size_t room;
};

/**
 * Opens mount point @path (O_PATH) below @rootfs, links followed inside as in a chroot; what is missing is made, folders 0755,
 * files 0644 when @directory is false, and recorded. -1 with @e when what is there is of the wrong type.
 */
int stubs_open(struct stubs *s, int rootfs, const char *path, bool directory, struct error *e);
/**
 * Removes what is still as it was made: an empty file that was never written, an empty folder. Times of folders that nothing else
 * changed go back to what they were. What a step has replaced or filled stays.
 */
int stubs_undo(struct stubs *s, struct error *e);
void stubs_release(struct stubs *s);

#endif
