/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store - where images, snapshots and the cache live; an OCI image layout that any tool reads.
 *
 *	oci-layout, index.json   names → manifests
 *	blobs/sha256/            manifests, configs, layers, by digest
 *	snapshots/<id>/          fs/ (an overlay lower or upper directory) and meta (JSON)
 *	listings/<diff ID>       what paths a layer has
 *	steps/<key>.json         one record a cached step
 *	builds/<time>-<id>/      logs and the record of a build
 *	context/                 remembered digests of context files
 *	mounts/                  cache mounts; see mounts.h
 *	tmp/                     one directory a running process; what is left of a dead one, the next run removes
 *	store.json, lock, names.lock, state
 *
 * Everything is written below tmp/ and renamed to its place. Nothing is synced on its own: names are committed after
 * one syncfs(2), and the first run after a reboot checks or drops what came later than the last one.
 * Everything below the root is opened from descriptors, without following links.
 */
#ifndef CROZE_STORE_STORE_H
#define CROZE_STORE_STORE_H

#include "runtime/base/digest.h"
#include "runtime/base/error.h"
#include "runtime/base/json.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

struct store;

enum store_flags {
	STORE_READ_ONLY =
	    1
	    << 0, /* nothing is made, locked or removed; a store that is not there is ERR_NOT_FOUND */
	STORE_EXCLUSIVE =
	    1
	    << 1, /* alone in the store (prune, check --repair): waits a while for others, then ERR_TEMPORARY */
};

/**
 * Opens the store at @root, or at $CROZE_ROOT, $XDG_DATA_HOME/croze or ~/.local/share/croze when it is NULL, and makes it
 * when it is not there. Holds the shared lock until store_close(); children made by fork hold it too. Removes what dead
 * processes left in tmp/ as far as that needs no user namespace.
 * Refuses a store of another user, one that group or others can write to, and a directory that holds something else.
 */
struct store *store_open(const char *root, enum store_flags flags, struct error *e);
/** Removes this process's directory in tmp/ when @store was opened by this very process. NULL is fine. */
void store_close(struct store *store);
void store_close_at(struct store **store);
#define autostore __attribute__((cleanup(store_close_at)))
/** Removes everything in a store that is open with STORE_EXCLUSIVE; the folder itself, and its lock, stay. It can only be closed then. */
int store_reset(struct store *store, struct error *e);
/** Opens all descriptors anew, after the process went to another mount namespace. Locks are kept. */
int store_reopen(struct store *store, struct error *e);

/** The root directory; borrowed. */
int store_dir(const struct store *store);
/** Absolute path of the root; borrowed. */
const char *store_path(const struct store *store);
/** Directory context/; borrowed. */
int store_context_dir(const struct store *store);

/* ---- temporary files: gone when the process is ---- */

/**
 * Makes this process's directory in tmp/ now. To be called before forking children that make temporary files, so that theirs
 * are in it and end with this process.
 */
int store_tmp_prepare(struct store *store, struct error *e);
/** A new file without a name, open for reading and writing, on the store's file system. */
int store_tmp_file(struct store *store, struct error *e);
/** A new empty directory; its descriptor. *@path (may be NULL) gets its absolute path, to be freed. */
int store_tmp_dir(struct store *store, char **path, struct error *e);
/** Lets the directory @path, of store_tmp_dir(), be known as @name to all processes that share our directory, unless another is. */
void store_tmp_publish(struct store *store, const char *path, const char *name);
/** Opens what is known as @name: -1 when nothing is. */
int store_tmp_known(struct store *store, const char *name);
/**
 * One at a time of the processes that share our directory in tmp/: waits until @name is free there. It is held until the
 * descriptor that is returned is closed.
 */
int store_tmp_lock(struct store *store, const char *name, struct error *e);
/** Did dead processes leave what only a user namespace with the range of ids can remove? Call store_clean_tmp() there. */
bool store_tmp_needs_userns(const struct store *store);
/** Removes what dead processes left. */
int store_clean_tmp(struct store *store, struct error *e);

/* ---- blobs ---- */

/** Opens a blob for reading; *@size may be NULL. ERR_NOT_FOUND. */
int store_blob_open(
    struct store *store, const struct digest *digest, uint64_t *size, struct error *e);
