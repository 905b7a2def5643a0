/* SPDX-License-Identifier: Apache-2.0 */
/*
 * call - answers, the caller's memory, and what it means by a path.
 */
#include "seccomp/call.h"

#include "seccomp/pose.h"
#include "seccomp/readable.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/uio.h>
#include <sys/utsname.h>
#include <unistd.h>

#define PAGE 4096U
#define TEXT_STEP 256U /* most texts are shorter */

void
call_continue(const struct call *c)
{
	notify_continue(c->listener, c->id);
}

void
call_return(const struct call *c, int64_t value)
{
	notify_answer(c->listener, c->id, value, 0);
}

void
call_fail(const struct call *c, int error_number)
{
	notify_answer(c->listener, c->id, 0, error_number);
}

void
call_let_or_fail(const struct call *c, int failed)
{
	if (failed > 0)
		call_fail(c, failed);
	else
		call_continue(c);
}

typedef ssize_t transfer_fn(pid_t pid, const struct iovec *here, unsigned long n,
    const struct iovec *there, unsigned long n_there, unsigned long flags);

/* 0 or EFAULT. */
static int
transfer(const struct call *c, transfer_fn *fn, void *own, uint64_t address, size_t length)
{
	struct iovec here = { own, length };
	struct iovec there = { (void *)(uintptr_t)address, length };
	ssize_t n = fn(c->tid, &here, 1, &there, 1, 0);
	struct pose pose;

	for (int i = 0; i < 2 && n < 0 && errno == EPERM && c->poses; i++) {
		if (i > 0)
			readable_settle();
		if (pose_begin(&pose, c->tid)) {
			if (notify_is_waiting(c->listener, c->id))
				n = fn(c->tid, &here, 1, &there, 1, 0);
			pose_end(&pose);
		}
	}
	return n == (ssize_t)length ? 0 : EFAULT;
}

int
call_read(const struct call *c, uint64_t address, void *to, size_t length)
{
	return length == 0 ? 0 : transfer(c, process_vm_readv, to, address, length);
}

int
call_write(const struct call *c, uint64_t address, const void *from, size_t length)
{
	if (length == 0)
		return 0;
	if (!notify_is_waiting(c->listener, c->id))
		return EFAULT; /* its number may be another process's by now */
	return transfer(c, process_vm_writev, (void *)(uintptr_t)from, address, length);
}

int
call_read_text(const struct call *c, uint64_t address, char *text, size_t room)
{
	size_t done = 0;

	while (done < room) {
		size_t length = done == 0 ? TEXT_STEP : PAGE;
		size_t page = PAGE - (size_t)((address + done) % PAGE);

		/* never over the end of a page: the next one may not be there */
		if (length > page)
			length = page;
		if (length > room - done)
			length = room - done;
		if (call_read(c, address + done, text + done, length) != 0)
			return EFAULT;
		if (memchr(text + done, '\0', length))
			return 0;
		done += length;
	}
	return ENAMETOOLONG;
}

int
call_path(const struct call *c, int dirfd, uint64_t address, int flags, char path[CALL_PATH_MAX],
    bool *is_fd)
{
	char text[PATH_MAX];
	int failed;

	*is_fd = false;
	text[0] = '\0';
	/* since Linux 6.11 AT_EMPTY_PATH takes NULL for an empty text */
	failed = address == 0 && flags & AT_EMPTY_PATH
	             ? 0
	             : call_read_text(c, address, text, sizeof(text));
	return failed ? failed : call_path_of(c, dirfd, text, flags, path, is_fd);
}

int
call_path_of(const struct call *c, int dirfd, const char *text, int flags, char path[CALL_PATH_MAX],
    bool *is_fd)
{
	*is_fd = false;
	if (text[0] == '/') {
		memcpy(path, text, strlen(text) + 1);
		return 0;
	}
	if (text[0] == '\0' && !(flags & AT_EMPTY_PATH))
		return ENOENT;
	*is_fd = text[0] == '\0';
	if (dirfd == AT_FDCWD)
		(void)snprintf(
		    path, CALL_PATH_MAX, "%d/cwd%s%s", (int)c->tid, text[0] ? "/" : "", text);
	else if (dirfd >= 0)
		(void)snprintf(path, CALL_PATH_MAX, "%d/fd/%d%s%s", (int)c->tid, dirfd,
		    text[0] ? "/" : "", text);
	else
		return EBADF;
	return 0;
}

int
call_take_name(char *rest, char name[NAME_MAX + 1])
{
	const char *at = rest + strspn(rest, "/");
	size_t length = strcspn(at, "/");

	if (length > NAME_MAX)
		return ENAMETOOLONG;
	memcpy(name, at, length);
	name[length] = '\0';
	memmove(rest, at + length, strlen(at + length) + 1);
	return 0;
}

int
call_put_target(char *rest, size_t room, const char *target, size_t length)
{
	size_t left = strlen(rest);

	if (length + left >= room)
		return ENAMETOOLONG;
	memmove(rest + length, rest, left + 1);
	memcpy(rest, target, length);
	return 0;
}

bool
call_is_path_only(const struct call *c, int fd)
{
	char path[64];
	struct stat st;

	/* the link of procfs has the rights that the descriptor gives */
	(void)snprintf(path, sizeof(path), "%d/fd/%d", (int)c->tid, fd);
	return fd >= 0 && fstatat(AT_FDCWD, path, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	       (st.st_mode & 0700) == 0;
}

/* Is it another machine, or an older kernel, to the caller? */
static bool
has_other_names(const struct call *c)
{
	char path[40], text[16];

	/* one that has changed its user keeps it to itself, and is taken for an ordinary one */
	(void)snprintf(path, sizeof(path), "%d/personality", (int)c->tid);
	task_read(path, text, sizeof(text));
	return (strtoul(text, NULL, 16) & (PER_MASK | UNAME26)) != PER_LINUX;
}

void
call_answer_uname(const struct call *c, const char *hostname)
{
	struct utsname names;

	if (!*hostname || has_other_names(c) || uname(&names) < 0) {
		call_continue(c);
		return;
	}
	(void)snprintf(names.nodename, sizeof(names.nodename), "%s", hostname);
	if (call_write(c, c->data->args[0], &names, sizeof(names)) != 0)
		call_fail(c, EFAULT);
	else
		call_return(c, 0);
}

mode_t
call_umask(const struct call *c)
{
	char text[TASK_STATUS_MAX];
	const char *line;

	task_status(c->tid, text);
	line = strstr(text, "\nUmask:");
	return line ? (mode_t)strtoul(line + strlen("\nUmask:"), NULL, 8) : 022;
}
