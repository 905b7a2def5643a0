/* SPDX-License-Identifier: Apache-2.0 */
/*
 * owner - whose a file is where only one id is mapped: the record that stands for the real owner.
 *
 * Files and directories carry it in an attribute. Links, FIFOs and sockets may not have attributes of users
 * (xattr(7)); theirs is in the access time, which no layer has: a second of the years 2242 to 2378 is the uid, its
 * nanoseconds are the gid. A kernel never moves an access time back, and relatime leaves one alone that is in the future. Both
 * kinds go along when the overlay copies a file up, and when a file is renamed or linked.
 * What has no record is root's.
 */
#ifndef CROZE_SECCOMP_OWNER_H
#define CROZE_SECCOMP_OWNER_H

#include "runtime/base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

#define OWNER_XATTR "user.croze.ids"     /* "uid:gid" */
#define OWNER_DEVICE "user.croze.device" /* "c:1:3" on an empty file: it stands for it */
#define OWNER_PREFIX "user.croze."
#define OWNER_TEXT_MAX 32

struct owner {
	uid_t uid;
	gid_t gid;
};

/** Do files and directories of this mode carry attributes? */
static inline bool
owner_is_attribute(mode_t mode)
{
	return S_ISREG(mode) || S_ISDIR(mode);
}

/** Writes "uid:gid"; returns its length. */
size_t owner_format(const struct owner *owner, char text[OWNER_TEXT_MAX]);
/** false when @value is not of that form. */
bool owner_parse(const char *value, size_t length, struct owner *owner);
/** "c:1:3" for a device of @mode; returns its length. */
size_t owner_device_format(mode_t mode, dev_t rdev, char text[OWNER_TEXT_MAX]);
/** Sets the type in @mode, and @rdev; false when @value is not of that form. */
bool owner_device_parse(const char *value, size_t length, mode_t *mode, dev_t *rdev);

/** The record in an access time; false when there is none. */
bool owner_of_time(const struct timespec *atime, struct owner *owner);
/** The other way; false for a gid that has no room there (10^9 and more). */
bool owner_to_time(const struct owner *owner, struct timespec *atime);

/**
 * Records the owner of an open file or directory; that of root is no record. The kernel's own consequences of chown(2) are the caller's.
 * -1 with errno.
 */
int owner_set(int fd, const struct owner *owner);
/** Likewise for @name in @dir, which is neither file nor directory and never followed. ERANGE: no room for the gid. */
int owner_set_at(int dir, const char *name, const struct owner *owner);

/**
 * path_make_dirs(), with recorded owners where @recorded: folders that are made belong to @owner, and have mode 0755. O_PATH descriptor of the
 * last one.
 */
int owner_make_dirs(
    int root, const char *path, const struct owner *owner, bool recorded, struct error *e);

/** Is there one id only in the user namespace of the caller, so that owners are records? Reads procfs. */
bool owner_is_recorded(void);

#endif
