/* SPDX-License-Identifier: Apache-2.0 */
/*
 * metadata - what a file has besides its content, from one tree to another.
 */
#ifndef CROZE_LAYER_METADATA_H
#define CROZE_LAYER_METADATA_H

#include "runtime/base/error.h"

#include <stdbool.h>
#include <sys/stat.h>

/* The attributes of overlays of a user, and what they make of those of an overlay that is in one. */
#define OVERLAY_PREFIX "user.overlay."
#define OVERLAY_ESCAPED "user.overlay.overlay."

/**
 * Gives the file or folder @to owner, mode, attributes and times of @from, of which stat(2) says @st. The attributes of an overlay are left
 * out; escaped ones lose a level. @path is for messages. 0 or -1.
 */
int metadata_copy(int from, int to, const struct stat *st, const char *path, struct error *e);
/** Has @fd the attribute @name with the one character @value? */
bool metadata_has_mark(int fd, const char *name, char value);

#endif
