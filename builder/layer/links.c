/* SPDX-License-Identifier: Apache-2.0 */
/*
 * links - which files have several names in one tree.
 */
#include "builder/layer/links.h"

#include "builder/layer/names.h"
#include "builder/layer/walk.h"
#include "runtime/base/fd.h"
#include "runtime/base/filecopy.h"
#include "runtime/base/mem.h"

#include <fcntl.h>
#include <unistd.h>

/* By number alone: a mount of an overlay has devices of its own for files of one file system. */
static struct stat
by_number(const struct stat *st)
{
	return (struct stat){ .st_ino = st->st_ino, .st_ctim = st->st_ctim };
}

/* What is done with each entry that is no folder. */
typedef int entry_fn(int dir, const char *name, const struct stat *st, void *arg, struct error *e);

struct visit {
	entry_fn *fn;
	void *arg;
};

static int visit_folder(int *dir, unsigned depth, const struct visit *v, struct error *e);

static int
visit_entry(int *dir, const char *name, unsigned depth, const struct visit *v, struct error *e)
{
	autofd int child = -1;
	struct stat st;

	if (fstatat(*dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return error_sys(e, "cannot read '%s'", name);
	if (!S_ISDIR(st.st_mode))
		return st.st_nlink > 1 ? v->fn(*dir, name, &st, v->arg, e) : 0;
	child = openat(*dir, name, WALK_OPEN_DIR);
	if (child < 0)
		return error_sys(e, "cannot open '%s'", name);
	if (depth > WALK_OPEN_LEVELS)
		fd_close_at(dir);
	if (visit_folder(&child, depth + 1, v, e) < 0)
		return -1;
	return walk_open_again(dir, child, e);
}

static int
visit_folder(int *dir, unsigned depth, const struct visit *v, struct error *e)
{
	auto(names) struct names names = { 0 };
	int result = names_read(&names, *dir, "a snapshot", e);

	for (size_t i = 0; i < names.count && result == 0; i++)
		result = visit_entry(dir, names_at(&names, i), depth, v, e);
	return result;
}

/* Visits what has several names anywhere. */
static int
visit_all(int dir, const struct visit *v, struct error *e)
{
	autofd int top = openat(dir, ".", WALK_OPEN_DIR);

	if (top < 0)
		return error_sys(e, "cannot open a snapshot");
	return visit_folder(&top, 0, v, e);
}

static int
count(int dir, const char *name, const struct stat *st, void *arg, struct error *e)
{
	struct stat key = by_number(st);

	(void)dir;
	(void)name;
	(void)e;
	(void)inodes_add(arg, &key);
	return 0;
}

int
links_count(int dir, struct inodes *found, struct error *e)
{
	return visit_all(dir, &(struct visit){ count, found }, e);
}

uint64_t
links_of(const struct inodes *found, const struct stat *st)
{
	struct stat key = by_number(st);
	const struct inode *inode = inodes_find(found, &key);

	return inode ? inode->names : 0;
}

static int
copy_file(int dir, const char *name, const struct stat *st, struct error *e)
{
	autofd int from = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	autofd int copy = -1;
	char temporary[FILECOPY_NAME];

	if (from < 0)
		return error_sys(e, "cannot open '%s'", name);
	copy = filecopy_make(dir, from, st, temporary, e);
	return copy < 0 ? -1 : filecopy_place(dir, copy, temporary, name, e);
}

static int
break_one(int dir, const char *name, const struct stat *st, void *arg, struct error *e)
{
	if (st->st_nlink <= links_of(arg, st))
		return 0;
	if (S_ISREG(st->st_mode))
		return copy_file(dir, name, st, e);
	if (S_ISLNK(st->st_mode))
		return filecopy_link(dir, name, st, e);
	return unlinkat(dir, name, 0) < 0 ? error_sys(e, "cannot remove '%s'", name) : 0;
}

int
links_break(int dir, const struct inodes *found, struct error *e)
{
	return visit_all(dir, &(struct visit){ break_one, (void *)(uintptr_t)found }, e);
}
