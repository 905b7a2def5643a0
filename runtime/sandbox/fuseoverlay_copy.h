/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuseoverlay_copy - what fuse-overlayfs copies up and takes away is as in the kernel's overlay.
 *
 * Only within what is loaded into that program (fuseoverlay_load.c), which has one state for all its threads, and an operation a thread. The
 * module knows of the program's file operations alone, nothing of libfuse.
 */
#ifndef CROZE_SANDBOX_FUSEOVERLAY_COPY_H
#define CROZE_SANDBOX_FUSEOVERLAY_COPY_H

#include <dlfcn.h>
#include <stdbool.h>
#include <sys/stat.h>

/* Not for the program, which must find nothing here but the functions it calls. */
#define FUSE_OURS __attribute__((visibility("hidden")))

/* The function that the program would have called. */
#define NEXT(name)                 \
	static typeof(name) *next; \
	if (!next)                 \
	next = (typeof(name) *)dlsym(RTLD_NEXT, #name)

#define FUSE_SET_ID (S_ISUID | S_ISGID)
#define FUSE_MODE 07777

/** Takes the layers that the environment names (fuseoverlay_load.h). False where it names none: then nothing is done. Once, before all else. */
FUSE_OURS bool fuse_copy_open(void);
/** What the program makes in this thread from here on is new (@paused), or is copied up again, as at the start. */
FUSE_OURS void fuse_copy_pause(bool paused);
/**
 * What the program takes out of the upper in this thread is a file without a name, of which nobody knows: nothing is hidden below, and
 * its folder is what it was in @folder (borrowed until the next call). NULL: it is as any other.
 */
FUSE_OURS void fuse_copy_unnamed(const struct stat *folder);

#endif
