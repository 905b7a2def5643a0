/* SPDX-License-Identifier: Apache-2.0 */
/*
 * walk - resolving a path below a directory in user space.
 */
#include "runtime/base/walk.h"

#include "runtime/base/fd.h"
#include "runtime/base/mem.h"
#include "runtime/base/strv.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#define MAX_LINKS 40 /* as the kernel */
#define MAX_RESTARTS 64
#define PROCFS_ROOT_INODE 1
#define MAGIC_LINK_SIZE 64

struct walk {
	int root;          /* borrowed */
	int current;       /* owned; -1 stands for @root */
	struct strv names; /* from @root to @current, no links, no dots */
	char *rest;        /* what is still to be resolved */
	unsigned int n_links;
	enum path_resolve how;
	const struct walk_dirs *dirs; /* NULL: nothing is made */
};

static void
walk_release(struct walk *w)
{
	fd_close_at(&w->current);
	strv_release(&w->names);
	mem_free_at(&w->rest);
}

static int
fail(int number)
{
	errno = number;
	return -1;
}

static int
at(const struct walk *w)
{
	return w->current >= 0 ? w->current : w->root;
}

static void
walk_enter(struct walk *w, int fd)
{
	fd_close_at(&w->current);
	w->current = fd;
}

/* Takes the leading slashes off @rest; an absolute path goes on at the root, or is refused. */
static int
walk_absolute(struct walk *w)
{
	if (w->rest[0] != '/')
		return 0;
	if (w->how != PATH_IN_ROOT)
		return fail(EXDEV);
	walk_enter(w, -1);
	strv_clear(&w->names);
	return 0;
}

