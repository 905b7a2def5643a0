/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mountspec - the value of RUN --mount: "type=cache,target=/root/.cache,sharing=locked".
 */
#ifndef CROZE_DOCKERFILE_MOUNTSPEC_H
#define CROZE_DOCKERFILE_MOUNTSPEC_H

#include "runtime/base/error.h"
#include "runtime/base/strv.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum mount_type {
	MOUNT_BIND,
	MOUNT_CACHE,
	MOUNT_TMPFS,
	MOUNT_SECRET,
	MOUNT_SSH,
};

enum mount_sharing {
	MOUNT_SHARED,
	MOUNT_PRIVATE,
	MOUNT_LOCKED,
};

extern const char *const mount_type_names[];
extern const char *const mount_sharing_names[];

/** As it was written, with the defaults of its type; texts that were not given are NULL. */
struct mountspec {
	enum mount_type type;
	char *target;
	char *source;
	char *from; /* NULL for "" too */
	char *id;   /* secret: also what was given as source */
	char *env;  /* secret: the variable that gets it */
	bool read_only;
	bool required; /* secret, ssh */
	enum mount_sharing sharing;
	uint64_t size; /* tmpfs: bytes; 0: not given */
	bool has_mode, has_uid, has_gid;
	mode_t mode; /* as given, else 0755 for a cache, 0400 for a secret, 0600 for an agent */
	uid_t uid;
	gid_t gid;
	struct strv ignored; /* keys that the reference builder takes and that mean nothing here */
};

void mountspec_release(struct mountspec *m);

/**
 * Replaces the variables in a value. To be freed; NULL after an error that @arg's owner has
 * reported.
 */
typedef char *mountspec_expand_fn(void *arg, const char *value);

/**
 * Reads @text: a CSV record (RFC 4180) of KEY=VALUE, keys in any case, each once. Values go through @expand, which may be
 * NULL. Returns 0; or -1 with @e ERR_INPUT, or with @e untouched when @expand failed. @m is to be
 * released in both cases.
 */
int mountspec_parse(
    const char *text, mountspec_expand_fn *expand, void *arg, struct mountspec *m, struct error *e);
/**
 * What can be said before variables are known: all of it when there are none, else the grammar, the
 * keys, and that `from` has none. *@from gets the value of `from` where that names a source of files
 * (to be freed), or NULL.
 */
int mountspec_check(const char *text, char **from, struct error *e);

/** Splits a CSV record into its fields. ERR_INPUT for quotes in wrong places. */
int mountspec_split(const char *text, struct strv *fields, struct error *e);
/** Go's strconv.ParseBool. */
int mountspec_bool(const char *text, const char *key, bool *value, struct error *e);

#endif
