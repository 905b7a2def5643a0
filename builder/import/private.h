/* SPDX-License-Identifier: Apache-2.0 */
/*
 * private - what the files of import share; nobody else includes it.
 */
#ifndef CROZE_IMPORT_PRIVATE_H
#define CROZE_IMPORT_PRIVATE_H

#include "builder/image/index.h"
#include "builder/image/tarball.h"
#include "builder/import/resolve.h"

/** Manifests, indexes and configs larger than this are refused. */
#define DOCUMENT_MAX JSON_MAX_BYTES

/* ---- source.c: where blobs come from ---- */

/** An OCI layout: a directory or a tar. */
struct source {
	char *label; /* how errors name it */
	int dir;     /* of a directory; -1 */
	int blobs;   /* blobs/sha256 in it; -1 */
	int archive; /* the file of a tar, open; -1 */
	struct tarball tar;
	struct index index; /* its index.json */
};

#define SOURCE_INIT                                                       \
	{                                                                 \
		.dir = -1, .blobs = -1, .archive = -1, .tar = {.fd = -1 } \
	}

void source_release(struct source *s);
/** Opens the layout at @path, a path of the user's. */
int source_open_layout(struct source *s, const char *path, struct error *e);
/** Takes @fd, an archive, over; one that is packed or a pipe goes through a file of the store. Its index is not read yet. */
int source_open_archive(
    struct source *s, struct store *store, int fd, const char *label, struct error *e);
/** Has the archive an OCI layout in it? */
bool source_has_layout(const struct source *s);
/** Reads index.json of an archive. */
int source_read_index(struct source *s, struct error *e);
bool source_has_blob(const struct source *s, const struct digest *digest);
/** Reads a small blob whole, checking size and digest. */
int source_read_blob(
    const struct source *s, const struct descriptor *d, struct buf *b, struct error *e);

/** A run of bytes in a file. */
struct piece {
	int fd;
	bool owned; /* close it */
	uint64_t offset;
	uint64_t size;
	bool is_whole; /* it is all of the file: it can be cloned */
};

void piece_release(struct piece *p);
int source_open_blob(
    const struct source *s, const struct digest *digest, struct piece *p, struct error *e);

/* ---- copy.c: into the store ---- */

/** Stores the bytes of @p. @expected (may be NULL) is checked; @digest gets what they have. */
int copy_piece(struct store *store, const struct piece *p, const struct digest *expected,
    struct digest *digest, struct error *e);
/** Copies the blob of @d, unless the store has it. */
int copy_blob(
    struct store *store, const struct source *s, const struct descriptor *d, struct error *e);
/** Copies a manifest with config and layers. */
int copy_manifest(
    struct store *store, const struct source *s, const struct descriptor *d, struct error *e);
/** Copies a manifest or an index; of an index the members that are there. At least one image has to be. */
int copy_image(
    struct store *store, const struct source *s, const struct descriptor *d, struct error *e);

/* ---- layout.c ---- */

/** The member of the layout's index that @name (NULL: the only one) and @digest (NULL: any) ask for. */
const struct descriptor *layout_find(
    const struct source *s, const char *name, const struct digest *digest, struct error *e);
/** Follows @d down to the manifest for @platform. */
int layout_choose(const struct source *s, const struct descriptor *d,
    const struct platform *platform, struct descriptor *manifest, struct error *e);
/** Copies everything and adds it to @result, names not yet set. @base (may be NULL) is the name of images that have only a tag. */
int layout_copy_all(struct store *store, const struct source *s, const char *base,
    struct import_result *result, struct error *e);

/* ---- docker.c ---- */

/** Copies every image of a docker archive and adds it to @result. */
int docker_copy_all(
    struct store *store, const struct source *s, struct import_result *result, struct error *e);

/* ---- names.c ---- */

/** Appends to @result; @name (may be NULL) is taken over. */
void result_add(struct import_result *result, char *name, const struct descriptor *target);
/** Sets the names of @result in the store in one commit. */
int result_commit(
    struct store *store, enum import_flags flags, struct import_result *result, struct error *e);

/** Reads a blob of the store as the document that @d says it is. */
int image_load_descriptor(struct store *store, const struct descriptor *d,
    const struct platform *platform, struct image *image, struct error *e);

#endif
