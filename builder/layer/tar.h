/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tar - the headers of a layer's tar archive, always the same bytes for the same entry.
 *
 * pax interchange format (POSIX.1-2017, pax, "pax Interchange Format"): a ustar header, and in
 * front of it an extended header only for what ustar cannot say:
 *   path, linkpath   longer than ustar's fields, or not ASCII; with hdrcharset=BINARY when it is
 *   not UTF-8
 *   size             8 GiB and more
 *   uid, gid         above 2097151
 *   mtime            before 1970, after 2242, or with a fraction of a second (nine digits, zeros
 *   at the end cut)
 *   SCHILY.xattr.*   extended attributes
 * User and group names are empty, so no reader maps ids by its own /etc/passwd. Devices keep their
 * numbers.
 */
#ifndef CROZE_LAYER_TAR_H
#define CROZE_LAYER_TAR_H

#include "builder/layer/entry.h"

#define TAR_BLOCK 512

/**
 * Appends the header blocks of @entry to @b. A whiteout becomes an empty file ".wh.NAME"; an
 * opaque directory is followed by the header of its ".wh..wh..opq". ERR_INPUT for what tar or a
 * layer cannot say: an honest name that begins with ".wh.", a socket, an attribute with '=' in its
 * name, a device number above 2097151.
 */
int tar_add_header(struct buf *b, const struct entry *entry, struct error *e);

/** Zero bytes that fill a file of @size up to a whole block. */
static inline size_t
tar_padding(uint64_t size)
{
	return (size_t)(-size & (TAR_BLOCK - 1));
}

#endif
