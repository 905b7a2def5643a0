/* SPDX-License-Identifier: Apache-2.0 */
/*
 * merge - file trees from stacked directories by copying, where nothing can be stacked by the kernel.
 *
 * What has changed is told by inode number and change time: every change of content or metadata moves the latter, and nobody can
 * move it back. A file that is shared with a layer is told by its number alone: nobody may change it, and names that other trees give it
 * move its time.
 */
#include "builder/layer/merge.h"

#include "builder/layer/names.h"
#include "runtime/base/fd.h"
#include "runtime/base/filecopy.h"
#include "runtime/base/map.h"
#include "runtime/base/mem.h"
#include "runtime/base/path.h"
#include "runtime/base/strv.h"
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
#include <time.h>
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

#define OVERLAY_PREFIX "user.overlay."
#define OVERLAY_ESCAPED "user.overlay.overlay."
#define OPEN_DIR (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
/* Folders above this depth keep their descriptors; deeper ones get them back when what is below is done. */
#define OPEN_LEVELS 16

/* Bounds the depth, too. */
static int
check_path(const struct buf *path, struct error *e)
{
	if (path->len < PATH_MAX)
		return 0;
	return error_set(e, ERR_INPUT, "'%.60s...' is longer than a path can be", buf_text(path));
}

/* Opens the folder again that @below is in. */
static int
open_again(int *dir, int below, struct error *e)
{
	if (*dir >= 0)
		return 0;
	*dir = openat(below, "..", OPEN_DIR);
	return *dir < 0 ? error_sys(e, "cannot go back to a parent directory") : 0;
}

static void
add_child(struct buf *path, const char *name)
{
	if (path->len > 0)
		buf_add_char(path, '/');
	buf_add_text(path, name);
}

/* ---- copying one layer ---- */

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

static bool
has_mark(int fd, const char *name, char value)
{
	char got[2];

	return fgetxattr(fd, name, got, sizeof(got)) == 1 && got[0] == value;
}

/* All attributes but the overlay's own, whose escaped ones lose a level. */
static int
copy_xattrs(int from, int to, const char *path, struct error *e)
{
	autofree char *names = xmalloc(XATTR_LIST_MAX);
	autofree char *value = xmalloc(XATTR_SIZE_MAX);
	ssize_t length = flistxattr(from, names, XATTR_LIST_MAX);

	if (length < 0)
		return errno == ENOTSUP ? 0 : error_sys(e, "cannot list attributes of '%s'", path);
	for (const char *name = names; name < names + length; name += strlen(name) + 1) {
		autofree char *kept = NULL;
		ssize_t size;

		if (text_starts_with(name, OVERLAY_PREFIX) &&
		    !text_starts_with(name, OVERLAY_ESCAPED))
			continue;
		if (text_starts_with(name, OVERLAY_ESCAPED))
			kept = xasprintf("%s%s", OVERLAY_PREFIX, name + strlen(OVERLAY_ESCAPED));
		if (text_starts_with(name, "security.") && strcmp(name, "security.capability") != 0)
			continue;
		size = fgetxattr(from, name, value, XATTR_SIZE_MAX);
		if (size < 0 || fsetxattr(to, kept ? kept : name, value, (size_t)size, 0) < 0)
			return error_sys(e, "cannot copy attribute '%s' of '%s'", name, path);
	}
	return 0;
}

