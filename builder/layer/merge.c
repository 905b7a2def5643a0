/* SPDX-License-Identifier: Apache-2.0 */
/*
 * merge - file trees from stacked directories by copying, where nothing can be stacked by the kernel.
 */
#include "builder/layer/merge.h"

#include "builder/layer/metadata.h"
#include "builder/layer/names.h"
#include "builder/layer/walk.h"
#include "runtime/base/fd.h"
#include "runtime/base/map.h"
#include "runtime/base/mem.h"
#include "runtime/base/path.h"
#include "runtime/base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

/* Those that not every kernel's headers have. */
#ifndef OVERLAYFS_SUPER_MAGIC
#define OVERLAYFS_SUPER_MAGIC 0x794c7630
#endif
#ifndef XFS_SUPER_MAGIC
#define XFS_SUPER_MAGIC 0x58465342
#endif
#define ZFS_SUPER_MAGIC 0x2fc12fc1
#define BCACHEFS_SUPER_MAGIC 0xca451a4e

/* ---- one layer ---- */

struct copier {
	struct inodes *shared; /* NULL: all is copied */
	struct map links;      /* inode number -> path in @dest of the first name */
	int root;              /* of @dest */
	int like;              /* an upper, without whose names nothing is copied; -1 */
	struct buf path;       /* where the walk is */
	unsigned depth;
};

/* A folder of a layer, and the one that it is copied to; -1 while they are closed. */
struct pair {
	int from;
	int to;
	bool is_whole; /* all in it is copied */
};

static bool
is_whiteout(const struct stat *st)
{
	return S_ISCHR(st->st_mode) && st->st_rdev == makedev(0, 0);
}

