/* SPDX-License-Identifier: Apache-2.0 */
/*
 * traverse - every path below a directory, with its metadata, without following a link.
 *
 * Directories that were seen and not yet read wait on a stack of paths: no recursion, no descriptor
 * a level.
 */
#include "builder/context/traverse.h"

#include "runtime/base/buf.h"
#include "runtime/base/fd.h"
#include "runtime/base/mem.h"
#include "runtime/base/path.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <unistd.h>

/*
 * Paths are opened in pieces of at most this many bytes: PATH_MAX counts the NUL, and some room is
 * kept.
 */
#define PIECE_MAX (PATH_MAX - 96)

struct pending {
	char *path;
	uint32_t token;
};

struct walker {
	const struct traverse *traverse;
	struct pending *stack;
	size_t depth;
	size_t room;
	struct traverse_names names;
	struct buf path; /* of the entry that is looked at */
};

/* The length of the first piece of @path, which ends before a '/'. */
static size_t
piece_length(const char *path)
{
	size_t end = PIECE_MAX;

	while (end > 0 && path[end] != '/')
		end--;
	return end;
}

int
traverse_open(int root, const char *path, int flags)
{
	autofd int at = -1;

	while (strlen(path) > PIECE_MAX) {
		size_t length = piece_length(path);
		autofree char *piece = xstrndup(path, length);
		int next = path_try_open(at < 0 ? root : at, piece,
		    O_PATH | O_DIRECTORY | O_NOFOLLOW, 0, PATH_NO_SYMLINKS);

		if (next < 0)
			return -1;
		if (at >= 0)
			(void)close(at); /* only a place in the tree */
		at = next;
		path += length + 1;
	}
	return path_try_open(at < 0 ? root : at, path, flags | O_NOFOLLOW, 0, PATH_NO_SYMLINKS);
}

void
traverse_names_release(struct traverse_names *names)
{
	free(names->text);
	free(names->items);
	*names = (struct traverse_names){ 0 };
}

