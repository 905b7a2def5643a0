/* SPDX-License-Identifier: Apache-2.0 */
/*
 * listen - a filter whose calls another process answers, loaded by a process that cannot make one of them before it has told that process.
 *
 * Under the filter no system call may be possible before somebody answers, and to send the listener to whoever answers takes one. So a
 * thread that is not under it does; the calling one waits without any call.
 */
#include "runtime/sandbox/listen.h"

#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PASS_STACK (64U << 10)

struct passing {
	const struct listen_job *job;
	volatile int listener; /* -1: not there yet; -2: there will be none */
	volatile pid_t thread; /* the kernel makes it 0 when the thread has ended */
	int result;
	struct error *e;
};

static int
pass_main(void *arg)
{
	struct passing *p = arg;

	while (p->listener == -1)
		(void)sched_yield(); /* for as long as the kernel takes to load a filter */
	if (p->listener >= 0)
		p->result = p->job->pass(p->job->arg, p->listener, p->e);
	syscall(SYS_exit, 0); /* this thread alone */
	return 0;
}

int
listen_load(const struct listen_job *job, struct error *e)
{
	static char stack[PASS_STACK] __attribute__((aligned(16)));
	struct passing p = { .job = job, .listener = -1, .thread = -1, .e = e };
	int flags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD |
	            CLONE_SYSVSEM | CLONE_CHILD_CLEARTID;
	int listener;

	if (clone(pass_main, stack + sizeof(stack), flags, &p, NULL, NULL, &p.thread) < 0)
		return error_sys(e, "cannot make a thread");
	listener = job->load(job->arg, e);
	p.listener = listener < 0 ? -2 : listener;
	while (p.thread != 0)
		if (job->yields)
			(void)sched_yield(); /* cannot fail */
	/* whoever answers has it alone: when he ends, nobody waits for ever */
	if (listener >= 0)
		(void)close(listener); /* nothing is written to it */
	return listener < 0 ? -1 : p.result;
}
