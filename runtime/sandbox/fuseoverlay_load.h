/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuseoverlay_load - what is loaded into fuse-overlayfs (fuseoverlay_load.c, fuseoverlay_copy.c), and how it is told what to do.
 */
#ifndef CROZE_SANDBOX_FUSEOVERLAY_LOAD_H
#define CROZE_SANDBOX_FUSEOVERLAY_LOAD_H

#define FUSEOVERLAY_LOAD "croze-fuse.so" /* a helper (process_helper()), for LD_PRELOAD */
/* The variable with the number of the upper's inherited descriptor; without it nothing is done. */
#define FUSEOVERLAY_UPPER "CROZE_FUSE_UPPER"
/* Those of the lowers, the uppermost first, with blanks between. */
#define FUSEOVERLAY_LOWERS "CROZE_FUSE_LOWERS"

#endif
