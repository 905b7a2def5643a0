/* SPDX-License-Identifier: Apache-2.0 */
/*
 * answer_exec - what a process may execute, and who it is then (execve(2), capabilities(7)).
 */
#include "seccomp/call.h"

#include "seccomp/program.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

/* Reads a file's capabilities (capabilities(7), "File capabilities"). */
static bool
read_file_capabilities(
    const char *path, uint64_t *permitted, uint64_t *inheritable, bool *effective)
{
	struct vfs_ns_cap_data data;
	ssize_t n = getxattr(path, "security.capability", &data, sizeof(data));

	if (n < 0)
		n = getxattr(path, OWNER_CAPABILITY, &data, sizeof(data));
	if (n != XATTR_CAPS_SZ_2 && n != XATTR_CAPS_SZ_3)
		return false;
	*permitted = le32toh(data.data[0].permitted) | (uint64_t)le32toh(data.data[1].permitted)
	                                                   << 32;
	*inheritable =
	    le32toh(data.data[0].inheritable) | (uint64_t)le32toh(data.data[1].inheritable) << 32;
	*effective = le32toh(data.magic_etc) & VFS_CAP_FLAGS_EFFECTIVE;
	return true;
}

/* "Transformation of capabilities during execve()"; @new has its ids already. */
static void
transform(const struct creds *old, struct creds *new, const char *path)
{
	uint64_t file_permitted = 0, file_inheritable = 0;
	bool file_effective = false;
	bool has_file = !new->no_new_privs &&read_file_capabilities(
	    path, &file_permitted, &file_inheritable, &file_effective);

	if (new->euid == 0 || new->ruid == 0) {
		has_file = true;
		file_permitted = file_inheritable = UINT64_MAX;
		file_effective = new->euid == 0;
	}
	if (has_file || new->euid != old->euid || new->egid != old->egid)
		new->ambient = 0;
	new->permitted =
	    (old->inheritable & file_inheritable) | (file_permitted & new->bounding) | new->ambient;
	new->effective = file_effective ? new->permitted : new->ambient;
	new->keep_caps = false;
}

static bool
is_script(const char *path)
{
	char head[2] = { 0 };
	int fd = openat(AT_FDCWD, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	ssize_t n = fd < 0 ? -1 : read(fd, head, sizeof(head));

	if (fd >= 0)
		(void)close(fd); /* read-only */
	return n == 2 && head[0] == '#' && head[1] == '!';
}

struct creds *
creds_after_exec(const struct call *c, const char *path, const struct stat *st)
{
	const struct creds *old = c->creds;
	struct creds *new;

	if (creds_are_plain(old) && !(st->st_mode & (S_ISUID | S_ISGID)) && old->ruid == 0 &&
	    old->suid == 0 && !old->keep_caps)
		return NULL;
	new = creds_copy(old, old->n_groups);
	if (!old->no_new_privs && st->st_mode & (S_ISUID | S_ISGID) && !is_script(path)) {
		if (st->st_mode & S_ISUID)
			new->euid = st->st_uid;
		if ((st->st_mode & (S_ISGID | S_IXGRP)) == (S_ISGID | S_IXGRP))
			new->egid = st->st_gid;
	}
	new->suid = new->fsuid = new->euid;
	new->sgid = new->fsgid = new->egid;
	transform(old, new, path);
	return new;
}

/* Opens what the caller is to execute; -1 in *@fd where the kernel knows best. 0 or an errno. */
static int
open_program(const struct call *c, const char *path, bool follow, int *fd)
{
	struct spot spot = SPOT_INIT;
	char target[32];
	int failed = spot_there_at(c, path, follow, &spot);

	*fd = -1;
	if (failed < 0)
		failed = spot_is_refused(c, &spot, X_OK) ? EACCES : 0;
	else if (failed == 0 && S_ISREG(spot.st.st_mode) && !access_may(c->creds, &spot.st, X_OK))
		failed = EACCES;
	if (failed == 0 && spot.target >= 0 && S_ISREG(spot.st.st_mode)) {
		(void)snprintf(target, sizeof(target), "self/fd/%d", spot.target);
		*fd = openat(AT_FDCWD, target, O_RDONLY | O_CLOEXEC);
	}
	spot_release(&spot);
	return failed;
}

/* Reads what interprets the program @fd, which is closed, into @name; "": nothing does. */
static void
read_interpreter(int fd, bool is_last, char name[PATH_MAX])
{
	char head[PROGRAM_HEAD + 1], *interpreter, *argument;
	ssize_t n = pread(fd, head, PROGRAM_HEAD, 0);

	name[0] = '\0';
	head[n > 0 ? n : 0] = '\0';
	if (head[0] != '#' || head[1] != '!') {
		if (program_interpreter(fd, name) != 0)
			name[0] = '\0'; /* of another format: the kernel's matter */
	} else if (!is_last && program_script(head, &interpreter, &argument) == 0) {
		(void)snprintf(name, PATH_MAX, "%s", interpreter);
	}
	(void)close(fd); /* read-only */
}

/*
 * May the caller get there and execute what is there, and what interprets that? The kernel opens interpreters by itself, for whom it takes
 * for root. 0 or an errno.
 */
static int
check_execution(const struct call *c, const char *path, bool follow)
{
	char name[PATH_MAX], at[CALL_PATH_MAX];
	bool is_fd;
	int fd, failed = open_program(c, path, follow, &fd);

	for (int i = 0; failed == 0 && fd >= 0 && i <= PROGRAM_SCRIPTS_MAX; i++) {
		read_interpreter(fd, i == PROGRAM_SCRIPTS_MAX, name);
		fd = -1;
		if (name[0] == '\0')
			break;
		failed = call_path_of(c, AT_FDCWD, name, 0, at, &is_fd);
		if (failed == 0)
			failed = open_program(c, at, true, &fd);
	}
	if (fd >= 0)
		(void)close(fd); /* read-only */
	return failed;
}

static void
execute(struct call *c, int dirfd, uint64_t address, int flags)
{
	bool follow = !(flags & AT_SYMLINK_NOFOLLOW), is_fd;
	char path[CALL_PATH_MAX];
	struct creds *new;
	struct stat st;
	int failed;

	if (c->task.starting) {
		task_set_flags(c, false, c->task.has_root);
		call_continue(c);
		return;
	}
	if (call_path(c, dirfd, address, flags, path, &is_fd) != 0) {
		call_continue(c); /* to fail */
		return;
	}
	failed = creds_are_plain(c->creds) ? 0 : check_execution(c, path, follow || is_fd);
	if (failed) {
		call_fail(c, failed);
		return;
	}
	if (fstatat(AT_FDCWD, path, &st, follow || is_fd ? 0 : AT_SYMLINK_NOFOLLOW) < 0) {
		call_continue(c); /* to fail, or by a link that the kernel alone follows */
		return;
	}
	(void)access_owner_of(c->ids, path, follow, &st);
	new = creds_after_exec(c, path, &st);
	if (new)
		task_set_pending(c, new, &st);
	call_continue(c);
}

void
answer_exec(struct call *c)
{
	execute(c, AT_FDCWD, c->data->args[0], 0);
}

void
answer_execat(struct call *c)
{
	execute(c, (int)c->data->args[0], c->data->args[1], (int)c->data->args[4]);
}

void
answer_exit(struct call *c)
{
	if (!creds_are_plain(c->creds))
		task_settle_children(c);
	call_continue(c);
}
