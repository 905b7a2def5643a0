/* SPDX-License-Identifier: Apache-2.0 */
/*
 * access - recorded owners, and what a process may do with a file of one (path_resolution(7), capabilities(7)).
 *
 * A path of another user's is walked name by name. Through file systems of the kernel's, too: ".." leads out of them, and so do the links
 * of procfs to the root directory, the working directory and the open files of a process. What is in them is the kernel's to refuse,
 * to which all processes are one user; so what procfs shows to those alone who may trace a process (ptrace(2)) is refused here.
 */
#include "seccomp/call.h"

#include "runtime/base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/vfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#define LINKS_MAX 40
#define PROCFS_ROOT 1 /* the number of its inode */

/* An attribute of ours: its length; 0 when there is none, -1 when that cannot be told. */
static ssize_t
read_record(const char *path, bool follow, const char *name, char value[OWNER_TEXT_MAX])
{
	ssize_t n = follow ? getxattr(path, name, value, OWNER_TEXT_MAX)
	                   : lgetxattr(path, name, value, OWNER_TEXT_MAX);

	return n < 0 && errno == ENODATA ? 0 : n;
}

/* Sets what the record of the file says: 1, 0 when there is none, -1 when that cannot be told. */
static int
find_record(const char *path, bool follow, struct stat *st)
{
	char value[OWNER_TEXT_MAX];
	struct owner owner;
	ssize_t n, device = 0;
	int found;

	if (!owner_is_attribute(st->st_mode)) {
		if (S_ISCHR(st->st_mode) || S_ISBLK(st->st_mode) ||
		    !owner_of_time(&st->st_atim, &owner))
			return -1;
		st->st_uid = owner.uid;
		st->st_gid = owner.gid;
		st->st_atim = st->st_mtim; /* the record is nobody's business */
		return 1;
	}
	n = read_record(path, follow, OWNER_XATTR, value);
	found = n > 0 && owner_parse(value, (size_t)n, &owner);
	if (found) {
		st->st_uid = owner.uid;
		st->st_gid = owner.gid;
	}
	if (S_ISREG(st->st_mode) && st->st_size == 0)
		device = read_record(path, follow, OWNER_DEVICE, value);
	if (device > 0 && owner_device_parse(value, (size_t)device, &st->st_mode, &st->st_rdev))
		found = 1;
	return !found && (n != 0 || device != 0) ? -1 : found;
}

bool
access_owner(const char *path, bool follow, struct stat *st)
{
	return find_record(path, follow, st) > 0;
}

bool
access_owner_of(struct ids *ids, const char *path, bool follow, struct stat *st)
{
	bool has_record = false;
	enum seen_state state;
	int found;

	if (!owner_is_attribute(st->st_mode))
		return access_owner(path, follow, st);
	state = seen_recall(ids->seen, st, &has_record);
	if (state == SEEN_KNOWN)
		return has_record;
	found = find_record(path, follow, st);
	if (state == SEEN_NOT_YET && found >= 0)
		seen_remember(ids->seen, st, found > 0);
	return found > 0;
}

bool
access_may(const struct creds *creds, const struct stat *st, int want)
{
	mode_t bits = st->st_mode;

	if (creds_have(creds, CAP_DAC_OVERRIDE) &&
	    (!(want & X_OK) || S_ISDIR(st->st_mode) || st->st_mode & 0111))
		return true;
	if (creds_have(creds, CAP_DAC_READ_SEARCH) &&
	    (want == R_OK || (S_ISDIR(st->st_mode) && !(want & W_OK))))
		return true;
	if (creds->fsuid == st->st_uid)
		bits >>= 6;
	else if (creds_in_group(creds, st->st_gid))
		bits >>= 3;
	return (bits & (mode_t)want & 7) == (mode_t)want;
}

/* The set-id bits that a program loses when it is given away are its owner's to take. */
static bool
loses_bits(const struct stat *st)
{
	return !S_ISDIR(st->st_mode) &&
	       (st->st_mode & S_ISUID ||
		   (st->st_mode & (S_ISGID | S_IXGRP)) == (S_ISGID | S_IXGRP));
}

