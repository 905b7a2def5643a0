/* SPDX-License-Identifier: Apache-2.0 */
/*
 * diff - what a step has added, changed or removed, read from its overlay upper directory.
 *
 * An overlay upper is read as the kernel leaves it (kernel: filesystems/overlayfs.rst): a 0/0
 * character device is a whiteout, user.overlay.opaque="y" marks an opaque directory, "x" one in
 * which empty files with user.overlay.whiteout are whiteouts. The tree below is looked at beside
 * it, directory by directory.
 */
#include "builder/layer/diff.h"

#include "builder/layer/links.h"
#include "builder/layer/names.h"
#include "runtime/base/fd.h"
#include "runtime/base/map.h"
#include "runtime/base/mem.h"
#include "runtime/base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/limits.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#ifndef OVERLAYFS_SUPER_MAGIC
#define OVERLAYFS_SUPER_MAGIC 0x794c7630
#endif

/* Directories above this depth keep their descriptors; deeper ones get them back through "..". */
#define OPEN_LEVELS 64
#define COMPARE_SIZE ((size_t)128 << 10)

/* One directory between the root and where the walk is. */
struct frame {
	int upper; /* -1: closed for a while */
	int lower; /* -1: nothing below, or closed for a while */
	bool has_lower;
	bool has_whiteouts;
	size_t path_length;
	struct entry *unchanged; /* the directory itself, until something below it is an entry */
	struct names names;
	size_t next;
};

struct walk {
	const struct diff_options *options;
	entry_fn *fn;
	void *arg;
	struct diff_stats *stats;
	struct entry_reader upper_reader;
	struct entry_reader lower_reader;
	struct buf path;
	struct frame *frames;
	size_t depth; /* frames in use */
	size_t room;
	struct map links;     /* inode number -> path of its first name */
	struct inodes linked; /* what has several names, once that is known */
	bool knows_linked;
	char *compare; /* two times COMPARE_SIZE */
};

static void
frame_release(struct frame *f)
{
	fd_close_at(&f->upper);
	fd_close_at(&f->lower);
	names_release(&f->names);
	free(f->unchanged);
}

static void
walk_release(struct walk *w)
{
	while (w->depth > 0)
		frame_release(&w->frames[--w->depth]);
	free(w->frames);
	free(w->compare);
	buf_release(&w->path);
	entry_reader_release(&w->upper_reader);
	entry_reader_release(&w->lower_reader);
	map_release_with(&w->links, free);
	inodes_release(&w->linked);
}

static void
note(const struct walk *w, const char *text)
{
	autofree char *safe = text_safe(buf_text(&w->path));
	autofree char *line = xasprintf("'%s': %s", safe, text);

	if (w->options->note)
		w->options->note(w->options->note_arg, line);
}

static bool
same_xattrs(const struct entry *a, const struct entry *b)
{
	if (a->n_xattrs != b->n_xattrs)
		return false;
	for (size_t i = 0; i < a->n_xattrs; i++) {
		const struct entry_xattr *x = &a->xattrs[i], *y = &b->xattrs[i];

		if (strcmp(x->name, y->name) || x->length != y->length ||
		    memcmp(x->value, y->value, x->length))
			return false;
	}
	return true;
}

static bool
same_owner_and_mode(const struct entry *a, const struct entry *b)
{
	return a->mode == b->mode && a->uid == b->uid && a->gid == b->gid && same_xattrs(a, b);
}

static bool
same_metadata(const struct entry *a, const struct entry *b)
{
	if (!same_owner_and_mode(a, b) || a->rdev != b->rdev || a->size != b->size)
		return false;
	if (a->mtime.tv_sec != b->mtime.tv_sec || a->mtime.tv_nsec != b->mtime.tv_nsec)
		return false;
	return !a->link || !strcmp(a->link, b->link);
}

static ssize_t
read_full(int fd, char *to, size_t length, off_t at)
{
	size_t done = 0;
	ssize_t got;

	while (done < length) {
		got = pread(fd, to + done, length - done, at + (off_t)done);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -1;
		if (got == 0)
			break;
		done += (size_t)got;
	}
	return (ssize_t)done;
}

static void
note_lost_xattr(const struct walk *w)
{
	autofree char *text = NULL;

	if (!w->upper_reader.lost_xattr[0])
		return;
	text = xasprintf("the attribute '%s' is left out: a layer cannot hold its name",
	    w->upper_reader.lost_xattr);
	note(w, text);
}

