/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuseoverlay_load - loaded into fuse-overlayfs (LD_PRELOAD), so that its files become what they are in the kernel's overlay.
 *
 * Two modules are in what is loaded: this one has the operations by which something new is made, fuseoverlay_copy what is copied up and what
 * is taken away.
 *
 * The program (1.10, of Debian 12) does not give what is made in a set-group-ID folder the folder's group, nor new folders there the bit, and
 * takes set-id bits of others' files away. So these operations are ours first: the program is asked for the parent, which copies that up, and
 * the caller's group becomes that of the parent where it is to be. While such an operation goes on, what the program makes is new; at any other
 * time it is copied up.
 *
 * libfuse 3.14 knows no files without a name (O_TMPFILE): what the kernel asks is changed into making one with a name, which is removed before
 * the answer; the folder keeps its times.
 *
 * Nothing of libfuse is needed to build this: what is known of it is the order of its operations and the beginning of what it says of a
 * caller, which are fixed for libfuse3.so.3. Where a program is linked without libraries, or all this has no effect for another reason,
 * probe_kept_in() finds it out.
 */
#include "runtime/sandbox/fuseoverlay_load.h"

#include "runtime/sandbox/fuseoverlay_copy.h"

#include <fcntl.h>
#include <linux/fuse.h>
#include <stdint.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#define TMPFILE 51 /* FUSE_TMPFILE, which older headers have not */
#define UNNAMED ".croze-\001unnamed"

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

static bool is_on; /* there is an upper */

/* All of this is of one operation. */
static _Thread_local bool is_asking;      /* answers are for us */
static _Thread_local bool is_making;      /* something new */
static _Thread_local uint64_t unnamed_in; /* the folder in which a file without a name is made; 0 */
static _Thread_local struct {
	bool is_set;
	struct stat st;
} answer;

__attribute__((constructor)) static void
begin(void)
{
	is_on = fuse_copy_open();
}

static void
making(bool is)
{
	is_making = is;
	fuse_copy_pause(is);
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
	making(true);
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
	making(false);
}

static void
make_folder(struct fuse_req *req, uint64_t parent, const char *name, mode_t mode)
{
	bool gives = start_making(req, parent);

	program.mkdir(req, parent, name, gives ? mode | S_ISGID : mode);
	making(false);
}

static void
make_link(struct fuse_req *req, const char *target, uint64_t parent, const char *name)
{
	(void)start_making(req, parent);
	program.symlink(req, target, parent, name);
	making(false);
}

static void
make_file(struct fuse_req *req, uint64_t parent, const char *name, mode_t mode, void *file)
{
	(void)start_making(req, parent);
	unnamed_in = strcmp(name, UNNAMED) == 0 ? parent : 0;
	program.create(req, parent, name, mode, file);
	unnamed_in = 0;
	making(false);
}

/* The file is there, and open: its name goes before anybody sees it. */
int
fuse_reply_create(struct fuse_req *req, const void *entry, const void *file)
{
	NEXT(fuse_reply_create);

	if (unnamed_in) {
		making(false);
		fuse_copy_unnamed(&answer.st);
		is_asking = true;
		program.unlink(req, unnamed_in, UNNAMED);
		is_asking = false;
		fuse_copy_unnamed(NULL);
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

/* chown(2) takes the bits of a file away, which what has just been made keeps. */
int
fchown(int fd, uid_t uid, gid_t gid)
{
	struct stat st;
	int result;
	bool keeps =
	    is_making && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_mode & FUSE_SET_ID;
	NEXT(fchown);

	result = next(fd, uid, gid);
	return result == 0 && keeps ? fchmod(fd, st.st_mode & FUSE_MODE) : result;
}

int
fchownat(int dir, const char *name, uid_t uid, gid_t gid, int flags)
{
	struct stat st;
	int result;
	bool keeps = is_making && fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	             S_ISREG(st.st_mode) && st.st_mode & FUSE_SET_ID;
	NEXT(fchownat);

	result = next(dir, name, uid, gid, flags);
	return result == 0 && keeps ? fchmodat(dir, name, st.st_mode & FUSE_MODE, 0) : result;
}
