/* SPDX-License-Identifier: Apache-2.0 */
/*
 * resolve - from what a user writes to an image in the store.
 *
 *	NAME[:TAG][@DIGEST]            an image in the store; DIGEST, or the first digits of an image's ID, alone too
 *	oci:PATH[:NAME][@DIGEST]       an OCI layout; PATH ends at the first colon, NAME may hold '/' and ':'
 *	oci-archive:FILE[:NAME]        the same in a tar file
 *	docker-archive:FILE[:NAME]     what docker save writes
 *
 * Images from outside are copied into the store (by reflink where the file system can), each blob checked.
 */
#ifndef CROZE_IMPORT_RESOLVE_H
#define CROZE_IMPORT_RESOLVE_H

#include "builder/image/config.h"
#include "builder/image/manifest.h"
#include "builder/image/platform.h"
#include "builder/store/store.h"

struct image {
	struct descriptor descriptor; /* of the manifest */
	struct manifest manifest;
	struct image_config config;
};

void image_release(struct image *i);

/**
 * Finds or brings the image that @text names: of an index the one for @platform (NULL: this machine's). Missing: ERR_NOT_FOUND with a hint that
 * says how to provide it. With NAME:TAG@DIGEST the digest decides; a name that stands for another one is an error.
 */
int image_resolve(struct store *store, const char *text, const struct platform *platform,
    struct image *image, struct error *e);
/** ERR_NOT_FOUND unless @image, which may have come without an index, runs where @wanted does. */
int image_check_platform(const struct image *image, const struct platform *wanted, struct error *e);
/** Reads the image whose manifest or index is @digest in the store. */
int image_load(struct store *store, const struct digest *digest, const struct platform *platform,
    struct image *image, struct error *e);
/** The same for whoever takes any: of an index the one for this machine, else the first that is there. */
int image_load_any(
    struct store *store, const struct digest *digest, struct image *image, struct error *e);
/** What the blob @digest of the store is: a manifest or an index, as it says itself. */
int image_describe(
    struct store *store, const struct digest *digest, struct descriptor *d, struct error *e);
/**
 * What @text stands for, as it is: an index stays one, with what the store has of it. What is outside is brought in whole, all
 * platforms that are there, without names.
 */
int image_find_target(
    struct store *store, const char *text, struct descriptor *target, struct error *e);
/** Does @text begin with a transport ("oci:", "oci-archive:", "docker-archive:")? */
bool image_is_outside(const char *text);

/** One image that came in. */
struct imported {
	char *name;               /* whole reference; NULL when it came without one */
	struct descriptor target; /* manifest or index, as stored */
	bool replaced;            /* the name stood for another image before */
	struct digest previous;   /* that one, when @replaced */
};

struct import_result {
	struct imported *items;
	size_t count;
	size_t room;
};

void import_result_release(struct import_result *r);

enum import_flags {
	IMPORT_REPLACE =
	    1
	    << 0, /* a name that stands for another image is moved; without it that is an error (ERR_POLICY) */
	IMPORT_NO_NAMES = 1 << 1, /* blobs only */
};

/** Brings in everything an OCI layout directory names (PATH by the user), all platforms that are there, in one commit. */
int import_layout(struct store *store, const char *path, enum import_flags flags,
    struct import_result *result, struct error *e);
/** As docker load: a docker-archive, an OCI archive or both in one, plain or gzip, from @fd (a file or a pipe). @name: for messages. */
int import_archive(struct store *store, int fd, const char *name, enum import_flags flags,
    struct import_result *result, struct error *e);

#endif
