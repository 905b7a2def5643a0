/* SPDX-License-Identifier: Apache-2.0 */
/*
 * supervisor - the process beside a container that answers for its ids (seccomp/ids.h), where only one id is mapped.
 */
#include "runtime/sandbox/supervisor.h"

#include "runtime/base/child.h"
#include "runtime/base/fd.h"
#include "runtime/sandbox/passfd.h"
#include "seccomp/ids.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static _Noreturn void
supervise(const struct container_spec *spec, int socket, pid_t parent)
{
	struct error e = ERROR_INIT;
	struct ids_options o = { .uid = spec->uid,
		.gid = spec->gid,
		.groups = spec->groups,
		.n_groups = spec->groups ? spec->n_groups : 0,
		.capabilities = spec->caps.bounding };

	child_reset_signals();
	if (child_die_with(parent) < 0)
		_exit(0);
	(void)setsid(); /* the terminal's signals are for the others */
	o.listener = passfd_receive(socket, &e);
	if (o.listener < 0)
		_exit(0); /* there is no container */
	o.root = passfd_receive(socket, &e);
	o.proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (o.root < 0 || o.proc < 0)
		_exit(1);
	/* all else is somebody else's: pipes whose end others wait for, the store, secrets */
	fd_close_others(STDERR_FILENO + 1, (int[]){ o.listener, o.root, o.proc }, 3);
	_exit(ids_serve(&o, &e) < 0 ? 1 : 0);
}

pid_t
supervisor_start(const struct container_spec *spec, int *socket, struct error *e)
{
	int pair[2];
	pid_t parent = getpid(), pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return error_sys(e, "cannot make a socket pair");
	(void)ids_program(); /* made once, for all containers */
	pid = fork();
	if (pid == 0) {
		(void)close(pair[1]); /* the container's */
		supervise(spec, pair[0], parent);
	}
	(void)close(pair[0]); /* the supervisor's */
	if (pid > 0) {
		*socket = pair[1];
		return pid;
	}
	(void)close(pair[1]); /* nobody's */
	return error_sys(e, "cannot make a supervisor");
}

int
supervisor_join(int socket, struct error *e)
{
	autofd int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	autofd int listener = -1;

	if (root < 0)
		return error_sys(e, "cannot open '/'");
	listener = notify_load(ids_program(), e);
	if (listener < 0 || passfd_send(socket, listener, e) < 0 ||
	    passfd_send(socket, root, e) < 0)
		return -1;
	return 0;
}

void
supervisor_stop(pid_t pid)
{
	if (pid <= 0)
		return;
	(void)kill(pid, SIGKILL); /* may have ended with the container */
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
}
