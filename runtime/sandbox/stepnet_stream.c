/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stepnet_stream - sockets of a step with a network of its own: which there are, and what becomes of streams.
 */
#include "runtime/sandbox/stepnet.h"

#include "runtime/base/fd.h"
#include "runtime/base/mem.h"
#include "runtime/base/thread.h"
#include "seccomp/notify.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define TYPE_MASK 0xf
#define THREAD_STACK (128U << 10)

/* ---- making ---- */

/* The kind of what socket(2) is asked for; -1 with errno. */
static int
kind_of(const struct stepnet *net, const uint64_t *args)
{
	int domain = (int)args[0], type = (int)args[1] & TYPE_MASK, protocol = (int)args[2];

	errno = EAFNOSUPPORT;
	if (domain == AF_NETLINK && protocol == NETLINK_ROUTE && net->outside)
		return NET_ROUTES;
	if (domain == AF_UNIX && (type == SOCK_STREAM || type == SOCK_SEQPACKET))
		return NET_UNIX;
	if (domain != AF_INET && domain != AF_INET6)
		return -1;
	errno = EPROTONOSUPPORT;
	if (type == SOCK_STREAM && (protocol == 0 || protocol == IPPROTO_TCP))
		return NET_STREAM;
	if (type == SOCK_DGRAM && (protocol == 0 || protocol == IPPROTO_UDP))
		return NET_DATAGRAM;
	if (type == SOCK_RAW)
		errno = EPERM;
	return -1;
}

/* NULL with errno. */
static struct net_socket *
make(struct stepnet *net, int kind, const uint64_t *args, int *fd)
{
	int domain = (int)args[0];
	struct net_socket *s;

	if (kind == NET_DATAGRAM)
		return datagram_new(net, domain, (int)args[1] & SOCK_NONBLOCK, fd);
	*fd = socket(domain, (int)args[1] | SOCK_CLOEXEC, (int)args[2]);
	s = *fd < 0 ? NULL : net_add(net, kind, domain, *fd);
	if (*fd >= 0 && !s)
		fd_close_at(fd);
	return s;
}

/* Of AF_UNIX only what may listen one day. */
bool
stepnet_socket(struct net_call *n)
{
	const uint64_t *args = (const uint64_t *)n->data.args;
	struct stepnet *net = n->net;
	int kind = kind_of(net, args), fd = -1;
	unsigned int cloexec = args[1] & SOCK_CLOEXEC ? O_CLOEXEC : 0;
	struct net_socket *s = kind < 0 ? NULL : make(net, kind, args, &fd);

	/* too many: some may be closed by now */
	if (kind >= 0 && !s && (errno == EMFILE || errno == ENFILE)) {
		net_look(net, 1);
		s = make(net, kind, args, &fd);
	}
	if (!s) {
		call_fail(&n->c, errno);
		return true;
	}
	if (notify_answer_fd(n->c.listener, n->c.id, fd, cloexec) < 0) {
		call_fail(&n->c, errno);
		net_forget(net, s);
	}
	(void)pthread_mutex_lock(&net->lock);
	s->given = true;
	s->pid = n->pid;
	(void)pthread_mutex_unlock(&net->lock);
	net_drop(s);
	return true;
}

/* ---- connecting ---- */

struct connecting {
	struct net_call call;
	struct sockaddr_storage address;
	socklen_t length;
	bool inside;
	struct net_place local, peer; /* @inside: as the step calls them */
	struct net_coming coming;
};

/* Both ends of a connection inside are known before there is one: the other side may take it before this one hears of it. */
static int
announce(struct connecting *c, const struct net_place *place)
{
	struct stepnet *net = c->call.net;
	struct net_socket *s = c->call.socket;
	struct in6_addr four = net_loopback(AF_INET);
	struct net_place any = { four, 0 };
	struct sockaddr_storage a;
	socklen_t length = net_address(&any, s->domain, &a);
	int zero = 0;

	if (s->domain == AF_INET6)
		(void)setsockopt(s->fd, IPPROTO_IPV6, IPV6_V6ONLY, &zero, sizeof(zero)); /* bound */
	if (!s->bound && bind(s->fd, (struct sockaddr *)&a, length) < 0 && errno != EINVAL)
		return errno;
	length = sizeof(a);
	if (getsockname(s->fd, (struct sockaddr *)&a, &length) < 0)
		return errno;
	c->coming.real = net_place_of(&a);
	c->coming.shown = (struct net_place){ net_loopback(s->domain),
		s->bound ? s->local.port : c->coming.real.port };
	c->local = c->coming.shown;
	c->peer = *place;
	if (net_is_any(&c->peer.at))
		c->peer.at = net_loopback(s->domain);
	(void)pthread_mutex_lock(&net->lock);
	net->coming[net->next_coming++ % NET_COMING] = c->coming;
	(void)pthread_mutex_unlock(&net->lock);
	return 0;
}

