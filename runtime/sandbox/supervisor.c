/* SPDX-License-Identifier: Apache-2.0 */
/*
 * supervisor - the process beside a container that answers for its ids (seccomp/ids.h), where only one id is mapped.
 */
#include "runtime/sandbox/supervisor.h"

#include "runtime/base/child.h"
#include "runtime/base/fd.h"
#include "runtime/sandbox/egress.h"
#include "runtime/sandbox/listen.h"
#include "runtime/sandbox/passfd.h"
#include "seccomp/ids.h"
#include "seccomp/profile.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* Who else answers, and what for. */
struct other {
	const struct container_spec *spec;
	int listener;
};

static const struct notify_program *
program_for(unsigned int asks)
{
	static struct notify_program programs[(EGRESS_NETWORK | EGRESS_REFUSED) + 1];
	struct notify_program *program = &programs[asks];

	if (program->length > 0)
		return program;
	ids_compile(program);
	if (asks & EGRESS_REFUSED)
		seccomp_default_asking(program);
	return program;
}

static bool
forward(void *arg, const struct seccomp_notif *request)
{
	const struct other *o = arg;

	if (!egress_concerns(o->spec->egress_asks, &request->data))
		return false;
	egress_forward(o->spec->egress, o->spec->egress_number, o->listener, request);
	return true;
}

static _Noreturn void
supervise(const struct container_spec *spec, int socket, pid_t parent)
{
	struct error e = ERROR_INIT;
	struct ids_options o = { .uid = spec->uid,
		.gid = spec->gid,
		.groups = spec->groups,
		.n_groups = spec->groups ? spec->n_groups : 0,
		.capabilities = spec->caps.bounding };
	struct other other = { .spec = spec };

	child_reset_signals();
	if (child_die_with(parent) < 0)
		_exit(0);
	(void)setsid(); /* the terminal's signals are for the others */
	o.root = passfd_receive(socket, &e);
	o.mounts = o.root < 0 ? -1 : passfd_receive(socket, &e);
	if (o.mounts < 0)
		_exit(0); /* there is no container */
	o.listener = passfd_receive(socket, &e);
	o.proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (o.listener < 0 || o.proc < 0)
		_exit(1);
	/* all else is somebody else's: pipes whose end others wait for, the store, secrets */
	fd_close_others(STDERR_FILENO + 1,
	    (int[]){
		o.listener, o.root, o.mounts, o.proc, spec->egress ? spec->egress->control : -1 },
	    5);
	if (spec->egress) {
		if (egress_lend(spec->egress, spec->egress_number, o.listener, &e) < 0 &&
		    spec->egress_asks & EGRESS_NETWORK)
			_exit(1);
		other.listener = o.listener;
		o.forward = forward;
		o.forward_arg = &other;
	}
	_exit(ids_serve(&o, &e) < 0 ? 1 : 0);
}

pid_t
supervisor_start(const struct container_spec *spec, int *socket, struct error *e)
{
	int pair[2];
	pid_t parent = getpid(), pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return error_sys(e, "cannot make a socket pair");
	(void)program_for(spec->egress_asks); /* made once, for all containers */
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

struct joining {
	const struct container_spec *spec;
	int socket;
};

static int
load(void *arg, struct error *e)
{
	const struct joining *j = arg;

	if (j->spec->egress && egress_confine(j->spec->egress, j->spec->egress_asks, e) < 0)
		return -1;
	return notify_load(program_for(j->spec->egress_asks), e);
}

static int
pass(void *arg, int listener, struct error *e)
{
	const struct joining *j = arg;

	return passfd_send(j->socket, listener, e);
}

int
supervisor_join(const struct container_spec *spec, int socket, struct error *e)
{
	autofd int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	autofd int mounts = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC);
	struct joining j = { spec, socket };
	struct listen_job job = { &j, load, pass, true };

	if (root < 0)
		return error_sys(e, "cannot open '/'");
	return passfd_send(socket, root, e) < 0 ||
	               passfd_send(socket, mounts < 0 ? root : mounts, e) < 0
	           ? -1
	           : listen_load(&job, e);
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
