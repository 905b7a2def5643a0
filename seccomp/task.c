/* SPDX-License-Identifier: Apache-2.0 */
/*
 * task - the processes of a container and their credentials.
 *
 * No fork is notified: a process is looked up at its first call, and has what its parent has. So before a process changes what it is, or
 * ends as somebody else than root, what its living children inherited is written down. A process is known by a pidfd, so that a number
 * that is used again is not taken for the one that had it before.
 */
#include "seccomp/call.h"

#include "runtime/base/fd.h"
#include "runtime/base/mem.h"
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
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define BUCKETS 1024U
#define SWEEP_NEW 512U
#define SWEEP_MS 500
#define PARENTS_MAX 64 /* looked at for one that is known */

struct creds *
creds_new(size_t n_groups)
{
	struct creds *creds = xcalloc(1, sizeof(*creds) + n_groups * sizeof(gid_t));

	creds->references = 1;
	creds->n_groups = n_groups;
	return creds;
}

struct creds *
creds_copy(const struct creds *from, size_t n_groups)
{
	struct creds *creds = creds_new(n_groups);
	size_t kept = n_groups < from->n_groups ? n_groups : from->n_groups;

	memcpy(creds, from, sizeof(*creds));
	memcpy(creds->groups, from->groups, kept * sizeof(gid_t));
	creds->references = 1;
	creds->n_groups = n_groups;
	return creds;
}

struct creds *
creds_hold(struct creds *creds)
{
	if (creds)
		__atomic_add_fetch(&creds->references, 1, __ATOMIC_RELAXED);
	return creds;
}

void
creds_drop(struct creds *creds)
{
	if (creds && __atomic_sub_fetch(&creds->references, 1, __ATOMIC_ACQ_REL) == 0)
		free(creds);
}

bool
creds_have(const struct creds *creds, int capability)
{
	return (creds->effective >> capability & 1) != 0;
}

bool
creds_are_plain(const struct creds *creds)
{
	const uint64_t needed = 1ULL << CAP_DAC_OVERRIDE | 1ULL << CAP_CHOWN | 1ULL << CAP_FOWNER;

	return creds->fsuid == 0 && creds->fsgid == 0 && (creds->effective & needed) == needed;
}

/* Not only root's: the status of such a process says what the kernel does not know. */
static bool
are_other(const struct creds *creds)
{
	return !creds_are_plain(creds) || creds->ruid != 0 || creds->euid != 0 ||
	       creds->suid != 0 || creds->rgid != 0 || creds->egid != 0 || creds->sgid != 0;
}

bool
creds_in_group(const struct creds *creds, gid_t gid)
{
	if (creds->fsgid == gid)
		return true;
	for (size_t i = 0; i < creds->n_groups; i++)
		if (creds->groups[i] == gid)
			return true;
	return false;
}

/* ---- the table; all of it under the lock ---- */

static void
task_free(struct task *t)
{
	if (t->pidfd >= 0)
		(void)close(t->pidfd); /* nothing is written to it */
	creds_drop(t->creds);
	creds_drop(t->pending);
	free(t);
}

static bool
is_alive(const struct task *t)
{
	if (t->process)
		return syscall(SYS_tgkill, t->process->pid, t->pid, 0) == 0;
	if (t->pidfd < 0)
		return kill(t->pid, 0) == 0;
	return syscall(SYS_pidfd_send_signal, t->pidfd, 0, NULL, 0) == 0;
}

static void
remove_if(struct ids *ids, bool (*is_gone)(const struct task *))
{
	for (size_t i = 0; i < BUCKETS; i++)
		for (struct task **link = &ids->buckets[i]; *link;) {
			struct task *t = *link;

			if (!is_gone(t)) {
				link = &t->next;
				continue;
			}
			*link = t->next;
			task_free(t);
		}
}

static bool
has_any(const struct ids *ids, bool (*is_one)(const struct task *))
{
	for (size_t i = 0; i < BUCKETS; i++)
		for (const struct task *t = ids->buckets[i]; t; t = t->next)
			if (is_one(t))
				return true;
	return false;
}

