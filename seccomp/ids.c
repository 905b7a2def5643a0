/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ids - the supervisor: which calls it answers, and the threads that do.
 *
 * Most calls of root are asked about for nothing and go on. A filter sees numbers and registers, not who calls, and a process that becomes
 * somebody else keeps the filter that it has. It could be given a second one, but none with a listener (EBUSY: one of the chain has one),
 * so that this would have to tell a tracer (SECCOMP_RET_TRACE), and a process has one tracer (ptrace(2)): who has given up root's rights
 * could neither be debugged nor traced in its step nor look for its leaks, and who is traced could not give them up. Asking for root's
 * files and users alone would take a storm of such calls from 3.1 to 2.3 times what it takes in the tier userns (in memory), and an
 * installation of packages from 37,000 questions to 30,000, of which two thirds are stat(2) of what has no record.
 *
 * A question costs two changes of context whatever the answer is: 5.7 us of the 13.5 that a stat(2) takes where it takes 2.4 by itself, and
 * thus a tenth of an installation that takes 2.1 s, with nothing done for it yet. So these are not asked about, and let another user than
 * root do what he could not with real ids:
 *
 * - readlink(2), of which one run of gcc makes a thousand. It says where a link in a folder leads that may not be searched, whether there is
 *   a name, and what another's process has open.
 * - fchdir(2): what is reached from there is looked at.
 * - System V IPC and message queues (mq_overview(7)), whose owners would have to be recorded too.
 * - Setting the priority of all processes of a user or a group; SIGURG by tgkill(2); SIGCONT to another session.
 * - What the capabilities of root give besides files and processes: ports below 1024, raw sockets, flags of files (FS_IOC_SETFLAGS).
 *
 * That a process that was root may not be traced by its new user before it executes something (PR_SET_DUMPABLE) is not kept either.
 */
#include "seccomp/call.h"

#include "runtime/base/fd.h"
#include "runtime/base/mem.h"
#include "seccomp/crew.h"
#include "seccomp/network.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/prctl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#define NUMBERS_MAX 512

#ifndef SYS_fchmodat2
#define SYS_fchmodat2 452
#endif
#ifndef SYS_faccessat2
#define SYS_faccessat2 439
#endif

struct row {
	struct notify_call call;
	call_fn *fn;
};

