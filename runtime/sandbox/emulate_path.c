/* SPDX-License-Identifier: Apache-2.0 */
/*
 * emulate_path - paths of a step, below its root and through its mounts (path_resolution(7)).
 *
 * One component at a time, each opened by O_PATH | O_NOFOLLOW in the folder before it, so that nothing that the step does meanwhile leads
 * out: what is walked is a chain of descriptors. Links begin again at the root; ".." stays there. A folder cannot be moved out of its
 * mount (emulate_name.c refuses with EXDEV), so ".." of a folder inside leads inside. Paths that are names alone are mostly walked by the
 * kernel at once, which comes to the same (find_whole()).
 */
#include "runtime/sandbox/emulate_private.h"

#include "runtime/base/mem.h"
#include "runtime/base/path.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define LINKS_MAX 40

const char *
emu_fd_path(int fd, char path[EMU_FD_PATH])
{
	(void)snprintf(path, EMU_FD_PATH, "self/fd/%d", fd);
	return path;
}

int
emu_copy(const struct emu_call *x, int fd)
{
	char path[EMU_FD_PATH];
	int copy = -1;

	if (fd >= 0 && x->em->has_copies && x->c.task.pidfd >= 0)
		copy = (int)syscall(SYS_pidfd_getfd, x->c.task.pidfd, fd, 0);
	if (copy >= 0)
		return copy;
	(void)snprintf(path, sizeof(path), "%d/fd/%d", (int)x->c.tid, fd);
	copy = openat(AT_FDCWD, path, O_PATH | O_CLOEXEC);
	if (copy < 0 && errno == ENOENT)
		errno = EBADF;
	return copy;
}

void
emu_spot_release(struct emu_spot *spot)
{
	if (spot->dir >= 0)
		(void)close(spot->dir); /* O_PATH */
	if (spot->target >= 0)
		(void)close(spot->target); /* O_PATH */
	free(spot->link);
	spot->dir = spot->target = -1;
	spot->link = NULL;
}

int
emu_look_at_folder(const struct emu_call *x, const struct emu_spot *spot, struct stat *st)
{
	char path[EMU_FD_PATH];

	if (fstat(spot->dir, st) < 0)
		return errno;
	(void)emu_see(x->em, emu_fd_path(spot->dir, path), st);
	return 0;
}

int
emu_may_change(const struct emu_call *x, const struct emu_spot *spot)
{
	struct stat st;
	int failed;

	if (spot->mount->read_only || spot->mount->is_proc)
		return EROFS;
	if (creds_are_plain(x->c.creds))
		return 0;
	failed = emu_look_at_folder(x, spot, &st);
	if (failed)
		return failed;
	return access_may(x->c.creds, &st, W_OK | X_OK) ? 0 : EACCES;
}

/* ---- mounts ---- */

const struct emu_mount *
emu_mount_of(const struct emulation *em, const char *real)
{
	const struct emu_mount *found = NULL;

	/* mounts at the same place: the last one is seen; the longest name is the innermost folder */
	for (size_t i = 0; i < em->n_mounts; i++)
		if (path_is_below(real, em->mounts[i].real) &&
		    (!found || strlen(em->mounts[i].real) >= strlen(found->real)))
			found = &em->mounts[i];
	return found;
}

const char *
emu_prefix(const struct emu_mount *mount)
{
	return strcmp(mount->path, "/") == 0 ? "" : mount->path;
}

const struct emu_mount *
emu_mount_at(const struct emulation *em, size_t n, const char *path, const char **rest)
{
	const struct emu_mount *found = &em->mounts[0];
	size_t length = 0;

	for (size_t i = 1; i < n; i++)
		if (!em->mounts[i].hidden && path_is_below(path, em->mounts[i].path) &&
		    strlen(em->mounts[i].path) >= length) {
			found = &em->mounts[i];
			length = strlen(found->path);
		}
	*rest = path + length + (path[length] == '/');
	return found;
}

bool
emu_holds_mount(const struct emulation *em, const char *name)
{
	for (size_t i = 1; i < em->n_mounts; i++)
		if (path_is_below(em->mounts[i].path, name) &&
		    strcmp(em->mounts[i].path, name) != 0)
			return true;
	return false;
}

static const struct emu_mount *
mount_at_point(const struct emulation *em, const struct stat *st)
{
	for (size_t i = em->n_mounts; i-- > 1;)
		if (em->mounts[i].point_ino == st->st_ino && em->mounts[i].point_dev == st->st_dev)
			return &em->mounts[i];
	return NULL;
}

