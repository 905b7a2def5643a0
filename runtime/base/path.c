/* SPDX-License-Identifier: Apache-2.0 */
/*
 * path - opening, making, reading and writing by path.
 *
 * openat2(2) does the work where it is allowed. Where it is not, walk.c does the same in user space.
 */
#include "runtime/base/path.h"

#include "runtime/base/fd.h"
#include "runtime/base/mem.h"
#include "runtime/base/walk.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <unistd.h>

/* A rename or mount anywhere on the system can make openat2() say EAGAIN (openat2(2)). */
#define EAGAIN_TRIES 64

static bool forced_walk;

void
path_force_walk(bool on)
{
	forced_walk = on;
}

static int
sys_openat2(int dir, const char *path, const struct open_how *how)
{
	return (int)syscall(SYS_openat2, dir, path, how, sizeof(*how));
}

/* Old kernels answer ENOSYS, outer seccomp filters EPERM or ENOSYS: tried once on "/". */
static bool
have_openat2(void)
{
	static int known = -1;

	if (known < 0) {
		struct open_how how = { .flags = O_PATH | O_CLOEXEC,
			.resolve = RESOLVE_NO_MAGICLINKS };
		autofd int fd = sys_openat2(AT_FDCWD, "/", &how);

		known = fd >= 0 || (errno != ENOSYS && errno != EPERM);
	}
	return known == 1;
}

int
path_try_open(int dir, const char *path, int flags, mode_t mode, enum path_resolve how)
{
	static const uint64_t resolve[] = {
		[PATH_BENEATH] = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS,
		[PATH_IN_ROOT] = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
		[PATH_NO_SYMLINKS] = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS,
	};
	bool creates = (flags & O_CREAT) != 0 || (flags & O_TMPFILE) == O_TMPFILE;
	struct open_how open_how = { .resolve = resolve[how], .mode = creates ? mode & 07777 : 0 };
	int fd;

	flags |= O_CLOEXEC;
	if ((flags & O_PATH) == 0)
		flags |= O_NOCTTY;
	open_how.flags = (uint64_t)(unsigned int)flags;
	if (forced_walk || !have_openat2())
		return walk_open(dir, path, flags, mode & 07777, how);
	for (int i = 0; i < EAGAIN_TRIES; i++) {
		fd = sys_openat2(dir, path, &open_how);
		if (fd >= 0 || (errno != EAGAIN && errno != EINTR))
			return fd;
	}
	return walk_open(dir, path, flags, mode & 07777, how);
}

int
path_open(int dir, const char *path, int flags, mode_t mode, enum path_resolve how, struct error *e)
{
	int fd = path_try_open(dir, path, flags, mode, how);

	if (fd < 0)
		error_sys(e, "cannot open '%s'", path);
	return fd;
}

int
path_make_dirs(int dir, const char *path, mode_t mode, uid_t uid, gid_t gid, struct error *e)
{
	int fd = path_try_open(dir, path, O_PATH | O_DIRECTORY, 0, PATH_IN_ROOT);

	if (fd < 0 && errno == ENOENT)
		fd = walk_make_dirs(
		    dir, path, &(struct walk_dirs){ .mode = mode, .uid = uid, .gid = gid });
	if (fd < 0)
		error_sys(e, "cannot make directory '%s'", path);
	return fd;
}

int
path_open_user(const char *path, int flags, mode_t mode, struct error *e)
{
	int fd = open(path, flags | O_CLOEXEC | O_NOCTTY, mode);

	if (fd < 0)
		error_sys(e, "cannot open '%s'", path);
	return fd;
}

int
path_make_dirs_user(const char *path, struct error *e)
{
	autofree char *part = xstrdup(path);
	struct stat st;

	for (char *end = part + strspn(part, "/"); *end != '\0';) {
		char saved;

		end += strcspn(end, "/");
		saved = *end;
		*end = '\0';
		if (mkdir(part, 0700) < 0 && errno != EEXIST &&
		    (errno != EROFS || stat(part, &st) < 0))
			return error_sys(e, "cannot make directory '%s'", part);
		*end = saved;
		end += strspn(end, "/");
	}
	if (stat(path, &st) < 0)
		return error_sys(e, "cannot look at '%s'", path);
	if (!S_ISDIR(st.st_mode)) {
		errno = ENOTDIR;
		return error_sys(e, "cannot make directory '%s'", path);
	}
	return 0;
}

