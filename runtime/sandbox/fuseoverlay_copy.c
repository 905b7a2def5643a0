/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuseoverlay_copy - what fuse-overlayfs copies up and takes away is as in the kernel's overlay.
 *
 * The program (1.10) copies links up without owner and times, folders without their set-id bits, FIFOs and devices as empty files, sockets not
 * at all, and moves the time of the folder into which it copies. A socket of a folder whose names it does not know all is not there: it takes
 * the bit that sockets and folders have both for that of a folder. And what a step renames to a name of a layer below, and then removes or
 * renames again, leaves that layer's file there.
 *
 * So calls of the C library are ours here. What is made while nothing new is (fuse_copy_pause()) is copied up, and what it was copied from is
 * what the program has opened or read last, by the same path; what is renamed out of the upper goes.
 */
#include "runtime/sandbox/fuseoverlay_copy.h"

#include "runtime/sandbox/fuseoverlay_load.h"
#include "runtime/sandbox/overlay.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

#undef openat64 /* some C libraries have it as another name for openat() */

#define OPAQUE_NAME ".wh..wh..opq"
#define TYPE_AND_NUMBER (STATX_TYPE | STATX_MODE | STATX_INO) /* what it asks of names alone */

#ifndef __GLIBC__
int openat64(int dir, const char *path, int flags, ...);
#endif

static struct {
	bool is_open;
	int upper;
	struct stat upper_st;
	int lowers[OVERLAY_LOWERS_MAX]; /* the uppermost first */
	size_t n_lowers;
	int work; /* the program's; -1 until a file without a name was made */
} layers = { .work = -1 };

/* All of this is of one operation. */
static _Thread_local bool is_paused; /* what is made is new */
static _Thread_local const struct stat
    *unnamed_in; /* the folder of a file without a name, as it was; NULL */
/* What may be about to be copied up; its path is that of the copy. */
static _Thread_local struct {
	char path[PATH_MAX]; /* "": nothing */
	struct stat st;
} source;
static _Thread_local char unopened[PATH_MAX]; /* what could not be opened last */

bool
fuse_copy_open(void)
{
	const char *number = getenv(FUSEOVERLAY_UPPER), *list = getenv(FUSEOVERLAY_LOWERS);
	char *end;

	if (!number || !list)
		return false;
	layers.upper = (int)strtol(number, NULL, 10);
	while (layers.n_lowers < OVERLAY_LOWERS_MAX && *list) {
		layers.lowers[layers.n_lowers++] = (int)strtol(list, &end, 10);
		list = *end ? end + 1 : end;
	}
	layers.is_open = fstat(layers.upper, &layers.upper_st) == 0;
	return layers.is_open;
}

void
fuse_copy_pause(bool paused)
{
	is_paused = paused;
}

void
fuse_copy_unnamed(const struct stat *folder)
{
	unnamed_in = folder;
}

static bool
is_upper(int dir)
{
	struct stat st;

	return fstat(dir, &st) == 0 && st.st_dev == layers.upper_st.st_dev &&
	       st.st_ino == layers.upper_st.st_ino;
}

/* ---- what goes ---- */

/* Is there something in a layer below? One that hides it from the others is not looked at: a whiteout for nothing is none in the end. */
static bool
is_below(const char *path)
{
	struct stat st;

	for (size_t i = 0; i < layers.n_lowers; i++)
		if (fstatat(layers.lowers[i], path, &st, AT_SYMLINK_NOFOLLOW) == 0)
			return !(S_ISCHR(st.st_mode) && st.st_rdev == 0);
	return false;
}

/* Is it in a folder that shows nothing of those below? The program has a file in those that it makes. */
static bool
is_in_opaque(const char *path)
{
	char mark[PATH_MAX];
	struct stat st;

	for (const char *slash = strchr(path, '/'); slash; slash = strchr(slash + 1, '/')) {
		size_t length = (size_t)(slash - path) + 1;

		if (length + sizeof(OPAQUE_NAME) > sizeof(mark))
			return false;
		memcpy(mark, path, length);
		memcpy(mark + length, OPAQUE_NAME, sizeof(OPAQUE_NAME));
		if (fstatat(layers.upper, mark, &st, AT_SYMLINK_NOFOLLOW) == 0)
			return true;
	}
	return false;
}

/* Nothing of the upper is at @path any more: nothing shall be seen there. */
static int
hide_below(const char *path)
{
	if (!is_below(path) || is_in_opaque(path) || mknodat(layers.upper, path, S_IFCHR, 0) == 0 ||
	    errno == EEXIST)
		return 0;
	return -1;
}

