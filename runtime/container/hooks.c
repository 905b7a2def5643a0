/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hooks - programs that config.json has run as the life of a container goes on (runtime-spec, config.md, "POSIX-platform Hooks").
 */
#include "runtime/container/hooks.h"

#include "runtime/base/child.h"
#include "runtime/base/fd.h"
#include "runtime/base/mem.h"
#include "runtime/base/process.h"
#include "runtime/base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SAID_MAX 2048
#define STATE_MAX (1 << 20)
#define POLL_MS 10 /* where the kernel has no pidfd */
#define REQUEST_MAX (STATE_MAX + 1)

/* One hook while it runs. */
struct running {
	pid_t pid;
	int pidfd;
	int out;         /* what it says */
	struct buf said; /* its beginning */
	int64_t ends;    /* milliseconds of CLOCK_MONOTONIC; 0: never */
};

static int64_t
now_ms(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t); /* cannot fail */
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* The read end of a pipe that holds all of @text, so that nobody has to wait for a hook that does not read. */
static int
full_pipe(const char *text, size_t length, struct error *e)
{
	int ends[2];
	autofd int read_end = -1;
	autofd int write_end = -1;

	if (length > STATE_MAX)
		return error_set(e, ERR_INPUT, "the state is too large for a hook");
	if (pipe2(ends, O_CLOEXEC) < 0)
		return error_sys(e, "cannot make a pipe");
	read_end = ends[0];
	write_end = ends[1];
	if (length > 65536 && fcntl(write_end, F_SETPIPE_SZ, STATE_MAX) < 0)
		return error_sys(e, "cannot make a pipe of %d bytes", STATE_MAX);
	if (fd_write_all(write_end, text, length, e) < 0)
		return -1;
	return steal_fd(&read_end);
}

static int
start(
    const struct oci_hook *h, const char *state, size_t length, struct running *r, struct error *e)
{
	autofd int in = full_pipe(state, length, e);
	autofd int write_end = -1;
	int ends[2];

	if (in < 0)
		return -1;
	if (pipe2(ends, O_CLOEXEC) < 0)
		return error_sys(e, "cannot make a pipe");
	r->out = ends[0];
	write_end = ends[1];
	r->pid = process_spawn(&(struct process_spec){ .path = h->path,
				   .argv = strv_array(&h->args),
				   .envp = h->env_given ? strv_array(&h->env) : NULL,
				   .in = in,
				   .out = write_end,
				   .err = write_end,
				   .own_group = true },
	    e);
	if (r->pid < 0)
		return -1;
	r->pidfd = process_pidfd(r->pid);
	r->ends = h->timeout ? now_ms() + (int64_t)h->timeout * 1000 : 0;
	return 0;
}

/* Keeps the beginning; the rest is read so that the hook need not wait. */
static void
hear(struct running *r)
{
	char bytes[1024];
	ssize_t n = read(r->out, bytes, sizeof(bytes));

	if (n > 0 && r->said.len < SAID_MAX)
		buf_add(&r->said, bytes,
		    r->said.len + (size_t)n > SAID_MAX ? SAID_MAX - r->said.len : (size_t)n);
	if (n == 0)
		fd_close_at(&r->out);
}

static bool
has_ended(const struct running *r, int *status)
{
	pid_t pid;

	do
		pid = waitpid(r->pid, status, WNOHANG);
	while (pid < 0 && errno == EINTR);
	return pid == r->pid;
}

/* Whatever is in the pipe when the hook has ended; a child of it may still hold the other end. */
static void
hear_the_rest(struct running *r)
{
	struct pollfd p = { .fd = r->out, .events = POLLIN };

	while (r->out >= 0 && poll(&p, 1, 0) == 1 && p.revents & POLLIN)
		hear(r);
}

static int
await(struct running *r, int *status)
{
	while (!has_ended(r, status)) {
		struct pollfd p[2] = { { .fd = r->pidfd, .events = POLLIN },
			{ .fd = r->out, .events = POLLIN } };
		int64_t left = r->ends ? r->ends - now_ms() : -1;

		if (r->ends && left <= 0) {
			(void)kill(-r->pid, SIGKILL); /* its group: it has just been there */
			while (waitpid(r->pid, status, 0) < 0 && errno == EINTR)
				;
			return 1;
		}
		if (r->pidfd < 0 && (left < 0 || left > POLL_MS))
			left = POLL_MS;
		if (poll(p, 2, (int)(left > 1000000 ? 1000000 : left)) > 0 && p[1].revents)
			hear(r);
	}
	hear_the_rest(r);
	return 0;
}

