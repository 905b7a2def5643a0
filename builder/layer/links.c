/* SPDX-License-Identifier: Apache-2.0 */
/*
 * links - which files have several names in one tree.
 */
#include "builder/layer/links.h"

#include "builder/layer/names.h"
#include "runtime/base/fd.h"
#include "runtime/base/mem.h"

#include <fcntl.h>
#include <unistd.h>

#define OPEN_DIR (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
/* Folders above this depth keep their descriptors; deeper ones get them back through "..". */
#define OPEN_LEVELS 16

/* By number alone: a mount of an overlay has devices of its own for files of one file system. */
static struct stat
by_number(const struct stat *st)
{
	return (struct stat){ .st_ino = st->st_ino, .st_ctim = st->st_ctim };
}

static int count_folder(int *dir, unsigned depth, struct inodes *found, struct error *e);

static int
count_entry(int *dir, const char *name, unsigned depth, struct inodes *found, struct error *e)
{
	autofd int child = -1;
	struct stat st;

	if (fstatat(*dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return error_sys(e, "cannot read '%s'", name);
	if (!S_ISDIR(st.st_mode)) {
		struct stat key = by_number(&st);

		if (st.st_nlink > 1)
			(void)inodes_add(found, &key);
		return 0;
	}
	child = openat(*dir, name, OPEN_DIR);
	if (child < 0)
		return error_sys(e, "cannot open '%s'", name);
	if (depth > OPEN_LEVELS)
		fd_close_at(dir);
	if (count_folder(&child, depth + 1, found, e) < 0)
		return -1;
	if (*dir < 0)
		*dir = openat(child, "..", OPEN_DIR);
	return *dir < 0 ? error_sys(e, "cannot go back to a parent directory") : 0;
}

static int
count_folder(int *dir, unsigned depth, struct inodes *found, struct error *e)
{
	auto(names) struct names names = { 0 };
	int result = names_read(&names, *dir, "a snapshot", e);

	for (size_t i = 0; i < names.count && result == 0; i++)
		result = count_entry(dir, names_at(&names, i), depth, found, e);
	return result;
}

int
links_count(int dir, struct inodes *found, struct error *e)
{
	autofd int top = openat(dir, ".", OPEN_DIR);

	if (top < 0)
		return error_sys(e, "cannot open a snapshot");
	return count_folder(&top, 0, found, e);
}

uint64_t
links_of(const struct inodes *found, const struct stat *st)
{
	struct stat key = by_number(st);
	const struct inode *inode = inodes_find(found, &key);

	return inode ? inode->names : 0;
}
