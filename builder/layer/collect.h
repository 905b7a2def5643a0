/* SPDX-License-Identifier: Apache-2.0 */
/*
 * collect - what has changed in a tree, as an overlay would have kept it.
 */
#ifndef CROZE_LAYER_COLLECT_H
#define CROZE_LAYER_COLLECT_H

#include "runtime/base/error.h"
#include "runtime/base/inodes.h"

struct collect_state;

/**
 * Remembers what is in @tree, so that what changes can be told. Files in @shared (may be NULL; borrowed for as long as the state) are taken
 * to be what they were as long as they are there (merge.h). NULL with @e.
 */
struct collect_state *collect_remember(int tree, const struct inodes *shared, struct error *e);
void collect_state_free(struct collect_state *state);
/**
 * Moves what has changed in @tree since into @upper, a directory on the same file system that becomes an overlay's upper: with
 * whiteouts and opaque folders for what is gone. What was shared and has another name now is copied. @tree holds what has not changed afterwards.
 */
int collect_changes(const struct collect_state *state, int tree, int upper, struct error *e);

#endif
