/* SPDX-License-Identifier: Apache-2.0 */
/*
 * emulate_file - what files are and whose: stat(2), chmod(2), chown(2), utimensat(2), access(2), readlink(2), truncate(2), statfs(2).
 */
#include "runtime/sandbox/emulate_private.h"

#include "runtime/base/mem.h"
#include "seccomp/notify.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/time.h>
#include <sys/vfs.h>
#include <sys/xattr.h>
#include <unistd.h>
#include <utime.h>

static unsigned int
flags_of(unsigned int at_flags)
{
	return (at_flags & AT_SYMLINK_NOFOLLOW ? 0U : EMU_FOLLOW) |
	       (at_flags & AT_EMPTY_PATH ? EMU_EMPTY : 0U);
}

/* ---- stat ---- */

static int
write_statx(const struct emu_call *x, int target, const struct stat *st)
{
	struct statx s;
	unsigned int mask = (unsigned int)x->c.data->args[3];

	if (statx(target, "", AT_EMPTY_PATH, mask, &s) < 0)
		return errno;
	s.stx_uid = st->st_uid;
	s.stx_gid = st->st_gid;
	s.stx_mode = (uint16_t)st->st_mode;
	s.stx_atime.tv_sec = st->st_atim.tv_sec;
	s.stx_atime.tv_nsec = (uint32_t)st->st_atim.tv_nsec;
	s.stx_ino = st->st_ino;
	s.stx_nlink = (uint32_t)st->st_nlink;
	s.stx_ctime.tv_sec = st->st_ctim.tv_sec;
	s.stx_ctime.tv_nsec = (uint32_t)st->st_ctim.tv_nsec;
	s.stx_rdev_major = major(st->st_rdev);
	s.stx_rdev_minor = minor(st->st_rdev);
	return call_write(&x->c, x->c.data->args[4], &s, sizeof(s));
}

static void
stat_path(struct emu_call *x, int dirfd, uint64_t address, unsigned int flags, uint64_t buf)
{
	char path[EMU_FD_PATH];
	struct emu_spot spot;
	int failed = emu_find_there(x, dirfd, address, flags_of(flags) | EMU_TARGET, &spot);

	if (!failed && spot.link)
		spot.st.st_mode = S_IFLNK | 0777;
	if (!failed)
		emu_see_mounted(x->em, emu_fd_path(spot.target, path), &spot.st);
	if (!failed)
		failed = buf ? call_write(&x->c, buf, &spot.st, sizeof(spot.st))
		             : write_statx(x, spot.target, &spot.st);
	emu_spot_release(&spot);
	emu_conclude(x, failed);
}

void
emu_stat(struct emu_call *x)
{
	stat_path(x, AT_FDCWD, x->c.data->args[0], 0, x->c.data->args[1]);
}

void
emu_lstat(struct emu_call *x)
{
	stat_path(x, AT_FDCWD, x->c.data->args[0], AT_SYMLINK_NOFOLLOW, x->c.data->args[1]);
}

/* A descriptor needs no walk. */
static void
stat_fd(struct emu_call *x, int fd, uint64_t buf)
{
	char path[EMU_FD_PATH];
	struct stat st;
	int copy = emu_copy(x, fd), failed = copy < 0 || fstat(copy, &st) < 0 ? errno : 0;

	if (!failed) {
		(void)emu_see(x->em, emu_fd_path(copy, path), &st);
		emu_see_mounted(x->em, emu_fd_path(copy, path), &st);
		failed = call_write(&x->c, buf, &st, sizeof(st));
	}
	if (copy >= 0)
		(void)close(copy); /* the caller has its own */
	emu_conclude(x, failed);
}

void
emu_fstat(struct emu_call *x)
{
	stat_fd(x, (int)x->c.data->args[0], x->c.data->args[1]);
}

void
emu_newfstatat(struct emu_call *x)
{
	const __u64 *args = x->c.data->args;
	unsigned int known = AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH | AT_NO_AUTOMOUNT;
	char first = 1;

	if (args[3] & ~(uint64_t)known)
		call_fail(&x->c, EINVAL);
	else if (args[3] & AT_EMPTY_PATH && (int)args[0] != AT_FDCWD &&
		 (args[1] == 0 || (call_read(&x->c, args[1], &first, 1) == 0 && first == '\0')))
		stat_fd(x, (int)args[0], args[2]);
	else
		stat_path(x, (int)args[0], args[1], (unsigned int)args[3], args[2]);
}

