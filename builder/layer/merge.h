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

#include <stddef.h>

/** Puts @lowers, the lowest first, as one tree into the empty directory @dest. Nothing of @lowers is changed. */
int merge_layers(const int *lowers, size_t n_lowers, int dest, struct error *e);

struct merge_state;

/** Remembers what is in @tree, so that what changes can be told. NULL with @e. */
struct merge_state *merge_remember(int tree, struct error *e);
void merge_state_free(struct merge_state *state);
/**
 * Moves what has changed in @tree since into @upper, a directory on the same file system that becomes an overlay's upper: with
 * whiteouts and opaque folders for what is gone. @tree is of no use afterwards.
 */
int merge_collect(const struct merge_state *state, int tree, int upper, struct error *e);

#endif