bool store_blob_has(struct store *store, const struct digest *digest);
/** Reads a small blob (at most @max bytes), checking its digest. */
int store_blob_read(
    struct store *store, const struct digest *digest, size_t max, struct buf *b, struct error *e);
/** Stores @bytes; @digest is set. */
int store_blob_put(
    struct store *store, const void *bytes, size_t length, struct digest *digest, struct error *e);

struct blob_writer {
	struct store *store;
	int fd;        /* write the bytes here */
	char name[72]; /* below the process's directory in tmp/ */
};

#define BLOB_WRITER_INIT \
	{                \
		.fd = -1 \
	}

int blob_writer_open(struct blob_writer *w, struct store *store, struct error *e);
/**
 * The same for a blob whose digest is known: what was written so far can be read by processes that share our directory in
 * tmp/ (store_blob_arriving()). Of several writers of one blob the first is that which is read.
 */
int blob_writer_open_shared(
    struct blob_writer *w, struct store *store, const struct digest *digest, struct error *e);
/**
 * Opens what a process that shares our directory in tmp/ is writing as blob @digest, for reading: nobody has checked it yet. Its
 * number of links becomes 0 when it is given up. ERR_NOT_FOUND when nobody does.
 */
int store_blob_arriving(struct store *store, const struct digest *digest, struct error *e);
/**
 * Gives what was written its name. The caller vouches for @digest; the file must be @size bytes long. A blob that is there
 * already with that size is kept. The writer is closed, whatever comes of it.
 */
int blob_writer_commit(
    struct blob_writer *w, const struct digest *digest, uint64_t size, struct error *e);
/** Drops what was written; nothing after a commit. */
void blob_writer_release(struct blob_writer *w);

/* ---- names ---- */

struct store_name {
	char *name; /* whole: "docker.io/library/app:latest"; NULL for an image without a name */
	char *
	    short_name; /* the name other tools find it by in this layout: "app:latest"; NULL: as @name */
	char *media_type; /* of a manifest or an index */
	struct digest digest;
	uint64_t size;
};

struct store_names {
	struct store_name *items;
	size_t count;
	size_t room;
};

void store_name_release(struct store_name *n);
void store_names_release(struct store_names *names);
/** Appends a copy. */
void store_names_add(struct store_names *names, const struct store_name *n);
/** Returns 1 with @n set, 0 when there is no such name, or -1. */
int store_name_get(struct store *store, const char *name, struct store_name *n, struct error *e);
/** All, in the order of index.json. */
int store_names_list(struct store *store, struct store_names *names, struct error *e);
/**
 * Sets all of @names in one step, after syncing what they stand for: this is the commit point. A member without a name is
 * kept from pruning until it is removed. @replaced (may be NULL) gets the members that stood for something else before.
 * Nothing is written when all of it is so already.
 */
int store_names_set(struct store *store, const struct store_names *names,
    struct store_names *replaced, struct error *e);
/** The same for one. */
int store_name_set(struct store *store, const struct store_name *n, struct error *e);
/** Returns 1, or 0 when there was no such name. The blobs stay until pruned. */
int store_name_remove(struct store *store, const char *name, struct error *e);
/** Removes every entry that stands for @digest, with or without a name; @removed (may be NULL) gets them. */
int store_digest_remove(
    struct store *store, const struct digest *digest, struct store_names *removed, struct error *e);

/* ---- snapshots ---- */

#define SNAPSHOT_KEEP_MAX 80

struct snapshot_writer {
	struct store *store;
	char name[32];
	int dir;  /* tmp/<process>/<name> */
	int fs;   /* fs/ in it, empty, 0755: becomes the snapshot */
	int work; /* work/ in it, for overlay; removed on commit, or: */
	char keep[SNAPSHOT_KEEP_MAX +
		  1]; /* kept under this name for snapshot_writer_take(); "": not */
	void *extra;  /* of who fills it; freed with the writer by @free_extra; NULL */
	void (*free_extra)(void *);
};

#define SNAPSHOT_WRITER_INIT                    \
	{                                       \
		.dir = -1, .fs = -1, .work = -1 \
	}
