/* SPDX-License-Identifier: Apache-2.0 */
/*
 * become - from a process that has entered a container to the command: limits, working directory, user, filter, execve; and the process
 * that stands between it and the caller where there is no container.
 *
 * A filter is loaded as late as can be: with no_new_privs just before execve, otherwise before the capabilities are given up, so that
 * from there on a profile must allow what is left: setresuid, capset, prctl, read, write, execve.
 */
#include "runtime/sandbox/become.h"

#include "runtime/base/fd.h"
#include "runtime/base/mem.h"
#include "runtime/base/path.h"
#include "runtime/sandbox/egress.h"
#include "runtime/sandbox/exec.h"
#include "runtime/sandbox/listen.h"
#include "runtime/sandbox/passfd.h"
#include "seccomp/owner.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/keyctl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define FIRST_FREE_FD 3

/* Nothing and the end of the connection: it is executing. */
static int
await(int socket, struct error *e)
{
	struct error told;
	ssize_t n;

	do
		n = recv(socket, &told, sizeof(told), 0);
	while (n < 0 && errno == EINTR);
	if (n == 0)
		return 0;
	if (n != (ssize_t)sizeof(told))
		return error_set(e, ERR_SYSTEM, "a command's process ended without a word");
	*e = told;
	return -1;
}

int
become_apart(pid_t *pid, become_main *main, void *arg, struct error *e)
{
	pid_t parent = getpid();
	autofd int ours = -1;
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return error_sys(e, "cannot make a socket pair");
	ours = pair[0];
	*pid = fork();
	if (*pid == 0) {
		(void)close(pair[0]); /* the parent's */
		main(arg, pair[1], parent);
		_exit(1);
	}
	(void)close(pair[1]); /* the child's */
	if (*pid < 0) {
		*pid = 0;
		return error_sys(e, "cannot make a process");
	}
	return await(ours, e);
}

/* Without it the container would reach the keys of the caller's session (SECURITY R33). Who refuses the call refuses it inside too. */
int
become_new_keyring(struct error *e)
{
	if (syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL) >= 0 || errno == ENOSYS ||
	    errno == EPERM)
		return 0;
	return error_sys(e, "cannot make a session keyring");
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

