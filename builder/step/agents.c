/* SPDX-License-Identifier: Apache-2.0 */
/*
 * agents - a socket for RUN --mount=type=ssh.
 *
 * One process listens and makes another for each connection, which reads a request, asks the agent, and writes the answer, in turn.
 */
#include "builder/step/agents.h"

#include "runtime/base/child.h"
#include "runtime/base/fd.h"
#include "runtime/base/mem.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define REQUEST_IDENTITIES 11
#define SIGN_REQUEST 13
#define FRAME_MAX (256U << 10)
#define HEADER 4
#define CONNECTIONS_MAX 32

int
agent_passes(unsigned char type)
{
	return type == REQUEST_IDENTITIES || type == SIGN_REQUEST;
}

static int
address_of(struct sockaddr_un *address, const char *path)
{
	*address = (struct sockaddr_un){ .sun_family = AF_UNIX };
	if (strlen(path) >= sizeof(address->sun_path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	memcpy(address->sun_path, path, strlen(path) + 1);
	return 0;
}

static int
connect_agent(const char *path)
{
	struct sockaddr_un address;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || address_of(&address, path) < 0 ||
	    connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
		fd_close_at(&fd);
		return -1;
	}
	return fd;
}

/* A whole message with its length in front. Returns its size in all, 0 at the end or for what is no message. */
static size_t
read_frame(int fd, unsigned char *frame)
{
	struct error ignored = ERROR_INIT;
	size_t length;

	if (fd_read_exact(fd, frame, HEADER, &ignored) != 1)
		return 0;
	length = (size_t)frame[0] << 24 | (size_t)frame[1] << 16 | (size_t)frame[2] << 8 | frame[3];
	if (length == 0 || length > FRAME_MAX - HEADER)
		return 0;
	if (fd_read_exact(fd, frame + HEADER, length, &ignored) != 1)
		return 0;
	return length + HEADER;
}

static void
serve_connection(int client, const char *path)
{
	static const unsigned char failure[] = { 0, 0, 0, 1, 5 };
	unsigned char *frame = xmalloc(FRAME_MAX);
	struct error ignored = ERROR_INIT; /* who is gone hears nothing */
	int agent = connect_agent(path);
	size_t length;

	while ((length = read_frame(client, frame)) > 0) {
		bool passes = agent >= 0 && agent_passes(frame[HEADER]);

		if (!passes) {
			if (fd_write_all(client, failure, sizeof(failure), &ignored) < 0)
				break;
			continue;
		}
		if (fd_write_all(agent, frame, length, &ignored) < 0 ||
		    (length = read_frame(agent, frame)) == 0 ||
		    fd_write_all(client, frame, length, &ignored) < 0)
			break;
	}
	free(frame);
	_exit(0);
}

static unsigned
reap(unsigned running)
{
	while (running > 0 && waitpid(-1, NULL, WNOHANG) > 0)
		running--;
	return running;
}

static void
serve(int listener, const char *path)
{
	unsigned running = 0;
	pid_t self = getpid();

	for (;;) {
		int client = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
		pid_t pid;

		running = reap(running);
		if (client < 0 && errno != EINTR && errno != ECONNABORTED)
			_exit(1);
		if (client < 0)
			continue;
		pid = running < CONNECTIONS_MAX ? fork() : -1;
		if (pid == 0) {
			if (child_die_with(self) < 0)
				_exit(1);
			(void)close(listener); /* the parent's */
			serve_connection(client, path);
		}
		running += pid > 0;
		(void)close(client); /* the child's */
	}
}

static int
listen_at(int dir, const char *name, struct error *e)
{
	struct sockaddr_un address;
	char path[64];
	autofd int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	/* the way through the descriptor is short and cannot be led elsewhere */
	snprintf(path, sizeof(path), "/proc/self/fd/%d/%s", dir, name);
	if (fd < 0 || address_of(&address, path) < 0 ||
	    bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 || listen(fd, 16) < 0)
		return error_sys(e, "cannot make the socket of an ssh agent");
	return steal_fd(&fd);
}

pid_t
agent_serve(int dir, const char *name, const char *socket_path, struct error *e)
{
	autofd int listener = listen_at(dir, name, e);
	autofd int probe = -1;
	pid_t parent = getpid(), pid;

	if (listener < 0)
		return -1;
	probe = connect_agent(socket_path);
	if (probe < 0)
		return error_sys(e, "cannot reach the ssh agent at '%s'", socket_path);
	pid = fork();
	if (pid < 0)
		return error_sys(e, "cannot start the process between a step and its ssh agent");
	if (pid > 0)
		return pid;
	child_reset_signals();
	if (child_die_with(parent) < 0)
		_exit(1);
	serve(listener, socket_path);
	_exit(0);
}

void
agent_end(pid_t pid)
{
	if (pid <= 0)
		return;
	(void)kill(pid, SIGKILL); /* ours until it is waited for */
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
}