/* How the command calls the file of @mount that the kernel calls @real; 0 or an errno. */
static int
name_in(const struct emu_mount *mount, const char *real, char name[PATH_MAX])
{
	const char *rest = real + strlen(mount->real);

	if ((size_t)snprintf(name, PATH_MAX, "%s%s", emu_prefix(mount), rest) >= PATH_MAX)
		return ENAMETOOLONG;
	if (name[0] == '\0')
		memcpy(name, "/", 2);
	return 0;
}

int
emu_name_of(const struct emulation *em, const char *path, char name[PATH_MAX])
{
	char real[PATH_MAX];
	ssize_t n = readlinkat(AT_FDCWD, path, real, sizeof(real) - 1);
	const struct emu_mount *mount;

	if (n < 0)
		return errno;
	real[n] = '\0';
	if (real[0] != '/') {
		memcpy(name, real, (size_t)n + 1);
		return 0;
	}
	mount = emu_mount_of(em, real);
	if (!mount) {
		/* of the descriptors that the step was born with */
		memcpy(name, real, (size_t)n + 1);
		return strcmp(real, "/dev/null") == 0 ? 0 : EXDEV;
	}
	return name_in(mount, real, name);
}

/* ---- walking ---- */

struct way {
	const struct emu_call *x;
	unsigned int flags;
	char rest[2 * PATH_MAX];
	int links;
	int at;         /* O_PATH */
	struct stat st; /* of @at, by the kernel */
	const struct emu_mount *mount;
};

/* Goes on in @fd, which is taken over. */
static void
move_to(struct way *way, int fd, const struct stat *st, const struct emu_mount *mount)
{
	(void)close(way->at); /* O_PATH */
	way->at = fd;
	way->st = *st;
	way->mount = mount;
}

static int
go_to_mount(struct way *way, const struct emu_mount *mount)
{
	int fd = fcntl(mount->fd, F_DUPFD_CLOEXEC, 3);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return errno;
	move_to(way, fd, &st, mount);
	return 0;
}

static int
go_up(struct way *way)
{
	const struct emulation *em = way->x->em;
	const struct emu_mount *mount = way->mount;
	struct stat st;
	int fd;

	if (way->st.st_ino == em->mounts[0].ino && way->st.st_dev == em->mounts[0].dev)
		return 0;
	/* of the root of a mount: the folder that its place is in */
	if (mount->parent >= 0 && way->st.st_ino == mount->ino && way->st.st_dev == mount->dev) {
		fd = fcntl(mount->parent, F_DUPFD_CLOEXEC, 3);
		mount = mount->below;
	} else {
		fd = openat(way->at, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);
	}
	if (fd < 0 || fstat(fd, &st) < 0)
		return errno;
	move_to(way, fd, &st, mount);
	return 0;
}

/* A descriptor of the caller's; how it calls what that stands for in @name. */
static int
start_at_descriptor(struct way *way, int dirfd, char name[PATH_MAX])
{
	char path[EMU_FD_PATH], real[PATH_MAX];
	ssize_t n;

	name[0] = '\0';
	way->at = emu_copy(way->x, dirfd);
	if (way->at < 0)
		return errno;
	n = readlinkat(AT_FDCWD, emu_fd_path(way->at, path), real, sizeof(real) - 1);
	real[n < 0 ? 0 : n] = '\0';
	way->mount = emu_mount_of(way->x->em, real);
	/* no folder of ours: a pipe, a socket, a file that was there before */
	if (!way->mount)
		way->mount = &way->x->em->mounts[0];
	else if (name_in(way->mount, real, name) != 0)
		name[0] = '\0'; /* too long for a mount to be in it */
	return fstat(way->at, &way->st) < 0 ? errno : 0;
}

static int
start(struct way *way, int dirfd, const char *path)
{
	const struct emulation *em = way->x->em;
	char name[PATH_MAX];

	if (path[0] == '/') {
		way->at = fcntl(em->mounts[0].fd, F_DUPFD_CLOEXEC, 3);
		way->mount = &em->mounts[0];
	} else if (dirfd == AT_FDCWD) {
		way->at = fcntl(way->x->folder->fd, F_DUPFD_CLOEXEC, 3);
		way->mount = way->x->folder->mount;
	} else {
		return start_at_descriptor(way, dirfd, name);
	}
	return way->at < 0 || fstat(way->at, &way->st) < 0 ? errno : 0;
}

