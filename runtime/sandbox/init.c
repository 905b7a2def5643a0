/* SPDX-License-Identifier: Apache-2.0 */
/*
 * init - the life of a container's first process, from clone to execve.
 *
 * The order matters: files while the process still has all capabilities; then the seccomp filter, which without no_new_privs only a
 * holder of CAP_SYS_ADMIN may load; then user and capabilities. Between the end of the file work and execve the process is not
 * dumpable, so that nobody can reach into it (SECURITY R2).
 */
#include "runtime/sandbox/init.h"

#include "runtime/base/child.h"
#include "runtime/base/fd.h"
#include "runtime/sandbox/become.h"
#include "runtime/sandbox/devices.h"
#include "runtime/sandbox/mount.h"
#include "runtime/sandbox/netns.h"
#include "runtime/sandbox/passfd.h"
#include "runtime/sandbox/supervisor.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

#define FIRST_FREE_FD 3

static void
await_parent(struct init *init)
{
	struct init_go go;
	ssize_t n;

	do
		n = recv(init->socket, &go, sizeof(go), 0);
	while (n < 0 && errno == EINTR);
	if (n != (ssize_t)sizeof(go))
		_exit(1); /* the parent has ended or knows why */
	init->pid = go.pid;
}

static int
become_root(struct init *init, struct error *e)
{
	await_parent(init);
	/* in a user namespace that was joined there may be no id 0; the capabilities are there nevertheless */
	if ((setresgid(0, 0, 0) < 0 || setresuid(0, 0, 0) < 0) && errno != EINVAL)
		return error_sys(e, "cannot become root of the container");
	/* now that the parent has put this process into its cgroup, that is the root of the namespace */
	if (init->cgroup_namespace && unshare(CLONE_NEWCGROUP) < 0)
		return error_sys(e, "cannot make a cgroup namespace");
	return 0;
}

/* A terminal of the container's own, and /dev/console on it. */
static int
connect_terminal(const struct init *init, struct error *e)
{
	const struct container_spec *spec = init->spec;
	autofd int master = -1;
	autofd int other = -1;
	autofd int console = -1;
	struct stubs made = { 0 };

	if (init->rootfs.pts < 0)
		return error_set(e, ERR_INPUT, "a terminal needs a devpts mount");
	other = devices_open_terminal(init->rootfs.pts, spec->rows, spec->columns, &master, e);
	if (other < 0)
		return -1;
	if (!spec->record_ids && fchown(other, spec->uid, (gid_t)-1) < 0)
		return error_sys(e, "cannot give the terminal to the user");
	console = stubs_open(&made, init->rootfs.root, "/dev/console", false, e);
	stubs_release(&made);
	if (console < 0 || mount_bind(other, console, 0, false, e) < 0)
		return error_ctx(e, "'/dev/console'");
	if (become_stdio((int[3]){ other, other, other }, 0, e) < 0)
		return -1;
	if (ioctl(0, TIOCSCTTY, 0) < 0)
		return error_sys(e, "cannot take the terminal");
	return passfd_send(init->socket, master, e);
}

