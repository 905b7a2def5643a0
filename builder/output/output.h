/* SPDX-License-Identifier: Apache-2.0 */
/*
 * output - images and their files leave the store.
 *
 * Archives are the same bytes for the same images: members sorted, owner 0:0, one time for all. A file is written under a
 * temporary name beside its own and renamed; a link, a FIFO or a device in its place is refused, and so is a directory
 * that holds something else.
 */
#ifndef CROZE_OUTPUT_OUTPUT_H
#define CROZE_OUTPUT_OUTPUT_H

#include "builder/image/reference.h"
#include "builder/layer/entry.h"
#include "builder/layer/writer.h"
#include "builder/store/store.h"
#include "runtime/base/strv.h"

enum output_format {
	OUTPUT_HYBRID, /* one tar that oci-archive:, docker-archive: and docker load read */
	OUTPUT_OCI,    /* OCI image layout: a tar or a directory */
	OUTPUT_DOCKER, /* docker archive, as docker save writes it; layers as they are in the store */
};

/** One image to write. */
struct output_image {
	struct digest digest; /* of its manifest or index in the store */
	struct strv names;    /* references, any spelling; may be empty */
};

struct output_target {
	const char *dest;     /* path by the user; "-" writes to @stream */
	int stream;           /* for "-"; never closed here */
	bool directory;       /* OUTPUT_OCI only: @dest is a directory, made or added to */
	struct timespec time; /* of the members of an archive */
};

/** How files are written, and who is told of what is left out (@note may be NULL). */
struct output_times {
	const struct layer_options
	    *layers; /* clamp, rewrite and clamp_to, the rest is not looked at */
	entry_note_fn *note;
	void *note_arg;
};

void output_image_release(struct output_image *image);

/** Writes @count images into one archive or layout. Several images of one name are ERR_USAGE. */
int output_images(struct store *store, enum output_format format, const struct output_image *images,
    size_t count, const struct output_target *target, struct error *e);

/** The files of one image. */
struct output_tree {
	int rootfs;         /* an open directory, mounted */
	const char *folder; /* they go below this one, a plain name; NULL: to the top */
};

/**
 * The files of @count trees as a tar, one behind the other. Needs the ids of the user namespace that wrote the files.
 */
int output_tar(const struct output_tree *trees, size_t count, const struct output_target *target,
    const struct output_times *times, struct error *e);

/**
 * The files of a tree in directory @dest, which is made, or written over file by file when it is there. They belong to
 * the caller, without set-uid and set-gid bits; devices are left out and told.
 */
int output_local(const struct output_tree *tree, const char *dest, const struct output_times *times,
    struct error *e);

#endif
