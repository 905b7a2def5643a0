/* SPDX-License-Identifier: Apache-2.0 */
/*
 * merge - file trees from stacked directories by copying, where nothing can be stacked by the kernel.
 *
 * Directories have the form of overlay layers, so that what is made of them is the same however it was made. Copies share
 * their bytes with the original where the file system can (reflink).
 */
#ifndef CROZE_LAYER_MERGE_H
#define CROZE_LAYER_MERGE_H

#include "runtime/base/error.h"
#include "runtime/base/inodes.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/**
 * Puts @lowers, the lowest first, as one tree into the directory @dest. What is said of the files of @lowers stays as it is.
 *
 * @shared: NULL for copies, which anybody may change. Else regular files and symbolic links become further names of those in @lowers where they can, and are
 * entered there (of @lowers[i] as many names as the file has in that one, and its time of change before): for those who change none in its
 * place.
 */
int merge_layers(
    const int *lowers, size_t n_lowers, int dest, struct inodes *shared, struct error *e);

/**
 * The same with what @like, an overlay's upper, has a name for, too, and with all in its opaque folders: as much as diff_upper() looks at
 * beside it. Files are further names where they can.
 */
int merge_layers_like(const int *lowers, size_t n_lowers, int dest, int like, struct error *e);

/** Can a file of this type have further names in such trees? FIFOs and sockets are what those who open them have in common. */
bool merge_may_share(mode_t mode);

#endif
