/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mapns - a user namespace that nobody lives in, for the ids of a mount (mount_setattr(2), "ID-mapped mounts").
 *
 * A child makes it and waits, so that the maps can be written from outside; the descriptor keeps it when the child has ended.
 */
#include "runtime/sandbox/mapns.h"

#include "runtime/base/child.h"
#include "runtime/base/fd.h"
#include "runtime/base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

static _Noreturn void
live(pid_t parent, int ready)
{
	char byte = 'r';

	if (child_die_with(parent) < 0 || unshare(CLONE_NEWUSER) < 0)
		_exit(1);
	(void)!write(ready, &byte, 1); /* its end is heard too */
	(void)close(ready);
	for (;;)
		(void)pause(); /* until it is killed */
}

static int
write_map(pid_t pid, const char *name, const struct id_map *map, struct error *e)
{
	autofree char *path = xasprintf("/proc/%d/%s", (int)pid, name);
	auto(buf) struct buf text = { 0 };
	autofd int fd = open(path, O_WRONLY | O_CLOEXEC);

	id_map_text(map, &text);
	if (fd < 0 || write(fd, text.data, text.len) != (ssize_t)text.len)
		return error_sys(e, "cannot write '%s'", path);
	return 0;
}

static int
map_and_open(pid_t pid, const struct id_map *uids, const struct id_map *gids, struct error *e)
{
	autofree char *path = xasprintf("/proc/%d/ns/user", (int)pid);
	int fd;

	if (write_map(pid, "uid_map", uids, e) < 0 || write_map(pid, "gid_map", gids, e) < 0)
		return -1;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? error_sys(e, "cannot open '%s'", path) : fd;
}

int
mapns_open(const struct id_map *uids, const struct id_map *gids, struct error *e)
{
	pid_t parent = getpid();
	int ends[2], result;
	char byte;
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return error_sys(e, "cannot make a pipe");
	pid = fork();
	if (pid == 0)
		live(parent, ends[1]);
	(void)close(ends[1]); /* the child's */
	if (pid < 0)
		result = error_sys(e, "cannot make a process");
	else if (read(ends[0], &byte, 1) != 1)
		result =
		    error_set(e, ERR_HOST, "cannot make a user namespace for the ids of a mount");
	else
		result = map_and_open(pid, uids, gids, e);
	(void)close(ends[0]); /* read-only */
	if (pid > 0) {
		(void)kill(pid, SIGKILL); /* it is ours and not reaped */
		while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
	return result;
}
