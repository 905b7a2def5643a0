/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hasher - digests of many files at once, on all processors.
 *
 * The files are read by forked workers that take one after the other from a shared counter; the
 * caller stays a process of one thread. Few or small files are read by the caller itself, as a fork
 * would cost more.
 */
#ifndef CROZE_CONTEXT_HASHER_H
#define CROZE_CONTEXT_HASHER_H

#include "builder/context/digests.h"

#include <stddef.h>

/** What came out of one file. */
struct hasher_result {
	struct digest digest;
	struct digests_key key; /* of the file that was read, after it was read */
	int64_t read_at;
	uint32_t done;  /* 0: not read yet */
	uint32_t flags; /* DIGESTS_NO_XATTRS */
};

/**
 * Opens file number @index for reading: O_RDONLY | O_NOFOLLOW | O_NONBLOCK, resolved below its
 * root. Called in a worker. Returns a descriptor or -1 with @e.
 */
typedef int hasher_open(void *arg, size_t index, struct error *e);

/**
 * Reads @count files of @bytes in all and calls @take for each in the caller's process, in order.
 * A file that changes while it is read is ERR_TEMPORARY.
 */
int hasher_run(size_t count, uint64_t bytes, hasher_open *open_file,
    void (*take)(void *arg, size_t index, const struct hasher_result *result), void *arg,
    struct error *e);

/** The digest of one open file, with what hasher_run() says of it. */
int hasher_read(int fd, struct hasher_result *result, struct error *e);

#endif
