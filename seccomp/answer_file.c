/* SPDX-License-Identifier: Apache-2.0 */
/*
 * answer_file - owners of files: stat(2), chown(2), chmod(2), utimensat(2).
 */
#include "seccomp/call.h"

#include "runtime/base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

/* ---- stat ---- */

struct question {
	int dirfd;
	uint64_t path; /* address */
	int flags;     /* AT_* */
	uint64_t buf;
	bool is_statx;
	unsigned int mask;
};

/* May the caller get there at all? Root may. */
static int
check_way(const struct call *c, const char *path, bool follow, bool is_fd)
{
	struct spot spot = SPOT_INIT;
	int failed;

	if (is_fd || creds_are_plain(c->creds))
		return 0;
	failed = spot_find(c, path, follow, &spot);
	spot_release(&spot);
	return failed;
}

static int
write_statx(const struct call *c, const struct question *q, const char *path, int flags,
    const struct stat *st)
{
	struct statx x;

	if (statx(AT_FDCWD, path, flags, q->mask, &x) < 0)
		return errno;
	x.stx_uid = st->st_uid;
	x.stx_gid = st->st_gid;
	x.stx_mode = (uint16_t)st->st_mode;
	x.stx_atime.tv_sec = st->st_atim.tv_sec;
	x.stx_atime.tv_nsec = (uint32_t)st->st_atim.tv_nsec;
	if (S_ISCHR(st->st_mode) || S_ISBLK(st->st_mode)) {
		x.stx_rdev_major = major(st->st_rdev);
		x.stx_rdev_minor = minor(st->st_rdev);
	}
	return call_write(c, q->buf, &x, sizeof(x));
}

/* By a copy of descriptor @fd of the caller, in half the time that its link in procfs takes. */
static int
look_at_fd(const struct call *c, int fd, struct stat *st)
{
	autofd int copy = -1;

	/* a thread may have descriptors of its own */
	if (c->task.pidfd < 0 || c->tid != c->task.pid)
		return -1;
	copy = (int)syscall(SYS_pidfd_getfd, c->task.pidfd, fd, 0);
	return copy < 0 ? -1 : fstat(copy, st);
}

static void
answer(struct call *c, const struct question *q)
{
	bool follow = !(q->flags & AT_SYMLINK_NOFOLLOW), is_fd;
	char path[CALL_PATH_MAX];
	struct stat st;
	int failed = call_path(c, q->dirfd, q->path, q->flags, path, &is_fd);
	int flags = q->flags & (AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_STATX_SYNC_TYPE);

	if (is_fd) {
		follow =
		    true; /* the link that procfs shows for a descriptor; it leads to the file itself */
		flags &= ~AT_SYMLINK_NOFOLLOW;
	}
	if (!failed)
		failed = check_way(c, path, follow, is_fd);
	if (failed == EACCES) {
		call_fail(c, EACCES);
		return;
	}
	/* what the kernel alone can say, and what has no record, it says itself */
	if (failed ||
	    (!(is_fd && look_at_fd(c, q->dirfd, &st) == 0) &&
		fstatat(AT_FDCWD, path, &st, flags & ~AT_STATX_SYNC_TYPE) < 0) ||
	    !access_owner_of(c->ids, path, follow, &st)) {
		call_continue(c);
		return;
	}
	failed = q->is_statx ? write_statx(c, q, path, flags, &st)
	                     : call_write(c, q->buf, &st, sizeof(st));
	if (failed)
		call_continue(c);
	else
		call_return(c, 0);
}

void
answer_stat(struct call *c)
{
	answer(c, &(struct question){ AT_FDCWD, c->data->args[0], 0, c->data->args[1], false, 0 });
}

void
answer_lstat(struct call *c)
{
	answer(c, &(struct question){ AT_FDCWD, c->data->args[0], AT_SYMLINK_NOFOLLOW,
		      c->data->args[1], false, 0 });
}

void
answer_fstat(struct call *c)
{
	answer(c, &(struct question){
		      (int)c->data->args[0], 0, AT_EMPTY_PATH, c->data->args[1], false, 0 });
}

void
answer_newfstatat(struct call *c)
{
	answer(c, &(struct question){ (int)c->data->args[0], c->data->args[1],
		      (int)c->data->args[3], c->data->args[2], false, 0 });
}

void
answer_statx(struct call *c)
{
	answer(
	    c, &(struct question){ (int)c->data->args[0], c->data->args[1], (int)c->data->args[2],
		   c->data->args[4], true, (unsigned int)c->data->args[3] });
}

/* ---- chown ---- */

static int
record(const char *path, bool follow, const struct stat *st, const struct owner *owner)
{
	char text[OWNER_TEXT_MAX];
	size_t length = owner_format(owner, text);
	int result;