static int
complain(const struct running *r, int status, uint32_t timeout, struct error *e)
{
	autofree char *safe = NULL;
	auto(buf) struct buf how = { 0 };

	if (timeout)
		buf_printf(&how, "did not end within %u s", timeout);
	else
		process_status_text(status, &how);
	error_set(e, ERR_HOST, "%s", buf_text(&how));
	if (r->said.len == 0)
		return -1;
	safe = xstrndup(r->said.data, strcspn(buf_text(&r->said), "\n"));
	return error_hint(e, "it said: %s", safe);
}

static int
run_one(const struct oci_hook *h, const char *state, size_t length, struct error *e)
{
	struct running r = { .pidfd = -1, .out = -1 };
	int status = 0, late = 0;
	int result = start(h, state, length, &r, e);

	if (result == 0) {
		late = await(&r, &status);
		if (late || status != 0)
			result = complain(&r, status, late ? h->timeout : 0, e);
	}
	fd_close_at(&r.pidfd);
	fd_close_at(&r.out);
	buf_release(&r.said);
	return result;
}

static int
run_text(const struct oci_hooks *h, enum oci_hook_kind kind, const char *state, size_t length,
    struct error *e)
{
	bool go_on = kind == OCI_POSTSTART || kind == OCI_POSTSTOP;
	int result = 0;

	for (size_t i = 0; i < h->count[kind]; i++) {
		struct error one = ERROR_INIT;

		if (run_one(&h->items[kind][i], state, length, &one) == 0)
			continue;
		if (result == 0) {
			*e = one;
			error_ctx(e, "config.json: hook 'hooks.%s[%zu]' ('%s')",
			    oci_hook_names[kind], i, h->items[kind][i].path);
		}
		result = -1;
		if (!go_on)
			break;
	}
	return result;
}

int
hooks_run(
    const struct oci_hooks *h, enum oci_hook_kind kind, const struct json *state, struct error *e)
{
	auto(buf) struct buf text = { 0 };

	if (h->count[kind] == 0)
		return 0;
	json_write(state, 0, &text);
	return run_text(h, kind, buf_text(&text), text.len, e);
}

/* A request is a byte that is the kind, and the state; the answer a struct error. */
static _Noreturn void
serve(const struct oci_hooks *h, int socket)
{
	autofree char *request = xmalloc(REQUEST_MAX);
	ssize_t n;

	while ((n = recv(socket, request, REQUEST_MAX, 0)) > 0) {
		struct error answer = ERROR_INIT;

		(void)run_text(h, (enum oci_hook_kind)request[0], request + 1, (size_t)n - 1,
		    &answer); /* told by the answer */
		if (send(socket, &answer, sizeof(answer), MSG_NOSIGNAL) < 0)
			break;
	}
	_exit(0);
}

int
hook_runner_start(const struct oci_hooks *h, struct hook_runner *r, struct error *e)
{
	pid_t parent = getpid();
	int pair[2];

	*r = (struct hook_runner)HOOK_RUNNER_INIT;
	if (h->count[OCI_PRESTART] == 0 && h->count[OCI_CREATE_RUNTIME] == 0 &&
	    h->count[OCI_POSTSTART] == 0 && h->count[OCI_POSTSTOP] == 0)
		return 0;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return error_sys(e, "cannot make a socket pair");
	(void)setsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &(int){ 2 * REQUEST_MAX },
	    sizeof(int)); /* a state that is too large is refused when it is sent */
	r->pid = fork();
	if (r->pid == 0) {
		(void)close(pair[0]); /* the other side's */
		if (child_die_with(parent) < 0)
			_exit(1);
		serve(h, pair[1]);
	}
	(void)close(pair[1]); /* the other side's */
	r->socket = pair[0];
	return r->pid < 0 ? error_sys(e, "cannot make a process for hooks") : 0;
}

int
hook_runner_run(
    struct hook_runner *r, enum oci_hook_kind kind, const struct json *state, struct error *e)
{
	auto(buf) struct buf request = { 0 };
	struct error answer;
	ssize_t n;

	if (r->socket < 0)
		return 0;
	buf_add_char(&request, (char)kind);
	json_write(state, 0, &request);
	if (send(r->socket, request.data, request.len, MSG_NOSIGNAL) < 0)
		return error_sys(e, "cannot reach the process for hooks");
	do
		n = recv(r->socket, &answer, sizeof(answer), 0);
	while (n < 0 && errno == EINTR);
	if (n != (ssize_t)sizeof(answer))
		return error_set(e, ERR_SYSTEM, "the process for hooks has ended");
	if (answer.kind == ERR_NONE)
		return 0;
	*e = answer;
	return -1;
}

void
hook_runner_end(struct hook_runner *r)
{
	fd_close_at(&r->socket);
	if (r->pid > 0)
		while (waitpid(r->pid, NULL, 0) < 0 && errno == EINTR)
			;
	r->pid = 0;
}
