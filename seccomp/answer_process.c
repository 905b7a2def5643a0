/* SPDX-License-Identifier: Apache-2.0 */
/*
 * answer_process - what a process does to others: signals, tracing, limits, scheduling (kill(2), ptrace(2), prlimit(2), setpriority(2)).
 *
 * To the kernel all processes are one user. Its rules are applied here to the recorded credentials, and what they allow goes on there.
 * Of PRIO_PGRP, PRIO_USER and the like the kernel alone knows who is meant: they go on.
 */
#include "seccomp/call.h"

#include "runtime/base/fd.h"
#include "runtime/base/process.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#define IOPRIO_WHO_PROCESS 1

/* May the caller do something to a process of @of, which is not its own? */
typedef bool rule_fn(const struct call *c, const struct creds *of);

static bool
may_signal(const struct call *c, const struct creds *of)
{
	const struct creds *creds = c->creds;

	return creds_have(creds, CAP_KILL) || creds->euid == of->suid || creds->euid == of->ruid ||
	       creds->ruid == of->suid || creds->ruid == of->ruid;
}

/* Is @of nothing but what the caller is? */
static bool
is_no_more(const struct creds *creds, const struct creds *of)
{
	return (of->permitted & ~creds->permitted) == 0;
}

static bool
may_schedule(const struct call *c, const struct creds *of)
{
	const struct creds *creds = c->creds;

	return creds_have(creds, CAP_SYS_NICE) ||
	       ((creds->euid == of->euid || creds->euid == of->ruid) && is_no_more(creds, of));
}

static bool
may_set_io(const struct call *c, const struct creds *of)
{
	const struct creds *creds = c->creds;

	return creds_have(creds, CAP_SYS_NICE) ||
	       ((creds->euid == of->ruid || creds->ruid == of->ruid) && is_no_more(creds, of));
}

static bool
is_one_user(const struct creds *creds, const struct creds *of)
{
	return creds->ruid == of->ruid && creds->ruid == of->euid && creds->ruid == of->suid &&
	       creds->rgid == of->rgid && creds->rgid == of->egid && creds->rgid == of->sgid;
}

static bool
may_limit(const struct call *c, const struct creds *of)
{
	return creds_have(c->creds, CAP_SYS_RESOURCE) || is_one_user(c->creds, of);
}

static bool
may_trace(const struct call *c, const struct creds *of)
{
	return creds_have(c->creds, CAP_SYS_PTRACE) ||
	       (is_one_user(c->creds, of) && is_no_more(c->creds, of));
}

/* As a user of the ids for files (ptrace(2), PTRACE_MODE_FSCREDS). */
static bool
may_advise(const struct call *c, const struct creds *of)
{
	struct creds as = { .ruid = c->creds->fsuid, .rgid = c->creds->fsgid };

	return creds_have(c->creds, CAP_SYS_PTRACE) ||
	       (is_one_user(&as, of) && is_no_more(c->creds, of));
}

/* Takes @of over: NULL for the caller's own process, and for one that is not there. */
static void
apply(const struct call *c, struct creds *of, rule_fn *rule, int error_number)
{
	if (of && !rule(c, of))
		call_fail(c, error_number);
	else
		call_continue(c);
	creds_drop(of);
}

/* To the process or thread that the container numbers @pid; 0 is the caller. */
static void
apply_to(const struct call *c, pid_t pid, rule_fn *rule)
{
	bool asks = pid > 0 && !creds_are_plain(c->creds);

	apply(c, asks ? task_other(c, pid) : NULL, rule, EPERM);
}

/* ---- signals ---- */

struct shot {
	const struct call *c;
	pid_t group; /* 0: all but the caller and the first process */
	size_t n_met, n_spared;
	bool shoots;
};

/* The last number of a line of a status, which is the innermost namespace's; 0. */
static pid_t
inner_number(const char *status, const char *name)
{
	const char *line = strstr(status, name), *at;
	size_t length = line ? strcspn(line + 1, "\n") + 1 : 0;

	for (at = line + length; line && at > line && at[-1] != '\t';)
		at--;
	return line ? (pid_t)strtol(at, NULL, 10) : 0;
}

static void
meet(struct shot *s, pid_t pid)
{
	char status[TASK_STATUS_MAX];
	autofd int pidfd = process_pidfd(pid);
	struct creds *of;
	pid_t inner;
	bool may;

	task_status(pid, status);
	inner = inner_number(status, "\nNSpid:");
	if (pidfd < 0 || inner == 0 ||
	    (s->group ? inner_number(status, "\nNSpgid:") != s->group
		      : inner == 1 || pid == s->c->task.pid))
		return;
	of = pid == s->c->task.pid ? NULL : task_creds_here(s->c, pid);
	may = !of || (int)s->c->data->args[1] == SIGCONT || may_signal(s->c, of);
	creds_drop(of);
	if (!may)
		s->n_spared++;
	else if (!s->shoots ||
		 syscall(SYS_pidfd_send_signal, pidfd, (int)s->c->data->args[1], NULL, 0) == 0)
		s->n_met++;
}

static void
meet_all(struct shot *s)
{
	DIR *dir = opendir(".");
	const struct dirent *entry;

	while (dir && (entry = readdir(dir))) {
		pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10);

		if (isdigit((unsigned char)entry->d_name[0]) && task_is_inside(s->c->ids, pid))
			meet(s, pid);
	}
	if (dir)
		(void)closedir(dir); /* only read */
}

