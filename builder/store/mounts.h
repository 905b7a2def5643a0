/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mounts - cache mounts: folders that outlive a step, known by an id.
 *
 *	mounts/<SHA-256 of the id>-<n>/   fs/ (the files), meta (JSON: id, when it was made), lock, lent (while fs/ is somewhere else)
 *
 * The id comes from a Dockerfile and is never a part of a path. Number 0 is the one that everybody shares; further ones are
 * made for steps that want one for themselves while it is taken. The time of meta is that of the last use.
 */
#ifndef CROZE_STORE_MOUNTS_H
#define CROZE_STORE_MOUNTS_H

#include "builder/store/store.h"

/** Longest id that is kept to be shown; longer ones work, and are shown cut. */
#define STORE_MOUNT_ID_SHOWN 200

enum store_mount_use {
	STORE_MOUNT_SHARED,  /* with others */
	STORE_MOUNT_LOCKED,  /* alone, waiting until that is so */
	STORE_MOUNT_PRIVATE, /* alone, in another folder when this one is taken */
};

struct store_mount {
	struct store *store;
	char name[80]; /* below mounts/, or, when fresh, of the final place */
	char tmp[32];  /* fresh: below the process's directory in tmp/ */
	int dir;
	int fs;   /* the files */
	int lock; /* held while it is open */
	bool fresh;
	bool is_empty; /* it has nothing yet: fresh, or lost by who had it lent */
	bool shared;   /* to be shared once it has something */
};

#define STORE_MOUNT_INIT                        \
	{                                       \
		.dir = -1, .fs = -1, .lock = -1 \
	}

/** Told once before a wait for others. */
typedef void store_mount_wait_fn(void *arg);

/**
 * Opens the cache mount @id (any text) and locks it as @use says. One that @is_empty is seen by nobody before store_mount_commit(): the
 * caller gives its root what it is to begin with. @wait may be NULL.
 */
int store_mount_open(struct store *store, const char *id, enum store_mount_use use,
    store_mount_wait_fn *wait, void *arg, struct store_mount *m, struct error *e);
/**
 * Puts a fresh one in its place. Returns 0; or 1 when another process was faster: then @m is closed, and to be opened again.
 */
int store_mount_commit(struct store_mount *m, struct error *e);
/** Its files will be moved away for a while; nobody else has it open. Who ends meanwhile has lost them, and the next one begins anew. */
int store_mount_lend(struct store_mount *m, struct error *e);
/** Are they back in their place? 1, or 0: they are lost. */
int store_mount_is_back(const struct store_mount *m, struct error *e);
/** Notes that they are. */
int store_mount_returned(struct store_mount *m, struct error *e);
/** Closes and unlocks; a fresh one that was not committed is dropped. */
void store_mount_close(struct store_mount *m);

/** Is there a cache mount of this id, as the store's way of keeping owners has it? */
bool store_mount_has(struct store *store, const char *id);
/** The order in which locks are taken: of two ids always the same one first. */
int store_mount_compare(const char *a, const char *b);

/** What is known of one. */
struct store_mount_info {
	char *name; /* below mounts/ */
	char *id;   /* as given, perhaps cut; NULL when its record is damaged */
	unsigned number;
	time_t created;
	time_t used;
	uint64_t bytes; /* on the disk */
	bool busy;      /* a step has it open */
	bool recorded;  /* owners are records, see store_record_owners() */
};

struct store_mount_list {
	struct store_mount_info *items;
	size_t count;
	size_t room;
};

void store_mount_list_release(struct store_mount_list *list);
/** All of them, by id and number. Sizes need the ids of the namespace that the steps ran in. */
int store_mounts_list(struct store *store, struct store_mount_list *list, struct error *e);
/** Removes one by its name; the store is open with STORE_EXCLUSIVE. */
int store_mount_remove(struct store *store, const char *name, struct error *e);

#endif
