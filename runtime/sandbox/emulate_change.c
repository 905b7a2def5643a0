/* SPDX-License-Identifier: Apache-2.0 */
/*
 * emulate_change - files that the step has in common with snapshots (container.h: shared), which get a copy of their own before they are
 * changed, as on an overlay.
 *
 * A shared file is known by its inode number. The copy takes the place of the one name by which it is changed, as an overlay without an
 * index has it: other names stay as they were. Descriptors of the calling process that read the file get the copy, too; those of other
 * processes go on reading what was there.
 *
 * A mount (RUN --mount=type=bind) may have the same file, which is another one for the step: it has another number there, and stays what it is.
 *
 * A lock of flock(2) is one of the file, and so of all builds that have it: it is a first change, too. That takes that the file has one
 * descriptor in the step. Of several, which may be one open file of several processes, none but the caller's can be exchanged, and a lock must
 * last as long as the last of them: then it is a lock of the file that all share, within the step as without copies. Locks of fcntl(2) need
 * nothing: whoever can lock to write has opened to write, which has made a copy, and those to read exclude nobody.
 *
 * No name appears, goes or moves while a copy takes its place (emu_names_hold()), so that nothing comes back that was removed meanwhile, and
 * the folder keeps its times, which are the step's alone to change.
 */
#include "runtime/sandbox/emulate_private.h"

#include "runtime/base/fd.h"
#include "runtime/base/filecopy.h"
#include "runtime/base/mem.h"
#include "runtime/base/path.h"
#include "runtime/base/text.h"
#include "seccomp/notify.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define LOCKS 16
#define MOUNTED \
	((ino_t)1 << 62) /* in the number of a file: that it is another one than that of the root */
#define TRIES 64
#define GONE " (deleted)"

struct emu_shared {
	const struct inodes *files;
	pthread_rwlock_t names;
	pthread_mutex_t copying[LOCKS]; /* of a file, by its number */
	ino_t *copies;          /* of each place in @files: the last copy that was made; 0 */
	unsigned char *is_open; /* ... has anybody got a descriptor to read it? */
};

struct emu_shared *
emu_shared_new(const struct inodes *files)
{
	struct emu_shared *s;

	if (!files || files->count == 0)
		return NULL;
	s = xcalloc(1, sizeof(*s));
	s->files = files;
	(void)pthread_rwlock_init(&s->names, NULL); /* cannot fail */
	for (size_t i = 0; i < LOCKS; i++)
		(void)pthread_mutex_init(&s->copying[i], NULL); /* cannot fail */
	s->copies = xcalloc(files->room, sizeof(*s->copies));
	s->is_open = xcalloc(files->room, sizeof(*s->is_open));
	return s;
}

void
emu_shared_free(struct emu_shared *s)
{
	if (!s)
		return;
	free(s->copies);
	free(s->is_open);
	free(s);
}

void
emu_names_hold(const struct emu_call *x)
{
	if (x->em->shared)
		(void)pthread_rwlock_rdlock(&x->em->shared->names); /* cannot fail */
}

void
emu_names_let_go(const struct emu_call *x)
{
	int saved = errno;

	if (x->em->shared)
		(void)pthread_rwlock_unlock(&x->em->shared->names); /* held */
	errno = saved;
}

static const struct inode *
find_shared(const struct emulation *em, const struct stat *st)
{
	return em->shared ? inodes_find(em->shared->files, st) : NULL;
}

static size_t
place_of(const struct emu_shared *s, const struct inode *inode)
{
	return (size_t)(inode - s->files->items);
}

unsigned int
emu_shared_names(const struct emulation *em, const struct stat *st)
{
	const struct inode *inode = find_shared(em, st);

	return inode ? (unsigned int)inode->names : 0;
}

void
emu_see_shared(const struct emulation *em, struct stat *st)
{
	const struct inode *inode = find_shared(em, st);

	if (!inode)
		return;
	st->st_nlink = inode->names;
	st->st_ctim = inode->changed;
}

