/* SPDX-License-Identifier: Apache-2.0 */
/*
 * emulate_process - where processes are and what they do to others: chdir(2), getcwd(2), umask(2), kill(2), prctl(2); and what is refused.
 *
 * The folder of a process is the supervisor's knowledge alone: no call of the step is looked up by the kernel, so that its own idea of it
 * does not matter.
 */
#include "runtime/sandbox/emulate_private.h"

#include "seccomp/notify.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/prctl.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

/* ---- folders ---- */

static void
change_folder(struct emu_call *x, int failed, struct emu_spot *spot)
{
	if (!failed && !S_ISDIR(spot->st.st_mode))
		failed = ENOTDIR;
	if (!failed && !access_may(x->c.creds, &spot->st, X_OK))
		failed = EACCES;
	if (!failed) {
		emu_fs_move(x->em, x->fs, emu_folder_new(x->em, spot->target, spot->mount));
		spot->target = -1;
	}
	emu_spot_release(spot);
	emu_conclude(x, failed);
}

void
emu_chdir(struct emu_call *x)
{
	struct emu_spot spot;

	change_folder(x,
	    emu_find_there(
		x, AT_FDCWD, x->c.data->args[0], EMU_FOLLOW | EMU_TARGET | EMU_ROUGH, &spot),
	    &spot);
}

void
emu_fchdir(struct emu_call *x)
{
	struct emu_spot spot;

	change_folder(x, emu_find_there(x, (int)x->c.data->args[0], 0, EMU_EMPTY, &spot), &spot);
}

void
emu_getcwd(struct emu_call *x)
{
	char path[EMU_FD_PATH], name[PATH_MAX];
	struct stat st;
	int failed = emu_name_of(x->em, emu_fd_path(x->folder->fd, path), name);
	size_t length = failed ? 0 : strlen(name) + 1;

	if (!failed && (fstat(x->folder->fd, &st) < 0 || st.st_nlink == 0))
		failed = ENOENT;
	if (!failed && x->c.data->args[1] < length)
		failed = ERANGE;
	if (!failed)
		failed = call_write(&x->c, x->c.data->args[0], name, length);
	if (failed)
		call_fail(&x->c, failed);
	else
		call_return(&x->c, (int64_t)length);
}

void
emu_uname(struct emu_call *x)
{
	call_answer_uname(&x->c, container_hostname(x->em->spec));
}

void
emu_umask(struct emu_call *x)
{
	mode_t old;

	(void)pthread_mutex_lock(&x->em->lock);
	old = x->fs->umask;
	x->fs->umask = (mode_t)x->c.data->args[0] & 0777;
	(void)pthread_mutex_unlock(&x->em->lock);
	call_return(&x->c, (int64_t)old);
}

/* ---- other processes ---- */

/* A signal to many; those are met that may be. */
struct shot {
	const struct call *c;
	pid_t but;   /* the caller, of all */
	pid_t group; /* 0: all */
	bool shoots;
	int n_met, n_spared;
};

static void
shoot(pid_t pid, void *arg)
{
	struct shot *s = arg;
	int signal = (int)s->c->data->args[1];

	if (pid == s->but || (s->group != 0 && getpgid(pid) != s->group))
		return;
	if (signal != SIGCONT && !process_may_signal(s->c, pid))
		s->n_spared++;
	else if (!s->shoots || kill(pid, signal) == 0)
		s->n_met++;
}

static void
signal_many(struct emu_call *x, pid_t pid)
{
	struct shot s = { .c = &x->c };

	if (pid == -1)
		s.but = x->process->pid;
	else
		s.group = pid == 0 ? getpgid(x->process->pid) : -pid;
	if (s.group != 0)
		emu_each_process(x->em, shoot, &s);
	if (s.n_met > 0 && s.n_spared == 0) {
		call_continue(&x->c); /* the kernel can have it as it is */
		return;
	}
	s.shoots = true;
	s.n_met = s.n_spared = 0;
	emu_each_process(x->em, shoot, &s);
	emu_conclude(x, s.n_met > 0 ? 0 : s.n_spared > 0 ? EPERM : ESRCH);
}

/* kill(2): the step's own processes, one, a group, or all of them. */
void
emu_kill(struct emu_call *x)
{
	pid_t pid = (pid_t)x->c.data->args[0];

	if (pid <= 0)
		signal_many(x, pid);
	else if (emu_is_ours(x->em, pid))
		answer_kill(&x->c);
	else
		call_fail(&x->c, ESRCH);
}

/* One of the step's own, or the caller (0): the rest is @fn's to answer. */
static void
answer_if_ours(struct emu_call *x, pid_t pid, call_fn *fn)
{
	if (pid == 0 || emu_is_ours(x->em, pid))
		fn(&x->c);
	else
		call_fail(&x->c, ESRCH);
}

/* The process is the first argument. */
void
emu_pid_argument(struct emu_call *x)
{
	call_fn *fn = x->c.data->nr == SYS_prlimit64         ? answer_limit
	              : x->c.data->nr == SYS_tkill           ? answer_signal
	              : x->c.data->nr == SYS_rt_sigqueueinfo ? answer_signal
	                                                     : answer_schedule;

	answer_if_ours(x, (pid_t)x->c.data->args[0], fn);
}

static void
go_on(struct call *c)
{
	call_continue(c);
}

void
emu_pidfd_open(struct emu_call *x)
{
	answer_if_ours(x, (pid_t)x->c.data->args[0], go_on);
}

/* tgkill(2), rt_tgsigqueueinfo(2) */
void
emu_signal_thread(struct emu_call *x)
{
	if (emu_is_ours(x->em, (pid_t)x->c.data->args[0]))
		answer_if_ours(x, (pid_t)x->c.data->args[1], answer_signal_thread);
	else
		call_fail(&x->c, ESRCH);
}

/* setpriority(2), ioprio_set(2): by process; by group or user others would be meant too. */
void
emu_priority(struct emu_call *x)
{
	bool io = x->c.data->nr == SYS_ioprio_set;

	if ((int)x->c.data->args[0] == (io ? 1 : PRIO_PROCESS))
		answer_if_ours(
		    x, (pid_t)x->c.data->args[1], io ? answer_io_priority : answer_priority);
	else if ((int)x->c.data->args[1] == 0 && (int)x->c.data->args[0] == (io ? 2 : PRIO_PGRP))
		call_continue(&x->c); /* its own group */
	else
		call_fail(&x->c, EPERM);
}

void
emu_prctl(struct emu_call *x)
{
	/* a process that is not dumpable cannot be read, so that no call of it could be answered */
	if ((int)x->c.data->args[0] == PR_SET_DUMPABLE)
		call_return(&x->c, 0);
	else
		answer_prctl(&x->c);
}

/* ---- what is not served ---- */

struct refusal {
	int number;
	const char *name;
};

static const struct refusal refusals[] = {
	{ SYS_ptrace, "ptrace" }, { SYS_chroot, "chroot" },
	{ SYS_inotify_add_watch, "inotify_add_watch" },
	{ SYS_name_to_handle_at, "name_to_handle_at" },
	{ SYS_fcntl, "fcntl(F_SETLEASE)" }, /* others would wait for it, in other builds, too */
};

void
emu_refused(struct emu_call *x)
{
	for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++)
		if (refusals[i].number == x->c.data->nr) {
			emu_refuse(x, refusals[i].name, EPERM);
			return;
		}
	emu_refuse(x, "a system call", EPERM);
}

/* Newer calls that programs do without. */
void
emu_missing(struct emu_call *x)
{
	call_fail(&x->c, ENOSYS);
}
