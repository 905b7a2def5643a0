/* SPDX-License-Identifier: Apache-2.0 */
/*
 * remove - path_remove_tree(): a directory with all below, however deep, however its modes are.
 *
 * A level reads its directory once, unlinks what is no directory at once, remembers the others and goes down
 * into them one by one. At most OPEN_LEVELS descriptors are kept; a level whose descriptor was given up is
 * found again through ".." of its child and must be the same inode. There is no recursion in C.
 */
#include "runtime/base/path.h"

#include "runtime/base/fd.h"
#include "runtime/base/mem.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

#define OPEN_LEVELS 48
#define MAX_RESCANS 16
#define READ_SIZE (64U << 10)

struct level {
	int fd;       /* -1: given up */
	dev_t device; /* known when the descriptor was given up */
	ino_t inode;
	struct buf names; /* of directories in it, each with its NUL */
	size_t next;      /* offset of the next of them */
	unsigned int n_rescans;
	bool opened_up; /* its mode was changed to 0700 */
};

struct removal {
	struct level *levels;
	size_t depth;
	size_t room;
	uint64_t mount; /* nothing on another mount is touched */
	char *entries;  /* READ_SIZE bytes for getdents64() */
};

static void
removal_release(struct removal *r)
{
	for (size_t i = 0; i < r->depth; i++) {
		fd_close_at(&r->levels[i].fd);
		buf_release(&r->levels[i].names);
	}
	mem_free_at(&r->levels);
	mem_free_at(&r->entries);
}

/* The number of the mount that @fd is on; its device where the kernel has no such numbers. */
static int
mount_of(int fd, uint64_t *mount)
{
	struct statx stx;

	if (statx(fd, "", AT_EMPTY_PATH, STATX_MNT_ID, &stx) < 0)
		return -1;
	*mount = (stx.stx_mask & STATX_MNT_ID) != 0
	             ? stx.stx_mnt_id
	             : (uint64_t)stx.stx_dev_major << 32 | stx.stx_dev_minor;
	return 0;
}

/* chmod of an O_PATH descriptor, so that nothing can be exchanged for a link in between. */
static int
open_up(int fd)
{
	char path[64];

	if (fchmod(fd, 0700) == 0)
		return 0;
	if (errno != EBADF)
		return -1;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return chmod(path, 0700);
}

static int
level_open_up(struct level *l)
{
	if (l->opened_up)
		return -1;
	l->opened_up = true;
	return open_up(l->fd);
}

static int
try_open_dir(int parent, const char *name)
{
	return openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
}

