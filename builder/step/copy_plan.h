/* SPDX-License-Identifier: Apache-2.0 */
/*
 * copy_plan - what COPY and ADD would copy: every path with its metadata, and where its bytes are.
 *
 * A plan is made in two steps. copy_plan_make() looks at the sources only: it is all that the cache
 * key needs (copy_plan_digest()), and it never reads the destination. copy_plan_place() then finds
 * where things go in a root filesystem, which need not be unpacked. A placed plan is written
 * straight into a layer, made into files, or both, and both give the same tree.
 *
 * Rules: DOCKERFILE.md, chapters 7, 16 and 17, which follow the reference builder.
 *
 * - A directory: its content is copied, and none of its own metadata. A destination that is there
 *   keeps what it has; one that is made is made as a parent.
 * - Anything else goes into the destination when that is a directory or ends in '/', else it takes
 *   its name.
 * - Links: the source itself is followed inside its root, the destination inside its own. Those in a
 *   copied directory are copied. Where a directory is copied and the destination has a link to a
 *   directory, the content goes where the link leads.
 * - Parents of the destination that are made: 0755 0:0, or the owner of --chown, and the mode of
 *   --chmod.
 * - Hard links are kept among what one instruction copies.
 */
#ifndef CROZE_STEP_COPY_PLAN_H
#define CROZE_STEP_COPY_PLAN_H

#include "builder/context/digests.h"
#include "builder/dockerfile/ignore.h"
#include "builder/dockerfile/user.h"
#include "builder/layer/apply.h"
#include "builder/layer/writer.h"
#include "builder/step/tree.h"
#include "runtime/base/digest.h"
#include "runtime/base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

/** Where sources are. */
struct copy_from {
	int root; /* open directory: the context, or files of a stage or image; -1: no context */
	const char *name; /* for messages: "the build context", "stage 'builder'" */
	/* owners are kept, and devices and foreign owners read as a snapshot keeps them */
	bool is_rootfs;
	const struct ignore *ignore; /* NULL: nothing is left out */
	const char *ignore_file;     /* for messages; NULL */
};

enum copy_flags {
	COPY_ADD = 1 << 0, /* local archives are unpacked */
	/* an owner will be given to copy_plan_place(): those of the sources do not matter */
	COPY_CHOWN = 1 << 1,
	/*
	 * --parents: sources keep their path, or what follows "/./" in it; their patterns are those of ignore files, in which
	 * two stars are any number of directories
	 */
	COPY_PARENTS = 1 << 2,
};

/** A source that is no path of the request's own root. */
struct copy_extra {
	size_t position; /* it stands in front of sources[position], or behind the last */
	struct copy_from
	    from; /* where it is: a file that was fetched, a repository that was checked out */
	const char *path; /* below that, "." for all of it */
	const char *name; /* it gets in a directory */
	bool unpack;      /* an archive is unpacked */
	/* instead of @from and @path: its bytes, those of a heredoc; the mode is 0644 */
	const char *text;
	size_t length;
};

struct copy_request {
	struct copy_from from;
	char *const *sources; /* as written, expanded; patterns of glob.h */
	size_t n_sources;
	const struct copy_extra *extras; /* by position */
	size_t n_extras;
	/*
	 * --exclude: paths relative to a directory that is copied (with COPY_PARENTS to what its path is kept from), or the name
	 * of a file; NULL: none
	 */
	const struct ignore *exclude;
	/* absolute and clean, with a '/' at the end where one was written */
	const char *dest;
	unsigned flags;
	const struct mode_spec *chmod; /* NULL: modes are kept */
	struct digests *digests;       /* memory of digests; NULL: none. Must outlive the plan */
	/* told what a user should know: a pattern without a match, a socket; NULL */
	entry_note_fn *note;
	void *note_arg;
};

struct copy_plan;

/**
 * Looks at the sources. Everything of @request is copied but its descriptors, digests and note,
 * which are borrowed. ERR_USAGE: a source is not there (with what is near as a hint), several
 * sources and a destination without slash. ERR_SYSTEM: something cannot be read, by path. NULL on
 * failure.
 */
struct copy_plan *copy_plan_make(const struct copy_request *request, struct error *e);
/**
 * A plan that makes the directory @path (absolute) with its parents, 0755, owned by @uid:@gid; what
 * is there is kept.
 */
struct copy_plan *copy_plan_directory(const char *path, uid_t uid, gid_t gid);
void copy_plan_free(struct copy_plan *plan);
void copy_plan_free_at(struct copy_plan **plan);
#define autoplan __attribute__((cleanup(copy_plan_free_at)))

/** What a plan copies. */
struct copy_stats {
	uint64_t n_entries; /* paths in the sources */
	uint64_t bytes;     /* of regular files */
	uint64_t n_unknown; /* files whose digest must still be made by reading them */
	uint64_t unknown_bytes;
	uint64_t n_archives; /* to be unpacked: no layer can be written without files */
};
void copy_plan_stats(const struct copy_plan *plan, struct copy_stats *stats);

/**
 * The digest of what is copied: for each path its place relative to the source, type, mode, owner
 * (unless given), content, link target, extended attributes and device; no time. Reads the files
 * whose digest is not remembered, on all processors (by fork), and remembers them. The
 * instruction's own text is not part of it.
 */
int copy_plan_digest(struct copy_plan *plan, struct digest *digest, struct error *e);

/**
 * Adds a line for each path: 16 hexadecimal digits that change when the digest would (but for the order and names of the
 * sources), a blank, and the path below the root, safe to show. For messages, after copy_plan_digest().
 */
void copy_plan_lines(const struct copy_plan *plan, struct buf *lines);
#define COPY_LINE_PATH 17 /* where the path begins */

/** Where it goes. */
struct copy_placement {
	struct tree *tree; /* of the destination, before the step */
	uid_t uid;         /* with COPY_CHOWN */
	gid_t gid;
	struct timespec now; /* time of the directories that are made */
};

/**
 * Finds the place of everything. May be done again for another tree. ERR_USAGE for a file over a
 * directory, a directory over a file, naming both.
 */
int copy_plan_place(
    struct copy_plan *plan, const struct copy_placement *placement, struct error *e);
/** Will nothing change? (A directory to be made that is there.) Needs a placed plan. */
bool copy_plan_is_empty(const struct copy_plan *plan);

/**
 * Gives every entry to @fn (layer_writer_add) in the order of layers. Directories above what is
 * copied are among them with the metadata they have, as some readers unpack a layer by itself. Each
 * file is read once. Not for a plan with archives. The process must not need to fork: @fn may have
 * threads.
 */
int copy_plan_write(struct copy_plan *plan, struct layer_writer *writer, struct error *e);

/**
 * Makes the files below @root: a mount of the tree the plan was placed in, or a plain directory
 * that holds it (an empty one for an empty tree). Owners are set where they differ from those of
 * the process. Existing directories keep their times. Nothing outside @root is touched, whatever is
 * exchanged in it meanwhile (SECURITY A5, A6, C12).
 */
int copy_plan_materialise(struct copy_plan *plan, const struct apply_root *root, struct error *e);

#endif
