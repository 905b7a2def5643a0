/* SPDX-License-Identifier: Apache-2.0 */
/*
 * answer_name - new names in folders: opening and making files, links and folders.
 *
 * Root's calls go on in the kernel, but for what it makes in a folder that gives its group away. Another user's are checked
 * here; what exists is left to the kernel then, what is made is made here, with its owner.
 */
#include "seccomp/call.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#define MAX_STATUS 8192

/* ---- new files ---- */

/* Does the folder give its group to what is made in it, and is that not root's? */
static bool
folder_gives(const char *folder)
{
	char value[OWNER_TEXT_MAX];
	struct owner owner;
	struct stat st;
	ssize_t n;

	if (fstatat(AT_FDCWD, folder, &st, 0) < 0 || !(st.st_mode & S_ISGID))
		return false;
	n = getxattr(folder, OWNER_XATTR, value, sizeof(value));
	return n > 0 && owner_parse(value, (size_t)n, &owner) && owner.gid != 0;
}

bool
call_gives_group(const char *path)
{
	char folder[CALL_PATH_MAX];
	size_t length = strlen(path);

	/* "/folder/new/" is in "/folder", too */
	while (length > 1 && path[length - 1] == '/')
		length--;
	while (length > 1 && path[length - 1] != '/')
		length--;
	memcpy(folder, path, length);
	folder[length] = '\0';
	return folder_gives(folder);
}

/* Has the kernel nothing to do differently from what it would do for root? */
static bool
is_for_kernel(const struct call *c, int dirfd, uint64_t address, bool makes)
{
	char path[CALL_PATH_MAX];
	bool is_fd;

	if (!creds_are_plain(c->creds))
		return false;
	if (!makes)
		return true;
	return call_path(c, dirfd, address, 0, path, &is_fd) != 0 || !call_gives_group(path);
}

struct owner
owner_of_new(const struct call *c, const struct stat *folder)
{
	return (struct owner){ c->creds->fsuid,
		folder->st_mode & S_ISGID ? folder->st_gid : c->creds->fsgid };
}

int
spot_find_new(const struct call *c, const char *path, struct spot *spot)
{
	int failed = spot_find(c, path, false, spot);

	if (failed)
		return failed;
	if (spot->is_foreign)
		return -1;
	if (spot->exists || !spot->name[0])
		return EEXIST;
	return access_may(c->creds, &spot->dir_st, W_OK | X_OK) ? 0 : EACCES;
}

/* Finds where something new shall be. 0 with a @spot to make it at; -1 when the kernel shall answer; an errno. */
static int
find_new(const struct call *c, int dirfd, uint64_t address, struct spot *spot)
{
	char path[CALL_PATH_MAX];
	bool is_fd;
	int failed = call_path(c, dirfd, address, 0, path, &is_fd);

	return failed ? failed : spot_find_new(c, path, spot);
}

