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
#define OWNER_MODE \
	"user.croze.mode" /* "0555" on what an ordinary user keeps readable and writable for himself */
#define OWNER_CAPABILITY \
	"user.croze.capability" /* stands for security.capability, which an ordinary user cannot set */
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

/**
 * Modes where the files are an ordinary user's, who has no capability to reach what its mode shuts: the file itself keeps the rights of its
 * owner to read and write it (and to search it), and the mode that it is to have is a record. The mode (07777) of a file whose own one is @mode.
 * @path is followed.
 */
mode_t owner_mode_of(const char *path, mode_t mode);
/** Gives the file or directory at @path mode @mode, and the record where it takes one. @path is followed. -1 with errno. */
int owner_set_mode(const char *path, mode_t mode);
/** fchmod(2) of an open file or directory as whoever the caller is: with a record for an ordinary user. @mode with its type. -1 with errno. */
int owner_fchmod(int fd, mode_t mode);
/** The mode that a file or directory is made with so that the caller can go on with it: owner_mode_kept() for an ordinary user. */
mode_t owner_mode_made(mode_t mode);
/** What the file itself has where it shall have @mode. */
mode_t owner_mode_kept(mode_t mode);
/** "0555"; false when @value is not of that form. */
bool owner_mode_parse(const char *value, size_t length, mode_t *mode);

/** Is there one id only in the user namespace of the caller, or the caller an ordinary user, so that owners are records? Reads procfs. */
bool owner_is_recorded(void);
/** Is the caller an ordinary user, who can give no file away and has no capability over his own? */
bool owner_is_ordinary(void);

#endif
