/* SPDX-License-Identifier: Apache-2.0 */
/*
 * enter - a further process in a container that runs.
 *
 * A process between joins the namespaces and makes the new one as our child (CLONE_PARENT), for the pid namespace is only for those
 * that come after. Before it enters anything it is not dumpable: nobody in the container can reach into it or read its descriptors
 * (SECURITY R2). Nothing in the container is trusted: its folders are opened without magic links, and its /proc is not used.
 */
#include "runtime/sandbox/container.h"

#include "runtime/base/child.h"
#include "runtime/base/fd.h"
#include "runtime/base/mem.h"
#include "runtime/base/path.h"
#include "runtime/base/process.h"
#include "runtime/sandbox/become.h"
#include "runtime/sandbox/devices.h"
#include "runtime/sandbox/init.h"
#include "runtime/sandbox/join.h"
#include "runtime/sandbox/passfd.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define FIRST_FREE_FD 3

struct entering {
	const struct container_spec *spec;
	struct container_join joins[JOIN_TYPES];
	size_t n_joins;
	int ours; /* socket: the caller's end */
	int theirs;
};

/* What the process between tells. */
struct answer {
	pid_t pid;
	struct error e;
};
static_assert(sizeof(struct answer) <= PIPE_BUF, "an answer is sent in one write()");

/* ---- the new process ---- */

static int
take_terminal(const struct entering *n, struct error *e)
{
	const struct container_spec *spec = n->spec;
	autofd int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	autofd int pts = -1;
	autofd int master = -1;
	autofd int other = -1;

	if (root < 0)
		return error_sys(e, "cannot open '/'");
	pts = path_open(root, "/dev/pts", O_PATH | O_DIRECTORY, 0, PATH_IN_ROOT, e);
	if (pts < 0)
		return error_ctx(e, "a terminal");
	other = devices_open_terminal(pts, spec->rows, spec->columns, &master, e);
	if (other < 0)
		return -1;
	if (fchown(other, spec->uid, (gid_t)-1) < 0)
		return error_sys(e, "cannot give the terminal to the user");
	if (become_stdio((int[3]){ other, other, other }, 0, e) < 0)
		return -1;
	if (ioctl(0, TIOCSCTTY, 0) < 0)
		return error_sys(e, "cannot take the terminal");
	return passfd_send(n->theirs, master, e);
}

static int
run(const struct entering *n, struct error *e)
{
	const struct container_spec *spec = n->spec;
	struct init_go go;

	if (recv(n->theirs, &go, sizeof(go), 0) != (ssize_t)sizeof(go))
		_exit(1); /* the parent has ended or knows why */
	if ((setresgid(0, 0, 0) < 0 || setresuid(0, 0, 0) < 0) && errno != EINVAL)
		return error_sys(e, "cannot become root of the container");
	if (setsid() < 0)
		return error_sys(e, "cannot start a session");
	if (spec->new_keyring && become_new_keyring(e) < 0)
		return -1;
	if (spec->terminal && take_terminal(n, e) < 0)
		return -1;
	if (!spec->terminal &&
	    become_stdio((int[3]){ spec->in, spec->out, spec->err }, spec->uid, e) < 0)
		return -1;
	if (become_ready(spec, n->theirs, e) < 0)
		return -1;
	if (!spec->outlives)
		become_mortal(n->theirs);
	return become_command(spec, e);
}

static _Noreturn void
new_process(struct entering *n)
{
	struct error e = ERROR_INIT;

	child_reset_signals();
	if (n->theirs < FIRST_FREE_FD)
		n->theirs = fcntl(n->theirs, F_DUPFD_CLOEXEC, FIRST_FREE_FD);
	run(n, &e);
	(void)send(n->theirs, &e, sizeof(e), MSG_NOSIGNAL); /* nobody else to tell */
	_exit(1);
}

/* ---- the process between ---- */

/* Nothing of the host's goes into the container, not even for the moment until execve. */
static void
close_others(const struct entering *n, int answer_fd)
{
	const struct container_spec *spec = n->spec;
	int keep[5 + JOIN_TYPES] = { spec->in, spec->out, spec->err, n->theirs, answer_fd };

	for (size_t i = 0; i < n->n_joins; i++)
		keep[5 + i] = n->joins[i].fd;
	fd_close_others(FIRST_FREE_FD + spec->preserve_fds, keep, 5 + n->n_joins);
}

