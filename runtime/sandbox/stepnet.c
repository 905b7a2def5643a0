/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stepnet - the sockets of a step with a network of its own, and the thread that sees to them.
 *
 * Nobody tells when the step closes a descriptor. Once a second the thread looks, in procfs, whether sockets are still where they were
 * seen last, and for those that are not in all of the step's processes; what is not found twice is closed here too.
 */
#include "runtime/sandbox/stepnet.h"

#include "runtime/base/fd.h"
#include "runtime/base/mem.h"
#include "runtime/base/thread.h"
#include "runtime/sandbox/egress.h"
#include "seccomp/notify.h"
#include "seccomp/pose.h"
#include "seccomp/readable.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define SOCKETS_MAX 2048
#define EVENTS_MAX 32
#define LOOK_MS 1000
#define MISSES_MAX 2
#define THREAD_STACK (256U << 10)
#define WAIT_MS 100
#define RESTART_IF_ASKED 512 /* ERESTARTSYS, which the kernel makes EINTR or a new call of */

/* ---- the table ---- */

/* Under the lock. */
static struct net_socket *
find(struct stepnet *net, ino_t ino)
{
	struct net_socket *s = net->sockets;

	while (s && s->ino != ino)
		s = s->next;
	return s;
}

void
net_drop(struct net_socket *s)
{
	if (!s || __atomic_sub_fetch(&s->references, 1, __ATOMIC_ACQ_REL) > 0)
		return;
	fd_close_at(&s->fd);
	fd_close_at(&s->ours);
	fd_close_at(&s->real);
	free(s->sources);
	free(s);
}

/* Under the lock; false when it is not there any more. */
static bool
take_out(struct stepnet *net, const struct net_socket *s)
{
	struct net_socket **link = &net->sockets;

	while (*link && *link != s)
		link = &(*link)->next;
	if (!*link)
		return false;
	*link = s->next;
	net->n_sockets--;
	/* a descriptor that others hold too stays registered when it is closed here */
	if (s->connecting)
		(void)epoll_ctl(net->epoll, EPOLL_CTL_DEL, s->fd, NULL);
	return true;
}

void
net_forget(struct stepnet *net, struct net_socket *s)
{
	bool was;

	(void)pthread_mutex_lock(&net->lock);
	was = take_out(net, s);
	(void)pthread_mutex_unlock(&net->lock);
	if (was)
		net_drop(s);
}

struct net_socket *
net_add(struct stepnet *net, enum net_kind kind, int domain, int fd)
{
	struct net_socket *s;
	struct stat st;

	if (fstat(fd, &st) < 0)
		return NULL;
	(void)pthread_mutex_lock(&net->lock);
	if (net->n_sockets >= SOCKETS_MAX) {
		(void)pthread_mutex_unlock(&net->lock);
		errno = ENFILE;
		return NULL;
	}
	s = xcalloc(1, sizeof(*s));
	*s = (struct net_socket){ .next = net->sockets,
		.references = 2, /* the table's and the caller's */
		.ino = st.st_ino,
		.kind = kind,
		.domain = domain,
		.fd = fd,
		.number = -1,
		.ours = -1,
		.real = -1 };
	net->sockets = s;
	net->n_sockets++;
	(void)pthread_mutex_unlock(&net->lock);
	return s;
}

/* The socket that descriptor @number of thread @tid is; 0 with errno: it is none (ENOTSOCK), or not to be seen (EACCES). */
static ino_t
ino_at(const struct stepnet *net, pid_t tid, int number)
{
	char path[64], target[64];
	struct pose pose;
	ssize_t n;

	(void)snprintf(path, sizeof(path), "%d/fd/%d", (int)tid, number);
	n = readlinkat(AT_FDCWD, path, target, sizeof(target) - 1);
	for (int i = 0; i < 2 && n < 0 && errno == EACCES && net->owner.poses; i++) {
		if (i > 0)
			readable_settle();
		if (pose_begin(&pose, tid)) {
			n = readlinkat(AT_FDCWD, path, target, sizeof(target) - 1);
			pose_end(&pose);
		}
	}
	if (n < 0) {
		errno = errno == EACCES && net->owner.poses ? EACCES : EBADF;
		return 0;
	}
	target[n] = '\0';
	errno = ENOTSOCK;
	return strncmp(target, "socket:[", 8) == 0 ? strtoul(target + 8, NULL, 10) : 0;
}

/* A process that has asked for sockets of this network; under the lock. */
static bool
has_asked(const struct stepnet *net, pid_t pid)
{
	const struct net_socket *s = net->sockets;

	while (s && (s->kind == NET_UNIX || s->pid != pid))
		s = s->next;
	return s != NULL;
}

/* Once, in the words of those who have to mend it; not for a socket of AF_UNIX alone, which does without. */
static void
tell_hidden(struct stepnet *net, pid_t pid)
{
	bool tell;

	(void)pthread_mutex_lock(&net->lock);
	tell = !net->told && has_asked(net, pid);
	net->told = net->told || tell;
	(void)pthread_mutex_unlock(&net->lock);
	if (tell && net->log >= 0)
		(void)dprintf(net->log, "croze: a process whose real and effective users differ, "
					"or whose program it may "
					"not read, reaches no network: croze cannot look into it; "
					"--network=host lets it\n");
}

