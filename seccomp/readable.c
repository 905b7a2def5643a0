/* SPDX-License-Identifier: Apache-2.0 */
/*
 * readable - processes stay such that they can be looked into, though they change their user.
 *
 * The order of it: the caller waits for its answer, and is seized and asked to stop. It is answered, the kernel makes the call, and stops
 * the caller on its way back. Signals are blocked while it makes the other call. Before Linux 5.19 being asked to stop ends the waiting, so
 * that it never comes that far; and who traces itself (strace(1) in a step) cannot be traced: such a process stays as the kernel made it.
 * One at a time: threads of one process change their user together, and none of them can be seized while another one has just done so.
 */
#include "seccomp/readable.h"

#include "seccomp/pose.h"
#include "seccomp/registers.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef PTRACE_EVENT_STOP
#define PTRACE_EVENT_STOP 128
#endif
#ifndef PTRACE_GETSIGMASK
#define PTRACE_GETSIGMASK 0x420a
#define PTRACE_SETSIGMASK 0x420b
#endif

#define CALL_STOP (SIGTRAP | 0x80)
#define RESTART_FIRST (-512) /* results by which the kernel makes a call once more */
#define RESTART_LAST (-516)

#if defined(__x86_64__)

static int64_t
result_of(const registers *r)
{
	return (int64_t)r->rax;
}

static bool
is_after(const registers *r, int number)
{
	return (int64_t)r->orig_rax == number;
}

/* The same instruction once more, "syscall", with another number. */
static void
put_call(registers *r)
{
	r->rip -= 2;
	r->rax = SYS_prctl;
	r->orig_rax = (uint64_t)-1;
	r->rdi = PR_SET_DUMPABLE;
	r->rsi = 1;
	r->rdx = r->r10 = r->r8 = 0;
}

#else

typedef struct {
	uint64_t unused;
} registers;

static int
get_registers(pid_t tid, registers *r)
{
	(void)tid, (void)r;
	return -1;
}

static int
set_registers(pid_t tid, const registers *r)
{
	(void)tid, (void)r;
	return -1;
}

static int64_t
result_of(const registers *r)
{
	(void)r;
	return 0;
}

static bool
is_after(const registers *r, int number)
{
	(void)r, (void)number;
	return false;
}

static void
put_call(registers *r)
{
	(void)r;
}

#endif

/* Being asked to stop has ended the waiting for an answer: an older kernel. */
static atomic_bool is_hopeless;

/* Of those who are on the way. */
static pthread_mutex_t changing = PTHREAD_MUTEX_INITIALIZER;

/* The next stop of the thread; -1: it is gone. */
static int
next_stop(pid_t tid)
{
	int status;
	pid_t got;

	do
		got = waitpid(tid, &status, __WALL | __WNOTHREAD);
	while (got < 0 && errno == EINTR);
	return got == tid && WIFSTOPPED(status) ? status >> 8 : -1;
}

/* Waits for the stop that was asked for; signals that come before go on. */
static bool
await_stop(pid_t tid)
{
	int stop;

	while ((stop = next_stop(tid)) >= 0) {
		if (stop >> 8 == PTRACE_EVENT_STOP)
			return true;
		(void)ptrace(PTRACE_CONT, tid, NULL, (void *)(uintptr_t)(stop & 0x7f));
	}
	return false;
}

/* Lets it enter a call and come back from it. A signal that cannot be blocked is in *@signal. false: it is gone, or has no such instruction. */
static bool
pass_call(pid_t tid, int *signal)
{
	for (int left = 2; left > 0;) {
		int stop;

		if (ptrace(PTRACE_SYSCALL, tid, NULL, NULL) < 0)
			return false;
		stop = next_stop(tid);
		if (stop < 0)
			return false;
		if (stop == CALL_STOP)
			left--;
		else if (stop >> 8 == 0)
			*signal = stop;
		if (*signal != 0 && *signal != SIGSTOP)
			return false;
	}
	return true;
}

/* At the stop behind call @number. */
static void
make_dumpable(pid_t tid, int number, int *signal)
{
	uint64_t all = UINT64_MAX, mask;
	void *size = (void *)sizeof(mask);
	registers before, other;

	if (get_registers(tid, &before) < 0 || !is_after(&before, number))
		return;
	if (result_of(&before) <= RESTART_FIRST && result_of(&before) >= RESTART_LAST) {
		atomic_store(&is_hopeless, true);
		return;
	}
	other = before;
	put_call(&other);
	if (ptrace(PTRACE_GETSIGMASK, tid, size, &mask) < 0 ||
	    ptrace(PTRACE_SETSIGMASK, tid, size, &all) < 0)
		return;
	if (set_registers(tid, &other) == 0 && pass_call(tid, signal))
		(void)set_registers(tid, &before);         /* gone, if that fails */
	(void)ptrace(PTRACE_SETSIGMASK, tid, size, &mask); /* likewise */
}

static bool
seize(pid_t tid)
{
	void *options = (void *)PTRACE_O_TRACESYSGOOD;
	struct pose pose;
	bool seized = ptrace(PTRACE_SEIZE, tid, NULL, options) == 0;

	if (seized || !pose_begin(&pose, tid))
		return seized;
	seized = ptrace(PTRACE_SEIZE, tid, NULL, options) == 0;
	pose_end(&pose);
	return seized;
}

static void
change_user(const struct call *c)
{
	int signal = 0;
	bool waits;

	if (!seize(c->tid)) {
		call_continue(c);
		return;
	}
	/* it cannot fail for one that was seized, but by its end */
	(void)ptrace(PTRACE_INTERRUPT, c->tid, NULL, NULL);
	waits = notify_is_waiting(c->listener, c->id); /* else its number may be another one's */
	call_continue(c);
	if (!await_stop(c->tid))
		return;
	if (waits)
		make_dumpable(c->tid, c->data->nr, &signal);
	(void)ptrace(PTRACE_DETACH, c->tid, NULL, (void *)(uintptr_t)signal); /* or it is gone */
}

void
readable_answer(const struct call *c)
{
	if (c->data->nr != SYS_prctl && !atomic_load(&is_hopeless)) {
		(void)pthread_mutex_lock(&changing);
		change_user(c);
		(void)pthread_mutex_unlock(&changing);
	} else if (c->data->nr == SYS_prctl && c->data->args[0] == PR_SET_DUMPABLE) {
		call_return(c, 0);
	} else {
		call_continue(c); /* it decides nothing here */
	}
}

void
readable_settle(void)
{
	(void)pthread_mutex_lock(&changing);
	(void)pthread_mutex_unlock(&changing);
}
