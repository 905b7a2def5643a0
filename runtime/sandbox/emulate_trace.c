/* SPDX-License-Identifier: Apache-2.0 */
/*
 * emulate_trace - follows the processes of a step by ptrace(2): sees them born, and has them execute the loader instead of a program.
 *
 * A traced thread stops when it makes a process or thread (whose entry is made while it is stopped too), when it is about to execute a file
 * (seccomp(2), SECCOMP_RET_TRACE), and for signals and stops, which go on as they came. Everything of the step ends with the
 * supervisor (PTRACE_O_EXITKILL).
 */
#include "runtime/sandbox/emulate_private.h"

#include "runtime/base/mem.h"
#include "seccomp/registers.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef PTRACE_EVENT_STOP
#define PTRACE_EVENT_STOP 128
#endif

/* What the kernel has as the result of an interrupted call (ERESTARTSYS, ERESTARTNOINTR): no program sees them. */
#define RESTART_IF_ASKED 512
#define RESTART_ALWAYS 513

/* ---- registers ---- */

#if defined(__x86_64__)

static void
take_call(const registers *r, uint64_t *number, uint64_t args[6])
{
	*number = r->orig_rax;
	args[0] = r->rdi;
	args[1] = r->rsi;
	args[2] = r->rdx;
	args[3] = r->r10;
	args[4] = r->r8;
	args[5] = r->r9;
}

static void
put_call(registers *r, uint64_t number, const uint64_t args[6])
{
	r->orig_rax = number;
	r->rdi = args[0];
	r->rsi = args[1];
	r->rdx = args[2];
	r->r10 = args[3];
	r->r8 = args[4];
	r->r9 = args[5];
}

static int64_t
result_of(const registers *r)
{
	return (int64_t)r->rax;
}

static void
set_result(registers *r, int64_t result)
{
	r->rax = (uint64_t)result;
}

/* The call that is about to be made is none, and fails. */
static void
fail_call(registers *r, int error_number)
{
	r->orig_rax = (uint64_t)-1;
	r->rax = (uint64_t) - (int64_t)error_number;
}

#else

typedef struct {
	uint64_t unused;
} registers;

static int
get_registers(pid_t tid, registers *r)
{
	(void)tid, (void)r;
	errno = ENOSYS; /* emulate_check() has refused */
	return -1;
}

static int
set_registers(pid_t tid, const registers *r)
{
	(void)tid, (void)r;
	errno = ENOSYS;
	return -1;
}

static void
take_call(const registers *r, uint64_t *number, uint64_t args[6])
{
	(void)r, (void)number, (void)args;
}

static void
put_call(registers *r, uint64_t number, const uint64_t args[6])
{
	(void)r, (void)number, (void)args;
}

static int64_t
result_of(const registers *r)
{
	(void)r;
	return -ENOSYS;
}

static void
set_result(registers *r, int64_t result)
{
	(void)r, (void)result;
}

static void
fail_call(registers *r, int error_number)
{
	(void)r, (void)error_number;
}

#endif

/* A thread that was killed meanwhile cannot be told anything, and its end is told by waitpid(2). */
static void
go_on(pid_t tid, int request, int signal)
{
	(void)ptrace(request, tid, NULL, (void *)(intptr_t)signal);
}

/* ---- executing ---- */

/* Where the loader of the process keeps its own path, for the kernel to read. */
static uint64_t
own_path_of(struct emulation *em)
{
	uint64_t address;

	(void)pthread_mutex_lock(&em->lock);
	address = em->load_address;
	(void)pthread_mutex_unlock(&em->lock);
	return address + offsetof(struct emulate_load, own_path);
}

static int
prepare(struct emu_call *x, const uint64_t *args, bool at, struct emu_pending **pending)
{
	unsigned int flags = at ? (unsigned int)args[4] : 0;
	char path[PATH_MAX];
	int failed = call_read_text(&x->c, args[at ? 1 : 0], path, sizeof(path));

	if (failed)
		return failed;
	return emu_prepare(x, at ? (int)args[0] : AT_FDCWD, path,
	    (flags & AT_SYMLINK_NOFOLLOW ? 0U : EMU_FOLLOW) |
		(flags & AT_EMPTY_PATH ? EMU_EMPTY : 0U),
	    pending);
}

