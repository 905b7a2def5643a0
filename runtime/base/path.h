/* SPDX-License-Identifier: Apache-2.0 */
/*
 * path - the one module that turns path text into descriptors.
 *
 * Nothing that comes from an image, an archive, a build context or a Dockerfile is ever joined to a host path and
 * opened: it is resolved below an open directory by openat2(2), either refusing to leave it (PATH_BENEATH) or treating
 * it as the root directory, as chroot would (PATH_IN_ROOT). Without openat2 (old kernels, outer seccomp filters) a
 * component-wise walk in user space does the same.
 */
#ifndef CROZE_BASE_PATH_H
#define CROZE_BASE_PATH_H

#include "runtime/base/buf.h"
#include "runtime/base/error.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

enum path_resolve {
	PATH_BENEATH, /* absolute paths, "..", links that leave the directory: error (EXDEV) */
	PATH_IN_ROOT, /* absolute paths and links are taken relative to the directory; ".." stops there */
	PATH_NO_SYMLINKS, /* beneath, and any symbolic link on the way is an error (ELOOP) */
};

/** Opens @path below @dir. @flags as openat(2); O_CLOEXEC and O_NOCTTY are added. Magic links are never followed. */
int path_open(
    int dir, const char *path, int flags, mode_t mode, enum path_resolve how, struct error *e);
/** As path_open(), but returns -1 with errno and touches no error: for callers to whom ENOENT is an answer. */
int path_try_open(int dir, const char *path, int flags, mode_t mode, enum path_resolve how);
/** Forces the user-space walk (tests). */
void path_force_walk(bool on);

/**
 * Makes directory @path and missing parents below @dir (PATH_IN_ROOT), each new one with @mode (not subject to umask), owned by
 * @uid:@gid ((uid_t)-1: as created). Returns an O_PATH|O_DIRECTORY descriptor of the last one. A component that is a dangling
 * symbolic link has its target made, inside.
 */
int path_make_dirs(int dir, const char *path, mode_t mode, uid_t uid, gid_t gid, struct error *e);

/** Removes @name in @dir, with all below when it is a directory; never follows links, never crosses to another mount; ENOENT is success. */
int path_remove_tree(int dir, const char *name, struct error *e);

/** Opens a directory or file by a path of the user's own (a flag, an environment variable): ordinary resolution. */
int path_open_user(const char *path, int flags, mode_t mode, struct error *e);
/** Makes a directory and its parents by the user's own path (mode 0700 for what is new). */
int path_make_dirs_user(const char *path, struct error *e);

/** Whole file below @dir, no links followed, regular files only, at most @max bytes. */
int path_read_file(int dir, const char *path, struct buf *b, size_t max, struct error *e);
/** Writes @dir/@name whole or not at all: temporary name, fsync if @durable, rename. */
int path_write_file(int dir, const char *name, const void *bytes, size_t length, mode_t mode,
    bool durable, struct error *e);

/* Text only; nothing is looked up. */
/** Go's path.Clean: "a/../b//c/." becomes "b/c", "" becomes ".". To be freed. */
char *path_clean(const char *path);
/** path_clean(@a + "/" + @b), or path_clean(@b) when @b is absolute. To be freed. */
char *path_join(const char *a, const char *b);
/** As inside a root: always starts with '/', ".." never leaves. To be freed. */
char *path_absolute(const char *path);
/** Is @path equal to or below @parent? Both clean. */
bool path_is_below(const char *path, const char *parent);
/** What follows the last '/'. */
const char *path_base(const char *path);
/** Is @name usable as one file name: not empty, not "." or "..", no '/', at most 255 bytes. */
bool path_is_name(const char *name);

#endif