int
net_begin(struct net_call *n, int number)
{
	n->ino = ino_at(n->net, n->c.tid, number);
	if (n->ino == 0 && errno == EACCES) {
		n->hidden = true;
		tell_hidden(n->net, n->pid);
		return 0;
	}
	if (n->ino == 0)
		return errno;
	if (!notify_is_waiting(n->c.listener, n->c.id))
		return EINTR; /* its number may be another process's by now */
	(void)pthread_mutex_lock(&n->net->lock);
	n->socket = find(n->net, n->ino);
	if (n->socket) {
		n->socket->references++;
		n->socket->pid = n->pid;
		n->socket->number = number;
		n->socket->missed = 0;
	}
	(void)pthread_mutex_unlock(&n->net->lock);
	return 0;
}

void
net_end(struct net_call *n)
{
	net_drop(n->socket);
	n->socket = NULL;
}

void
net_conclude(const struct net_call *n, int failed)
{
	if (failed)
		call_fail(&n->c, failed);
	else
		call_return(&n->c, 0);
}

bool
stepnet_answer(struct stepnet *net, const struct call *c, pid_t pid, stepnet_fn *fn)
{
	struct net_call n = { .c = *c, .data = *c->data, .net = net, .pid = pid };
	bool answered;

	n.c.data = &n.data;
	n.c.poses = net->owner.poses;
	n.c.creds = NULL;
	answered = fn(&n);
	net_end(&n);
	return answered;
}

/* ---- what the step has closed ---- */

bool
net_is_there(const struct stepnet *net, const struct net_socket *s)
{
	return s->pid > 0 && ino_at(net, s->pid, s->number) == s->ino;
}