bool
access_may_give(const struct creds *creds, const struct stat *st, uid_t uid, gid_t gid)
{
	bool owns = creds->fsuid == st->st_uid;

	if (loses_bits(st) && !owns && !creds_have(creds, CAP_FOWNER))
		return false;
	if (creds_have(creds, CAP_CHOWN) || (uid == (uid_t)-1 && gid == (gid_t)-1))
		return true;
	return owns && (uid == (uid_t)-1 || uid == st->st_uid) &&
	       (gid == (gid_t)-1 || gid == st->st_gid || creds_in_group(creds, gid));
}

bool
access_may_link(const struct creds *creds, const struct stat *st)
{
	static int is_protected; /* 1: not, 2: yes; all threads find the same */
	char value = '0';
	int fd;

	if (is_protected == 0) {
		fd = openat(AT_FDCWD, "sys/fs/protected_hardlinks", O_RDONLY | O_CLOEXEC);
		if (fd < 0 || read(fd, &value, 1) != 1)
			value = '1'; /* as it mostly is */
		if (fd >= 0)
			(void)close(fd); /* read-only */
		is_protected = value == '0' ? 1 : 2;
	}
	if (is_protected == 1 || st->st_uid == creds->fsuid || creds_have(creds, CAP_FOWNER))
		return true;
	return S_ISREG(st->st_mode) && !loses_bits(st) && access_may(creds, st, R_OK | W_OK);
}

bool
access_may_move(const struct creds *creds, const struct stat *st, const struct stat *from,
    const struct stat *to)
{
	bool moves =
	    S_ISDIR(st->st_mode) && (from->st_ino != to->st_ino || from->st_dev != to->st_dev);

	return !moves || access_may(creds, st, W_OK);
}

int
access_may_attribute(
    const struct creds *creds, const struct stat *st, const char *name, bool changes)
{
	bool owns = st->st_uid == creds->fsuid || creds_have(creds, CAP_FOWNER);

	if (strncmp(name, "user.", 5) == 0) {
		if (!S_ISREG(st->st_mode) && !S_ISDIR(st->st_mode))
			return changes ? EPERM : ENODATA;
		if (changes && S_ISDIR(st->st_mode) && st->st_mode & S_ISVTX && !owns)
			return EPERM;
		return access_may(creds, st, changes ? W_OK : R_OK) ? 0 : EACCES;
	}
	if (changes && strcmp(name, "security.capability") == 0)
		return creds_have(creds, CAP_SETFCAP) ? 0 : EPERM;
	if (changes && strncmp(name, "security.", 9) == 0)
		return creds_have(creds, CAP_SYS_ADMIN) ? 0 : EPERM;
	return changes && !owns ? EPERM : 0;
}

mode_t
access_mode_of_new(const struct creds *creds, const struct stat *folder, mode_t mode)
{
	bool gives =
	    folder->st_mode & S_ISGID && (mode & (S_ISGID | S_IXGRP)) == (S_ISGID | S_IXGRP);

	return gives && !S_ISDIR(mode) && !creds_in_group(creds, folder->st_gid) &&
	               !creds_have(creds, CAP_FSETID)
	           ? mode & ~(mode_t)S_ISGID
	           : mode;
}

void
spot_release(struct spot *spot)
{
	if (spot->dir >= 0)
		(void)close(spot->dir); /* O_PATH */
	if (spot->target >= 0)
		(void)close(spot->target); /* O_PATH */
	spot->dir = spot->target = -1;
}

/* fstat(2) with the recorded owner. */
static int
look_at(const struct call *c, int fd, struct stat *st)
{
	char path[32];

	if (fstat(fd, st) < 0)
		return errno;
	(void)snprintf(path, sizeof(path), "self/fd/%d", fd);
	(void)access_owner_of(c->ids, path, true, st);
	return 0;
}

/* Whose a file system is. */
enum kind {
	KIND_FILES,
	KIND_PROCESSES, /* procfs */
	KIND_KERNEL,    /* another one that the kernel makes up */
};