/* Puts @target in front of what is left. */
static int
follow_link(struct way *way, const char *target)
{
	if (++way->links > LINKS_MAX || way->flags & EMU_NO_LINKS)
		return ELOOP;
	if (target[0] == '\0')
		return ENOENT;
	if (call_put_target(way->rest, sizeof(way->rest), target, strlen(target)) != 0)
		return ENAMETOOLONG;
	return target[0] == '/' ? go_to_mount(way, &way->x->em->mounts[0]) : 0;
}

static int
read_link(int fd, const char *link, char target[PATH_MAX])
{
	ssize_t n;

	if (link) {
		(void)snprintf(target, PATH_MAX, "%s", link);
		return 0;
	}
	n = readlinkat(fd, "", target, PATH_MAX - 1);
	if (n < 0)
		return errno;
	target[n] = '\0';
	return 0;
}

/* What the kernel says of the target becomes what the command shall see. */
static void
see(const struct way *way, struct emu_spot *spot)
{
	const struct stat *st = &spot->st;
	char path[EMU_FD_PATH];

	spot->has_records = true;
	/* an empty file may stand for a device */
	if (way->flags & EMU_ROUGH && creds_are_plain(way->x->c.creds) &&
	    (S_ISDIR(st->st_mode) || (S_ISREG(st->st_mode) && st->st_size > 0)))
		return;
	spot->has_records = emu_see(way->x->em, emu_fd_path(spot->target, path), &spot->st);
	if (spot->mount->is_proc)
		emu_proc_owner(way->x, spot->target, &spot->st);
}

/* May the caller search the folder? */
static int
check_search(const struct way *way)
{
	struct stat st = way->st;
	char path[EMU_FD_PATH];

	if (!S_ISDIR(way->st.st_mode))
		return ENOTDIR;
	if (creds_are_plain(way->x->c.creds))
		return 0;
	(void)emu_see(way->x->em, emu_fd_path(way->at, path), &st);
	if (way->mount->is_proc)
		emu_proc_owner(way->x, way->at, &st);
	return access_may(way->x->c.creds, &st, X_OK) ? 0 : EACCES;
}

/* The path ends in the folder that was reached. */
static int
end_here(struct way *way, struct emu_spot *spot)
{
	spot->name[0] = '\0';
	spot->target = way->at;
	spot->st = way->st;
	spot->mount = way->mount;
	spot->is_point = way->st.st_ino == way->mount->ino && way->st.st_dev == way->mount->dev;
	see(way, spot);
	way->at = -1;
	return 0;
}

/* The path ends with @name in it; @fd is what is there, or -1. */
static int
end_at(struct way *way, const char *name, int fd, const struct stat *st, struct emu_spot *spot)
{
	memcpy(spot->name, name, strlen(name) + 1);
	spot->dir = way->at;
	way->at = -1;
	spot->mount = way->mount;
	spot->target = fd;
	if (fd >= 0) {
		spot->st = *st;
		see(way, spot);
	}
	return 0;
}

/* The files that a descriptor of procfs stands for are reached by opening, not by what the link says. */
static bool
is_descriptor_link(const struct way *way, const char *name)
{
	char path[EMU_FD_PATH], real[PATH_MAX];
	ssize_t n;

	if (!way->mount->is_proc || name[strspn(name, "0123456789")] != '\0')
		return false;
	n = readlinkat(AT_FDCWD, emu_fd_path(way->at, path), real, sizeof(real) - 1);
	real[n < 0 ? 0 : n] = '\0';
	return n > 3 && strcmp(real + n - 3, "/fd") == 0;
}

static int
open_child(const struct way *way, const char *name, bool follow, int *fd, struct stat *st)
{
	int flags = O_PATH | O_CLOEXEC;

	*fd = openat(way->at, name, follow ? flags : flags | O_NOFOLLOW);
	if (*fd < 0)
		return errno;
	if (fstat(*fd, st) < 0)
		return errno;
	return 0;
}

static const struct emu_mount *
mount_of_descriptor(const struct emulation *em, int fd)
{
	char path[EMU_FD_PATH], real[PATH_MAX];
	ssize_t n = readlinkat(AT_FDCWD, emu_fd_path(fd, path), real, sizeof(real) - 1);

	real[n < 0 ? 0 : n] = '\0';
	return emu_mount_of(em, real);
}

