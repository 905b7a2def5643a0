/* SPDX-License-Identifier: Apache-2.0 */
/*
 * inodes - files of one file system by their inode number, and what is to be known of each.
 */
#ifndef CROZE_BASE_INODES_H
#define CROZE_BASE_INODES_H

#include "runtime/base/error.h"

#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <time.h>

struct inode {
	ino_t ino;               /* 0: a free place in the table */
	uint64_t names;          /* how often inodes_add() was called with it */
	struct timespec changed; /* st_ctime at the first time */
};

struct inodes {
	dev_t dev; /* of all of them */
	struct inode *items;
	size_t count;
	size_t room; /* a power of two, or 0 */
};

void inodes_release(struct inodes *inodes);
/** The table's entry for the file of @st; NULL. Several threads may ask while nobody adds. */
struct inode *inodes_find(const struct inodes *inodes, const struct stat *st);
/** One more name of the file of @st, which must be on the file system of the first one. Valid until the next call. */
struct inode *inodes_add(struct inodes *inodes, const struct stat *st);
/** Writes the table to the empty file @fd, for inodes_read() of a program of the same version on the same machine. */
int inodes_write(const struct inodes *inodes, int fd, struct error *e);
/** Reads it from the start of the file @fd into @inodes, which is empty. */
int inodes_read(struct inodes *inodes, int fd, struct error *e);

#endif