static enum kind
kind_of(int fd)
{
	static const long kernels[] = { SYSFS_MAGIC, DEVPTS_SUPER_MAGIC, PIPEFS_MAGIC, SOCKFS_MAGIC,
		ANON_INODE_FS_MAGIC };
	struct statfs fs;

	if (fstatfs(fd, &fs) < 0)
		return KIND_FILES;
	if (fs.f_type == PROC_SUPER_MAGIC)
		return KIND_PROCESSES;
	for (size_t i = 0; i < ARRAY_LEN(kernels); i++)
		if (fs.f_type == kernels[i])
			return KIND_KERNEL;
	return KIND_FILES;
}

/* What is still to be walked, how many links were followed, and where the folder that was reached is. */
struct way {
	const struct call *c;
	char rest[2 * CALL_PATH_MAX];
	int links;
	enum kind in;
	bool
	    has_jumped; /* to what a link of a process leads to, which is not followed if it is a link itself */
};

static int
start(struct way *way, const char *path, struct spot *spot)
{
	char prefix[64];
	const char *rest = path + strspn(path, "/");
	size_t length;

	if (path[0] == '/') {
		spot->dir = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	} else {
		/* "PID/cwd/..." or "PID/fd/N/..." */
		rest = path + strcspn(path, "/") + 1;
		rest = rest[0] == 'f' ? rest + strlen("fd/") : rest;
		rest += strcspn(rest, "/");
		length = (size_t)(rest - path);
		if (length >= sizeof(prefix))
			return ENAMETOOLONG;
		memcpy(prefix, path, length);
		prefix[length] = '\0';
		spot->dir = openat(AT_FDCWD, prefix, O_PATH | O_CLOEXEC);
	}
	if (spot->dir < 0)
		return errno;
	if (strlen(rest) >= sizeof(way->rest))
		return ENAMETOOLONG;
	memcpy(way->rest, rest, strlen(rest) + 1);
	way->in = kind_of(spot->dir);
	return look_at(way->c, spot->dir, &spot->dir_st);
}

/* Puts the target of the link @fd in front of what is left. */
static int
follow_link(struct way *way, int fd, struct spot *spot)
{
	char target[PATH_MAX];
	ssize_t n = readlinkat(fd, "", target, sizeof(target));

	if (n < 0)
		return errno;
	if (++way->links > LINKS_MAX)
		return ELOOP;
	if (call_put_target(way->rest, sizeof(way->rest), target, (size_t)n) != 0)
		return ENAMETOOLONG;
	if (n == 0 || target[0] != '/')
		return 0;
	(void)close(spot->dir); /* O_PATH */
	spot->dir = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (spot->dir < 0)
		return errno;
	way->in = kind_of(spot->dir);
	return look_at(way->c, spot->dir, &spot->dir_st);
}

/* ---- procfs ---- */

/*
 * The number of the process that a folder of procfs is about, as the container numbers it; 0 when it is about none, or that cannot be told.
 */
static pid_t
process_of(int dir)
{
	char path[32], text[64];
	ssize_t n;

	(void)snprintf(path, sizeof(path), "self/fd/%d", dir);
	n = readlinkat(AT_FDCWD, path, text, sizeof(text) - 1);
	text[n > 0 ? n : 0] = '\0';
	return strncmp(text, "/proc/", 6) == 0 ? (pid_t)strtol(text + 6, NULL, 10) : 0;
}

/* May the caller see what only those see who may trace the process? */
static bool
may_look_into(const struct call *c, int dir)
{
	return task_may_trace(c, process_of(dir), c->creds->fsuid, c->creds->fsgid);
}

/* "self" is somebody else here than there. */
static int
name_caller(struct way *way, const struct spot *spot, char name[NAME_MAX + 1])
{
	char text[64];

	if (way->in != KIND_PROCESSES || spot->dir_st.st_ino != PROCFS_ROOT)
		return 0;
	if (strcmp(name, "self") == 0) {
		(void)snprintf(name, NAME_MAX + 1, "%d", (int)task_inner_pid(way->c->task.pid));
	} else if (strcmp(name, "thread-self") == 0) {
		(void)snprintf(name, NAME_MAX + 1, "%d", (int)task_inner_pid(way->c->task.pid));
		(void)snprintf(text, sizeof(text), "/task/%d%s", (int)task_inner_pid(way->c->tid),
		    way->rest[0] ? "/" : "");
		return call_put_target(way->rest, sizeof(way->rest), text, strlen(text));
	}
	return 0;
}

