/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tree - looking paths up in a root filesystem, whether or not it is unpacked.
 *
 * The files of a step are a stack: listings of layers and upper directories of snapshots, the
 * lowest first, in which a whiteout, an opaque directory or a file in the place of a directory
 * hides what is below it; or they are one directory, such as a mount of that stack. Links are
 * resolved inside the root, as chroot would.
 */
#ifndef CROZE_STEP_TREE_H
#define CROZE_STEP_TREE_H

#include "builder/layer/entry.h"
#include "builder/layer/listing.h"
#include "runtime/base/error.h"
#include "runtime/base/strv.h"

#include <stdbool.h>

struct tree;

/** An empty root filesystem. */
struct tree *tree_new(void);
void tree_free(struct tree *tree);
void tree_free_at(struct tree **tree);
#define autotree __attribute__((cleanup(tree_free_at)))

/** Puts a layer on top. @listing is borrowed and must outlive @tree. */
void tree_add_listing(struct tree *tree, const struct listing *listing);
/**
 * Puts a snapshot on top: fs/ of an overlay upper directory as the kernel left it. @upper is
 * borrowed.
 */
void tree_add_upper(struct tree *tree, int upper);
/** Puts an ordinary directory or a mount on top; it hides everything below. @root is borrowed. */
void tree_add_root(struct tree *tree, int root);

/** What is at a path. The texts are valid until the next call with the same tree. */
struct tree_item {
	mode_t mode;
	uid_t uid;
	gid_t gid;
	struct timespec mtime;
	const char *link; /* target of a symbolic link, else "" */
};

/**
 * Looks @path up, which is clean, relative to the root, and goes through no link ("" is the root
 * itself). Returns 1 with @item, 0 when nothing is there (also when something on the way is no
 * directory), -1 with @e.
 */
int tree_lookup(struct tree *tree, const char *path, struct tree_item *item, struct error *e);

/** Where a path leads. */
struct tree_place {
	char *path; /* clean, relative to the root, through no link; "" is the root */
	/* length of the part of @path that is there; strlen(path) when all of it is */
	size_t existing;
	struct tree_item item; /* of the existing part */
};
void tree_place_release(struct tree_place *place);
bool tree_place_exists(const struct tree_place *place);

/**
 * Follows every link of @path, inside the root; ".." stops at the root. What is not there stays as
 * it is written, also behind a dangling link. ERR_INPUT for a loop of links and for a way through
 * something that is no directory.
 */
int tree_resolve(struct tree *tree, const char *path, struct tree_place *place, struct error *e);

/** Names in directory @path (resolved), sorted, each once, at most @max of them. */
int tree_names(
    struct tree *tree, const char *path, size_t max, struct strv *names, struct error *e);

/**
 * Paths near @path that are there, for a message: other names in its directory that look alike or a
 * file of that name elsewhere near the root. At most @max are appended to @paths. Never fails.
 */
void tree_suggest(struct tree *tree, const char *path, size_t max, struct strv *paths);

#endif