/* 1 when both files hold the same bytes, 0, -1 */
static int
same_bytes(struct walk *w, int a, int b, uint64_t size, struct error *e)
{
	ssize_t x, y;

	if (!w->compare)
		w->compare = xmalloc(2 * COMPARE_SIZE);
	for (uint64_t at = 0; at < size; at += COMPARE_SIZE) {
		x = read_full(a, w->compare, COMPARE_SIZE, (off_t)at);
		y = read_full(b, w->compare + COMPARE_SIZE, COMPARE_SIZE, (off_t)at);
		if (x < 0 || y < 0)
			return error_sys(e, "cannot read '%s'", buf_text(&w->path));
		if (x != y || memcmp(w->compare, w->compare + COMPARE_SIZE, (size_t)x))
			return 0;
	}
	return 1;
}

/* The directories above the path at hand that are no entries yet. */
static int
emit_parents(struct walk *w, struct error *e)
{
	for (size_t i = 0; i < w->depth; i++) {
		autofree struct entry *parent = steal_ptr(&w->frames[i].unchanged);

		if (!parent)
			continue;
		w->stats->n_entries++;
		if (w->fn(w->arg, parent, -1, e) < 0)
			return -1;
	}
	return 0;
}

static int
emit(struct walk *w, const struct entry *entry, int content, struct error *e)
{
	if (emit_parents(w, e) < 0)
		return -1;
	w->stats->n_entries++;
	w->stats->n_removed += entry->whiteout == ENTRY_REMOVES;
	return w->fn(w->arg, entry, content, e);
}

/*
 * Says that @name is gone, when it was there (the time of a whiteout means nothing and is not
 * kept).
 */
static int
emit_removal(struct walk *w, const struct frame *f, const char *name, struct error *e)
{
	struct entry entry = { .path = buf_text(&w->path), .whiteout = ENTRY_REMOVES };
	struct stat st;

	if (f->lower < 0)
		return 0;
	if (fstatat(f->lower, name, &st, AT_SYMLINK_NOFOLLOW) == 0)
		return emit(w, &entry, -1, e);
	if (errno != ENOENT)
		return error_sys(e, "cannot look up '%s' below the step", buf_text(&w->path));
	return 0;
}

/* What is below the path at hand: 1 with @st, 0 when nothing is. */
static int
look_below(
    struct walk *w, const struct frame *f, const char *name, struct stat *st, struct error *e)
{
	if (f->lower < 0)
		return 0;
	if (fstatat(f->lower, name, st, AT_SYMLINK_NOFOLLOW) == 0)
		return 1;
	if (errno != ENOENT)
		return error_sys(e, "cannot look up '%s' below the step", buf_text(&w->path));
	return 0;
}

/* Is the file unchanged? Both are of one type. 1, 0, -1. */
static int
is_unchanged(struct walk *w, const struct frame *f, const char *name, const struct entry *entry,
    int content, const struct stat *below, struct error *e)
{
	const struct stat *st = &w->upper_reader.stat;
	autofd int lower = -1;
	struct entry old;

	if (st->st_size != below->st_size || st->st_mtim.tv_sec != below->st_mtim.tv_sec ||
	    st->st_mtim.tv_nsec != below->st_mtim.tv_nsec)
		return 0;
	if (entry_read_at(&w->lower_reader, f->lower, name, entry->path, &old, &lower, e) < 0)
		return -1;
	if (!same_metadata(entry, &old)) {
		if (S_ISREG(entry->mode)) { /* size and time are the same, so the bytes are */
			w->stats->n_metadata++;
			w->stats->metadata_bytes += entry->size;
		}
		return 0;
	}
	if (!S_ISREG(entry->mode) || entry->size == 0)
		return 1;
	return same_bytes(w, content, lower, entry->size, e);
}

/* A name of a file with several: all but the first become hard links. */
static void
link_names(struct walk *w, struct entry *entry, int *content)
{
	char key[24];
	const char *first;

	snprintf(key, sizeof(key), "%llx", (unsigned long long)w->upper_reader.stat.st_ino);
	first = map_get(&w->links, key);
	if (!first) {
		(void)map_set(&w->links, key, xstrdup(entry->path));
		return;
	}
	entry->is_hardlink = true;
	entry->link = first;
	entry->size = 0;
	fd_close_at(content);
}

/* Has the last item other names in the upper? Names elsewhere are nobody's business. 1, 0, -1. */
static int
has_other_names(struct walk *w, struct error *e)
{
	if (w->upper_reader.stat.st_nlink < 2)
		return 0;
	if (!w->knows_linked && links_count(w->options->upper, &w->linked, e) < 0)
		return -1;
	w->knows_linked = true;
	return links_of(&w->linked, &w->upper_reader.stat) > 1;
}

