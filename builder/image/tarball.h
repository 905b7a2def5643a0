/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tarball - archives that hold images: the outer tar, as a container of blobs.
 *
 * The headers are read once; members are then found by name in memory and read by offset. No name ever becomes a path of
 * the host, no link is followed by the file system. ustar, pax (path, linkpath, size), GNU long names, base-256 numbers.
 */
#ifndef CROZE_IMAGE_TARBALL_H
#define CROZE_IMAGE_TARBALL_H

#include "runtime/base/buf.h"
#include "runtime/base/error.h"
#include "runtime/base/map.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tarball_member {
	char *name;    /* clean: "blobs/sha256/ab..", without a leading "./" or '/' */
	char *link;    /* target of a symbolic ('2') or hard ('1') link, else NULL */
	char type;     /* '0' regular, '1', '2', '5' directory; others are not kept */
	bool repeated; /* another member of this name stands before it */
	bool sparse;   /* in a form of GNU tar that is not read here */
	uint64_t offset;
	uint64_t size;
};

struct tarball {
	int fd; /* borrowed; a regular file */
	struct tarball_member *members;
	size_t count;
	size_t room;
	struct map by_name; /* → the last member of the name */
};

/** More members than this are refused. */
#define TARBALL_MEMBERS_MAX 200000

void tarball_release(struct tarball *t);
/** Reads all headers of @fd, which must be seekable and stay open as long as @t. ERR_INPUT. */
int tarball_open(struct tarball *t, int fd, struct error *e);
/** Is there anything of that name? */
bool tarball_has(const struct tarball *t, const char *name);
/** The regular file @name; ERR_NOT_FOUND, or ERR_INPUT when it is a link or stands there twice. */
const struct tarball_member *tarball_find(
    const struct tarball *t, const char *name, struct error *e);
/** As tarball_find(), but one link to a regular file in the same archive counts too: old docker save repeats layers so. */
const struct tarball_member *tarball_find_linked(
    const struct tarball *t, const char *name, struct error *e);
/** Appends the bytes of a member of at most @max bytes. */
int tarball_read(const struct tarball *t, const struct tarball_member *m, size_t max, struct buf *b,
    struct error *e);

/** Do the first bytes of regular file @fd say gzip? */
bool tarball_is_gzip(int fd);
/** Unpacks gzip @from to @to (all members); more than @max bytes are ERR_POLICY. */
int tarball_inflate(int from, int to, uint64_t max, struct error *e);

#endif
