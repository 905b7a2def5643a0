/* SPDX-License-Identifier: Apache-2.0 */
/*
 * walk - what walks through file trees have in common that are deeper than there may be descriptors.
 */
#ifndef CROZE_LAYER_WALK_H
#define CROZE_LAYER_WALK_H

#include "runtime/base/error.h"
#include "runtime/base/text.h"

#include <fcntl.h>

#define WALK_OPEN_DIR (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
/* Folders above this depth keep their descriptors; deeper ones get them back when what is below is done. */
#define WALK_OPEN_LEVELS 16

/** Is @path no longer than a path can be? 0 or -1. Bounds the depth of a walk, too. */
int walk_check_path(const struct buf *path, struct error *e);
/** One name more. */
void walk_add_name(struct buf *path, const char *name);
/** Opens the folder again that the folder @below is in, unless *@dir is open. 0 or -1. */
int walk_open_again(int *dir, int below, struct error *e);

#endif