/* Opens directory @name of @l for reading, changing modes where they are in the way. */
static int
open_dir(struct level *l, const char *name)
{
	autofd int path_fd = -1;
	int fd = try_open_dir(l->fd, name);

	if (fd >= 0 || errno != EACCES)
		return fd;
	(void)level_open_up(l); /* when it does not help, the next call says so */
	path_fd = openat(l->fd, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (path_fd < 0)
		return -1;
	if (open_up(path_fd) < 0) {
		errno = EACCES;
		return -1;
	}
	return try_open_dir(path_fd, ".");
}

static int
unlink_entry(struct level *l, const char *name, int flags)
{
	int saved;

	if (unlinkat(l->fd, name, flags) == 0 || errno == ENOENT)
		return 0;
	saved = errno;
	if (saved == EACCES && level_open_up(l) == 0 &&
	    (unlinkat(l->fd, name, flags) == 0 || errno == ENOENT))
		return 0;
	errno = saved == EACCES ? saved : errno;
	return -1;
}

struct entry64 {
	uint64_t inode;
	int64_t offset;
	unsigned short length;
	unsigned char type;
	char name[];
};

static int
scan_entry(struct level *l, const struct entry64 *entry, struct error *e)
{
	if (strcmp(entry->name, ".") == 0 || strcmp(entry->name, "..") == 0)
		return 0;
	if (entry->type != DT_DIR) {
		if (unlink_entry(l, entry->name, 0) == 0)
			return 0;
		if (errno != EISDIR) /* of an unknown type, and a directory after all */
			return error_sys(e, "cannot remove '%s'", entry->name);
	}
	buf_add(&l->names, entry->name, strlen(entry->name) + 1);
	return 0;
}

/* Unlinks what is no directory in @l and collects the directories. */
static int
scan_level(struct removal *r, struct level *l, struct error *e)
{
	buf_clear(&l->names);
	l->next = 0;
	if (lseek(l->fd, 0, SEEK_SET) < 0)
		return error_sys(e, "cannot rewind a directory");
	for (;;) {
		long n = syscall(SYS_getdents64, l->fd, r->entries, READ_SIZE);

		if (n < 0)
			return error_sys(e, "cannot read a directory");
		if (n == 0)
			return 0;
		for (long at = 0; at < n;) {
			const struct entry64 *entry = (const void *)(r->entries + at);

			if (scan_entry(l, entry, e) < 0)
				return -1;
			at += entry->length;
		}
	}
}

static int
push_level(struct removal *r, int fd, struct error *e)
{
	struct level *l;
	struct stat st;

	/* on the way to a second deep directory, it was given up for the first */
	if (r->depth >= OPEN_LEVELS && r->levels[r->depth - OPEN_LEVELS].fd >= 0) {
		l = &r->levels[r->depth - OPEN_LEVELS];
		if (fstat(l->fd, &st) < 0)
			return error_sys(e, "cannot look at a directory");
		l->device = st.st_dev;
		l->inode = st.st_ino;
		fd_close_at(&l->fd);
	}
	xgrow(&r->levels, r->depth, &r->room, sizeof(*r->levels));
	l = &r->levels[r->depth++];
	*l = (struct level){ .fd = fd };
	return scan_level(r, l, e);
}

/* Goes down into @name of the last level. */
static int
enter_dir(struct removal *r, const char *name, struct error *e)
{
	autofd int fd = open_dir(&r->levels[r->depth - 1], name);
	uint64_t mount;

	if (fd < 0 && errno == ENOENT)
		return 0;
	if (fd < 0)
		return error_sys(e, "cannot open '%s'", name);
	if (mount_of(fd, &mount) < 0)
		return error_sys(e, "cannot look at '%s'", name);
	if (mount != r->mount) {
		errno = EBUSY;
		return error_sys(e, "'%s' is a mount point", name);
	}
	return push_level(r, steal_fd(&fd), e);
}

/* Makes sure that the level above the last has a descriptor. */
static int
reopen_above(struct removal *r, struct error *e)
{
	struct level *above = &r->levels[r->depth - 2];
	struct stat st;

	if (above->fd >= 0)
		return 0;
	above->fd = openat(r->levels[r->depth - 1].fd, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (above->fd < 0 || fstat(above->fd, &st) < 0)
		return error_sys(e, "cannot go back to a directory");
	if (st.st_dev != above->device || st.st_ino != above->inode)
		return error_set(e, ERR_SYSTEM, "a directory was moved while it was being removed");
	return 0;
}

/* The last level is empty as far as is known: leaves it and removes it from the one above. */
static int
leave_dir(struct removal *r, struct error *e)
{
	struct level *done = &r->levels[r->depth - 1];
	struct level *above;
	const char *name;

	if (reopen_above(r, e) < 0)
		return -1;
	above = done - 1;
	name = above->names.data + above->next;
	if (unlink_entry(above, name, AT_REMOVEDIR) < 0) {
		if (errno != ENOTEMPTY || ++done->n_rescans > MAX_RESCANS)
			return error_sys(e, "cannot remove '%s'", name);
		return scan_level(
		    r, done, e); /* something came in, or readdir left something out */
	}
	fd_close_at(&done->fd);
	buf_release(&done->names);
	r->depth--;
	above->next += strlen(name) + 1;
	return 0;
}

/* One entry of the last level, or up again. The first level is the directory that holds the tree's name. */
static int
step(struct removal *r, struct error *e)
{
	struct level *last = &r->levels[r->depth - 1];
	size_t before = r->depth;
	size_t length;

	if (last->next >= last->names.len)
		return leave_dir(r, e);
	length = strlen(last->names.data + last->next) + 1;
	if (enter_dir(r, last->names.data + last->next, e) < 0)
		return -1;
	if (r->depth == before) /* it is gone already */
		r->levels[r->depth - 1].next += length;
	return 0;
}

/* @name was found to be a directory. */
static int
remove_dir(int dir, const char *name, struct error *e)
{
	auto(removal) struct removal r = { 0 };
	struct level *top;

	xgrow(&r.levels, 0, &r.room, sizeof(*r.levels));
	top = &r.levels[r.depth++];
	*top = (struct level){ .opened_up = true }; /* @dir is the caller's: its mode stays */
	top->fd = openat(dir, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (top->fd < 0 || mount_of(top->fd, &r.mount) < 0)
		return error_sys(e, "cannot look at the directory of '%s'", name);
	buf_add(&top->names, name, strlen(name) + 1);
	r.entries = xmalloc(READ_SIZE);
	while (r.depth > 1 || r.levels[0].next < r.levels[0].names.len) {
		if (step(&r, e) < 0)
			return -1;
	}
	return 0;
}

int
path_remove_tree(int dir, const char *name, struct error *e)
{
	if (!path_is_name(name))
		return error_set(e, ERR_INPUT, "'%s' cannot be the name of a file", name);
	if (unlinkat(dir, name, 0) == 0 || errno == ENOENT)
		return 0;
	if (errno != EISDIR)
		return error_sys(e, "cannot remove '%s'", name);
	if (remove_dir(dir, name, e) < 0)
		return error_ctx(e, "cannot remove '%s' with all below", name);
	return 0;
}