/* The same for @name in the folder @dir of the upper. */
static int
hide_below_at(int dir, const char *name)
{
	char link[32], path[2 * PATH_MAX], top[PATH_MAX];
	ssize_t length, skip;
	NEXT(readlinkat);

	(void)snprintf(link, sizeof(link), "/proc/self/fd/%d", layers.upper);
	skip = next(AT_FDCWD, link, top, sizeof(top));
	(void)snprintf(link, sizeof(link), "/proc/self/fd/%d", dir);
	length = next(AT_FDCWD, link, path, PATH_MAX);
	if (skip < 0 || length < skip || memcmp(path, top, (size_t)skip) != 0) {
		errno = EIO; /* it renames nothing elsewhere */
		return -1;
	}
	(void)snprintf(path + length, sizeof(path) - (size_t)length, "/%s", name);
	return hide_below(path + skip + 1);
}

/* ---- what is copied up ---- */

/* mkdir(2) takes no set-id bits, be it a new folder or one that is copied up. */
int
mkdirat(int dir, const char *name, mode_t mode)
{
	int result;
	NEXT(mkdirat);

	result = next(dir, name, mode);
	if (result < 0 || !layers.is_open || !(mode & FUSE_SET_ID))
		return result;
	return fchmodat(dir, name, mode & FUSE_MODE, 0);
}

static void
note_source(int dir, const char *path)
{
	size_t length = strlen(path);

	source.path[0] = '\0';
	if (layers.is_open && !is_paused && length < sizeof(source.path) &&
	    fstatat(dir, path, &source.st, AT_SYMLINK_NOFOLLOW) == 0)
		memcpy(source.path, path, length + 1);
}

static bool
is_source(int dir, const char *path)
{
	return layers.is_open && !is_paused && source.path[0] && strcmp(source.path, path) == 0 &&
	       is_upper(dir);
}

/* A source is opened with these flags and no others. An empty file stands for what is no file: a device must not be opened, a socket cannot be. */
static int
open_source(int dir, const char *path, uint64_t flags)
{
	if (!layers.is_open || is_paused ||
	    (flags & ~(uint64_t)(O_CLOEXEC | O_LARGEFILE)) != O_NONBLOCK)
		return -1;
	note_source(dir, path);
	if (!source.path[0] || S_ISREG(source.st.st_mode) || S_ISDIR(source.st.st_mode) ||
	    S_ISLNK(source.st.st_mode))
		return -1;
	return memfd_create("source", MFD_CLOEXEC);
}

/* What it looks at next is what it wants to know of a thing that it knows already. */
static void
note_unopened(const char *path, uint64_t flags)
{
	size_t length = strlen(path);
	int saved = errno;

	if (layers.is_open && flags & O_NOFOLLOW && length < sizeof(unopened))
		memcpy(unopened, path, length + 1);
	errno = saved;
}

static bool
takes_mode(int flags)
{
	return flags & O_CREAT || (flags & O_TMPFILE) == O_TMPFILE;
}

/* @list: the mode, where there is one. */
static int
open_noted(typeof(openat) *next, int dir, const char *path, int flags, va_list list)
{
	mode_t mode = takes_mode(flags) ? va_arg(list, mode_t) : 0;
	int fd = open_source(dir, path, (uint64_t)flags);

	if (fd < 0)
		fd = next(dir, path, flags, mode);
	if (fd < 0)
		note_unopened(path, (uint64_t)flags);
	return fd;
}

int
openat(int dir, const char *path, int flags, ...)
{
	va_list list;
	int fd;
	NEXT(openat);

	va_start(list, flags);
	fd = open_noted(next, dir, path, flags, list);
	va_end(list);
	return fd;
}

int
openat64(int dir, const char *path, int flags, ...)
{
	va_list list;
	int fd;
	NEXT(openat64);

	va_start(list, flags);
	fd = open_noted(next, dir, path, flags, list);
	va_end(list);
	return fd;
}

/* openat2(2) has no function of its own. */
long
syscall(long number, ...)
{
	const struct open_how *how;
	long a[6], fd;
	va_list list;
	NEXT(syscall);

	va_start(list, number);
	for (size_t i = 0; i < sizeof(a) / sizeof(a[0]); i++)
		a[i] = va_arg(list, long);
	va_end(list);
	if (number != SYS_openat2) {
		fd = next(number, a[0], a[1], a[2], a[3], a[4], a[5]);
		if (fd == 0 && number == SYS_renameat2 && layers.is_open &&
		    !(a[4] & (RENAME_WHITEOUT | RENAME_EXCHANGE)))
			return hide_below_at((int)a[0], (const char *)a[1]);
		return fd;
	}
	how = (const struct open_how *)a[2];
	fd = open_source((int)a[0], (const char *)a[1], how->flags);
	if (fd < 0)
		fd = next(number, a[0], a[1], a[2], a[3]);
	if (fd < 0)
		note_unopened((const char *)a[1], how->flags);
	return fd;
}