static int
copy_file(struct copier *c, int from_dir, int to_dir, const char *name, const struct stat *st,
    struct error *e)
{
	const char *path = buf_text(&c->path);
	autofd int from = openat(from_dir, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	autofd int to = -1;

	if (from < 0)
		return error_sys(e, "cannot open '%s'", path);
	to = openat(to_dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (to < 0)
		return error_sys(e, "cannot make '%s'", path);
	if (fd_copy(from, to, UINT64_MAX, NULL, e) < 0)
		return error_ctx(e, "'%s'", path);
	return metadata_copy(from, to, st, path, e);
}

/* Links, FIFOs, sockets and devices: all that has no attributes. */
static int
copy_special(struct copier *c, int from_dir, int to_dir, const char *name, const struct stat *st,
    struct error *e)
{
	struct timespec times[2] = { st->st_atim, st->st_mtim };
	const char *path = buf_text(&c->path);
	char target[PATH_MAX];
	ssize_t length;
	int result;

	if (S_ISLNK(st->st_mode)) {
		length = readlinkat(from_dir, name, target, sizeof(target) - 1);
		if (length < 0)
			return error_sys(e, "cannot read link '%s'", path);
		target[length] = '\0';
		result = symlinkat(target, to_dir, name);
	} else {
		result = mknodat(to_dir, name, st->st_mode & (S_IFMT | 07777), st->st_rdev);
	}
	if (result < 0 || fchownat(to_dir, name, st->st_uid, st->st_gid, AT_SYMLINK_NOFOLLOW) < 0 ||
	    (!S_ISLNK(st->st_mode) && fchmodat(to_dir, name, st->st_mode & 07777, 0) < 0) ||
	    utimensat(to_dir, name, times, AT_SYMLINK_NOFOLLOW) < 0)
		return error_sys(e, "cannot make '%s'", path);
	return 0;
}

/* A further name of a file that was copied before: 1, 0 when it is the first, -1. */
static int
copy_link(struct copier *c, int to_dir, const char *name, const struct stat *st, struct error *e)
{
	char key[40];
	const char *first;

	if (st->st_nlink < 2 || S_ISDIR(st->st_mode))
		return 0;
	(void)snprintf(key, sizeof(key), "%llx", (unsigned long long)st->st_ino);
	first = map_get(&c->links, key);
	if (!first) {
		(void)map_set(&c->links, key, xstrdup(buf_text(&c->path)));
		return 0;
	}
	if (linkat(c->root, first, to_dir, name, 0) == 0)
		return 1;
	if (errno == EMLINK || errno == ENOENT)
		return 0;
	return error_sys(e, "cannot link '%s'", buf_text(&c->path));
}

/* Has the file attributes that are another's in a tree? Those of overlays are left out or have another name there. */
static bool
has_overlay_marks(int dir, const char *name)
{
	char path[64 + NAME_MAX], names[1024];
	ssize_t n;

	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d/%s", dir, name);
	n = llistxattr(path, names, sizeof(names));
	if (n < 0)
		return errno != ENOTSUP;
	for (const char *at = names; at < names + n; at += strlen(at) + 1)
		if (text_starts_with(at, OVERLAY_PREFIX))
			return true;
	return false;
}

bool
merge_may_share(mode_t mode)
{
	return S_ISREG(mode) || S_ISLNK(mode);
}

/* A further name of the file in the layer: 1, 0 where there can be none, or something has that name, -1. */
static int
share(struct copier *c, const struct pair *dirs, const char *name, const struct stat *st,
    struct error *e)
{
	struct inode *inode;
	struct stat now;

	if (!c->shared || !merge_may_share(st->st_mode) ||
	    (S_ISREG(st->st_mode) && has_overlay_marks(dirs->from, name)))
		return 0;
	/* full, forbidden, on another file system, or one without */
	if (linkat(dirs->from, name, dirs->to, name, 0) < 0)
		return errno == EEXIST || errno == EMLINK || errno == EPERM || errno == EACCES ||
		               errno == EXDEV || errno == EOPNOTSUPP || errno == ENOSYS
		           ? 0
		           : error_sys(e, "cannot link '%s'", buf_text(&c->path));
	/* by the name that is looked at from now on */
	if (fstatat(dirs->to, name, &now, AT_SYMLINK_NOFOLLOW) < 0)
		return error_sys(e, "cannot read '%s'", buf_text(&c->path));
	inode = inodes_add(c->shared, &now);
	if (inode->names == 1)
		inode->changed = st->st_ctim;
	return 1;
}

static int copy_dir(struct copier *c, struct pair *dirs, struct error *e);

/* What is in the folders @below, of which @dirs is the parent. */
static int
copy_below(struct copier *c, struct pair *dirs, struct pair *below, struct error *e)
{
	int result;

	if (++c->depth > WALK_OPEN_LEVELS) {
		fd_close_at(&dirs->from);
		fd_close_at(&dirs->to);
	}
	result = copy_dir(c, below, e);
	if (result == 0)
		result = walk_open_again(&dirs->from, below->from, e);
	if (result == 0)
		result = walk_open_again(&dirs->to, below->to, e);
	c->depth--;
	return result;
}

/* A folder over a folder keeps what is in it, unless it is opaque. */
static int
copy_folder(
    struct copier *c, struct pair *dirs, const char *name, const struct stat *st, struct error *e)
{
	struct pair below = { openat(dirs->from, name, WALK_OPEN_DIR), -1, dirs->is_whole };
	int result = 0;

	if (below.from < 0)
		return error_sys(e, "cannot open '%s'", buf_text(&c->path));
	if (metadata_has_mark(below.from, OVERLAY_PREFIX "opaque", 'y'))
		result = path_remove_tree(dirs->to, name, e);
	if (result == 0 && mkdirat(dirs->to, name, 0700) < 0 && errno != EEXIST)
		result = error_sys(e, "cannot make '%s'", buf_text(&c->path));
	if (result == 0) {
		below.to = openat(dirs->to, name, WALK_OPEN_DIR);
		if (below.to < 0)
			result = error_sys(e, "cannot open '%s'", buf_text(&c->path));
	}
	if (result == 0)
		result = copy_below(c, dirs, &below, e);
	if (result == 0)
		result = metadata_copy(below.from, below.to, st, buf_text(&c->path), e);
	fd_close_at(&below.from);
	fd_close_at(&below.to);
	return result;
}

static int
copy_entry(
    struct copier *c, struct pair *dirs, const char *name, bool has_whiteouts, struct error *e)
{
	struct stat st, old;
	char value;
	int linked;

	if (fstatat(dirs->from, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return error_sys(e, "cannot read '%s'", buf_text(&c->path));
	if (has_whiteouts && S_ISREG(st.st_mode) && st.st_size == 0) {
		autofd int fd = openat(dirs->from, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);

		if (fd >= 0 && fgetxattr(fd, OVERLAY_PREFIX "whiteout", &value, 1) >= 0)
			return path_remove_tree(dirs->to, name, e);
	}
	if (is_whiteout(&st))
		return path_remove_tree(dirs->to, name, e);
	/* mostly nothing has the name */
	linked = share(c, dirs, name, &st, e);
	if (linked != 0)
		return linked < 0 ? -1 : 0;
	if (fstatat(dirs->to, name, &old, AT_SYMLINK_NOFOLLOW) == 0 &&
	    !(S_ISDIR(st.st_mode) && S_ISDIR(old.st_mode)) &&
	    path_remove_tree(dirs->to, name, e) < 0)
		return -1;
	if (S_ISDIR(st.st_mode))
		return copy_folder(c, dirs, name, &st, e);
	linked = share(c, dirs, name, &st, e);
	if (linked == 0)
		linked = copy_link(c, dirs->to, name, &st, e);
	if (linked != 0)
		return linked < 0 ? -1 : 0;
	return S_ISREG(st.st_mode) ? copy_file(c, dirs->from, dirs->to, name, &st, e)
	                           : copy_special(c, dirs->from, dirs->to, name, &st, e);
}

/* The names that the upper has in the folder where the walk is. What is no folder there hides all in it. */
static int
read_wanted(const struct copier *c, struct map *wanted, bool *is_whole, struct error *e)
{
	const char *path = c->path.len > 0 ? buf_text(&c->path) : ".";
	auto(names) struct names names = { 0 };
	autofd int dir = path_try_open(c->like, path, O_RDONLY | O_DIRECTORY, 0, PATH_NO_SYMLINKS);

	if (dir < 0)
		return errno == ENOENT || errno == ENOTDIR || errno == ELOOP
		           ? 0
		           : error_sys(e, "cannot open '%s' of a snapshot", path);
	*is_whole = metadata_has_mark(dir, OVERLAY_PREFIX "opaque", 'y');
	if (!*is_whole && names_read(&names, dir, path, e) < 0)
		return -1;
	for (size_t i = 0; i < names.count; i++)
		(void)map_set(wanted, names_at(&names, i), wanted);
	return 0;
}

static int
copy_dir(struct copier *c, struct pair *dirs, struct error *e)
{
	auto(names) struct names names = { 0 };
	auto(map) struct map wanted = { 0 };
	bool has_whiteouts = metadata_has_mark(dirs->from, OVERLAY_PREFIX "opaque", 'x');
	size_t length = c->path.len;
	int result = names_read(&names, dirs->from, buf_text(&c->path), e);

	if (result == 0 && !dirs->is_whole)
		result = read_wanted(c, &wanted, &dirs->is_whole, e);
	for (size_t i = 0; i < names.count && result == 0; i++) {
		if (!dirs->is_whole && !map_has(&wanted, names_at(&names, i)))
			continue;
		walk_add_name(&c->path, names_at(&names, i));
		result = walk_check_path(&c->path, e);
		if (result == 0)
			result = copy_entry(c, dirs, names_at(&names, i), has_whiteouts, e);
		buf_truncate(&c->path, length);
	}
	return result;
}

/*
 * Do files keep their numbers for as long as they are there? On what a program serves (FUSE) or another machine, they need not; a file whose
 * number is not that in the table would be taken for one that may be changed.
 */
static bool
has_lasting_numbers(int dir)
{
	static const unsigned long known[] = { EXT4_SUPER_MAGIC, XFS_SUPER_MAGIC, BTRFS_SUPER_MAGIC,
		TMPFS_MAGIC, F2FS_SUPER_MAGIC, OVERLAYFS_SUPER_MAGIC, ZFS_SUPER_MAGIC,
		BCACHEFS_SUPER_MAGIC };
	struct statfs fs;

	if (fstatfs(dir, &fs) < 0)
		return false;
	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if ((unsigned long)fs.f_type == known[i])
			return true;
	return false;
}

static int
merge_layer(int lower, int dest, int like, struct inodes *shared, struct error *e)
{
	struct copier c = { .root = dest, .like = like, .shared = shared };
	struct pair dirs = { openat(lower, ".", WALK_OPEN_DIR), openat(dest, ".", WALK_OPEN_DIR),
		like < 0 };
	struct stat st;
	int result = -1;

	if (dirs.from < 0 || dirs.to < 0 || fstat(dirs.from, &st) < 0)
		error_sys(e, "cannot open a layer");
	else
		result = copy_dir(&c, &dirs, e);
	if (result == 0)
		result = metadata_copy(dirs.from, dest, &st, "/", e);
	fd_close_at(&dirs.from);
	fd_close_at(&dirs.to);
	map_release_with(&c.links, free);
	buf_release(&c.path);
	return result;
}

int
merge_layers(const int *lowers, size_t n_lowers, int dest, struct inodes *shared, struct error *e)
{
	if (shared && !has_lasting_numbers(dest))
		shared = NULL;
	for (size_t i = 0; i < n_lowers; i++)
		if (merge_layer(lowers[i], dest, -1, shared, e) < 0)
			return -1;
	return 0;
}

int
merge_layers_like(const int *lowers, size_t n_lowers, int dest, int like, struct error *e)
{
	auto(inodes) struct inodes unused = { 0 }; /* nobody changes what is there */
	struct inodes *shared = has_lasting_numbers(dest) ? &unused : NULL;

	for (size_t i = 0; i < n_lowers; i++)
		if (merge_layer(lowers[i], dest, like, shared, e) < 0)
			return -1;
	return 0;
}
