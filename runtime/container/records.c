/* SPDX-License-Identifier: Apache-2.0 */
/*
 * records - where containers are on record: one folder each, in a folder of the user's own.
 */
#include "runtime/container/records.h"

#include "runtime/base/fd.h"
#include "runtime/base/mem.h"
#include "runtime/base/path.h"
#include "runtime/container/state.h"
#include "runtime/oci/config.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define NAME "croze-runtime"

static bool
is_folder_of(const char *path, uid_t uid)
{
	struct stat st;

	return lstat(path, &st) == 0 && S_ISDIR(st.st_mode) && st.st_uid == uid;
}

/* Root of a user namespace has the runtime folder of its user, which the environment names. */
static char *
default_path(void)
{
	const char *given = getenv("XDG_RUNTIME_DIR");
	uid_t uid = geteuid();
	autofree char *of_user = xasprintf("/run/user/%u", (unsigned int)uid);

	if (given && given[0] == '/')
		return path_join(given, NAME);
	if (uid == 0 && access("/run", W_OK) == 0)
		return xstrdup("/run/" NAME);
	if (is_folder_of(of_user, uid))
		return path_join(of_user, NAME);
	return xasprintf("/tmp/" NAME "-%u", (unsigned int)uid);
}

int
records_open(const char *given, struct error *e)
{
	autofree char *path = given ? xstrdup(given) : default_path();
	autofd int fd = -1;
	struct stat st;

	if (path_make_dirs_user(path, e) < 0)
		return error_ctx(e, "the folder of all containers");
	/* a link of somebody else in /tmp leads nowhere */
	fd = path_open_user(path, O_RDONLY | O_DIRECTORY | (given ? 0 : O_NOFOLLOW), 0, e);
	if (fd < 0)
		return error_ctx(e, "the folder of all containers");
	if (fstat(fd, &st) < 0)
		return error_sys(e, "cannot look at '%s'", path);
	if (st.st_uid == geteuid() && !(st.st_mode & 022))
		return steal_fd(&fd);
	error_set(e, ERR_HOST, "'%s' %s", path,
	    st.st_uid == geteuid() ? "can be written by others" : "belongs to somebody else");
	return error_hint(e, "set XDG_RUNTIME_DIR to a folder of your own, or give one by --root");
}

int
records_list(int records, struct strv *ids, struct error *e)
{
	autodir DIR *dir = fd_opendir(records, e);
	struct error ignored = ERROR_INIT;
	const struct dirent *d;

	if (!dir)
		return -1;
	while ((d = readdir(dir)))
		if (oci_check_id(d->d_name, &ignored) == 0)
			strv_add(ids, d->d_name);
	strv_sort(ids);
	return 0;
}

static int
open_folder(int records, const char *id)
{
	return openat(records, id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

static int
exists(const char *id, struct error *e)
{
	error_set(e, ERR_INPUT, "container with id '%s' already exists", id);
	return error_hint(e, "croze-runtime delete %s", id);
}

/* Left behind by a process that was killed: nobody holds it and there is no state. What else is in it is written anew. */
static int
take_over(int records, const char *id, struct error *e)
{
	autofd int fd = open_folder(records, id);

	if (fd < 0)
		return error_sys(e, "cannot open the record of container '%s'", id);
	if (flock(fd, LOCK_EX | LOCK_NB) < 0 || faccessat(fd, STATE_FILE, F_OK, 0) == 0)
		return exists(id, e);
	return steal_fd(&fd);
}

int
record_make(int records, const char *id, struct error *e)
{
	autofd int fd = -1;

	if (mkdirat(records, id, 0700) < 0)
		return errno == EEXIST
		           ? take_over(records, id, e)
		           : error_sys(e, "cannot make the record of container '%s'", id);
	fd = open_folder(records, id);
	if (fd < 0 || flock(fd, LOCK_EX) < 0)
		return error_sys(e, "cannot open the record of container '%s'", id);
	return steal_fd(&fd);
}

int
record_open(int records, const char *id, struct error *e)
{
	int fd;

	if (oci_check_id(id, e) < 0)
		return -1;
	fd = open_folder(records, id);
	if (fd < 0 && errno == ENOENT)
		return error_set(e, ERR_NOT_FOUND, "container '%s' does not exist", id);
	return fd < 0 ? error_sys(e, "cannot open the record of container '%s'", id) : fd;
}

int
record_lock(int record, struct error *e)
{
	while (flock(record, LOCK_EX) < 0)
		if (errno != EINTR)
			return error_sys(e, "cannot lock the record of a container");
	return 0;
}

void
record_unlock(int record)
{
	if (record >= 0)
		(void)flock(record, LOCK_UN); /* cannot fail */
}

bool
record_is_locked(int record)
{
	if (flock(record, LOCK_SH | LOCK_NB) < 0)
		return true;
	(void)flock(record, LOCK_UN); /* ours, just taken */
	return false;
}

int
record_remove(int records, const char *id, struct error *e)
{
	return path_remove_tree(records, id, e);
}
