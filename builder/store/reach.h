/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reach - what can be reached from names; for prune.c and check.c only.
 */
#ifndef CROZE_STORE_REACH_H
#define CROZE_STORE_REACH_H

#include "builder/store/private.h"
#include "runtime/base/map.h"

/** Sets of names as they stand in their directories; values mean nothing. */
struct reach {
	struct map blobs;
	struct map snapshots;
	struct map listings;
};

void reach_release(struct reach *r);
void reach_mark(struct map *set, const char *name);
/** Adds all that the manifest or index @digest leads to. What is not there or cannot be read leads nowhere. */
void reach_from_digest(struct store *store, struct reach *r, const struct digest *digest);
/** Adds what a step record names. */
void reach_from_record(struct reach *r, const struct json *record);
/**
 * Does all that the manifest or index @digest needs exist? An index needs one whole image. @missing (of
 * DIGEST_TEXT_LEN + 1) gets the first that is not there.
 */
bool reach_is_whole(struct store *store, const struct digest *digest, char *missing);

/** Bytes that @name in @dir takes on the disk, with all below. */
uint64_t disk_size(int dir, const char *name);

#endif
