/* SPDX-License-Identifier: Apache-2.0 */
/*
 * answer_address - sockets with a name in the file system (unix(7)): who may reach one, and who may make one and owns it.
 *
 * These checks come before what seccomp/network.c makes of the same calls, which is about other addresses.
 */
#include "seccomp/call.h"

#include "runtime/base/fd.h"
#include "runtime/base/process.h"
#include "seccomp/socket.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#define MESSAGES_MAX 1024 /* of one sendmmsg(2): the kernel sends no more */

/* An address that is a path. */
struct name {
	struct sockaddr_un address;
	socklen_t length;
	char path[CALL_PATH_MAX]; /* as it is called here */
};

/* 0; -1: it is no path, and not for us; an errno. */
static int
read_name(const struct call *c, uint64_t address, uint64_t length, struct name *name)
{
	char text[sizeof(name->address.sun_path) + 1] = "";
	size_t room;
	bool is_fd;

	if ((uint32_t)length <= offsetof(struct sockaddr_un, sun_path) ||
	    (uint32_t)length > sizeof(name->address))
		return -1;
	memset(&name->address, 0, sizeof(name->address));
	if (call_read(c, address, &name->address, (uint32_t)length) != 0)
		return EFAULT;
	if (name->address.sun_family != AF_UNIX || name->address.sun_path[0] == '\0')
		return -1;
	name->length = (socklen_t)length;
	room = name->length - offsetof(struct sockaddr_un, sun_path);
	memcpy(text, name->address.sun_path, room);
	return call_path_of(c, AT_FDCWD, text, 0, name->path, &is_fd);
}

/* May the caller write to what is at an address? 0, -1 for the kernel, or an errno. */
static int
check_peer(const struct call *c, uint64_t address, uint64_t length)
{
	struct spot spot = SPOT_INIT;
	struct name name;
	int failed;

	if (creds_are_plain(c->creds))
		return -1;
	failed = read_name(c, address, length, &name);
	if (failed)
		return failed;
	failed = spot_there_at(c, name.path, true, &spot);
	if (failed == 0 && !access_may(c->creds, &spot.st, W_OK))
		failed = EACCES;
	spot_release(&spot);
	return failed;
}

static int
check_message(const struct call *c, uint64_t address)
{
	struct msghdr message;

	if (call_read(c, address, &message, sizeof(message)) != 0)
		return EFAULT;
	return message.msg_name
	           ? check_peer(c, (uint64_t)(uintptr_t)message.msg_name, message.msg_namelen)
	           : -1;
}

/* ---- making one ---- */

/* A copy of the caller's socket; -1 with errno. */
static int
copy_socket(const struct call *c, int fd)
{
	autofd int pidfd = socket_open_task(c->tid);

	return pidfd < 0 ? -1 : (int)syscall(SYS_pidfd_getfd, pidfd, fd, 0);
}

/* What the caller may make is made by its own words, from its own folder, so that the socket has the name that it was given. */
static int
bind_there(const struct call *c, int socket, const struct name *name)
{
	char path[32];
	mode_t mask;
	int failed;

	(void)snprintf(path, sizeof(path), "%d/cwd", (int)c->tid);
	if (name->address.sun_path[0] != '/' && chdir(path) < 0)
		return errno;
	mask = umask(call_umask(c));
	failed =
	    bind(socket, (const struct sockaddr *)&name->address, name->length) < 0 ? errno : 0;
	(void)umask(mask);
	if (fchdir(c->ids->options.proc) < 0)
		abort(); /* in the wrong folder every further answer would be wrong */
	return failed;
}

static int
make_socket(const struct call *c, const struct name *name)
{
	struct spot spot = SPOT_INIT;
	struct owner owner;
	autofd int socket = copy_socket(c, (int)c->data->args[0]);
	int domain = 0, failed;
	socklen_t length = sizeof(domain);

	if (socket < 0 || getsockopt(socket, SOL_SOCKET, SO_DOMAIN, &domain, &length) < 0 ||
	    domain != AF_UNIX)
		return -1; /* to fail */
	failed = spot_find_new(c, name->path, &spot);
	if (failed == EEXIST)
		failed = EADDRINUSE;
	if (failed == 0)
		failed = bind_there(c, socket, name);
	owner = owner_of_new(c, &spot.dir_st);
	if (failed == 0)
		failed = spot_own(&spot, &owner);
	spot_release(&spot);
	return failed;
}

/* ---- the calls ---- */

/* What is wrong with the call; -1: nothing that is for us to say; 0 when it was done here. */
static int
check(const struct call *c)
{
	const __u64 *args = c->data->args;
	bool is_plain = creds_are_plain(c->creds);
	struct name name;
	int failed = -1;

	switch (c->data->nr) {
	case SYS_bind:
		failed = read_name(c, args[1], args[2], &name);
		if (failed == 0 && is_plain && !call_gives_group(name.path))
			return -1;
		return failed ? failed : make_socket(c, &name);
	case SYS_connect:
		failed = check_peer(c, args[1], args[2]);
		break;
	case SYS_sendto:
		failed = check_peer(c, args[4], args[5]);
		break;
	case SYS_sendmsg:
		failed = is_plain ? -1 : check_message(c, args[1]);
		break;
	case SYS_sendmmsg:
		for (uint32_t i = 0;
		     failed <= 0 && !is_plain && i < (uint32_t)args[2] && i < MESSAGES_MAX; i++)
			failed = check_message(c, args[1] + i * sizeof(struct mmsghdr));
		break;
	default:
		break;
	}
	return failed > 0 ? failed : -1;
}

void
answer_address(struct call *c)
{
	int failed = check(c);

	if (failed > 0)
		call_fail(c, failed);
	else if (failed == 0)
		call_return(c, 0);
	else
		c->passes = true;
}