/* Under the lock. */
static void
add_names(
    struct stepnet *net, ino_t ino, const struct net_place *local, const struct net_place *peer)
{
	net->names[net->next_name++ % NET_NAMES] = (struct net_names){ ino, *local, *peer };
}

/* What connect(2) has come to; answers. */
static void
connected(struct connecting *c, int failed)
{
	struct stepnet *net = c->call.net;
	struct net_socket *s = c->call.socket;
	struct epoll_event event = { .events = EPOLLOUT | EPOLLONESHOT,
		.data.u64 = (uint64_t)s->ino << 2 };

	(void)pthread_mutex_lock(&net->lock);
	if (c->inside && (!failed || failed == EINPROGRESS))
		add_names(net, s->ino, &c->local, &c->peer);
	if (failed == EINPROGRESS && !s->connecting)
		s->connecting = epoll_ctl(net->epoll, EPOLL_CTL_ADD, s->fd, &event) == 0;
	(void)pthread_mutex_unlock(&net->lock);
	if (!failed) {
		net_forget(net, s);
		net_end(&c->call);
	}
	if (failed)
		call_fail(&c->call.c, failed);
	else
		call_return(&c->call.c, 0);
	net_end(&c->call);
	free(c);
}

static void *
connect_main(void *arg)
{
	struct connecting *c = arg;

	connected(c,
	    connect(c->call.socket->fd, (struct sockaddr *)&c->address, c->length) < 0 ? errno : 0);
	return NULL;
}

static int
tcp_state(int fd)
{
	struct tcp_info info = { 0 };
	socklen_t length = sizeof(info);

	return getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &length) == 0 ? info.tcpi_state : -1;
}

/* Takes over what @n holds, and answers; or an errno. */
static int
connect_stream(struct net_call *n, const struct net_place *place)
{
	struct connecting *c = xcalloc(1, sizeof(*c));
	int failed, flags = fcntl(n->socket->fd, F_GETFL);

	c->call = *n;
	c->call.c.data = &c->call.data;
	failed = net_aim(n->net, n, place, &c->address, &c->length, &c->inside);
	/* one that has, or is to get, a peer is asked for it again: how far it is */
	if (!failed && c->inside && tcp_state(n->socket->fd) == TCP_CLOSE)
		failed = announce(c, place);
	if (!failed && !(flags & O_NONBLOCK))
		failed = thread_start(connect_main, c, THREAD_STACK);
	else if (!failed)
		(void)connect_main(c);
	if (failed)
		free(c);
	else
		n->socket = NULL;
	return failed;
}

/* The caller wants no peer any more; or a socket that has one is asked for another. */
static int
connect_other(struct net_call *n, const struct sockaddr_storage *a, socklen_t length)
{
	struct net_socket *s = n->socket;

	if (!s)
		return EISCONN;
	if (s->kind == NET_DATAGRAM)
		return datagram_connect(n);
	return connect(s->fd, (const struct sockaddr *)a, length) < 0 ? errno : 0;
}

static int
connect_known(struct net_call *n)
{
	struct sockaddr_storage a = { 0 };
	const uint64_t *args = (const uint64_t *)n->data.args;
	struct net_place place;
	int failed;

	if ((int)args[2] < (int)sizeof(sa_family_t) || (uint32_t)args[2] > sizeof(a))
		return EINVAL;
	failed = call_read(&n->c, args[1], &a, (uint32_t)args[2]);
	if (failed)
		return failed;
	if (n->socket->kind == NET_ROUTES || a.ss_family == AF_UNSPEC)
		return connect_other(n, &a, (socklen_t)args[2]);
	if (n->socket->kind == NET_DATAGRAM)
		return datagram_connect(n);
	if (a.ss_family != n->socket->domain)
		return EAFNOSUPPORT;
	failed = net_read_place(&n->c, args[1], args[2], n->socket->domain, &place);
	return failed ? failed : connect_stream(n, &place);
}

/* Its end is to be seen by the other side from now on. */
static void
take_copy(struct net_call *n)
{
	(void)pthread_mutex_lock(&n->net->lock);
	fd_close_at(&n->socket->fd);
	(void)pthread_mutex_unlock(&n->net->lock);
}