/* execve(2) of a program becomes that of the loader, with the same arguments. 0 or an errno. */
static int
rewrite(struct emulation *em, struct emu_thread *t, registers *r)
{
	struct emu_pending *pending = NULL;
	struct emu_call x;
	uint64_t args[6] = { 0 };
	bool at;
	int failed;

	take_call(r, &t->number, t->args);
	at = t->number == SYS_execveat;
	if (!emu_call_begin(&x, em, t->tid)) {
		emu_call_end(&x);
		return EAGAIN;
	}
	failed = prepare(&x, t->args, at, &pending);
	if (!failed) {
		args[0] = own_path_of(em);
		args[1] = t->args[at ? 2 : 1];
		args[2] = t->args[at ? 3 : 2];
		put_call(r, SYS_execve, args);
		emu_pending_free(x.process->next);
		x.process->next = pending;
	}
	emu_call_end(&x);
	return failed;
}

static void
about_to_execute(struct emulation *em, pid_t tid)
{
	struct emu_thread *t = emu_thread_find(em, tid);
	registers r;
	int failed;

	if (!t || !t->process || get_registers(tid, &r) < 0) {
		go_on(tid, PTRACE_CONT, 0);
		return;
	}
	/* the first one: the supervisor has prepared it, and it executes the loader by itself */
	if (em->load_address == 0 && tid == em->first && t->process->next) {
		go_on(tid, PTRACE_CONT, 0);
		return;
	}
	failed = rewrite(em, t, &r);
	if (failed)
		fail_call(&r, failed);
	(void)set_registers(tid, &r); /* one that was killed */
	t->in_exec = !failed;
	go_on(tid, failed ? PTRACE_CONT : PTRACE_SYSCALL, 0);
}

/* execve(2) has failed in the kernel: the registers are as the caller left them, but for the result. */
static void
leave_execute(struct emulation *em, pid_t tid)
{
	struct emu_thread *t = emu_thread_find(em, tid);
	registers r;

	if (t && t->in_exec && get_registers(tid, &r) == 0 && result_of(&r) < 0) {
		put_call(&r, t->number, t->args);
		(void)set_registers(tid, &r); /* one that was killed */
		t->in_exec = false;
		emu_pending_free(t->process->next);
		t->process->next = NULL;
	}
	go_on(tid, PTRACE_CONT, 0);
}

/* The loader is in the memory of the process, whose only thread has its number now. */
static void
has_executed(struct emulation *em, pid_t tid)
{
	unsigned long former = 0;
	struct emu_thread *t;
	struct emu_process *p;

	if (ptrace(PTRACE_GETEVENTMSG, tid, NULL, &former) == 0 && (pid_t)former != tid &&
	    former > 0)
		emu_thread_remove(em, (pid_t)former);
	t = emu_thread_find(em, tid);
	p = t ? t->process : NULL;
	if (p && p->next) {
		t->in_exec = false;
		emu_pending_free(p->current);
		p->current = p->next;
		p->next = NULL;
		(void)pthread_mutex_lock(&em->lock);
		mem_free_at(&p->exe);
		p->exe = p->current->exe;
		p->current->exe = NULL;
		(void)pthread_mutex_unlock(&em->lock);
		if (p->current->creds)
			task_become(&em->ids, p->pid, steal_ptr(&p->current->creds));
	}
	go_on(tid, PTRACE_CONT, 0);
}

static bool
waits_itself(uint64_t number)
{
	static const unsigned int numbers[] = { SYS_accept, SYS_accept4, SYS_recvfrom, SYS_recvmsg,
		SYS_sendto, SYS_sendmsg, SYS_sendmmsg, SYS_flock };

	for (size_t i = 0; i < ARRAY_LEN(numbers); i++)
		if (numbers[i] == number)
			return true;
	return false;
}

/*
 * A call that waits for its answer is interrupted by a signal until its answer has begun, and fails with EINTR where the handler does not
 * have calls restarted: which stat(2) and most others never do. So it is restarted in any case, but where it is the call itself that waits.
 */
static void
deliver(pid_t tid, int signal)
{
	uint64_t number = 0, args[6];
	registers r;

	if (get_registers(tid, &r) == 0 && result_of(&r) == -RESTART_IF_ASKED) {
		take_call(&r, &number, args);
		if (emu_answers(number) && !waits_itself(number)) {
			set_result(&r, -RESTART_ALWAYS);
			(void)set_registers(tid, &r); /* one that was killed */
		}
	}
	go_on(tid, PTRACE_CONT, signal);
}

