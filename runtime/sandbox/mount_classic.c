/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mount_classic - what mount.h promises, by mount(2) alone.
 *
 * The tmpfs is mounted over "/", which no path but "/.." then leads to, and goes with the host's tree when that is left. A mount is
 * always named by a descriptor (/proc/self/fd/N), so that here too no link in a rootfs has a say; what is below it by the path that
 * the kernel lists, and what is found there must have the number of that line.
 */
#include "runtime/sandbox/mount_classic.h"

#include "runtime/base/buf.h"
#include "runtime/base/fd.h"
#include "runtime/base/mem.h"
#include "runtime/base/path.h"
#include "runtime/base/strv.h"
#include "runtime/sandbox/mount.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#define FD_PATH_SIZE 32
#define MOUNTINFO_MAX (16U << 20)
#define NOSYMFOLLOW 256 /* MS_NOSYMFOLLOW, which old headers lack */
#define STATVFS_NOSYMFOLLOW 0x2000

static bool forced;
static bool
    there; /* the calls are; without rights to mount that cannot be told, and is asked again */
static int stage = -1; /* root of the tmpfs */

void
classic_force(bool on)
{
	forced = on;
}

static bool
is_refused(long result)
{
	return result < 0 && (errno == ENOSYS || errno == EPERM);
}

/* Each with arguments that are wrong in a way of which only who would obey the call complains. */
bool
classic_is_needed(void)
{
	if (forced || there)
		return forced;
	there = !is_refused(syscall(SYS_open_tree, -1, "", ~0U)) &&
	        !is_refused(syscall(SYS_fsopen, "tmpfs", ~0U)) &&
	        !is_refused(syscall(SYS_move_mount, -1, "", -1, "", ~0U)) &&
	        !is_refused(syscall(SYS_mount_setattr, -1, "", 0, NULL, (size_t)0));
	return !there;
}

static const char *
fd_path(int fd, char path[FD_PATH_SIZE])
{
	snprintf(path, FD_PATH_SIZE, "/proc/self/fd/%d", fd);
	return path;
}

static int
make_stage(struct error *e)
{
	if (stage >= 0)
		return 0;
	if (mount("croze", "/", "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=700") < 0)
		return error_sys(e, "cannot mount a tmpfs");
	stage = open("/..", O_PATH | O_DIRECTORY | O_CLOEXEC);
	return stage < 0 ? error_sys(e, "cannot open a tmpfs") : 0;
}

/* A place of the kind that is asked for; @path is how mount(2) gets there. */
static int
make_place(bool directory, char *path, size_t size, struct error *e)
{
	static unsigned int serial;
	char name[16];
	int fd = -1;

	if (make_stage(e) < 0)
		return -1;
	snprintf(name, sizeof(name), "%u", serial++);
	if (directory ? mkdirat(stage, name, 0700) < 0
		      : (fd = openat(stage, name, O_CREAT | O_EXCL | O_CLOEXEC, 0600)) < 0)
		return error_sys(e, "cannot make a mount point");
	if (fd >= 0)
		(void)close(fd); /* empty */
	snprintf(path, size, "/proc/self/fd/%d/%s", stage, name);
	return 0;
}

static int
open_mounted(const char *path, struct error *e)
{
	int fd = open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC);

	return fd < 0 ? error_sys(e, "cannot open a mount") : fd;
}

/* The same file in this process's own mount namespace: the parent has opened it in another one, of which this is a copy. */
static int
open_here(int fd, struct error *e)
{
	char link[FD_PATH_SIZE], path[PATH_MAX];
	ssize_t n = readlink(fd_path(fd, link), path, sizeof(path) - 1);
	autofd int here = -1;
	struct stat given, found;

	if (n < 0)
		return error_sys(e, "cannot find a file again");
	path[n] = '\0';
	here = open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (here < 0 || fstat(here, &found) < 0 || fstat(fd, &given) < 0)
		return error_sys(e, "cannot find '%s' again", path);
	if (found.st_dev != given.st_dev || found.st_ino != given.st_ino)
		return error_set(e, ERR_HOST, "'%s' has been exchanged", path);
	return steal_fd(&here);
}

int
classic_clone(int fd, bool recursive, struct error *e)
{
	unsigned long flags = MS_BIND | (recursive ? MS_REC : 0);
	char from[FD_PATH_SIZE], to[2 * FD_PATH_SIZE];
	autofd int here = -1;
	struct stat st;

	if (fstat(fd, &st) < 0)
		return error_sys(e, "cannot copy a mount");
	if (make_place(S_ISDIR(st.st_mode), to, sizeof(to), e) < 0)
		return -1;
	if (mount(fd_path(fd, from), to, NULL, flags, NULL) == 0)
		return open_mounted(to, e);
	if (errno != EINVAL)
		return error_sys(e, "cannot copy a mount");
	here = open_here(fd, e);
	if (here < 0)
		return -1;
	if (mount(fd_path(here, from), to, NULL, flags, NULL) < 0)
		return error_sys(e, "cannot copy a mount");
	return open_mounted(to, e);
}

