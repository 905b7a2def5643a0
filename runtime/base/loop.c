/* SPDX-License-Identifier: Apache-2.0 */
/*
 * loop - one thread waiting for descriptors, processes, timers and signals (epoll).
 *
 * Every source is a descriptor in the epoll set: a pidfd, a timerfd, a signalfd or the caller's. A source that is
 * removed inside a callback stays allocated until its batch of events is through.
 */
#include "runtime/base/loop.h"

#include "runtime/base/fd.h"
#include "runtime/base/mem.h"
#include "runtime/base/process.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

#define BATCH 64

enum source_kind { SOURCE_FD, SOURCE_CHILD, SOURCE_TIMER, SOURCE_SIGNAL };

struct loop_source {
	struct loop *loop;
	struct loop_source *next;
	enum source_kind kind;
	bool removed;
	bool once; /* SOURCE_TIMER */
	int fd;    /* -1: a child that SIGCHLD tells of */
	pid_t pid;
	union {
		loop_fd_fn *on_fd;
		loop_child_fn *on_child;
		loop_timer_fn *on_timer;
		loop_signal_fn *on_signal;
	};
	void *arg;
};

struct loop {
	int epoll;
	bool stopped;
	struct loop_source *sources;
	struct loop_source *sigchld; /* only where a pidfd was refused */
	sigset_t mask;               /* as it was in loop_new() */
};

struct loop *
loop_new(struct error *e)
{
	struct loop *loop = xcalloc(1, sizeof(*loop));

	loop->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (loop->epoll < 0) {
		error_sys(e, "cannot make an event loop");
		free(loop);
		return NULL;
	}
	(void)sigprocmask(SIG_BLOCK, NULL, &loop->mask); /* only asks */
	return loop;
}

/* Frees the sources that are removed, or all of them. */
static void
sweep(struct loop *loop, bool all)
{
	struct loop_source **at = &loop->sources;

	while (*at) {
		struct loop_source *source = *at;

		if (all && !source->removed)
			loop_remove(source);
		if (!source->removed) {
			at = &source->next;
			continue;
		}
		*at = source->next;
		free(source);
	}
}

void
loop_free(struct loop *loop)
{
	if (!loop)
		return;
	sweep(loop, true);
	fd_close_at(&loop->epoll);
	(void)sigprocmask(
	    SIG_SETMASK, &loop->mask, NULL); /* cannot fail with a set of its own making */
	free(loop);
}

static struct loop_source *
add_source(struct loop *loop, enum source_kind kind, int fd, uint32_t events, struct error *e)
{
	struct loop_source *source = xcalloc(1, sizeof(*source));
	struct epoll_event event = { .events = events, .data.ptr = source };

	if (fd >= 0 && epoll_ctl(loop->epoll, EPOLL_CTL_ADD, fd, &event) < 0) {
		error_sys(e, "cannot watch descriptor %d", fd);
		free(source);
		return NULL;
	}
	source->loop = loop;
	source->kind = kind;
	source->fd = fd;
	source->next = loop->sources;
	loop->sources = source;
	return source;
}

struct loop_source *
loop_add_fd(struct loop *loop, int fd, uint32_t events, loop_fd_fn *fn, void *arg, struct error *e)
{
	struct loop_source *source = add_source(loop, SOURCE_FD, fd, events, e);

	if (!source)
		return NULL;
	source->on_fd = fn;
	source->arg = arg;
	return source;
}

void
loop_set_events(struct loop_source *source, uint32_t events)
{
	struct epoll_event event = { .events = events, .data.ptr = source };

	(void)epoll_ctl(
	    source->loop->epoll, EPOLL_CTL_MOD, source->fd, &event); /* it is in the set */
}

void
loop_remove(struct loop_source *source)
{
	if (!source || source->removed)
		return;
	source->removed = true;
	if (source->fd < 0)
		return;
	(void)epoll_ctl(
	    source->loop->epoll, EPOLL_CTL_DEL, source->fd, NULL); /* it is in the set */
	if (source->kind != SOURCE_FD)
		fd_close_at(&source->fd);
}

/* Calls the child's function when it has ended. */
static int
reap(struct loop_source *source, struct error *e)
{
	int status;
	pid_t pid = waitpid(source->pid, &status, WNOHANG);

	if (pid == 0)
		return 0;
	if (pid < 0)
		return error_sys(e, "cannot wait for process %d", (int)source->pid);
	loop_remove(source);
	return source->on_child(source->arg, pid, status, e);
}

static int
reap_all(void *arg, int signal, struct error *e)
{
	struct loop *loop = arg;

	(void)signal;
	/* What callbacks add stands in front, so this walk does not meet it. */
	for (struct loop_source *source = loop->sources; source; source = source->next) {
		if (source->kind == SOURCE_CHILD && !source->removed && source->fd < 0 &&
		    reap(source, e) < 0)
			return -1;
	}
	return 0;
}