/* ".." */
static int
walk_up(struct walk *w)
{
	int fd = -1;

	if (w->names.count == 0)
		return w->how == PATH_IN_ROOT ? 0 : fail(EXDEV);
	strv_remove(&w->names, w->names.count - 1);
	walk_enter(w, -1);
	for (size_t i = 0; i < w->names.count; i++) {
		fd =
		    openat(at(w), w->names.items[i], O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (fd < 0) /* it was there a moment ago, as a directory */
			return fail(
			    errno == ENOENT || errno == ENOTDIR || errno == ELOOP ? EAGAIN : errno);
		walk_enter(w, fd);
	}
	return 0;
}

/*
 * Is @link one of those that procfs follows to a file rather than to a name (RESOLVE_NO_MAGICLINKS of openat2(2))? In its root there are
 * none ("self"); below, one that is only a name has the size of that, and a descriptor's always 64.
 */
static bool
is_magic(const struct walk *w, int link, size_t length)
{
	struct statfs fs;
	struct stat st, parent;

	if (fstatfs(link, &fs) < 0 || fs.f_type != PROC_SUPER_MAGIC)
		return false;
	if (fstat(at(w), &parent) == 0 && parent.st_ino == PROCFS_ROOT_INODE)
		return false;
	return fstat(link, &st) < 0 || st.st_size == MAGIC_LINK_SIZE ||
	       (size_t)st.st_size != length;
}

/* Puts the target of @link in front of the rest. */
static int
walk_link(struct walk *w, int link)
{
	char target[PATH_MAX];
	ssize_t length = readlinkat(link, "", target, sizeof(target));
	char *rest;

	if (length < 0)
		return -1;
	if ((size_t)length == sizeof(target))
		return fail(ENAMETOOLONG);
	if (length == 0)
		return fail(ENOENT);
	if (w->how == PATH_NO_SYMLINKS || ++w->n_links > MAX_LINKS ||
	    is_magic(w, link, (size_t)length))
		return fail(ELOOP);
	rest = xasprintf("%.*s%s", (int)length, target, w->rest);
	free(w->rest);
	w->rest = rest;
	return walk_absolute(w);
}

/* Makes directory @name with its owner and mode; opens it with O_PATH. */
static int
make_dir(int parent, const char *name, const struct walk_dirs *dirs)
{
	autofd int fd = -1;

	if (mkdirat(parent, name, 0700) < 0)
		return fail(errno == EEXIST ? EAGAIN : errno);
	fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return fail(errno == ENOENT || errno == ENOTDIR || errno == ELOOP ? EAGAIN : errno);
	if ((dirs->uid != (uid_t)-1 || dirs->gid != (gid_t)-1) &&
	    fchown(fd, dirs->uid, dirs->gid) < 0)
		return -1;
	if (fchmod(fd, dirs->mode & 07777) < 0) /* behind fchown(), which clears set-ID bits */
		return -1;
	return openat(fd, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
}

/* One component that is no dot: into the directory, or its link in front of the rest. */
static int
walk_component(struct walk *w, const char *name)
{
	autofd int fd = openat(at(w), name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;

	if (fd < 0 && errno == ENOENT && w->dirs) {
		fd = make_dir(at(w), name, w->dirs);
	}
	if (fd < 0 || fstat(fd, &st) < 0)
		return -1;
	if (S_ISLNK(st.st_mode))
		return walk_link(w, fd);
	if (!S_ISDIR(st.st_mode))
		return fail(ENOTDIR);
	walk_enter(w, steal_fd(&fd));
	strv_add(&w->names, name);
	return 0;
}

/* Takes the first component off the rest, without slashes on either side; "" when there is none. */
static char *
walk_take(struct walk *w)
{
	size_t start = strspn(w->rest, "/");
	size_t length = strcspn(w->rest + start, "/");
	char *name = xstrndup(w->rest + start, length);

	memmove(w->rest, w->rest + start + length, strlen(w->rest + start + length) + 1);
	return name;
}

static bool
is_dots(const char *name)
{
	return strcmp(name, "") == 0 || strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

/*
 * Resolves all but the last component. @last gets that one, or NULL when the path ended in a dot or slash
 * alone, so that @w stands where the path leads.
 */
static int
walk_parents(struct walk *w, char **last)
{
	*last = NULL;
	for (;;) {
		autofree char *name = walk_take(w);
		bool is_last = w->rest[strspn(w->rest, "/")] == '\0';

		if (is_last && !is_dots(name)) {
			*last = steal_ptr(&name);
			return 0;
		}
		if (strcmp(name, "..") == 0 ? walk_up(w) < 0
					    : !is_dots(name) && walk_component(w, name) < 0)
			return -1;
		if (is_last)
			return 0;
	}
}

/* @w stands at the end of the path, which is a directory. */
static int
open_here(const struct walk *w, int flags)
{
	if ((flags & O_CREAT) != 0)
		return fail((flags & O_EXCL) != 0 ? EEXIST : EISDIR);
	return openat(at(w), ".", flags & ~O_NOFOLLOW);
}

enum last_step { LAST_FAILED = -1, LAST_OPENED, LAST_LINK };

/* Opens the last component into *@fd; for a link that is to be followed, puts it in front of the rest. */
static enum last_step
open_last(struct walk *w, const char *name, int flags, mode_t mode, int *fd)
{
	bool slash = w->rest[0] == '/';
	autofd int found = openat(at(w), name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	struct stat st = { 0 };
	bool follow;

	if (found < 0 && (errno != ENOENT || (flags & O_CREAT) == 0))
		return LAST_FAILED;
	if (found >= 0 && fstat(found, &st) < 0)
		return LAST_FAILED;
	if (slash && (flags & O_CREAT) != 0)
		return fail(EISDIR);
	follow = slash ||
	         ((flags & O_NOFOLLOW) == 0 && (flags & (O_CREAT | O_EXCL)) != (O_CREAT | O_EXCL));
	if (found >= 0 && S_ISLNK(st.st_mode) && follow)
		return walk_link(w, found) < 0 ? LAST_FAILED : LAST_LINK;
	if (slash)
		flags |= O_DIRECTORY;
	*fd = openat(at(w), name, flags | O_NOFOLLOW, mode);
	if (*fd < 0 && errno == ELOOP && !S_ISLNK(st.st_mode))
		errno = EAGAIN; /* it has become a link just now */
	return *fd < 0 ? LAST_FAILED : LAST_OPENED;
}

static int
walk_once(int dir, const char *path, int flags, mode_t mode, enum path_resolve how)
{
	auto(
	    walk) struct walk w = { .root = dir, .current = -1, .how = how, .rest = xstrdup(path) };
	enum last_step step = LAST_LINK;
	int fd = -1;

	if (path[0] == '\0')
		return fail(ENOENT);
	if (walk_absolute(&w) < 0)
		return -1;
	while (step == LAST_LINK) {
		autofree char *last = NULL;

		if (walk_parents(&w, &last) < 0)
			return -1;
		if (!last)
			return open_here(&w, flags);
		step = open_last(&w, last, flags, mode, &fd);
	}
	return step == LAST_OPENED ? fd : -1;
}

int
walk_open(int dir, const char *path, int flags, mode_t mode, enum path_resolve how)
{
	int fd = -1;

	for (int i = 0; i < MAX_RESTARTS; i++) {
		fd = walk_once(dir, path, flags | O_CLOEXEC, mode, how);
		if (fd >= 0 || errno != EAGAIN)
			return fd;
	}
	return fd;
}

static int
make_dirs_once(int dir, const char *path, const struct walk_dirs *dirs)
{
	auto(walk) struct walk w = {
		.root = dir, .current = -1, .how = PATH_IN_ROOT, .rest = xstrdup(path), .dirs = dirs
	};

	if (path[0] == '\0')
		return fail(ENOENT);
	if (walk_absolute(&w) < 0)
		return -1;
	while (w.rest[strspn(w.rest, "/")] != '\0') {
		autofree char *name = walk_take(&w);

		if (strcmp(name, "..") == 0 ? walk_up(&w) < 0
					    : !is_dots(name) && walk_component(&w, name) < 0)
			return -1;
	}
	return openat(at(&w), ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
}

int
walk_make_dirs(int dir, const char *path, const struct walk_dirs *dirs)
{
	int fd = -1;

	for (int i = 0; i < MAX_RESTARTS; i++) {
		fd = make_dirs_once(dir, path, dirs);
		if (fd >= 0 || errno != EAGAIN)
			return fd;
	}
	return fd;
}
