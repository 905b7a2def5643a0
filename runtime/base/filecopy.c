/* SPDX-License-Identifier: Apache-2.0 */
/*
 * filecopy - one name of a file becomes a file of its own.
 */
#include "runtime/base/filecopy.h"

#include "runtime/base/fd.h"
#include "runtime/base/mem.h"
#include "runtime/base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/xattr.h>
#include <unistd.h>

static int
random_name(char name[FILECOPY_NAME], struct error *e)
{
	uint64_t random = 0;

	if (getrandom(&random, sizeof(random), 0) != (ssize_t)sizeof(random))
		return error_sys(e, "cannot get random bytes");
	(void)snprintf(name, FILECOPY_NAME, ".tmp-%016llx", (unsigned long long)random);
	return 0;
}

/* What a security module says of a file is its own affair; the capability is the file's. */
static bool
is_copied(const char *name)
{
	return !text_starts_with(name, "security.") || strcmp(name, "security.capability") == 0;
}

static int
copy_xattrs(int from, int to, struct error *e)
{
	ssize_t length = flistxattr(from, NULL, 0), size;
	autofree char *names = NULL;
	autofree char *value = NULL;

	if (length == 0 || (length < 0 && errno == ENOTSUP))
		return 0;
	names = xmalloc(XATTR_LIST_MAX);
	value = xmalloc(XATTR_SIZE_MAX);
	length = flistxattr(from, names, XATTR_LIST_MAX);
	if (length < 0)
		return error_sys(e, "cannot list attributes");
	for (const char *name = names; name < names + length; name += strlen(name) + 1) {
		if (!is_copied(name))
			continue;
		size = fgetxattr(from, name, value, XATTR_SIZE_MAX);
		if (size < 0 || fsetxattr(to, name, value, (size_t)size, 0) < 0)
			return error_sys(e, "cannot copy attribute '%s'", name);
	}
	return 0;
}

/* Owner before mode, which chown(2) clears set-id bits of; attributes behind both, the times at last. */
static int
copy_all(int from, int to, const struct stat *st, struct error *e)
{
	struct timespec times[2] = { st->st_atim, st->st_mtim };

	if (fd_copy(from, to, UINT64_MAX, NULL, e) < 0)
		return -1;
	if (fchown(to, st->st_uid, st->st_gid) < 0 || fchmod(to, st->st_mode & 07777) < 0)
		return error_sys(e, "cannot set owner and mode");
	if (copy_xattrs(from, to, e) < 0)
		return -1;
	return futimens(to, times) < 0 ? error_sys(e, "cannot set times") : 0;
}

int
filecopy_make(int dir, int from, const struct stat *st, char name[FILECOPY_NAME], struct error *e)
{
	autofd int fd = openat(dir, ".", O_RDWR | O_TMPFILE | O_CLOEXEC, 0600);

	name[0] = '\0';
	if (fd < 0 && (errno == EOPNOTSUPP || errno == EISDIR || errno == ENOENT)) {
		if (random_name(name, e) < 0)
			return -1;
		fd = openat(dir, name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	}
	if (fd < 0)
		return error_sys(e, "cannot make a copy");
	if (copy_all(from, fd, st, e) == 0)
		return steal_fd(&fd);
	filecopy_drop(dir, name);
	return error_ctx(e, "cannot make a copy");
}

/* A nameless file cannot take another's name at once. */
static int
give_name(int dir, int fd, char name[FILECOPY_NAME], struct error *e)
{
	char path[40];

	if (name[0])
		return 0;
	if (random_name(name, e) < 0)
		return -1;
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (linkat(AT_FDCWD, path, dir, name, AT_SYMLINK_FOLLOW) == 0)
		return 0;
	name[0] = '\0';
	return error_sys(e, "cannot name a copy");
}

/* What was made as @temporary takes the place of @to, and the folder gets the times that it had before. */
static int
take_place(
    int folder, const struct stat *before, const char *temporary, const char *to, struct error *e)
{
	struct timespec times[2] = { before->st_atim, before->st_mtim };

	if (renameat(folder, temporary, folder, to) < 0) {
		error_sys(e, "cannot put a copy in its place");
		filecopy_drop(folder, temporary);
		return -1;
	}
	return futimens(folder, times) < 0 ? error_sys(e, "cannot set the times of a folder") : 0;
}

int
filecopy_place(int dir, int fd, char name[FILECOPY_NAME], const char *to, struct error *e)
{
	autofd int folder = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct stat before;

	if (folder < 0 || fstat(folder, &before) < 0) {
		error_sys(e, "cannot look at a folder");
		filecopy_drop(dir, name);
		return -1;
	}
	if (give_name(dir, fd, name, e) < 0)
		return -1;
	return take_place(folder, &before, name, to, e);
}

int
filecopy_link(int dir, const char *name, const struct stat *st, struct error *e)
{
	struct timespec times[2] = { st->st_atim, st->st_mtim };
	autofd int folder = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	char temporary[FILECOPY_NAME], text[PATH_MAX];
	ssize_t n = readlinkat(dir, name, text, sizeof(text) - 1);
	struct stat before;

	if (n < 0 || folder < 0 || fstat(folder, &before) < 0)
		return error_sys(e, "cannot read a link");
	text[n] = '\0';
	if (random_name(temporary, e) < 0)
		return -1;
	if (symlinkat(text, folder, temporary) < 0)
		return error_sys(e, "cannot make a copy of a link");
	if (fchownat(folder, temporary, st->st_uid, st->st_gid, AT_SYMLINK_NOFOLLOW) < 0 ||
	    utimensat(folder, temporary, times, AT_SYMLINK_NOFOLLOW) < 0) {
		error_sys(e, "cannot make a copy of a link");
		filecopy_drop(folder, temporary);
		return -1;
	}
	return take_place(folder, &before, temporary, name, e);
}

void
filecopy_drop(int dir, const char *name)
{
	if (name[0])
		(void)unlinkat(dir, name, 0); /* ours; another failure is told */
}
