/* SPDX-License-Identifier: Apache-2.0 */
/*
 * members - the processes of a container.
 *
 * There may be no cgroup, so they are told by what they cannot change: the pid namespace they live in. It is read from the link in
 * /proc/PID/ns; who may not read it does not own the container.
 */
#include "runtime/container/members.h"

#include "runtime/base/fd.h"
#include "runtime/base/mem.h"
#include "runtime/base/text.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define ROUNDS_MAX 100 /* of killing what forks meanwhile */

void
members_release(struct members *m)
{
	free(m->pids);
	*m = (struct members){ 0 };
}

static void
add(struct members *m, pid_t pid)
{
	xgrow(&m->pids, m->count + 1, &m->room, sizeof(m->pids[0]));
	m->pids[m->count++] = pid;
}

static bool
has(const struct members *m, pid_t pid)
{
	for (size_t i = 0; i < m->count; i++)
		if (m->pids[i] == pid)
			return true;
	return false;
}

static int
compare(const void *a, const void *b)
{
	const pid_t *x = a;
	const pid_t *y = b;

	return (*x > *y) - (*x < *y);
}

/* Number of the pid namespace of process @name; 0 when it cannot be seen. */
static ino_t
namespace_of(int proc, const char *name)
{
	char path[32];
	struct stat st;

	snprintf(path, sizeof(path), "%.16s/ns/pid", name);
	return fstatat(proc, path, &st, 0) < 0 ? 0 : st.st_ino;
}

static pid_t
parent_of(int proc, const char *name)
{
	struct error ignored = ERROR_INIT;
	auto(buf) struct buf text = { 0 };
	autofd int fd = -1;
	char path[32];
	const char *at;

	snprintf(path, sizeof(path), "%.16s/stat", name);
	fd = openat(proc, path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fd_read_all(fd, &text, 4096, path, &ignored) < 0)
		return 0;
	at = strrchr(buf_text(&text), ')'); /* behind the name of the program: state, parent */
	return at && strlen(at) > 4 ? (pid_t)strtol(at + 4, NULL, 10) : 0;
}

/* Those whom @belongs likes. */
static int
scan(int proc, bool (*belongs)(int proc, const char *name, const void *arg), const void *arg,
    struct members *m, struct error *e)
{
	autodir DIR *dir = fd_opendir(proc, e);
	const struct dirent *d;

	if (!dir)
		return -1;
	while ((d = readdir(dir))) {
		uint64_t pid;
		struct error ignored = ERROR_INIT;

		if (d->d_name[0] < '1' || d->d_name[0] > '9' ||
		    parse_u64(d->d_name, 1, INT32_MAX, "pid", &pid, &ignored) < 0)
			continue;
		if (!has(m, (pid_t)pid) && belongs(proc, d->d_name, arg))
			add(m, (pid_t)pid);
	}
	return 0;
}

static bool
is_in_namespace(int proc, const char *name, const void *arg)
{
	const ino_t *number = arg;

	return namespace_of(proc, name) == *number;
}

static bool
is_child(int proc, const char *name, const void *arg)
{
	pid_t parent = parent_of(proc, name);

	return parent > 0 && has(arg, parent);
}

static int
find_descendants(int proc, pid_t first, struct members *m, struct error *e)
{
	size_t before;

	add(m, first);
	do {
		before = m->count;
		if (scan(proc, is_child, m, m, e) < 0)
			return -1;
	} while (m->count > before);
	return 0;
}

int
members_find(const struct state *s, struct members *m, struct error *e)
{
	autofd int proc = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	char name[16];
	ino_t number;
	int result;

	*m = (struct members){ 0 };
	if (proc < 0)
		return error_sys(e, "cannot open '/proc'");
	if (!state_is_alive(s))
		return 0;
	snprintf(name, sizeof(name), "%d", (int)s->pid);
	number = s->own_pids ? namespace_of(proc, name) : 0;
	if (number != 0)
		result = scan(proc, is_in_namespace, &number, m, e);
	else
		result = find_descendants(proc, s->pid, m, e);
	if (m->count > 1)
		qsort(m->pids, m->count, sizeof(m->pids[0]), compare);
	return result;
}

int
members_signal(const struct state *s, int signal, struct error *e)
{
	size_t found = 1;

	for (int round = 0; round < ROUNDS_MAX && found > 0; round++) {
		struct members m;
		int result = members_find(s, &m, e);

		found = signal == SIGKILL ? m.count : 0;
		for (size_t i = 0; i < m.count; i++)
			if (kill(m.pids[i], signal) < 0 && errno != ESRCH && result == 0)
				result = error_sys(e, "cannot signal process %d", (int)m.pids[i]);
		members_release(&m);
		if (result < 0)
			return -1;
	}
	return 0;
}
