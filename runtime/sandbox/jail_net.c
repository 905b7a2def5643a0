/* SPDX-License-Identifier: Apache-2.0 */
/*
 * jail_net - the network of a command in a chroot: its own, though there is no namespace for one (stepnet.h), and its host name.
 *
 * Sockets of AF_UNIX with a name are made there too; they are bound and connected by the caller itself, behind an answer that another
 * thread may exchange its descriptor after: Landlock lets it bind and connect nothing by TCP. Before Landlock knows abstract sockets
 * (Linux 6.12) there are only connected pairs of them, and no call goes on.
 */
#include "runtime/sandbox/jail_net.h"

#include "runtime/base/child.h"
#include "runtime/base/fd.h"
#include "runtime/base/mem.h"
#include "runtime/base/process.h"
#include "runtime/sandbox/egress.h"
#include "runtime/sandbox/landlock.h"
#include "runtime/sandbox/listen.h"
#include "runtime/sandbox/passfd.h"
#include "runtime/sandbox/stepnet.h"
#include "seccomp/crew.h"
#include "seccomp/notify.h"
#include "seccomp/pose.h"
#include "seccomp/profile.h"
#include "seccomp/readable.h"

#include <assert.h>
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define LOOKS 4

struct watcher {
	const struct container_spec *spec;
	struct stepnet *net;
	pid_t keeper;
	int listener;
	bool has_names; /* sockets of AF_UNIX other than pairs */
};

/* ---- the calls ---- */

struct row {
	struct notify_call call;
	stepnet_fn *fn; /* NULL: readable_answer(), or uname(2) */
};