static int
compare_names(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void
names_sort(struct traverse_names *names)
{
	const char *at = names->text;
	bool sorted = true;

	xgrow(&names->items, names->count, &names->items_room, sizeof(*names->items));
	for (size_t i = 0; i < names->count; i++) {
		names->items[i] = at;
		at += strlen(at) + 1;
		if (i > 0 && strcmp(names->items[i - 1], names->items[i]) > 0)
			sorted = false;
	}
	if (!sorted)
		qsort(names->items, names->count, sizeof(*names->items), compare_names);
}

static void
names_add(struct traverse_names *names, const char *name)
{
	size_t length = strlen(name) + 1;

	xgrow(&names->text, names->length + length, &names->room, 1);
	memcpy(names->text + names->length, name, length);
	names->length += length;
	names->count++;
}

int
traverse_names_read(struct traverse_names *names, int dir, struct error *e)
{
	_Alignas(struct dirent64) char entries[1 << 15];
	ssize_t got;

	names->length = 0;
	names->count = 0;
	while ((got = getdents64(dir, entries, sizeof(entries))) > 0) {
		for (ssize_t at = 0; at < got;) {
			const struct dirent64 *entry = (const void *)(entries + at);
			const char *name = entry->d_name;

			at += entry->d_reclen;
			if (strcmp(name, ".") != 0 && strcmp(name, "..") != 0)
				names_add(names, name);
		}
	}
	if (got < 0)
		return error_sys(e, "cannot read directory");
	names_sort(names);
	return 0;
}

static void
walker_push(struct walker *w, const char *path, uint32_t token)
{
	xgrow(&w->stack, w->depth, &w->room, sizeof(*w->stack));
	w->stack[w->depth++] = (struct pending){ .path = xstrdup(path), .token = token };
}

static void
walker_release(struct walker *w)
{
	for (size_t i = 0; i < w->depth; i++)
		free(w->stack[i].path);
	free(w->stack);
	traverse_names_release(&w->names);
	buf_release(&w->path);
}

enum selection {
	LEFT_OUT,
	WALKED, /* only for what may be below it */
	TAKEN,
};

/* Is @path, which @patterns leave out, to be walked all the same? */
static enum selection
select_by(const struct ignore *patterns, const char *path)
{
	if (!patterns || !ignore_match(patterns, path, false))
		return TAKEN;
	return patterns->has_negation && ignore_may_reinclude_below(patterns, path) ? WALKED
	                                                                            : LEFT_OUT;
}

static enum selection
select_path(const struct traverse *t, const char *path)
{
	const char *relative = strcmp(t->start, ".") == 0 ? path : path + strlen(t->start) + 1;
	enum selection now = select_by(t->ignore, path);
	enum selection also = now == LEFT_OUT ? LEFT_OUT : select_by(t->exclude, relative);

	if (also < now)
		now = also;
	if (now == LEFT_OUT || !t->include || ignore_match(t->include, relative, false))
		return now;
	return ignore_may_match_below(t->include, relative) ? WALKED : LEFT_OUT;
}

/* Looks at one name. Returns 0 or -1. */
static int
walker_entry(
    struct walker *w, int dir, size_t prefix, const char *name, uint32_t parent, struct error *e)
{
	enum selection selection;
	struct stat st;
	struct traverse_item item = {
		.name = name, .name_length = strlen(name), .parent = parent, .dir = dir, .stat = &st
	};
	uint32_t token = 0;
	int enter;

	buf_truncate(&w->path, prefix);
	buf_add(&w->path, name, item.name_length);
	selection = select_path(w->traverse, buf_text(&w->path));
	if (selection == LEFT_OUT)
		return 0;
	item.excluded = selection == WALKED;
	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT) < 0) {
		if (errno == ENOENT)
			return 0; /* removed since the directory was read */
		return error_sys(e, "cannot look at '%s'", buf_text(&w->path));
	}
	if (item.excluded && !S_ISDIR(st.st_mode))
		return 0;
	enter = w->traverse->visit(w->traverse->arg, &item, &token, e);
	if (enter < 0)
		return error_ctx(e, "'%s'", buf_text(&w->path));
	if (enter > 0 && S_ISDIR(st.st_mode))
		walker_push(w, buf_text(&w->path), token);
	return 0;
}

/* Reads directory @path and looks at all that is in it. */
static int
walker_directory(struct walker *w, const char *path, uint32_t token, bool is_start, struct error *e)
{
	size_t prefix, first = w->depth;
	autofd int dir = traverse_open(w->traverse->root, path, O_RDONLY | O_DIRECTORY);

	if (dir < 0) {
		if (errno == ENOENT && !is_start)
			return 0;
		return error_sys(e, "cannot open directory '%s'", path);
	}
	if (traverse_names_read(&w->names, dir, e) < 0)
		return error_ctx(e, "'%s'", path);
	buf_clear(&w->path);
	if (strcmp(path, ".") != 0)
		buf_printf(&w->path, "%s/", path);
	prefix = w->path.len;
	for (size_t i = 0; i < w->names.count; i++) {
		if (walker_entry(w, dir, prefix, w->names.items[i], token, e) < 0)
			return -1;
	}
	/* the first one is to be on top of the stack */
	for (size_t a = first, b = w->depth; a + 1 < b; a++, b--) {
		struct pending swap = w->stack[a];

		w->stack[a] = w->stack[b - 1];
		w->stack[b - 1] = swap;
	}
	return 0;
}

int
traverse_run(const struct traverse *traverse, struct error *e)
{
	struct walker w = { .traverse = traverse };
	bool is_start = true;
	int result = 0;

	walker_push(&w, traverse->start, traverse->token);
	while (result == 0 && w.depth > 0) {
		struct pending next = w.stack[--w.depth];

		result = walker_directory(&w, next.path, next.token, is_start, e);
		is_start = false;
		free(next.path);
	}
	walker_release(&w);
	return result;
}
