/* SPDX-License-Identifier: Apache-2.0 */
/*
 * collect - what has changed in a tree, as an overlay would have kept it.
 *
 * That is told by inode number and change time: every change of content or metadata moves the latter, and nobody can move it back. A file
 * that is shared with a layer is told by its number alone: nobody may change it, and names that other trees give it move its time.
 */
#include "builder/layer/collect.h"

#include "builder/layer/merge.h"
#include "builder/layer/metadata.h"
#include "builder/layer/names.h"
#include "builder/layer/walk.h"
#include "runtime/base/fd.h"
#include "runtime/base/filecopy.h"
#include "runtime/base/map.h"
#include "runtime/base/mem.h"
#include "runtime/base/path.h"
#include "runtime/base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

struct mark {
	ino_t ino;
	struct statx_timestamp born; /* zeros where the file system does not tell */
	struct timespec changed;
	mode_t mode;
	bool is_shared;
};

struct collect_state {
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
is_shared(const struct collect_state *s, const struct stat *st)
{
	return s->shared && merge_may_share(st->st_mode) && inodes_find(s->shared, st);
}

/* A walk over the tree. */
struct memory {
	struct collect_state *state;
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

	if (walk_check_path(&m->path, e) < 0)
		return -1;
	if (fstatat(*dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return error_sys(e, "cannot read '%s'", buf_text(&m->path));
	mark = xcalloc(1, sizeof(*mark));
	*mark = (struct mark){ .ino = st.st_ino, .changed = st.st_ctim, .mode = st.st_mode };
	mark->is_shared = is_shared(m->state, &st);
	(void)map_set(&m->state->marks, buf_text(&m->path), mark);
	if (!S_ISDIR(st.st_mode))
		return 0;
	child = openat(*dir, name, WALK_OPEN_DIR);
	if (child < 0)
		return error_sys(e, "cannot open '%s'", buf_text(&m->path));
	mark->born = born(child);
	if (++m->depth > WALK_OPEN_LEVELS)
		fd_close_at(dir);
	result = remember_dir(m, &child, e);
	m->depth--;
	return result < 0 ? -1 : walk_open_again(dir, child, e);
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
		walk_add_name(&m->path, name);
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

struct collect_state *
collect_remember(int tree, const struct inodes *shared, struct error *e)
{
	struct memory m = { .state = xcalloc(1, sizeof(*m.state)) };
	autofd int dir = openat(tree, ".", WALK_OPEN_DIR);
	int result;

	m.state->shared = shared;
	result = dir < 0 ? error_sys(e, "cannot open a tree") : remember_dir(&m, &dir, e);
	buf_release(&m.path);
	if (result == 0) {
		await_tick();
		return m.state;
	}
	collect_state_free(m.state);
	return NULL;
}

void
collect_state_free(struct collect_state *s)
{
	if (!s)
		return;
	map_release_with(&s->marks, free);
	free(s);
}

struct collector {
	const struct collect_state *state;
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

	t->fd = path_open(c->upper, path, WALK_OPEN_DIR, 0, PATH_NO_SYMLINKS, e);
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
	t->fd = openat(t->above->fd, t->name, WALK_OPEN_DIR);
	if (t->depth > WALK_OPEN_LEVELS)
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
	return metadata_copy(t->from, t->fd, &t->st, t->name, e);
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

	child.from = openat(t->from, name, WALK_OPEN_DIR);
	if (child.from < 0)
		return error_sys(e, "cannot open '%s'", buf_text(&c->path));
	/* another folder of that name hides the one that was there */
	child.is_opaque = S_ISDIR(mark->mode) && !is_same_folder(mark, child.from, st);
	result = is_same(mark, st) ? 0 : make_target(c, &child, e);
	if (child.depth > WALK_OPEN_LEVELS) {
		fd_close_at(&t->from);
		fd_close_at(&t->fd);
	}
	if (result == 0)
		result = collect_dir(c, &child, e);
	if (result == 0)
		result = finish_target(c, &child, e);
	if (result == 0)
		result = walk_open_again(&t->from, child.from, e);
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

	if (walk_check_path(&c->path, e) < 0)
		return -1;
	if (fstatat(*dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return error_sys(e, "cannot read '%s'", buf_text(&c->path));
	if (is_shared(c->state, &st))
		return own_file(c, *dir, name, &st, e);
	if (!S_ISDIR(st.st_mode))
		return 0;
	child = openat(*dir, name, WALK_OPEN_DIR);
	if (child < 0)
		return error_sys(e, "cannot open '%s'", buf_text(&c->path));
	if (depth > WALK_OPEN_LEVELS)
		fd_close_at(dir);
	return own_folder(c, &child, depth + 1, e) < 0 ? -1 : walk_open_again(dir, child, e);
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
		walk_add_name(&c->path, names_at(&names, i));
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
		walk_add_name(&c->path, names_at(&names, i));
		result = walk_check_path(&c->path, e);
		if (result == 0)
			result = collect_entry(c, t, names_at(&names, i), e);
		buf_truncate(&c->path, length);
	}
	if (result == 0 && !t->is_opaque)
		result = collect_removed(c, t, e);
	return result;
}

int
collect_changes(const struct collect_state *state, int tree, int upper, struct error *e)
{
	struct collector c = { .state = state, .upper = upper };
	struct target root = { .name = "/", .is_made = true };
	int result = -1;

	root.from = openat(tree, ".", WALK_OPEN_DIR);
	root.fd = openat(upper, ".", WALK_OPEN_DIR);
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