/*
 * A link of a process, *@fd, leads to a file, not to a name: *@fd becomes what is there. What has no name that could be walked to, as a
 * pipe, is the kernel's matter.
 */
static int
follow_magic(struct way *way, const char *name, const struct spot *spot, int *fd, struct stat *st)
{
	int target;

	if (++way->links > LINKS_MAX)
		return ELOOP;
	if (!may_look_into(way->c, spot->dir))
		return EACCES;
	target = openat(spot->dir, name, O_PATH | O_CLOEXEC);
	if (target < 0)
		return errno;
	(void)close(*fd); /* O_PATH */
	*fd = target;
	way->has_jumped = true;
	way->in = kind_of(target);
	if (way->in != KIND_FILES)
		return fstat(target, st) < 0 ? errno : 0;
	if (look_at(way->c, target, st) != 0)
		return EIO;
	if (st->st_nlink == 0)
		way->in = KIND_KERNEL;
	return 0;
}

bool
access_is_private(const char *name)
{
	static const char *const names[] = { "auxv", "environ", "fdinfo", "io", "map_files", "maps",
		"mem", "numa_maps", "pagemap", "personality", "smaps", "smaps_rollup", "stack",
		"syscall" };

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (strcmp(name, names[i]) == 0)
			return true;
	return false;
}

/* What is there in the folder of a process is its user's. */
static void
look_at_process(const struct way *way, struct spot *spot)
{
	mode_t mode = spot->st.st_mode;
	bool is_private = access_is_private(spot->name);
	pid_t pid = way->in == KIND_PROCESSES && spot->exists ? process_of(spot->dir) : 0;
	struct creds *of = NULL;

	/* what is for all as it is for its user needs no process to be found, as most of what ps(1) reads */
	if (pid > 0 && (is_private || ((mode >> 6 | mode >> 3) & 7 & ~mode)))
		of = task_other(way->c, pid);
	if (!of)
		return; /* it is the caller's own, or nobody's, or it does not matter whose */
	spot->is_of_process = true;
	spot->st.st_uid = of->euid;
	spot->st.st_gid = of->egid;
	creds_drop(of);
	spot->is_private = is_private && !may_look_into(way->c, spot->dir);
}

/* ---- one step after the other ---- */

/* The walk ends with @name in the folder it has reached; @fd is what is there, or -1. */
static void
end_at(const struct way *way, struct spot *spot, const char *name, int fd, const struct stat *st)
{
	spot->wants_folder = way->rest[0] == '/';
	memcpy(spot->name, name, strlen(name) + 1);
	spot->exists = fd >= 0;
	spot->target = fd;
	if (fd >= 0)
		spot->st = *st;
	spot->is_foreign = way->in != KIND_FILES;
	look_at_process(way, spot);
}

/* The folder @fd becomes the one that was reached. */
static void
go_into(struct way *way, struct spot *spot, const char *name, int fd, const struct stat *st)
{
	/* what is mounted in a file system of the kernel's is such a one too */
	if (strcmp(name, "..") == 0 || (way->in == KIND_FILES && st->st_dev != spot->dir_st.st_dev))
		way->in = kind_of(fd);
	(void)close(spot->dir); /* O_PATH */
	spot->dir = fd;
	spot->dir_st = *st;
}

/* Opens the component @name and looks at it: what it is, or what the link of a process leads to. 0 or an errno; -1 in *@fd: there is none. */
static int
look_for(struct way *way, const char *name, bool follow, const struct spot *spot, int *fd,
    struct stat *st)
{
	int failed;