/* A look at what a name stands for, which has not been tried to open before: to be no folder it must not be a socket. */
int
statx(int dir, const char *path, int flags, unsigned int mask, struct statx *st)
{
	bool was_tried = strcmp(path, unopened) == 0;
	int result;
	NEXT(statx);

	result = next(dir, path, flags, mask, st);
	if (path[0])
		unopened[0] = '\0';
	if (result < 0 || !layers.is_open || was_tried || !path[0] ||
	    mask & ~(unsigned int)TYPE_AND_NUMBER)
		return result;
	if (S_ISSOCK(st->stx_mode) || S_ISBLK(st->stx_mode))
		st->stx_mode = (uint16_t)(S_IFREG | (st->stx_mode & FUSE_MODE));
	return result;
}

ssize_t
readlinkat(int dir, const char *path, char *target, size_t size)
{
	NEXT(readlinkat);

	note_source(dir, path);
	return next(dir, path, target, size);
}

/* The folder into which something is copied up keeps its times. */
struct folder {
	char path[PATH_MAX];
	struct timespec times[2];
};

static int
note_folder(struct folder *folder, int dir, const char *path)
{
	const char *slash = strrchr(path, '/');
	size_t length = slash ? (size_t)(slash - path) : 0;
	struct stat st;

	memcpy(folder->path, length ? path : ".", length ? length : 1);
	folder->path[length ? length : 1] = '\0';
	if (fstatat(dir, folder->path, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return -1;
	folder->times[0] = st.st_atim;
	folder->times[1] = st.st_mtim;
	return 0;
}

/* Owner, mode and times of the source for what is neither file nor folder. */
static int
dress(int dir, const char *name)
{
	const struct stat *st = &source.st;
	struct timespec times[2] = { st->st_atim, st->st_mtim };

	if (fchownat(dir, name, st->st_uid, st->st_gid, AT_SYMLINK_NOFOLLOW) < 0 ||
	    (!S_ISLNK(st->st_mode) && fchmodat(dir, name, st->st_mode & FUSE_MODE, 0) < 0))
		return -1;
	return utimensat(dir, name, times, AT_SYMLINK_NOFOLLOW);
}

/* What the copy lacks, while it is in the work folder. */
static int
complete(int dir, const char *name)
{
	const struct stat *st = &source.st;

	if (S_ISDIR(st->st_mode))
		return 0;
	if (S_ISREG(st->st_mode))
		return st->st_mode & FUSE_SET_ID ? fchmodat(dir, name, st->st_mode & FUSE_MODE, 0)
		                                 : 0;
	if (unlinkat(dir, name, 0) < 0 || mknodat(dir, name, st->st_mode, st->st_rdev) < 0)
		return -1;
	return dress(dir, name);
}

/* @path of the upper has gone into the work folder. */
static int
note_removal(int work, const char *path)
{
	struct folder folder;

	if (!unnamed_in)
		return hide_below(path);
	layers.work = work;
	if (note_folder(&folder, layers.upper, path) < 0)
		return -1;
	/* as it was before the file was made */
	folder.times[0] = unnamed_in->st_atim;
	folder.times[1] = unnamed_in->st_mtim;
	return utimensat(layers.upper, folder.path, folder.times, AT_SYMLINK_NOFOLLOW);
}

/* A file without a name gets one: it is in the work folder, which the program does not think of. */
int
linkat(int from_dir, const char *from, int to_dir, const char *to, int flags)
{
	int result;
	NEXT(linkat);

	result = next(from_dir, from, to_dir, to, flags);
	if (result == 0 || errno != ENOENT || !layers.is_open || layers.work < 0 ||
	    !is_upper(from_dir))
		return result;
	return next(layers.work, from, to_dir, to, flags);
}

int
renameat(int from_dir, const char *from, int to_dir, const char *to)
{
	struct folder folder;
	NEXT(renameat);

	/* what is removed goes into the work folder */
	if (layers.is_open && !is_paused && is_upper(from_dir))
		return next(from_dir, from, to_dir, to) < 0 ? -1 : note_removal(to_dir, from);
	if (!is_source(to_dir, to))
		return next(from_dir, from, to_dir, to);
	if (complete(from_dir, from) < 0 || note_folder(&folder, to_dir, to) < 0 ||
	    next(from_dir, from, to_dir, to) < 0)
		return -1;
	source.path[0] = '\0';
	return utimensat(to_dir, folder.path, folder.times, AT_SYMLINK_NOFOLLOW);
}

int
symlinkat(const char *target, int dir, const char *path)
{
	struct folder folder;
	NEXT(symlinkat);

	if (!is_source(dir, path) || !S_ISLNK(source.st.st_mode))
		return next(target, dir, path);
	if (note_folder(&folder, dir, path) < 0 || next(target, dir, path) < 0 ||
	    dress(dir, path) < 0)
		return -1;
	source.path[0] = '\0';
	return utimensat(dir, folder.path, folder.times, AT_SYMLINK_NOFOLLOW);
}