int
spot_own(const struct spot *spot, const struct owner *owner)
{
	char path[NAME_MAX + 32], text[OWNER_TEXT_MAX];
	struct stat st;

	if (owner->uid == 0 && owner->gid == 0)
		return 0;
	if (fstatat(spot->dir, spot->name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno;
	if (!owner_is_attribute(st.st_mode))
		return owner_set_at(spot->dir, spot->name, owner) < 0 ? errno : 0;
	(void)snprintf(path, sizeof(path), "self/fd/%d/%s", spot->dir, spot->name);
	if (lsetxattr(path, OWNER_XATTR, text, owner_format(owner, text), 0) == 0 ||
	    errno == ENOTSUP)
		return 0;
	return errno;
}

static void
conclude(struct call *c, int failed)
{
	if (failed < 0)
		call_continue(c);
	else if (failed > 0)
		call_fail(c, failed);
	else
		call_return(c, 0);
}

/* What makes one thing at a spot; an errno. */
struct making {
	mode_t mode;
	dev_t rdev;
	const char *target; /* of a link */
};

static int
make_at(const struct call *c, const struct spot *spot, const struct making *m)
{
	mode_t mask = umask(m->target ? 0 : call_umask(c));
	char text[OWNER_TEXT_MAX];
	int result = 0, fd;

	if (m->target) {
		result = symlinkat(m->target, spot->dir, spot->name);
	} else if (S_ISDIR(m->mode)) {
		result = mkdirat(spot->dir, spot->name, m->mode & 07777);
	} else if (S_ISCHR(m->mode) || S_ISBLK(m->mode)) {
		fd = openat(spot->dir, spot->name,
		    O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, m->mode & 0777);
		result = fd < 0 ? -1
		                : fsetxattr(fd, OWNER_DEVICE, text,
				      owner_device_format(m->mode, m->rdev, text), 0);
		if (fd >= 0)
			(void)close(fd); /* empty */
	} else {
		result = mknodat(
		    spot->dir, spot->name, access_mode_of_new(c->creds, &spot->dir_st, m->mode), 0);
	}
	fd = errno;
	(void)umask(mask);
	return result < 0 ? fd : 0;
}

static void
make(struct call *c, int dirfd, uint64_t address, const struct making *m)
{
	struct spot spot = SPOT_INIT;
	struct owner owner;
	bool is_device = S_ISCHR(m->mode) || S_ISBLK(m->mode);
	int failed = find_new(c, dirfd, address, &spot);

	if (failed == 0 && is_device && !creds_have(c->creds, CAP_MKNOD))
		failed = EPERM;
	if (failed == 0)
		failed = make_at(c, &spot, m);
	owner = owner_of_new(c, &spot.dir_st);
	if (failed == 0)
		failed = spot_own(&spot, &owner);
	spot_release(&spot);
	conclude(c, failed);
}

static void
make_folder(struct call *c, int dirfd, uint64_t address, uint64_t mode)
{
	struct making m = { .mode = S_IFDIR | (mode & 07777) };

	if (is_for_kernel(c, dirfd, address, true))
		call_continue(c);
	else
		make(c, dirfd, address, &m);
}

void
answer_mkdir(struct call *c)
{
	make_folder(c, AT_FDCWD, c->data->args[0], c->data->args[1]);
}

void
answer_mkdirat(struct call *c)
{
	make_folder(c, (int)c->data->args[0], c->data->args[1], c->data->args[2]);
}

/* The device number as system calls have it is that of the C library, for all numbers below 2^20. */
static void
make_node(struct call *c, int dirfd, uint64_t address, uint64_t mode, uint64_t rdev)
{
	struct making m = { .mode = (mode_t)mode, .rdev = (dev_t)(uint32_t)rdev };
	bool is_device = S_ISCHR(m.mode) || S_ISBLK(m.mode);

	if ((m.mode & S_IFMT) == 0)
		m.mode |= S_IFREG;
	if (!is_device && is_for_kernel(c, dirfd, address, true))
		call_continue(c);
	else
		make(c, dirfd, address, &m);
}

void
answer_mknod(struct call *c)
{
	make_node(c, AT_FDCWD, c->data->args[0], c->data->args[1], c->data->args[2]);
}

void
answer_mknodat(struct call *c)
{
	make_node(c, (int)c->data->args[0], c->data->args[1], c->data->args[2], c->data->args[3]);
}

static void
make_link(struct call *c, uint64_t target, int dirfd, uint64_t address)
{
	char text[PATH_MAX];
	struct making m = { .mode = S_IFLNK | 0777, .target = text };
	int failed;

	if (is_for_kernel(c, dirfd, address, true)) {
		call_continue(c);
		return;
	}
	failed = call_read_text(c, target, text, sizeof(text));
	if (failed)
		call_fail(c, failed);
	else
		make(c, dirfd, address, &m);
}

void
answer_symlink(struct call *c)
{
	make_link(c, c->data->args[0], AT_FDCWD, c->data->args[1]);
}

void
answer_symlinkat(struct call *c)
{
	make_link(c, c->data->args[0], (int)c->data->args[1], c->data->args[2]);
}

/* ---- opening ---- */

struct opening {
	int dirfd;
	uint64_t path;
	uint64_t flags;
	mode_t mode;
};

static int
wanted(uint64_t flags)
{
	int want = 0;

	if (flags & O_PATH)
		return 0;
	if ((flags & O_ACCMODE) != O_WRONLY)
		want |= R_OK;
	if ((flags & O_ACCMODE) != O_RDONLY || flags & O_TRUNC)
		want |= W_OK;
	return want;
}

/* Gives the caller a descriptor of a new file with its owner. */
static int
create(struct call *c, const struct opening *o, const struct spot *spot)
{
	int flags = (int)o->flags | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK, fd, saved;
	bool is_tmpfile = (o->flags & O_TMPFILE) == O_TMPFILE;
	const struct stat *folder = is_tmpfile && spot->exists ? &spot->st : &spot->dir_st;
	struct owner owner = owner_of_new(c, folder);
	mode_t mask = umask(call_umask(c));

	fd = openat(spot->dir, is_tmpfile && !spot->name[0] ? "." : spot->name, flags,
	    access_mode_of_new(c->creds, folder, o->mode & 07777));
	saved = errno;
	(void)umask(mask);
	if (fd < 0)
		return saved;
	if (!(o->flags & O_NONBLOCK))
		(void)fcntl(fd, F_SETFL, (int)o->flags & ~O_NONBLOCK); /* cannot fail for these */
	saved = owner_set(fd, &owner) < 0 && errno != ENOTSUP ? errno : 0;
	if (!saved && notify_answer_fd(c->listener, c->id, fd, o->flags & O_CLOEXEC) < 0)
		saved = errno;
	(void)close(fd); /* the caller has a copy */
	return saved;
}

/* What is there is refused for what it is before it is for whose it is: the kernel knows that. */
static bool
is_wrong_kind(const struct opening *o, const struct spot *spot)
{
	bool is_folder = S_ISDIR(spot->st.st_mode);

	if ((o->flags & (O_CREAT | O_EXCL)) == (O_CREAT | O_EXCL) || S_ISLNK(spot->st.st_mode))
		return true;
	if (is_folder)
		return (wanted(o->flags) & W_OK || o->flags & O_CREAT) &&
		       (o->flags & O_TMPFILE) != O_TMPFILE;
	return spot->wants_folder || o->flags & O_DIRECTORY;
}

/* 0: answered; -1: the kernel shall; an errno. */
static int
open_spot(struct call *c, const struct opening *o, const struct spot *spot)
{
	if (spot->is_foreign)
		return !(o->flags & O_PATH) && spot_is_refused(c, spot, wanted(o->flags)) ? EACCES
		                                                                          : -1;
	if (spot->exists && (o->flags & O_PATH || is_wrong_kind(o, spot)))
		return -1;
	if (spot->exists && (o->flags & O_TMPFILE) == O_TMPFILE)
		return access_may(c->creds, &spot->st, W_OK | X_OK) ? create(c, o, spot) : EACCES;
	if (spot->exists && !access_may(c->creds, &spot->st, wanted(o->flags)))
		return EACCES;
	if (spot->exists)
		return o->flags & O_NOATIME && spot->st.st_uid != c->creds->fsuid &&
		               !creds_have(c->creds, CAP_FOWNER)
		           ? EPERM
		           : -1;
	if (!(o->flags & O_CREAT) || (o->flags & O_TMPFILE) == O_TMPFILE)
		return ENOENT;
	if (spot->wants_folder)
		return EISDIR;
	return access_may(c->creds, &spot->dir_st, W_OK | X_OK) ? create(c, o, spot) : EACCES;
}

/* "/proc/N/status" and "/proc/self/status" say the ids of the kernel, which are nobody's here. */
static bool
is_status(const char *path)
{
	const char *name = strncmp(path, "/proc/", 6) == 0 ? path + 6 : NULL;

	return name && strcmp(name + strcspn(name, "/"), "/status") == 0;
}

static void
add_ids(char *text, size_t room, const char *name, const uint32_t ids[4])
{
	(void)snprintf(text, room, "%s\t%u\t%u\t%u\t%u\n", name, ids[0], ids[1], ids[2], ids[3]);
}

/* The line of @status that begins with @name is written anew. */
static void
write_status_line(int to, const char *line, size_t length, const struct creds *of)
{
	char text[128] = "";

	if (strncmp(line, "Uid:", 4) == 0)
		add_ids(text, sizeof(text),
		    "Uid:", (uint32_t[4]){ of->ruid, of->euid, of->suid, of->fsuid });
	else if (strncmp(line, "Gid:", 4) == 0)
		add_ids(text, sizeof(text),
		    "Gid:", (uint32_t[4]){ of->rgid, of->egid, of->sgid, of->fsgid });
	else if (strncmp(line, "CapInh:", 7) == 0)
		(void)snprintf(
		    text, sizeof(text), "CapInh:\t%016llx\n", (unsigned long long)of->inheritable);
	else if (strncmp(line, "CapPrm:", 7) == 0)
		(void)snprintf(
		    text, sizeof(text), "CapPrm:\t%016llx\n", (unsigned long long)of->permitted);
	else if (strncmp(line, "CapEff:", 7) == 0)
		(void)snprintf(
		    text, sizeof(text), "CapEff:\t%016llx\n", (unsigned long long)of->effective);
	else if (strncmp(line, "CapBnd:", 7) == 0)
		(void)snprintf(
		    text, sizeof(text), "CapBnd:\t%016llx\n", (unsigned long long)of->bounding);
	else if (strncmp(line, "CapAmb:", 7) == 0)
		(void)snprintf(
		    text, sizeof(text), "CapAmb:\t%016llx\n", (unsigned long long)of->ambient);
	else if (strncmp(line, "NoNewPrivs:", 11) == 0)
		(void)snprintf(text, sizeof(text), "NoNewPrivs:\t%d\n", of->no_new_privs);
	if (strncmp(line, "Groups:", 7) == 0) {
		(void)!write(to, "Groups:\t", 8); /* a file in memory */
		for (size_t i = 0; i < of->n_groups; i++) {
			(void)snprintf(text, sizeof(text), "%u ", of->groups[i]);
			(void)!write(to, text, strlen(text));
		}
		(void)snprintf(text, sizeof(text), "\n");
	}
	if (text[0])
		(void)!write(to, text, strlen(text));
	else
		(void)!write(to, line, length);
}

int
call_copy_status(const struct creds *of, int from)
{
	char text[MAX_STATUS + 1];
	ssize_t n = read(from, text, MAX_STATUS);
	int to = memfd_create("status", MFD_CLOEXEC);

	if (n < 0 || to < 0) {
		if (to >= 0)
			(void)close(to); /* empty */
		return -1;
	}
	text[n] = '\0';
	for (const char *line = text; *line;) {
		size_t length = strcspn(line, "\n") + 1;

		if (line[length - 1] == '\0')
			length--;
		write_status_line(to, line, length, of);
		line += length;
	}
	(void)lseek(to, 0, SEEK_SET); /* cannot fail */
	return to;
}

/* true when answered */
static bool
open_status(struct call *c, const char *path, uint64_t flags)
{
	char real[64];
	pid_t pid = c->task.pid, named;
	struct creds *of = NULL;
	int from, to = -1;

	if (!c->ids->any_other || !is_status(path) || (flags & O_ACCMODE) != O_RDONLY)
		return false;
	named = (pid_t)strtol(path + 6, NULL, 10);
	if (named > 0) {
		of = task_creds_of(c, named);
		(void)snprintf(real, sizeof(real), "/proc/%d/status", (int)named);
	} else if (strncmp(path + 6, "self/", 5) == 0) {
		of = creds_hold(c->creds);
		(void)snprintf(real, sizeof(real), "/proc/%d/status", (int)task_inner_pid(pid));
	}
	from = of ? open(real, O_RDONLY | O_CLOEXEC) : -1;
	if (from >= 0) {
		to = call_copy_status(of, from);
		(void)close(from); /* read-only */
	}
	creds_drop(of);
	if (to < 0)
		return false;
	if (notify_answer_fd(c->listener, c->id, to, flags & O_CLOEXEC) < 0)
		call_fail(c, errno);
	(void)close(to); /* the caller has a copy */
	return true;
}

static void
open_file(struct call *c, const struct opening *o)
{
	bool is_tmpfile = (o->flags & O_TMPFILE) == O_TMPFILE, is_fd;
	bool makes = is_tmpfile || o->flags & O_CREAT;
	bool is_plain = creds_are_plain(c->creds);
	char path[CALL_PATH_MAX];
	struct spot spot = SPOT_INIT;
	int failed;

	if (is_plain && !makes && !c->ids->any_other) {
		call_continue(c);
		return;
	}
	failed = call_path(c, o->dirfd, o->path, 0, path, &is_fd);
	if (!failed && open_status(c, path, o->flags))
		return;
	if (is_plain &&
	    (!makes || failed || !(is_tmpfile ? folder_gives(path) : call_gives_group(path)))) {
		call_continue(c);
		return;
	}
	if (!failed)
		failed = spot_find(c, path,
		    !(o->flags & O_NOFOLLOW) &&
			(o->flags & (O_CREAT | O_EXCL)) != (O_CREAT | O_EXCL),
		    &spot);
	if (failed)
		call_fail(c, failed);
	else if ((failed = open_spot(c, o, &spot)) < 0)
		call_continue(c);
	else if (failed > 0)
		call_fail(c, failed);
	spot_release(&spot);
}

void
answer_open(struct call *c)
{
	open_file(c, &(struct opening){
			 AT_FDCWD, c->data->args[0], c->data->args[1], (mode_t)c->data->args[2] });
}

void
answer_openat(struct call *c)
{
	open_file(c, &(struct opening){ (int)c->data->args[0], c->data->args[1], c->data->args[2],
			 (mode_t)c->data->args[3] });
}

void
answer_creat(struct call *c)
{
	open_file(c, &(struct opening){ AT_FDCWD, c->data->args[0], O_CREAT | O_WRONLY | O_TRUNC,
			 (mode_t)c->data->args[1] });
}

void
answer_openat2(struct call *c)
{
	struct open_how how;

	if (creds_are_plain(c->creds)) {
		call_continue(c);
		return;
	}
	if (call_read(c, c->data->args[2], &how, sizeof(how)) != 0 || how.resolve != 0)
		call_fail(c, ENOSYS); /* callers fall back to openat(2) */
	else
		open_file(c, &(struct opening){ (int)c->data->args[0], c->data->args[1], how.flags,
				 (mode_t)how.mode });
}