/* One component, whose name was taken; 0 to go on, -1 at the end, an errno. */
static int
step_into(struct way *way, const char *name, char **link, struct emu_spot *spot)
{
	bool is_last = way->rest[strspn(way->rest, "/")] == '\0';
	bool slash = way->rest[0] == '/' && !(way->flags & EMU_PARENT);
	bool follow = !is_last || way->flags & EMU_FOLLOW || slash;
	const struct emu_mount *mount = way->mount;
	bool by_descriptor = follow && is_descriptor_link(way, name), is_point;
	char target[PATH_MAX];
	struct stat st;
	int fd, failed;

	if (is_last)
		spot->wants_folder = way->rest[0] == '/';
	failed = open_child(way, name, by_descriptor, &fd, &st);
	if (failed == ENOENT && is_last && !way->mount->is_proc)
		return end_at(way, name, -1, NULL, spot) == 0 ? -1 : ENOENT;
	if (failed)
		return failed;
	mount = mount_at_point(way->x->em, &st);
	if (mount) {
		(void)close(fd); /* O_PATH */
		fd = fcntl(mount->fd, F_DUPFD_CLOEXEC, 3);
		if (fd < 0 || fstat(fd, &st) < 0)
			return errno;
	}
	if (S_ISLNK(st.st_mode) && follow) {
		failed = read_link(fd, *link, target);
		(void)close(fd); /* O_PATH */
		return failed ? failed : follow_link(way, target);
	}
	is_point = mount != NULL;
	if (by_descriptor)
		mount = mount_of_descriptor(way->x->em, fd);
	if (is_last) {
		(void)end_at(way, name, fd, &st, spot);
		spot->is_point = is_point;
		spot->mount = mount ? mount : spot->mount;
		spot->link = *link;
		*link = NULL;
		return -1;
	}
	move_to(way, fd, &st, mount ? mount : way->mount);
	return 0;
}

static int
step(struct way *way, struct emu_spot *spot)
{
	char name[NAME_MAX + 1], *link = NULL;
	int failed = call_take_name(way->rest, name);

	if (failed)
		return failed;
	if (name[0] == '\0') {
		spot->wants_folder = true;
		return end_here(way, spot) == 0 ? -1 : EIO;
	}
	failed = check_search(way);
	if (failed)
		return failed;
	if (strcmp(name, ".") == 0)
		return 0;
	if (strcmp(name, "..") == 0)
		return go_up(way);
	if (way->mount->is_proc)
		failed = emu_proc_step(way->x, way->at, name, &link);
	if (failed == 0)
		failed = step_into(way, name, &link, spot);
	free(link);
	return failed;
}

/* Component by component. */
static int
find_by_steps(struct way *way, int dirfd, const char *path, struct emu_spot *spot)
{
	int result = 0;

	way->links = 0;
	memcpy(way->rest, path, strlen(path) + 1);
	if (way->at < 0)
		result = start(way, dirfd, path);
	if (result)
		return result;
	if (path[0] == '\0')
		return end_here(way, spot);
	while ((result = step(way, spot)) == 0)
		;
	return result < 0 ? 0 : result;
}

/* ---- whole paths ---- */

/* A path of names alone: the kernel's walk over it is that of the step, unless it meets a link or a mount. */
static bool
is_of_names(const char *path)
{
	for (const char *at = path + (path[0] == '/');; at++) {
		size_t n = strcspn(at, "/");

		if (n == 0 || n > NAME_MAX || (n == 1 && at[0] == '.') ||
		    (n == 2 && at[0] == '.' && at[1] == '.'))
			return false;
		at += n;
		if (*at == '\0')
			return true;
	}
}

/* Does @path lead from the folder @name into a mount? */
static bool
meets_mount(const struct emulation *em, const char *name, const char *path)
{
	size_t length = strcmp(name, "/") == 0 ? 0 : strlen(name);

	for (size_t i = 1; i < em->n_mounts; i++)
		if (path_is_below(em->mounts[i].path, name) && em->mounts[i].path[length] &&
		    path_is_below(path, em->mounts[i].path + length + 1))
			return true;
	return false;
}

/* Where the kernel can begin, and with what; -1 when it cannot; an errno. */
static int
begin(struct way *way, int dirfd, const char *path, int *from, const char **rest)
{
	const struct emulation *em = way->x->em;
	const struct emu_folder *folder = way->x->folder;
	char name[PATH_MAX];
	int failed;

	*rest = path;
	if (path[0] == '/') {
		way->mount = emu_mount_at(em, em->n_mounts, path, rest);
		*from = way->mount->fd;
		return way->mount->is_proc ? -1 : 0;
	}
	if (dirfd == AT_FDCWD) {
		way->mount = folder->mount;
		*from = folder->fd;
		if (folder->name && meets_mount(em, folder->name, path))
			return -1;
		return way->mount->is_proc ? -1 : 0;
	}
	failed = start_at_descriptor(way, dirfd, name);
	if (failed)
		return failed;
	*from = way->at;
	return way->mount->is_proc || meets_mount(em, name, path) ? -1 : 0;
}

