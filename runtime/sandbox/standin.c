/* SPDX-License-Identifier: Apache-2.0 */
/*
 * standin - what a container is shown at a place of its rootfs where nothing can be mounted.
 */
#include "runtime/sandbox/standin.h"

#include "runtime/base/fd.h"
#include "runtime/base/mem.h"
#include "runtime/base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DELETED " (deleted)"

static bool
same_time(struct timespec a, struct timespec b)
{
	return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

static bool
same_file(const struct stat *a, const struct stat *b)
{
	return a->st_ino == b->st_ino && a->st_dev == b->st_dev;
}

/* The path that the kernel knows of @fd; "" for none. */
static void
path_of(int fd, char path[PATH_MAX])
{
	char link[40];
	ssize_t n;

	(void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, path, PATH_MAX - 1);
	path[n < 0 ? 0 : n] = '\0';
}

/* The folder that @fd is in (-1 with @e), and its name there. */
static int
find_folder(int fd, char **name, struct error *e)
{
	char path[PATH_MAX];
	char *slash;
	struct stat st, named;
	autofd int folder = -1;

	path_of(fd, path);
	slash = strrchr(path, '/');
	if (!slash)
		return error_set(e, ERR_HOST, "procfs does not tell where it is");
	*slash = '\0';
	folder = open(slash == path ? "/" : path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (folder < 0)
		return error_sys(e, "cannot open '%s'", path);
	if (fstat(fd, &st) < 0 || fstatat(folder, slash + 1, &named, AT_SYMLINK_NOFOLLOW) < 0)
		return error_sys(e, "cannot look at '%s/%s'", path, slash + 1);
	if (!same_file(&st, &named))
		return error_set(e, ERR_HOST, "'%s/%s' is something else", path, slash + 1);
	*name = xstrdup(slash + 1);
	return steal_fd(&folder);
}

/* Both change places; where the file system cannot do that at once, by a third name beside the one at home. */
static int
swap(const struct standin *s)
{
	static const char aside[] = ".aside";

	if (renameat2(s->place, s->shown_as, s->home, s->kept_as, RENAME_EXCHANGE) == 0)
		return 0;
	if (errno != EINVAL && errno != ENOSYS)
		return -1;
	if (renameat(s->place, s->shown_as, s->home, aside) < 0)
		return -1;
	if (renameat(s->home, s->kept_as, s->place, s->shown_as) < 0) {
		int failed = errno;

		(void)renameat(s->home, aside, s->place, s->shown_as); /* as it was */
		errno = failed;
		return -1;
	}
	return renameat(s->home, aside, s->home, s->kept_as);
}

static void
release(struct standin *s)
{
	fd_close_at(&s->source);
	fd_close_at(&s->home);
	fd_close_at(&s->place);
	free(s->kept_as);
	free(s->shown_as);
	free(s->target);
}

static int
put(struct standin *s, int point, struct error *e)
{
	struct stat st;

	s->home = find_folder(s->source, &s->kept_as, e);
	if (s->home < 0)
		return -1;
	s->place = find_folder(point, &s->shown_as, e);
	if (s->place < 0)
		return -1;
	if (fstat(s->place, &st) < 0)
		return error_sys(e, "cannot look at its folder");
	s->before[0] = st.st_atim;
	s->before[1] = st.st_mtim;
	if (swap(s) < 0) {
		error_sys(e, "cannot be moved there");
		e->kind = ERR_HOST;
		return error_hint(e, "the store (--root) is to be on one file system");
	}
	if (fstat(s->place, &st) < 0)
		return error_sys(e, "cannot look at its folder");
	s->after = st.st_mtim;
	return 0;
}

int
standins_put(struct standins *all, struct stubs *stubs, int rootfs, const char *target, int source,
    struct error *e)
{
	struct standin s = { .source = -1, .home = -1, .place = -1 };
	autofd int point = -1;
	struct stat st, root;

	if (fstat(source, &st) < 0 || fstat(rootfs, &root) < 0)
		return error_sys(e, "cannot look at what is mounted on '%s'", target);
	point = stubs_open(stubs, rootfs, target, S_ISDIR(st.st_mode), e);
	if (point < 0)
		return -1;
	if (fstat(point, &st) == 0 && same_file(&st, &root))
		return error_set(e, ERR_STEP, "nothing can be mounted on '%s'", target);
	s.target = xstrdup(target);
	s.source = fcntl(source, F_DUPFD_CLOEXEC, 3);
	if (s.source < 0 ? error_sys(e, "cannot copy a descriptor") < 0 : put(&s, point, e) < 0) {
		release(&s);
		return error_ctx(e, "what is mounted on '%s'", target);
	}
	(void)xgrow(&all->items, all->count, &all->room, sizeof(all->items[0]));
	all->items[all->count++] = s;
	return 0;
}

/* ---- back ---- */

static int
take_back(const struct standin *s, struct error *e)
{
	char path[PATH_MAX];
	struct stat source, shown, folder;

	path_of(s->source, path);
	if (fstat(s->source, &source) < 0 || fstat(s->place, &folder) < 0)
		return error_sys(e, "cannot look at what was mounted");
	if (fstatat(s->place, s->shown_as, &shown, AT_SYMLINK_NOFOLLOW) < 0)
		shown = (struct stat){ 0 };
	if (!same_file(&shown, &source) && !text_ends_with(path, DELETED)) {
		error_set(e, ERR_STEP, "the command has moved it");
		return error_hint(e, "what is mounted stays where it is: copy what is in it");
	}
	if (shown.st_ino != 0 && S_ISDIR(shown.st_mode) != S_ISDIR(source.st_mode)) {
		error_set(e, ERR_STEP, "the command has put something else in its place");
		return error_hint(e, "what is mounted stays where it is");
	}
	/* a folder that is gone itself takes nothing any more */
	if (folder.st_nlink > 0 &&
	    (shown.st_ino != 0 ? swap(s) : renameat(s->home, s->kept_as, s->place, s->shown_as)) <
		0)
		return error_sys(e, "cannot be moved back");
	if (same_time(folder.st_mtim, s->after) && futimens(s->place, s->before) < 0)
		return error_sys(e, "cannot restore the time of its folder");
	return 0;
}

int
standins_undo(struct standins *all, struct error *e)
{
	int result = 0;

	/* the newest first: one may be in another */
	for (size_t i = all->count; i-- > 0;) {
		struct error second = ERROR_INIT;
		struct standin *s = &all->items[i];
		struct error *mine = result < 0 ? &second : e; /* the first failure counts */

		if (take_back(s, mine) < 0)
			result = error_ctx(mine, "what was mounted on '%s'", s->target);
		release(s);
	}
	free(all->items);
	*all = (struct standins){ 0 };
	return result;
}
