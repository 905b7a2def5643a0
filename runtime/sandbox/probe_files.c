/* SPDX-License-Identifier: Apache-2.0 */
/*
 * probe_files - what the file system of the store can do for snapshots, found out by doing it.
 *
 * These are the exact things that fail where it cannot: an overlay is mounted without complaint on a file system that has no extended
 * attributes, and the first folder that is removed and made again fails.
 */
#include "runtime/sandbox/probe.h"

#include "runtime/base/fd.h"
#include "runtime/base/path.h"
#include "runtime/sandbox/overlay.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#define OPEN_DIR (O_RDONLY | O_DIRECTORY)
#define SOME_ID 7

/* A file that no kernel can make a process of: that is noticed only once it may be executed. */
static int
execute(int dir, const char *name, struct error *e)
{
	char *const nothing[] = { NULL };
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		(void)syscall(SYS_execveat, dir, name, nothing, nothing, 0);
		_exit(errno == ENOEXEC ? 0 : errno);
	}
	if (pid < 0)
		return error_sys(e, "cannot make a process");
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	errno = WIFEXITED(status) ? WEXITSTATUS(status) : EACCES;
	return error_sys(e, "files cannot be executed");
}

static int
make_program(int dir, struct error *e)
{
	autofd int program = openat(dir, "program", O_CREAT | O_WRONLY | O_CLOEXEC, 0755);

	if (program < 0)
		return error_sys(e, "cannot make a file in the store");
	return fd_write_all(program, "?", 1, e);
}

/* What is done to a stack. */
static int
try_stack(int tree, struct error *e)
{
	struct stat st;

	if (unlinkat(tree, "folder/below", AT_REMOVEDIR) < 0 ||
	    unlinkat(tree, "folder", AT_REMOVEDIR) < 0)
		return error_sys(e, "a whiteout cannot be made");
	if (mkdirat(tree, "folder", 0755) < 0)
		return error_sys(e, "an opaque folder cannot be made");
	if (fstatat(tree, "folder/below", &st, 0) == 0)
		return error_set(e, ERR_HOST, "an opaque folder shows what is below it");
	return execute(tree, "program", e);
}

/* The folders of a stack. */
struct layers {
	int lower, upper, work;
};

static void
layers_release(struct layers *l)
{
	fd_close_at(&l->lower);
	fd_close_at(&l->upper);
	fd_close_at(&l->work);
}

/* Makes and opens them in the new folder @name. */
static int
layers_open(int dir, const char *name, struct layers *l, struct error *e)
{
	autofd int folder = path_make_dirs(dir, name, 0755, (uid_t)-1, (gid_t)-1, e);

	*l = (struct layers){ -1, -1, -1 };
	if (folder < 0)
		return -1;
	if (mkdirat(folder, "lower", 0755) < 0 || mkdirat(folder, "upper", 0755) < 0 ||
	    mkdirat(folder, "work", 0755) < 0)
		return error_sys(e, "cannot make folders in the store");
	l->lower = path_open(folder, "lower", OPEN_DIR, 0, PATH_BENEATH, e);
	l->upper = path_open(folder, "upper", OPEN_DIR, 0, PATH_BENEATH, e);
	l->work = path_open(folder, "work", OPEN_DIR, 0, PATH_BENEATH, e);
	return l->lower < 0 || l->upper < 0 || l->work < 0 ? -1 : 0;
}

static const struct timespec kept_times[2] = { { .tv_sec = (int64_t)1 << 33, .tv_nsec = SOME_ID },
	{ .tv_sec = SOME_ID, .tv_nsec = SOME_ID } };

/* Below what is tried: a set-group-ID folder with a set-id file, a link, a FIFO and a socket in it. */
static int
make_kept(int lower, struct error *e)
{
	autofd int file = -1;

	if (mkdirat(lower, "folder", 0755) < 0 || fchmodat(lower, "folder", 02755, 0) < 0)
		return error_sys(e, "cannot make a folder in the store");
	file = openat(lower, "folder/file", O_CREAT | O_WRONLY | O_CLOEXEC, 0755);
	if (file < 0 || fchmod(file, 06755) < 0 || symlinkat("file", lower, "folder/link") < 0 ||
	    mknodat(lower, "folder/fifo", S_IFIFO | 0600, 0) < 0 ||
	    mknodat(lower, "folder/socket", S_IFSOCK | 0600, 0) < 0 ||
	    utimensat(lower, "folder/link", kept_times, AT_SYMLINK_NOFOLLOW) < 0 ||
	    utimensat(lower, "folder", kept_times, 0) < 0)
		return error_sys(e, "cannot make files in the store");
	return 0;
}