struct loop_source *
loop_add_child(struct loop *loop, pid_t pid, loop_child_fn *fn, void *arg, struct error *e)
{
	autofd int fd = process_pidfd(pid);
	struct loop_source *source;

	if (fd < 0 && (errno == ENOSYS || errno == EPERM)) {
		if (!loop->sigchld)
			loop->sigchld = loop_add_signal(loop, SIGCHLD, reap_all, loop, e);
		if (!loop->sigchld)
			return NULL;
		(void)kill(getpid(), SIGCHLD); /* the child may have ended before */
	} else if (fd < 0) {
		error_sys(e, "cannot watch process %d", (int)pid);
		return NULL;
	}
	source = add_source(loop, SOURCE_CHILD, fd, EPOLLIN, e);
	if (!source)
		return NULL;
	(void)steal_fd(&fd); /* the source has it */
	source->pid = pid;
	source->on_child = fn;
	source->arg = arg;
	return source;
}

static struct timespec
timespec_of_ms(uint64_t ms)
{
	return (struct timespec){ .tv_sec = (time_t)(ms / 1000),
		.tv_nsec = (long)(ms % 1000) * 1000000 };
}

struct loop_source *
loop_add_timer(struct loop *loop, uint64_t first_ms, uint64_t repeat_ms, loop_timer_fn *fn,
    void *arg, struct error *e)
{
	struct itimerspec when = { .it_value = timespec_of_ms(first_ms),
		.it_interval = timespec_of_ms(repeat_ms) };
	autofd int fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	struct loop_source *source;

	if (first_ms == 0)
		when.it_value.tv_nsec = 1; /* zero would disarm it */
	if (fd < 0 || timerfd_settime(fd, 0, &when, NULL) < 0) {
		error_sys(e, "cannot set a timer");
		return NULL;
	}
	source = add_source(loop, SOURCE_TIMER, fd, EPOLLIN, e);
	if (!source)
		return NULL;
	(void)steal_fd(&fd); /* the source has it */
	source->once = repeat_ms == 0;
	source->on_timer = fn;
	source->arg = arg;
	return source;
}

struct loop_source *
loop_add_signal(struct loop *loop, int signal, loop_signal_fn *fn, void *arg, struct error *e)
{
	struct loop_source *source;
	sigset_t set;
	autofd int fd = -1;

	sigemptyset(&set);
	sigaddset(&set, signal);
	fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (fd < 0 || sigprocmask(SIG_BLOCK, &set, NULL) < 0) {
		error_sys(e, "cannot watch signal %d", signal);
		return NULL;
	}
	source = add_source(loop, SOURCE_SIGNAL, fd, EPOLLIN, e);
	if (!source)
		return NULL;
	(void)steal_fd(&fd); /* the source has it */
	source->on_signal = fn;
	source->arg = arg;
	return source;
}

static int
on_timer_event(struct loop_source *source, struct error *e)
{
	uint64_t n;

	if (read(source->fd, &n, sizeof(n)) != (ssize_t)sizeof(n))
		return 0; /* EAGAIN: it has been read already */
	if (source->once)
		loop_remove(source);
	return source->on_timer(source->arg, e);
}

static int
on_signal_event(struct loop_source *source, struct error *e)
{
	struct signalfd_siginfo info;

	while (!source->removed && read(source->fd, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
		if (source->on_signal(source->arg, (int)info.ssi_signo, e) < 0)
			return -1;
	}
	return 0;
}

static int
dispatch(struct loop_source *source, uint32_t events, struct error *e)
{
	if (source->removed)
		return 0;
	switch (source->kind) {
	case SOURCE_FD:
		return source->on_fd(source->arg, source->fd, events, e);
	case SOURCE_CHILD:
		return reap(source, e);
	case SOURCE_TIMER:
		return on_timer_event(source, e);
	case SOURCE_SIGNAL:
		return on_signal_event(source, e);
	}
	return 0;
}

int
loop_run(struct loop *loop, struct error *e)
{
	struct epoll_event events[BATCH];
	int result = 0;

	while (!loop->stopped && result == 0) {
		int n = epoll_wait(loop->epoll, events, BATCH, -1);

		if (n < 0 && errno != EINTR)
			return error_sys(e, "cannot wait for events");
		for (int i = 0; i < n && result == 0 && !loop->stopped; i++)
			result = dispatch(events[i].data.ptr, events[i].events, e);
		sweep(loop, false);
	}
	loop->stopped = false;
	return result < 0 ? -1 : 0;
}

void
loop_stop(struct loop *loop)
{
	loop->stopped = true;
}