/* Options that mount(2) takes as flags. */
static const struct {
	const char *name;
	unsigned long set, clear;
} system_flags[] = {
	{ "async", 0, MS_SYNCHRONOUS },
	{ "dirsync", MS_DIRSYNC, 0 },
	{ "iversion", MS_I_VERSION, 0 },
	{ "lazytime", MS_LAZYTIME, 0 },
	{ "mand", MS_MANDLOCK, 0 },
	{ "noiversion", 0, MS_I_VERSION },
	{ "nolazytime", 0, MS_LAZYTIME },
	{ "nomand", 0, MS_MANDLOCK },
	{ "sync", MS_SYNCHRONOUS, 0 },
};

static unsigned long
split_options(const char *options, struct buf *data)
{
	auto(strv) struct strv words = { 0 };
	unsigned long flags = 0;

	strv_split(&words, options ? options : "", ',');
	for (size_t i = 0; i < words.count; i++) {
		size_t k = 0;

		while (k < ARRAY_LEN(system_flags) &&
		       strcmp(system_flags[k].name, words.items[i]) != 0)
			k++;
		if (k < ARRAY_LEN(system_flags))
			flags = (flags & ~system_flags[k].clear) | system_flags[k].set;
		else if (*words.items[i])
			buf_printf(data, "%s%s", data->len ? "," : "", words.items[i]);
	}
	return flags;
}

int
classic_new(const char *type, const char *source, const char *options, unsigned int attributes,
    struct error *e)
{
	auto(buf) struct buf data = { 0 };
	unsigned long flags = split_options(options, &data);
	char to[2 * FD_PATH_SIZE];
	autofd int fd = -1;

	if (make_place(true, to, sizeof(to), e) < 0)
		return -1;
	if (mount(source, to, type, flags, buf_text(&data)) < 0) {
		if (data.len && errno == EINVAL)
			error_sys(e, "cannot mount %s with '%s'", type, buf_text(&data));
		else
			error_sys(e, "cannot mount %s", type);
		e->kind = ERR_HOST;
		return -1;
	}
	fd = open_mounted(to, e);
	/* not at once: read-only would be the file system, not the mount */
	if (fd < 0 || classic_change(fd, attributes, 0, false, e) < 0)
		return -1;
	return steal_fd(&fd);
}

static const struct {
	unsigned int attribute;
	unsigned long statvfs, flag;
} attribute_flags[] = {
	{ MOUNT_READ_ONLY, ST_RDONLY, MS_RDONLY },
	{ MOUNT_NOSUID, ST_NOSUID, MS_NOSUID },
	{ MOUNT_NODEV, ST_NODEV, MS_NODEV },
	{ MOUNT_NOEXEC, ST_NOEXEC, MS_NOEXEC },
	{ MOUNT_NODIRATIME, ST_NODIRATIME, MS_NODIRATIME },
	{ MOUNT_NOSYMFOLLOW, STATVFS_NOSYMFOLLOW, NOSYMFOLLOW },
};

/* mount(2) wants all flags of a mount, also those that stay. */
static int
change_one(int fd, unsigned int set, unsigned int clear, struct error *e)
{
	unsigned long flags = MS_REMOUNT | MS_BIND;
	char path[FD_PATH_SIZE];
	struct statvfs now;

	if (fstatvfs(fd, &now) < 0)
		return error_sys(e, "cannot look at a mount");
	for (size_t i = 0; i < ARRAY_LEN(attribute_flags); i++)
		if (set & attribute_flags[i].attribute ||
		    (now.f_flag & attribute_flags[i].statvfs &&
			!(clear & attribute_flags[i].attribute)))
			flags |= attribute_flags[i].flag;
	if (!((set | clear) & (MOUNT_NOATIME | MOUNT_STRICTATIME | MOUNT_RELATIME)))
		flags |= now.f_flag & ST_NOATIME    ? MS_NOATIME
		         : now.f_flag & ST_RELATIME ? MS_RELATIME
		                                    : MS_STRICTATIME;
	else
		flags |= set & MOUNT_NOATIME       ? MS_NOATIME
		         : set & MOUNT_STRICTATIME ? MS_STRICTATIME
		                                   : MS_RELATIME;
	if (mount(NULL, fd_path(fd, path), NULL, flags, NULL) < 0)
		return error_sys(e, "cannot change the attributes of a mount");
	return 0;
}

