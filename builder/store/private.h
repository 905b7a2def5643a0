/* SPDX-License-Identifier: Apache-2.0 */
/*
 * private - what the files of the store share; nobody else includes it.
 */
#ifndef CROZE_STORE_PRIVATE_H
#define CROZE_STORE_PRIVATE_H

#include "builder/store/store.h"
#include "runtime/base/fd.h"
#include "runtime/base/mem.h"
#include "runtime/base/path.h"

#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>

/** The directories of a store, as in the table in store.c. */
enum store_dir {
	DIR_BLOBS,
	DIR_SNAPSHOTS,
	DIR_LISTINGS,
	DIR_STEPS,
	DIR_BUILDS,
	DIR_CONTEXT,
	DIR_MOUNTS,
	DIR_TMP,
	DIR_COUNT,
};

/** Most that a record, a meta file or index.json may hold. */
#define RECORD_MAX JSON_MAX_BYTES
#define RANDOM_NAME_LEN 16

#define STORE_VERSION_FILE "store.json"
#define STORE_LOCK_FILE "lock"

struct store {
	char *path;
	enum store_flags flags;
	int root;
	int dirs[DIR_COUNT];
	int lock;
	pid_t owner;                       /* who removes the session directory */
	char session[RANDOM_NAME_LEN + 1]; /* our directory in tmp/; "" until the first use */
	int session_dir;                   /* holds an flock as long as any process of ours lives */
	int session_lock;                  /* holds it instead, after store_reopen() */
	bool tmp_needs_userns;
	enum store_driver driver;
	bool records_owners; /* snapshots are those with recorded owners */
};

/** Name of a directory, relative to the root. */
const char *store_dir_name(enum store_dir dir);
/** Writes RANDOM_NAME_LEN hexadecimal digits and a NUL. */
int store_random_name(char name[RANDOM_NAME_LEN + 1], struct error *e);

/* tmp.c */
/** Opens the process's directory in tmp/, making it at the first call; borrowed. */
int tmp_session(struct store *store, struct error *e);
/** Makes a file in the session directory; @name (32 bytes) gets its name. */
int tmp_make_file(struct store *store, char *name, size_t size, struct error *e);
int tmp_make_dir(struct store *store, char *name, size_t size, struct error *e);
/** Removes what dead processes left; sets tmp_needs_userns where that was not allowed. */
int tmp_clean(struct store *store, struct error *e);
/** Number of directories of dead processes. */
int tmp_count_dead(struct store *store, size_t *count, struct error *e);
/** Removes our own directory, if there is one. */
void tmp_end_session(struct store *store);
/** Opens the session directory by name again. */
int tmp_reopen(struct store *store, struct error *e);
/** Moves @name out of @dir into tmp/ and removes it there, so that nobody sees half of it. */
int tmp_discard(struct store *store, int dir, const char *name, struct error *e);
/** Writes a file below tmp/ and renames it to @dir/@name. */
int tmp_write_record(struct store *store, int dir, const char *name, const void *bytes,
    size_t length, struct error *e);
/** The same for bytes that lie apart. */
int tmp_write_parts(struct store *store, int dir, const char *name, const struct iovec *parts,
    size_t n_parts, struct error *e);

/* names.c */
/** Takes the lock on names; -1 on failure. */
int names_lock(struct store *store, struct error *e);
/** index.json as JSON, checked to be an index. */
struct json *index_read(struct store *store, struct error *e);
/** Syncs, then puts @index in place of index.json. */
int names_write(struct store *store, const struct json *index, struct error *e);
/** Removes the members without a name. */
int names_remove_unnamed(struct store *store, struct error *e);
/** Reads one member of "manifests"; -1 without an error text of its own when it is not well-formed. */
int names_read_entry(const struct json *entry, struct store_name *n, struct error *e);

/* mounts.c */
bool mount_name_is_valid(const char *name);
/** Its record; NULL with @e. */
struct json *mount_read_meta(int mounts, const char *name, struct error *e);
/** 0 when that is not known. */
time_t mount_last_used(int mounts, const char *name);

/* recover.c */
/** After a reboot: drops or checks what may not have reached the disk. */
int store_recover(struct store *store, struct error *e);

/* records.c */
/** Reads a file of a directory of the store; 1, 0 when it is not there, -1. */
int record_read(int dir, const char *name, struct buf *b, struct error *e);
/** Checks a listing's trailer and cuts it off. */
int listing_open(struct buf *b, struct error *e);
/** Is all that the record names there? */
bool record_is_whole(struct store *store, const struct json *record);
/** Names of a layer's two snapshots, with owners of the kernel and with recorded ones. */
void snapshot_name_of_chain(
    const struct digest *chain_id, bool recorded, char id[SNAPSHOT_ID_MAX + 1]);
bool snapshot_id_is_valid(const char *id);

#endif
