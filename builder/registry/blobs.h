/* SPDX-License-Identifier: Apache-2.0 */
/*
 * blobs - blobs of one repository into the store, several at a time. For the files of registry.
 *
 * Each is written to a file of its own, which gets its name when its digest is right. Other processes that share the store's
 * session can read what came so far (store_blob_arriving()).
 */
#ifndef CROZE_REGISTRY_BLOBS_H
#define CROZE_REGISTRY_BLOBS_H

#include "builder/registry/remote.h"

struct blob_arrival {
	struct digest digest;
	uint64_t size;
	struct error error; /* ERR_NONE: the store has it */
	bool came;          /* and had it not before */

	/* while it comes */
	struct blob_writer writer;
	char *url;
	uint64_t id; /* of the request; 0: none is under way */
	uint64_t so_far;
	bool was_renewed;
};

struct blobs {
	struct blob_arrival *items;
	size_t count;
	size_t room;
};

void blobs_release(struct blobs *b);
/** Each digest once. */
void blobs_add(struct blobs *b, const struct digest *digest, uint64_t size);

enum blobs_flags {
	BLOBS_TOGETHER = 1 << 0, /* one that does not come is the end of all: -1 with its error */
};

/**
 * Brings those that the store lacks. What became of each is in its @error; -1 when nothing more can be asked for.
 */
int blobs_take(struct blobs *b, struct remote *remote, struct store *store, enum blobs_flags flags,
    struct error *e);

#endif