/* Is what the link @name of procfs leads to in the root, and not in a mount? */
static bool
is_in_root(const struct emulation *em, int dir, const char *name)
{
	char real[PATH_MAX];
	ssize_t n = readlinkat(dir, name, real, sizeof(real) - 1);

	if (n < 0)
		return false;
	real[n] = '\0';
	return emu_mount_of(em, real) == &em->mounts[0];
}

void
emu_see_mounted(const struct emulation *em, const char *path, struct stat *st)
{
	if (em->spec->n_extra_mounts > 0 && find_shared(em, st) && !is_in_root(em, AT_FDCWD, path))
		st->st_ino ^= MOUNTED;
}

void
emu_is_read(const struct emulation *em, const struct stat *st)
{
	const struct inode *inode = find_shared(em, st);

	if (inode)
		__atomic_store_n(
		    &em->shared->is_open[place_of(em->shared, inode)], 1, __ATOMIC_RELAXED);
}

/* ---- where the file is ---- */

struct home {
	int dir; /* O_PATH */
	char name[NAME_MAX + 1];
	ino_t ino; /* of what has the name; 0: nothing */
};

static void
look(struct home *home, const struct emu_shared *s)
{
	struct stat st;

	home->ino = 0;
	if (fstatat(home->dir, home->name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    st.st_dev == s->files->dev)
		home->ino = st.st_ino;
}

/* By what the kernel calls the open file. */
static int
find_by_descriptor(const struct emulation *em, int target, struct home *home)
{
	char path[EMU_FD_PATH], real[PATH_MAX], *rest, *slash;
	ssize_t n = readlinkat(AT_FDCWD, emu_fd_path(target, path), real, sizeof(real) - 1);
	const struct emu_mount *root = &em->mounts[0];
	size_t length = n < 0 ? 0 : (size_t)n;

	real[length] = '\0';
	if (!path_is_below(real, root->real) || length <= strlen(root->real))
		return ENOENT;
	if (length > strlen(GONE) && strcmp(real + length - strlen(GONE), GONE) == 0)
		real[length - strlen(GONE)] = '\0'; /* another has its name, or nothing */
	rest = real + strlen(root->real) + 1;
	slash = strrchr(rest, '/');
	if (strlen(slash ? slash + 1 : rest) > NAME_MAX)
		return ENOENT;
	(void)snprintf(home->name, sizeof(home->name), "%s", slash ? slash + 1 : rest);
	if (slash)
		*slash = '\0';
	home->dir =
	    path_try_open(root->fd, slash ? rest : ".", O_PATH | O_DIRECTORY, 0, PATH_NO_SYMLINKS);
	return home->dir < 0 ? errno : 0;
}

/* 0, or ENOENT where the file has no name that is known. */
static int
find_home(const struct emu_call *x, const struct emu_spot *spot, const struct inode *inode,
    struct home *home)
{
	const struct emu_shared *s = x->em->shared;
	int failed;

	home->dir = -1;
	if (spot->dir >= 0 && spot->name[0]) {
		home->dir = fcntl(spot->dir, F_DUPFD_CLOEXEC, 3);
		memcpy(home->name, spot->name, sizeof(home->name));
		if (home->dir < 0)
			return errno;
		look(home, s);
		/* else a link of procfs, or renamed meanwhile */
		if (home->ino == inode->ino)
			return 0;
		fd_close_at(&home->dir);
	}
	failed = find_by_descriptor(x->em, spot->target, home);
	if (!failed)
		look(home, s);
	return failed;
}

/* ---- descriptors of the caller's that read it ---- */

static bool
read_state(int descriptors, const char *name, long long *position, int *flags)
{
	char path[NAME_MAX + 16], text[256];
	autofd int fd = -1;
	ssize_t n;

	(void)snprintf(path, sizeof(path), "../fdinfo/%s", name);
	fd = openat(descriptors, path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	if (n <= 0)
		return false;
	text[n] = '\0';
	return sscanf(text, "pos:\t%lld\nflags:\t%o", position, (unsigned int *)flags) == 2;
}

/* @name is the caller's descriptor of the file that @target has become. */
static void
exchange_one(const struct emu_call *x, int descriptors, const char *name, int target)
{
	char path[EMU_FD_PATH];
	long long position;
	autofd int fd = -1;
	struct error ignored = ERROR_INIT;
	uint64_t number;
	int flags;

	if (parse_u64(name, 0, INT_MAX, "descriptor", &number, &ignored) < 0 ||
	    !read_state(descriptors, name, &position, &flags))
		return;
	fd = openat(AT_FDCWD, emu_fd_path(target, path),
	    (flags & (O_ACCMODE | O_NONBLOCK | O_NOATIME | O_DIRECT)) | O_CLOEXEC);
	if (fd >= 0 && lseek(fd, position, SEEK_SET) >= 0)
		(void)notify_exchange_fd(x->em->listener, x->c.id, fd, (int)number,
		    flags & O_CLOEXEC); /* else it goes on reading what was there */
}

static void
exchange_descriptors(const struct emu_call *x, const struct inode *inode, int target)
{
	char path[EMU_FD_PATH];
	const struct dirent *entry;
	autodir DIR *dir = NULL;
	struct stat st;
	int fd;

	if (!__atomic_load_n(
		&x->em->shared->is_open[place_of(x->em->shared, inode)], __ATOMIC_RELAXED))
		return;
	(void)snprintf(path, sizeof(path), "%d/fd", (int)x->c.tid);
	fd = openat(AT_FDCWD, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	dir = fd < 0 ? NULL : fdopendir(fd);
	if (!dir && fd >= 0)
		(void)close(fd); /* a folder */
	while (dir && (entry = readdir(dir)))
		if (entry->d_name[0] != '.' && fstatat(dirfd(dir), entry->d_name, &st, 0) == 0 &&
		    st.st_ino == inode->ino && st.st_dev == x->em->shared->files->dev &&
		    is_in_root(x->em, dirfd(dir), entry->d_name))
			exchange_one(x, dirfd(dir), entry->d_name, target);
}

/* ---- copying ---- */

/* @fd (taken over) is the target from now on. */
static int
take_target(struct emu_spot *spot, int fd)
{
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0) {
		int failed = errno;

		if (fd >= 0)
			(void)close(fd); /* O_PATH */
		return failed;
	}
	(void)close(spot->target); /* O_PATH */
	spot->target = fd;
	spot->st.st_ino = st.st_ino;
	spot->st.st_nlink = st.st_nlink;
	spot->st.st_ctim = st.st_ctim;
	return 0;
}

static int
open_home(const struct home *home)
{
	return openat(home->dir, home->name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
}

/* A copy of the file, to take its place. */
struct made {
	int fd; /* -1: it is a link, which is made in one go */
	char name[FILECOPY_NAME];
	struct stat st; /* of what it is a copy of */
};

static int
place(const struct home *home, struct made *made, struct error *e)
{
	return made->fd < 0 ? filecopy_link(home->dir, home->name, &made->st, e)
	                    : filecopy_place(home->dir, made->fd, made->name, home->name, e);
}

/* 0 with the new *@target; EAGAIN when the file has gone from there meanwhile; an errno. */
static int
put_in_place(const struct emu_call *x, const struct inode *inode, struct home *home,
    struct made *made, int *target)
{
	struct emu_shared *s = x->em->shared;
	struct error e = ERROR_INIT;
	struct stat st;
	int failed = 0;

	(void)pthread_rwlock_wrlock(&s->names); /* cannot fail */
	look(home, s);
	if (home->ino != inode->ino) {
		if (made->fd >= 0)
			filecopy_drop(home->dir, made->name);
		failed = EAGAIN;
	} else if (place(home, made, &e) < 0) {
		failed = e.sys ? e.sys : EIO;
	} else {
		*target = open_home(home);
		failed = *target < 0 || fstat(*target, &st) < 0 ? errno : 0;
	}
	if (!failed)
		s->copies[place_of(s, inode)] = st.st_ino;
	(void)pthread_rwlock_unlock(&s->names); /* held */
	return failed;
}

/* Makes the copy in the folder @dir: 0 or an errno. */
static int
make(int dir, int target, struct made *made)
{
	char path[EMU_FD_PATH];
	struct error e = ERROR_INIT;
	autofd int from = -1;

	made->fd = -1;
	if (fstat(target, &made->st) < 0)
		return errno;
	if (S_ISLNK(made->st.st_mode))
		return 0;
	from = openat(AT_FDCWD, emu_fd_path(target, path), O_RDONLY | O_NOATIME | O_CLOEXEC);
	if (from < 0)
		return errno;
	made->fd = filecopy_make(dir, from, &made->st, made->name, &e);
	return made->fd >= 0 ? 0 : e.sys ? e.sys : EIO;
}

static int
copy(const struct emu_call *x, struct emu_spot *spot, const struct inode *inode, struct home *home)
{
	struct made made;
	int target, failed = make(home->dir, spot->target, &made);

	if (failed)
		return failed;
	failed = put_in_place(x, inode, home, &made, &target);
	fd_close_at(&made.fd);
	if (failed)
		return failed;
	exchange_descriptors(x, inode, target);
	return take_target(spot, target);
}

/* The file has no name any more: who has it open, or has just looked it up, changes a copy without one. */
static int
copy_nameless(const struct emu_call *x, struct emu_spot *spot, const struct inode *inode)
{
	int root = x->em->mounts[0].fd;
	struct made made;
	int failed = make(root, spot->target, &made);

	if (failed || made.fd < 0)
		return failed ? failed : ENOENT; /* nobody has a link open */
	filecopy_drop(root, made.name);
	exchange_descriptors(x, inode, made.fd);
	return take_target(spot, made.fd);
}

static int
take_copy(const struct emu_call *x, struct emu_spot *spot, const struct inode *inode,
    const struct home *home)
{
	int failed = take_target(spot, open_home(home));

	if (!failed)
		exchange_descriptors(x, inode, spot->target);
	return failed;
}

/* The copy that was made for another process has another name now. */
static int
refuse(const struct emu_call *x)
{
	if (x->em->log >= 0)
		(void)dprintf(x->em->log,
		    "croze: the isolation 'emulate' does not serve changes by a descriptor of what "
		    "another process has changed and renamed\n");
	return EPERM;
}

static int
copy_once(const struct emu_call *x, struct emu_spot *spot, const struct inode *inode)
{
	ino_t copied = x->em->shared->copies[place_of(x->em->shared, inode)];
	struct home home;
	int failed = find_home(x, spot, inode, &home);

	if (failed && failed != ENOENT && failed != ENOTDIR)
		;
	else if (!failed && home.ino == inode->ino)
		failed = copy(x, spot, inode, &home);
	else if (!failed && home.ino != 0 && home.ino == copied)
		failed = take_copy(x, spot, inode, &home);
	else if (spot->is_empty && copied != 0)
		failed = refuse(x);
	else
		failed = copy_nameless(x, spot, inode);
	fd_close_at(&home.dir);
	return failed;
}

int
emu_before_change(const struct emu_call *x, struct emu_spot *spot)
{
	const struct inode *inode = find_shared(x->em, &spot->st);
	pthread_mutex_t *lock;
	int failed = EAGAIN;

	if (emu_terminal_is_at(spot) && !emu_terminal_is_ours(x, spot))
		return EPERM;
	if (!inode)
		return 0;
	lock = &x->em->shared->copying[inode->ino % LOCKS];
	(void)pthread_mutex_lock(lock); /* cannot fail */
	for (int i = 0; i < TRIES && failed == EAGAIN; i++)
		failed = copy_once(x, spot, inode);
	(void)pthread_mutex_unlock(lock); /* held */
	return failed;
}

/* ---- flock(2) ---- */

/* Descriptors of one file of the root in the step. */
struct uses {
	const struct emulation *em;
	const struct stat *st;
	size_t count;
};

static void
count_uses(pid_t pid, void *arg)
{
	struct uses *uses = arg;
	char path[EMU_FD_PATH];
	const struct dirent *entry;
	autodir DIR *dir = NULL;
	struct stat st;
	int fd;

	(void)snprintf(path, sizeof(path), "%d/fd", (int)pid);
	fd = openat(AT_FDCWD, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	dir = fd < 0 ? NULL : fdopendir(fd);
	if (!dir && fd >= 0)
		(void)close(fd); /* a folder */
	while (dir && (entry = readdir(dir)))
		if (entry->d_name[0] != '.' && fstatat(dirfd(dir), entry->d_name, &st, 0) == 0 &&
		    st.st_ino == uses->st->st_ino && st.st_dev == uses->st->st_dev &&
		    is_in_root(uses->em, dirfd(dir), entry->d_name))
			uses->count++;
}

static bool
has_one_descriptor(struct emulation *em, const struct stat *st)
{
	struct uses uses = { .em = em, .st = st };

	emu_each_process(em, count_uses, &uses);
	return uses.count == 1;
}

void
emu_flock(struct emu_call *x)
{
	int fd = (int)x->c.data->args[0], failed = 0;
	struct emu_spot spot = EMU_SPOT_INIT;

	/* what is no file, and what is none of the base, the kernel knows better */
	if (x->em->shared && fd >= 0 && !((int)x->c.data->args[1] & LOCK_UN) &&
	    emu_find_there(x, fd, 0, EMU_EMPTY, &spot) == 0 && find_shared(x->em, &spot.st) &&
	    spot.mount == &x->em->mounts[0] && has_one_descriptor(x->em, &spot.st))
		failed = emu_before_change(x, &spot);
	emu_spot_release(&spot);
	if (failed)
		call_fail(&x->c, failed);
	else
		call_continue(&x->c);
}

/* ---- ioctl(2) ---- */

/* Calls that change what a file is by a descriptor to read it: the lengths of their arguments; 0: not served. */
static const struct {
	uint32_t number;
	size_t length;
} changes[] = {
	{ (uint32_t)FS_IOC_SETFLAGS, sizeof(int) },
	{ (uint32_t)FS_IOC_SETVERSION, sizeof(int) },
	{ (uint32_t)FS_IOC_FSSETXATTR, sizeof(struct fsxattr) },
};

static int
change_flags(struct emu_call *x, struct emu_spot *spot, uint32_t number, void *value)
{
	char path[EMU_FD_PATH];
	autofd int fd = -1;
	int failed;

	if (spot->mount->read_only)
		return EROFS;
	if (spot->st.st_uid != x->c.creds->fsuid && !creds_have(x->c.creds, CAP_FOWNER))
		return EPERM;
	if (!S_ISREG(spot->st.st_mode) && !S_ISDIR(spot->st.st_mode))
		return ENOTTY;
	failed = emu_before_change(x, spot);
	if (failed)
		return failed;
	fd = openat(AT_FDCWD, emu_fd_path(spot->target, path), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	return fd < 0 || ioctl(fd, number, value) < 0 ? errno : 0;
}

void
emu_ioctl(struct emu_call *x)
{
	uint32_t number = (uint32_t)x->c.data->args[1];
	struct emu_spot spot = EMU_SPOT_INIT;
	struct fsxattr value = { 0 }; /* the largest */
	size_t length = 0;
	int failed;

	for (size_t i = 0; i < ARRAY_LEN(changes); i++)
		if (changes[i].number == number)
			length = changes[i].length;
	if (length == 0) {
		emu_refuse(
		    x, "an ioctl that changes a file by a descriptor to read it", EOPNOTSUPP);
		return;
	}
	failed = (int)x->c.data->args[0] < 0
	             ? EBADF
	             : emu_find_there(x, (int)x->c.data->args[0], 0, EMU_EMPTY, &spot);
	if (!failed && call_read(&x->c, x->c.data->args[2], &value, length) != 0)
		failed = EFAULT;
	if (!failed)
		failed = change_flags(x, &spot, number, &value);
	emu_spot_release(&spot);
	emu_conclude(x, failed);
}