bool
stepnet_connect(struct net_call *n)
{
	int failed = net_begin(n, (int)n->data.args[0]);

	if (!failed && !n->socket)
		return false;
	if (!failed && n->socket->kind == NET_UNIX) {
		take_copy(n);
		return false;
	}
	if (!failed)
		failed = connect_known(n);
	/* a stream that is connected here is answered where it is */
	if (failed || n->socket)
		net_conclude(n, failed);
	return true;
}

/* ---- binding, listening, accepting ---- */

static int
bind_known(struct net_call *n)
{
	const uint64_t *args = (const uint64_t *)n->data.args;
	struct net_socket *s = n->socket;
	struct sockaddr_nl a = { 0 };
	struct net_place place;
	int failed;

	if (s->kind == NET_ROUTES) {
		if (args[2] < sizeof(a))
			return EINVAL;
		failed = call_read(&n->c, args[1], &a, sizeof(a));
		if (failed)
			return failed;
		return bind(s->fd, (struct sockaddr *)&a, sizeof(a)) < 0 ? errno : 0;
	}
	failed = net_read_place(&n->c, args[1], args[2], s->domain, &place);
	return failed ? failed : net_bind(n->net, s, &place);
}

bool
stepnet_bind(struct net_call *n)
{
	int failed = net_begin(n, (int)n->data.args[0]);

	if (!failed && (!n->socket || n->socket->kind == NET_UNIX))
		return false;
	net_conclude(n, failed ? failed : bind_known(n));
	return true;
}

static int
listen_unix(struct net_call *n)
{
	struct net_socket *s = n->socket;
	int failed = 0;

	(void)pthread_mutex_lock(&n->net->lock);
	if (s->fd < 0)
		failed = s->listening ? 0 : EINVAL;
	else if (listen(s->fd, (int)n->data.args[1]) < 0)
		failed = errno;
	s->listening = s->listening || !failed;
	if (!failed)
		fd_close_at(&s->fd);
	(void)pthread_mutex_unlock(&n->net->lock);
	return failed;
}

static int
listen_known(struct net_call *n)
{
	struct net_socket *s = n->socket;
	struct net_place any = { net_any(s->domain), 0 };
	int failed = 0;

	if (s->kind == NET_UNIX)
		return listen_unix(n);
	if (s->kind != NET_STREAM)
		return EOPNOTSUPP;
	if (!s->bound)
		failed = net_bind(n->net, s, &any);
	if (!failed && listen(s->fd, (int)n->data.args[1]) < 0)
		failed = errno;
	if (!failed) {
		(void)pthread_mutex_lock(&n->net->lock);
		s->listening = true;
		(void)pthread_mutex_unlock(&n->net->lock);
	}
	return failed;
}

bool
stepnet_listen(struct net_call *n)
{
	int failed = net_begin(n, (int)n->data.args[0]);

	if (!failed && !n->socket)
		return false;
	net_conclude(n, failed ? failed : listen_known(n));
	return true;
}

/* Was the connection from @real made here? What the step calls its beginning is then in @shown. */
static bool
was_coming(struct stepnet *net, const struct net_place *real, struct net_place *shown)
{
	bool found = false;

	(void)pthread_mutex_lock(&net->lock);
	for (size_t i = 0; i < NET_COMING && !found; i++)
		if (net->coming[i].real.port == real->port && real->port != 0 &&
		    IN6_ARE_ADDR_EQUAL(&net->coming[i].real.at, &real->at)) {
			*shown = net->coming[i].shown;
			net->coming[i] = (struct net_coming){ 0 };
			found = true;
		}
	(void)pthread_mutex_unlock(&net->lock);
	return found;
}

/* Gives the caller the connection @fd, from @peer. */
static void
give(struct net_call *n, int fd, struct net_place *peer)
{
	const uint64_t *args = (const uint64_t *)n->data.args;
	struct net_socket *s = n->socket;
	unsigned int flags = n->data.nr == SYS_accept4 ? (unsigned int)args[3] : 0;
	struct net_place local = { net_loopback(s->domain), s->local.port };
	struct stat st = { 0 };
	int failed = fstat(fd, &st) < 0 ? errno : 0;

	/* an address is the caller's family's, whichever way the other side went */
	peer->at = net_loopback(s->domain);
	if (!failed && args[1])
		failed = net_write_address(&n->c, peer, s->domain, args[1], args[2]);
	if (!failed) {
		(void)pthread_mutex_lock(&n->net->lock);
		add_names(n->net, st.st_ino, &local, peer);
		(void)pthread_mutex_unlock(&n->net->lock);
		if (notify_answer_fd(
			n->c.listener, n->c.id, fd, flags & SOCK_CLOEXEC ? O_CLOEXEC : 0) < 0)
			failed = errno;
	}
	if (failed)
		call_fail(&n->c, failed);
	(void)close(fd); /* the caller has it */
}

