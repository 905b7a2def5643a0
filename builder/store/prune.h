/* SPDX-License-Identifier: Apache-2.0 */
/*
 * prune - removing what nothing needs, and checking all that is there.
 *
 * Reachable is: from each name its manifests, configs and layers; from each step record that is kept its snapshots and
 * blobs; and the unpacked layers and listings of images that a name leads to. The rest goes.
 */
#ifndef CROZE_STORE_PRUNE_H
#define CROZE_STORE_PRUNE_H

#include "builder/store/store.h"
#include "runtime/base/strv.h"

enum prune_flags {
	PRUNE_CACHE =
	    1 << 0, /* step records, cache mounts and unpacked images too, whatever their age */
	PRUNE_UNNAMED = 1 << 1, /* images without a name too */
	PRUNE_DRY_RUN = 1 << 2, /* count only */
};

struct prune_options {
	enum prune_flags flags;
	uint64_t
	    keep_bytes; /* step records and cache mounts go, least recently used first, until the store is no larger; UINT64_MAX: no limit */
	uint64_t
	    keep_seconds; /* step records and cache mounts not used for longer go; UINT64_MAX: no limit */
};

struct prune_result {
	uint64_t bytes; /* of disk given back */
	size_t blobs;
	size_t snapshots;
	size_t steps;
	size_t mounts;
	size_t listings;
	size_t builds;
	size_t images; /* entries without a name */
};

/** @store is open with STORE_EXCLUSIVE, in a user namespace with the range of ids when snapshots hold files of other ids. */
int store_prune(struct store *store, const struct prune_options *options,
    struct prune_result *result, struct error *e);

/** What kinds of things take how much disk. */
struct store_usage {
	uint64_t blob_bytes, snapshot_bytes, mount_bytes, other_bytes;
	size_t blobs, snapshots, steps, mounts, names;
};
int store_usage(struct store *store, struct store_usage *usage, struct error *e);

/**
 * Checks every digest, link and record; @findings gets one line each, "blobs/sha256/...: what is wrong". With @repair what is
 * damaged is removed, so that a build makes it anew. Returns the number of findings, or -1.
 */
int store_check(struct store *store, bool repair, struct strv *findings, struct error *e);

#endif
