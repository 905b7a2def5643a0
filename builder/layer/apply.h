/* SPDX-License-Identifier: Apache-2.0 */
/*
 * apply - layers and archives to files, through the confined helper program croze-unpack.
 *
 * The helper decompresses and parses what strangers wrote; it sees nothing of the file system but
 * the one directory it fills, and makes no network connection and no process.
 */
#ifndef CROZE_LAYER_APPLY_H
#define CROZE_LAYER_APPLY_H

#include "builder/layer/entry.h"
#include "builder/layer/listing.h"
#include "runtime/base/digest.h"
#include "runtime/base/inodes.h"
#include "runtime/base/strv.h"

/** Where the bytes are and what they must be. */
struct layer_source {
	int fd;                       /* read from its position to its end */
	const struct digest *digest;  /* of the bytes as stored; NULL: not checked */
	const struct digest *diff_id; /* of the tar; NULL: not checked */
};

/** What is filled. */
struct apply_root {
	int fd; /* an open directory */
	const struct inodes *
	    shared; /* files in it that are others' too, and stay as they are: what would change one changes a copy; NULL: none is */
};

/** 0 means the default. Reaching one is ERR_POLICY. */
struct apply_limits {
	uint64_t bytes;   /* that are written, and of the tar: 1 TiB */
	uint64_t entries; /* 5,000,000 */
};

struct apply_result {
	struct digest digest;  /* of the bytes as stored */
	struct digest diff_id; /* of the uncompressed bytes, to the last one */
	uint64_t size;         /* stored bytes */
	uint64_t tar_size;     /* uncompressed */
	uint64_t n_entries;
	struct strv notes; /* what was dropped or kept in another form, a line each; at most 100 */
};
void apply_result_release(struct apply_result *r);

/**
 * Applies a layer to @root (image-spec, layer.md, "Applying Changesets"): the
 * empty one of a lowest layer, or a mount of the layers below. Nothing outside it is touched,
 * whatever the archive says. The process must be allowed to change owners (uid 0 of a user
 * namespace). Devices and owners outside the id map are kept in the form that entry_read_at()
 * reads.
 * @limits, @listing (to be freed), @result may be NULL.
 *
 * ERR_INPUT for a bad archive or a digest that does not match, naming entry or digest; ERR_POLICY
 * for a limit; ERR_SYSTEM for the disk. On failure
 * @root holds a part of the layer; the caller removes it.
 */
int layer_apply(const struct layer_source *source, const struct apply_root *root,
    const struct apply_limits *limits, struct listing **listing, struct apply_result *result,
    struct error *e);

/** Reads the layer to its end without writing: checks digests, makes the listing. */
int layer_list(const struct layer_source *source, const struct apply_limits *limits,
    struct listing **listing, struct apply_result *result, struct error *e);

/** One file of a layer, as bytes @size from @offset of the file that layer_pick() wrote. */
struct layer_file {
	bool found;
	uint64_t offset;
	uint64_t size;
};

/**
 * Writes the content of some regular files of a layer to @out (a file to read and write, empty, positioned at 0), in the
 * order of the archive; @files has a member for each of @paths (clean, relative, without a newline
 * in them). A file that is a hard link's other name is not found: ask for the one it names. A
 * larger file than 512 MiB is cut.
 */
int layer_pick(const struct layer_source *source, const struct strv *paths, int out,
    struct layer_file *files, struct error *e);

/** Writes the tar of the layer to @out, a file at its beginning, checking digests. @limits and @result may be NULL. */
int layer_decode(const struct layer_source *source, int out, const struct apply_limits *limits,
    struct apply_result *result, struct error *e);

/** How an archive is unpacked by ADD. */
struct archive_options {
	const char *dest; /* directory inside the root; made with its parents when not there */
	uid_t dest_uid;   /* owner of the directories that are made for @dest */
	gid_t dest_gid;
	bool chown; /* everything is owned by @uid:@gid instead of the archive's owners */
	uid_t uid;
	gid_t gid;
	const struct apply_limits *limits; /* may be NULL */
};

/**
 * Unpacks archive @fd (tar, plain or compressed with gzip, zstd, xz, bzip2) below @root/@dest;
 * links are resolved inside @root. There are no whiteouts: a name beginning ".wh." is ERR_INPUT.
 * Extended attributes are kept. @result may be NULL.
 */
int archive_apply(int fd, const struct apply_root *root, const struct archive_options *options,
    struct apply_result *result, struct error *e);

/** So many bytes tell whether something may be an archive. */
#define ARCHIVE_BEGINNING 512
/** Does what begins with these bytes look like an archive that ADD unpacks? What is compressed may still be something else. */
bool archive_begins(const void *bytes, size_t length);
/**
 * Is @fd (a regular file) an archive that ADD unpacks, by its content alone? 1 or 0; -1 with @e.
 * Its position is kept. Compressed content must be a tar inside.
 */
int archive_detect(int fd, struct error *e);

#endif
