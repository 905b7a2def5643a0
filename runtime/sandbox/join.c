/* SPDX-License-Identifier: Apache-2.0 */
/*
 * join - entering namespaces that are there already (setns(2)).
 *
 * A namespace may belong to the user namespace that is joined, or to the caller's; the first cannot be entered before that and the other not
 * behind it. So all are tried, then the user namespace, then those that were refused.
 */
#include "runtime/sandbox/join.h"

#include "runtime/base/fd.h"
#include "runtime/base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x00000080
#endif

static const struct {
	int type;
	const char *file;
	const char *name;
} types[JOIN_TYPES] = {
	{ CLONE_NEWUSER, "user", "user" },
	{ CLONE_NEWNS, "mnt", "mount" },
	{ CLONE_NEWPID, "pid", "pid" },
	{ CLONE_NEWIPC, "ipc", "ipc" },
	{ CLONE_NEWUTS, "uts", "uts" },
	{ CLONE_NEWNET, "net", "network" },
	{ CLONE_NEWCGROUP, "cgroup", "cgroup" },
	{ CLONE_NEWTIME, "time", "time" },
};

static const char *
name_of(int type)
{
	for (size_t i = 0; i < ARRAY_LEN(types); i++)
		if (types[i].type == type)
			return types[i].name;
	return NULL;
}

/* @late: those that had to wait for the user namespace. */
static const char *
join_others(const struct container_join *joins, size_t n, unsigned int *waiting, bool late)
{
	for (size_t i = 0; i < n; i++) {
		if (joins[i].type == CLONE_NEWUSER || (late && !(*waiting & 1U << i)))
			continue;
		if (setns(joins[i].fd, joins[i].type) == 0)
			continue;
		if (late || errno != EPERM)
			return name_of(joins[i].type);
		*waiting |= 1U << i;
	}
	return NULL;
}

const char *
join_all(const struct container_join *joins, size_t n)
{
	unsigned int waiting = 0;
	const char *failed = join_others(joins, n, &waiting, false);

	if (failed)
		return failed;
	for (size_t i = 0; i < n; i++)
		if (joins[i].type == CLONE_NEWUSER && setns(joins[i].fd, CLONE_NEWUSER) < 0)
			return "user";
	return waiting ? join_others(joins, n, &waiting, true) : NULL;
}

static bool
is_own(const char *file, const struct stat *theirs)
{
	char path[48];
	struct stat own;

	snprintf(path, sizeof(path), "/proc/self/ns/%s", file);
	return stat(path, &own) == 0 && own.st_ino == theirs->st_ino &&
	       own.st_dev == theirs->st_dev;
}

int
join_open(pid_t pid, struct container_join *joins, struct error *e)
{
	int n = 0;

	for (size_t i = 0; i < ARRAY_LEN(types); i++) {
		char path[48];
		struct stat st;
		autofd int fd = -1;

		snprintf(path, sizeof(path), "/proc/%d/ns/%s", (int)pid, types[i].file);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0 && errno == ENOENT && types[i].type == CLONE_NEWTIME)
			continue; /* the kernel has none */
		if (fd < 0 || fstat(fd, &st) < 0) {
			error_sys(e, "cannot open the %s namespace of process %d", types[i].name,
			    (int)pid);
			join_close(joins, (size_t)n);
			return -1;
		}
		if (!is_own(types[i].file, &st))
			joins[n++] = (struct container_join){ types[i].type, steal_fd(&fd) };
	}
	return n;
}

void
join_close(struct container_join *joins, size_t n)
{
	for (size_t i = 0; i < n; i++)
		fd_close_at(&joins[i].fd);
}
