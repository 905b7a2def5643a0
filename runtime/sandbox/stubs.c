/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stubs - mount points that a rootfs lacks: made before a container starts, taken away after its end.
 *
 * Links are followed by hand, as in a chroot, because what is missing behind one has to be made too; each folder on the way is
 * opened without following anything. Removal works on the folder's descriptor, whatever path it has by then.
 */
#include "runtime/sandbox/stubs.h"

#include "runtime/base/fd.h"
#include "runtime/base/mem.h"
#include "runtime/base/path.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LINKS_MAX 40

/* Where a walk stands: @dir is open at @done, @rest is still to go. */
struct walk {
	int rootfs;
	char *done; /* absolute, free of links */
	char *rest;
	int links;
};

void
stubs_release(struct stubs *s)
{
	for (size_t i = 0; i < s->count; i++) {
		(void)close(s->items[i].parent); /* a directory */
		free(s->items[i].name);
	}
	free(s->items);
	*s = (struct stubs){ 0 };
}

static int
open_folder(const struct walk *w, struct error *e)
{
	const char *path = w->done[1] ? w->done + 1 : ".";

	return path_open(w->rootfs, path, O_RDONLY | O_DIRECTORY, 0, PATH_NO_SYMLINKS, e);
}

static bool
same_time(struct timespec a, struct timespec b)
{
	return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

/* Makes @name in the open folder @dir and remembers it. */
static int
make(struct stubs *s, int dir, const char *name, bool directory, struct error *e)
{
	struct stat before, made, after;
	struct stub *stub;
	int fd, kept;

	if (fstat(dir, &before) < 0)
		return error_sys(e, "cannot read the state of a folder");
	if (directory && mkdirat(dir, name, 0755) < 0)
		return error_sys(e, "cannot make mount point '%s'", name);
	if (!directory) {
		fd = openat(dir, name, O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW | O_CLOEXEC, 0644);
		if (fd < 0)
			return error_sys(e, "cannot make mount point '%s'", name);
		(void)close(fd); /* nothing was written */
	}
	kept = fcntl(dir, F_DUPFD_CLOEXEC, 3);
	if (kept < 0 || fchmodat(dir, name, directory ? 0755 : 0644, 0) < 0 ||
	    fstatat(dir, name, &made, AT_SYMLINK_NOFOLLOW) < 0 || fstat(dir, &after) < 0) {
		if (kept >= 0)
			(void)close(kept); /* a directory */
		return error_sys(e, "cannot make mount point '%s'", name);
	}
	xgrow(&s->items, s->count + 1, &s->room, sizeof(s->items[0]));
	stub = &s->items[s->count++];
	*stub = (struct stub){
		.parent = kept,
		.name = xstrdup(name),
		.device = made.st_dev,
		.inode = made.st_ino,
		.directory = directory,
		.times = { before.st_atim, before.st_mtim },
		.after = after.st_mtim,
		.own = made.st_mtim,
	};
	return 0;
}

/* Puts the target of link @name in front of what is left to go. */
static int
follow(struct walk *w, int dir, const char *name, struct error *e)
{
	char target[PATH_MAX];
	ssize_t n = readlinkat(dir, name, target, sizeof(target) - 1);
	char *rest;

	if (n < 0)
		return error_sys(e, "cannot read the link '%s'", name);
	target[n] = '\0';
	if (++w->links > LINKS_MAX)
		return error_set(e, ERR_INPUT,
		    "too many links on the way to a mount point, the last is '%s'", name);
	rest = xasprintf("%s/%s", target, w->rest);
	if (strlen(rest) >= PATH_MAX) {
		free(rest);
		return error_set(e, ERR_INPUT, "the way to a mount point is too long");
	}
	free(w->rest);
	w->rest = rest;
	if (target[0] == '/') {
		free(w->done);
		w->done = xstrdup("/");
	}
	return 0;
}

static char *
next_name(struct walk *w)
{
	size_t skip = strspn(w->rest, "/");
	size_t length = strcspn(w->rest + skip, "/");
	char *name = xstrndup(w->rest + skip, length);
	char *rest = xstrdup(w->rest + skip + length);

	free(w->rest);
	w->rest = rest;
	return name;
}

static void
go_to(struct walk *w, const char *name)
{
	autofree char *joined = xasprintf("%s/%s", w->done, name);

	free(w->done);
	w->done = path_absolute(joined);
}

static bool
at_end(const struct walk *w)
{
	return w->rest[strspn(w->rest, "/")] == '\0';
}

/* One component; 1 when the walk has arrived at something that is no folder. */
static int
step(struct stubs *s, struct walk *w, const char *name, bool directory, struct error *e)
{
	autofd int dir = open_folder(w, e);
	struct stat st;

	if (dir < 0)
		return error_ctx(e, "mount point below '%s'", w->done);
	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0) {
		if (errno != ENOENT)
			return error_sys(e, "cannot look at '%s'", name);
		if (make(s, dir, name, directory || !at_end(w), e) < 0)
			return -1;
	} else if (S_ISLNK(st.st_mode)) {
		return follow(w, dir, name, e);
	} else if (!S_ISDIR(st.st_mode) && !at_end(w)) {
		return error_set(
		    e, ERR_STEP, "'%s' on the way to a mount point is no folder", name);
	}
	go_to(w, name);
	return 0;
}

