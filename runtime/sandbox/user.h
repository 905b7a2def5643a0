/* SPDX-License-Identifier: Apache-2.0 */
/*
 * user - what USER, --user and --chown name, looked up in the passwd and group files of a rootfs.
 *
 * Our own parser: nothing of the image is ever loaded or asked (no NSS). Digits are always an id and never a name.
 */
#ifndef CROZE_SANDBOX_USER_H
#define CROZE_SANDBOX_USER_H

#include "runtime/base/buf.h"
#include "runtime/base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/** A passwd or group file larger than this is refused. */
#define USER_FILE_MAX (4U << 20)

/** /etc/passwd and /etc/group as text; a file that is not there is empty. */
struct user_files {
	struct buf passwd;
	struct buf group;
};

void user_files_release(struct user_files *files);
/** Reads both below @rootfs (links are followed inside). Not a regular file, too large: ERR_INPUT, at once. */
int user_files_read(int rootfs, struct user_files *files, struct error *e);

struct user {
	uid_t uid;
	gid_t gid;
	gid_t *groups; /* supplementary groups for setgroups(2); holds @gid */
	size_t n_groups;
	char *home; /* of passwd, else "/" ("/root" for uid 0 without an entry); never NULL */
	char *name; /* login name, or the id as text */
};

void user_release(struct user *u);

/**
 * @spec as in USER: "" or NULL (root), "name", "uid", "name:group", "uid:gid" and mixtures. Without a group, gid and
 * supplementary groups are those of the passwd entry (gid 0 for a number that has none); with a group there are no others.
 * ERR_INPUT for an unknown name or a number above 2^31-1.
 */
int user_resolve(const struct user_files *files, const char *spec, struct user *u, struct error *e);
/** user_files_read() and user_resolve() in one */
int user_resolve_in(int rootfs, const char *spec, struct user *u, struct error *e);

/**
 * @spec as in COPY --chown: "user", "user:group" by name or number. Without a group a number is the gid too, a name stands
 * for its primary group.
 * @files may be NULL when user_spec_is_numeric(@spec).
 */
int user_resolve_owner(
    const struct user_files *files, const char *spec, uid_t *uid, gid_t *gid, struct error *e);
/** Does @spec name nothing but numbers, so that no file need be read? */
bool user_spec_is_numeric(const char *spec);

#endif