static bool
has_mode(int dir, const char *name, mode_t mode)
{
	struct stat st;

	return fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && st.st_mode == mode;
}

static bool
has_times(int dir, const char *name)
{
	struct stat st;

	return fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	       st.st_atim.tv_sec == kept_times[0].tv_sec &&
	       st.st_mtim.tv_sec == kept_times[1].tv_sec &&
	       st.st_mtim.tv_nsec == kept_times[1].tv_nsec;
}

/* A change of nothing copies it up, or opening it to write. (Another name, too; but not every file system has hard links.) */
static bool
copies_up(int tree, const char *name)
{
	autofd int fd = openat(tree, name, O_WRONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);

	return fd >= 0 || fchownat(tree, name, (uid_t)-1, (gid_t)-1, AT_SYMLINK_NOFOLLOW) == 0;
}

/* Is a lower file gone when what has taken its name is removed? */
static bool
stays_hidden(int tree)
{
	autofd int file = openat(tree, "folder/made", O_CREAT | O_WRONLY | O_CLOEXEC, 0644);
	struct stat st;

	return file >= 0 && renameat(tree, "folder/made", tree, "folder/file") == 0 &&
	       unlinkat(tree, "folder/file", 0) == 0 &&
	       fstatat(tree, "folder/file", &st, AT_SYMLINK_NOFOLLOW) < 0 && errno == ENOENT;
}

/* @upper is looked at, too: the program may say other things than are. */
static int
try_kept(int tree, int upper, struct error *e)
{
	if (!copies_up(tree, "folder/link") || !has_times(upper, "folder/link"))
		return error_set(e, ERR_HOST, "links that are copied up do not keep their owner");
	if (!copies_up(tree, "folder/file") || !has_mode(upper, "folder/file", S_IFREG | 06755) ||
	    !has_mode(upper, "folder", S_IFDIR | 02755))
		return error_set(e, ERR_HOST, "what is copied up does not keep its set-id bits");
	if (!copies_up(tree, "folder/fifo") || !copies_up(tree, "folder/socket") ||
	    !has_mode(upper, "folder/fifo", S_IFIFO | 0600) ||
	    !has_mode(upper, "folder/socket", S_IFSOCK | 0600))
		return error_set(e, ERR_HOST, "FIFOs and sockets are not copied up");
	if (!has_times(upper, "folder"))
		return error_set(
		    e, ERR_HOST, "folders do not keep their time when files are copied up");
	if (!stays_hidden(tree))
		return error_set(e, ERR_HOST, "lower files come back when others of their name go");
	/* also below a folder that is nowhere but above: there the program believes itself */
	if (mkdirat(tree, "folder/new", 0755) == 0 && mkdirat(tree, "folder/new/new", 0755) == 0 &&
	    has_mode(tree, "folder/new/new", S_IFDIR | 02755) &&
	    has_mode(upper, "folder/new/new", S_IFDIR | 02755))
		return 0;
	return error_set(e, ERR_HOST, "new files in a set-group-ID folder do not get its group");
}

int
probe_kept_in(
    int dir, int (*stack)(const struct overlay_spec *spec, struct error *e), struct error *e)
{
	mode_t mask = umask(0);
	struct layers l = { -1, -1, -1 };
	autofd int tree = -1;
	int result = layers_open(dir, "kept", &l, e);

	if (result == 0)
		result = make_kept(l.lower, e);
	if (result == 0) {
		tree = stack(&(struct overlay_spec){ &l.lower, 1, l.upper, l.work }, e);
		result = tree < 0 ? -1 : try_kept(tree, l.upper, e);
	}
	layers_release(&l);
	(void)umask(mask);
	return result;
}