/* Answers when a connection of the step's own, or an error, is there. Those of others are closed. */
static bool
accept_one(struct net_call *n)
{
	int nonblocking = n->data.nr == SYS_accept4 ? (int)n->data.args[3] & SOCK_NONBLOCK : 0;

	for (;;) {
		struct sockaddr_storage a;
		socklen_t length = sizeof(a);
		struct pollfd p = { .fd = n->socket->fd, .events = POLLIN };
		struct net_place real, shown;
		int fd = -1, ready;

		/* nobody else may take what is there, for which this thread would wait */
		(void)pthread_mutex_lock(&n->net->accept_lock);
		ready = poll(&p, 1, 0);
		if (ready > 0)
			fd = accept4(n->socket->fd, (struct sockaddr *)&a, &length,
			    SOCK_CLOEXEC | nonblocking);
		(void)pthread_mutex_unlock(&n->net->accept_lock);
		if (ready == 0)
			return false;
		if (fd < 0) {
			if (errno == EAGAIN || errno == EINTR || errno == ECONNABORTED)
				continue;
			call_fail(&n->c, errno);
			return true;
		}
		real = net_place_of(&a);
		if (was_coming(n->net, &real, &shown)) {
			give(n, fd, &shown);
			return true;
		}
		(void)close(fd); /* a stranger's */
	}
}

bool
stepnet_accept(struct net_call *n)
{
	int failed = net_begin(n, (int)n->data.args[0]);

	if (!failed && (!n->socket || n->socket->kind == NET_UNIX))
		return false;
	if (!failed && (n->socket->kind != NET_STREAM || !n->socket->listening)) {
		failed = n->socket->kind == NET_STREAM ? EINVAL : EOPNOTSUPP;
	} else if (!failed && !accept_one(n)) {
		failed = fcntl(n->socket->fd, F_GETFL) & O_NONBLOCK
		             ? EAGAIN
		             : net_wait(n, n->socket->fd, POLLIN, accept_one);
	}
	if (failed)
		call_fail(&n->c, failed);
	return true;
}

/* ---- names ---- */

/* The name of a datagram's socket, or of one that was bound; false: it is what the kernel says. */
static bool
name_of(const struct net_call *n, bool peer, struct net_place *place, int *failed)
{
	const struct net_socket *s = n->socket;
	struct sockaddr_storage a;
	socklen_t length = sizeof(a);

	/* one that is connecting has its name from where it was announced, or from the kernel */
	if (s->kind == NET_ROUTES || s->kind == NET_UNIX || (peer && s->connecting))
		return false;
	if (peer) {
		*place = s->peer;
		*failed = s->kind == NET_DATAGRAM && s->connected ? 0 : ENOTCONN;
		return true;
	}
	*place = s->local;
	if (s->bound)
		return true;
	if (s->kind != NET_DATAGRAM)
		return false;
	*failed = getsockname(s->real, (struct sockaddr *)&a, &length) < 0 ? errno : 0;
	*place = net_place_of(&a);
	return true;
}

static bool
name_by_number(struct stepnet *net, ino_t ino, bool peer, struct net_place *place)
{
	bool found = false;

	(void)pthread_mutex_lock(&net->lock);
	for (size_t i = 0; i < NET_NAMES && !found; i++)
		if (net->names[i].ino == ino) {
			*place = peer ? net->names[i].peer : net->names[i].local;
			found = true;
		}
	(void)pthread_mutex_unlock(&net->lock);
	return found;
}

/* getsockname(2), getpeername(2) */
bool
stepnet_name(struct net_call *n)
{
	const uint64_t *args = (const uint64_t *)n->data.args;
	bool peer = n->data.nr == SYS_getpeername, known = false;
	struct net_place place;
	int failed = net_begin(n, (int)args[0]), domain = AF_INET;

	if (n->hidden)
		return false;
	if (!failed && n->socket) {
		domain = n->socket->domain;
		known = name_of(n, peer, &place, &failed);
	}
	if (!failed && !known) {
		known = name_by_number(n->net, n->ino, peer, &place);
		if (known && !n->socket)
			domain = IN6_IS_ADDR_V4MAPPED(&place.at) ? AF_INET : AF_INET6;
	}
	if (!failed && known)
		failed = net_write_address(&n->c, &place, domain, args[1], args[2]);
	if (failed || known)
		net_conclude(n, failed);
	return failed || known;
}
