/* SPDX-License-Identifier: Apache-2.0 */
/*
 * init - the life of a container's first process, from clone to execve.
 *
 * The order matters: files while the process still has all capabilities; then the seccomp filter, which without no_new_privs only a
 * holder of CAP_SYS_ADMIN may load; then user and capabilities. Between the end of the file work and execve the process is not
 * dumpable, so that nobody can reach into it (SECURITY R2).
 */
#include "runtime/sandbox/init.h"

#include "runtime/base/fd.h"
#include "runtime/base/mem.h"
#include "runtime/base/path.h"
#include "runtime/sandbox/devices.h"
#include "runtime/sandbox/exec.h"
#include "runtime/sandbox/mount.h"
#include "runtime/sandbox/netns.h"
#include "runtime/sandbox/passfd.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
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
#define SIGRTMIN_KERNEL 32

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
	if (setresgid(0, 0, 0) < 0 || setresuid(0, 0, 0) < 0)
		return error_sys(e, "cannot become root of the container");
	/* now that the parent has put this process into its cgroup, that is the root of the namespace */
	if (init->cgroup_namespace && unshare(CLONE_NEWCGROUP) < 0)
		return error_sys(e, "cannot make a cgroup namespace");
	return 0;
}

static void
reset_signals(void)
{
	sigset_t none;

	/* execve resets handlers; what is ignored would stay so */
	for (int i = 1; i < SIGRTMIN_KERNEL; i++)
		(void)signal(i, SIG_DFL); /* the two that cannot be changed are so already */
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Descriptors above 2, so that moving one to its place does not overwrite another. */
static int
lift(int fd, struct error *e)
{
	int lifted = fd < 0 ? open("/dev/null", O_RDWR | O_CLOEXEC) : fd;

	if (lifted < 0)
		return error_sys(e, "cannot open '/dev/null'");
	if (lifted >= FIRST_FREE_FD && fd >= 0)
		return lifted;
	lifted = fcntl(lifted, F_DUPFD_CLOEXEC, FIRST_FREE_FD);
	return lifted < 0 ? error_sys(e, "cannot copy a descriptor") : lifted;
}

/* A step's own user must be able to open /dev/stdout, which for a pipe asks the pipe's owner and mode. */
static void
give_away(int fd, uid_t uid)
{
	struct stat st;

	if (uid != 0 && fstat(fd, &st) == 0 && (S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode)))
		(void)!fchown(
		    fd, uid, (gid_t)-1); /* a descriptor of someone else's works as it is */
}

static int
connect_stdio(const int from[3], uid_t uid, struct error *e)
{
	int lifted[3];

	for (int i = 0; i < 3; i++) {
		lifted[i] = lift(from[i], e);
		if (lifted[i] < 0)
			return -1;
	}
	for (int i = 0; i < 3; i++) {
		if (dup2(lifted[i], i) < 0)
			return error_sys(e, "cannot connect descriptor %d", i);
		give_away(i, uid);
	}
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
	if (other < 0 || fchown(other, spec->uid, (gid_t)-1) < 0)
		return other < 0 ? -1 : error_sys(e, "cannot give the terminal to the user");
	console = stubs_open(&made, init->rootfs.root, "/dev/console", false, e);
	stubs_release(&made);
	if (console < 0 || mount_bind(other, console, 0, false, e) < 0)
		return error_ctx(e, "'/dev/console'");
	if (connect_stdio((int[3]){ other, other, other }, 0, e) < 0)
		return -1;
	if (ioctl(0, TIOCSCTTY, 0) < 0)
		return error_sys(e, "cannot take the terminal");
	return passfd_send(init->socket, master, e);
}

