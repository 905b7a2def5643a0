/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuseoverlay - file trees from stacked directories by the program fuse-overlayfs.
 *
 * The mount is made here, detached, and the program is given the other end of it: libfuse serves a mount that is there already when it is
 * called "/dev/fd/N". /dev/fuse must be opened in the user namespace that the mount is to belong to.
 *
 * The program (up to 1.10 at least) copies links up without their owners and times, so that all of them are copied up here, at once, and
 * given them: what a step has copied up and what it has made anew could not be told apart. Likewise folders with set-id bits, which it loses. FIFOs and sockets it does not copy up at all: a step that changes one of an earlier step fails.
 * What a step makes in a set-group-ID folder does not get the folder's group (up to 1.10 at least): such a step is refused, since what it
 * meant cannot be told from what there is.
 */
#include "runtime/sandbox/fuseoverlay.h"

#include "runtime/base/buf.h"
#include "runtime/base/fd.h"
#include "runtime/base/mem.h"
#include "runtime/base/process.h"
#include "runtime/base/text.h"
#include "runtime/sandbox/mount.h"
#include "seccomp/owner.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#define PROGRAM "fuse-overlayfs"
#define DEVICE "/dev/fuse"
#define SAID_MAX (4U << 10)
#define DEPTH_MAX 400 /* two descriptors a level */
#define OPEN_DIR (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)

#define OPAQUE "user.overlay.opaque"
#define WHITEOUT_PREFIX ".wh."
#define OPAQUE_NAME ".wh..wh..opq"

/* What the program marks folders and files with, by its version and its rights. */
static const char *const foreign_prefixes[] = { "user.fuseoverlayfs.", "trusted.overlay.", OPAQUE,
	"user.overlay.origin", "user.overlay.impure" };

static int
explain_program(struct error *e)
{
	error_set(e, ERR_HOST, PROGRAM " is not installed");
	return error_hint(e, "install the package fuse-overlayfs");
}

int
fuseoverlay_check(struct error *e)
{
	autofree char *program = process_find(PROGRAM);
	autofd int device = -1;

	if (!program)
		return explain_program(e);
	device = open(DEVICE, O_RDWR | O_CLOEXEC);
	if (device >= 0)
		return 0;
	error_sys(e, "cannot open '" DEVICE "'");
	e->kind = ERR_HOST;
	return error_hint(e, "give it to the container (docker: --device /dev/fuse), or: "
			     "sudo chmod 666 /dev/fuse");
}

/* ---- mounting ---- */

static char *
options_text(const struct overlay_spec *spec)
{
	auto(buf) struct buf b = { 0 };

	buf_add_text(&b, "noacl,lowerdir=");
	for (size_t i = spec->n_lowers; i-- > 0;)
		buf_printf(&b, "/proc/self/fd/%d%s", spec->lowers[i], i > 0 ? ":" : "");
	if (spec->upper >= 0)
		buf_printf(&b, ",volatile,upperdir=/proc/self/fd/%d,workdir=/proc/self/fd/%d",
		    spec->upper, spec->work);
	return xstrdup(buf_text(&b));
}

/* The program goes into the background when it serves; until then it says what it has to say to @said. */
static int
serve(const struct overlay_spec *spec, int device, int said, struct error *e)
{
	autofree char *options = options_text(spec);
	autofree char *end = xasprintf("/dev/fd/%d", device);
	autofree int *keep = xcalloc(spec->n_lowers + 3, sizeof(*keep));
	auto(buf) struct buf text = { 0 };
	size_t n = 0;
	int status;
	char *argv[] = { (char[]){ PROGRAM }, (char[]){ "-o" }, options, end, NULL };

	for (size_t i = 0; i < spec->n_lowers; i++)
		keep[n++] = spec->lowers[i];
	keep[n++] = device;
	if (spec->upper >= 0) {
		keep[n++] = spec->upper;
		keep[n++] = spec->work;
	}
	status = process_run(&(struct process_spec){ .path = PROGRAM,
				 .argv = argv,
				 .in = -1,
				 .out = -1,
				 .err = said,
				 .keep = keep,
				 .n_keep = n },
	    NULL, 0, e);
	if (status == 0)
		return 0;
	if (status > 0) {
		(void)lseek(said, 0, SEEK_SET); /* a file in memory */
		(void)fd_read_all(said, &text, SAID_MAX, PROGRAM, e);
		text.len = strcspn(buf_text(&text), "\n");
		error_set(e, ERR_HOST, PROGRAM " ended with status %d: %.*s", status, (int)text.len,
		    buf_text(&text));
	}
	return -1;
}

