/* SPDX-License-Identifier: Apache-2.0 */
/*
 * unpack - what croze-unpack is asked and answers.
 *
 * Only between apply.c and the program. Its standard input is the archive, its standard output the
 * answer: one struct unpack_answer, then @notes_length bytes of lines. The program consists of two
 * processes: one decompresses and digests and sees no file at all, the other parses the tar and
 * places the entries.
 */
#ifndef CROZE_LAYER_UNPACK_H
#define CROZE_LAYER_UNPACK_H

#include "runtime/base/digest.h"
#include "runtime/base/error.h"
#include "runtime/base/inodes.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define UNPACK_PROGRAM "croze-unpack"
#define UNPACK_NOTES_MAX 100
#define UNPACK_BYTES_DEFAULT (1ULL << 40)
#define UNPACK_ENTRIES_DEFAULT 5000000ULL

enum unpack_mode {
	UNPACK_LAYER,   /* a layer below @root */
	UNPACK_LIST,    /* a layer, nothing is written */
	UNPACK_ARCHIVE, /* an archive of ADD below @root/@dest */
	UNPACK_DETECT,  /* is it an archive? The answer has @is_archive */
	UNPACK_PICK, /* the content of files of a layer to @listing, which holds their names, a line each */
	UNPACK_DECODE, /* the tar itself to @listing, without a look at what is in it */
};

struct unpack_request {
	enum unpack_mode mode;
	int root;    /* -1: none */
	int listing; /* gets the file form of the listing; -1: not wanted */
	int shared; /* a table of files in @root that are not to be changed (runtime/base/inodes.h); -1: there are none */
	uint64_t max_bytes;
	uint64_t max_entries;
	const char *dest; /* clean, without leading '/'; "" for layers */
	bool recorded;    /* owners are records (seccomp/owner.h) */
	bool chown;
	uid_t uid;
	gid_t gid;
};

/** What the decompressing process says at its end. */
struct decode_answer {
	struct digest digest;
	struct digest diff_id;
	uint64_t size;
	uint64_t tar_size;
	bool failed;
	struct error error;
};

struct unpack_answer {
	uint64_t magic;
	struct digest digest;
	struct digest diff_id;
	uint64_t size;
	uint64_t tar_size;
	uint64_t n_entries;
	uint64_t notes_length;
	bool is_archive;
	bool failed;
	struct error error;
};
#define UNPACK_MAGIC 0x63727a756e70636bULL

/** UNPACK_PICK writes one of these before the bytes of each file. */
struct unpack_picked {
	uint64_t index; /* of the line */
	uint64_t size; /* of the bytes that follow: at most UNPACK_PICK_MAX, then the file is cut */
};
#define UNPACK_PICK_MAX (512ULL << 20)
#define UNPACK_NAMES_MAX (256U << 20) /* bytes of all lines */

/**
 * Reads the tar from @tar to its end, entry by entry, and does what @request asks. @shared: what its @shared holds. The process is
 * confined already. @answer gets the number of entries, @notes the lines. ERR_INPUT names the
 * entry.
 */
int unpack_tar(const struct unpack_request *request, const struct inodes *shared, int tar,
    struct unpack_answer *answer, struct buf *notes, struct error *e);

#endif