/* ---- birth and death ---- */

static uint64_t
clone_flags_of(pid_t tid)
{
	registers r;
	uint64_t number = 0, args[6] = { 0 };

	if (get_registers(tid, &r) < 0)
		return 0;
	take_call(&r, &number, args);
	return number == SYS_clone ? args[0] : 0;
}

static struct emu_process *
process_of_child(
    struct emulation *em, const struct emu_process *parent, pid_t child, uint64_t flags)
{
	struct emu_folder *folder;
	struct emu_fs *fs;

	if (flags & CLONE_FS) {
		fs = emu_fs_hold(parent->fs);
	} else {
		(void)pthread_mutex_lock(&em->lock);
		folder = emu_folder_hold(parent->fs->folder);
		(void)pthread_mutex_unlock(&em->lock);
		fs = emu_fs_new(folder, parent->fs->umask);
	}
	return emu_process_new(child, fs, parent->exe);
}

static void
has_made(struct emulation *em, pid_t tid)
{
	unsigned long child = 0;
	const struct emu_thread *t = emu_thread_find(em, tid);
	struct emu_thread *early;
	struct emu_process *p;
	uint64_t flags;

	if (!t || !t->process || ptrace(PTRACE_GETEVENTMSG, tid, NULL, &child) < 0 || child == 0) {
		go_on(tid, PTRACE_CONT, 0);
		return;
	}
	flags = clone_flags_of(tid);
	if (flags & CLONE_THREAD) {
		p = emu_process_hold(t->process);
	} else {
		p = process_of_child(em, t->process, (pid_t)child, flags);
		task_born(&em->ids, t->process->pid, (pid_t)child);
	}
	early = emu_thread_find(em, (pid_t)child);
	if (early && !early->process) {
		(void)pthread_mutex_lock(&em->lock);
		early->process = p;
		(void)pthread_mutex_unlock(&em->lock);
		go_on((pid_t)child, PTRACE_CONT, 0);
	} else {
		emu_thread_remove(em, (pid_t)child);
		(void)emu_thread_add(em, (pid_t)child, p);
	}
	go_on(tid, PTRACE_CONT, 0);
}

/* PTRACE_EVENT_STOP: a new one waits, or all of a process are stopped. */
static void
has_stopped(struct emulation *em, pid_t tid, int signal)
{
	const struct emu_thread *t = emu_thread_find(em, tid);

	if (!t)
		(void)emu_thread_add(em, tid, NULL); /* until its parent tells of it */
	else if (!t->process)
		return;
	else if (signal == SIGSTOP || signal == SIGTSTP || signal == SIGTTIN || signal == SIGTTOU)
		go_on(tid, PTRACE_LISTEN, 0);
	else
		go_on(tid, PTRACE_CONT, 0);
}

static void
kill_one(pid_t pid, void *arg)
{
	(void)arg;
	(void)kill(pid, SIGKILL); /* one that ends by itself meanwhile */
}

static void
has_ended(struct emulation *em, pid_t tid, int status)
{
	emu_thread_remove(em, tid);
	if (tid != em->first)
		return;
	em->first = 0;
	em->first_status = status;
	emu_each_process(em, kill_one, NULL);
}

static void
handle(struct emulation *em, pid_t tid, int status)
{
	int event = status >> 16, signal = WSTOPSIG(status);

	switch (event) {
	case PTRACE_EVENT_FORK:
	case PTRACE_EVENT_VFORK:
	case PTRACE_EVENT_CLONE:
		has_made(em, tid);
		break;
	case PTRACE_EVENT_EXEC:
		has_executed(em, tid);
		break;
	case PTRACE_EVENT_SECCOMP:
		about_to_execute(em, tid);
		break;
	case PTRACE_EVENT_STOP:
		has_stopped(em, tid, signal);
		break;
	default:
		if (signal == (SIGTRAP | 0x80))
			leave_execute(em, tid);
		else
			deliver(tid, signal);
		break;
	}
}

int
emu_trace(struct emulation *em)
{
	int status;

	for (;;) {
		pid_t tid = waitpid(-1, &status, __WALL);

		if (tid < 0 && errno == EINTR)
			continue;
		if (tid < 0)
			return em->first_status; /* nobody is left */
		if (!WIFSTOPPED(status))
			has_ended(em, tid, status);
		else
			handle(em, tid, status);
		if (em->first == 0)
			emu_each_process(em, kill_one, NULL);
	}
}
