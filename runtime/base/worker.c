/* SPDX-License-Identifier: Apache-2.0 */
/*
 * worker - a fork without exec that answers with bytes or with an error.
 *
 * Through the pipe goes a length and so many bytes, or FAILED and a struct error. The length tells where the
 * answer ends, so that a descendant which still holds the pipe keeps nobody waiting.
 */
#include "runtime/base/process.h"

#include "runtime/base/child.h"
#include "runtime/base/fd.h"
#include "runtime/base/mem.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#define FAILED UINT64_MAX
#define RESULT_MAX (1ULL << 31)

static _Noreturn void
run_worker(int fd, worker_fn *fn, void *arg, pid_t parent)
{
	struct error e = ERROR_INIT;
	struct error ignored = ERROR_INIT;
	struct buf result = { 0 };
	uint64_t length = FAILED;
	int sent;

	child_reset_signals();
	if (child_die_with(parent) < 0)
		_exit(127);
	if (fn(arg, &result, &e) == 0)
		length = result.len;
	else
		assert(e.kind != ERR_NONE);
	sent = fd_write_all(fd, &length, sizeof(length), &ignored);
	if (sent == 0 && length == FAILED)
		sent = fd_write_all(fd, &e, sizeof(e), &ignored);
	else if (sent == 0)
		sent = fd_write_all(fd, result.data, result.len, &ignored);
	_exit(sent < 0 || length == FAILED);
}

int
worker_start(struct worker *w, worker_fn *fn, void *arg, struct error *e)
{
	pid_t parent = getpid();
	int ends[2];

	*w = (struct worker){ .pid = -1, .fd = -1 };
	if (pipe2(ends, O_CLOEXEC) < 0)
		return error_sys(e, "cannot make a pipe");
	w->pid = fork();
	if (w->pid == 0) {
		(void)close(ends[0]); /* the parent's */
		run_worker(ends[1], fn, arg, parent);
	}
	if (w->pid < 0) {
		error_sys(e, "cannot start a worker");
		(void)close(ends[0]); /* nothing was written */
	} else {
		w->fd = ends[0];
	}
	(void)close(ends[1]); /* nothing was written */
	return w->pid < 0 ? -1 : 0;
}

/* 1: the whole answer is in @result or, when it is a failure, in *@failure; 0: the worker ended before. */
static int
read_answer(int fd, struct buf *result, struct error *failure, struct error *e)
{
	uint64_t length;
	int got = fd_read_exact(fd, &length, sizeof(length), e);

	if (got <= 0)
		return got;
	if (length == FAILED)
		return fd_read_exact(fd, failure, sizeof(*failure), e);
	if (length == 0)
		return 1;
	if (length > RESULT_MAX)
		return error_set(e, ERR_SYSTEM, "a worker's answer is too long");
	got = fd_read_exact(fd, buf_reserve(result, (size_t)length), (size_t)length, e);
	if (got == 1)
		buf_added(result, (size_t)length);
	return got;
}

static int
died(int status, struct error *e)
{
	auto(buf) struct buf text = { 0 };

	process_status_text(status, &text);
	return error_set(e, ERR_SYSTEM, "a worker ended without an answer: %s", buf_text(&text));
}

int
worker_finish(struct worker *w, struct buf *result, struct error *e)
{
	auto(buf) struct buf dropped = { 0 };
	struct error failure = ERROR_INIT;
	int status = 0;
	int got = read_answer(w->fd, result ? result : &dropped, &failure, e);
	pid_t pid;

	do {
		pid = waitpid(w->pid, &status, 0);
	} while (pid < 0 && errno == EINTR); /* ECHILD: an event loop has reaped it */
	fd_close_at(&w->fd);
	*w = (struct worker){ .pid = -1, .fd = -1 };
	if (got <= 0)
		return died(status, e);
	if (failure.kind == ERR_NONE)
		return 0;
	*e = failure;
	return -1;
}

void
worker_kill(struct worker *w)
{
	int saved = errno;

	if (w->pid > 0) {
		(void)kill(w->pid, SIGKILL); /* ESRCH: it has been reaped elsewhere */
		while (waitpid(w->pid, NULL, 0) < 0 && errno == EINTR)
			continue;
	}
	if (w->pid != 0)
		fd_close_at(&w->fd);
	*w = (struct worker){ .pid = -1, .fd = -1 };
	errno = saved;
}