	*fd = openat(spot->dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (*fd < 0)
		return errno;
	if (way->in == KIND_FILES)
		return look_at(way->c, *fd, st);
	failed = fstat(*fd, st) < 0 ? errno : 0;
	if (!failed && follow && S_ISLNK(st->st_mode) && way->in == KIND_PROCESSES &&
	    spot->dir_st.st_ino != PROCFS_ROOT)
		failed = follow_magic(way, name, spot, fd, st);
	return failed;
}

/* One component; 0 to go on, -1 at the end, an errno. */
static int
step(struct way *way, bool follow, struct spot *spot)
{
	char name[NAME_MAX + 1];
	struct stat st;
	bool is_last, is_folder;
	int failed = call_take_name(way->rest, name), fd = -1;

	if (!failed)
		failed = name_caller(way, spot, name);
	if (failed)
		return failed;
	is_last = way->rest[strspn(way->rest, "/")] == '\0';
	is_folder = is_last && way->rest[0] == '/';
	follow = follow || !is_last || is_folder;
	if (name[0] == '\0') {
		end_at(way, spot, "", dup(spot->dir), &spot->dir_st);
		return -1;
	}
	if (!S_ISDIR(spot->dir_st.st_mode))
		return ENOTDIR;
	if (way->in == KIND_FILES && !access_may(way->c->creds, &spot->dir_st, X_OK))
		return EACCES;
	way->has_jumped = false;
	failed = look_for(way, name, follow, spot, &fd, &st);
	if (failed == ENOENT && fd < 0 && is_last) {
		end_at(way, spot, name, -1, NULL);
		return -1;
	}
	if (failed == 0 && S_ISLNK(st.st_mode) && follow && !way->has_jumped) {
		failed = follow_link(way, fd, spot);
		(void)close(fd); /* O_PATH */
		return failed;
	}
	if (failed) {
		if (fd >= 0)
			(void)close(fd); /* O_PATH */
		return failed;
	}
	if (is_last && strcmp(name, ".") != 0 && strcmp(name, "..") != 0) {
		end_at(way, spot, name, fd, &st);
		return -1;
	}
	go_into(way, spot, name, fd, &st);
	return 0;
}

int
spot_find(const struct call *c, const char *path, bool follow, struct spot *spot)
{
	struct way way = { .c = c };
	int result = start(&way, path, spot);

	while (result == 0)
		result = step(&way, follow, spot);
	if (result > 0 || spot->is_foreign)
		spot_release(spot);
	return result > 0 ? result : 0;
}

int
spot_of(
    const struct call *c, int dirfd, uint64_t address, int flags, bool follow, struct spot *spot)
{
	char path[CALL_PATH_MAX];
	bool is_fd;
	int failed = call_path(c, dirfd, address, flags, path, &is_fd);

	return failed ? failed : spot_find(c, path, follow, spot);
}

int
spot_there_at(const struct call *c, const char *path, bool follow, struct spot *spot)
{
	int failed = spot_find(c, path, follow, spot);

	if (failed)
		return failed;
	if (spot->is_foreign)
		return -1;
	if (!spot->exists)
		return ENOENT;
	return spot->wants_folder && !S_ISDIR(spot->st.st_mode) ? ENOTDIR : 0;
}

int
spot_there(
    const struct call *c, int dirfd, uint64_t address, int flags, bool follow, struct spot *spot)
{
	char path[CALL_PATH_MAX];
	bool is_fd;
	int failed = call_path(c, dirfd, address, flags, path, &is_fd);

	return failed ? failed : spot_there_at(c, path, follow, spot);
}

bool
spot_is_refused(const struct call *c, const struct spot *spot, int want)
{
	if (want == F_OK)
		return false;
	return spot->is_private || (spot->is_of_process && !access_may(c->creds, &spot->st, want));
}

bool
spot_is_within(int dir, const struct stat *st)
{
	int fd = dup(dir), up;
	struct stat at, above;
	bool found = false, is_top = fd < 0 || fstat(fd, &at) < 0;

	while (!is_top && !(found = at.st_ino == st->st_ino && at.st_dev == st->st_dev)) {
		up = openat(fd, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);
		(void)close(fd); /* O_PATH */
		fd = up;
		is_top = fd < 0 || fstat(fd, &above) < 0 ||
		         (above.st_ino == at.st_ino && above.st_dev == at.st_dev);
		at = above;
	}
	if (fd >= 0)
		(void)close(fd); /* O_PATH */
	return found;
}