static int
walk(struct stubs *s, struct walk *w, bool directory, struct error *e)
{
	while (!at_end(w)) {
		autofree char *name = next_name(w);

		if (strcmp(name, ".") == 0)
			continue;
		if (strcmp(name, "..") == 0)
			go_to(w, name);
		else if (strlen(name) > NAME_MAX)
			return error_set(e, ERR_INPUT, "a name in a mount point is too long");
		else if (step(s, w, name, directory, e) < 0)
			return -1;
	}
	return 0;
}

int
stubs_open(struct stubs *s, int rootfs, const char *path, bool directory, struct error *e)
{
	int fd = path_try_open(rootfs, path, O_PATH, 0, PATH_IN_ROOT);
	struct walk w = { .rootfs = rootfs };
	struct stat st;

	if (fd < 0 && errno == ENOENT) {
		w.done = xstrdup("/");
		w.rest = xstrdup(path);
		if (walk(s, &w, directory, e) == 0)
			fd = path_open(
			    rootfs, w.done[1] ? w.done + 1 : ".", O_PATH, 0, PATH_NO_SYMLINKS, e);
		free(w.done);
		free(w.rest);
		if (fd < 0)
			return error_ctx(e, "mount point '%s'", path);
	}
	if (fd < 0)
		return error_sys(e, "cannot open mount point '%s'", path);
	if (fstat(fd, &st) == 0 && S_ISDIR(st.st_mode) != directory) {
		(void)close(fd); /* O_PATH */
		return error_set(
		    e, ERR_STEP, "mount point '%s' is %s folder", path, directory ? "no" : "a");
	}
	return fd;
}

/* Is it still as we made it? */
static bool
untouched(const struct stub *stub)
{
	struct stat st;

	if (fstatat(stub->parent, stub->name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return false;
	if (!same_time(st.st_mtim, stub->own))
		return false;
	if (stub->directory) /* overlay gives a folder another inode number at its whim; rmdir takes empty ones only */
		return S_ISDIR(st.st_mode);
	return S_ISREG(st.st_mode) && st.st_size == 0 && st.st_ino == stub->inode &&
	       st.st_dev == stub->device;
}

static int
undo(const struct stub *stub, struct error *e)
{
	struct timespec times[2] = { { .tv_nsec = UTIME_OMIT }, { 0 } };
	struct stat st;

	if (!untouched(stub))
		return 0;
	if (fstat(stub->parent, &st) < 0)
		return error_sys(e, "cannot read the state of a folder");
	if (unlinkat(stub->parent, stub->name, stub->directory ? AT_REMOVEDIR : 0) < 0) {
		if (errno == ENOTEMPTY || errno == ENOENT)
			return 0; /* a step has filled it, then it belongs to the layer */
		return error_sys(e, "cannot remove mount point '%s'", stub->name);
	}
	times[1] = st.st_mtim;
	if (same_time(st.st_mtim, stub->after)) {
		times[0] = stub->times[0];
		times[1] = stub->times[1];
	}
	if (futimens(stub->parent, times) < 0)
		return error_sys(e, "cannot restore the time of the folder of '%s'", stub->name);
	return 0;
}

int
stubs_undo(struct stubs *s, struct error *e)
{
	int result = 0;

	/* the newest first: folders are empty by then, and times go back in order */
	for (size_t i = s->count; i-- > 0;)
		if (undo(&s->items[i], e) < 0)
			result = -1;
	stubs_release(s);
	return result;
}
