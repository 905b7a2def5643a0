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

#include <stddef.h>

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

struct merge_state;

/**
 * Remembers what is in @tree, so that what changes can be told. Files in @shared (may be NULL; borrowed for as long as the state) are taken
 * to be what they were as long as they are there. NULL with @e.
 */
struct merge_state *merge_remember(int tree, const struct inodes *shared, struct error *e);
void merge_state_free(struct merge_state *state);
/**
 * Moves what has changed in @tree since into @upper, a directory on the same file system that becomes an overlay's upper: with
 * whiteouts and opaque folders for what is gone. What was shared and has another name now is copied. @tree holds what has not changed afterwards.
 */
int merge_collect(const struct merge_state *state, int tree, int upper, struct error *e);

#endif