#define ALWAYS(name, function)                                          \
	{                                                               \
		{ SYS_##name, 0, NOTIFY_ALWAYS, 0 }, answer_##function, \
	}
#define IF_EQUAL(name, argument, value, function)                                      \
	{                                                                              \
		{ SYS_##name, argument, NOTIFY_IF_EQUAL, (value) }, answer_##function, \
	}
/* Of a process that is not called 0, as the caller is. */
#define IF_OTHER(name, function)                                                  \
	{                                                                         \
		{ SYS_##name, 0, NOTIFY_IF_BITS, UINT32_MAX }, answer_##function, \
	}
#define REFUSED(number)                                  \
	{                                                \
		{ (number), 0, NOTIFY_REFUSED, 0 }, NULL \
	}

/* Rows of one call stand together. */
static const struct row rows[] = {
#ifdef SYS_stat
	ALWAYS(stat, stat),
	ALWAYS(lstat, lstat),
	ALWAYS(open, open),
	ALWAYS(creat, creat),
	ALWAYS(chown, chown),
	ALWAYS(lchown, lchown),
	ALWAYS(chmod, chmod),
	ALWAYS(mkdir, mkdir),
	ALWAYS(mknod, mknod),
	ALWAYS(symlink, symlink),
	ALWAYS(link, link),
	ALWAYS(unlink, unlink),
	ALWAYS(rmdir, rmdir),
	ALWAYS(rename, rename),
	ALWAYS(access, access),
	ALWAYS(utime, utime),
	ALWAYS(utimes, utime),
	ALWAYS(futimesat, futimesat),
#endif
	ALWAYS(openat, openat),
	ALWAYS(openat2, openat2),
	ALWAYS(fstat, fstat),
	ALWAYS(newfstatat, newfstatat),
	{ { SYS_statx, 3, NOTIFY_IF_BITS, STATX_UID | STATX_GID | STATX_TYPE | STATX_MODE },
	    answer_statx },
	ALWAYS(fchown, fchown),
	ALWAYS(fchownat, fchownat),
	ALWAYS(fchmod, fchmod),
	ALWAYS(fchmodat, fchmodat),
	ALWAYS(fchmodat2, fchmodat),
	ALWAYS(utimensat, utimensat),
	ALWAYS(mkdirat, mkdirat),
	ALWAYS(mknodat, mknodat),
	ALWAYS(symlinkat, symlinkat),
	ALWAYS(linkat, linkat),
	ALWAYS(unlinkat, unlinkat),
#ifdef SYS_renameat
	ALWAYS(renameat, renameat),
#endif
	ALWAYS(renameat2, renameat),
	ALWAYS(faccessat, faccessat),
	ALWAYS(faccessat2, faccessat),
	ALWAYS(chdir, chdir),
	ALWAYS(truncate, truncate),
	ALWAYS(chroot, chroot),
	ALWAYS(statfs, place),
	ALWAYS(name_to_handle_at, handle),
	ALWAYS(inotify_add_watch, watch),
	/* works that no filter sees; programs do without */
	REFUSED(SYS_io_uring_setup),
	ALWAYS(execve, exec),
	ALWAYS(execveat, execat),
	ALWAYS(exit_group, exit),
	ALWAYS(kill, kill),
	ALWAYS(tkill, signal),
	ALWAYS(rt_sigqueueinfo, signal),
	/* programs in Go interrupt themselves with this one, often; who does not want it does not notice it */
	{ { SYS_tgkill, 2, NOTIFY_UNLESS_EQUAL, SIGURG }, answer_signal_thread },
	ALWAYS(rt_tgsigqueueinfo, signal_thread),
	ALWAYS(pidfd_send_signal, pidfd_signal),
	ALWAYS(pidfd_getfd, pidfd_getfd),
	ALWAYS(process_madvise, pidfd_advise),
	IF_EQUAL(ptrace, 0, PTRACE_ATTACH, trace),
	IF_EQUAL(ptrace, 0, PTRACE_SEIZE, trace),
	ALWAYS(process_vm_readv, look),
	ALWAYS(process_vm_writev, look),
	ALWAYS(kcmp, kcmp),
	IF_OTHER(get_robust_list, look),
	IF_OTHER(prlimit64, limit),
	IF_OTHER(sched_setaffinity, schedule),
	IF_OTHER(sched_setscheduler, schedule),
	IF_OTHER(sched_setparam, schedule),
	IF_OTHER(sched_setattr, schedule),
	ALWAYS(setpriority, priority),
	ALWAYS(ioprio_set, io_priority),
	CALL_CREDENTIALS(ALWAYS),
	CALL_PRCTL(IF_EQUAL),
	IF_EQUAL(getsockopt, 2, SO_PEERCRED, peer_credentials),
	CALL_ATTRIBUTES(ALWAYS),
	/* programs do without these, too */
	REFUSED(CALL_XATTRAT),
	REFUSED(CALL_XATTRAT + 1),
	REFUSED(CALL_XATTRAT + 2),
	REFUSED(CALL_XATTRAT + 3),
};

void
ids_compile(struct notify_program *program)
{
	struct notify_call calls[ARRAY_LEN(rows) + NETWORK_CALLS_MAX];
	const struct notify_call *more;
	size_t n = ARRAY_LEN(rows), n_more;

	for (size_t i = 0; i < n; i++)
		calls[i] = rows[i].call;
	more = network_calls(&n_more);
	for (size_t i = 0; i < n_more; i++)
		calls[n++] = more[i];
	notify_compile(program, calls, n, NOTIFY_FOREIGN_REFUSED);
}

static call_fn *
function_of(int number)
{
	static call_fn *by_number[NUMBERS_MAX]; /* filled by ids_serve() before there are threads */

	if (!by_number[SYS_openat])
		for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
			assert(rows[i].call.number < NUMBERS_MAX);
			by_number[rows[i].call.number] = rows[i].fn;
		}
	if (network_is_call(number))
		return answer_address;
	return number >= 0 && number < NUMBERS_MAX ? by_number[number] : NULL;
}

/* ---- one call ---- */

/* Takes this thread into the root @dir; it stays in procfs. */
static int
enter(const struct ids *ids, int dir)
{
	if (fchdir(dir) < 0 || chroot(".") < 0 || fchdir(ids->options.proc) < 0)
		return -1;
	return 0;
}

/* For a caller that has a root of its own. */
static void
answer_in_root(struct call *c, call_fn *fn)
{
	char path[32];
	int root;

	(void)snprintf(path, sizeof(path), "%d/root", (int)c->tid);
	root = openat(AT_FDCWD, path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root < 0 || enter(c->ids, root) < 0)
		call_fail(c, EACCES);
	else
		fn(c);
	if (enter(c->ids, c->ids->options.root) < 0)
		abort(); /* in the wrong root every further answer would be wrong */
	if (root >= 0)
		(void)close(root); /* O_PATH */
}

/* Before its command the first process changes its user, which is answered, and makes files, which it owns. */
static bool
is_of_the_start(call_fn *fn)
{
	return fn == answer_setuid || fn == answer_setgid || fn == answer_setreuid ||
	       fn == answer_setregid || fn == answer_setresuid || fn == answer_setresgid ||
	       fn == answer_setgroups || fn == answer_exec || fn == answer_execat;
}

static bool
forward(const struct ids *ids, const struct seccomp_notif *request)
{
	return ids->options.forward && ids->options.forward(ids->options.forward_arg, request);
}

static void
serve_one(void *arg, const struct seccomp_notif *request)
{
	struct ids *ids = arg;
	struct call c = { .ids = ids,
		.listener = ids->options.listener,
		.id = request->id,
		.tid = (pid_t)request->pid,
		.data = &request->data };
	call_fn *fn = function_of(request->data.nr);

	if (fn != answer_address && forward(ids, request))
		return;
	if (!fn) {
		call_fail(&c, ENOSYS); /* nobody's: it must not go on unseen */
		return;
	}
	task_find(ids, c.tid, &c);
	if (!c.creds || (c.task.starting && !is_of_the_start(fn)))
		c.passes = true; /* a caller that has ended meanwhile */
	else if (c.task.has_root)
		answer_in_root(&c, fn);
	else
		fn(&c);
	if (c.passes && (fn != answer_address || !forward(ids, request)))
		call_continue(&c);
	creds_drop(c.creds);
}

/* A root, a working directory and a umask of the thread's own. */
static int
begin(void *arg)
{
	struct ids *ids = arg;

	if (unshare(CLONE_FS) < 0)
		return -1;
	if (!ids->no_chroot)
		return enter(ids, ids->options.root);
	return setns(ids->options.mounts, CLONE_NEWNS) < 0 || fchdir(ids->options.proc) < 0 ? -1
	                                                                                    : 0;
}

/* Is chroot(2) to be had at all? It changes nothing here. */
static bool
has_chroot(void)
{
	return chroot("/") == 0 || (errno != EPERM && errno != ENOSYS);
}

static unsigned int
count_threads(void)
{
	long processors = sysconf(_SC_NPROCESSORS_ONLN);

	/* with the one that waits there is always another */
	if (processors < 2)
		return 2;
	return processors < CREW_MAX ? (unsigned int)processors : CREW_MAX;
}

int
ids_serve(const struct ids_options *options, struct error *e)
{
	struct ids ids = {
		.options = *options, .seen = seen_new(), .lock = PTHREAD_MUTEX_INITIALIZER
	};
	struct crew *crew;
	int result;

	fd_raise_limit();
	ids.no_chroot = options->mounts >= 0 && !has_chroot();
	(void)function_of(SYS_openat);
	crew = crew_start(&(struct crew_options){ .listener = options->listener,
			      .threads = count_threads(),
			      .begin = begin,
			      .serve = serve_one,
			      .arg = &ids },
	    e);
	result = crew ? crew_finish(crew) : -1;
	if (crew && result < 0)
		error_set(e, ERR_HOST, "cannot enter the container's root");
	seen_free(ids.seen);
	return result;
}
