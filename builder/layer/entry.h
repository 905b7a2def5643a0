/* SPDX-License-Identifier: Apache-2.0 */
/*
 * entry - one file of a root filesystem as a layer records it.
 *
 * What the kernel shows of a snapshot's file is not always what the image says of it: a device
 * that may not be made is a placeholder, an owner outside the id map is remembered beside the
 * file. entry_read_at() is the one reader that knows.
 */
#ifndef CROZE_LAYER_ENTRY_H
#define CROZE_LAYER_ENTRY_H

#include "runtime/base/buf.h"
#include "runtime/base/error.h"
#include "seccomp/owner.h"

#include <linux/limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <time.h>

/** What an entry does to the layers below (image-spec, layer.md, "Whiteouts"). */
enum entry_whiteout {
	ENTRY_KEEPS,   /* an ordinary entry */
	ENTRY_REMOVES, /* only @path counts: it is not there any more */
	ENTRY_OPAQUE,  /* a directory whose former content is hidden */
};

struct entry_xattr {
	const char *name;
	const void *value;
	size_t length;
};

/** Borrows everything. */
struct entry {
	const char *path; /* below the root, clean, no '/' at either end; "" is the root itself */
	mode_t mode;      /* type and permissions, as st_mode */
	uid_t uid;
	gid_t gid;
	dev_t rdev;
	uint64_t size; /* regular files that are not hard links */
	struct timespec mtime;
	const char
	    *link; /* symbolic link: its target as it stands; hard link: path of the first name */
	bool is_hardlink;
	enum entry_whiteout whiteout;
	const struct entry_xattr *xattrs; /* sorted by name */
	size_t n_xattrs;
};

/**
 * Takes entries in the order of entry_path_compare(), with their bytes from the position of
 * @content on (-1: none). Returns 0 or -1.
 */
typedef int entry_fn(void *arg, const struct entry *entry, int content, struct error *e);

/** Told what was not kept, as one line ("'x.sock': sockets are not kept in layers"). */
typedef void entry_note_fn(void *arg, const char *text);

/**
 * The order of entries in layers and listings: by components, each bytewise, so that all that is
 * below a directory follows it at once ("a", "a/b", "a.b"). As memcmp().
 */
int entry_path_compare(const char *a, const char *b);

/*
 * Names that the applier writes into snapshots where the kernel refuses the real thing. They never
 * enter a layer, and never come from one.
 */
#define ENTRY_XATTR_DEVICE OWNER_DEVICE      /* "c:1:3" on an empty file: it stands for it */
#define ENTRY_XATTR_OWNER "user.croze.owner" /* "uid:gid"; each instead of ENTRY_FOREIGN_ID */
#define ENTRY_FOREIGN_ID 65534U

/** A copy in one block of memory, for free(); it borrows nothing. */
struct entry *entry_copy(const struct entry *entry);

/** Kept in layers: user.* but the overlay's and ours, security.capability, POSIX ACLs. */
bool entry_keeps_xattr(const char *name);
/** The name under which attribute @name of an image is set on a file here: an ordinary user cannot set all of them. */
const char *entry_made_xattr(const char *name);
/** Of the image's attributes, but with a '=', which ends a name in a layer: left out, and to be told. */
bool entry_loses_xattr(const char *name);

/** Buffers that are used again from entry to entry. Zeroed before the first use. */
struct entry_reader {
	struct buf names;
	struct buf values;
	struct buf link;
	struct entry_xattr *xattrs;
	size_t xattr_room;
	bool checked_ids;
	bool foreign_is_error; /* ENTRY_FOREIGN_ID is not mapped here: it means an unmapped owner */
	bool is_recorded; /* one id alone is mapped here: owners are records (seccomp/owner.h) */
	bool
	    in_overlay; /* set by the caller: a raw overlay layer, whose user.overlay.* is the kernel's */
	bool is_opaque;     /* of the last directory read in_overlay: user.overlay.opaque="y" */
	bool has_whiteouts; /* likewise "x": files in it may be whiteouts by attribute */
	bool is_whiteout;   /* of the last file read in_overlay: user.overlay.whiteout */
	char
	    lost_xattr[XATTR_NAME_MAX + 1]; /* of the last read: one that entry_loses_xattr(); "" */
	struct stat stat;                   /* of the last read, as the kernel shows it */
};
void entry_reader_release(struct entry_reader *reader);
/** Are owners records here, so that stat(2) does not tell them? */
bool entry_reader_is_recorded(struct entry_reader *reader, struct error *e);

/**
 * Reads @name in directory @dir (never following a link) into @entry, all but its path, which is
 * @path. @entry is valid until the next read with @reader. @fd gets a descriptor of a regular file
 * or directory, opened for reading, else -1; the caller closes it. A socket gives an entry with
 * S_IFSOCK. ERR_SYSTEM; ERR_INPUT for an owner outside the id map.
 */
int entry_read_at(struct entry_reader *reader, int dir, const char *name, const char *path,
    struct entry *entry, int *fd, struct error *e);

#endif