#define SNAPSHOT_ID_MAX 64

/**
 * From here on snapshots are those in which owners are records (seccomp/owner.h): they have names of their own, since a tier in which the
 * kernel keeps owners cannot read them, nor the other way.
 */
void store_record_owners(struct store *store);
/** How snapshots are put on top of each other. */
enum store_driver {
	STORE_OVERLAY, /* by the kernel */
	STORE_FUSE,    /* by the program fuse-overlayfs */
	STORE_COPY,    /* as copies */
};
void store_set_driver(struct store *store, enum store_driver driver);
enum store_driver store_driver(const struct store *store);
/** The name of the snapshot of an image's layer, by its chain ID. */
void store_snapshot_of_chain(
    const struct store *store, const struct digest *chain_id, char id[SNAPSHOT_ID_MAX + 1]);
/** Is @id the name of a snapshot of the kind that @store makes? */
bool store_snapshot_fits(const struct store *store, const char *id);

int snapshot_writer_open(struct snapshot_writer *w, struct store *store, struct error *e);
/** Absolute path of the directory that has fs/ and work/; to be freed. */
char *snapshot_writer_path(const struct snapshot_writer *w);
/**
 * Makes it a snapshot named @id, or a fresh name when @id is "" (@id is then filled in). @meta may be NULL. When a
 * snapshot of that name is there already, that one is kept and this one dropped. The writer is closed on success.
 */
int snapshot_writer_commit(struct snapshot_writer *w, char id[SNAPSHOT_ID_MAX + 1],
    const struct json *meta, struct error *e);
/**
 * What the writer of snapshot @id has kept as @keep in this session becomes work/ of @w, for it alone: 1; 0 when there is nothing. Its content
 * and its meaning are who fills it's affair.
 */
int snapshot_writer_take(
    struct snapshot_writer *w, const char *keep, const char *id, struct error *e);
/** Drops it as snapshot_writer_release() does, but for work/, which is kept as @keep of no snapshot: snapshot_writer_take() with the id "". */
void snapshot_writer_keep(struct snapshot_writer *w);
/** Drops it; nothing after a commit. */
void snapshot_writer_release(struct snapshot_writer *w);

bool store_snapshot_has(struct store *store, const char *id);
/** Opens fs/ of a snapshot (O_RDONLY | O_DIRECTORY). ERR_NOT_FOUND. */
int store_snapshot_open(struct store *store, const char *id, struct error *e);
/** Absolute path of its fs/; to be freed. */
char *store_snapshot_path(struct store *store, const char *id);
/** What was given on commit (an empty object for NULL). */
struct json *store_snapshot_meta(struct store *store, const char *id, struct error *e);
/** Moves it to tmp/ and removes it there. */
int store_snapshot_remove(struct store *store, const char *id, struct error *e);

/* ---- listings ---- */

int store_listing_put(struct store *store, const struct digest *diff_id, const void *bytes,
    size_t length, struct error *e);
/** Returns 1 with the bytes, 0 when there is none, -1. */
int store_listing_get(
    struct store *store, const struct digest *diff_id, struct buf *b, struct error *e);
bool store_listing_has(struct store *store, const struct digest *diff_id);

/* ---- step records ---- */

/**
 * Returns 1 with *@record set, 0 when there is none that can be used, -1. A record is an object; of its members the store
 * reads two, arrays of text: "snapshots" (ids) and "blobs" (digests). A record of which one of these is gone does not count,
 * and what is named here is kept by prune as long as the record is.
 */
int store_step_get(
    struct store *store, const struct digest *key, struct json **record, struct error *e);
int store_step_put(
    struct store *store, const struct digest *key, const struct json *record, struct error *e);
int store_step_remove(struct store *store, const struct digest *key, struct error *e);

/* ---- builds ---- */

/** Makes builds/<time>-<id>/ and opens it; @id (to be freed) gets its name. Of more than 250 builds the oldest records go. */
int store_build_begin(struct store *store, char **id, struct error *e);

/* ---- keeping the house (prune.h has prune and check) ---- */

/** Writes all that was written so far to the disk and remembers that it was. */
int store_sync(struct store *store, struct error *e);

#endif