void
emu_statx(struct emu_call *x)
{
	const __u64 *args = x->c.data->args;
	unsigned int known =
	    AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH | AT_NO_AUTOMOUNT | AT_STATX_SYNC_TYPE;

	if (args[2] & ~(uint64_t)known)
		call_fail(&x->c, EINVAL);
	else
		stat_path(x, (int)args[0], args[1], (unsigned int)args[2], 0);
}

static void
answer_statfs(struct emu_call *x, int failed, struct emu_spot *spot)
{
	struct statfs fs;

	if (!failed && fstatfs(spot->target, &fs) < 0)
		failed = errno;
	if (!failed)
		failed = call_write(&x->c, x->c.data->args[1], &fs, sizeof(fs));
	emu_spot_release(spot);
	emu_conclude(x, failed);
}

void
emu_statfs(struct emu_call *x)
{
	struct emu_spot spot;

	answer_statfs(x,
	    emu_find_there(
		x, AT_FDCWD, x->c.data->args[0], EMU_FOLLOW | EMU_TARGET | EMU_ROUGH, &spot),
	    &spot);
}

/* ---- access and links ---- */

static void
check_access(struct emu_call *x, int dirfd, uint64_t address, unsigned int want, unsigned int flags)
{
	struct creds *real = creds_copy(x->c.creds, x->c.creds->n_groups);
	struct creds *held = x->c.creds;
	struct emu_spot spot = EMU_SPOT_INIT;
	unsigned int how = flags_of(flags) | EMU_TARGET | (want & X_OK ? 0U : EMU_ROUGH);
	int failed = want & ~7U ? EINVAL : 0;

	/* it asks for the real user, whose capabilities are none unless it is root */
	if (!(flags & AT_EACCESS)) {
		real->fsuid = real->ruid;
		real->fsgid = real->rgid;
		real->effective = real->ruid == 0 ? real->permitted : 0;
	}
	x->c.creds = real;
	if (!failed)
		failed = emu_find_there(x, dirfd, address, how, &spot);
	if (!failed && want & W_OK && (spot.mount->read_only) && !S_ISCHR(spot.st.st_mode))
		failed = EROFS;
	if (!failed && !S_ISLNK(spot.st.st_mode) && !access_may(real, &spot.st, (int)want))
		failed = EACCES;
	x->c.creds = held;
	creds_drop(real);
	emu_spot_release(&spot);
	emu_conclude(x, failed);
}

void
emu_access(struct emu_call *x)
{
	check_access(x, AT_FDCWD, x->c.data->args[0], (unsigned int)x->c.data->args[1], 0);
}

void
emu_faccessat(struct emu_call *x)
{
	bool has_flags = x->c.data->nr != SYS_faccessat;

	check_access(x, (int)x->c.data->args[0], x->c.data->args[1],
	    (unsigned int)x->c.data->args[2], has_flags ? (unsigned int)x->c.data->args[3] : 0);
}

static void
read_link(struct emu_call *x, int dirfd, const __u64 *args)
{
	size_t room = (size_t)args[2], length = 0;
	unsigned int flags =
	    EMU_TARGET | EMU_ROUGH | (dirfd == AT_FDCWD ? 0U : (unsigned int)EMU_EMPTY);
	struct emu_spot spot = EMU_SPOT_INIT;
	char text[PATH_MAX];
	ssize_t n;
	int failed = (int)args[2] <= 0 ? EINVAL : 0;

	if (!failed)
		failed = emu_find_there(x, dirfd, args[0], flags, &spot);
	if (!failed && !spot.link && !S_ISLNK(spot.st.st_mode))
		failed = spot.is_empty ? ENOENT : EINVAL;
	if (!failed && spot.link) {
		length = strlen(spot.link);
	} else if (!failed) {
		n = readlinkat(spot.target, "", text, sizeof(text));
		failed = n < 0 ? errno : 0;
		length = n < 0 ? 0 : (size_t)n;
	}
	length = length < room ? length : room;
	if (!failed)
		failed = call_write(&x->c, args[1], spot.link ? spot.link : text, length);
	emu_spot_release(&spot);
	if (failed)
		call_fail(&x->c, failed);
	else
		call_return(&x->c, (int64_t)length);
}