static uint64_t
number_of(int fd)
{
	struct statx st;

	if (statx(fd, "", AT_EMPTY_PATH, STATX_MNT_ID, &st) < 0 || !(st.stx_mask & STATX_MNT_ID))
		return 0;
	return st.stx_mnt_id;
}

/* A line of /proc/self/mountinfo (proc(5)). */
struct line {
	uint64_t number, parent;
	char path[PATH_MAX];
	bool below; /* the mount whose lines are looked for, or in it */
};

static void
unescape(char *text)
{
	char *to = text;

	for (const char *from = text; *from; from++) {
		if (from[0] == '\\' && from[1] && from[2] && from[3]) {
			*to++ =
			    (char)((from[1] - '0') << 6 | (from[2] - '0') << 3 | (from[3] - '0'));
			from += 3;
		} else {
			*to++ = *from;
		}
	}
	*to = '\0';
}

static int
read_lines(struct line **lines, size_t *count, struct error *e)
{
	autofd int fd = open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC);
	auto(buf) struct buf text = { 0 };
	char *rest, *row;

	if (fd < 0)
		return error_sys(e, "cannot open '/proc/self/mountinfo'");
	if (fd_read_all(fd, &text, MOUNTINFO_MAX, "mountinfo", e) < 0)
		return -1;
	for (row = strtok_r(text.data ? text.data : (char[]){ "" }, "\n", &rest); row;
	     row = strtok_r(NULL, "\n", &rest)) {
		unsigned long long number, parent;
		struct line *l;

		*lines = xrealloc(*lines, *count + 1, sizeof(**lines));
		l = &(*lines)[*count];
		if (sscanf(row, "%llu %llu %*s %*s %4095s", &number, &parent, l->path) != 3)
			continue;
		unescape(l->path);
		l->number = number;
		l->parent = parent;
		l->below = false;
		(*count)++;
	}
	return 0;
}

static void
find_below(struct line *lines, size_t count, uint64_t number)
{
	bool found = true;

	for (size_t i = 0; i < count; i++)
		lines[i].below = lines[i].number == number;
	while (found) {
		found = false;
		for (size_t i = 0; i < count; i++)
			for (size_t k = 0; k < count && !lines[i].below; k++)
				if (lines[k].below && lines[k].number == lines[i].parent)
					found = lines[i].below = true;
	}
}

/* What lies behind another mount at the same place is out of everybody's reach and stays as it is. */
static int
change_below(int fd, const char *base, const struct line *l, unsigned int set, unsigned int clear,
    struct error *e)
{
	size_t length = strcmp(base, "/") == 0 ? 0 : strlen(base);
	autofree char *path = xasprintf("/proc/self/fd/%d%s", fd, l->path + length);
	autofd int below = open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC);

	if (below < 0 || number_of(below) != l->number)
		return 0;
	return change_one(below, set, clear, e);
}

int
classic_change(int fd, unsigned int set, unsigned int clear, bool recursive, struct error *e)
{
	autofree struct line *lines = NULL;
	uint64_t number = recursive ? number_of(fd) : 0;
	const char *base = NULL;
	size_t count = 0;

	if (!set && !clear)
		return 0;
	if (!recursive)
		return change_one(fd, set, clear, e);
	if (number == 0)
		return error_set(e, ERR_HOST, "this kernel does not number its mounts");
	if (read_lines(&lines, &count, e) < 0)
		return -1;
	find_below(lines, count, number);
	for (size_t i = 0; i < count; i++)
		if (lines[i].number == number)
			base = lines[i].path;
	if (!base)
		return error_set(e, ERR_SYSTEM, "a mount is not in '/proc/self/mountinfo'");
	if (change_one(fd, set, clear, e) < 0)
		return -1;
	for (size_t i = 0; i < count; i++)
		if (lines[i].below && lines[i].number != number &&
		    change_below(fd, base, &lines[i], set, clear, e) < 0)
			return -1;
	return 0;
}

int
classic_propagate(int fd, unsigned long type, bool recursive, struct error *e)
{
	char path[FD_PATH_SIZE];

	if (mount(NULL, fd_path(fd, path), NULL, type | (recursive ? MS_REC : 0), NULL) < 0)
		return error_sys(e, "cannot set the propagation of a mount");
	return 0;
}

int
classic_attach(int fd, int target, struct error *e)
{
	char from[FD_PATH_SIZE], to[FD_PATH_SIZE];

	if (mount(fd_path(fd, from), fd_path(target, to), NULL, MS_MOVE, NULL) < 0)
		return error_sys(e, "cannot attach a mount");
	return 0;
}