static int
open_whole(int from, const char *path, size_t length, int flags)
{
	char text[PATH_MAX];

	if (length == 0)
		return fcntl(from, F_DUPFD_CLOEXEC, 3);
	memcpy(text, path, length);
	text[length] = '\0';
	return path_try_open(from, text, O_PATH | flags, 0, PATH_NO_SYMLINKS);
}

/* A failure that is the step's as it is; -1: the walk by steps knows more. */
static int
failure(int error_number)
{
	return error_number == ENOENT || error_number == ENOTDIR ? error_number : -1;
}

static int
end_whole(const struct way *way, struct emu_spot *spot)
{
	const struct stat *st = &spot->st;

	if (fstat(spot->target, &spot->st) < 0 ||
	    (S_ISLNK(st->st_mode) && way->flags & EMU_FOLLOW) ||
	    (!spot->is_point && mount_at_point(way->x->em, st)))
		return -1;
	see(way, spot);
	return 0;
}

/*
 * At once, where the step's path is the kernel's: for a caller who may search any folder, without links, below one mount. What is walked
 * begins at an open folder and can leave it neither by ".." nor by a link (openat2(2)). 0, an errno, or -1 when it is to be done by steps.
 */
static int
find_whole(struct way *way, int dirfd, const char *path, struct emu_spot *spot)
{
	const char *rest, *name;
	int from = -1, result;

	if (!creds_are_plain(way->x->c.creds) || !is_of_names(path))
		return -1;
	result = begin(way, dirfd, path, &from, &rest);
	if (result)
		return result;
	spot->mount = way->mount;
	spot->is_point = *rest == '\0';
	if (way->flags & EMU_TARGET) {
		spot->target = open_whole(from, rest, strlen(rest), O_NOFOLLOW);
		return spot->target < 0 ? failure(errno) : end_whole(way, spot);
	}
	if (spot->is_point)
		return -1;
	name = path_base(rest);
	spot->dir =
	    open_whole(from, rest, name > rest ? (size_t)(name - rest) - 1 : 0, O_DIRECTORY);
	if (spot->dir < 0)
		return failure(errno);
	memcpy(spot->name, name, strlen(name) + 1);
	spot->target = openat(spot->dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (spot->target < 0)
		return errno == ENOENT ? 0 : failure(errno);
	return end_whole(way, spot);
}

int
emu_find(const struct emu_call *x, int dirfd, const char *path, unsigned int flags,
    struct emu_spot *spot)
{
	struct way way; /* large, and mostly not used */
	int result;

	way.x = x;
	way.flags = flags;
	way.at = -1;
	*spot = (struct emu_spot)EMU_SPOT_INIT;
	if (path[0] == '\0' && !(flags & EMU_EMPTY))
		return ENOENT;
	if (strlen(path) >= PATH_MAX)
		return ENAMETOOLONG;
	result = find_whole(&way, dirfd, path, spot);
	if (result < 0) {
		emu_spot_release(spot);
		*spot = (struct emu_spot)EMU_SPOT_INIT;
		result = find_by_steps(&way, dirfd, path, spot);
	}
	if (way.at >= 0)
		(void)close(way.at); /* O_PATH */
	spot->is_empty = path[0] == '\0';
	if (result == 0 && spot->wants_folder && spot->target >= 0 && !(flags & EMU_PARENT) &&
	    !S_ISDIR(spot->st.st_mode) && !S_ISLNK(spot->st.st_mode))
		result = ENOTDIR;
	if (result)
		emu_spot_release(spot);
	return result;
}

int
emu_find_at(const struct emu_call *x, int dirfd, uint64_t address, unsigned int flags,
    struct emu_spot *spot)
{
	char path[PATH_MAX];
	int failed;

	path[0] = '\0';
	*spot = (struct emu_spot)EMU_SPOT_INIT;
	/* since Linux 6.11 AT_EMPTY_PATH takes NULL for an empty text */
	failed = address == 0 && flags & EMU_EMPTY
	             ? 0
	             : call_read_text(&x->c, address, path, sizeof(path));
	return failed ? failed : emu_find(x, dirfd, path, flags, spot);
}

int
emu_find_there(const struct emu_call *x, int dirfd, uint64_t address, unsigned int flags,
    struct emu_spot *spot)
{
	int failed = emu_find_at(x, dirfd, address, flags, spot);

	if (failed == 0 && spot->target < 0) {
		emu_spot_release(spot);
		failed = ENOENT;
	}
	return failed;
}
