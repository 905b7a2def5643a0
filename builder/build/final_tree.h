/* SPDX-License-Identifier: Apache-2.0 */
/*
 * final_tree - the files of the image that was built, looked at without unpacking it.
 *
 * Paths are looked up in the listings of the layers. Content is read from a snapshot where there is one that may be read,
 * else from the layer, of which then nothing but the files that are wanted is kept.
 */
#ifndef CROZE_BUILDER_BUILD_FINAL_TREE_H
#define CROZE_BUILDER_BUILD_FINAL_TREE_H

#include "builder/build/state.h"
#include "builder/layer/elf.h"
#include "builder/layer/listing.h"
#include "builder/step/tree.h"

struct final_layer {
	struct digest blob;
	struct digest diff_id;
	struct listing *listing;
	char *snapshot; /* id; NULL */
	bool is_base;   /* of the base image, not of a step */
	uint32_t line;  /* of the step */
};

struct final_tree {
	struct build *b;
	struct final_layer *layers; /* lowest first */
	size_t count;
	struct tree *tree;
};

int final_tree_open(struct final_tree *t, struct build *b, struct error *e);
void final_tree_release(struct final_tree *t);

/** The layer that @path (resolved) comes from; NULL. */
const struct final_layer *final_tree_layer(const struct final_tree *t, const char *path);
/** Is there anything at @path, behind links? @resolved (may be NULL) gets where, to be freed. */
bool final_tree_has(const struct final_tree *t, const char *path, char **resolved);
/**
 * Opens the regular file at @path (resolved): *@fd is to be closed, @range says which of its bytes are the file. 1, 0 when
 * there is none, -1.
 */
int final_tree_read(const struct final_tree *t, const char *path, int *fd, struct file_range *range,
    struct error *e);
/** Appends the content of a small file; links are followed. 1, 0, -1. */
int final_tree_text(
    const struct final_tree *t, const char *path, size_t max, struct buf *text, struct error *e);
/**
 * The same for several regular files of one layer (paths as its listing has them): the layer is read once. Each of @texts is
 * filled up to @max bytes; what cannot be read stays empty.
 */
int final_tree_texts(const struct final_tree *t, const struct final_layer *layer,
    const struct strv *paths, size_t max, struct buf *texts, struct error *e);

#endif
