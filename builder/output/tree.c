/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tree - the files of an image, as one tar or in a directory.
 *
 * In a directory they belong to the caller: other owners could not be removed without a user namespace. Set-uid and
 * set-gid bits are dropped, they would lend the caller's rights to everybody who can reach the directory. What stands in
 * the directory is never followed: a link in the way is replaced.
 */
#include "builder/output/file.h"

#include "builder/layer/diff.h"
#include "runtime/base/fd.h"
#include "runtime/base/mem.h"
#include "runtime/base/path.h"
#include "runtime/base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static int
each_entry(const struct output_tree *tree, const struct output_times *times, entry_fn *fn,
    void *arg, struct error *e)
{
	const struct diff_options diff = {
		.upper = tree->rootfs,
		.lower = -1,
		.upper_is_mount = true,
		.note = times->note,
		.note_arg = times->note_arg,
	};
	struct diff_stats stats = { 0 };

	return diff_upper(&diff, fn, arg, &stats, e);
}

/* ---- a tar ---- */

struct tar_tree {
	struct layer_writer *writer;
	const char *folder; /* NULL */
};

/* Puts the name, and that of a hard link's other name, below the folder. */
static int
add_below(void *arg, const struct entry *entry, int content, struct error *e)
{
	const struct tar_tree *t = arg;
	struct entry moved = *entry;
	autofree char *path = NULL, *link = NULL;

	if (!t->folder)
		return layer_writer_add(t->writer, entry, content, e);
	path = xasprintf("%s%s%s", t->folder, *entry->path ? "/" : "", entry->path);
	moved.path = path;
	if (entry->is_hardlink) {
		link = xasprintf("%s/%s", t->folder, entry->link);
		moved.link = link;
	}
	return layer_writer_add(t->writer, &moved, content, e);
}

static int
add_tree(struct layer_writer *w, const struct output_tree *tree, const struct output_times *times,
    struct error *e)
{
	struct tar_tree t = { .writer = w, .folder = tree->folder };

	return each_entry(tree, times, add_below, &t, e);
}

int
output_tar(const struct output_tree *trees, size_t count, const struct output_target *target,
    const struct output_times *times, struct error *e)
{
	const struct layer_options options = {
		.compression = COMPRESSION_NONE,
		.threads = 1,
		.clamp = times->layers->clamp,
		.rewrite = times->layers->rewrite,
		.clamp_to = times->layers->clamp_to,
	};
	auto(out_file) struct out_file f = OUT_FILE_INIT;
	struct layer_result result = { 0 };
	struct layer_writer *w = NULL;

	if (out_file_open(&f, target, e) < 0 || layer_writer_open(f.fd, &options, NULL, &w, e) < 0)
		return error_ctx(e, "cannot write '%s'", target->dest);
	for (size_t i = 0; i < count; i++) {
		if (add_tree(w, &trees[i], times, e) < 0) {
			layer_writer_abort(w);
			return error_ctx(e, "cannot write '%s'", target->dest);
		}
	}
	if (layer_writer_finish(w, &result, e) < 0 || out_file_commit(&f, e) < 0)
		return error_ctx(e, "cannot write '%s'", target->dest);
	return 0;
}

/* ---- a directory ---- */

/* Modes and times of directories are set when nothing is written into them any more. */
struct pending {
	char *path;
	mode_t mode;
	struct timespec mtime;
};

struct local {
	int dest;
	const struct layer_options *times;
	entry_note_fn *note;
	void *note_arg;
	struct pending *pending;
	size_t n_pending;
	size_t room;
};

static struct timespec
local_time(const struct local *l, const struct timespec *mtime)
{
	const struct timespec *limit = &l->times->clamp_to;
	bool is_later = mtime->tv_sec != limit->tv_sec ? mtime->tv_sec > limit->tv_sec
	                                               : mtime->tv_nsec > limit->tv_nsec;

	return l->times->rewrite || (l->times->clamp && is_later) ? *limit : *mtime;
}

static void
tell(const struct local *l, const struct entry *entry, const char *what)
{
	autofree char *safe = NULL;
	autofree char *line = NULL;

	if (!l->note)
		return;
	safe = text_safe(entry->path);
	line = xasprintf("'%s': %s", safe, what);
	l->note(l->note_arg, line);
}

/* The directory that @path is in; all of it was made here, or was there and is no link. */
static int
open_parent(const struct local *l, const char *path, struct error *e)
{
	autofree char *parent = xstrndup(path, (size_t)(path_base(path) - path));

	return path_open(
	    l->dest, *parent ? parent : ".", O_PATH | O_DIRECTORY, 0, PATH_NO_SYMLINKS, e);
}

static int
make_room(int parent, const char *name, struct error *e)
{
	if (unlinkat(parent, name, 0) == 0 || errno == ENOENT)
		return 0;
	if (errno == EISDIR)
		return error_set(e, ERR_USAGE, "a directory is in its place");
	return error_sys(e, "cannot replace what is there");
}

static int
local_directory(
    struct local *l, int parent, const char *name, const struct entry *entry, struct error *e)
{
	struct stat st;

