/* SPDX-License-Identifier: Apache-2.0 */
/*
 * copyup - fills a new file system with what is below the place where it will be mounted (mount option tmpcopyup).
 *
 * Both trees are walked by descriptor, and nothing is followed: what an image holds leads nowhere else. Hard links become files of their own.
 */
#include "runtime/sandbox/copyup.h"

#include "runtime/base/fd.h"
#include "runtime/base/mem.h"
#include "runtime/base/path.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#define DEPTH_MAX 512
#define NAMES_MAX 65536

struct copying {
	dev_t device; /* of the tree; another one below is another mount */
	int depth;
};

static int copy_folder(struct copying *c, int from, int to, struct error *e);

/* Behind the change of owner, which clears capabilities. What the new file system does not take (user.* on an old tmpfs, labels) is left
 * out, as cp -a does. */
static void
copy_xattrs(int from, int to)
{
	autofree char *names = xmalloc(NAMES_MAX);
	autofree char *value = xmalloc(NAMES_MAX);
	ssize_t length = flistxattr(from, names, NAMES_MAX);

	for (const char *name = names; length > 0 && name < names + length;
	     name += strlen(name) + 1) {
		ssize_t n = fgetxattr(from, name, value, NAMES_MAX);

		if (n >= 0)
			(void)!fsetxattr(to, name, value, (size_t)n, 0);
	}
}

static int
finish(int to, const struct stat *st, const char *name, struct error *e)
{
	struct timespec times[2] = { st->st_atim, st->st_mtim };

	if (fchown(to, st->st_uid, st->st_gid) < 0 && errno != EINVAL && errno != EPERM)
		return error_sys(e, "cannot give '%s' to its owner", name);
	if (fchmod(to, st->st_mode & 07777) < 0 || futimens(to, times) < 0)
		return error_sys(e, "cannot set the attributes of '%s'", name);
	return 0;
}

static int
copy_file(int dir, int to_dir, const char *name, const struct stat *st, struct error *e)
{
	autofd int from = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	autofd int to =
	    openat(to_dir, name, O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW | O_CLOEXEC, 0600);
	uint64_t copied;

	if (from < 0 || to < 0)
		return error_sys(e, "cannot copy '%s'", name);
	if (fd_copy(from, to, UINT64_MAX, &copied, e) < 0)
		return error_ctx(e, "cannot copy '%s'", name);
	if (finish(to, st, name, e) < 0)
		return -1;
	copy_xattrs(from, to);
	return 0;
}

static int
copy_link(int dir, int to_dir, const char *name, const struct stat *st, struct error *e)
{
	struct timespec times[2] = { st->st_atim, st->st_mtim };
	char target[PATH_MAX];
	ssize_t n = readlinkat(dir, name, target, sizeof(target) - 1);

	if (n < 0)
		return error_sys(e, "cannot read the link '%s'", name);
	target[n] = '\0';
	if (symlinkat(target, to_dir, name) < 0 ||
	    (fchownat(to_dir, name, st->st_uid, st->st_gid, AT_SYMLINK_NOFOLLOW) < 0 &&
		errno != EINVAL && errno != EPERM) ||
	    utimensat(to_dir, name, times, AT_SYMLINK_NOFOLLOW) < 0)
		return error_sys(e, "cannot copy the link '%s'", name);
	return 0;
}

static int
copy_below(struct copying *c, int dir, int to_dir, const char *name, struct error *e)
{
	autofd int from = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	autofd int to = -1;

	if (from < 0 || mkdirat(to_dir, name, 0700) < 0)
		return error_sys(e, "cannot copy '%s'", name);
	to = openat(to_dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (to < 0)
		return error_sys(e, "cannot copy '%s'", name);
	if (++c->depth > DEPTH_MAX)
		return error_set(
		    e, ERR_INPUT, "'%s' is more than %d folders deep", name, DEPTH_MAX);
	if (copy_folder(c, from, to, e) < 0)
		return error_ctx(e, "'%s'", name);
	c->depth--;
	return 0;
}

static int
copy_one(struct copying *c, int dir, int to_dir, const char *name, struct error *e)
{
	struct stat st;

	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return error_sys(e, "cannot look at '%s'", name);
	if (st.st_dev != c->device)
		return 0;
	switch (st.st_mode & S_IFMT) {
	case S_IFDIR:
		return copy_below(c, dir, to_dir, name, e);
	case S_IFREG:
		return copy_file(dir, to_dir, name, &st, e);
	case S_IFLNK:
		return copy_link(dir, to_dir, name, &st, e);
	case S_IFSOCK: /* nobody listens any more */
		return 0;
	default:
		if (mknodat(to_dir, name, st.st_mode & (S_IFMT | 07777), st.st_rdev) == 0)
			return 0;
		error_sys(e, "cannot copy the device '%s'", name);
		e->kind = ERR_HOST;
		return -1;
	}
}

static int
copy_folder(struct copying *c, int from, int to, struct error *e)
{
	autodir DIR *list = fd_opendir(from, e);
	const struct dirent *entry;
	struct stat st;

	if (!list || fstat(from, &st) < 0)
		return list ? error_sys(e, "cannot look at a folder") : -1;
	while ((entry = readdir(list)))
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0 &&
		    copy_one(c, from, to, entry->d_name, e) < 0)
			return -1;
	if (finish(to, &st, ".", e) < 0)
		return -1;
	copy_xattrs(from, to);
	return 0;
}

int
copyup(int from, int to, struct error *e)
{
	struct copying c = { 0 };
	struct stat st;

	if (fstat(from, &st) < 0)
		return error_sys(e, "cannot look at a folder");
	c.device = st.st_dev;
	return copy_folder(&c, from, to, e);
}