static int
set_limits(const struct container_spec *spec, struct error *e)
{
	static const struct rlimit no_core = { 0, 0 };
	bool core = false;

	for (size_t i = 0; i < spec->n_rlimits; i++) {
		const struct container_rlimit *r = &spec->rlimits[i];
		struct rlimit now;

		core = core || r->resource == RLIMIT_CORE;
		if (setrlimit((__rlimit_resource_t)r->resource, &r->limit) == 0)
			continue;
		(void)getrlimit((__rlimit_resource_t)r->resource, &now);
		error_sys(e, "cannot set resource limit %d", r->resource);
		e->kind = ERR_HOST;
		return error_hint(e,
		    "the hard limit here is %llu and cannot be raised without privileges",
		    (unsigned long long)now.rlim_max);
	}
	if (!core && setrlimit(RLIMIT_CORE, &no_core) < 0)
		return error_sys(e, "cannot forbid core dumps");
	return 0;
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

static int
enter_cwd(const struct container_spec *spec, struct error *e)
{
	const char *cwd = spec->cwd ? spec->cwd : "/";
	autofd int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	autofd int fd = -1;

	if (root < 0)
		return error_sys(e, "cannot open '/'");
	/* never through magic links: /proc/self/fd/N could lead out (SECURITY R1) */
	fd = path_try_open(root, cwd, O_PATH | O_DIRECTORY, 0, PATH_IN_ROOT);
	if (fd < 0 && errno == ENOENT && spec->make_cwd)
		fd = path_make_dirs(root, cwd, 0755, spec->uid, spec->gid, e);
	else if (fd < 0)
		error_sys(e, "cannot enter the working directory '%s'", cwd);
	if (fd >= 0 && fchdir(fd) < 0) {
		error_sys(e, "cannot enter the working directory '%s'", cwd);
		fd = (close(fd), -1);
	}
	if (fd < 0)
		e->kind = ERR_STEP;
	return fd < 0 ? -1 : 0;
}

static int
set_user(const struct container_spec *spec, struct error *e)
{
	struct caps caps = spec->caps;

	if (!spec->userns->own_id_only && setgroups(spec->n_groups, spec->groups) < 0)
		return error_sys(e, "cannot set the groups");
	if (setresgid(spec->gid, spec->gid, spec->gid) < 0)
		return error_sys(e, "cannot become group %u", (unsigned int)spec->gid);
	if (caps_bound(caps.bounding, e) < 0)
		return -1;
	if (!spec->no_new_privs && spec->seccomp && seccomp_program_load(spec->seccomp, e) < 0)
		return -1;
	if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0)
		return error_sys(e, "cannot keep capabilities over the change of user");
	if (setresuid(spec->uid, spec->uid, spec->uid) < 0)
		return error_sys(e, "cannot become user %u", (unsigned int)spec->uid);
	(void)prctl(PR_SET_KEEPCAPS, 0, 0, 0, 0); /* execve clears it too */
	if (caps_apply(&caps, e) < 0)
		return -1;
	if (!spec->no_new_privs)
		return 0;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return error_sys(e, "cannot set no_new_privs");
	return spec->seccomp ? seccomp_program_load(spec->seccomp, e) : 0;
}

/* Set behind the change of user, which clears it. Has the parent ended before, its end of the socket is closed. */
static void
die_with_parent(int socket)
{
	struct pollfd p = { .fd = socket, .events = POLLIN };

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0); /* cannot fail for a valid signal */
	if (poll(&p, 1, 0) == 1 && p.revents & POLLHUP)
		_exit(1);
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
	    connect_stdio((int[3]){ spec->in, spec->out, spec->err }, spec->uid, e) < 0)
		return -1;
	if (set_oom_score(init, e) < 0)
		return -1;
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return error_sys(e, "cannot make the process undumpable");
	if (tell_mounted(init, e) < 0)
		return -1;
	return rootfs_enter(&init->rootfs, e);
}

static int
set_names(const struct container_spec *spec, struct error *e)
{
	const char *name = spec->hostname ? spec->hostname : "localhost";

	if (*name && sethostname(name, strlen(name)) < 0)
		return error_sys(e, "cannot set the host name '%s'", name);
	return 0;
}

static int
run(struct init *init, struct error *e)
{
	const struct container_spec *spec = init->spec;
	const struct container_events *events = spec->events;

	reset_signals();
	if (become_root(init, e) < 0)
		return -1;
	if (setsid() < 0)
		return error_sys(e, "cannot start a session");
	if (make_files(init, e) < 0 || set_names(spec, e) < 0)
		return -1;
	if (events && events->starting && events->starting(events->arg, init->pid, e) < 0)
		return -1;
	if (set_limits(spec, e) < 0 || enter_cwd(spec, e) < 0)
		return -1;
	umask(spec->umask);
	fd_cloexec_from(FIRST_FREE_FD, NULL, 0);
	if (set_user(spec, e) < 0)
		return -1;
	die_with_parent(init->socket);
	return exec_command(spec->argv, spec->envp, e);
}

void
init_main(struct init *init)
{
	struct error e = ERROR_INIT;

	/* the socket must survive that 0, 1 and 2 are replaced */
	if (init->socket < FIRST_FREE_FD)
		init->socket = fcntl(init->socket, F_DUPFD_CLOEXEC, FIRST_FREE_FD);
	run(init, &e);
	(void)send(init->socket, &e, sizeof(e), MSG_NOSIGNAL); /* nobody else to tell */
	_exit(1);
}
