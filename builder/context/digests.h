/* SPDX-License-Identifier: Apache-2.0 */
/*
 * digests - which bytes a file had when it was last read, so that an unchanged file costs one
 * stat().
 *
 * A file is known by (device, inode, size, mtime, ctime). ctime cannot be set, so an edit that
 * keeps size and mtime is seen. A file that was changed within the clock's last two seconds could
 * change again without its times telling: its digest is used, and not remembered.
 *
 * The memory is one binary file: a header and a table with open addressing, read through mmap. A
 * record carries a check of itself, so a damaged file costs time and never a wrong digest. It is
 * written anew, whole, and only when there is something new; two builds that write at once lose
 * some records of one of them, which costs time again.
 */
#ifndef CROZE_CONTEXT_DIGESTS_H
#define CROZE_CONTEXT_DIGESTS_H

#include "runtime/base/digest.h"
#include "runtime/base/error.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

/** What a file's metadata said when its bytes were read. */
struct digests_key {
	uint64_t device;
	uint64_t inode;
	uint64_t size;
	int64_t mtime; /* nanoseconds */
	int64_t ctime;
};

enum digests_flags {
	/* the file had no extended attribute: setting one would have changed its ctime */
	DIGESTS_NO_XATTRS = 1 << 0,
};

struct digests;

/**
 * Reads the memory in @dir (a missing, damaged or older one is empty). Never fails for what stands
 * in it.
 */
struct digests *digests_open(int dir, struct error *e);
/** One that is only in this process. */
struct digests *digests_new(void);
/** Forgets what was not saved. */
void digests_free(struct digests *digests);
void digests_free_at(struct digests **digests);

void digests_key_of(const struct stat *st, struct digests_key *key);
/** Returns true with @digest and @flags (either may be NULL) when it is known. */
bool digests_find(
    struct digests *digests, const struct digests_key *key, struct digest *digest, unsigned *flags);
/**
 * Remembers, unless the file was changed so shortly before @read_at (CLOCK_REALTIME, nanoseconds,
 * taken before its bytes were read) that it might change once more unnoticed. Returns whether it
 * was remembered.
 */
bool digests_add(struct digests *digests, const struct digests_key *key,
    const struct digest *digest, unsigned flags, int64_t read_at);
/** Writes the memory when something was added, and drops what no build has used for 30 days. */
int digests_save(struct digests *digests, struct error *e);
/** Now, for @read_at. */
int64_t digests_clock(void);

/** For the fuzzer: reads a table from memory. NULL when it is none. */
struct digests *digests_from_bytes(const void *bytes, size_t length);

#endif
