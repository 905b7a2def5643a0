/* SPDX-License-Identifier: Apache-2.0 */
/*
 * emulate_terminal - the terminals of a step (pty(7)).
 *
 * /dev/pts is that of the container around it, with the terminals of others, croze's own among them, which belong to the same user. The
 * step opens none of these but the other side of one whose master a process of its own has open. That is looked at once more when it is
 * open: from then on its number is no other's.
 */
#include "runtime/sandbox/emulate_private.h"

#include "runtime/base/fd.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define MASTER makedev(5, 2) /* of all terminals of devpts */
#define SLAVES 136U          /* the major number of the first million of them */
#define INFO_MAX 512

/* A master that is looked for among the descriptors of the step's processes. */
struct search {
	long number;
	bool found;
};

/* The number of the terminal whose master descriptor @fd of the process is; -1. */
static long
number_at(pid_t pid, const char *fd)
{
	static const char key[] = "tty-index:";
	char path[EMU_FD_PATH + NAME_MAX], text[INFO_MAX];
	const char *at;

	(void)snprintf(path, sizeof(path), "%d/fdinfo/%s", (int)pid, fd);
	task_read(path, text, sizeof(text));
	at = strstr(text, key);
	return at ? strtol(at + strlen(key), NULL, 10) : -1;
}

static void
search_in(pid_t pid, void *with)
{
	struct search *s = with;
	struct error ignored = ERROR_INIT; /* it has ended */
	autofd int folder = -1;
	autodir DIR *dir = NULL;
	const struct dirent *entry;
	char path[EMU_FD_PATH];
	struct stat st;

	if (s->found)
		return;
	(void)snprintf(path, sizeof(path), "%d/fd", (int)pid);
	folder = openat(AT_FDCWD, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	dir = folder < 0 ? NULL : fd_opendir(folder, &ignored);
	while (dir && !s->found && (entry = readdir(dir)))
		s->found = isdigit((unsigned char)entry->d_name[0]) &&
		           fstatat(dirfd(dir), entry->d_name, &st, 0) == 0 && S_ISCHR(st.st_mode) &&
		           st.st_rdev == MASTER && number_at(pid, entry->d_name) == s->number;
}

static bool
is_ours(const struct emu_call *x, long number)
{
	struct search s = { .number = number };

	emu_each_process(x->em, search_in, &s);
	return s.found;
}

bool
emu_terminal_is_at(const struct emu_spot *spot)
{
	return spot->mount->is_pts && S_ISCHR(spot->st.st_mode) && spot->st.st_rdev != MASTER;
}

bool
emu_terminal_is_ours(const struct emu_call *x, const struct emu_spot *spot)
{
	return is_ours(x, (long)minor(spot->st.st_rdev));
}

/* @at: where @path begins, that is the terminal of this number. */
static int
open_ours(const struct emu_call *x, long number, int at, const char *path, int flags)
{
	int fd = -1;

	if (is_ours(x, number)) {
		fd = openat(at, path, (flags & (O_ACCMODE | O_NONBLOCK)) | O_NOCTTY | O_CLOEXEC);
		if (fd < 0 || is_ours(x, number))
			return fd;
	}
	fd_close_at(&fd);
	errno = EACCES;
	return -1;
}

int
emu_terminal_open(const struct emu_call *x, const struct emu_spot *spot, int flags)
{
	char path[EMU_FD_PATH];

	return open_ours(
	    x, (long)minor(spot->st.st_rdev), AT_FDCWD, emu_fd_path(spot->target, path), flags);
}

/* The number of the caller's controlling terminal; -1. The name of its program, in parentheses, may have any characters. */
static long
controlling(const struct emu_call *x)
{
	char path[EMU_FD_PATH], text[INFO_MAX];
	const char *at;
	unsigned int device;

	(void)snprintf(path, sizeof(path), "%d/stat", (int)x->c.tid);
	task_read(path, text, sizeof(text));
	at = strrchr(text, ')');
	if (!at || sscanf(at, ") %*c %*d %*d %*d %u", &device) != 1 ||
	    (device >> 8 & 0xff) != SLAVES)
		return -1;
	return (long)(device >> 12 & 0xfff00) | (long)(device & 0xff);
}

int
emu_terminal_open_controlling(const struct emu_call *x, int flags)
{
	long number = controlling(x);
	char name[24];

	(void)snprintf(name, sizeof(name), "%ld", number);
	for (size_t i = 0; number >= 0 && i < x->em->n_mounts; i++)
		if (x->em->mounts[i].is_pts)
			return open_ours(x, number, x->em->mounts[i].fd, name, flags);
	errno = ENXIO;
	return -1;
}