int
probe_stack_in(
    int dir, int (*stack)(const struct overlay_spec *spec, struct error *e), struct error *e)
{
	autofd int lower = path_make_dirs(dir, "lower/folder/below", 0755, (uid_t)-1, (gid_t)-1, e);
	autofd int upper = -1, work = -1, tree = -1;

	if (lower < 0)
		return -1;
	(void)close(steal_fd(&lower));
	if (mkdirat(dir, "upper", 0755) < 0 || mkdirat(dir, "work", 0755) < 0)
		return error_sys(e, "cannot make folders in the store");
	/* what the store's readers know for a name that is gone */
	if (mknodat(dir, "whiteout", S_IFCHR, makedev(0, 0)) < 0)
		return error_sys(e, "a whiteout cannot be made");
	lower = path_open(dir, "lower", OPEN_DIR, 0, PATH_BENEATH, e);
	upper = path_open(dir, "upper", OPEN_DIR, 0, PATH_BENEATH, e);
	work = path_open(dir, "work", OPEN_DIR, 0, PATH_BENEATH, e);
	if (lower < 0 || upper < 0 || work < 0 || make_program(lower, e) < 0)
		return -1;
	tree = stack(&(struct overlay_spec){ &lower, 1, upper, work }, e);
	return tree < 0 ? -1 : try_stack(tree, e);
}

static int
try_attributes(int file, bool recorded, struct error *e)
{
	struct stat st;

	if (fsetxattr(file, "user.croze.probe", "y", 1, 0) < 0)
		return error_sys(e, "files have no extended attributes");
	if (fchmod(file, 04751) < 0 || fstat(file, &st) < 0)
		return error_sys(e, "modes cannot be set");
	if ((st.st_mode & 07777) != 04751)
		return error_set(e, ERR_HOST, "modes are not kept");
	if (recorded)
		return 0;
	if (fchown(file, SOME_ID, SOME_ID) < 0 || fstat(file, &st) < 0)
		return error_sys(e, "files cannot be given to other users");
	if (st.st_uid != SOME_ID || st.st_gid != SOME_ID)
		return error_set(e, ERR_HOST, "owners are not kept");
	return 0;
}

/* A link keeps its owner in its access time where owners are records (seccomp/owner.h). */
static int
try_link(int dir, bool recorded, struct error *e)
{
	struct timespec times[2] = { { .tv_sec = (int64_t)1 << 33, .tv_nsec = SOME_ID },
		{ .tv_nsec = UTIME_OMIT } };
	struct stat st;

	if (symlinkat("program", dir, "link") < 0)
		return error_sys(e, "symbolic links cannot be made");
	if (!recorded)
		return 0;
	if (utimensat(dir, "link", times, AT_SYMLINK_NOFOLLOW) < 0 ||
	    fstatat(dir, "link", &st, AT_SYMLINK_NOFOLLOW) < 0)
		return error_sys(e, "access times of links cannot be set");
	if (st.st_atim.tv_sec != times[0].tv_sec || st.st_atim.tv_nsec != SOME_ID)
		return error_set(e, ERR_HOST, "access times of links are not kept");
	return 0;
}

int
probe_copies_in(int dir, bool recorded, struct error *e)
{
	autofd int file = -1;
	int result = make_program(dir, e);

	if (result == 0)
		file = openat(dir, "program", O_RDONLY | O_CLOEXEC);
	if (result == 0 && file < 0)
		result = error_sys(e, "cannot open a file in the store");
	if (result == 0)
		result = execute(dir, "program", e);
	if (result == 0)
		result = try_link(dir, recorded, e);
	if (result == 0)
		result = try_attributes(file, recorded, e);
	if (result == 0)
		return 0;
	e->kind = ERR_HOST;
	error_ctx(e, "the file system of the store cannot hold what a RUN leaves");
	if (e->sys == EPERM && !recorded)
		return error_hint(e,
		    "--isolation userns-single records owners, or put the store on a "
		    "local ext4, xfs, btrfs or tmpfs: --root DIR");
	return error_hint(e,
	    "put the store on a local ext4, xfs, btrfs or tmpfs: --root DIR (builds "
	    "without RUN work where it is)");
}