static void
look_in(pid_t pid, void *arg)
{
	struct stepnet *net = arg;
	char path[32];
	const struct dirent *entry;
	DIR *dir;
	int fd;

	(void)snprintf(path, sizeof(path), "%d/fd", (int)pid);
	fd = openat(AT_FDCWD, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	dir = fd < 0 ? NULL : fdopendir(fd);
	while (dir && (entry = readdir(dir))) {
		int number = (int)strtol(entry->d_name, NULL, 10);
		ino_t ino = entry->d_name[0] == '.' ? 0 : ino_at(net, pid, number);
		struct net_socket *s = ino ? find(net, ino) : NULL;

		if (s) {
			s->pid = pid;
			s->number = number;
			s->missed = 0;
		}
	}
	if (dir)
		(void)closedir(dir); /* only read */
}

void
net_look(struct stepnet *net, unsigned int misses)
{
	struct net_socket *gone = NULL;
	bool any = false;

	(void)pthread_mutex_lock(&net->lock);
	for (struct net_socket *s = net->sockets; s; s = s->next) {
		s->missed = !s->given || net_is_there(net, s) ? 0 : s->missed + 1;
		any = any || s->missed > 0;
	}
	if (any)
		net->owner.each_process(net->owner.arg, look_in, net);
	for (struct net_socket *s = net->sockets, *next; any && s; s = next) {
		next = s->next;
		if (s->missed >= misses && take_out(net, s)) {
			s->next = gone;
			gone = s;
		}
	}
	(void)pthread_mutex_unlock(&net->lock);
	while (gone) {
		struct net_socket *next = gone->next;

		net_drop(gone);
		gone = next;
	}
}

/* ---- the thread ---- */

/* A connection has come about, or has not. */
static void
settle(struct stepnet *net, ino_t ino)
{
	struct tcp_info info = { 0 };
	socklen_t length = sizeof(info);
	struct net_socket *s, *connected = NULL;

	(void)pthread_mutex_lock(&net->lock);
	s = find(net, ino);
	if (s && s->connecting) {
		/* not by its error, which is for the step to take */
		if (getsockopt(s->fd, IPPROTO_TCP, TCP_INFO, &info, &length) < 0 ||
		    info.tcpi_state != TCP_CLOSE) {
			if (take_out(net, s))
				connected = s;
		} else {
			(void)epoll_ctl(net->epoll, EPOLL_CTL_DEL, s->fd, NULL);
			s->connecting = false;
		}
	}
	(void)pthread_mutex_unlock(&net->lock);
	net_drop(connected);
}

static void
pass(struct stepnet *net, ino_t ino, bool from_step)
{
	struct net_socket *s;

	(void)pthread_mutex_lock(&net->lock);
	s = find(net, ino);
	if (s && s->kind == NET_DATAGRAM)
		datagram_pass(net, s, from_step);
	(void)pthread_mutex_unlock(&net->lock);
}

/* What is waited for: the socket's number, and in the lowest bits which descriptor of it. */
static void *
net_main(void *arg)
{
	struct stepnet *net = arg;
	struct epoll_event events[EVENTS_MAX];
	int64_t looked = 0;

	for (;;) {
		int n = epoll_wait(net->epoll, events, EVENTS_MAX, LOOK_MS);
		struct timespec now;

		for (int i = 0; i < n; i++) {
			ino_t ino = events[i].data.u64 >> 2;

			if ((events[i].data.u64 & 3) == 0)
				settle(net, ino);
			else
				pass(net, ino, (events[i].data.u64 & 3) == 1);
		}
		(void)clock_gettime(CLOCK_MONOTONIC_COARSE, &now); /* cannot fail */
		if (now.tv_sec != looked) {
			net_look(net, MISSES_MAX);
			looked = now.tv_sec;
		}
	}
	return NULL;
}

/* ---- waiting for a caller ---- */

struct waiting {
	struct net_call call;
	int fd;
	short events;
	bool (*fn)(struct net_call *n);
	int64_t limit; /* milliseconds that the step waits at most; 0: none */
};

/* Has the caller a signal that it does not block? */
static bool
has_signal(pid_t tid)
{
	static const char *const names[] = { "\nSigPnd:", "\nShdPnd:", "\nSigBlk:" };
	char text[TASK_STATUS_MAX];
	uint64_t sets[3] = { 0 };

	task_status(tid, text);
	for (int i = 0; i < 3; i++) {
		const char *line = strstr(text, names[i]);

		if (line)
			sets[i] = strtoull(line + 8, NULL, 16);
	}
	return ((sets[0] | sets[1]) & ~sets[2]) != 0;
}

static int64_t
now_ms(void)
{
	struct timespec time;

	(void)clock_gettime(CLOCK_MONOTONIC, &time); /* cannot fail */
	return (int64_t)time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

static void *
waiting_main(void *arg)
{
	struct waiting *w = arg;
	struct net_call *n = &w->call;

	for (;;) {
		struct pollfd p = { .fd = w->fd, .events = w->events };
		int ready = poll(&p, 1, WAIT_MS);

		if (!notify_is_waiting(n->c.listener, n->c.id))
			break;
		if (ready != 0 && w->fn(n))
			break;
		if (ready == 0 && has_signal(n->c.tid)) {
			call_fail(&n->c, RESTART_IF_ASKED);
			break;
		}
		if (w->limit > 0 && now_ms() >= w->limit) {
			call_fail(&n->c, EAGAIN);
			break;
		}
	}
	net_end(n);
	free(w);
	return NULL;
}

int
net_wait(struct net_call *n, int fd, short events, bool (*fn)(struct net_call *n))
{
	struct waiting *w = xcalloc(1, sizeof(*w));
	struct timeval limit = { 0 };
	socklen_t length = sizeof(limit);
	int failed;

	*w = (struct waiting){ *n, fd, events, fn, 0 };
	(void)getsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, &length); /* else there is none */
	if (limit.tv_sec || limit.tv_usec)
		w->limit = now_ms() + (int64_t)limit.tv_sec * 1000 + limit.tv_usec / 1000;
	w->call.c.data = &w->call.data;
	failed = thread_start(waiting_main, w, THREAD_STACK);
	if (failed)
		free(w);
	else
		n->socket = NULL;
	return failed;
}

/* ---- the whole ---- */

/* Somewhere in 127.0.0.0/8, where others look for nothing. */
static int
choose_own(struct stepnet *net, struct error *e)
{
	unsigned char bytes[3];

	if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes))
		return error_sys(e, "there are no random numbers");
	net->own.s_addr = htonl(127U << 24 | (1U + bytes[0] % 254U) << 16 |
				(uint32_t)bytes[1] << 8 | (1U + bytes[2] % 254U));
	return 0;
}

struct stepnet *
stepnet_new(const struct container_spec *spec, const struct stepnet_owner *owner, struct error *e)
{
	struct stepnet *net = xcalloc(1, sizeof(*net));

	net->owner = *owner;
	net->log = spec->err;
	net->asker = net->epoll = -1;
	(void)pthread_mutex_init(&net->lock, NULL);       /* cannot fail */
	(void)pthread_mutex_init(&net->asker_lock, NULL); /* likewise */
	(void)pthread_mutex_init(&net->accept_lock, NULL);
	if (choose_own(net, e) < 0)
		goto failed;
	if (spec->network == CONTAINER_NETWORK_JOIN && spec->egress) {
		net->asker = egress_open_asker(spec->egress, spec->egress_number, e);
		if (net->asker < 0)
			goto failed;
		net->outside = true;
		net->names_by_datagram = spec->egress->names_by_datagram;
		net->names_by_stream = spec->egress->names_by_stream;
	}
	net->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (net->epoll >= 0)
		return net;
	error_sys(e, "cannot make an epoll instance");
failed:
	fd_close_at(&net->asker);
	free(net);
	return NULL;
}

int
stepnet_start(struct stepnet *net, struct error *e)
{
	int failed = thread_start(net_main, net, THREAD_STACK);

	if (!failed)
		return 0;
	errno = failed;
	return error_sys(e, "cannot make a thread");
}