static int
visit_file(struct walk *w, const struct frame *f, const char *name, struct entry *entry,
    int *content, struct error *e)
{
	struct stat below;
	int found, unchanged, linked;

	if (S_ISSOCK(entry->mode)) {
		note(w, "sockets are not kept in layers");
		return emit_removal(w, f, name, e);
	}
	linked = has_other_names(w, e);
	if (linked < 0)
		return -1;
	if (linked) {
		link_names(w, entry, content);
		return emit(w, entry, *content, e);
	}
	found = look_below(w, f, name, &below, e);
	if (found < 0)
		return -1;
	if (found && (below.st_mode & S_IFMT) == (w->upper_reader.stat.st_mode & S_IFMT)) {
		unchanged = is_unchanged(w, f, name, entry, *content, &below, e);
		if (unchanged < 0)
			return -1;
		if (unchanged) {
			w->stats->n_unchanged++;
			return 0;
		}
	}
	return emit(w, entry, *content, e);
}

/*
 * Closes what a directory far up does not need for now. Its lower descriptor stays when the
 * directory after it has none, by which it could be had back.
 */
static void
rest(struct frame *f)
{
	fd_close_at(&f->upper);
	if (f[1].has_lower)
		fd_close_at(&f->lower);
}

/* Takes @upper and @lower (may be -1) over as the next frame. */
static int
enter(struct walk *w, int upper, int lower, bool has_whiteouts, struct error *e)
{
	struct frame *f;

	(void)xgrow(&w->frames, w->depth, &w->room, sizeof(*w->frames));
	f = &w->frames[w->depth++];
	*f = (struct frame){
		.upper = upper,
		.lower = lower,
		.has_lower = lower >= 0,
		.has_whiteouts = has_whiteouts,
		.path_length = w->path.len,
	};
	if (w->depth > OPEN_LEVELS)
		rest(f - OPEN_LEVELS);
	return names_read(&f->names, upper, buf_text(&w->path), e);
}