/* A thread, of a process that is still there or not. */
static bool
is_gone_thread(const struct task *t)
{
	return t->process && (!is_alive(t->process) || !is_alive(t));
}

static bool
is_gone_process(const struct task *t)
{
	return !t->process && !is_alive(t);
}

static bool
is_other(const struct task *t)
{
	return !t->process && (are_other(t->creds) || (t->pending && are_other(t->pending)));
}

/*
 * Those that ended go before their numbers can come back: the kernel gives a number again only after all others, of which there are at
 * least 32768, and a process that ends is notified, so that it was counted here.
 */
static void
sweep(struct ids *ids)
{
	struct timespec now;
	int64_t ms;

	(void)clock_gettime(CLOCK_MONOTONIC_COARSE, &now); /* cannot fail */
	ms = (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
	if (ids->n_new < SWEEP_NEW && ms - ids->swept < SWEEP_MS)
		return;
	remove_if(ids, is_gone_thread);
	remove_if(ids, is_gone_process);
	ids->any_other = has_any(ids, is_other);
	ids->swept = ms;
	ids->n_new = 0;
}

static struct task *
look_up(struct ids *ids, pid_t pid)
{
	if (!ids->buckets)
		ids->buckets = xcalloc(BUCKETS, sizeof(*ids->buckets));
	for (struct task *t = ids->buckets[(unsigned)pid % BUCKETS]; t; t = t->next)
		if (t->pid == pid)
			return t->process ? t->process : t;
	return NULL;
}

static struct task *
add_entry(struct ids *ids, pid_t pid)
{
	struct task *t = xcalloc(1, sizeof(*t));
	struct task **bucket = &ids->buckets[(unsigned)pid % BUCKETS];

	t->pid = pid;
	t->pidfd = -1;
	t->next = *bucket;
	*bucket = t;
	ids->n_new++;
	return t;
}

/* @pidfd is taken over; -1: it is opened. */
static struct task *
add_task(struct ids *ids, pid_t pid, int pidfd, const struct task *parent)
{
	struct task *t = add_entry(ids, pid);

	t->pidfd = pidfd >= 0 ? pidfd : process_pidfd(pid);
	if (parent) {
		t->creds = creds_hold(parent->creds);
		t->has_root = parent->has_root;
	}
	return t;
}

void
task_read(const char *path, char *text, size_t room)
{
	ssize_t n;
	int fd = openat(AT_FDCWD, path, O_RDONLY | O_CLOEXEC);

	text[0] = '\0';
	if (fd < 0)
		return;
	n = read(fd, text, room - 1);
	(void)close(fd); /* read-only */
	text[n > 0 ? n : 0] = '\0';
}

void
task_status(pid_t pid, char text[TASK_STATUS_MAX])
{
	char path[32];

	(void)snprintf(path, sizeof(path), "%d/status", (int)pid);
	task_read(path, text, TASK_STATUS_MAX);
}

/* The number after @name in a status; -1. */
static long
number_after(const char *status, const char *name)
{
	const char *at = strstr(status, name);

	return at ? strtol(at + strlen(name), NULL, 10) : -1;
}

/* What Linux 6.13 and later tell of a process by its descriptor, without procfs having to write all that it knows (pidfd_open(2)). */
struct process_info {
	uint64_t mask, cgroup;
	uint32_t pid, process, parent, ids[8];
	int32_t exit_code;
};
#define GET_PROCESS_INFO _IOWR(0xff, 11, struct process_info)

static pid_t
parent_of(pid_t pid, int pidfd)
{
	struct process_info info = { .mask = 1 };
	char status[TASK_STATUS_MAX];

	if (pidfd >= 0 && ioctl(pidfd, GET_PROCESS_INFO, &info) == 0)
		return (pid_t)info.parent;
	task_status(pid, status);
	return (pid_t)number_after(status, "\nPPid:\t");
}

static struct task *
first_task(struct ids *ids, pid_t pid)
{
	struct task *t = add_task(ids, pid, -1, NULL);
	const struct ids_options *o = &ids->options;
	struct creds *creds = creds_new(o->n_groups);

	ids->first = pid;
	creds->ruid = creds->euid = creds->suid = creds->fsuid = o->uid;
	creds->rgid = creds->egid = creds->sgid = creds->fsgid = o->gid;
	creds->bounding = o->capabilities;
	creds->permitted = creds->effective = o->uid == 0 ? o->capabilities : 0;
	memcpy(creds->groups, o->groups, o->n_groups * sizeof(gid_t));
	ids->any_other = ids->any_other || are_other(creds);
	t->creds = creds;
	t->starting = true;
	return t;
}

void
task_begin(struct ids *ids, pid_t pid)
{
	(void)pthread_mutex_lock(&ids->lock);
	(void)look_up(ids, pid);
	first_task(ids, pid)->starting = false;
	(void)pthread_mutex_unlock(&ids->lock);
}

void
task_born(struct ids *ids, pid_t parent, pid_t child)
{
	struct task *of, *old;

	(void)pthread_mutex_lock(&ids->lock);
	/* a number that is used again */
	if (look_up(ids, child)) {
		remove_if(ids, is_gone_thread);
		remove_if(ids, is_gone_process);
	}
	of = look_up(ids, parent);
	old = look_up(ids, child);
	if (of && !old)
		(void)add_task(ids, child, -1, of);
	else if (of && old != of) {
		creds_drop(old->creds);
		old->creds = creds_hold(of->creds);
		if (old->pidfd >= 0)
			(void)close(old->pidfd); /* nothing is written to it */
		old->pidfd = process_pidfd(child);
	}
	(void)pthread_mutex_unlock(&ids->lock);
}

void
task_become(struct ids *ids, pid_t pid, struct creds *creds)
{
	struct task *t;

	(void)pthread_mutex_lock(&ids->lock);
	t = look_up(ids, pid);
	if (t) {
		creds_drop(t->creds);
		t->creds = creds_hold(creds);
	}
	ids->any_other = ids->any_other || are_other(creds);
	(void)pthread_mutex_unlock(&ids->lock);
	creds_drop(creds);
}

/*
 * The process of @pid, found through its parents, the first of which is @parent; what is found is remembered for all on the way. @pidfd,
 * or -1, is taken over.
 */
static struct task *
climb(struct ids *ids, pid_t pid, int pidfd, pid_t parent)
{
	pid_t path[PARENTS_MAX];
	struct task *t = look_up(ids, pid);
	size_t n = 0;

	while (!t && n < PARENTS_MAX) {
		path[n++] = pid;
		pid = n == 1 ? parent : parent_of(pid, -1);
		if (pid <= 1)
			break;
		t = look_up(ids, pid);
	}
	if (!t)
		t = look_up(ids, ids->first);
	while (t && n > 0) {
		n--;
		t = add_task(ids, path[n], n == 0 ? steal_fd(&pidfd) : -1, t);
	}
	fd_close_at(&pidfd);
	return t;
}

/* A thread that is not the first of its process has no descriptor of its own. */
static struct task *
find_thread(struct ids *ids, pid_t tid)
{
	char status[TASK_STATUS_MAX];
	struct task *t = NULL;
	long process;

	task_status(tid, status);
	process = number_after(status, "\nTgid:\t");
	if (process > 0)
		t = climb(ids, (pid_t)process, -1, (pid_t)number_after(status, "\nPPid:\t"));
	if (t && process != tid)
		add_entry(ids, tid)->process = t;
	return t;
}

/* The process that thread @tid is of. */
static struct task *
find(struct ids *ids, pid_t tid)
{
	struct task *t = look_up(ids, tid);
	int pidfd;

	if (t)
		return t;
	if (ids->first == 0)
		return first_task(ids, tid);
	pidfd = process_pidfd(tid);
	t = pidfd >= 0 ? climb(ids, tid, pidfd, parent_of(tid, pidfd)) : find_thread(ids, tid);
	return t ? t : look_up(ids, ids->first);
}

/* Has it become what it executed? */
static void
settle_pending(struct task *t)
{
	char path[32];
	struct stat st;

	(void)snprintf(path, sizeof(path), "%d/exe", (int)t->pid);
	if (fstatat(AT_FDCWD, path, &st, 0) == 0 && st.st_dev == t->pending_dev &&
	    st.st_ino == t->pending_ino) {
		creds_drop(t->creds);
		t->creds = t->pending;
	} else {
		creds_drop(t->pending);
	}
	t->pending = NULL;
}

void
task_find(struct ids *ids, pid_t tid, struct call *c)
{
	struct task *t;

	(void)pthread_mutex_lock(&ids->lock);
	if (ids->buckets)
		sweep(ids);
	t = find(ids, tid);
	if (t) {
		if (t->pending)
			settle_pending(t);
		c->task = *t;
		c->creds = creds_hold(t->creds);
	}
	(void)pthread_mutex_unlock(&ids->lock);
}

void
task_set_creds(struct call *c, struct creds *creds)
{
	struct task *t;

	task_settle_children(c);
	(void)pthread_mutex_lock(&c->ids->lock);
	t = look_up(c->ids, c->task.pid);
	if (t) {
		creds_drop(t->creds);
		t->creds = creds_hold(creds);
	}
	c->ids->any_other = c->ids->any_other || are_other(creds);
	(void)pthread_mutex_unlock(&c->ids->lock);
	creds_drop(creds);
}

void
task_set_pending(struct call *c, struct creds *creds, const struct stat *file)
{
	struct task *t;

	(void)pthread_mutex_lock(&c->ids->lock);
	t = look_up(c->ids, c->task.pid);
	if (t) {
		creds_drop(t->pending);
		t->pending = creds_hold(creds);
		t->pending_dev = file->st_dev;
		t->pending_ino = file->st_ino;
	}
	c->ids->any_other = c->ids->any_other || are_other(creds);
	(void)pthread_mutex_unlock(&c->ids->lock);
	creds_drop(creds);
}

void
task_set_flags(struct call *c, bool starting, bool has_root)
{
	struct task *t;

	(void)pthread_mutex_lock(&c->ids->lock);
	t = look_up(c->ids, c->task.pid);
	if (t) {
		t->starting = starting;
		t->has_root = has_root;
	}
	(void)pthread_mutex_unlock(&c->ids->lock);
}

/* Children of @pid as procfs lists them; also where the kernel has no list of its own (CONFIG_PROC_CHILDREN). */
static void
settle_all(struct ids *ids, pid_t pid)
{
	DIR *dir = opendir(".");
	const struct dirent *entry;

	while (dir && (entry = readdir(dir))) {
		pid_t child = (pid_t)strtol(entry->d_name, NULL, 10);

		if (isdigit((unsigned char)entry->d_name[0]) && parent_of(child, -1) == pid)
			(void)climb(ids, child, -1, pid);
	}
	if (dir)
		(void)closedir(dir); /* only read */
}

/* By the kernel's list of one thread's children; false when there is none. */
static bool
settle_listed(struct ids *ids, pid_t pid)
{
	char path[64], text[4096], *at, *end;
	ssize_t n;
	int fd;

	(void)snprintf(path, sizeof(path), "%d/task/%d/children", (int)pid, (int)pid);
	fd = openat(AT_FDCWD, path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	n = read(fd, text, sizeof(text) - 1);
	(void)close(fd); /* read-only */
	if (n < 0 || n == (ssize_t)sizeof(text) - 1)
		return false;
	text[n] = '\0';
	for (at = text; *at; at = end) {
		long child = strtol(at, &end, 10);

		if (end == at)
			break;
		(void)climb(ids, (pid_t)child, -1, pid);
		end += strspn(end, " ");
	}
	return true;
}

void
task_settle_children(struct call *c)
{
	(void)pthread_mutex_lock(&c->ids->lock);
	if (!settle_listed(c->ids, c->task.pid))
		settle_all(c->ids, c->task.pid);
	(void)pthread_mutex_unlock(&c->ids->lock);
}

/* The last number of NSpid is the innermost namespace's. */
pid_t
task_inner_pid(pid_t pid)
{
	char text[TASK_STATUS_MAX], *line, *end;

	task_status(pid, text);
	line = strstr(text, "\nNSpid:");
	end = line ? strchr(line + 1, '\n') : NULL;
	if (!end)
		return 0;
	*end = '\0';
	line = strrchr(line, '\t');
	return line ? (pid_t)strtol(line, NULL, 10) : 0;
}

/* 0: there is none that could be looked at. */
static ino_t
pids_of(pid_t pid)
{
	char path[32];
	struct stat st;

	(void)snprintf(path, sizeof(path), "%d/ns/pid", (int)pid);
	return fstatat(AT_FDCWD, path, &st, 0) == 0 ? st.st_ino : 0;
}

bool
task_is_inside(struct ids *ids, pid_t pid)
{
	ino_t pids = __atomic_load_n(&ids->pids, __ATOMIC_RELAXED);

	if (pids == 0) {
		pids = pids_of(ids->first);
		__atomic_store_n(&ids->pids, pids, __ATOMIC_RELAXED);
	}
	return pids != 0 && pids_of(pid) == pids;
}

struct creds *
task_creds_of(const struct call *c, pid_t pid)
{
	struct creds *found = NULL;
	DIR *dir = opendir(".");
	const struct dirent *entry;

	(void)pthread_mutex_lock(&c->ids->lock);
	while (dir && !found && (entry = readdir(dir))) {
		pid_t candidate = (pid_t)strtol(entry->d_name, NULL, 10);
		struct task *t;

		if (!isdigit((unsigned char)entry->d_name[0]) || task_inner_pid(candidate) != pid ||
		    !task_is_inside(c->ids, candidate))
			continue;
		t = climb(c->ids, candidate, -1, parent_of(candidate, -1));
		found = t ? creds_hold(t->creds) : NULL;
	}
	(void)pthread_mutex_unlock(&c->ids->lock);
	if (dir)
		(void)closedir(dir); /* only read */
	return found;
}

/* The process of thread @tid, both as the container numbers them; 0. */
static pid_t
process_of_thread(pid_t tid)
{
	char path[32], status[TASK_STATUS_MAX];
	long process;

	/* an absolute path is the container's */
	(void)snprintf(path, sizeof(path), "/proc/%d/status", (int)tid);
	task_read(path, status, sizeof(status));
	process = number_after(status, "\nTgid:\t");
	return process > 0 ? (pid_t)process : 0;
}

struct creds *
task_creds_here(const struct call *c, pid_t pid)
{
	struct creds *found;
	struct task *t;

	(void)pthread_mutex_lock(&c->ids->lock);
	t = climb(c->ids, pid, -1, parent_of(pid, -1));
	found = t ? creds_hold(t->creds) : NULL;
	(void)pthread_mutex_unlock(&c->ids->lock);
	return found;
}

struct creds *
task_other(const struct call *c, pid_t tid)
{
	pid_t pid = tid > 0 ? process_of_thread(tid) : 0;
	struct creds *found;

	if (pid == 0 || pid == task_inner_pid(c->task.pid))
		return NULL;
	found = task_creds_of(c, pid);
	if (!found && process_of_thread(tid) == pid) {
		found = creds_new(0);
		found->permitted = UINT64_MAX;
	}
	return found;
}

bool
task_may_trace(const struct call *c, pid_t pid, uid_t uid, gid_t gid)
{
	struct creds *of;
	bool may;

	if (creds_have(c->creds, CAP_SYS_PTRACE))
		return true;
	pid = pid > 0 ? process_of_thread(pid) : 0;
	if (pid == 0)
		return false;
	if (pid == task_inner_pid(c->task.pid))
		return true;
	of = task_creds_of(c, pid);
	may = of && uid == of->ruid && uid == of->euid && uid == of->suid && gid == of->rgid &&
	      gid == of->egid && gid == of->sgid && !(of->permitted & ~c->creds->permitted);
	creds_drop(of);
	return may;
}