void
emu_readlink(struct emu_call *x)
{
	read_link(x, AT_FDCWD, &x->c.data->args[0]);
}

void
emu_readlinkat(struct emu_call *x)
{
	read_link(x, (int)x->c.data->args[0], &x->c.data->args[1]);
}

void
emu_truncate(struct emu_call *x)
{
	struct emu_spot spot;
	char path[EMU_FD_PATH];
	int failed = emu_find_there(
	    x, AT_FDCWD, x->c.data->args[0], EMU_FOLLOW | EMU_TARGET | EMU_ROUGH, &spot);

	if (!failed && S_ISDIR(spot.st.st_mode))
		failed = EISDIR;
	if (!failed && !S_ISREG(spot.st.st_mode))
		failed = EINVAL;
	if (!failed && spot.mount->read_only)
		failed = EROFS;
	if (!failed && !access_may(x->c.creds, &spot.st, W_OK))
		failed = EACCES;
	if (!failed)
		failed = emu_before_change(x, &spot);
	if (!failed && truncate(emu_fd_path(spot.target, path), (off_t)x->c.data->args[1]) < 0)
		failed = errno;
	emu_spot_release(&spot);
	emu_conclude(x, failed);
}

/* fsync(2) and its kin: files of the root are made durable once, when what the step has made is kept, as on a volatile overlay. */
void
emu_sync(struct emu_call *x)
{
	int fd = (int)x->c.data->args[0];
	struct emu_spot spot = EMU_SPOT_INIT;
	int failed = fd < 0 ? EBADF : emu_find_there(x, fd, 0, EMU_EMPTY | EMU_ROUGH, &spot);
	bool is_kept = !failed && spot.mount == &x->em->mounts[0] &&
	               (S_ISREG(spot.st.st_mode) || S_ISDIR(spot.st.st_mode));

	emu_spot_release(&spot);
	if (failed || is_kept)
		emu_conclude(x, failed);
	else
		call_continue(&x->c);
}

/* ---- modes and owners ---- */

/* 0, or why the caller may not change what is at @spot. */
static int
check_owner(const struct emu_call *x, const struct emu_spot *spot)
{
	if (spot->mount->read_only)
		return EROFS;
	if (spot->st.st_uid != x->c.creds->fsuid && !creds_have(x->c.creds, CAP_FOWNER))
		return EPERM;
	return 0;
}

static int
change_mode(const struct emu_call *x, struct emu_spot *spot, mode_t mode)
{
	const struct creds *creds = x->c.creds;
	char path[EMU_FD_PATH];
	int failed = check_owner(x, spot);

	if (failed)
		return failed;
	if (S_ISLNK(spot->st.st_mode))
		return EOPNOTSUPP;
	if (!creds_in_group(creds, spot->st.st_gid) && !creds_have(creds, CAP_FSETID))
		mode &= ~(mode_t)S_ISGID;
	failed = emu_before_change(x, spot);
	if (failed)
		return failed;
	mode = (spot->st.st_mode & S_IFMT) | (mode & 07777);
	(void)emu_fd_path(spot->target, path);
	if (owner_is_attribute(mode) && (spot->has_records || owner_mode_kept(mode) != mode))
		return owner_set_mode(path, mode) < 0 ? errno : 0;
	/* a device of ours is a file */
	return chmod(path, mode & 07777) < 0 ? errno : 0;
}

static void
chmod_path(struct emu_call *x, int dirfd, uint64_t address, uint64_t mode, unsigned int flags)
{
	struct emu_spot spot;
	int failed = emu_find_there(x, dirfd, address, flags_of(flags) | EMU_TARGET, &spot);

	if (!failed)
		failed = change_mode(x, &spot, (mode_t)mode);
	emu_spot_release(&spot);
	emu_conclude(x, failed);
}

void
emu_chmod(struct emu_call *x)
{
	chmod_path(x, AT_FDCWD, x->c.data->args[0], x->c.data->args[1], 0);
}

void
emu_fchmod(struct emu_call *x)
{
	chmod_path(x, (int)x->c.data->args[0], 0, x->c.data->args[1], AT_EMPTY_PATH);
}