static int
open_parent(int dir, int *parent, struct error *e)
{
	if (dir < 0 || *parent >= 0)
		return 0;
	*parent = openat(dir, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	return *parent < 0 ? error_sys(e, "cannot go back to a parent directory") : 0;
}

/* Ends the last frame; the one before has its descriptors again. */
static int
leave(struct walk *w, struct error *e)
{
	struct frame *f = &w->frames[--w->depth];
	int result = 0;

	if (w->depth > 0)
		result = open_parent(f->upper, &f[-1].upper, e);
	if (w->depth > 0 && result == 0 && f[-1].has_lower)
		result = open_parent(f->lower, &f[-1].lower, e);
	frame_release(f);
	return result;
}

/* Has directory @dir any entry? 1, 0, -1 */
static int
has_entries(int dir, const char *path, struct error *e)
{
	auto(names) struct names names = { 0 };

	if (names_read(&names, dir, path, e) < 0)
		return -1;
	return names.count > 0;
}

/*
 * The directory below with the same name; *@lower is -1 when there is none. Its metadata is in @old
 * until the next read.
 */
static int
open_below(struct walk *w, const struct frame *f, const char *name, int *lower, struct entry *old,
    struct error *e)
{
	struct stat st;
	int found = look_below(w, f, name, &st, e);

	*lower = -1;
	if (found < 0)
		return -1;
	if (!found || !S_ISDIR(st.st_mode))
		return 0;
	return entry_read_at(&w->lower_reader, f->lower, name, buf_text(&w->path), old, lower, e);
}

static int
visit_directory(struct walk *w, const struct frame *f, const char *name, struct entry *entry,
    int *upper, struct error *e)
{
	bool is_opaque = w->upper_reader.is_opaque, has_whiteouts = w->upper_reader.has_whiteouts;
	autofd int lower = -1;
	struct entry old, *unchanged = NULL;
	int hides = 0, result;

	if (open_below(w, f, name, &lower, &old, e) < 0)
		return -1;
	if (lower >= 0 && is_opaque)
		hides = has_entries(lower, entry->path, e);
	if (hides < 0)
		return -1;
	if (hides)
		entry->whiteout = ENTRY_OPAQUE;
	if (!hides && lower >= 0 && same_metadata(entry, &old))
		unchanged = entry_copy(entry);
	else if (emit(w, entry, -1, e) < 0)
		return -1;
	if (is_opaque)
		fd_close_at(&lower);
	result = enter(w, steal_fd(upper), steal_fd(&lower), has_whiteouts, e);
	w->frames[w->depth - 1].unchanged = unchanged;
	return result;
}

static int
visit(struct walk *w, const struct frame *f, const char *name, struct error *e)
{
	struct entry entry;
	autofd int content = -1;

	if (entry_read_at(
		&w->upper_reader, f->upper, name, buf_text(&w->path), &entry, &content, e) < 0)
		return -1;
	if (w->upper_reader.in_overlay) {
		if (S_ISCHR(w->upper_reader.stat.st_mode) && w->upper_reader.stat.st_rdev == 0)
			return emit_removal(w, f, name, e);
		if (f->has_whiteouts && w->upper_reader.is_whiteout && entry.size == 0)
			return emit_removal(w, f, name, e);
	}
	note_lost_xattr(w);
	if (S_ISDIR(entry.mode))
		return visit_directory(w, f, name, &entry, &content, e);
	return visit_file(w, f, name, &entry, &content, e);
}

/* One step of the walk: the next name of the last directory, or its end. */
static int
walk_once(struct walk *w, struct error *e)
{
	struct frame *f = &w->frames[w->depth - 1];
	const char *name;

	buf_truncate(&w->path, f->path_length);
	if (f->next == f->names.count)
		return leave(w, e);
	name = names_at(&f->names, f->next++);
	if (w->path.len)
		buf_add_char(&w->path, '/');
	buf_add_text(&w->path, name);
	return visit(w, f, name, e);
}

/*
 * The root is an entry when more than its time differs; time alone changes with every name made in
 * it.
 */
static int
visit_root(struct walk *w, struct error *e)
{
	const struct diff_options *o = w->options;
	autofd int upper = -1, lower = -1;
	struct entry entry, old = { .mode = S_IFDIR | 0755 };
	bool is_opaque, has_whiteouts;

	buf_add_text(&w->path, "");
	if (entry_read_at(&w->upper_reader, o->upper, ".", "", &entry, &upper, e) < 0)
		return -1;
	is_opaque = w->upper_reader.is_opaque;
	has_whiteouts = w->upper_reader.has_whiteouts;
	if (o->lower >= 0 &&
	    entry_read_at(&w->lower_reader, o->lower, ".", "", &old, &lower, e) < 0)
		return -1;
	if (is_opaque && lower >= 0)
		entry.whiteout = ENTRY_OPAQUE;
	if ((entry.whiteout == ENTRY_OPAQUE || !same_owner_and_mode(&entry, &old)) &&
	    emit(w, &entry, -1, e) < 0)
		return -1;
	if (is_opaque)
		fd_close_at(&lower);
	return enter(w, steal_fd(&upper), steal_fd(&lower), has_whiteouts, e);
}

/* Is the directory on an overlay mount? Else its files are as the kernel keeps them. */
static int
is_overlay_mount(int dir, bool *is, struct error *e)
{
	struct statfs fs;

	if (fstatfs(dir, &fs) < 0)
		return error_sys(e, "cannot tell the file system below the step");
	*is = fs.f_type == OVERLAYFS_SUPER_MAGIC;
	return 0;
}

int
diff_upper(const struct diff_options *options, entry_fn *fn, void *arg, struct diff_stats *stats,
    struct error *e)
{
	struct diff_stats ignored;
	struct walk w = {
		.options = options, .fn = fn, .arg = arg, .stats = stats ? stats : &ignored
	};
	bool is_mount = true;
	int result = 0;

	*w.stats = (struct diff_stats){ 0 };
	if (options->lower >= 0)
		result = is_overlay_mount(options->lower, &is_mount, e);
	w.upper_reader.in_overlay = !options->upper_is_mount;
	w.lower_reader.in_overlay = !is_mount;
	if (result == 0)
		result = visit_root(&w, e);
	while (result == 0 && w.depth > 0)
		result = walk_once(&w, e);
	walk_release(&w);
	return result;
}

static int
copy_xattr(int from, int to, const char *name, struct error *e)
{
	autofree char *value = xmalloc(XATTR_SIZE_MAX);
	ssize_t length = fgetxattr(from, name, value, XATTR_SIZE_MAX);

	if (length < 0 || fsetxattr(to, name, value, (size_t)length, 0) < 0)
		return error_sys(e, "cannot copy the attribute '%s' of the root directory", name);
	return 0;
}

int
diff_prepare_upper(int upper, int lower, struct error *e)
{
	autofree char *names = xmalloc(XATTR_LIST_MAX);
	struct timespec times[2];
	ssize_t length;
	struct stat st;

	if (fstat(lower, &st) < 0)
		return error_sys(e, "cannot read the root directory");
	if (fchown(upper, st.st_uid, st.st_gid) < 0 || fchmod(upper, st.st_mode & 07777) < 0)
		return error_sys(e, "cannot set owner and mode of a root directory");
	length = flistxattr(lower, names, XATTR_LIST_MAX);
	if (length < 0 && errno != ENOTSUP)
		return error_sys(e, "cannot list the attributes of the root directory");
	for (const char *name = names; name < names + length; name += strlen(name) + 1)
		if ((entry_keeps_xattr(name) || !strcmp(name, ENTRY_XATTR_OWNER) ||
			!strcmp(name, OWNER_XATTR) || !strcmp(name, OWNER_MODE)) &&
		    copy_xattr(lower, upper, name, e) < 0)
			return -1;
	times[0] = st.st_atim;
	times[1] = st.st_mtim;
	if (futimens(upper, times) < 0)
		return error_sys(e, "cannot set the times of a root directory");
	return 0;
}
