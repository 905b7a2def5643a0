/* SPDX-License-Identifier: Apache-2.0 */
/*
 * standin - what a container is shown at a place of its rootfs where nothing can be mounted: it is moved there, and back after the end.
 *
 * What is shown changes places with the mount point, so both have to be on one file system. It is the container's alone for that time, and
 * can be written to. Nothing of it reaches a layer, as with stubs.h.
 */
#ifndef CROZE_SANDBOX_STANDIN_H
#define CROZE_SANDBOX_STANDIN_H

#include "runtime/base/error.h"
#include "runtime/sandbox/stubs.h"

#include <stddef.h>
#include <time.h>

struct standin {
	char *target;   /* for messages */
	int source;     /* what is shown (O_PATH) */
	int home;       /* the folder that it is kept in otherwise */
	char *kept_as;  /* its name there */
	int place;      /* the folder of the mount point */
	char *shown_as; /* its name there */
	struct timespec before[2],
	    after; /* times of that folder: access, modification; modification with it */
};

struct standins {
	struct standin *items; /* in the order they were put there */
	size_t count;
	size_t room;
};

/**
 * Shows @source, a file or folder by any descriptor, at @target below @rootfs; a mount point that is missing is made, and recorded in @stubs.
 * ERR_STEP when @target is of another type or the root, ERR_HOST when it is on another file system.
 */
int standins_put(struct standins *s, struct stubs *stubs, int rootfs, const char *target,
    int source, struct error *e);
/**
 * Moves all back, before stubs_undo(), and mount points to where they were. What the command has removed is not at home then; what it has put
 * there instead is. ERR_STEP when it has moved one elsewhere, which a mount would not have let it.
 */
int standins_undo(struct standins *s, struct error *e);

#endif
