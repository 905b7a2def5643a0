/* SPDX-License-Identifier: Apache-2.0 */
/*
 * place - entries to files below an open directory.
 *
 * The folder an entry goes into is opened below the root as if that were "/" (openat2,
 * RESOLVE_IN_ROOT): links that lead outside lead somewhere inside instead, so merged /usr and
 * absolute links work, and nothing else exists. The last component is never followed. Only within
 * layer/.
 */
#ifndef CROZE_LAYER_PLACE_H
#define CROZE_LAYER_PLACE_H

#include "builder/layer/entry.h"
#include "builder/layer/listing.h"
#include "runtime/base/inodes.h"

struct place_options {
	int root;
	const struct inodes *shared; /* files in it that are others' too, and stay as they are */
	const char
	    *base; /* entries go below this directory of the root; clean, "" for the root itself */
	bool whiteouts; /* names beginning ".wh." remove; else they are refused */
	bool recorded;  /* owners are records (seccomp/owner.h) */
	bool chown;     /* all entries are owned by @uid:@gid */
	uid_t uid;
	gid_t gid;
	const struct listing_builder
	    *added; /* with @whiteouts: what this layer has added is not removed by it */
	entry_note_fn *note;
	void *note_arg;
};

/**
 * Gives the next bytes of a file: 1 with bytes that belong at @offset (what was left out is a
 * hole), 0 at the end, -1.
 */
typedef int place_content_fn(
    void *arg, const void **bytes, size_t *length, uint64_t *offset, struct error *e);

struct place;

struct place *place_new(const struct place_options *options);
void place_free(struct place *p);
/**
 * Places one entry; its path is below @base and clean, a hard link's @link too. Something of that
 * name that is in the way goes. @content is asked for the bytes of a regular file. Messages do not
 * name the entry.
 */
int place_entry(struct place *p, const struct entry *entry, place_content_fn *content, void *arg,
    struct error *e);
/**
 * @name in the directory @dir goes, unless this layer added it (image-spec, layer.md, "Whiteouts").
 */
int place_removal(struct place *p, const char *path, struct error *e);
/** All in the directory @path goes but what this layer added. */
int place_opaque(struct place *p, const char *path, struct error *e);
/** Sets what had to wait: modes and times of directories. */
int place_finish(struct place *p, struct error *e);

#endif
