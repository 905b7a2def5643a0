/* SPDX-License-Identifier: Apache-2.0 */
/*
 * process - children: programs, their results and their end. Workers are in worker.c.
 *
 * Between fork and exec the child makes system calls only; when one fails it sends errno and the name of what
 * failed through a pipe that exec closes.
 */
#include "runtime/base/process.h"

#include "runtime/base/child.h"
#include "runtime/base/fd.h"
#include "runtime/base/mem.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static bool no_pidfd;

struct failure {
	int number;
	char what[28];
};

void
child_reset_signals(void)
{
	/* What rt_sigaction(2) takes; the C library's function refuses two signals that it uses itself. */
	static const struct {
		void *handler;
		unsigned long flags;
		void *restorer;
		unsigned long mask;
	} by_default;
	sigset_t none;

	for (int number = 1; number < NSIG; number++) {
		if (number != SIGKILL && number != SIGSTOP)
			(void)syscall(
			    SYS_rt_sigaction, number, &by_default, NULL, sizeof(by_default.mask));
	}
	sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL); /* cannot fail */
}

int
child_die_with(pid_t parent)
{
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
		return -1;
	if (getppid() != parent) { /* it has died before the call */
		errno = ESRCH;
		return -1;
	}
	return 0;
}

static _Noreturn void
child_fail(int fd, const char *what)
{
	struct failure failure = { .number = errno };

	memcpy(failure.what, what, strnlen(what, sizeof(failure.what) - 1));
	(void)!write(fd, &failure, sizeof(failure)); /* nobody is left to tell of it */
	_exit(127);
}

/* A copy of @fd (-1: of /dev/null) that is above the standard descriptors. */
static int
above_standard(int fd)
{
	autofd int null = -1;

	if (fd < 0)
		fd = null = open("/dev/null", O_RDWR | O_CLOEXEC);
	return fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, 3);
}

static _Noreturn void
child_exec(const struct process_spec *spec, const char *path, pid_t parent, int failure)
{
	int standard[3];

	if (child_die_with(parent) < 0)
		child_fail(failure, "watch the parent");
	child_reset_signals();
	if (spec->own_group && setpgid(0, 0) < 0)
		child_fail(failure, "lead a process group");
	standard[0] = above_standard(spec->in);
	standard[1] = above_standard(spec->out);
	standard[2] = above_standard(spec->err);
	for (int i = 0; i < 3; i++) {
		if (standard[i] < 0 || dup2(standard[i], i) < 0)
			child_fail(failure, "set up its descriptors");
	}
	fd_cloexec_from(3, spec->keep, spec->n_keep);
	for (size_t i = 0; i < spec->n_keep; i++) {
		if (fcntl(spec->keep[i], F_SETFD, 0) < 0)
			child_fail(failure, "keep a descriptor");
	}
	execve(path, spec->argv, spec->envp ? spec->envp : environ);
	child_fail(failure, "execute it");
}

/* Waits for exec to close the pipe; -1 with @e when a failure came through it. */
static int
await_exec(int fd, pid_t pid, const char *path, struct error *e)
{
	struct failure failure;
	int status;

	switch (fd_read_exact(fd, &failure, sizeof(failure), e)) {
	case 0:
		return 0;
	case 1:
		errno = failure.number;
		error_sys(e, "cannot start '%s': cannot %s", path, failure.what);
		break;
	default:
		error_ctx(e, "cannot start '%s'", path);
	}
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		continue;
	return -1;
}

pid_t
process_spawn(const struct process_spec *spec, struct error *e)
{
	autofree char *path =
	    strchr(spec->path, '/') ? xstrdup(spec->path) : process_find(spec->path);
	int ends[2];
	autofd int read_end = -1;
	autofd int write_end = -1;
	pid_t parent = getpid();
	pid_t pid;

	if (!path)
		return error_set(e, ERR_NOT_FOUND, "there is no program '%s' in PATH", spec->path);
	if (pipe2(ends, O_CLOEXEC) < 0)
		return error_sys(e, "cannot make a pipe");
	read_end = ends[0];
	/* Not one of 0 to 2, which the child replaces. */
	write_end = fcntl(ends[1], F_DUPFD_CLOEXEC, 3);
	(void)close(ends[1]); /* nothing was written */
	if (write_end < 0)
		return error_sys(e, "cannot make a pipe");
	pid = fork();
	if (pid < 0)
		return error_sys(e, "cannot start '%s'", path);
	if (pid == 0)
		child_exec(spec, path, parent, write_end);
	(void)close(steal_fd(&write_end)); /* nothing was written */
	return await_exec(read_end, pid, path, e) < 0 ? -1 : pid;
}