void
emu_fchmodat(struct emu_call *x)
{
	bool has_flags = x->c.data->nr != SYS_fchmodat;

	chmod_path(x, (int)x->c.data->args[0], x->c.data->args[1], x->c.data->args[2],
	    has_flags ? (unsigned int)x->c.data->args[3] : 0);
}

static int
record(const struct emu_spot *spot, const struct owner *owner)
{
	char path[EMU_FD_PATH], text[OWNER_TEXT_MAX];
	int result = 0;

	(void)emu_fd_path(spot->target, path);
	if (S_ISLNK(spot->st.st_mode) || S_ISFIFO(spot->st.st_mode) || S_ISSOCK(spot->st.st_mode)) {
		/* what is named by descriptor alone is a pipe or a socket, or gone: whose it is nobody can see */
		if (spot->dir < 0)
			return 0;
		return owner_set_at(spot->dir, spot->name, owner) < 0 ? errno : 0;
	}
	if (owner->uid != 0 || owner->gid != 0)
		result = setxattr(path, OWNER_XATTR, text, owner_format(owner, text), 0);
	else if (spot->has_records)
		result = removexattr(path, OWNER_XATTR);
	return result < 0 && errno != ENODATA && errno != ENOTSUP ? errno : 0;
}

/* What a change of owner does besides (chown(2)). */
static int
clear_set_id(const struct emu_spot *spot)
{
	mode_t mode = spot->st.st_mode;
	char path[EMU_FD_PATH];

	if (!S_ISREG(mode))
		return 0;
	(void)emu_fd_path(spot->target, path);
	if (spot->has_records)
		(void)removexattr(path, OWNER_CAPABILITY); /* mostly there is none */
	if (!(mode & (S_ISUID | S_ISGID)))
		return 0;
	mode &= ~(mode_t)(mode & S_IXGRP ? S_ISUID | S_ISGID : S_ISUID);
	return owner_set_mode(path, mode) < 0 ? errno : 0;
}

static void
chown_path(struct emu_call *x, int dirfd, uint64_t address, const __u64 *ids, unsigned int flags)
{
	struct emu_spot spot;
	struct owner owner;
	bool is_kernels;
	int failed = emu_find_there(x, dirfd, address, flags_of(flags), &spot);

	if (failed) {
		call_fail(&x->c, failed);
		return;
	}
	owner.uid = (uid_t)ids[0] == (uid_t)-1 ? spot.st.st_uid : (uid_t)ids[0];
	owner.gid = (gid_t)ids[1] == (gid_t)-1 ? spot.st.st_gid : (gid_t)ids[1];
	/* a real device, such as a terminal, goes with the step */
	is_kernels = spot.mount->is_proc || emu_terminal_is_at(&spot) ||
	             (spot.is_point && S_ISCHR(spot.st.st_mode));
	if (spot.mount->read_only)
		failed = EROFS;
	else if (!access_may_give(x->c.creds, &spot.st, (uid_t)ids[0], (gid_t)ids[1]))
		failed = EPERM;
	else if (is_kernels)
		failed = 0;
	else
		failed = emu_before_change(x, &spot);
	if (!failed && !is_kernels)
		failed = record(&spot, &owner);
	if (!failed)
		failed = clear_set_id(&spot);
	emu_spot_release(&spot);
	emu_conclude(x, failed);
}

void
emu_chown(struct emu_call *x)
{
	chown_path(x, AT_FDCWD, x->c.data->args[0], &x->c.data->args[1], 0);
}

void
emu_lchown(struct emu_call *x)
{
	chown_path(x, AT_FDCWD, x->c.data->args[0], &x->c.data->args[1], AT_SYMLINK_NOFOLLOW);
}

void
emu_fchown(struct emu_call *x)
{
	chown_path(x, (int)x->c.data->args[0], 0, &x->c.data->args[1], AT_EMPTY_PATH);
}

void
emu_fchownat(struct emu_call *x)
{
	chown_path(x, (int)x->c.data->args[0], x->c.data->args[1], &x->c.data->args[2],
	    (unsigned int)x->c.data->args[4]);
}

/* ---- times ---- */

