/* SPDX-License-Identifier: Apache-2.0 */
/*
 * emulate_proc - procfs as a step sees it: itself, its own processes, and links that say what its files are called (proc(5)).
 *
 * The file system is that of the container around. Processes that are not the step's are not found by name in it, though their numbers are in
 * the list of its root folder.
 */
#include "runtime/sandbox/emulate_private.h"

#include "runtime/base/mem.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* The path of folder @dir below /proc: "", "123", "123/task/124", "123/fd". */
static const char *
place_of(const struct emu_call *x, int dir, char real[PATH_MAX])
{
	char path[EMU_FD_PATH];
	ssize_t n = readlinkat(AT_FDCWD, emu_fd_path(dir, path), real, PATH_MAX - 1);
	const struct emu_mount *mount;
	const char *rest;

	real[n < 0 ? 0 : n] = '\0';
	mount = emu_mount_of(x->em, real);
	if (!mount || !mount->is_proc)
		return NULL;
	rest = real + strlen(mount->real);
	return rest + (*rest == '/');
}

static bool
is_number(const char *text)
{
	return isdigit((unsigned char)*text) && text[strspn(text, "0123456789")] == '\0';
}

static int
step_from_root(const struct emu_call *x, char name[NAME_MAX + 1])
{
	if (x->em->net && strcmp(name, "net") == 0)
		return ENOENT; /* that of the network around */
	if (strcmp(name, "self") == 0)
		(void)snprintf(name, NAME_MAX + 1, "%d", (int)x->process->pid);
	else if (strcmp(name, "thread-self") == 0)
		(void)snprintf(name, NAME_MAX + 1, "%d", (int)x->c.tid);
	else if (is_number(name) && !emu_is_ours(x->em, (pid_t)strtol(name, NULL, 10)))
		return ENOENT;
	return 0;
}

static char *
cwd_of(const struct emu_call *x, pid_t pid)
{
	struct emu_call other;
	char path[EMU_FD_PATH], text[PATH_MAX];
	char *result = NULL;

	if (emu_call_begin(&other, x->em, pid) &&
	    emu_name_of(x->em, emu_fd_path(other.folder->fd, path), text) == 0)
		result = xstrdup(text);
	emu_call_end(&other);
	return result;
}

static char *
exe_of(const struct emu_call *x, pid_t pid)
{
	struct emu_call other;
	char *result = NULL;

	if (emu_call_begin(&other, x->em, pid)) {
		(void)pthread_mutex_lock(&x->em->lock); /* it may be executing */
		result = xstrdup(other.process->exe);
		(void)pthread_mutex_unlock(&x->em->lock);
	}
	emu_call_end(&other);
	return result;
}

int
emu_proc_step(const struct emu_call *x, int dir, char name[NAME_MAX + 1], char **link)
{
	char real[PATH_MAX], text[PATH_MAX], path[EMU_FD_PATH + NAME_MAX + 2];
	const char *place = place_of(x, dir, real);
	pid_t pid;

	if (!place)
		return 0;
	if (*place == '\0')
		return step_from_root(x, name);
	pid = (pid_t)strtol(place, NULL, 10);
	if (pid <= 0)
		return 0;
	if (x->em->net && strcmp(name, "net") == 0 && !strstr(place, "/fd"))
		return ENOENT;
	if (strcmp(name, "cwd") == 0)
		*link = cwd_of(x, pid);
	else if (strcmp(name, "exe") == 0)
		*link = exe_of(x, pid);
	else if (strcmp(name, "root") == 0)
		*link = xstrdup("/");
	if (strcmp(place + strcspn(place, "/"), "/fd") == 0 && is_number(name)) {
		(void)snprintf(path, sizeof(path), "self/fd/%d/%s", dir, name);
		if (emu_name_of(x->em, path, text) == 0)
			*link = xstrdup(text);
	}
	return 0;
}

void
emu_proc_owner(const struct emu_call *x, int fd, struct stat *st)
{
	char real[PATH_MAX];
	const char *place = place_of(x, fd, real);
	pid_t pid = place ? (pid_t)strtol(place, NULL, 10) : 0;
	struct emu_call other;

	if (pid <= 0)
		return;
	if (emu_call_begin(&other, x->em, pid)) {
		st->st_uid = other.c.creds->euid;
		st->st_gid = other.c.creds->egid;
	}
	emu_call_end(&other);
}

bool
emu_proc_is_closed(const struct emu_call *x, const struct emu_spot *spot)
{
	char real[PATH_MAX];
	const char *place;

	if (!spot->mount->is_proc || spot->dir < 0 || !access_is_private(spot->name))
		return false;
	place = place_of(x, spot->dir, real);
	return place && !task_may_trace(&x->c, (pid_t)strtol(place, NULL, 10), x->c.creds->fsuid,
			    x->c.creds->fsgid);
}

/* A file in memory, to be read. */
static int
make_file(const char *text)
{
	int fd = memfd_create("proc", MFD_CLOEXEC);

	if (fd < 0)
		return -1;
	(void)!write(fd, text, strlen(text)); /* there is room */
	(void)lseek(fd, 0, SEEK_SET);         /* cannot fail */
	return fd;
}

/* What the mounts are called in a table of the kernel's is nothing that a step can use. */
static int
write_mounts(bool info)
{
	static const char mounts[] = "rootfs / rootfs rw 0 0\nproc /proc proc rw 0 0\n";
	static const char infos[] =
	    "1 1 0:1 / / rw - rootfs rootfs rw\n2 1 0:2 / /proc rw - proc proc rw\n";

	return make_file(info ? infos : mounts);
}

static int
write_hostname(const struct container_spec *spec)
{
	char text[HOST_NAME_MAX + 2];

	(void)snprintf(text, sizeof(text), "%s\n", container_hostname(spec));
	return *container_hostname(spec) ? make_file(text) : -1;
}

int
emu_proc_open(const struct emu_call *x, const struct emu_spot *spot)
{
	char real[PATH_MAX], path[EMU_FD_PATH];
	const char *place = spot->dir < 0 ? NULL : place_of(x, spot->dir, real);
	pid_t pid = place ? (pid_t)strtol(place, NULL, 10) : 0;
	struct emu_call other;
	int from, to = -1;

	if (place && strcmp(place, "sys/kernel") == 0 && strcmp(spot->name, "hostname") == 0)
		return write_hostname(x->em->spec);
	if (pid <= 0)
		return -1;
	if (strcmp(spot->name, "mounts") == 0 || strcmp(spot->name, "mountinfo") == 0)
		return write_mounts(spot->name[5] == 'i');
	if (strcmp(spot->name, "status") != 0)
		return -1;
	from = openat(AT_FDCWD, emu_fd_path(spot->target, path), O_RDONLY | O_CLOEXEC);
	if (from >= 0 && emu_call_begin(&other, x->em, pid)) {
		to = call_copy_status(other.c.creds, from);
		emu_call_end(&other);
	}
	if (from >= 0)
		(void)close(from); /* read-only */
	return to;
}
