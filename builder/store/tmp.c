/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tmp - what is being written: one directory a process, below tmp/.
 *
 * A process holds an flock on its directory; children share it by fork. A directory on which the lock can be had belongs
 * to nobody any more. Between mkdir and flock another process may take a new directory for a dead one: whoever made it
 * then finds it locked or gone, and makes another.
 */
#include "builder/store/private.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#define TRIES_MAX 100

/* ---- our own directory ---- */

static int
try_session(struct store *store, struct error *e)
{
	autofd int fd = -1;
	struct stat by_name;
	struct stat by_fd;

	if (store_random_name(store->session, e) < 0)
		return -1;
	if (mkdirat(store->dirs[DIR_TMP], store->session, 0700) < 0)
		return errno == EEXIST
		           ? 0
		           : error_sys(e, "cannot make a directory in '%s/tmp'", store->path);
	fd = openat(
	    store->dirs[DIR_TMP], store->session, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? 0 : error_sys(e, "cannot open '%s/tmp'", store->path);
	if (flock(fd, LOCK_EX | LOCK_NB) < 0)
		return errno == EWOULDBLOCK ? 0
		                            : error_sys(e, "cannot lock in '%s/tmp'", store->path);
	if (fstat(fd, &by_fd) < 0 ||
	    fstatat(store->dirs[DIR_TMP], store->session, &by_name, AT_SYMLINK_NOFOLLOW) < 0 ||
	    by_fd.st_ino != by_name.st_ino)
		return 0;
	store->session_dir = steal_fd(&fd);
	return 1;
}

int
tmp_session(struct store *store, struct error *e)
{
	if (store->session_dir >= 0)
		return store->session_dir;
	if (store->flags & STORE_READ_ONLY)
		return error_set(
		    e, ERR_HOST, "the store '%s' was opened only to read", store->path);
	for (int i = 0; i < TRIES_MAX; i++) {
		int made = try_session(store, e);

		if (made < 0)
			return -1;
		if (made > 0)
			return store->session_dir;
	}
	return error_set(e, ERR_TEMPORARY, "no directory could be made in '%s/tmp'", store->path);
}

int
tmp_reopen(struct store *store, struct error *e)
{
	int fd;

	if (store->session_dir < 0)
		return 0;
	fd = openat(
	    store->dirs[DIR_TMP], store->session, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return error_sys(e, "cannot open '%s/tmp/%s' again", store->path, store->session);
	/* The lock belongs to the open file that the children made so far share: it has to stay open. */
	if (store->session_lock < 0)
		store->session_lock = steal_fd(&store->session_dir);
	fd_close_at(&store->session_dir);
	store->session_dir = fd;
	return 0;
}

static int
make_name(struct store *store, char *name, size_t size, struct error *e)
{
	char random[RANDOM_NAME_LEN + 1];

	if (tmp_session(store, e) < 0 || store_random_name(random, e) < 0)
		return -1;
	snprintf(name, size, "%s", random);
	return 0;
}

int
tmp_make_file(struct store *store, char *name, size_t size, struct error *e)
{
	int fd;

	if (make_name(store, name, size, e) < 0)
		return -1;
	fd = openat(
	    store->session_dir, name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
	if (fd < 0)
		return error_sys(e, "cannot make a file in '%s/tmp'", store->path);
	return fd;
}

int
tmp_make_dir(struct store *store, char *name, size_t size, struct error *e)
{
	int fd;

	if (make_name(store, name, size, e) < 0)
		return -1;
	if (mkdirat(store->session_dir, name, 0700) < 0)
		return error_sys(e, "cannot make a directory in '%s/tmp'", store->path);
	fd = openat(store->session_dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return error_sys(e, "cannot open a directory in '%s/tmp'", store->path);
	return fd;
}

int
store_tmp_prepare(struct store *store, struct error *e)
{
	return tmp_session(store, e) < 0 ? -1 : 0;
}

int
store_tmp_file(struct store *store, struct error *e)
{
	char name[32];
	int fd = tmp_make_file(store, name, sizeof(name), e);

	if (fd >= 0)
		(void)unlinkat(store->session_dir, name, 0); /* else store_close() removes it */
	return fd;
}

int
store_tmp_dir(struct store *store, char **path, struct error *e)
{
	char name[32];
	int fd = tmp_make_dir(store, name, sizeof(name), e);

	if (fd >= 0 && path)
		*path = xasprintf("%s/tmp/%s/%s", store->path, store->session, name);
	return fd;
}

void
store_tmp_publish(struct store *store, const char *path, const char *name)
{
	const char *slash = strrchr(path, '/');

	/* what is there already, with something in it, stays, and is as good */
	(void)renameat(store->session_dir, slash ? slash + 1 : path, store->session_dir, name);
}

int
store_tmp_known(struct store *store, const char *name)
{
	return store->session_dir < 0 ? -1
	                              : openat(store->session_dir, name,
					    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

int
store_tmp_lock(struct store *store, const char *name, struct error *e)
{
	int session = tmp_session(store, e);
	autofd int fd = -1;

	if (session < 0)
		return -1;
	fd = openat(session, name, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return error_sys(e, "cannot make a file in '%s/tmp'", store->path);
	while (flock(fd, LOCK_EX) < 0)
		if (errno != EINTR)
			return error_sys(e, "cannot lock a file in '%s/tmp'", store->path);
	return steal_fd(&fd);
}

int
tmp_write_parts(struct store *store, int dir, const char *name, const struct iovec *parts,
    size_t n_parts, struct error *e)
{
	char tmp[32];
	autofd int fd = tmp_make_file(store, tmp, sizeof(tmp), e);

	if (fd < 0)
		return -1;
	for (size_t i = 0; i < n_parts; i++) {
		if (fd_write_all(fd, parts[i].iov_base, parts[i].iov_len, e) == 0)
			continue;
		(void)unlinkat(store->session_dir, tmp, 0);
		return error_ctx(e, "cannot write '%s' in the store", name);
	}
	if (renameat(store->session_dir, tmp, dir, name) < 0) {
		error_sys(e, "cannot write '%s' in the store", name);
		(void)unlinkat(store->session_dir, tmp, 0);
		return -1;
	}
	return 0;
}

int
tmp_write_record(struct store *store, int dir, const char *name, const void *bytes, size_t length,
    struct error *e)
{
	const struct iovec part = { (void *)(uintptr_t)bytes, length }; /* only read */

	return tmp_write_parts(store, dir, name, &part, 1, e);
}

/* ---- removing ---- */

/* It goes to tmp/ itself, not to our directory there: what cannot be removed now is then left by the dead. */
int
tmp_discard(struct store *store, int dir, const char *name, struct error *e)
{
	char tmp[RANDOM_NAME_LEN + 1];

	if (store_random_name(tmp, e) < 0)
		return -1;
	if (renameat(dir, name, store->dirs[DIR_TMP], tmp) < 0)
		return errno == ENOENT ? 0
		                       : error_sys(e, "cannot remove '%s' from the store", name);
	return path_remove_tree(store->dirs[DIR_TMP], tmp, e);
}

/* ---- those of the dead ---- */

/* The descriptor of a directory of which no owner lives, locked; -1 when there is one or it is gone. */
static int
lock_dead(struct store *store, const char *name)
{
	autofd int fd =
	    openat(store->dirs[DIR_TMP], name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) < 0)
		return -1;
	return steal_fd(&fd);
}

static int
remove_dead(struct store *store, const char *name, struct error *e)
{
	struct error failed = ERROR_INIT;
	autofd int lock = -1;
	struct stat st;

	if (fstatat(store->dirs[DIR_TMP], name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return 0;
	if (S_ISDIR(st.st_mode)) {
		lock = lock_dead(store, name);
		if (lock < 0)
			return 0;
	}
	if (path_remove_tree(store->dirs[DIR_TMP], name, &failed) == 0)
		return 0;
	if (failed.sys == EACCES || failed.sys == EPERM) {
		store->tmp_needs_userns = true;
		return 0;
	}
	*e = failed;
	return error_ctx(e, "cannot remove what an earlier run left in '%s/tmp'", store->path);
}

int
tmp_clean(struct store *store, struct error *e)
{
	autodir DIR *dir = fd_opendir(store->dirs[DIR_TMP], e);
	const struct dirent *entry;

	if (!dir)
		return -1;
	store->tmp_needs_userns = false;
	while ((entry = readdir(dir)) != NULL) {
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		if (strcmp(entry->d_name, store->session) == 0)
			continue;
		if (remove_dead(store, entry->d_name, e) < 0)
			return -1;
	}
	return 0;
}

int
tmp_count_dead(struct store *store, size_t *count, struct error *e)
{
	autodir DIR *dir = fd_opendir(store->dirs[DIR_TMP], e);
	const struct dirent *entry;

	if (!dir)
		return -1;
	*count = 0;
	while ((entry = readdir(dir)) != NULL) {
		autofd int lock = -1;

		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0 ||
		    strcmp(entry->d_name, store->session) == 0)
			continue;
		lock = lock_dead(store, entry->d_name);
		if (lock >= 0 || entry->d_type != DT_DIR)
			++*count;
	}
	return 0;
}

bool
store_tmp_needs_userns(const struct store *store)
{
	return store->tmp_needs_userns;
}

int
store_clean_tmp(struct store *store, struct error *e)
{
	return tmp_clean(store, e);
}

void
tmp_end_session(struct store *store)
{
	struct error ignored = ERROR_INIT;

	if (store->session_dir < 0)
		return;
	/* What cannot be removed now, the next run removes. */
	(void)path_remove_tree(store->dirs[DIR_TMP], store->session, &ignored);
}