	if (mkdirat(parent, name, 0700) < 0) {
		if (errno != EEXIST || fstatat(parent, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			return error_sys(e, "cannot make the directory");
		if (S_ISDIR(st.st_mode)
			? fchmodat(parent, name, 0700, 0) < 0
			: unlinkat(parent, name, 0) < 0 || mkdirat(parent, name, 0700) < 0)
			return error_sys(e, "cannot replace what is there");
	}
	xgrow(&l->pending, l->n_pending, &l->room, sizeof(*l->pending));
	l->pending[l->n_pending++] = (struct pending){
		.path = xstrdup(entry->path),
		.mode = entry->mode & 0777,
		.mtime = local_time(l, &entry->mtime),
	};
	return 0;
}

static int
set_times(int fd, const struct timespec *mtime, struct error *e)
{
	const struct timespec times[2] = { *mtime, *mtime };

	return futimens(fd, times) < 0 ? error_sys(e, "cannot set its time") : 0;
}

static int
local_file(struct local *l, int parent, const char *name, const struct entry *entry, int content,
    struct error *e)
{
	struct timespec mtime = local_time(l, &entry->mtime);
	autofd int fd =
	    openat(parent, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd < 0)
		return error_sys(e, "cannot make the file");
	if (content >= 0 && fd_copy(content, fd, UINT64_MAX, NULL, e) < 0)
		return -1;
	if (fchmod(fd, entry->mode & 0777) < 0)
		return error_sys(e, "cannot set its mode");
	return set_times(fd, &mtime, e);
}

static int
local_hard_link(
    struct local *l, int parent, const char *name, const struct entry *entry, struct error *e)
{
	autofd int from = open_parent(l, entry->link, e);

	if (from < 0)
		return -1;
	if (linkat(from, path_base(entry->link), parent, name, 0) < 0)
		return error_sys(e, "cannot link it to '%s'", entry->link);
	return 0;
}

static int
local_symlink(
    struct local *l, int parent, const char *name, const struct entry *entry, struct error *e)
{
	struct timespec mtime = local_time(l, &entry->mtime);
	const struct timespec times[2] = { mtime, mtime };

	if (symlinkat(entry->link, parent, name) < 0)
		return error_sys(e, "cannot make the link");
	if (utimensat(parent, name, times, AT_SYMLINK_NOFOLLOW) < 0)
		return error_sys(e, "cannot set its time");
	return 0;
}

static int
local_other(
    struct local *l, int parent, const char *name, const struct entry *entry, struct error *e)
{
	if (S_ISFIFO(entry->mode)) {
		if (mkfifoat(parent, name, entry->mode & 0777) < 0)
			return error_sys(e, "cannot make the FIFO");
		return 0;
	}
	tell(l, entry, "devices and sockets are not written to a directory");
	return 0;
}

static int
local_entry(void *arg, const struct entry *entry, int content, struct error *e)
{
	struct local *l = arg;
	const char *name = path_base(entry->path);
	autofd int parent = -1;

	if (!*entry->path) /* the directory itself is the user's */
		return 0;
	parent = open_parent(l, entry->path, e);
	if (parent < 0)
		return -1;
	if (S_ISDIR(entry->mode))
		return local_directory(l, parent, name, entry, e);
	if (make_room(parent, name, e) < 0)
		return -1;
	if (entry->is_hardlink)
		return local_hard_link(l, parent, name, entry, e);
	if (entry->n_xattrs > 0)
		tell(l, entry, "extended attributes are not written to a directory");
	if (S_ISREG(entry->mode))
		return local_file(l, parent, name, entry, content, e);
	if (S_ISLNK(entry->mode))
		return local_symlink(l, parent, name, entry, e);
	return local_other(l, parent, name, entry, e);
}

static int
add_entry(void *arg, const struct entry *entry, int content, struct error *e)
{
	autofree char *safe = NULL;

	if (local_entry(arg, entry, content, e) == 0)
		return 0;
	safe = text_safe(entry->path);
	return error_ctx(e, "'%s'", safe);
}

/* Deepest first: a directory without write permission must not be needed any more. */
static int
finish_directories(struct local *l, struct error *e)
{
	for (size_t i = l->n_pending; i-- > 0;) {
		const struct pending *p = &l->pending[i];
		autofd int fd =
		    path_open(l->dest, p->path, O_RDONLY | O_DIRECTORY, 0, PATH_NO_SYMLINKS, e);

		if (fd < 0)
			return -1;
		if (set_times(fd, &p->mtime, e) < 0)
			return -1;
		if (fchmod(fd, p->mode) < 0)
			return error_sys(e, "cannot set the mode of '%s'", p->path);
	}
	return 0;
}

static void
local_release(struct local *l)
{
	for (size_t i = 0; i < l->n_pending; i++)
		free(l->pending[i].path);
	free(l->pending);
	fd_close_at(&l->dest);
}

/* @dest, and in it the folder of the tree. */
static int
open_dest(const struct output_tree *tree, const char *dest, struct error *e)
{
	autofree char *path = NULL;
	autofd int top = out_directory_open(dest, e);

	if (top < 0 || !tree->folder)
		return steal_fd(&top);
	path = xasprintf("%s/%s", dest, tree->folder);
	return out_directory_open(path, e);
}

int
output_local(const struct output_tree *tree, const char *dest, const struct output_times *times,
    struct error *e)
{
	auto(local) struct local l = {
		.dest = -1, .times = times->layers, .note = times->note, .note_arg = times->note_arg
	};

	l.dest = open_dest(tree, dest, e);
	if (l.dest < 0)
		return -1;
	if (each_entry(tree, times, add_entry, &l, e) < 0 || finish_directories(&l, e) < 0)
		return error_ctx(e, "cannot write to '%s'", dest);
	return 0;
}
