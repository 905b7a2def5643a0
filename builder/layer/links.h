/* SPDX-License-Identifier: Apache-2.0 */
/*
 * links - which files have several names in one tree.
 *
 * What stat(2) says of that counts names elsewhere, too: a step may work on further names of a snapshot's files (merge.h).
 */
#ifndef CROZE_LAYER_LINKS_H
#define CROZE_LAYER_LINKS_H

#include "runtime/base/error.h"
#include "runtime/base/inodes.h"

/** Enters into @found, which is empty, what is no directory in @dir and below, and has several names anywhere: with the number of those there. */
int links_count(int dir, struct inodes *found, struct error *e);
/** How many names of the file of @st are there? */
uint64_t links_of(const struct inodes *found, const struct stat *st);
/**
 * What has names outside of @dir, of which links_count() gave @found, becomes a file of this tree alone: a copy, or another link of the same
 * text; pipes, sockets and devices are removed. Several names of one file in it become several files.
 */
int links_break(int dir, const struct inodes *found, struct error *e);

#endif