	if (!owner_is_attribute(st->st_mode))
		return owner_set_at(AT_FDCWD, path, owner) < 0 ? errno : 0;
	if (owner->uid != 0 || owner->gid != 0)
		result = follow ? setxattr(path, OWNER_XATTR, text, length, 0)
		                : lsetxattr(path, OWNER_XATTR, text, length, 0);
	else
		result = follow ? removexattr(path, OWNER_XATTR) : lremovexattr(path, OWNER_XATTR);
	return result < 0 && errno != ENODATA ? errno : 0;
}

static int
give(struct call *c, const char *path, bool follow, bool is_fd, uid_t uid, gid_t gid)
{
	struct stat st;
	struct owner owner;
	bool has_record = false;
	int failed = check_way(c, path, follow, is_fd);

	if (failed)
		return failed;
	if (fstatat(AT_FDCWD, path, &st, follow ? 0 : AT_SYMLINK_NOFOLLOW) < 0)
		return errno;
	/* who may give both ids, and not to root alone, need not know those that were */
	if (uid == (uid_t)-1 || gid == (gid_t)-1 || (uid == 0 && gid == 0) ||
	    !creds_have(c->creds, CAP_CHOWN))
		has_record = access_owner_of(c->ids, path, follow, &st);
	owner.uid = uid == (uid_t)-1 ? st.st_uid : uid;
	owner.gid = gid == (gid_t)-1 ? st.st_gid : gid;
	if (!access_may_give(c->creds, &st, uid, gid))
		return EPERM;
	/* does what a change of owner does besides: copying up, clearing set-id bits and capabilities */
	if (fchownat(AT_FDCWD, path, (uid_t)-1, (gid_t)-1, follow ? 0 : AT_SYMLINK_NOFOLLOW) < 0)
		return errno;
	if (S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode)) {
		char value[OWNER_TEXT_MAX];

		/* a device of ours is a file; a real one, such as a terminal, goes with the container */
		if (getxattr(path, OWNER_DEVICE, value, sizeof(value)) < 0)
			return 0;
		st.st_mode = S_IFREG;
	}
	/* root's has none */
	if (!has_record && owner.uid == 0 && owner.gid == 0)
		return 0;
	failed = record(path, follow, &st, &owner);
	return failed == ENOTSUP ? 0 : failed;
}

/* Finds what the caller owns, or has CAP_FOWNER for: 0, or an errno; -1: the kernel knows. @spot is to be released. */
static int
find_owned(
    const struct call *c, int dirfd, uint64_t address, int flags, bool follow, struct spot *spot)
{
	int failed = spot_there(c, dirfd, address, flags, follow, spot);

	if (failed)
		return failed;
	return spot->st.st_uid != c->creds->fsuid && !creds_have(c->creds, CAP_FOWNER) ? EPERM : 0;
}

static int
check_owner(const struct call *c, int dirfd, uint64_t address, int flags, bool follow)
{
	struct spot spot = SPOT_INIT;
	int failed = find_owned(c, dirfd, address, flags, follow, &spot);

	spot_release(&spot);
	return failed;
}

static void
answer_chown_of(struct call *c, int dirfd, uint64_t address, int flags, const __u64 *ids)
{
	bool follow = !(flags & AT_SYMLINK_NOFOLLOW), is_fd;
	char path[CALL_PATH_MAX];
	int failed = call_path(c, dirfd, address, flags, path, &is_fd);

	if (!failed && c->data->nr == SYS_fchown && call_is_path_only(c, dirfd))
		failed = EBADF;
	if (!failed)
		failed = give(c, path, follow || is_fd, is_fd, (uid_t)ids[0], (gid_t)ids[1]);
	/* "self" of procfs is somebody else here: let the kernel find out what it is, and for whom it may be asked */
	if ((failed == ENOENT || failed == EINVAL) && !creds_have(c->creds, CAP_CHOWN)) {
		failed = check_owner(c, dirfd, address, flags, follow);
		failed = failed > 0 ? failed : ENOENT;
	}
	if (failed == ENOENT || failed == EINVAL)
		call_continue(c);
	else if (failed)
		call_fail(c, failed);
	else
		call_return(c, 0);
}

void
answer_chown(struct call *c)
{
	answer_chown_of(c, AT_FDCWD, c->data->args[0], 0, &c->data->args[1]);
}

void
answer_lchown(struct call *c)
{
	answer_chown_of(c, AT_FDCWD, c->data->args[0], AT_SYMLINK_NOFOLLOW, &c->data->args[1]);
}

void
answer_fchown(struct call *c)
{
	answer_chown_of(c, (int)c->data->args[0], 0, AT_EMPTY_PATH, &c->data->args[1]);
}

void
answer_fchownat(struct call *c)
{
	answer_chown_of(
	    c, (int)c->data->args[0], c->data->args[1], (int)c->data->args[4], &c->data->args[2]);
}

/* ---- what else the owner alone may do ---- */

