/* SPDX-License-Identifier: Apache-2.0 */
/*
 * listing - the table of contents of a layer: every path with its metadata, without the bytes.
 *
 * One block of memory or one mapped file: a head, fixed-size records in the order of
 * entry_path_compare(), texts. What is below a record follows it at once, and each record knows
 * where that ends, so looking up is a binary search and going through a directory skips what is
 * deeper. A loaded file is checked whole before anything of it is used.
 *
 * Parents that the layer has no entry of are there as records with LISTING_IMPLIED. Such a parent
 * may be a symbolic link in a layer below ("bin/x" over bin -> usr/bin): the entries then belong
 * where the link points.
 */
#ifndef CROZE_LAYER_LISTING_H
#define CROZE_LAYER_LISTING_H

#include "builder/layer/entry.h"

enum listing_flags {
	LISTING_IMPLIED = 1 << 0, /* no entry of its own: a directory because of what is below it */
	LISTING_REMOVES =
	    1 << 1, /* a whiteout: not there, and hidden in the layers below. @mode is 0 */
	LISTING_OPAQUE = 1 << 2, /* a directory, and its content in the layers below is hidden */
	LISTING_HARDLINK =
	    1 << 3,              /* another name of the file @link; metadata as its entry had it */
	LISTING_XATTRS = 1 << 4, /* has extended attributes, which are not kept here */
};

/** One path. Borrowed from the listing. */
struct listing_item {
	const char *name; /* the last component; the root's is "" */
	size_t parent;    /* index of the directory it is in; the root's is 0 */
	const char *link; /* "" when neither a symbolic nor a hard link */
	uint32_t flags;
	mode_t mode;
	uid_t uid;
	gid_t gid;
	dev_t rdev;
	uint64_t size;
	struct timespec mtime;
	size_t end; /* index after the last record below this path */
};

struct listing;

/* Making one */
struct listing_builder;
struct listing_builder *listing_builder_new(void);
void listing_builder_free(struct listing_builder *b); /* NULL is fine */
/** In any order; of several entries of one path the last one counts. */
void listing_builder_add(struct listing_builder *b, const struct entry *entry);
/** Marks directory @path as one whose content in the layers below is hidden. */
void listing_builder_hide(struct listing_builder *b, const char *path);
/**
 * Does the builder hold @path, as an entry or implied by one below it? A removed path it does not
 * hold.
 */
bool listing_builder_has(const struct listing_builder *b, const char *path);
/** Sorts, adds implied parents. Frees @b. ERR_INPUT when the texts are larger than 4 GiB. */
struct listing *listing_builder_finish(struct listing_builder *b, struct error *e);

/* Keeping one */
/** The bytes of the file form; they belong to @l. */
const void *listing_bytes(const struct listing *l, size_t *length);
/** Copies and checks. ERR_INPUT for bytes that are no listing of this version. NULL on failure. */
struct listing *listing_load(const void *bytes, size_t length, struct error *e);
/** The same without a copy: takes the bytes out of @bytes in any case. */
struct listing *listing_take(struct buf *bytes, struct error *e);
/** Maps and checks a file that nobody changes in place; @fd stays the caller's. */
struct listing *listing_load_fd(int fd, struct error *e);
void listing_free(struct listing *l);
void listing_free_at(struct listing **l);
#define autolisting __attribute__((cleanup(listing_free_at)))

/* Reading one. Record 0 is always the root (implied, unless the layer has an entry of it). */
size_t listing_count(const struct listing *l);
/** @index < listing_count(). */
void listing_at(const struct listing *l, size_t index, struct listing_item *item);
/** Index of @path (as entry.path; links are not followed), or SIZE_MAX. */
size_t listing_find(const struct listing *l, const char *path);
/** Index of child @name of record @parent, or SIZE_MAX. */
size_t listing_find_child(const struct listing *l, size_t parent, const char *name, size_t length);
/** Appends the path of record @index, as entry.path. */
void listing_add_path(const struct listing *l, size_t index, struct buf *b);
/**
 * The first child of record @index when @after is 0, else the one that follows child @after; 0
 * when there is none. Children come in bytewise order of their names.
 */
size_t listing_child(const struct listing *l, size_t index, size_t after);

#endif