static int
mount_stack(const struct overlay_spec *spec, struct error *e)
{
	autofd int device = open(DEVICE, O_RDWR | O_CLOEXEC);
	autofd int said = memfd_create(PROGRAM, MFD_CLOEXEC);
	autofd int fd = -1;
	char options[128];

	if (device < 0 || said < 0)
		return device < 0 ? fuseoverlay_check(e) : error_sys(e, "cannot make a file");
	snprintf(options, sizeof(options),
	    "fd=%d,rootmode=40000,user_id=0,group_id=0,default_permissions,allow_other", device);
	fd = mount_new_from("fuse", PROGRAM, options, 0, e);
	if (fd < 0 || serve(spec, device, said, e) < 0)
		return -1;
	return steal_fd(&fd);
}

/* ---- what the program loses when it copies up ---- */

struct rescue {
	int mount;
	struct buf path; /* of the folder that is walked; "" or with a '/' at its end */
	unsigned depth;
	size_t count; /* of what was copied up */
};

static int rescue_folder(struct rescue *r, int dir, struct error *e);

/* Also by their records; a change of owner changes no other time. */
static bool
has_same_owner(const struct stat *a, const struct stat *b)
{
	struct owner of_a = { 0 }, of_b = { 0 };
	bool is_recorded = owner_of_time(&a->st_atim, &of_a);

	return a->st_uid == b->st_uid && a->st_gid == b->st_gid &&
	       is_recorded == owner_of_time(&b->st_atim, &of_b) && of_a.uid == of_b.uid &&
	       of_a.gid == of_b.gid;
}

/* Changing the owner to what it is copies the thing up; from then on it is as it should be. */
static int
rescue_one(struct rescue *r, const struct stat *st, struct error *e)
{
	struct timespec times[2] = { st->st_atim, st->st_mtim };
	const char *path = buf_text(&r->path);
	struct stat seen;

	/* hidden by a layer above, or another thing there */
	if (fstatat(r->mount, path, &seen, AT_SYMLINK_NOFOLLOW) < 0 ||
	    (seen.st_mode & S_IFMT) != (st->st_mode & S_IFMT) || !has_same_owner(&seen, st) ||
	    seen.st_mtim.tv_sec != st->st_mtim.tv_sec ||
	    seen.st_mtim.tv_nsec != st->st_mtim.tv_nsec)
		return 0;
	r->count++;
	if (fchownat(r->mount, path, st->st_uid, st->st_gid, AT_SYMLINK_NOFOLLOW) < 0 ||
	    utimensat(r->mount, path, times, AT_SYMLINK_NOFOLLOW) < 0)
		return error_sys(e, "cannot keep the owner of '/%s'", path);
	return 0;
}

/* "path" of the folder that is walked; to be freed. */
static char *
rescue_path(const struct rescue *r)
{
	return r->path.len > 0 ? xstrndup(r->path.data, r->path.len - 1) : xstrdup(".");
}

