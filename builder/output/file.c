/* SPDX-License-Identifier: Apache-2.0 */
/*
 * file - a file of the user's that appears whole.
 *
 * Where the file system can, it is written without a name, so that a killed run leaves nothing. A link in its place could
 * belong to another user and lead anywhere: it is neither followed nor replaced (SECURITY S12).
 */
#include "builder/output/file.h"

#include "runtime/base/fd.h"
#include "runtime/base/mem.h"
#include "runtime/base/path.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

static int
open_folder(struct out_file *f, const char *path, struct error *e)
{
	autofree char *folder = xstrndup(path, (size_t)(path_base(path) - path));

	f->base = xstrdup(path_base(path));
	if (!path_is_name(f->base))
		return error_set(e, ERR_USAGE, "'%s' is no name of a file", path);
	f->dir = path_open_user(*folder ? folder : ".", O_RDONLY | O_DIRECTORY, 0, e);
	return f->dir < 0 ? -1 : 0;
}

static int
check_place(const struct out_file *f, const char *path, struct error *e)
{
	struct stat st;

	if (fstatat(f->dir, f->base, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : error_sys(e, "cannot look at '%s'", path);
	if (S_ISREG(st.st_mode))
		return 0;
	error_set(e, ERR_USAGE, "'%s' is there and is %s", path,
	    S_ISLNK(st.st_mode)    ? "a symbolic link"
	    : S_ISDIR(st.st_mode)  ? "a directory"
	    : S_ISFIFO(st.st_mode) ? "a FIFO"
				   : "no regular file");
	return error_hint(e, "name another file, or '-' for the output stream");
}

static int
make_name(struct out_file *f, struct error *e)
{
	unsigned long long random = 0;

	if (getrandom(&random, sizeof(random), 0) != (ssize_t)sizeof(random))
		return error_sys(e, "cannot get random bytes");
	snprintf(f->temporary, sizeof(f->temporary), ".croze-%016llx", random);
	return 0;
}

static int
open_file(struct out_file *f, const char *path, struct error *e)
{
	f->fd = openat(f->dir, ".", O_TMPFILE | O_WRONLY | O_CLOEXEC, 0644);
	if (f->fd >= 0)
		return 0;
	if (make_name(f, e) < 0)
		return -1;
	f->fd = openat(
	    f->dir, f->temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
	if (f->fd >= 0)
		return 0;
	f->temporary[0] = '\0';
	return error_sys(e, "cannot write '%s'", path);
}

int
out_file_open(struct out_file *f, const struct output_target *target, struct error *e)
{
	*f = (struct out_file)OUT_FILE_INIT;
	if (strcmp(target->dest, "-") == 0) {
		f->is_stream = true;
		f->fd = target->stream;
		return 0;
	}
	if (open_folder(f, target->dest, e) == 0 && check_place(f, target->dest, e) == 0 &&
	    open_file(f, target->dest, e) == 0)
		return 0;
	out_file_release(f);
	return -1;
}

/* Gives the nameless file a name; linkat(2) cannot replace another, so there is a rename after it. */
static int
link_file(struct out_file *f, struct error *e)
{
	char self[64];

	if (make_name(f, e) < 0)
		return -1;
	snprintf(self, sizeof(self), "/proc/self/fd/%d", f->fd);
	if (linkat(AT_FDCWD, self, f->dir, f->temporary, AT_SYMLINK_FOLLOW) == 0)
		return 0;
	f->temporary[0] = '\0';
	return error_sys(e, "cannot name '%s'", f->base);
}

int
out_file_commit(struct out_file *f, struct error *e)
{
	if (f->is_stream)
		return 0;
	if (!f->temporary[0] && link_file(f, e) < 0)
		return -1;
	if (renameat(f->dir, f->temporary, f->dir, f->base) < 0)
		return error_sys(e, "cannot name '%s'", f->base);
	f->temporary[0] = '\0';
	return 0;
}

void
out_file_release(struct out_file *f)
{
	if (f->temporary[0])
		(void)unlinkat(f->dir, f->temporary, 0); /* another failure is being told */
	if (!f->is_stream)
		fd_close_at(&f->fd);
	fd_close_at(&f->dir);
	free(f->base);
	*f = (struct out_file)OUT_FILE_INIT;
}

int
out_directory_open(const char *path, struct error *e)
{
	autofree char *clean = path_clean(path);
	autofree char *folder = xstrndup(clean, (size_t)(path_base(clean) - clean));
	const char *name = path_base(clean);
	autofd int parent = -1;
	int fd;

	/* "." and "/" are there, and no links. */
	if (!path_is_name(name))
		return path_open_user(clean, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, e);
	if (*folder && path_make_dirs_user(folder, e) < 0)
		return -1;
	parent = path_open_user(*folder ? folder : ".", O_RDONLY | O_DIRECTORY, 0, e);
	if (parent < 0)
		return -1;
	if (mkdirat(parent, name, 0755) < 0 && errno != EEXIST)
		return error_sys(e, "cannot make '%s'", path);
	fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 && (errno == ELOOP || errno == ENOTDIR))
		return error_set(e, ERR_USAGE, "'%s' is there and is no directory", path);
	if (fd < 0)
		return error_sys(e, "cannot open '%s'", path);
	return fd;
}