int
become_stdio(const int from[3], uid_t uid, struct error *e)
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
enter_cwd(const struct container_spec *spec, struct error *e)
{
	const char *cwd = spec->cwd ? spec->cwd : "/";
	struct owner owner = { spec->uid, spec->gid };
	autofd int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	autofd int fd = -1;

	if (root < 0)
		return error_sys(e, "cannot open '/'");
	/* never through magic links: /proc/self/fd/N could lead out (SECURITY R1) */
	fd = path_try_open(root, cwd, O_PATH | O_DIRECTORY, 0, PATH_IN_ROOT);
	if (fd < 0 && errno == ENOENT && spec->make_cwd)
		fd = owner_make_dirs(root, cwd, &owner, spec->record_ids, e);
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

int
become_asking(struct container_spec *spec, struct error *e)
{
	struct error failed = ERROR_INIT;

	if (!spec->egress || !spec->egress_asks)
		return 0;
	if (spec->no_new_privs && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return error_sys(e, "cannot set no_new_privs");
	if (egress_join(spec->egress, spec->egress_number, spec->egress_asks, &failed) == 0) {
		if (spec->egress_asks & EGRESS_REFUSED)
			spec->seccomp = NULL; /* what was loaded begins with it */
		return 0;
	}
	if (spec->egress_asks == EGRESS_REFUSED)
		return 0;
	*e = failed;
	return -1;
}

/* What is listened to by somebody whom only the parent knows. */
struct listening {
	const struct container_spec *spec;
	int socket;
};

static int
load_program(void *arg, struct error *e)
{
	const struct listening *l = arg;

	return seccomp_program_listen(l->spec->seccomp, e);
}

static int
pass_listener(void *arg, int listener, struct error *e)
{
	const struct listening *l = arg;

	(void)passfd_send(l->socket, listener, e); /* a dead parent has killed us */
	return 0;
}

static int
load_listening(const struct container_spec *spec, int socket, struct error *e)
{
	struct listening l = { spec, socket };
	struct listen_job job = { &l, load_program, pass_listener };

	if (send(socket, &(char){ INIT_LISTENER }, 1, MSG_NOSIGNAL) != 1)
		_exit(1); /* the parent has ended */
	return listen_load(&job, e);
}

static int
load_filter(const struct container_spec *spec, int listener_socket, struct error *e)
{
	return listener_socket >= 0 && spec->seccomp->notifies
	           ? load_listening(spec, listener_socket, e)
	           : seccomp_program_load(spec->seccomp, e);
}

/* A call failed: if that is what the filter does to it, who wrote the filter is to know. */
static int
refused(const struct container_spec *spec, int number, const char *name, struct error *e)
{
	if (spec->seccomp && e->sys != 0 && seccomp_program_errno(spec->seccomp, number) == e->sys)
		(void)error_hint(e, "the seccomp profile refuses %s(2)", name);
	return -1;
}

static int
set_user(const struct container_spec *spec, int listener_socket, struct error *e)
{
	struct caps caps = spec->caps;

	/* while there are the capabilities that it takes */
	if (spec->landlock && landlock_apply(spec->landlock, e) < 0)
		return -1;
	if (!spec->userns->own_id_only && setgroups(spec->n_groups, spec->groups) < 0)
		return error_sys(e, "cannot set the groups");
	if (setresgid(spec->gid, spec->gid, spec->gid) < 0)
		return error_sys(e, "cannot become group %u", (unsigned int)spec->gid);
	if (caps_bound(caps.bounding, e) < 0)
		return -1;
	if (!spec->no_new_privs && spec->seccomp && load_filter(spec, listener_socket, e) < 0)
		return -1;
	if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0) {
		error_sys(e, "cannot keep capabilities over the change of user");
		return refused(spec, SYS_prctl, "prctl", e);
	}
	if (setresuid(spec->uid, spec->uid, spec->uid) < 0) {
		error_sys(e, "cannot become user %u", (unsigned int)spec->uid);
		return refused(spec, SYS_setresuid, "setresuid", e);
	}
	(void)prctl(PR_SET_KEEPCAPS, 0, 0, 0, 0); /* execve clears it too */
	if (caps_apply(&caps, e) < 0)
		return refused(spec, SYS_capset, "capset", e);
	if (!spec->no_new_privs)
		return 0;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return error_sys(e, "cannot set no_new_privs");
	/* its listener has to be passed on while the parent is there */
	return spec->seccomp && spec->seccomp->notifies && listener_socket >= 0
	           ? load_listening(spec, listener_socket, e)
	           : 0;
}

/*
 * Nothing of the host's is open while it waits, which may be for ever, nor in execve: there the memory is the container's already, and who
 * may trace inside sees what close-on-exec is about to close.
 */
static void
close_others(const struct container_spec *spec, int socket)
{
	int keep[] = { spec->hold_read, spec->hold_write, socket };

	fd_close_others(FIRST_FREE_FD + spec->preserve_fds, keep, ARRAY_LEN(keep));
}

int
become_ready(const struct container_spec *spec, int socket, struct error *e)
{
	bool listens = spec->events && spec->events->listener;

	if (spec->attributes && attributes_apply(spec->attributes, e) < 0)
		return -1;
	if (set_limits(spec, e) < 0 || enter_cwd(spec, e) < 0)
		return -1;
	umask(spec->umask);
	close_others(spec, socket);
	fd_cloexec_from(FIRST_FREE_FD + spec->preserve_fds, NULL, 0);
	if (set_user(spec, listens ? socket : -1, e) < 0)
		return -1;
	/* a change of user makes it what fs.suid_dumpable says, which may be dumpable (SECURITY R2) */
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return error_sys(e, "cannot make the process undumpable");
	return spec->hold_read >= 0 ? exec_check(spec->argv, spec->envp, e) : 0;
}

/* The descriptor is open for writing too, so that a read waits; whoever deletes the container kills its processes. */
void
become_wait(const struct container_spec *spec)
{
	char byte;
	ssize_t n;

	close_others(spec, -1);
	do
		n = read(spec->hold_read, &byte, 1);
	while (n < 0 && errno == EINTR);
	if (n != 1)
		_exit(1);
}

/* Set behind the change of user, which clears it. Has the parent ended before, its end of the socket is closed. */
void
become_mortal(int socket)
{
	struct pollfd p = { .fd = socket, .events = POLLIN };

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0); /* cannot fail for a valid signal */
	if (poll(&p, 1, 0) == 1 && p.revents & POLLHUP)
		_exit(1);
}

int
become_command(const struct container_spec *spec, struct error *e)
{
	if (spec->own_pid)
		(void)snprintf(spec->own_pid, sizeof(CONTAINER_PID_TEXT), "%d", (int)getpid());
	if (spec->no_new_privs && spec->seccomp && !spec->seccomp->notifies &&
	    seccomp_program_load(spec->seccomp, e) < 0)
		return -1;
	(void)exec_command(spec->argv, spec->envp, e);
	return refused(spec, SYS_execve, "execve", e);
}
