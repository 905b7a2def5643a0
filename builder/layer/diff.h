/* SPDX-License-Identifier: Apache-2.0 */
/*
 * diff - what a step has added, changed or removed, read from its overlay upper directory.
 *
 * Only the upper is walked, so the cost follows the change and not the image. A file that was
 * copied up and is equal to the one below is left out. The directories above an entry are entries
 * as well, unchanged as they may be: readers that unpack each layer by itself make missing ones
 * with a mode and an owner of their own.
 */
#ifndef CROZE_LAYER_DIFF_H
#define CROZE_LAYER_DIFF_H

#include "builder/layer/entry.h"

struct diff_options {
	int upper; /* the upper directory itself (fs/ of a snapshot), not a mount of it */
	int lower; /* a mount or plain directory with the tree below; -1: nothing is below */
	bool upper_is_mount; /* @upper is an ordinary tree, no raw overlay layer */
	entry_note_fn *note; /* may be NULL */
	void *note_arg;
};

struct diff_stats {
	uint64_t n_entries;   /* given to the caller: added, changed, or directories above such */
	uint64_t n_removed;   /* whiteouts among them */
	uint64_t n_unchanged; /* copied up and equal to what is below: left out */
	uint64_t n_metadata;  /* files whose bytes are the same and had to be shipped again */
	uint64_t metadata_bytes;
};

/**
 * Calls @fn with every entry of the layer, in the order of entry_path_compare(). Both trees must
 * be at rest. The root directory itself is an entry ("") only when its mode, owner or attributes
 * differ from the root below (0755, 0:0 when nothing is below). Needs the ids of the user
 * namespace that wrote the upper. Memory does not grow with the tree, but with the names of the
 * directories from the root to where the walk is.
 */
int diff_upper(const struct diff_options *options, entry_fn *fn, void *arg,
    struct diff_stats *stats, struct error *e);

/** Gives a fresh upper directory the mode, owner, times and attributes of the root it hides. */
int diff_prepare_upper(int upper, int lower, struct error *e);

#endif