/* To many at a time: those are met that may be. */
static void
signal_many(const struct call *c, pid_t pid)
{
	char status[TASK_STATUS_MAX];
	struct shot s = { .c = c, .group = pid == -1 ? 0 : -pid };

	if (pid == 0) {
		task_status(c->task.pid, status);
		s.group = inner_number(status, "\nNSpgid:");
	}
	meet_all(&s);
	if (s.n_spared == 0) {
		call_continue(c); /* the kernel can have it as it is */
		return;
	}
	s.shoots = true;
	s.n_met = s.n_spared = 0;
	meet_all(&s);
	if (s.n_met > 0)
		call_return(c, 0);
	else
		call_fail(c, EPERM);
}

bool
process_may_signal(const struct call *c, pid_t pid)
{
	struct creds *of;
	bool may;

	if (creds_are_plain(c->creds) || pid == c->task.pid)
		return true;
	of = task_creds_here(c, pid);
	may = !of || may_signal(c, of);
	creds_drop(of);
	return may;
}

/* Processes of one's own session are let through by the kernel for SIGCONT; here all are. */
static void
send_to(const struct call *c, pid_t pid, int signal)
{
	if (signal == SIGCONT)
		call_continue(c);
	else
		apply_to(c, pid, may_signal);
}

void
answer_kill(struct call *c)
{
	pid_t pid = (pid_t)c->data->args[0];

	if (pid > 0 || creds_are_plain(c->creds) || creds_have(c->creds, CAP_KILL))
		send_to(c, pid, (int)c->data->args[1]);
	else
		signal_many(c, pid);
}

/* tkill(2), rt_sigqueueinfo(2) */
void
answer_signal(struct call *c)
{
	send_to(c, (pid_t)c->data->args[0], (int)c->data->args[1]);
}

/* tgkill(2), rt_tgsigqueueinfo(2) */
void
answer_signal_thread(struct call *c)
{
	send_to(c, (pid_t)c->data->args[1], (int)c->data->args[2]);
}

/* ---- by descriptor ---- */

/* The credentials of the process that descriptor @fd of the caller stands for; NULL as for apply(). */
static struct creds *
creds_by_descriptor(const struct call *c, int fd)
{
	char path[64], text[1024] = "";
	const char *at;
	autofd int info = -1;
	ssize_t n;
	pid_t pid;

	if (creds_are_plain(c->creds) || fd < 0)
		return NULL;
	(void)snprintf(path, sizeof(path), "%d/fdinfo/%d", (int)c->tid, fd);
	info = openat(AT_FDCWD, path, O_RDONLY | O_CLOEXEC);
	n = info < 0 ? -1 : read(info, text, sizeof(text) - 1);
	text[n > 0 ? n : 0] = '\0';
	at = strstr(text, "\nPid:\t");
	pid = at ? (pid_t)strtol(at + strlen("\nPid:\t"), NULL, 10) : 0;
	if (pid > 0)
		return pid == c->task.pid ? NULL : task_creds_here(c, pid);
	/* a folder of procfs stands for its process, too */
	(void)snprintf(path, sizeof(path), "%d/fd/%d", (int)c->tid, fd);
	n = readlinkat(AT_FDCWD, path, text, sizeof(text) - 1);
	text[n > 0 ? n : 0] = '\0';
	pid = strncmp(text, "/proc/", 6) == 0 ? (pid_t)strtol(text + 6, NULL, 10) : 0;
	return pid > 0 ? task_other(c, pid) : NULL;
}

void
answer_pidfd_signal(struct call *c)
{
	if ((int)c->data->args[1] == SIGCONT)
		call_continue(c);
	else
		apply(c, creds_by_descriptor(c, (int)c->data->args[0]), may_signal, EPERM);
}

void
answer_pidfd_getfd(struct call *c)
{
	apply(c, creds_by_descriptor(c, (int)c->data->args[0]), may_trace, EPERM);
}

void
answer_pidfd_advise(struct call *c)
{
	apply(c, creds_by_descriptor(c, (int)c->data->args[0]), may_advise, EACCES);
}

/* ---- tracing, limits, scheduling ---- */

/* ptrace(2) to begin with it. */
void
answer_trace(struct call *c)
{
	apply_to(c, (pid_t)c->data->args[1], may_trace);
}

/* process_vm_readv(2), process_vm_writev(2), get_robust_list(2) */
void
answer_look(struct call *c)
{
	apply_to(c, (pid_t)c->data->args[0], may_trace);
}

void
answer_kcmp(struct call *c)
{
	pid_t first = (pid_t)c->data->args[0], second = (pid_t)c->data->args[1];
	struct creds *of = creds_are_plain(c->creds) ? NULL : task_other(c, first);

	if (of && !may_trace(c, of))
		call_fail(c, EPERM);
	else
		apply_to(c, second, may_trace);
	creds_drop(of);
}

void
answer_limit(struct call *c)
{
	apply_to(c, (pid_t)c->data->args[0], may_limit);
}

void
answer_schedule(struct call *c)
{
	apply_to(c, (pid_t)c->data->args[0], may_schedule);
}

void
answer_priority(struct call *c)
{
	bool one = (int)c->data->args[0] == PRIO_PROCESS;

	apply_to(c, one ? (pid_t)c->data->args[1] : 0, may_schedule);
}

void
answer_io_priority(struct call *c)
{
	bool one = (int)c->data->args[0] == IOPRIO_WHO_PROCESS;

	apply_to(c, one ? (pid_t)c->data->args[1] : 0, may_set_io);
}
