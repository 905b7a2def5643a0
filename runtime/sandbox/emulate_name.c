/* SPDX-License-Identifier: Apache-2.0 */
/*
 * emulate_name - new names in folders: opening and making files, links and folders.
 */
#include "runtime/sandbox/emulate_private.h"

#include "runtime/base/mem.h"
#include "runtime/base/thread.h"
#include "seccomp/notify.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#define CREATE_TRIES 16
#define WAITERS_STACK (128U << 10)

/* ---- new files ---- */

/* Gives what was just made at @spot its owner and mode; @mode with its type. */
static int
settle(const struct emu_call *x, const struct emu_spot *spot, mode_t mode)
{
	const struct creds *creds = x->c.creds;
	struct owner owner = { creds->fsuid, creds->fsgid };
	char path[EMU_FD_PATH], text[OWNER_TEXT_MAX];
	struct stat folder;
	int fd, failed = fstat(spot->dir, &folder) < 0 ? errno : 0;

	/* a folder whose record has the bit has it too */
	if (!failed && folder.st_mode & S_ISGID)
		failed = emu_look_at_folder(x, spot, &folder);
	if (failed)
		return failed;
	if (folder.st_mode & S_ISGID) {
		owner.gid = folder.st_gid;
		mode |= S_ISDIR(mode) ? S_ISGID : 0;
	}
	if (!owner_is_attribute(mode)) {
		if (owner.uid == 0 && owner.gid == 0)
			return 0;
		return owner_set_at(spot->dir, spot->name, &owner) < 0 ? errno : 0;
	}
	if (owner.uid == 0 && owner.gid == 0 && owner_mode_kept(mode) == mode &&
	    !(mode & S_ISGID && S_ISDIR(mode)))
		return 0;
	fd = openat(spot->dir, spot->name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return errno;
	(void)emu_fd_path(fd, path);
	if ((owner.uid != 0 || owner.gid != 0) &&
	    setxattr(path, OWNER_XATTR, text, owner_format(&owner, text), 0) < 0)
		failed = errno;
	if (!failed && (owner_mode_kept(mode) != mode || mode & S_ISGID) &&
	    owner_set_mode(path, mode) < 0)
		failed = errno;
	(void)close(fd); /* O_PATH */
	return failed;
}

/* The mode of a new file at @spot, for which @mode was asked. */
static mode_t
mode_of_new(const struct emu_call *x, const struct emu_spot *spot, mode_t mode)
{
	struct stat folder;

	if ((mode & (S_ISGID | S_IXGRP)) != (S_ISGID | S_IXGRP) ||
	    emu_look_at_folder(x, spot, &folder) != 0)
		return mode;
	return access_mode_of_new(x->c.creds, &folder, mode);
}

/* Finds where something new shall be: 0 or an errno. */
static int
find_new(const struct emu_call *x, int dirfd, uint64_t address, struct emu_spot *spot)
{
	int failed = emu_find_at(x, dirfd, address, EMU_PARENT | EMU_ROUGH, spot);

	if (failed)
		return failed;
	if (spot->target >= 0)
		return EEXIST;
	return emu_may_change(x, spot);
}

static void
make_folder(struct emu_call *x, int dirfd, uint64_t address, uint64_t bits)
{
	mode_t mode = S_IFDIR | ((mode_t)bits & 01777 & ~x->fs->umask);
	struct emu_spot spot;
	int failed = find_new(x, dirfd, address, &spot);

	emu_names_hold(x);
	if (!failed && mkdirat(spot.dir, spot.name, owner_mode_kept(mode) & 07777) < 0)
		failed = errno;
	emu_names_let_go(x);
	if (!failed)
		failed = settle(x, &spot, mode);
	emu_spot_release(&spot);
	emu_conclude(x, failed);
}

void
emu_mkdir(struct emu_call *x)
{
	make_folder(x, AT_FDCWD, x->c.data->args[0], x->c.data->args[1]);
}

void
emu_mkdirat(struct emu_call *x)
{
	make_folder(x, (int)x->c.data->args[0], x->c.data->args[1], x->c.data->args[2]);
}

static int
make_device(const struct emu_spot *spot, mode_t mode, dev_t rdev)
{
	char text[OWNER_TEXT_MAX];
	int fd = openat(spot->dir, spot->name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
	    owner_mode_kept(mode) & 0777);
	int failed;

	if (fd < 0)
		return errno;
	failed = fsetxattr(fd, OWNER_DEVICE, text, owner_device_format(mode, rdev, text), 0) < 0
	             ? errno
	             : 0;
	(void)close(fd); /* empty */
	return failed;
}

/* The device number as system calls have it is that of the C library, for all numbers below 2^20. */
static void
make_node(struct emu_call *x, int dirfd, uint64_t address, uint64_t bits, uint64_t rdev)
{
	mode_t mode = (mode_t)bits & ~x->fs->umask;
	bool is_device = S_ISCHR(mode) || S_ISBLK(mode);
	struct emu_spot spot = EMU_SPOT_INIT;
	int failed = S_ISDIR(mode) ? EPERM : 0;

	if ((mode & S_IFMT) == 0)
		mode |= S_IFREG;
	if (!failed)
		failed = find_new(x, dirfd, address, &spot);
	if (!failed && is_device && !creds_have(x->c.creds, CAP_MKNOD))
		failed = EPERM;
	if (!failed && spot.wants_folder)
		failed = ENOENT;
	if (!failed)
		mode = mode_of_new(x, &spot, mode);
	emu_names_hold(x);
	if (!failed && is_device)
		failed = make_device(&spot, mode, (dev_t)(uint32_t)rdev);
	else if (!failed &&
		 mknodat(spot.dir, spot.name, S_ISREG(mode) ? owner_mode_kept(mode) : mode, 0) < 0)
		failed = errno;
	emu_names_let_go(x);
	if (!failed)
		failed = settle(x, &spot, is_device ? S_IFREG | (mode & 07777) : mode);
	emu_spot_release(&spot);
	emu_conclude(x, failed);
}

void
emu_mknod(struct emu_call *x)
{
	make_node(x, AT_FDCWD, x->c.data->args[0], x->c.data->args[1], x->c.data->args[2]);
}

void
emu_mknodat(struct emu_call *x)
{
	make_node(
	    x, (int)x->c.data->args[0], x->c.data->args[1], x->c.data->args[2], x->c.data->args[3]);
}

static void
make_symlink(struct emu_call *x, uint64_t target, int dirfd, uint64_t address)
{
	struct emu_spot spot = EMU_SPOT_INIT;
	char text[PATH_MAX];
	int failed = call_read_text(&x->c, target, text, sizeof(text));

	if (!failed && text[0] == '\0')
		failed = ENOENT;
	if (!failed)
		failed = find_new(x, dirfd, address, &spot);
	if (!failed && spot.wants_folder)
		failed = ENOENT;
	emu_names_hold(x);
	if (!failed && symlinkat(text, spot.dir, spot.name) < 0)
		failed = errno;
	emu_names_let_go(x);
	if (!failed)
		failed = settle(x, &spot, S_IFLNK | 0777);
	emu_spot_release(&spot);
	emu_conclude(x, failed);
}

void
emu_symlink(struct emu_call *x)
{
	make_symlink(x, x->c.data->args[0], AT_FDCWD, x->c.data->args[1]);
}

void
emu_symlinkat(struct emu_call *x)
{
	make_symlink(x, x->c.data->args[0], (int)x->c.data->args[1], x->c.data->args[2]);
}

static void
make_link(struct emu_call *x, const __u64 *from, int to_dir, uint64_t to, unsigned int flags)
{
	unsigned int how = (flags & AT_SYMLINK_FOLLOW ? EMU_FOLLOW : 0U) |
	                   (flags & AT_EMPTY_PATH ? EMU_EMPTY : 0U) | EMU_TARGET | EMU_ROUGH;
	struct emu_spot old = EMU_SPOT_INIT, new = EMU_SPOT_INIT;
	char path[EMU_FD_PATH];
	int failed = flags & ~(unsigned int)(AT_SYMLINK_FOLLOW | AT_EMPTY_PATH) ? EINVAL : 0;

	if (!failed)
		failed = emu_find_there(x, (int)from[0], from[1], how, &old);
	if (!failed)
		failed = emu_find_at(x, to_dir, to, EMU_PARENT | EMU_ROUGH, &new);
	if (!failed && new.target >= 0)
		failed = EEXIST;
	if (!failed && new.wants_folder)
		failed = ENOENT;
	if (!failed && !access_may_link(x->c.creds, &old.st))
		failed = EPERM;
	if (!failed)
		failed = emu_may_change(x, &new);
	if (!failed && S_ISDIR(old.st.st_mode))
		failed = EPERM;
	if (!failed && (old.mount != new.mount || old.is_point))
		failed = EXDEV;
	if (!failed)
		failed = emu_before_change(x, &old);
	emu_names_hold(x);
	if (!failed && linkat(AT_FDCWD, emu_fd_path(old.target, path), new.dir, new.name,
			   AT_SYMLINK_FOLLOW) < 0)
		failed = errno;
	emu_names_let_go(x);
	emu_spot_release(&old);
	emu_spot_release(&new);
	emu_conclude(x, failed);
}

void
emu_link(struct emu_call *x)
{
	make_link(
	    x, (__u64[2]){ (__u64)AT_FDCWD, x->c.data->args[0] }, AT_FDCWD, x->c.data->args[1], 0);
}

void
emu_linkat(struct emu_call *x)
{
	make_link(x, &x->c.data->args[0], (int)x->c.data->args[2], x->c.data->args[3],
	    (unsigned int)x->c.data->args[4]);
}

/* ---- opening ---- */

struct opening {
	int dirfd;
	const char *path;
	uint64_t flags;
	mode_t mode;
	unsigned int how;
};

static int
wanted(uint64_t flags)
{
	int want = 0;

	if ((flags & O_ACCMODE) != O_WRONLY)
		want |= R_OK;
	if ((flags & O_ACCMODE) != O_RDONLY || flags & O_TRUNC)
		want |= W_OK;
	return want;
}

static int
give(const struct emu_call *x, int fd, uint64_t flags)
{
	int failed = 0;

	if (notify_answer_fd(x->em->listener, x->c.id, fd, flags & O_CLOEXEC) < 0)
		failed = errno == ENOENT ? 0 : errno; /* a caller that is gone */
	(void)close(fd);                              /* the caller has a copy */
	return failed;
}

/* /dev/tty: to the kernel it would be that of the supervisor. */
static bool
is_own_terminal(const struct emu_spot *spot)
{
	return spot->is_point && S_ISCHR(spot->st.st_mode) && spot->st.st_rdev == makedev(5, 0);
}

/* What may be opened how; 0 or an errno. */
static int
check_opening(const struct emu_call *x, const struct opening *o, const struct emu_spot *spot)
{
	mode_t mode = spot->st.st_mode;
	bool writes = (wanted(o->flags) & W_OK) != 0;

	if ((o->flags & (O_CREAT | O_EXCL)) == (O_CREAT | O_EXCL))
		return EEXIST;
	if (S_ISLNK(mode))
		return o->flags & O_DIRECTORY ? ENOTDIR : ELOOP;
	if (o->flags & O_DIRECTORY && !S_ISDIR(mode))
		return ENOTDIR;
	if (S_ISDIR(mode) && (writes || o->flags & O_CREAT))
		return EISDIR;
	if (writes && spot->mount->read_only && (S_ISREG(mode) || S_ISDIR(mode)))
		return EROFS;
	if ((S_ISCHR(mode) || S_ISBLK(mode)) && owner_is_attribute(mode))
		return EACCES;
	if (!access_may(x->c.creds, &spot->st, wanted(o->flags)) || emu_proc_is_closed(x, spot))
		return EACCES;
	if (o->flags & O_NOATIME && spot->st.st_uid != x->c.creds->fsuid &&
	    !creds_have(x->c.creds, CAP_FOWNER))
		return EPERM;
	return S_ISSOCK(mode) ? ENXIO : 0;
}

/* Opening a FIFO waits for the other side: in a thread of its own, which is left behind when the caller ends meanwhile. */
struct waiter {
	struct emulation *em;
	uint64_t id;
	int target;
	uint64_t flags;
};

static void *
wait_main(void *arg)
{
	struct waiter *w = arg;
	char path[EMU_FD_PATH];
	int fd = openat(AT_FDCWD, emu_fd_path(w->target, path),
	    (int)w->flags & ~(O_CREAT | O_EXCL | O_NOFOLLOW) & ~O_CLOEXEC, 0);
	int failed = fd < 0 ? errno : 0;

	if (fd >= 0 && notify_answer_fd(w->em->listener, w->id, fd, w->flags & O_CLOEXEC) < 0)
		failed = errno;
	if (failed)
		notify_answer(w->em->listener, w->id, 0, failed);
	if (fd >= 0)
		(void)close(fd); /* the caller has a copy */
	(void)close(w->target);  /* O_PATH */
	free(w);
	return NULL;
}

static int
open_waiting(const struct emu_call *x, const struct opening *o, struct emu_spot *spot)
{
	struct waiter *w = xcalloc(1, sizeof(*w));
	int failed;

	*w = (struct waiter){ x->em, x->c.id, spot->target, o->flags };
	spot->target = -1;
	failed = thread_start(wait_main, w, WAITERS_STACK);
	if (failed) {
		(void)close(w->target); /* O_PATH */
		free(w);
	}
	return failed;
}

/* -1: answered, or will be; an errno. */
static int
open_there(struct emu_call *x, const struct opening *o, struct emu_spot *spot)
{
	char path[EMU_FD_PATH];
	int flags = (int)o->flags & ~(O_CREAT | O_EXCL | O_NOFOLLOW | O_PATH), fd = -1;
	int failed;

	if (o->flags & O_PATH) {
		/* a descriptor without rights cannot be handed over: one to read is, where there is something to read */
		if (S_ISLNK(spot->st.st_mode) && !(o->flags & O_DIRECTORY))
			return EOPNOTSUPP;
		flags = O_RDONLY | ((int)o->flags & O_DIRECTORY) | O_NONBLOCK;
	}
	failed = check_opening(x, o, spot);
	if (failed)
		return failed;
	if (S_ISFIFO(spot->st.st_mode) && !(flags & O_NONBLOCK) && (flags & O_ACCMODE) != O_RDWR) {
		failed = open_waiting(x, o, spot);
		return failed ? failed : -1;
	}
	if (emu_terminal_is_at(spot) || is_own_terminal(spot)) {
		fd = is_own_terminal(spot) ? emu_terminal_open_controlling(x, flags)
		                           : emu_terminal_open(x, spot, flags);
		failed = fd < 0 ? errno : give(x, fd, o->flags);
		return failed ? failed : -1;
	}
	if (spot->mount->is_proc)
		fd = emu_proc_open(x, spot);
	if ((flags & O_ACCMODE) != O_RDONLY || flags & O_TRUNC)
		failed = emu_before_change(x, spot);
	else
		emu_is_read(x->em, &spot->st);
	if (failed)
		return failed;
	if (fd < 0)
		fd = openat(AT_FDCWD, emu_fd_path(spot->target, path),
		    (flags & ~O_CLOEXEC) | O_CLOEXEC | O_NOCTTY, 0);
	if (fd < 0)
		return errno;
	failed = give(x, fd, o->flags);
	return failed ? failed : -1;
}

/* -1: answered; an errno, EEXIST when somebody else was faster. */
static int
create(struct emu_call *x, const struct opening *o, const struct emu_spot *spot)
{
	mode_t mode = S_IFREG | (o->mode & 07777 & ~x->fs->umask);
	int flags = ((int)o->flags | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC) & ~O_TRUNC, fd;
	int failed;

	if (spot->wants_folder)
		return EISDIR;
	failed = emu_may_change(x, spot);
	if (failed)
		return failed;
	mode = mode_of_new(x, spot, mode);
	emu_names_hold(x);
	fd = openat(spot->dir, spot->name, flags, owner_mode_kept(mode) & 07777);
	emu_names_let_go(x);
	if (fd < 0)
		return errno;
	failed = settle(x, spot, mode);
	if (failed) {
		(void)close(fd); /* empty */
		return failed;
	}
	failed = give(x, fd, o->flags);
	return failed ? failed : -1;
}

/* A file without a name in the folder @spot. */
static int
create_nameless(struct emu_call *x, const struct opening *o, const struct emu_spot *spot)
{
	mode_t mode = S_IFREG | (o->mode & 07777 & ~x->fs->umask);
	struct owner owner = { x->c.creds->fsuid, x->c.creds->fsgid };
	char path[EMU_FD_PATH];
	int fd, failed;

	if (!S_ISDIR(spot->st.st_mode))
		return ENOTDIR;
	if (spot->mount->read_only)
		return EROFS;
	if (!access_may(x->c.creds, &spot->st, W_OK | X_OK))
		return EACCES;
	fd = openat(AT_FDCWD, emu_fd_path(spot->target, path), (int)o->flags | O_CLOEXEC,
	    owner_mode_kept(mode) & 07777);
	if (fd < 0)
		return errno;
	if (owner_set(fd, &owner) < 0 ||
	    (owner_mode_kept(mode) != mode && owner_set_mode(emu_fd_path(fd, path), mode) < 0)) {
		failed = errno;
		(void)close(fd); /* empty */
		return failed;
	}
	failed = give(x, fd, o->flags);
	return failed ? failed : -1;
}

/* What ends with a slash is never made, whatever is there. */
static int
check_made(const struct emu_call *x, const struct opening *o)
{
	size_t length = strlen(o->path);
	struct emu_spot spot;
	int failed;

	if (length == 0 || o->path[length - 1] != '/')
		return 0;
	failed = emu_find(x, o->dirfd, o->path, EMU_PARENT | EMU_ROUGH, &spot);
	emu_spot_release(&spot);
	return failed ? failed : EISDIR;
}

static int
open_once(struct emu_call *x, const struct opening *o)
{
	bool follow =
	    !(o->flags & O_NOFOLLOW) && (o->flags & (O_CREAT | O_EXCL)) != (O_CREAT | O_EXCL);
	struct emu_spot spot;
	int failed;

	if (o->flags & O_CREAT) {
		failed = check_made(x, o);
		if (failed)
			return failed;
	}
	failed = emu_find(x, o->dirfd, o->path,
	    (follow ? EMU_FOLLOW : 0U) | (o->flags & O_CREAT ? 0U : EMU_TARGET) | EMU_ROUGH |
		o->how,
	    &spot);
	if (failed)
		return failed;
	if (spot.target >= 0 && (o->flags & O_TMPFILE) == O_TMPFILE)
		failed = create_nameless(x, o, &spot);
	else if (spot.target >= 0)
		failed = open_there(x, o, &spot);
	else if (o->flags & O_CREAT)
		failed = create(x, o, &spot);
	else
		failed = ENOENT;
	emu_spot_release(&spot);
	return failed;
}

/* Writes what the loader is to know: not all of the room that there is for it. */
static int
write_load(const struct emu_call *x, const struct emulate_load *load)
{
	uint64_t at = x->c.data->args[1];
	size_t skip = offsetof(struct emulate_load, interpreter);
	size_t length = offsetof(struct emulate_load, path) + strlen(load->path) + 1;
	int failed = call_write(&x->c, at + skip, (const char *)load + skip, length - skip);

	if (!failed && load->n_prefix > 0)
		failed = call_write(&x->c, at + offsetof(struct emulate_load, prefix), load->prefix,
		    sizeof(load->prefix));
	return failed;
}

/* The loader asks for what a process is about to become. */
static void
load(struct emu_call *x)
{
	struct emu_pending *p = x->process->current;
	int failed = 0;

	if (!p) {
		call_fail(&x->c, EBADF); /* no loader */
		return;
	}
	(void)pthread_mutex_lock(&x->em->lock);
	x->em->load_address = x->c.data->args[1];
	(void)pthread_mutex_unlock(&x->em->lock);
	p->load.interpreter = -1;
	if (p->interpreter >= 0) {
		p->load.interpreter =
		    notify_add_fd(x->em->listener, x->c.id, p->interpreter, O_CLOEXEC);
		failed = p->load.interpreter < 0 ? errno : 0;
	}
	if (!failed)
		failed = write_load(x, &p->load);
	if (!failed && notify_answer_fd(x->em->listener, x->c.id, p->program, O_CLOEXEC) < 0)
		failed = errno;
	x->process->current = NULL; /* the process has one thread yet */
	emu_pending_free(p);
	if (failed)
		call_fail(&x->c, failed);
}

/* What is to be opened by @o, whose path is at @address. */
static void
open_file(struct emu_call *x, uint64_t address, struct opening *o)
{
	char path[PATH_MAX];
	int failed = call_read_text(&x->c, address, path, sizeof(path));

	o->path = path;
	for (int i = 0; failed == 0 && i < CREATE_TRIES; i++) {
		failed = open_once(x, o);
		if (failed == EEXIST && !(o->flags & O_EXCL) && i + 1 < CREATE_TRIES)
			failed = 0;
	}
	if (failed == EOPNOTSUPP && o->flags & O_PATH)
		emu_refuse(x, "open(O_PATH | O_NOFOLLOW) of a link", ENOSYS);
	else if (failed > 0)
		call_fail(&x->c, failed);
}

void
emu_open(struct emu_call *x)
{
	open_file(x, x->c.data->args[0],
	    &(struct opening){ .dirfd = AT_FDCWD,
		.flags = x->c.data->args[1],
		.mode = (mode_t)x->c.data->args[2] });
}

void
emu_openat(struct emu_call *x)
{
	int dirfd = (int)x->c.data->args[0];

	if (dirfd == EMULATE_LOAD)
		load(x);
	else
		open_file(x, x->c.data->args[1],
		    &(struct opening){ .dirfd = dirfd,
			.flags = x->c.data->args[2],
			.mode = (mode_t)x->c.data->args[3] });
}

void
emu_creat(struct emu_call *x)
{
	open_file(x, x->c.data->args[0],
	    &(struct opening){ .dirfd = AT_FDCWD,
		.flags = O_CREAT | O_WRONLY | O_TRUNC,
		.mode = (mode_t)x->c.data->args[1] });
}

void
emu_openat2(struct emu_call *x)
{
	struct open_how how;

	if (x->c.data->args[3] != sizeof(how) ||
	    call_read(&x->c, x->c.data->args[2], &how, sizeof(how)) != 0 ||
	    (how.resolve & ~(uint64_t)(RESOLVE_NO_SYMLINKS | RESOLVE_CACHED)) != 0)
		call_fail(&x->c, ENOSYS); /* callers fall back to openat(2) */
	else if (how.resolve & RESOLVE_CACHED)
		call_fail(&x->c, EAGAIN);
	else
		open_file(x, x->c.data->args[1],
		    &(struct opening){ .dirfd = (int)x->c.data->args[0],
			.flags = how.flags,
			.mode = (mode_t)how.mode,
			.how = how.resolve & RESOLVE_NO_SYMLINKS ? EMU_NO_LINKS : 0 });
}