static int
join(const struct entering *n, struct error *e)
{
	const struct attributes *attributes = n->spec->attributes;
	const char *failed;

	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return error_sys(e, "cannot make the process undumpable");
	if (attributes && attributes_apply_initial(attributes, e) < 0)
		return -1;
	failed = join_all(n->joins, n->n_joins);
	return failed ? error_sys(e, "cannot join the %s namespace of the container", failed) : 0;
}

static _Noreturn void
between(struct entering *n, int answer_fd)
{
	struct answer a = { .pid = -1 };

	close_others(n, answer_fd);
	if (join(n, &a.e) == 0) {
		a.pid = (pid_t)syscall(SYS_clone, CLONE_PARENT | SIGCHLD, 0, 0, 0, 0);
		if (a.pid == 0) {
			(void)close(answer_fd);
			join_close(n->joins, n->n_joins);
			(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0); /* joining may have reset it */
			new_process(n);
		}
		if (a.pid < 0)
			error_sys(&a.e, "cannot start a process in the container");
	}
	(void)!write(answer_fd, &a, sizeof(a)); /* nobody else to tell */
	_exit(0);
}

static int
fork_between(struct entering *n, pid_t *pid, struct error *e)
{
	autofd int read_end = -1;
	struct answer a;
	int ends[2], got;
	pid_t child;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return error_sys(e, "cannot make a pipe");
	read_end = ends[0];
	child = (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
	if (child == 0)
		between(n, ends[1]);
	(void)close(ends[1]); /* nothing was written */
	if (child < 0)
		return error_sys(e, "cannot start a process");
	got = fd_read_exact(read_end, &a, sizeof(a), e);
	while (waitpid(child, NULL, 0) < 0 && errno == EINTR)
		;
	if (got == 0)
		return error_set(e, ERR_SYSTEM, "the process that joins the container ended");
	if (got < 0)
		return -1;
	if (a.pid < 0) {
		*e = a.e;
		return -1;
	}
	*pid = a.pid;
	return 0;
}

/* By the host's procfs, before the process does anything. Below the caller's is only for those with privileges: no failure. */
static int
set_oom_score(const struct container_spec *spec, pid_t pid, struct error *e)
{
	char path[48], text[16];
	autofd int fd = -1;

	if (spec->oom_score_adj < -1000)
		return 0;
	snprintf(path, sizeof(path), "/proc/%d/oom_score_adj", (int)pid);
	snprintf(text, sizeof(text), "%d", spec->oom_score_adj);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return errno == EACCES ? 0 : error_sys(e, "cannot open '%s'", path);
	if (write(fd, text, strlen(text)) < 0 && errno != EACCES)
		return error_sys(e, "cannot set the OOM score");
	return 0;
}

static int
start(struct entering *n, struct container *c, struct error *e)
{
	const struct container_events *events = n->spec->events;
	autofd int ours = -1;
	autofd int theirs = -1;
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return error_sys(e, "cannot make a socket pair");
	n->ours = ours = pair[0];
	n->theirs = theirs = pair[1];
	if (fork_between(n, &c->pid, e) < 0)
		return -1;
	c->pidfd = process_pidfd(c->pid); /* our child: the number is its own */
	(void)close(steal_fd(&theirs));   /* the child's */
	if (set_oom_score(n->spec, c->pid, e) < 0)
		return -1;
	if (events && events->created && events->created(events->arg, c->pid, e) < 0)
		return -1;
	return init_await(n->spec, ours, c, e);
}

int
container_enter(
    const struct container_spec *spec, pid_t target, struct container *c, struct error *e)
{
	struct entering n = { .spec = spec };
	int count = join_open(target, n.joins, e);
	int result;

	*c = (struct container)CONTAINER_INIT;
	if (count < 0)
		return -1;
	n.n_joins = (size_t)count;
	result = start(&n, c, e);
	join_close(n.joins, n.n_joins);
	if (result < 0) {
		struct error ignored = ERROR_INIT;

		(void)container_finish(c, &ignored); /* the first failure counts */
	}
	return result;
}