void
process_force_no_pidfd(bool on)
{
	no_pidfd = on;
}

bool
process_has_no_pidfd(void)
{
	return no_pidfd;
}

int
process_pidfd(pid_t pid)
{
	if (no_pidfd) {
		errno = ENOSYS;
		return -1;
	}
	return (int)syscall(SYS_pidfd_open, pid, 0);
}

int
process_wait(pid_t pid, int *status, struct error *e)
{
	while (waitpid(pid, status, 0) < 0) {
		if (errno != EINTR)
			return error_sys(e, "cannot wait for process %d", (int)pid);
	}
	return 0;
}

int
process_run(const struct process_spec *spec, struct buf *out, size_t max, struct error *e)
{
	struct process_spec with_pipe = *spec;
	int ends[2] = { -1, -1 };
	autofd int read_end = -1;
	autofd int write_end = -1;
	int status;
	int result = 0;
	pid_t pid;

	if (out) {
		if (pipe2(ends, O_CLOEXEC) < 0)
			return error_sys(e, "cannot make a pipe");
		read_end = ends[0];
		with_pipe.out = write_end = ends[1];
	}
	pid = process_spawn(&with_pipe, e);
	if (pid < 0)
		return -1;
	fd_close_at(&write_end);
	write_end = -1;
	if (out && fd_read_all(read_end, out, max, "its output", e) < 0) {
		result = error_ctx(e, "cannot run '%s'", spec->path);
		(void)kill(pid, SIGKILL); /* it is not reaped yet, so the pid is its own */
	}
	if (process_wait(pid, &status, result < 0 ? &(struct error)ERROR_INIT : e) < 0 ||
	    result < 0)
		return -1;
	return process_exit_status(status);
}

int
process_exit_status(int status)
{
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

void
process_status_text(int status, struct buf *b)
{
	if (WIFEXITED(status)) {
		buf_printf(b, "exit status %d", WEXITSTATUS(status));
	} else if (WIFSIGNALED(status)) {
		const char *name = sigabbrev_np(WTERMSIG(status));

		if (name)
			buf_printf(b, "killed by SIG%s", name);
		else
			buf_printf(b, "killed by signal %d", WTERMSIG(status));
	} else {
		buf_printf(b, "wait status %#x", (unsigned int)status);
	}
}

static bool
is_program(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISREG(st.st_mode) && access(path, X_OK) == 0;
}

char *
process_find(const char *name)
{
	static const char system_folders[] =
	    "/usr/local/sbin:/usr/sbin:/sbin:/usr/local/bin:/usr/bin:/bin";
	const char *path = getenv("PATH");
	auto(strv) struct strv folders = { 0 };

	strv_split(&folders, path ? path : "", ':');
	strv_split(&folders, system_folders, ':');
	for (size_t i = 0; i < folders.count; i++) {
		autofree char *candidate = xasprintf("%s/%s", folders.items[i], name);

		/* An empty or relative folder would mean the current one. */
		if (folders.items[i][0] == '/' && is_program(candidate))
			return steal_ptr(&candidate);
	}
	return NULL;
}

char *
process_helper(const char *name)
{
	const char *folder = getenv("CROZE_LIBEXEC");
	char program[4096];
	ssize_t length;
	char *slash;

	if (folder && folder[0] == '/')
		return xasprintf("%s/%s", folder, name);
	length = readlink("/proc/self/exe", program, sizeof(program) - 1);
	if (length > 0) {
		autofree char *beside = NULL;

		program[length] = '\0';
		slash = strrchr(program, '/');
		beside = xasprintf("%.*s/%s", slash ? (int)(slash - program) : 0, program, name);
		if (slash && is_program(beside))
			return steal_ptr(&beside);
	}
	return xasprintf("%s/%s", CROZE_LIBEXECDIR, name);
}

pid_t
process_parent(int proc, const char *name)
{
	char path[300], text[512], *end;
	ssize_t n;
	int fd;

	(void)snprintf(path, sizeof(path), "%s/stat", name);
	fd = openat(proc, path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	if (fd >= 0)
		(void)close(fd); /* read-only */
	text[n > 0 ? n : 0] = '\0';
	end = strrchr(text, ')'); /* the name before it may hold anything */
	return end && strlen(end) > 4 ? (pid_t)strtol(end + 4, NULL, 10) : 0;
}