/* Owner before mode, which chown(2) clears set-id bits of; attributes behind both. */
static int
copy_metadata(int from, int to, const struct stat *st, const char *path, struct error *e)
{
	struct timespec times[2] = { st->st_atim, st->st_mtim };

	if (fchown(to, st->st_uid, st->st_gid) < 0 || fchmod(to, st->st_mode & 07777) < 0)
		return error_sys(e, "cannot set owner and mode of '%s'", path);
	if (copy_xattrs(from, to, path, e) < 0)
		return -1;
	return futimens(to, times) < 0 ? error_sys(e, "cannot set the times of '%s'", path) : 0;
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
	return copy_metadata(from, to, st, path, e);
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

/* FIFOs and sockets are what those who open them have in common. */
static bool
can_be_shared(mode_t mode)
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

	if (!c->shared || !can_be_shared(st->st_mode) ||
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

	if (++c->depth > OPEN_LEVELS) {
		fd_close_at(&dirs->from);
		fd_close_at(&dirs->to);
	}
	result = copy_dir(c, below, e);
	if (result == 0)
		result = open_again(&dirs->from, below->from, e);
	if (result == 0)
		result = open_again(&dirs->to, below->to, e);
	c->depth--;
	return result;
}

/* A folder over a folder keeps what is in it, unless it is opaque. */
static int
copy_folder(
    struct copier *c, struct pair *dirs, const char *name, const struct stat *st, struct error *e)
{
	struct pair below = { openat(dirs->from, name, OPEN_DIR), -1, dirs->is_whole };
	int result = 0;

	if (below.from < 0)
		return error_sys(e, "cannot open '%s'", buf_text(&c->path));
	if (has_mark(below.from, OVERLAY_PREFIX "opaque", 'y'))
		result = path_remove_tree(dirs->to, name, e);
	if (result == 0 && mkdirat(dirs->to, name, 0700) < 0 && errno != EEXIST)
		result = error_sys(e, "cannot make '%s'", buf_text(&c->path));
	if (result == 0) {
		below.to = openat(dirs->to, name, OPEN_DIR);
		if (below.to < 0)
			result = error_sys(e, "cannot open '%s'", buf_text(&c->path));
	}
	if (result == 0)
		result = copy_below(c, dirs, &below, e);
	if (result == 0)
		result = copy_metadata(below.from, below.to, st, buf_text(&c->path), e);
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
	*is_whole = has_mark(dir, OVERLAY_PREFIX "opaque", 'y');
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
	bool has_whiteouts = has_mark(dirs->from, OVERLAY_PREFIX "opaque", 'x');
	size_t length = c->path.len;
	int result = names_read(&names, dirs->from, buf_text(&c->path), e);

	if (result == 0 && !dirs->is_whole)
		result = read_wanted(c, &wanted, &dirs->is_whole, e);
	for (size_t i = 0; i < names.count && result == 0; i++) {
		if (!dirs->is_whole && !map_has(&wanted, names_at(&names, i)))
			continue;
		add_child(&c->path, names_at(&names, i));
		result = check_path(&c->path, e);
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
	struct pair dirs = { openat(lower, ".", OPEN_DIR), openat(dest, ".", OPEN_DIR), like < 0 };
	struct stat st;
	int result = -1;

	if (dirs.from < 0 || dirs.to < 0 || fstat(dirs.from, &st) < 0)
		error_sys(e, "cannot open a layer");
	else
		result = copy_dir(&c, &dirs, e);
	if (result == 0)
		result = copy_metadata(dirs.from, dest, &st, "/", e);
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

/* ---- what has changed ---- */

struct mark {
	ino_t ino;
	struct statx_timestamp born; /* zeros where the file system does not tell */
	struct timespec changed;
	mode_t mode;
	bool is_shared;
};

struct merge_state {
	const struct inodes *shared; /* NULL: nothing is */
	struct map
	    marks; /* path -> struct mark; a folder's path ends in '/' once more, with its names, a line each */
};

/* When the folder was made: its inode number may have been another one's before. */
static struct statx_timestamp
born(int dir)
{
	struct statx x;

	if (statx(dir, "", AT_EMPTY_PATH, STATX_BTIME, &x) < 0 || !(x.stx_mask & STATX_BTIME))
		return (struct statx_timestamp){ 0 };
	return x.stx_btime;
}

/*
 * Waits until what changes from here on gets another change time than what is there: before Linux 6.13 that moves once a tick of the
 * clock.
 */
static void
await_tick(void)
{
	struct timespec start, now, pause = { .tv_nsec = 500000 };

	(void)clock_gettime(CLOCK_REALTIME_COARSE, &start); /* cannot fail */
	do {
		(void)nanosleep(&pause, NULL); /* again, when it was too short */
		(void)clock_gettime(CLOCK_REALTIME_COARSE, &now);
	} while (now.tv_sec == start.tv_sec && now.tv_nsec == start.tv_nsec);
}

static bool
is_shared(const struct merge_state *s, const struct stat *st)
{
	return s->shared && can_be_shared(st->st_mode) && inodes_find(s->shared, st);
}

/* A walk over the tree. */
struct memory {
	struct merge_state *state;
	struct buf path;
	unsigned depth;
};

static int remember_dir(struct memory *m, int *dir, struct error *e);

static int
remember_entry(struct memory *m, int *dir, const char *name, struct error *e)
{
	struct mark *mark;
	struct stat st;
	autofd int child = -1;
	int result;

	if (check_path(&m->path, e) < 0)
		return -1;
	if (fstatat(*dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return error_sys(e, "cannot read '%s'", buf_text(&m->path));
	mark = xcalloc(1, sizeof(*mark));
	*mark = (struct mark){ .ino = st.st_ino, .changed = st.st_ctim, .mode = st.st_mode };
	mark->is_shared = is_shared(m->state, &st);
	(void)map_set(&m->state->marks, buf_text(&m->path), mark);
	if (!S_ISDIR(st.st_mode))
		return 0;
	child = openat(*dir, name, OPEN_DIR);
	if (child < 0)
		return error_sys(e, "cannot open '%s'", buf_text(&m->path));
	mark->born = born(child);
	if (++m->depth > OPEN_LEVELS)
		fd_close_at(dir);
	result = remember_dir(m, &child, e);
	m->depth--;
	return result < 0 ? -1 : open_again(dir, child, e);
}

static int
remember_dir(struct memory *m, int *dir, struct error *e)
{
	auto(names) struct names names = { 0 };
	auto(buf) struct buf list = { 0 };
	size_t length = m->path.len;

	if (names_read(&names, *dir, buf_text(&m->path), e) < 0)
		return -1;
	for (size_t i = 0; i < names.count; i++) {
		const char *name = names_at(&names, i);

		buf_add(&list, name, strlen(name) + 1);
		add_child(&m->path, name);
		if (remember_entry(m, dir, name, e) < 0)
			return -1;
		buf_truncate(&m->path, length);
	}
	buf_add_char(&m->path, '/');
	buf_add_char(&list, '\0');
	(void)map_set(&m->state->marks, buf_text(&m->path), buf_steal(&list));
	buf_truncate(&m->path, length);
	return 0;
}

struct merge_state *
merge_remember(int tree, const struct inodes *shared, struct error *e)
{
	struct memory m = { .state = xcalloc(1, sizeof(*m.state)) };
	autofd int dir = openat(tree, ".", OPEN_DIR);
	int result;

	m.state->shared = shared;
	result = dir < 0 ? error_sys(e, "cannot open a tree") : remember_dir(&m, &dir, e);
	buf_release(&m.path);
	if (result == 0) {
		await_tick();
		return m.state;
	}
	merge_state_free(m.state);
	return NULL;
}

void
merge_state_free(struct merge_state *s)
{
	if (!s)
		return;
	map_release_with(&s->marks, free);
	free(s);
}

struct collector {
	const struct merge_state *state;
	int upper;
	struct buf path;
	struct map owned; /* inode number of what was shared -> path in @upper of its copy */
};

static bool
is_same(const struct mark *mark, const struct stat *st)
{
	if (!mark || mark->ino != st->st_ino)
		return false;
	return mark->is_shared || (mark->changed.tv_sec == st->st_ctim.tv_sec &&
				      mark->changed.tv_nsec == st->st_ctim.tv_nsec);
}

static bool
is_same_folder(const struct mark *mark, int dir, const struct stat *st)
{
	struct statx_timestamp now = born(dir);

	return mark->ino == st->st_ino && mark->born.tv_sec == now.tv_sec &&
	       mark->born.tv_nsec == now.tv_nsec;
}

/* A folder of the upper, made when something is put into it. */
struct target {
	struct target *above;
	const char *name;
	size_t path_length; /* of its path, with which the collector's begins */
	unsigned depth;
	int from; /* the folder in the tree; -1: closed for a while */
	struct stat st;
	int fd; /* -1: not made yet, or closed for a while */
	bool is_made;
	bool is_opaque;
	bool
	    has_whiteouts; /* that are files with an attribute, for which the folder is marked, too */
};

static int
open_target(const struct collector *c, struct target *t, struct error *e)
{
	autofree char *path = xstrndup(buf_text(&c->path), t->path_length);

	t->fd = path_open(c->upper, path, OPEN_DIR, 0, PATH_NO_SYMLINKS, e);
	return t->fd < 0 ? -1 : 0;
}

static int
make_target(const struct collector *c, struct target *t, struct error *e)
{
	if (t->fd >= 0)
		return 0;
	if (t->is_made)
		return open_target(c, t, e);
	if (make_target(c, t->above, e) < 0)
		return -1;
	if (mkdirat(t->above->fd, t->name, 0700) < 0)
		return error_sys(e, "cannot make folder '%s' of a snapshot", t->name);
	t->is_made = true;
	t->fd = openat(t->above->fd, t->name, OPEN_DIR);
	if (t->depth > OPEN_LEVELS)
		fd_close_at(&t->above->fd);
	return t->fd < 0 ? error_sys(e, "cannot open folder '%s' of a snapshot", t->name) : 0;
}

static int
finish_target(const struct collector *c, struct target *t, struct error *e)
{
	if (!t->is_made)
		return 0;
	if (make_target(c, t, e) < 0)
		return -1;
	if ((t->is_opaque || t->has_whiteouts) &&
	    fsetxattr(t->fd, OVERLAY_PREFIX "opaque", t->is_opaque ? "y" : "x", 1, 0) < 0)
		return error_sys(e, "cannot mark an opaque folder");
	return copy_metadata(t->from, t->fd, &t->st, t->name, e);
}

/* On an overlay, such as the files of a container, nobody may make the device; an empty file with a mark is as good. */
static int
make_whiteout(struct target *t, const char *name, struct error *e)
{
	autofd int fd = -1;

	if (mknodat(t->fd, name, S_IFCHR, makedev(0, 0)) == 0)
		return 0;
	if (errno == EPERM)
		fd = openat(t->fd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0);
	if (fd < 0 || fsetxattr(fd, OVERLAY_PREFIX "whiteout", "", 0, 0) < 0)
		return error_sys(e, "cannot make a whiteout for '%s'", name);
	t->has_whiteouts = true;
	return 0;
}

static int
collect_removed(struct collector *c, struct target *t, struct error *e)
{
	const char *name;
	struct stat st;

	buf_add_char(&c->path, '/');
	name = map_get(&c->state->marks, buf_text(&c->path));
	buf_truncate(&c->path, c->path.len - 1);
	if (t->is_made && make_target(c, t, e) < 0)
		return -1;
	for (; name && *name; name += strlen(name) + 1) {
		if (fstatat(t->from, name, &st, AT_SYMLINK_NOFOLLOW) == 0)
			continue;
		/* what was moved to the upper is there; what is in neither is gone */
		if (t->fd >= 0 && fstatat(t->fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0)
			continue;
		if (make_target(c, t, e) < 0)
			return -1;
		if (make_whiteout(t, name, e) < 0)
			return -1;
	}
	return 0;
}

static int collect_dir(struct collector *c, struct target *t, struct error *e);

static int
collect_folder(struct collector *c, struct target *t, const char *name, const struct stat *st,
    const struct mark *mark, struct error *e)
{
	struct target child = { .above = t,
		.name = name,
		.path_length = c->path.len,
		.depth = t->depth + 1,
		.st = *st,
		.fd = -1 };
	int result;

	child.from = openat(t->from, name, OPEN_DIR);
	if (child.from < 0)
		return error_sys(e, "cannot open '%s'", buf_text(&c->path));
	/* another folder of that name hides the one that was there */
	child.is_opaque = S_ISDIR(mark->mode) && !is_same_folder(mark, child.from, st);
	result = is_same(mark, st) ? 0 : make_target(c, &child, e);
	if (child.depth > OPEN_LEVELS) {
		fd_close_at(&t->from);
		fd_close_at(&t->fd);
	}
	if (result == 0)
		result = collect_dir(c, &child, e);
	if (result == 0)
		result = finish_target(c, &child, e);
	if (result == 0)
		result = open_again(&t->from, child.from, e);
	fd_close_at(&child.from);
	fd_close_at(&child.fd);
	return result;
}

static int
own_copy(struct collector *c, int dir, const char *name, const struct stat *st, struct error *e)
{
	char temporary[FILECOPY_NAME];
	autofd int from = -1, fd = -1;

	if (S_ISLNK(st->st_mode))
		return filecopy_link(dir, name, st, e) < 0
		           ? error_ctx(e, "'%s'", buf_text(&c->path))
		           : 0;
	from = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (from < 0)
		return error_sys(e, "cannot open '%s'", buf_text(&c->path));
	fd = filecopy_make(dir, from, st, temporary, e);
	if (fd < 0 || filecopy_place(dir, fd, temporary, name, e) < 0)
		return error_ctx(e, "'%s'", buf_text(&c->path));
	return 0;
}

/*
 * A file of a layer that was renamed: the snapshot gets one of its own, so that no two snapshots have a file in common. What was one file
 * under several names, and was renamed in one folder, is that again.
 */
static int
own_file(struct collector *c, int dir, const char *name, const struct stat *st, struct error *e)
{
	char key[40];
	const char *first;

	(void)snprintf(key, sizeof(key), "%llx", (unsigned long long)st->st_ino);
	first = map_get(&c->owned, key);
	if (first && unlinkat(dir, name, 0) == 0 && linkat(c->upper, first, dir, name, 0) == 0)
		return 0;
	if (first)
		return error_sys(e, "cannot link '%s'", buf_text(&c->path));
	(void)map_set(&c->owned, key, xstrdup(buf_text(&c->path)));
	return own_copy(c, dir, name, st, e);
}

static int own_folder(struct collector *c, int *dir, unsigned depth, struct error *e);

/* @name in the folder *@dir of the upper, where it has just come. */
static int
own_entry(struct collector *c, int *dir, const char *name, unsigned depth, struct error *e)
{
	autofd int child = -1;
	struct stat st;

	if (check_path(&c->path, e) < 0)
		return -1;
	if (fstatat(*dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return error_sys(e, "cannot read '%s'", buf_text(&c->path));
	if (is_shared(c->state, &st))
		return own_file(c, *dir, name, &st, e);
	if (!S_ISDIR(st.st_mode))
		return 0;
	child = openat(*dir, name, OPEN_DIR);
	if (child < 0)
		return error_sys(e, "cannot open '%s'", buf_text(&c->path));
	if (depth > OPEN_LEVELS)
		fd_close_at(dir);
	return own_folder(c, &child, depth + 1, e) < 0 ? -1 : open_again(dir, child, e);
}

static int
own_folder(struct collector *c, int *dir, unsigned depth, struct error *e)
{
	auto(names) struct names names = { 0 };
	size_t length = c->path.len;
	struct timespec times[2];
	struct stat st;
	int result = names_read(&names, *dir, buf_text(&c->path), e);

	if (result == 0 && fstat(*dir, &st) < 0)
		result = error_sys(e, "cannot look at '%s'", buf_text(&c->path));
	for (size_t i = 0; i < names.count && result == 0; i++) {
		add_child(&c->path, names_at(&names, i));
		result = own_entry(c, dir, names_at(&names, i), depth, e);
		buf_truncate(&c->path, length);
	}
	if (result < 0)
		return -1;
	times[0] = st.st_atim;
	times[1] = st.st_mtim;
	if (futimens(*dir, times) < 0)
		return error_sys(e, "cannot set the times of '%s'", buf_text(&c->path));
	return 0;
}

static int
collect_entry(struct collector *c, struct target *t, const char *name, struct error *e)
{
	/* what is in another folder than that of before is new, and hidden where it was */
	const struct mark *mark =
	    t->is_opaque ? NULL : map_get(&c->state->marks, buf_text(&c->path));
	struct stat st;

	if (fstatat(t->from, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return error_sys(e, "cannot read '%s'", buf_text(&c->path));
	if (S_ISDIR(st.st_mode) && mark)
		return collect_folder(c, t, name, &st, mark, e);
	if (is_same(mark, &st))
		return 0;
	if (make_target(c, t, e) < 0)
		return -1;
	if (renameat(t->from, name, t->fd, name) < 0)
		return error_sys(e, "cannot keep '%s'", buf_text(&c->path));
	return c->state->shared ? own_entry(c, &t->fd, name, t->depth, e) : 0;
}

static int
collect_dir(struct collector *c, struct target *t, struct error *e)
{
	auto(names) struct names names = { 0 };
	size_t length = c->path.len;
	int result = names_read(&names, t->from, buf_text(&c->path), e);

	for (size_t i = 0; i < names.count && result == 0; i++) {
		add_child(&c->path, names_at(&names, i));
		result = check_path(&c->path, e);
		if (result == 0)
			result = collect_entry(c, t, names_at(&names, i), e);
		buf_truncate(&c->path, length);
	}
	if (result == 0 && !t->is_opaque)
		result = collect_removed(c, t, e);
	return result;
}

int
merge_collect(const struct merge_state *state, int tree, int upper, struct error *e)
{
	struct collector c = { .state = state, .upper = upper };
	struct target root = { .name = "/", .is_made = true };
	int result = -1;

	root.from = openat(tree, ".", OPEN_DIR);
	root.fd = openat(upper, ".", OPEN_DIR);
	if (root.from < 0 || root.fd < 0 || fstat(root.from, &root.st) < 0)
		error_sys(e, "cannot open a tree");
	else if (collect_dir(&c, &root, e) == 0)
		result = finish_target(&c, &root, e);
	fd_close_at(&root.from);
	fd_close_at(&root.fd);
	map_release_with(&c.owned, free);
	buf_release(&c.path);
	return result;
}
