/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuseoverlay_load - loaded into fuse-overlayfs (LD_PRELOAD), so that its files become what they are in the kernel's overlay.
 *
 * The program (1.10, of Debian 12) does not give what is made in a set-group-ID folder the folder's group, nor new folders there the bit. It
 * copies links up without owner and times, files of others and folders without their set-id bits, FIFOs and devices as empty files, sockets not
 * at all, and moves the time of the folder into which it copies. A socket of a folder whose names it does not know all is not there: it takes
 * the bit that sockets and folders have both for that of a folder. And what a step renames to a name of a layer below, and then removes or
 * renames again, leaves that layer's file there.
 *
 * So the operations by which something new is made are ours first: the program is asked for the parent, which copies that up, and the caller's
 * group becomes that of the parent where it is to be. While such an operation goes on, what the program makes is new; at any other time it is
 * copied up, and what it was copied from is what the program has opened or read last, by the same path. Those calls of the C library are ours,
 * too, and do the rest.
 *
 * libfuse 3.14 knows no files without a name (O_TMPFILE): what the kernel asks is changed into making one with a name, which is removed before
 * the answer; the folder keeps its times.
 *
 * Nothing of libfuse is needed to build this: what is known of it is the order of its operations and the beginning of what it says of a
 * caller, which are fixed for libfuse3.so.3. Where a program is linked without libraries, or all this has no effect for another reason,
 * probe_kept_in() finds it out.
 */
#include "runtime/sandbox/fuseoverlay_load.h"

#include "runtime/sandbox/overlay.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/fuse.h>
#include <linux/openat2.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

#undef openat64 /* some C libraries have it as another name for openat() */

#define TMPFILE 51 /* FUSE_TMPFILE, which older headers have not */
#define UNNAMED ".croze-\001unnamed"
#define OPAQUE_NAME ".wh..wh..opq"
#define SET_ID (S_ISUID | S_ISGID)
#define MODE 07777
#define TYPE_AND_NUMBER (STATX_TYPE | STATX_MODE | STATX_INO) /* what it asks of names alone */

/* ---- what libfuse has (fuse_lowlevel.h) ---- */

struct fuse_req;
struct fuse_session;
struct fuse_args;
struct libfuse_version;

struct caller {
	uid_t uid;
	gid_t gid;
};

/* What kernel and program agree on. */
struct connection {
	unsigned int version[2], sizes[3];
	unsigned int can, wants;
};

#define ATOMIC_TRUNCATION (1U << 3) /* of opening, without a call of its own before it */

typedef void operation(void);
typedef void init_fn(void *data, struct connection *connection);
typedef void setattr_fn(struct fuse_req *req, uint64_t node, struct stat *st, int what, void *file);
typedef void mknod_fn(
    struct fuse_req *req, uint64_t parent, const char *name, mode_t mode, dev_t rdev);
typedef void mkdir_fn(struct fuse_req *req, uint64_t parent, const char *name, mode_t mode);
typedef void symlink_fn(
    struct fuse_req *req, const char *target, uint64_t parent, const char *name);
typedef void unlink_fn(struct fuse_req *req, uint64_t parent, const char *name);
typedef void create_fn(
    struct fuse_req *req, uint64_t parent, const char *name, mode_t mode, void *file);

/* Places in struct fuse_lowlevel_ops. */
enum {
	INIT = 0,
	SETATTR = 5,
	MKNOD = 7,
	MKDIR = 8,
	UNLINK = 9,
	SYMLINK = 11,
	CREATE = 30,
	OPERATIONS_MAX = 64
};

struct fuse_session *fuse_session_new(
    struct fuse_args *args, operation *const *operations, size_t size, void *data);
struct fuse_session *fuse_session_new_versioned(struct fuse_args *args,
    operation *const *operations, size_t size, struct libfuse_version *version, void *data);
int fuse_reply_attr(struct fuse_req *req, const struct stat *st, double timeout);
int fuse_reply_err(struct fuse_req *req, int error_number);
int fuse_reply_create(struct fuse_req *req, const void *entry, const void *file);
const struct caller *fuse_req_ctx(struct fuse_req *req);
#ifndef __GLIBC__
int openat64(int dir, const char *path, int flags, ...);
#endif

