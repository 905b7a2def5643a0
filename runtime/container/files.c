/* SPDX-License-Identifier: Apache-2.0 */
/*
 * files - files, sockets and descriptors that callers name: pid files, console sockets, preserved descriptors.
 */
#include "runtime/container/files.h"

#include "runtime/base/fd.h"
#include "runtime/base/mem.h"
#include "runtime/base/path.h"
#include "runtime/base/text.h"
#include "runtime/sandbox/container.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define FIRST_PRESERVED 3
#define ACTIVATED_MAX 1024

int
file_find(const char *path, struct file_place *place, struct error *e)
{
	const char *name;
	autofree char *folder = NULL;

	*place = (struct file_place)FILE_PLACE_INIT;
	if (!path)
		return 0;
	name = path_base(path);
	folder = name == path ? xstrdup(".") : xstrndup(path, (size_t)(name - path));
	place->dir = path_open_user(folder, O_RDONLY | O_DIRECTORY, 0, e);
	if (place->dir < 0)
		return -1;
	place->name = xstrdup(name);
	return 0;
}

int
file_write_pid(const struct file_place *place, pid_t pid, struct error *e)
{
	char text[16];
	int length = snprintf(text, sizeof(text), "%d", (int)pid);

	if (place->dir < 0)
		return 0;
	if (path_write_file(place->dir, place->name, text, (size_t)length, 0644, false, e) < 0)
		return error_ctx(e, "pid file");
	return 0;
}

void
file_remove(const struct file_place *place)
{
	if (place->dir >= 0)
		(void)unlinkat(place->dir, place->name, 0); /* it may not be there */
}

void
file_release(struct file_place *place)
{
	fd_close_at(&place->dir);
	free(place->name);
	*place = (struct file_place)FILE_PLACE_INIT;
}

/* The address of a socket has 107 bytes of path: a longer one is reached through its folder. */
static int
address_of(const char *path, const struct file_place *place, struct sockaddr_un *a, struct error *e)
{
	int n;

	*a = (struct sockaddr_un){ .sun_family = AF_UNIX };
	if (strlen(path) < sizeof(a->sun_path))
		n = snprintf(a->sun_path, sizeof(a->sun_path), "%s", path);
	else
		n = snprintf(a->sun_path, sizeof(a->sun_path), "/proc/self/fd/%d/%s", place->dir,
		    place->name);
	if (n < 0 || (size_t)n >= sizeof(a->sun_path))
		return error_set(e, ERR_USAGE, "the name of the socket '%s' is too long", path);
	return 0;
}

int
file_connect(const char *path, struct error *e)
{
	struct file_place place;
	struct sockaddr_un address;
	autofd int fd = -1;
	int result;

	if (file_find(path, &place, e) < 0)
		return -1;
	result = address_of(path, &place, &address, e);
	if (result == 0) {
		fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
		if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
			result = error_sys(e, "cannot connect to '%s'", path);
	}
	file_release(&place);
	return result < 0 ? -1 : steal_fd(&fd);
}

int
file_check_preserved(int n, struct error *e)
{
	for (int i = 0; i < n; i++)
		if (fcntl(FIRST_PRESERVED + i, F_GETFD) < 0)
			return error_set(e, ERR_USAGE,
			    "descriptor %d is not open: %d from %d on cannot be preserved",
			    FIRST_PRESERVED + i, n, FIRST_PRESERVED);
	return 0;
}

int
file_activated(void)
{
	const char *text = getenv("LISTEN_FDS");
	struct error ignored = ERROR_INIT;
	uint64_t n = 0;

	if (!text || parse_u64(text, 0, ACTIVATED_MAX, "LISTEN_FDS", &n, &ignored) < 0)
		return 0;
	return (int)n;
}

char *
file_add_activation(struct strv *env, int preserved)
{
	const char *names = getenv("LISTEN_FDNAMES");
	int n = file_activated();
	char text[16];

	if (n == 0 || n > preserved)
		return NULL;
	snprintf(text, sizeof(text), "%d", n);
	env_set(env, "LISTEN_FDS", text);
	if (names)
		env_set(env, "LISTEN_FDNAMES", names);
	env_unset(env, "LISTEN_PID");
	env_set(env, "LISTEN_PID", CONTAINER_PID_TEXT);
	return env->items[env->count - 1] + strlen("LISTEN_PID=");
}