static int
set_oom_score(const struct init *init, struct error *e)
{
	char text[16];
	autofd int fd = -1;
	int length;

	if (init->spec->oom_score_adj < -1000 || init->rootfs.proc < 0)
		return 0;
	length = snprintf(text, sizeof(text), "%d", init->spec->oom_score_adj);
	fd = openat(init->rootfs.proc, "self/oom_score_adj", O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return error_sys(e, "cannot open oom_score_adj");
	if (write(fd, text, (size_t)length) < 0 && errno != EACCES)
		return error_sys(
		    e, "cannot set the OOM score"); /* below the caller's: only with privileges */
	return 0;
}

/* The tree is whole: those who want to look at it or add to it are let in before it is entered. */
static int
tell_mounted(struct init *init, struct error *e)
{
	const struct container_events *events = init->spec->events;

	if (events && events->mounted) {
		(void)send(
		    init->socket, &(char){ INIT_MOUNTED }, 1, MSG_NOSIGNAL); /* heard below */
		await_parent(init);
	}
	return events && events->entering ? events->entering(events->arg, init->pid, e) : 0;
}

static int
make_files(struct init *init, struct error *e)
{
	const struct container_spec *spec = init->spec;

	umask(022);
	if (spec->network == CONTAINER_NETWORK_NEW && netns_raise_loopback(e) < 0)
		return -1;
	if (rootfs_build(&init->rootfs, spec, e) < 0)
		return -1;
	if (spec->terminal && connect_terminal(init, e) < 0)
		return -1;
	if (!spec->terminal &&
	    become_stdio((int[3]){ spec->in, spec->out, spec->err }, spec->uid, e) < 0)
		return -1;
	if (set_oom_score(init, e) < 0)
		return -1;
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return error_sys(e, "cannot make the process undumpable");
	if (tell_mounted(init, e) < 0)
		return -1;
	return rootfs_enter(&init->rootfs, init->spec->no_pivot, e);
}

static int
set_names(const struct container_spec *spec, struct error *e)
{
	const char *name = container_hostname(spec);

	if (*name && sethostname(name, strlen(name)) < 0 &&
	    !(errno == EPERM && spec->hostname_may_stay))
		return error_sys(e, "cannot set the host name '%s'", name);
	if (spec->domainname && setdomainname(spec->domainname, strlen(spec->domainname)) < 0)
		return error_sys(e, "cannot set the domain name '%s'", spec->domainname);
	return 0;
}

/* Everything is ready: says so, and goes on alone once the parent has put the container on record. */
static void
hold(struct init *init)
{
	if (send(init->socket, &(char){ INIT_READY }, 1, MSG_NOSIGNAL) != 1)
		_exit(1); /* the parent has ended */
	await_parent(init);
	(void)close(init->socket); /* nothing more comes from there */
	init->socket = -1;
	become_wait(init->spec);
}

/* From here on some calls are answered by others. There can be one listener only: the supervisor of ids passes on what is not for it. */
static int
join_others(const struct init *init, struct container_spec *spec, struct error *e)
{
	if (init->ids < 0)
		return become_asking(spec, e);
	if (supervisor_join(spec, init->ids, e) < 0)
		return -1;
	if (spec->egress_asks & EGRESS_REFUSED)
		spec->seccomp = NULL; /* what was loaded begins with it */
	return 0;
}

static int
run(struct init *init, struct error *e)
{
	struct container_spec own = *init->spec;
	const struct container_spec *spec = &own;
	const struct container_events *events = spec->events;

	child_reset_signals();
	if (become_root(init, e) < 0)
		return -1;
	if (setsid() < 0)
		return error_sys(e, "cannot start a session");
	if (spec->new_keyring && become_new_keyring(e) < 0)
		return error_hint(e, "--no-new-keyring leaves the caller's");
	if (make_files(init, e) < 0 || set_names(spec, e) < 0)
		return -1;
	/* who wants to act at the start itself needs rights that become_ready() gives up, and so waits before it */
	if (events && events->starting) {
		if (spec->hold_read >= 0)
			hold(init);
		if (events->starting(events->arg, init->pid, e) < 0)
			return -1;
	}
	if (join_others(init, &own, e) < 0 || become_ready(spec, init->socket, e) < 0)
		return -1;
	if (spec->hold_read >= 0 && init->socket >= 0)
		hold(init);
	if (!spec->outlives)
		become_mortal(init->socket);
	return become_command(spec, e);
}

void
init_main(struct init *init)
{
	struct error e = ERROR_INIT;

	/* the socket must survive that 0, 1 and 2 are replaced */
	if (init->socket < FIRST_FREE_FD)
		init->socket = fcntl(init->socket, F_DUPFD_CLOEXEC, FIRST_FREE_FD);
	if (init->ids >= 0 && init->ids < FIRST_FREE_FD)
		init->ids = fcntl(init->ids, F_DUPFD_CLOEXEC, FIRST_FREE_FD);
	run(init, &e);
	if (init->socket < 0)
		(void)!write(init->spec->hold_write, &e, sizeof(e)); /* to who has started it */
	else
		(void)send(init->socket, &e, sizeof(e), MSG_NOSIGNAL); /* nobody else to tell */
	_exit(1);
}