int
path_read_file(int dir, const char *path, struct buf *b, size_t max, struct error *e)
{
	/* O_NONBLOCK: a FIFO in the place of the file must not stop us. */
	autofd int fd = path_try_open(dir, path, O_RDONLY | O_NONBLOCK, 0, PATH_NO_SYMLINKS);
	autofree char *what = NULL;
	struct stat st;

	if (fd < 0)
		return error_sys(e, "cannot open '%s'", path);
	if (fstat(fd, &st) < 0)
		return error_sys(e, "cannot look at '%s'", path);
	if (!S_ISREG(st.st_mode))
		return error_set(e, ERR_INPUT, "'%s' is not a regular file", path);
	if ((uint64_t)st.st_size > max)
		return error_set(e, ERR_INPUT, "'%s' is larger than %zu bytes", path, max);
	what = xasprintf("'%s'", path);
	return fd_read_all(fd, b, max, what, e);
}

static int
write_temporary(
    int fd, const void *bytes, size_t length, mode_t mode, bool durable, struct error *e)
{
	if (fd_write_all(fd, bytes, length, e) < 0)
		return -1;
	if (fchmod(fd, mode & 07777) < 0)
		return error_sys(e, "cannot set its mode");
	if (durable && fsync(fd) < 0)
		return error_sys(e, "cannot sync");
	return 0;
}

/* fsync() needs a descriptor that is open for reading; @dir may be O_PATH. */
static int
sync_dir(int dir, struct error *e)
{
	autofd int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 || fsync(fd) < 0)
		return error_sys(e, "cannot sync the directory");
	return 0;
}

int
path_write_file(int dir, const char *name, const void *bytes, size_t length, mode_t mode,
    bool durable, struct error *e)
{
	char temporary[32];
	uint64_t random = 0;
	autofd int fd = -1;

	if (!path_is_name(name))
		return error_set(e, ERR_INPUT, "'%s' cannot be the name of a file", name);
	if (getrandom(&random, sizeof(random), 0) != (ssize_t)sizeof(random))
		return error_sys(e, "cannot get random bytes");
	snprintf(temporary, sizeof(temporary), ".tmp-%016llx", (unsigned long long)random);
	fd = openat(dir, temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return error_sys(e, "cannot create '%s'", name);
	if (write_temporary(fd, bytes, length, mode, durable, e) < 0) {
		(void)unlinkat(dir, temporary, 0); /* the first error is told */
		return error_ctx(e, "cannot write '%s'", name);
	}
	if (renameat(dir, temporary, dir, name) < 0) {
		error_sys(e, "cannot rename to '%s'", name);
		(void)unlinkat(dir, temporary, 0);
		return -1;
	}
	return durable ? sync_dir(dir, e) : 0;
}

char *
path_clean(const char *path)
{
	bool rooted = path[0] == '/';
	struct buf b = { 0 };
	size_t floor = rooted ? 1 : 0; /* what ".." cannot take away */

	if (rooted)
		buf_add_char(&b, '/');
	for (path += strspn(path, "/"); *path != '\0'; path += strspn(path, "/")) {
		size_t length = strcspn(path, "/");

		if (length == 2 && memcmp(path, "..", 2) == 0 && b.len > floor) {
			const char *slash = memrchr(b.data + floor, '/', b.len - floor);

			buf_truncate(&b, slash ? (size_t)(slash - b.data) : floor);
		} else if (length == 2 && memcmp(path, "..", 2) == 0) {
			if (!rooted) {
				buf_add_text(&b, b.len > 0 ? "/.." : "..");
				floor = b.len;
			}
		} else if (length != 1 || *path != '.') {
			if (b.len > (rooted ? 1U : 0U))
				buf_add_char(&b, '/');
			buf_add(&b, path, length);
		}
		path += length;
	}
	if (b.len == 0)
		buf_add_char(&b, '.');
	return buf_steal(&b);
}

char *
path_join(const char *a, const char *b)
{
	autofree char *joined = NULL;

	if (b[0] == '/' || a[0] == '\0')
		return path_clean(b);
	joined = xasprintf("%s/%s", a, b);
	return path_clean(joined);
}

char *
path_absolute(const char *path)
{
	autofree char *rooted = xasprintf("/%s", path);

	return path_clean(rooted);
}

bool
path_is_below(const char *path, const char *parent)
{
	size_t length = strlen(parent);

	if (strcmp(parent, ".") == 0)
		return path[0] != '/' && strcmp(path, "..") != 0 && strncmp(path, "../", 3) != 0;
	if (strcmp(parent, "/") == 0)
		return path[0] == '/';
	return strncmp(path, parent, length) == 0 && (path[length] == '\0' || path[length] == '/');
}

const char *
path_base(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

bool
path_is_name(const char *name)
{
	size_t length = strlen(name);

	return length > 0 && length <= 255 && strcmp(name, ".") != 0 && strcmp(name, "..") != 0 &&
	       !strchr(name, '/');
}