#define stepnet_readable NULL
#define ALWAYS(name, function)                                          \
	{                                                               \
		{ SYS_##name, 0, NOTIFY_ALWAYS, 0 }, stepnet_##function \
	}
#define IF_SET(name, argument, function)                                       \
	{                                                                      \
		{ SYS_##name, argument, NOTIFY_IF_SET, 0 }, stepnet_##function \
	}
#define IF_EQUAL(name, argument, value, function)                                      \
	{                                                                              \
		{ SYS_##name, argument, NOTIFY_IF_EQUAL, (value) }, stepnet_##function \
	}
#define UNLESS_EQUAL(name, argument, value, function)                                      \
	{                                                                                  \
		{ SYS_##name, argument, NOTIFY_UNLESS_EQUAL, (value) }, stepnet_##function \
	}

/* Rows of one call stand together. */
static const struct row rows[] = {
	ALWAYS(socket, socket),
	ALWAYS(connect, connect),
	ALWAYS(bind, bind),
	ALWAYS(getsockname, name),
	ALWAYS(getpeername, name),
	STEPNET_CALLS(ALWAYS, IF_SET, IF_EQUAL, UNLESS_EQUAL),
	READABLE_CALLS(ALWAYS, IF_EQUAL),
	{ { SYS_uname, 0, NOTIFY_ALWAYS, 0 }, NULL },
};

static const struct notify_program *
program_for(unsigned int asks)
{
	static struct notify_program programs[2];
	struct notify_program *program = &programs[(asks & EGRESS_REFUSED) != 0];
	struct notify_call calls[ARRAY_LEN(rows)];

	if (program->length > 0)
		return program;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		calls[i] = rows[i].call;
	notify_compile(program, calls, ARRAY_LEN(rows), NOTIFY_FOREIGN_REFUSED);
	if (asks & EGRESS_REFUSED)
		seccomp_default_asking(program);
	return program;
}

void
jail_net_prepare(const struct container_spec *spec)
{
	(void)program_for(spec->egress_asks);
}

static const struct row *
row_of(int number)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (number >= 0 && rows[i].call.number == (uint32_t)number)
			return &rows[i];
	return NULL;
}

/* What is of AF_UNIX, or of a process that cannot be looked into. */
static void
answer_other(const struct watcher *w, const struct call *c)
{
	switch (c->data->nr) {
	case SYS_listen: /* never: it would be a port of all addresses on a socket of TCP */
		call_fail(c, EINVAL);
		break;
	case SYS_connect:
		if (w->has_names)
			call_continue(c);
		else
			call_fail(c, EISCONN);
		break;
	case SYS_bind:
		if (w->has_names)
			call_continue(c);
		else
			call_fail(c, EINVAL);
		break;
	default:
		call_continue(c); /* nobody is reached by it */
	}
}

static void
answer_socket(const struct watcher *w, const struct call *c)
{
	int type = (int)c->data->args[1] & 0xf;

	if ((int)c->data->args[0] != AF_UNIX)
		(void)stepnet_answer(w->net, c, c->tid, stepnet_socket);
	else if (!w->has_names)
		call_fail(c, EAFNOSUPPORT);
	else if (type == SOCK_DGRAM || type == SOCK_RAW)
		call_continue(c); /* these never listen */
	else
		(void)stepnet_answer(w->net, c, c->tid, stepnet_socket);
}

static void
serve(void *arg, const struct seccomp_notif *request)
{
	const struct watcher *w = arg;
	const struct container_spec *spec = w->spec;
	const struct row *row = row_of(request->data.nr);
	struct call c = { .listener = w->listener,
		.id = request->id,
		.tid = (pid_t)request->pid,
		.poses = true,
		.data = &request->data };

	if (spec->egress && egress_concerns(spec->egress_asks & EGRESS_REFUSED, &request->data))
		egress_forward(spec->egress, spec->egress_number, w->listener, request);
	else if (!row)
		call_fail(&c, ENOSYS);
	else if (request->data.nr == SYS_uname)
		call_answer_uname(&c, container_hostname(spec));
	else if (!row->fn)
		readable_answer(&c);
	else if (row->fn == stepnet_socket)
		answer_socket(w, &c);
	else if (!stepnet_answer(w->net, &c, c.tid, row->fn))
		answer_other(w, &c);
}

/* ---- who is of the step ---- */

struct known {
	pid_t pid, parent;
	bool ours;
};

/* All processes there are; to be freed. */
static struct known *
list_processes(size_t *n)
{
	struct known *all = NULL;
	size_t room = 0;
	autodir DIR *dir = opendir("/"); /* procfs */
	const struct dirent *entry;

	*n = 0;
	while (dir && (entry = readdir(dir))) {
		if (!isdigit((unsigned char)entry->d_name[0]))
			continue;
		if (*n == room) {
			room = 2 * room + 64;
			all = xrealloc(all, room, sizeof(*all));
		}
		all[*n].pid = (pid_t)strtol(entry->d_name, NULL, 10);
		all[*n].parent = process_parent(dirfd(dir), entry->d_name);
		all[(*n)++].ours = false;
	}
	return all;
}

static const struct known *
known_as(const struct known *all, size_t n, pid_t pid)
{
	for (size_t i = 0; i < n; i++)
		if (all[i].pid == pid)
			return &all[i];
	return NULL;
}

/* Marks those below @top. */
static void
mark(struct known *all, size_t n, pid_t top)
{
	bool more = true;

	while (more) {
		more = false;
		for (size_t i = 0; i < n; i++) {
			const struct known *parent = known_as(all, n, all[i].parent);

			if (all[i].ours || (all[i].parent != top && !(parent && parent->ours)))
				continue;
			all[i].ours = more = true;
		}
	}
}

/* Looks again until there is nobody new: a process may have given what it held to a child, and closed it. */
static void
each_process(void *arg, void (*fn)(pid_t pid, void *with), void *with)
{
	const struct watcher *w = arg;
	autofree struct known *before = NULL;
	size_t n_before = 0;

	for (int i = 0; i < LOOKS; i++) {
		size_t n;
		struct known *all = list_processes(&n);
		bool any = false;

		mark(all, n, w->keeper);
		for (size_t k = 0; k < n; k++) {
			const struct known *same = known_as(before, n_before, all[k].pid);

			if (!all[k].ours || (same && same->ours))
				continue;
			fn(all[k].pid, with);
			any = true;
		}
		free(before);
		before = all;
		n_before = n;
		if (!any)
			break;
	}
}

/* ---- the watcher ---- */

static int
set_up(struct watcher *w, int socket, int theirs, struct error *e)
{
	const struct container_spec *spec = w->spec;
	struct stepnet_owner owner = { .arg = w, .each_process = each_process, .poses = true };

	fd_raise_limit();
	w->has_names = landlock_scopes();
	w->net = stepnet_new(spec, &owner, e);
	if (!w->net)
		return -1;
	/* all else is somebody else's: pipes whose end others wait for, the store, secrets */
	fd_close_others(STDERR_FILENO + 1,
	    (int[]){ socket, theirs, spec->err, w->net->asker, w->net->epoll,
		spec->egress ? spec->egress->control : -1 },
	    6);
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 || chdir("/proc") < 0 || chroot(".") < 0)
		return error_sys(e, "cannot prepare a watcher");
	return 0;
}

/* A descriptor comes with one byte, an error with more; then the end, when the command executes. -1 with @e: it does not. */
static int
start_serving(struct watcher *w, int theirs, struct error *e)
{
	const struct container_spec *spec = w->spec;
	struct error told, ignored = ERROR_INIT;
	struct crew_options o = { .threads = CREW_MAX, .serve = serve, .arg = w };
	ssize_t n;

	do
		n = recv(theirs, &told, sizeof(told), MSG_PEEK);
	while (n < 0 && errno == EINTR);
	if (n == 1) {
		w->listener = passfd_receive(theirs, e);
		if (w->listener < 0)
			return -1;
		/* where it cannot be lent, calls fail as they are refused */
		if (spec->egress && spec->egress_asks & EGRESS_REFUSED)
			(void)egress_lend(spec->egress, spec->egress_number, w->listener, &ignored);
		o.listener = w->listener;
		if (stepnet_start(w->net, e) < 0 || !crew_start(&o, e))
			return -1;
	}
	do
		n = recv(theirs, &told, sizeof(told), 0);
	while (n < 0 && errno == EINTR);
	if (n == 0 && w->listener >= 0)
		return 0;
	if (n != (ssize_t)sizeof(told))
		return error_set(e, ERR_SYSTEM, "a command's process ended without a word");
	*e = told;
	return -1;
}

void
jail_net_watch(const struct container_spec *spec, become_main *keep, int socket)
{
	struct watcher w = { .spec = spec, .listener = -1 };
	struct error e = ERROR_INIT;
	pid_t self = getpid();
	int pair[2], status = 0;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		_exit(1);
	w.keeper = fork();
	if (w.keeper == 0) {
		(void)close(socket);  /* the watcher's */
		(void)close(pair[0]); /* likewise */
		keep((void *)(uintptr_t)spec, pair[1], self);
		_exit(1);
	}
	(void)close(pair[1]); /* the command's */
	if (w.keeper < 0)
		error_sys(&e, "cannot make a process");
	if (w.keeper < 0 || set_up(&w, socket, pair[0], &e) < 0 ||
	    start_serving(&w, pair[0], &e) < 0) {
		(void)send(socket, &e, sizeof(e), MSG_NOSIGNAL); /* nobody else to tell */
		_exit(1);
	}
	(void)close(pair[0]); /* it has ended */
	(void)close(socket);  /* it is executing */
	while (waitpid(w.keeper, &status, 0) < 0 && errno == EINTR)
		;
	if (WIFSIGNALED(status))
		(void)raise(WTERMSIG(status));
	_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 1);
}

/* ---- the command's process ---- */

struct joining {
	const struct container_spec *spec;
	int socket;
};

static int
load(void *arg, struct error *e)
{
	const struct joining *j = arg;

	return notify_load(program_for(j->spec->egress_asks), e);
}

static int
pass(void *arg, int listener, struct error *e)
{
	const struct joining *j = arg;

	return passfd_send(j->socket, listener, e);
}

int
jail_net_join(struct container_spec *spec, int socket, struct error *e)
{
	struct joining j = { spec, socket };
	struct listen_job job = { &j, load, pass, true };

	if (spec->egress_asks & EGRESS_REFUSED)
		spec->seccomp = NULL;
	return listen_load(&job, e);
}

/* ---- is it to be had? ---- */

#define NOBODY 65534

/* Drops its user, and asks for a socket then. */
static _Noreturn void
be_looked_into(int watcher)
{
	struct error e = ERROR_INIT;
	int listener =
	    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ? -1 : notify_load(program_for(0), &e);

	if (listener < 0 || passfd_send(watcher, listener, &e) < 0)
		_exit(1);      /* an end is seen */
	(void)!setgid(NOBODY); /* seen by who looks */
	(void)!setuid(NOBODY);
	_exit(socket(AF_INET, SOCK_STREAM, 0) < 0);
}

/* At that socket(2): its memory and descriptors. */
static bool
can_look(const struct call *c, int number)
{
	char path[48], target[64], byte;
	struct pose pose;
	bool can;

	(void)snprintf(path, sizeof(path), "%d/fd/%d", (int)c->tid, number);
	if (!pose_begin(&pose, c->tid))
		return false;
	can = readlinkat(AT_FDCWD, path, target, sizeof(target)) > 0;
	pose_end(&pose);
	return can && call_read(c, (uint64_t)(uintptr_t)path, &byte, 1) == 0;
}

static int
look(int listener, int number, struct error *e)
{
	struct seccomp_notif request;
	int got;

	while ((got = notify_receive(listener, &request)) != 0) {
		struct call c = { .listener = listener,
			.id = request.id,
			.tid = (pid_t)request.pid,
			.poses = true,
			.data = &request.data };

		if (got < 0)
			continue;
		if (request.data.nr != SYS_socket) {
			readable_answer(&c);
			continue;
		}
		if (can_look(&c, number))
			return 0;
		break;
	}
	error_set(e, ERR_HOST, "a process that has dropped its user cannot be looked into");
	return error_hint(e,
	    "Linux 5.19 is needed, x86-64, and an engine whose seccomp profile allows "
	    "ptrace(2) and process_vm_readv(2)");
}

static int
check_main(void *arg, struct buf *result, struct error *e)
{
	int pair[2], listener, status, failed = -1;
	pid_t pid;

	(void)arg;    /* nothing to be told */
	(void)result; /* nothing to tell */
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return error_sys(e, "cannot make a socket pair");
	(void)program_for(0);
	pid = fork();
	if (pid == 0)
		be_looked_into(pair[1]);
	(void)close(pair[1]); /* the child's */
	if (pid < 0 || chdir("/proc") < 0)
		return error_sys(e, "cannot make a process");
	listener = passfd_receive(pair[0], e);
	if (listener < 0)
		error_ctx(e, "a seccomp filter that notifies cannot be loaded");
	else
		failed = look(listener, pair[1], e);
	(void)kill(pid, SIGKILL); /* ours */
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return failed;
}

int
jail_net_check(struct error *e)
{
	struct worker w;

	if (worker_start(&w, check_main, NULL, e) < 0 || worker_finish(&w, NULL, e) < 0) {
		e->kind = ERR_HOST;
		return -1;
	}
	return 0;
}