/* Who is not of the group sets no set-group-ID bit (chmod(2)). -1: the kernel shall do it as it was asked. */
static int
change_mode(const struct call *c, const struct spot *spot, mode_t mode)
{
	char path[32];

	if (!(mode & S_ISGID) || creds_in_group(c->creds, spot->st.st_gid) ||
	    creds_have(c->creds, CAP_FSETID))
		return -1;
	(void)snprintf(path, sizeof(path), "self/fd/%d", spot->target);
	return fchmodat(AT_FDCWD, path, mode & 07777 & ~(mode_t)S_ISGID, 0) < 0 ? errno : 0;
}

static void
answer_chmod_of(struct call *c, int dirfd, uint64_t address, int flags, uint64_t mode)
{
	struct spot spot = SPOT_INIT;
	int failed = -1;

	if (!creds_are_plain(c->creds) &&
	    !(c->data->nr == SYS_fchmod && call_is_path_only(c, dirfd))) {
		failed = find_owned(c, dirfd, address, flags, true, &spot);
		if (failed == 0)
			failed = change_mode(c, &spot, (mode_t)mode);
		spot_release(&spot);
	}
	if (failed < 0)
		call_continue(c);
	else if (failed > 0)
		call_fail(c, failed);
	else
		call_return(c, 0);
}

void
answer_chmod(struct call *c)
{
	answer_chmod_of(c, AT_FDCWD, c->data->args[0], 0, c->data->args[1]);
}

void
answer_fchmod(struct call *c)
{
	answer_chmod_of(c, (int)c->data->args[0], 0, AT_EMPTY_PATH, c->data->args[1]);
}

void
answer_fchmodat(struct call *c)
{
	answer_chmod_of(c, (int)c->data->args[0], c->data->args[1], 0, c->data->args[2]);
}

/* What carries no attributes keeps its owner in its access time, so that only the other time may be changed. */
static bool
set_special_times(struct call *c, int flags)
{
	struct timespec times[2] = { { .tv_nsec = UTIME_OMIT }, { .tv_nsec = UTIME_NOW } };
	char path[CALL_PATH_MAX];
	struct owner owner;
	struct stat st;
	bool is_fd;

	if (call_path(c, (int)c->data->args[0], c->data->args[1], flags, path, &is_fd) != 0)
		return false;
	flags = is_fd ? 0 : flags & AT_SYMLINK_NOFOLLOW;
	if (fstatat(AT_FDCWD, path, &st, flags) < 0 || owner_is_attribute(st.st_mode) ||
	    !owner_of_time(&st.st_atim, &owner))
		return false;
	if (c->data->args[2] != 0 && call_read(c, c->data->args[2], times, sizeof(times)) != 0)
		return false;
	times[0].tv_nsec = UTIME_OMIT;
	if (utimensat(AT_FDCWD, path, times, flags) < 0)
		call_fail(c, errno);
	else
		call_return(c, 0);
	return true;
}

/* May the caller set times? The present one is a matter of writing, too (utimensat(2)). 0, -1 for the kernel, or an errno. */
static int
check_times(const struct call *c, int dirfd, uint64_t address, int flags, bool present)
{
	struct spot spot = SPOT_INIT;
	int failed;

	if (address == 0 && call_is_path_only(c, dirfd))
		return EBADF;
	failed = find_owned(c, dirfd, address, flags, !(flags & AT_SYMLINK_NOFOLLOW), &spot);
	if (failed == EPERM && present)
		failed = access_may(c->creds, &spot.st, W_OK) ? 0 : EACCES;
	spot_release(&spot);
	return failed;
}

/* Are both the present time? */
static bool
is_present(const struct call *c, uint64_t address)
{
	struct timespec times[2];

	return address == 0 || (call_read(c, address, times, sizeof(times)) == 0 &&
				   times[0].tv_nsec == UTIME_NOW && times[1].tv_nsec == UTIME_NOW);
}

void
answer_utimensat(struct call *c)
{
	/* futimens(3) has no path */
	int flags = (int)c->data->args[3] | (c->data->args[1] == 0 ? AT_EMPTY_PATH : 0);
	int failed = 0;

	if (!creds_are_plain(c->creds))
		failed = check_times(c, (int)c->data->args[0], c->data->args[1], flags,
		    is_present(c, c->data->args[2]));
	if (failed > 0)
		call_fail(c, failed);
	else if (!set_special_times(c, flags))
		call_continue(c);
}

/* The older ones: utime(2), utimes(2), futimesat(2). */
static void
answer_old_times(struct call *c, int dirfd, uint64_t address, uint64_t times)
{
	int flags = address == 0 ? AT_EMPTY_PATH : 0, failed = 0;

	if (!creds_are_plain(c->creds))
		failed = check_times(c, dirfd, address, flags, times == 0);
	if (failed > 0)
		call_fail(c, failed);
	else
		call_continue(c);
}

void
answer_utime(struct call *c)
{
	answer_old_times(c, AT_FDCWD, c->data->args[0], c->data->args[1]);
}

void
answer_futimesat(struct call *c)
{
	answer_old_times(c, (int)c->data->args[0], c->data->args[1], c->data->args[2]);
}