/* Setting the mode that it has copies the folder up. */
static int
rescue_mode(struct rescue *r, const struct stat *st, struct error *e)
{
	struct timespec times[2] = { st->st_atim, st->st_mtim };
	autofree char *path = rescue_path(r);
	struct stat seen;

	if (fstatat(r->mount, path, &seen, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISDIR(seen.st_mode) ||
	    seen.st_mode != st->st_mode)
		return 0;
	r->count++;
	if (fchmodat(r->mount, path, st->st_mode & 07777, 0) < 0 ||
	    utimensat(r->mount, path, times, AT_SYMLINK_NOFOLLOW) < 0)
		return error_sys(e, "cannot keep the mode of '/%s'", path);
	return 0;
}

static int
rescue_entry(struct rescue *r, int dir, const char *name, struct error *e)
{
	size_t length = r->path.len;
	struct stat st;
	int result = 0;

	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return error_sys(e, "cannot look at '%s'", name);
	buf_add_text(&r->path, name);
	if (S_ISDIR(st.st_mode)) {
		autofd int below = openat(dir, name, OPEN_DIR);

		buf_add_char(&r->path, '/');
		if (below < 0)
			result = error_sys(e, "cannot open '%s'", name);
		/* before anything below it has it copied up without them */
		else if (st.st_mode & (S_ISUID | S_ISGID))
			result = rescue_mode(r, &st, e);
		if (result == 0)
			result = rescue_folder(r, below, e);
	} else if (S_ISLNK(st.st_mode)) {
		result = rescue_one(r, &st, e);
	}
	buf_truncate(&r->path, length);
	return result;
}

static int
refuse_depth(struct error *e)
{
	error_set(e, ERR_INPUT, "folders are more than %d deep", DEPTH_MAX);
	return error_hint(e, "--snapshots copy has no such limit");
}

static bool
is_dot(const char *name)
{
	return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

static int
rescue_folder(struct rescue *r, int dir, struct error *e)
{
	autodir DIR *list = fd_opendir(dir, e);
	autofree char *path = rescue_path(r);
	const struct dirent *entry;
	size_t before = r->count;
	int result = list ? 0 : -1;
	struct stat was;
	bool is_shown = fstatat(r->mount, path, &was, AT_SYMLINK_NOFOLLOW) == 0;

	if (++r->depth > DEPTH_MAX)
		return refuse_depth(e);
	/* the type that the folder has of a name saves looking at files */
	while (result == 0 && (entry = readdir(list)))
		if (!is_dot(entry->d_name) && (entry->d_type == DT_LNK || entry->d_type == DT_DIR ||
						  entry->d_type == DT_UNKNOWN))
			result = rescue_entry(r, dir, entry->d_name, e);
	r->depth--;
	if (result < 0 || !is_shown || r->count == before)
		return result;
	/* what was copied up into it has moved its time */
	if (utimensat(r->mount, path, (struct timespec[2]){ was.st_atim, was.st_mtim },
		AT_SYMLINK_NOFOLLOW) < 0)
		return error_sys(e, "cannot keep the time of '/%s'", path);
	return 0;
}

static int
rescue(const struct overlay_spec *spec, int mount, struct error *e)
{
	struct rescue r = { .mount = mount };
	int result = 0;

	for (size_t i = spec->n_lowers; i-- > 0 && result == 0;)
		result = rescue_folder(&r, spec->lowers[i], e);
	buf_release(&r.path);
	return result;
}

int
fuseoverlay_mount(const struct overlay_spec *spec, struct error *e)
{
	autofd int fd = -1;

	if (spec->n_lowers == 0 || (spec->n_lowers == 1 && spec->upper < 0))
		return overlay_mount(spec, e); /* no stack: a bind */
	if (spec->n_lowers > OVERLAY_LOWERS_MAX)
		return error_set(e, ERR_INPUT, "%zu layers in one mount, at most %d are stacked",
		    spec->n_lowers, OVERLAY_LOWERS_MAX);
	fd = mount_stack(spec, e);
	if (fd < 0 || (spec->upper >= 0 && rescue(spec, fd, e) < 0))
		return -1;
	return steal_fd(&fd);
}

/* ---- what it leaves in an upper ---- */

struct below;
struct settling {
	const struct overlay_spec *spec;
	int mount;
	unsigned depth;
	struct buf path; /* of the folder that is walked; "" or with a '/' before each name */
	char *
	    doubtful; /* the first that is new in a folder that gives its group, and has not got it; NULL */
};

static int settle_folder(struct settling *s, int dir, const struct below *below, struct error *e);

/*
 * Takes away the program's own attributes. Marks of opaque folders go, too: the program copies that of a lower folder up, which would hide
 * what it is to show; where it made one itself, there is OPAQUE_NAME.
 */
static int
settle_attributes(int fd, struct error *e)
{
	char names[4096];
	ssize_t length = flistxattr(fd, names, sizeof(names));

	if (length < 0)
		return errno == ENOTSUP || errno == ERANGE
		           ? 0
		           : error_sys(e, "cannot list attributes of a snapshot's file");
	for (const char *name = names; name < names + length; name += strlen(name) + 1) {
		bool is_foreign = false;

		for (size_t i = 0; i < ARRAY_LEN(foreign_prefixes) && !is_foreign; i++)
			is_foreign = text_starts_with(name, foreign_prefixes[i]);
		if (!is_foreign)
			continue;
		if (fremovexattr(fd, name) < 0 && errno != ENODATA)
			return error_sys(e, "cannot remove attribute '%s'", name);
	}
	return 0;
}

static int
settle_whiteout(int dir, const char *name, struct error *e)
{
	const char *hidden = name + strlen(WHITEOUT_PREFIX);
	struct stat st;

	if (unlinkat(dir, name, 0) < 0)
		return error_sys(e, "cannot remove '%s'", name);
	/* marks of the program's that hide nothing: ".wh..opq" beside an opaque folder's, and those of marks */
	if (strcmp(hidden, ".opq") == 0 || text_starts_with(hidden, WHITEOUT_PREFIX) ||
	    fstatat(dir, hidden, &st, AT_SYMLINK_NOFOLLOW) == 0)
		return 0;
	return mknodat(dir, hidden, S_IFCHR, makedev(0, 0)) < 0
	           ? error_sys(e, "cannot make a whiteout for '%s'", hidden)
	           : 0;
}

/* The folders of the lowers that a folder of the upper is shown with, the uppermost first. */
struct below {
	int *fds;
	size_t count;
};

static void
below_release(struct below *below)
{
	for (size_t i = 0; i < below->count; i++)
		(void)close(below->fds[i]); /* read-only */
	free(below->fds);
}

static bool
is_gone(const struct stat *st)
{
	return S_ISCHR(st->st_mode) && st->st_rdev == makedev(0, 0);
}

/* Those called @name: down to the first that is no folder, or opaque. */
static void
below_open(const struct below *parent, const char *name, struct below *below)
{
	char value[2];

	*below = (struct below){ .fds = xcalloc(parent->count + 1, sizeof(int)) };
	for (size_t i = 0; i < parent->count; i++) {
		struct stat st;
		int fd;

		if (fstatat(parent->fds[i], name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		fd = S_ISDIR(st.st_mode) ? openat(parent->fds[i], name, OPEN_DIR) : -1;
		if (fd < 0)
			return;
		below->fds[below->count++] = fd;
		if (fgetxattr(fd, OPAQUE, value, sizeof(value)) == 1 && value[0] == 'y')
			return;
	}
}

static bool
below_has(const struct below *below, const char *name)
{
	struct stat st;

	for (size_t i = 0; i < below->count; i++)
		if (fstatat(below->fds[i], name, &st, AT_SYMLINK_NOFOLLOW) == 0)
			return !is_gone(&st);
	return false;
}

/* A link that was copied up before the step began, and is as it was. */
static bool
is_rescued(const struct below *below, const char *name, const struct stat *st)
{
	struct stat lower;

	if (!S_ISLNK(st->st_mode))
		return false;
	for (size_t i = 0; i < below->count; i++)
		if (fstatat(below->fds[i], name, &lower, AT_SYMLINK_NOFOLLOW) == 0)
			return S_ISLNK(lower.st_mode) &&
			       lower.st_mtim.tv_sec == st->st_mtim.tv_sec &&
			       lower.st_mtim.tv_nsec == st->st_mtim.tv_nsec;
	return false;
}

/*
 * Has the step copied something up into the folder, and made or removed no name? The copying has moved the folder's time all the same, which
 * the kernel's overlay moves back.
 */
static bool
is_only_copied(int dir, const struct below *below)
{
	struct error ignored = ERROR_INIT;
	autodir DIR *list = fd_opendir(dir, &ignored);
	const struct dirent *entry;
	bool any = false;
	struct stat st;

	if (!list || below->count == 0)
		return false;
	while ((entry = readdir(list))) {
		if (is_dot(entry->d_name))
			continue;
		if (!below_has(below, entry->d_name) ||
		    fstatat(dir, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0 || is_gone(&st))
			return false;
		any = any || !is_rescued(below, entry->d_name, &st);
	}
	return any;
}

static int
settle_times(
    int dir, const struct below *below, bool opaque, const struct stat *was, struct error *e)
{
	struct timespec times[2] = { was->st_atim, was->st_mtim };
	struct stat st;

	if (!opaque && is_only_copied(dir, below) && fstat(below->fds[0], &st) == 0)
		times[1] = st.st_mtim;
	if (futimens(dir, times) < 0)
		return error_sys(e, "cannot set the times of a snapshot's folder");
	return 0;
}

static int
settle_entry(
    struct settling *s, int dir, const struct below *parent, const char *name, struct error *e)
{
	struct below below = { 0 };
	autofd int fd = -1;
	struct stat st;
	size_t length;
	int result;

	if (text_starts_with(name, WHITEOUT_PREFIX))
		return settle_whiteout(dir, name, e);
	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return error_sys(e, "cannot look at '%s'", name);
	if (!S_ISDIR(st.st_mode) && !S_ISREG(st.st_mode))
		return 0;
	fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return error_sys(e, "cannot open '%s'", name);
	if (!S_ISDIR(st.st_mode))
		return settle_attributes(fd, e);
	below_open(parent, name, &below);
	length = s->path.len;
	buf_printf(&s->path, "/%s", name);
	result = settle_folder(s, fd, &below, e);
	buf_truncate(&s->path, length);
	below_release(&below);
	return result;
}

/* What is new in a folder that gives its group has that group, and a folder gives it on. */
static void
check_group(struct settling *s, int dir, const struct stat *folder, const struct below *below,
    const char *name)
{
	struct stat st;

	if (s->doubtful || text_starts_with(name, WHITEOUT_PREFIX) || below_has(below, name) ||
	    fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0 || is_gone(&st))
		return;
	if (st.st_gid != folder->st_gid || (S_ISDIR(st.st_mode) && !(st.st_mode & S_ISGID)))
		s->doubtful = xasprintf("%s/%s", buf_text(&s->path), name);
}

static bool
gives_group(const struct stat *folder, const struct below *below)
{
	struct stat st;

	/* it may have given it before the step changed that */
	return folder->st_mode & S_ISGID ||
	       (below->count > 0 && fstat(below->fds[0], &st) == 0 && st.st_mode & S_ISGID);
}

static int
settle_folder(struct settling *s, int dir, const struct below *below, struct error *e)
{
	static const struct below nothing;
	autodir DIR *list = fd_opendir(dir, e);
	const struct dirent *entry;
	bool opaque = false, gives;
	struct stat st;
	int result = list ? 0 : -1;

	if (++s->depth > DEPTH_MAX)
		return refuse_depth(e);
	if (result == 0 && fstat(dir, &st) < 0)
		return error_sys(e, "cannot look at a snapshot's folder");
	if (result == 0 && unlinkat(dir, OPAQUE_NAME, 0) == 0)
		opaque = true;
	gives = result == 0 && gives_group(&st, opaque ? &nothing : below);
	while (result == 0 && (entry = readdir(list))) {
		if (is_dot(entry->d_name) || strcmp(entry->d_name, OPAQUE_NAME) == 0)
			continue;
		if (gives)
			check_group(s, dir, &st, opaque ? &nothing : below, entry->d_name);
		result = settle_entry(s, dir, below, entry->d_name, e);
	}
	s->depth--;
	if (result == 0)
		result = settle_attributes(dir, e);
	if (result == 0 && opaque && fsetxattr(dir, OPAQUE, "y", 1, 0) < 0)
		result = error_sys(e, "cannot mark an opaque folder");
	return result < 0 ? -1 : settle_times(dir, below, opaque, &st, e);
}

#define TRY_NAME ".croze-group"

/* Does this program give what is made in a folder its group? Tried where it serves still. */
static bool
tries_to_give(int mount)
{
	struct stat st;
	bool gives =
	    mkdirat(mount, TRY_NAME, 0755) == 0 && fchmodat(mount, TRY_NAME, 02755, 0) == 0 &&
	    mkdirat(mount, TRY_NAME "/new", 0755) == 0 &&
	    fstatat(mount, TRY_NAME "/new", &st, AT_SYMLINK_NOFOLLOW) == 0 && st.st_mode & S_ISGID;

	(void)unlinkat(mount, TRY_NAME "/new", AT_REMOVEDIR); /* it may not have been made */
	(void)unlinkat(mount, TRY_NAME, AT_REMOVEDIR);        /* likewise */
	return gives;
}

static int
check_doubtful(const struct settling *s, struct error *e)
{
	int upper = s->spec->upper;
	struct stat st;

	if (fstat(upper, &st) < 0)
		return error_sys(e, "cannot look at a snapshot's folder");
	if (tries_to_give(s->mount)) {
		struct timespec times[2] = { st.st_atim, st.st_mtim };

		if (settle_attributes(upper, e) < 0)
			return -1;
		return futimens(upper, times) < 0
		           ? error_sys(e, "cannot set the times of a snapshot's folder")
		           : 0;
	}
	error_set(e, ERR_HOST,
	    "'%s' was made in a set-group-ID folder, whose group this fuse-overlayfs does not give",
	    s->doubtful);
	return error_hint(e, "--snapshots copy, or install a newer fuse-overlayfs");
}

int
fuseoverlay_settle(const struct overlay_spec *spec, int mount, struct error *e)
{
	struct settling s = { .spec = spec, .mount = mount };
	struct below below = { .fds = xcalloc(spec->n_lowers + 1, sizeof(int)) };
	autofd int dir = openat(mount, ".", OPEN_DIR);
	int result = 0;

	/* what the kernel still holds back of written files and times; the disk is the store's business */
	if (dir < 0 || syncfs(dir) < 0)
		result = error_sys(e, "cannot write out the files of a step");
	for (size_t i = spec->n_lowers; i-- > 0 && result == 0;) {
		below.fds[below.count] = fcntl(spec->lowers[i], F_DUPFD_CLOEXEC, 3);
		if (below.fds[below.count] < 0)
			result = error_sys(e, "cannot copy a descriptor");
		else
			below.count++;
	}
	if (result == 0)
		result = settle_folder(&s, spec->upper, &below, e);
	if (result == 0 && s.doubtful)
		result = check_doubtful(&s, e);
	buf_release(&s.path);
	free(s.doubtful);
	below_release(&below);
	return result;
}