/* @times as utimensat(2) has them; NULL: now. */
static int
set_times(const struct emu_call *x, struct emu_spot *spot, const struct timespec *times)
{
	struct timespec now[2] = { { .tv_nsec = UTIME_NOW }, { .tv_nsec = UTIME_NOW } };
	struct timespec set[2];
	char path[EMU_FD_PATH];
	struct owner owner;
	struct stat st;
	bool is_now = !times;
	int failed;

	memcpy(set, times ? times : now, sizeof(set));
	is_now = is_now || (set[0].tv_nsec == UTIME_NOW && set[1].tv_nsec == UTIME_NOW);
	if (spot->mount->read_only)
		return EROFS;
	/* touching with the present time takes the right to write only */
	if (spot->st.st_uid != x->c.creds->fsuid && !creds_have(x->c.creds, CAP_FOWNER) &&
	    !(is_now && access_may(x->c.creds, &spot->st, W_OK)))
		return is_now ? EACCES : EPERM;
	failed = emu_before_change(x, spot);
	if (failed)
		return failed;
	/* a link keeps its owner in its access time, so that only the other time may be changed */
	if (fstat(spot->target, &st) == 0 && !owner_is_attribute(st.st_mode) &&
	    owner_of_time(&st.st_atim, &owner))
		set[0].tv_nsec = UTIME_OMIT;
	/* those of a folder, too, are not changed while one is put back */
	emu_names_hold(x);
	if ((S_ISLNK(spot->st.st_mode) && spot->dir >= 0
		    ? utimensat(spot->dir, spot->name, set, AT_SYMLINK_NOFOLLOW)
		    : utimensat(AT_FDCWD, emu_fd_path(spot->target, path), set, 0)) < 0)
		failed = errno;
	emu_names_let_go(x);
	return failed;
}

static void
touch(struct emu_call *x, int dirfd, uint64_t address, unsigned int flags,
    const struct timespec *times)
{
	struct emu_spot spot = EMU_SPOT_INIT;
	int failed = emu_find_there(x, dirfd, address, flags_of(flags) | EMU_ROUGH, &spot);

	if (!failed)
		failed = set_times(x, &spot, times);
	emu_spot_release(&spot);
	emu_conclude(x, failed);
}

void
emu_utimensat(struct emu_call *x)
{
	const __u64 *args = x->c.data->args;
	struct timespec times[2];
	/* futimens(3) has no path */
	unsigned int flags = (unsigned int)args[3] | (args[1] == 0 ? AT_EMPTY_PATH : 0U);

	if (args[2] != 0 && call_read(&x->c, args[2], times, sizeof(times)) != 0)
		call_fail(&x->c, EFAULT);
	else if (args[2] != 0 && times[0].tv_nsec == UTIME_OMIT && times[1].tv_nsec == UTIME_OMIT)
		call_return(&x->c, 0);
	else
		touch(x, (int)args[0], args[1], flags, args[2] ? times : NULL);
}

static void
touch_by_microseconds(struct emu_call *x, int dirfd, const __u64 *args)
{
	struct timeval read[2];
	struct timespec times[2];
	unsigned int flags = args[0] == 0 ? AT_EMPTY_PATH : 0U;

	if (args[1] != 0 && call_read(&x->c, args[1], read, sizeof(read)) != 0) {
		call_fail(&x->c, EFAULT);
		return;
	}
	for (int i = 0; args[1] != 0 && i < 2; i++) {
		if (read[i].tv_usec < 0 || read[i].tv_usec >= 1000000) {
			call_fail(&x->c, EINVAL);
			return;
		}
		times[i] = (struct timespec){ read[i].tv_sec, read[i].tv_usec * 1000 };
	}
	touch(x, dirfd, args[0], flags, args[1] ? times : NULL);
}

void
emu_utimes(struct emu_call *x)
{
	touch_by_microseconds(x, AT_FDCWD, &x->c.data->args[0]);
}

void
emu_futimesat(struct emu_call *x)
{
	touch_by_microseconds(x, (int)x->c.data->args[0], &x->c.data->args[1]);
}

void
emu_utime(struct emu_call *x)
{
	const __u64 *args = x->c.data->args;
	struct utimbuf read;
	struct timespec times[2] = { 0 };

	if (args[1] != 0 && call_read(&x->c, args[1], &read, sizeof(read)) != 0) {
		call_fail(&x->c, EFAULT);
		return;
	}
	if (args[1] != 0) {
		times[0].tv_sec = read.actime;
		times[1].tv_sec = read.modtime;
	}
	touch(x, AT_FDCWD, args[0], 0, args[1] ? times : NULL);
}