/* The function that the program would have called. */
#define NEXT(name)                 \
	static typeof(name) *next; \
	if (!next)                 \
	next = (typeof(name) *)dlsym(RTLD_NEXT, #name)

/* ---- what is going on ---- */

static struct {
	init_fn *init;
	setattr_fn *setattr;
	mknod_fn *mknod;
	mkdir_fn *mkdir;
	symlink_fn *symlink;
	unlink_fn *unlink;
	create_fn *create;
	typeof(fuse_req_ctx) *ctx;
} program;

static bool is_on;        /* there is an upper */
static struct stat upper; /* its directory */
static int upper_fd;
static int lowers[OVERLAY_LOWERS_MAX]; /* the uppermost first */
static size_t n_lowers;
static int work_fd = -1; /* the program's; known when a file without a name was made */

/* All of this is of one operation. */
static _Thread_local bool is_asking;      /* answers are for us */
static _Thread_local bool is_making;      /* something new */
static _Thread_local uint64_t unnamed_in; /* the folder in which a file without a name is made; 0 */
static _Thread_local struct {
	bool is_set;
	struct stat st;
} answer;
/* What may be about to be copied up; its path is that of the copy. */
static _Thread_local struct {
	char path[PATH_MAX]; /* "": nothing */
	struct stat st;
} source;
static _Thread_local char unopened[PATH_MAX]; /* what could not be opened last */

__attribute__((constructor)) static void
begin(void)
{
	const char *number = getenv(FUSEOVERLAY_UPPER), *list = getenv(FUSEOVERLAY_LOWERS);
	char *end;

	if (!number || !list)
		return;
	upper_fd = (int)strtol(number, NULL, 10);
	while (n_lowers < OVERLAY_LOWERS_MAX && *list) {
		lowers[n_lowers++] = (int)strtol(list, &end, 10);
		list = *end ? end + 1 : end;
	}
	is_on = fstat(upper_fd, &upper) == 0;
}

static bool
is_upper(int dir)
{
	struct stat st;

	return fstat(dir, &st) == 0 && st.st_dev == upper.st_dev && st.st_ino == upper.st_ino;
}

/* ---- something new ---- */

int
fuse_reply_attr(struct fuse_req *req, const struct stat *st, double timeout)
{
	NEXT(fuse_reply_attr);

	if (!is_asking)
		return next(req, st, timeout);
	answer.is_set = true;
	answer.st = *st;
	return 0;
}

int
fuse_reply_err(struct fuse_req *req, int error_number)
{
	NEXT(fuse_reply_err);

	return is_asking ? 0 : next(req, error_number);
}

/* To change nothing copies @parent up and says what it is. Does it give its group? What fails here fails again in the operation itself. */
static bool
start_making(struct fuse_req *req, uint64_t parent)
{
	struct stat nothing = { 0 };

	answer.is_set = false;
	is_asking = true;
	program.setattr(req, parent, &nothing, 0, NULL);
	is_asking = false;
	is_making = true;
	if (!answer.is_set || !(answer.st.st_mode & S_ISGID))
		return false;
	((struct caller *)(uintptr_t)program.ctx(req))->gid = answer.st.st_gid;
	return true;
}

static void
make_node(struct fuse_req *req, uint64_t parent, const char *name, mode_t mode, dev_t rdev)
{
	(void)start_making(req, parent);
	program.mknod(req, parent, name, mode, rdev);
	is_making = false;
}

static void
make_folder(struct fuse_req *req, uint64_t parent, const char *name, mode_t mode)
{
	bool gives = start_making(req, parent);

	program.mkdir(req, parent, name, gives ? mode | S_ISGID : mode);
	is_making = false;
}

static void
make_link(struct fuse_req *req, const char *target, uint64_t parent, const char *name)
{
	(void)start_making(req, parent);
	program.symlink(req, target, parent, name);
	is_making = false;
}

static void
make_file(struct fuse_req *req, uint64_t parent, const char *name, mode_t mode, void *file)
{
	(void)start_making(req, parent);
	unnamed_in = strcmp(name, UNNAMED) == 0 ? parent : 0;
	program.create(req, parent, name, mode, file);
	unnamed_in = 0;
	is_making = false;
}

/* The file is there, and open: its name goes before anybody sees it. */
int
fuse_reply_create(struct fuse_req *req, const void *entry, const void *file)
{
	NEXT(fuse_reply_create);

	if (unnamed_in) {
		is_making = false;
		is_asking = true;
		program.unlink(req, unnamed_in, UNNAMED);
		is_asking = false;
	}
	return next(req, entry, file);
}

/* A request of the kernel comes through a pipe, into more room than it takes. */
ssize_t
read(int fd, void *buffer, size_t size)
{
	const size_t whole = sizeof(struct fuse_in_header) + sizeof(struct fuse_create_in);
	struct fuse_in_header *request = buffer;
	struct fuse_create_in *create;
	struct stat st;
	ssize_t n;
	NEXT(read);

	n = next(fd, buffer, size);
	if (!is_on || n < (ssize_t)whole || size < whole + sizeof(UNNAMED) ||
	    request->opcode != TMPFILE || request->len != (size_t)n || fstat(fd, &st) < 0 ||
	    !(S_ISFIFO(st.st_mode) || S_ISCHR(st.st_mode)))
		return n;
	create = (struct fuse_create_in *)(void *)(request + 1);
	request->opcode = FUSE_CREATE;
	create->flags &= ~(uint32_t)O_TMPFILE;
	memcpy(create + 1, UNNAMED, sizeof(UNNAMED));
	return n;
}

/*
 * Opening with O_TRUNC takes a file's set-id bits away, of which the program does not learn, and puts them back when it writes. As a change of
 * size before the opening it does.
 */
static void
agree(void *data, struct connection *connection)
{
	if (program.init)
		program.init(data, connection);
	connection->wants &= ~ATOMIC_TRUNCATION;
}

/* Our operations before those of the program, or those where something is not as it is known. */
static operation *const *
take(operation *const *theirs, size_t size)
{
	static operation *ours[OPERATIONS_MAX];

	program.ctx = (typeof(fuse_req_ctx) *)dlsym(RTLD_DEFAULT, "fuse_req_ctx");
	if (!is_on || !program.ctx || size > sizeof(ours) || size <= CREATE * sizeof(*theirs) ||
	    !theirs[SETATTR] || !theirs[MKNOD] || !theirs[MKDIR] || !theirs[SYMLINK] ||
	    !theirs[UNLINK] || !theirs[CREATE])
		return theirs;
	memcpy(ours, theirs, size);
	program.init = (init_fn *)theirs[INIT];
	program.setattr = (setattr_fn *)theirs[SETATTR];
	program.mknod = (mknod_fn *)theirs[MKNOD];
	program.mkdir = (mkdir_fn *)theirs[MKDIR];
	program.symlink = (symlink_fn *)theirs[SYMLINK];
	program.unlink = (unlink_fn *)theirs[UNLINK];
	program.create = (create_fn *)theirs[CREATE];
	ours[INIT] = (operation *)agree;
	ours[MKNOD] = (operation *)make_node;
	ours[MKDIR] = (operation *)make_folder;
	ours[SYMLINK] = (operation *)make_link;
	ours[CREATE] = (operation *)make_file;
	return ours;
}

struct fuse_session *
fuse_session_new(struct fuse_args *args, operation *const *operations, size_t size, void *data)
{
	NEXT(fuse_session_new);

	return next(args, take(operations, size), size, data);
}

/* The same since libfuse 3.17. */
struct fuse_session *
fuse_session_new_versioned(struct fuse_args *args, operation *const *operations, size_t size,
    struct libfuse_version *version, void *data)
{
	NEXT(fuse_session_new_versioned);

	return next(args, take(operations, size), size, version, data);
}

/* mkdir(2) takes no set-id bits: neither those of a folder that is copied up nor that which make_folder() asks for. */
int
mkdirat(int dir, const char *name, mode_t mode)
{
	int result;
	NEXT(mkdirat);

	result = next(dir, name, mode);
	if (result < 0 || !is_on || !(mode & SET_ID))
		return result;
	return fchmodat(dir, name, mode & MODE, 0);
}

/* chown(2) takes the bits of a file away, which what has just been made keeps. */
int
fchown(int fd, uid_t uid, gid_t gid)
{
	struct stat st;
	int result;
	bool keeps = is_making && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_mode & SET_ID;
	NEXT(fchown);

	result = next(fd, uid, gid);
	return result == 0 && keeps ? fchmod(fd, st.st_mode & MODE) : result;
}

int
fchownat(int dir, const char *name, uid_t uid, gid_t gid, int flags)
{
	struct stat st;
	int result;
	bool keeps = is_making && fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	             S_ISREG(st.st_mode) && st.st_mode & SET_ID;
	NEXT(fchownat);

	result = next(dir, name, uid, gid, flags);
	return result == 0 && keeps ? fchmodat(dir, name, st.st_mode & MODE, 0) : result;
}

/* ---- what goes ---- */

/* Is there something in a layer below? One that hides it from the others is not looked at: a whiteout for nothing is none in the end. */
static bool
is_below(const char *path)
{
	struct stat st;

	for (size_t i = 0; i < n_lowers; i++)
		if (fstatat(lowers[i], path, &st, AT_SYMLINK_NOFOLLOW) == 0)
			return !(S_ISCHR(st.st_mode) && st.st_rdev == 0);
	return false;
}

/* Is it in a folder that shows nothing of those below? The program has a file in those that it makes. */
static bool
is_in_opaque(const char *path)
{
	char mark[PATH_MAX];
	struct stat st;

	for (const char *slash = strchr(path, '/'); slash; slash = strchr(slash + 1, '/')) {
		size_t length = (size_t)(slash - path) + 1;

		if (length + sizeof(OPAQUE_NAME) > sizeof(mark))
			return false;
		memcpy(mark, path, length);
		memcpy(mark + length, OPAQUE_NAME, sizeof(OPAQUE_NAME));
		if (fstatat(upper_fd, mark, &st, AT_SYMLINK_NOFOLLOW) == 0)
			return true;
	}
	return false;
}

/* Nothing of the upper is at @path any more: nothing shall be seen there. */
static int
hide_below(const char *path)
{
	if (!is_below(path) || is_in_opaque(path) || mknodat(upper_fd, path, S_IFCHR, 0) == 0 ||
	    errno == EEXIST)
		return 0;
	return -1;
}

/* The same for @name in the folder @dir of the upper. */
static int
hide_below_at(int dir, const char *name)
{
	char link[32], path[2 * PATH_MAX], top[PATH_MAX];
	ssize_t length, skip;
	NEXT(readlinkat);

	(void)snprintf(link, sizeof(link), "/proc/self/fd/%d", upper_fd);
	skip = next(AT_FDCWD, link, top, sizeof(top));
	(void)snprintf(link, sizeof(link), "/proc/self/fd/%d", dir);
	length = next(AT_FDCWD, link, path, PATH_MAX);
	if (skip < 0 || length < skip || memcmp(path, top, (size_t)skip) != 0) {
		errno = EIO; /* it renames nothing elsewhere */
		return -1;
	}
	(void)snprintf(path + length, sizeof(path) - (size_t)length, "/%s", name);
	return hide_below(path + skip + 1);
}

/* ---- what is copied up ---- */

static void
note_source(int dir, const char *path)
{
	size_t length = strlen(path);

	source.path[0] = '\0';
	if (is_on && !is_making && length < sizeof(source.path) &&
	    fstatat(dir, path, &source.st, AT_SYMLINK_NOFOLLOW) == 0)
		memcpy(source.path, path, length + 1);
}

static bool
is_source(int dir, const char *path)
{
	return is_on && !is_making && source.path[0] && strcmp(source.path, path) == 0 &&
	       is_upper(dir);
}

/* A source is opened with these flags and no others. An empty file stands for what is no file: a device must not be opened, a socket cannot be. */
static int
open_source(int dir, const char *path, uint64_t flags)
{
	if (!is_on || is_making || (flags & ~(uint64_t)(O_CLOEXEC | O_LARGEFILE)) != O_NONBLOCK)
		return -1;
	note_source(dir, path);
	if (!source.path[0] || S_ISREG(source.st.st_mode) || S_ISDIR(source.st.st_mode) ||
	    S_ISLNK(source.st.st_mode))
		return -1;
	return memfd_create("source", MFD_CLOEXEC);
}

/* What it looks at next is what it wants to know of a thing that it knows already. */
static void
note_unopened(const char *path, uint64_t flags)
{
	size_t length = strlen(path);
	int saved = errno;

	if (is_on && flags & O_NOFOLLOW && length < sizeof(unopened))
		memcpy(unopened, path, length + 1);
	errno = saved;
}

static bool
takes_mode(int flags)
{
	return flags & O_CREAT || (flags & O_TMPFILE) == O_TMPFILE;
}

/* @list: the mode, where there is one. */
static int
open_noted(typeof(openat) *next, int dir, const char *path, int flags, va_list list)
{
	mode_t mode = takes_mode(flags) ? va_arg(list, mode_t) : 0;
	int fd = open_source(dir, path, (uint64_t)flags);

	if (fd < 0)
		fd = next(dir, path, flags, mode);
	if (fd < 0)
		note_unopened(path, (uint64_t)flags);
	return fd;
}

int
openat(int dir, const char *path, int flags, ...)
{
	va_list list;
	int fd;
	NEXT(openat);

	va_start(list, flags);
	fd = open_noted(next, dir, path, flags, list);
	va_end(list);
	return fd;
}

int
openat64(int dir, const char *path, int flags, ...)
{
	va_list list;
	int fd;
	NEXT(openat64);

	va_start(list, flags);
	fd = open_noted(next, dir, path, flags, list);
	va_end(list);
	return fd;
}

/* openat2(2) has no function of its own. */
long
syscall(long number, ...)
{
	const struct open_how *how;
	long a[6], fd;
	va_list list;
	NEXT(syscall);

	va_start(list, number);
	for (size_t i = 0; i < sizeof(a) / sizeof(a[0]); i++)
		a[i] = va_arg(list, long);
	va_end(list);
	if (number != SYS_openat2) {
		fd = next(number, a[0], a[1], a[2], a[3], a[4], a[5]);
		if (fd == 0 && number == SYS_renameat2 && is_on &&
		    !(a[4] & (RENAME_WHITEOUT | RENAME_EXCHANGE)))
			return hide_below_at((int)a[0], (const char *)a[1]);
		return fd;
	}
	how = (const struct open_how *)a[2];
	fd = open_source((int)a[0], (const char *)a[1], how->flags);
	if (fd < 0)
		fd = next(number, a[0], a[1], a[2], a[3]);
	if (fd < 0)
		note_unopened((const char *)a[1], how->flags);
	return fd;
}

/* A look at what a name stands for, which has not been tried to open before: to be no folder it must not be a socket. */
int
statx(int dir, const char *path, int flags, unsigned int mask, struct statx *st)
{
	bool was_tried = strcmp(path, unopened) == 0;
	int result;
	NEXT(statx);

	result = next(dir, path, flags, mask, st);
	if (path[0])
		unopened[0] = '\0';
	if (result < 0 || !is_on || was_tried || !path[0] || mask & ~(unsigned int)TYPE_AND_NUMBER)
		return result;
	if (S_ISSOCK(st->stx_mode) || S_ISBLK(st->stx_mode))
		st->stx_mode = (uint16_t)(S_IFREG | (st->stx_mode & MODE));
	return result;
}

ssize_t
readlinkat(int dir, const char *path, char *target, size_t size)
{
	NEXT(readlinkat);

	note_source(dir, path);
	return next(dir, path, target, size);
}

/* The folder into which something is copied up keeps its times. */
struct folder {
	char path[PATH_MAX];
	struct timespec times[2];
};

static int
note_folder(struct folder *folder, int dir, const char *path)
{
	const char *slash = strrchr(path, '/');
	size_t length = slash ? (size_t)(slash - path) : 0;
	struct stat st;

	memcpy(folder->path, length ? path : ".", length ? length : 1);
	folder->path[length ? length : 1] = '\0';
	if (fstatat(dir, folder->path, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return -1;
	folder->times[0] = st.st_atim;
	folder->times[1] = st.st_mtim;
	return 0;
}

/* Owner, mode and times of the source for what is neither file nor folder. */
static int
dress(int dir, const char *name)
{
	const struct stat *st = &source.st;
	struct timespec times[2] = { st->st_atim, st->st_mtim };

	if (fchownat(dir, name, st->st_uid, st->st_gid, AT_SYMLINK_NOFOLLOW) < 0 ||
	    (!S_ISLNK(st->st_mode) && fchmodat(dir, name, st->st_mode & MODE, 0) < 0))
		return -1;
	return utimensat(dir, name, times, AT_SYMLINK_NOFOLLOW);
}

/* What the copy lacks, while it is in the work folder. */
static int
complete(int dir, const char *name)
{
	const struct stat *st = &source.st;

	if (S_ISDIR(st->st_mode))
		return 0;
	if (S_ISREG(st->st_mode))
		return st->st_mode & SET_ID ? fchmodat(dir, name, st->st_mode & MODE, 0) : 0;
	if (unlinkat(dir, name, 0) < 0 || mknodat(dir, name, st->st_mode, st->st_rdev) < 0)
		return -1;
	return dress(dir, name);
}

/* @path of the upper has gone into the work folder. */
static int
note_removal(int work, const char *path)
{
	struct folder folder;

	if (!unnamed_in)
		return hide_below(path);
	work_fd = work;
	if (note_folder(&folder, upper_fd, path) < 0)
		return -1;
	/* as it was before the file was made */
	folder.times[0] = answer.st.st_atim;
	folder.times[1] = answer.st.st_mtim;
	return utimensat(upper_fd, folder.path, folder.times, AT_SYMLINK_NOFOLLOW);
}

/* A file without a name gets one: it is in the work folder, which the program does not think of. */
int
linkat(int from_dir, const char *from, int to_dir, const char *to, int flags)
{
	int result;
	NEXT(linkat);

	result = next(from_dir, from, to_dir, to, flags);
	if (result == 0 || errno != ENOENT || !is_on || work_fd < 0 || !is_upper(from_dir))
		return result;
	return next(work_fd, from, to_dir, to, flags);
}

int
renameat(int from_dir, const char *from, int to_dir, const char *to)
{
	struct folder folder;
	NEXT(renameat);

	/* what is removed goes into the work folder */
	if (is_on && !is_making && is_upper(from_dir))
		return next(from_dir, from, to_dir, to) < 0 ? -1 : note_removal(to_dir, from);
	if (!is_source(to_dir, to))
		return next(from_dir, from, to_dir, to);
	if (complete(from_dir, from) < 0 || note_folder(&folder, to_dir, to) < 0 ||
	    next(from_dir, from, to_dir, to) < 0)
		return -1;
	source.path[0] = '\0';
	return utimensat(to_dir, folder.path, folder.times, AT_SYMLINK_NOFOLLOW);
}

int
symlinkat(const char *target, int dir, const char *path)
{
	struct folder folder;
	NEXT(symlinkat);

	if (!is_source(dir, path) || !S_ISLNK(source.st.st_mode))
		return next(target, dir, path);
	if (note_folder(&folder, dir, path) < 0 || next(target, dir, path) < 0 ||
	    dress(dir, path) < 0)
		return -1;
	source.path[0] = '\0';
	return utimensat(dir, folder.path, folder.times, AT_SYMLINK_NOFOLLOW);
}
