/* SPDX-License-Identifier: Apache-2.0 */
/*
 * traverse - every path below a directory, with its metadata, without following a link.
 *
 * One directory is read, sorted and looked at as a whole, then closed; those below it come later.
 * So a tree of any depth needs one descriptor, and a million files in one directory need their
 * names and nothing else. Directories are opened again from the root, each component checked by the
 * kernel (openat2), so that one that is exchanged for a link meanwhile is an error and never a way
 * out.
 */
#ifndef CROZE_CONTEXT_TRAVERSE_H
#define CROZE_CONTEXT_TRAVERSE_H

#include "builder/dockerfile/ignore.h"
#include "runtime/base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

struct traverse_item {
	const char *name; /* in its directory */
	size_t name_length;
	/* what visit() answered for its directory; the start's is the caller's */
	uint32_t parent;
	int dir; /* open directory that holds it */
	const struct stat *stat;
	/* a directory that is left out, walked because something below may not be */
	bool excluded;
};

/**
 * Called for each entry, those of one directory in bytewise order of their names and without
 * another between them.
 * @token: for a directory, what its entries get as parent.
 * Returns 1 to go into a directory, 0 not to, -1 with @e.
 */
typedef int traverse_visit(
    void *arg, const struct traverse_item *item, uint32_t *token, struct error *e);

struct traverse {
	int root; /* what paths are relative to */
	/* clean path of the directory to walk; "." is the root itself */
	const char *start;
	uint32_t token; /* parent of the entries of @start */
	/* paths below @root that it matches are left out; NULL: none */
	const struct ignore *ignore;
	/* the same for paths below @start: what one matches, and what the other does not match, is left out; NULL */
	const struct ignore *exclude;
	const struct ignore *include;
	traverse_visit *visit;
	void *arg;
};

/** Walks. What vanishes between being listed and being looked at is left out. */
int traverse_run(const struct traverse *traverse, struct error *e);

/**
 * Opens @path below @root without following any link, whatever its length (more than PATH_MAX too).
 * Returns the descriptor, or -1 with errno.
 */
int traverse_open(int root, const char *path, int flags);

/** The names in @dir in bytewise order, packed one after another with a NUL each. */
struct traverse_names {
	char *text;
	size_t length;
	size_t room;
	const char **items;
	size_t count;
	size_t items_room;
};
int traverse_names_read(struct traverse_names *names, int dir, struct error *e);
void traverse_names_release(struct traverse_names *names);

#endif
