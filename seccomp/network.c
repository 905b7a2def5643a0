/* SPDX-License-Identifier: Apache-2.0 */
/*
 * network - calls with which processes reach other hosts: which they are, and what becomes of each.
 */
#include "seccomp/network.h"

#include "runtime/base/fd.h"
#include "runtime/base/mem.h"
#include "seccomp/call.h"
#include "seccomp/socket.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define MESSAGES_MAX \
	64 /* of one sendmmsg(2) that are looked at: the kernel sends no more in one go than this */
#ifndef SO_NETNS_COOKIE
#define SO_NETNS_COOKIE 71
#endif

/* One call, and what is found out about it. */
struct asked {
	struct call call;
	const struct network_policy *policy;
	int pidfd;
	int socket; /* a copy of the caller's; -1 */
	int domain, type, protocol;
	struct network_peer peer;
	struct network_wait *wait;
};

typedef void network_fn(struct asked *a);

static network_fn answer_connect, answer_bind, answer_listen, answer_sendto, answer_sendmsg,
    answer_sendmmsg;

static const struct {
	struct notify_call call;
	network_fn *fn;
} rows[] = {
	{ { SYS_connect, 0, NOTIFY_ALWAYS, 0 }, answer_connect },
	{ { SYS_bind, 0, NOTIFY_ALWAYS, 0 }, answer_bind },
	{ { SYS_listen, 0, NOTIFY_ALWAYS, 0 }, answer_listen },
	{ { SYS_sendto, 4, NOTIFY_IF_SET, 0 }, answer_sendto },
	{ { SYS_sendmsg, 0, NOTIFY_ALWAYS, 0 }, answer_sendmsg },
	{ { SYS_sendmmsg, 0, NOTIFY_ALWAYS, 0 }, answer_sendmmsg },
};

static_assert(ARRAY_LEN(rows) <= NETWORK_CALLS_MAX, "room for all of them");

const struct notify_call *
network_calls(size_t *n)
{
	static struct notify_call calls[ARRAY_LEN(rows)];

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		calls[i] = rows[i].call;
	*n = ARRAY_LEN(rows);
	return calls;
}

static network_fn *
function_of(int number)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (number >= 0 && rows[i].call.number == (uint32_t)number)
			return rows[i].fn;
	return NULL;
}

bool
network_is_call(int number)
{
	return function_of(number) != NULL;
}

const struct notify_program *
network_program(void)
{
	static struct notify_program program;
	size_t n;

	if (program.length == 0)
		notify_compile(&program, network_calls(&n), ARRAY_LEN(rows), NOTIFY_FOREIGN_PASS);
	return &program;
}

/* ---- what the caller has and means ---- */

static int
int_option(int fd, int level, int name)
{
	int value = -1;
	socklen_t length = sizeof(value);

	return getsockopt(fd, level, name, &value, &length) == 0 ? value : -1;
}

/* A copy of the caller's socket @fd: 0 or an errno. */
static int
take_socket(struct asked *a, int fd)
{
	a->pidfd = socket_open_task(a->call.tid);
	if (a->pidfd < 0)
		return errno;
	if (!notify_is_waiting(a->call.listener, a->call.id))
		return EINTR; /* its number may be another process's by now */
	a->socket = (int)syscall(SYS_pidfd_getfd, a->pidfd, fd, 0);
	if (a->socket < 0)
		return errno;
	a->domain = int_option(a->socket, SOL_SOCKET, SO_DOMAIN);
	a->type = int_option(a->socket, SOL_SOCKET, SO_TYPE);
	a->protocol = int_option(a->socket, SOL_SOCKET, SO_PROTOCOL);
	return 0;
}

/* Only these are for addresses outside; raw ones and the like stay in the container. */
static bool
is_of_interest(const struct asked *a)
{
	if (a->domain != AF_INET && a->domain != AF_INET6)
		return false;
	if (a->type == SOCK_STREAM)
		return a->protocol == IPPROTO_TCP || a->protocol == IPPROTO_MPTCP;
	return a->type == SOCK_DGRAM &&
	       (a->protocol == IPPROTO_UDP || a->protocol == IPPROTO_UDPLITE);
}

/* The address at @address of the caller, copied: 0 or an errno, which the kernel would give too. */
static int
read_address(const struct call *c, uint64_t address, uint64_t length, struct network_peer *peer)
{
	int failed;

	memset(peer, 0, sizeof(*peer));
	peer->task = c->tid;
	if ((int)length < 0 || (uint32_t)length > sizeof(peer->address))
		return EINVAL;
	peer->length = (socklen_t)(uint32_t)length;
	if (peer->length < sizeof(sa_family_t))
		return EINVAL;
	failed = call_read(c, address, &peer->address, peer->length);
	if (failed)
		return failed;
	if (peer->address.ss_family == AF_INET && peer->length < sizeof(struct sockaddr_in))
		return EINVAL;
	if (peer->address.ss_family == AF_INET6 &&
	    peer->length < offsetof(struct sockaddr_in6, sin6_scope_id))
		return EINVAL;
	return 0;
}

static bool
is_ip(const struct network_peer *peer)
{
	return peer->address.ss_family == AF_INET || peer->address.ss_family == AF_INET6;
}

/* ---- connect ---- */

/* The network that a socket is in. */
static uint64_t
network_of(int fd)
{
	uint64_t cookie = 0;
	socklen_t length = sizeof(cookie);

	return getsockopt(fd, SOL_SOCKET, SO_NETNS_COOKIE, &cookie, &length) == 0 ? cookie : 0;
}

/* A socket that was put in the place of one of the caller's. */
static bool
is_ours(const struct asked *a)
{
	static uint64_t own; /* all threads find the same */
	autofd int fd = -1;

	if (a->type != SOCK_STREAM)
		return false;
	if (a->policy->locks)
		return int_option(a->socket, SOL_SOCKET, SO_LOCK_FILTER) == 1;
	if (own == 0) {
		fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		own = network_of(fd);
	}
	return network_of(a->socket) == own;
}

static int
tcp_state(int fd)
{
	struct tcp_info info = { 0 };
	socklen_t length = sizeof(info);

	return getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &length) == 0 ? info.tcpi_state : -1;
}

/* What connect(2) has come to. A caller that waits is answered when its socket has a peer. */
static void
finish_connect(const struct asked *a, bool blocking, int failed)
{
	if ((failed == EINPROGRESS || failed == EALREADY) && blocking)
		a->wait->fd = fcntl(a->socket, F_DUPFD_CLOEXEC, 0);
	if (a->wait->fd >= 0)
		return;
	if (failed)
		call_fail(&a->call, failed);
	else
		call_return(&a->call, 0);
}

void
network_finish(const struct network_wait *wait)
{
	int failed = int_option(wait->fd, SOL_SOCKET, SO_ERROR);

	notify_answer(wait->listener, wait->id, 0, failed > 0 ? failed : 0);
}

static void
connect_outside(struct asked *a)
{
	struct socket_exchange x = { .listener = a->call.listener,
		.id = a->call.id,
		.pidfd = a->pidfd,
		.task = a->call.tid,
		.number = (int)a->call.data->args[0],
		.old = a->socket,
		.new = -1,
		.domain = a->domain,
		.peer = (const struct sockaddr *)&a->peer.address,
		.length = a->peer.length,
		.locks = a->policy->locks };
	int failed = socket_exchange(&x);

	fd_close_at(&a->socket);
	a->socket = x.new;
	finish_connect(a, x.blocking, failed);
}

/* The caller's own socket is connected, to the address that was checked. */
static void
connect_here(const struct asked *a)
{
	int flags = fcntl(a->socket, F_GETFL);
	bool blocking = (flags & O_NONBLOCK) == 0;
	int failed = 0;

	if (blocking)
		(void)fcntl(a->socket, F_SETFL, flags | O_NONBLOCK); /* it is not for us to wait */
	if (connect(a->socket, (const struct sockaddr *)&a->peer.address, a->peer.length) < 0)
		failed = errno;
	if (blocking)
		(void)fcntl(a->socket, F_SETFL, flags); /* as it was */
	finish_connect(a, blocking, failed);
}

/* A socket that has a peer, or is to get one, is asked for it again: how far it is. */
static void
connect_stream(struct asked *a, enum network_way way)
{
	bool ours = is_ours(a);
	bool used = tcp_state(a->socket) != TCP_CLOSE;

	if (used)
		connect_here(a);
	else if (way == NETWORK_OUTSIDE)
		connect_outside(a);
	else if (ours) /* its peer is gone; there is none inside for it */
		call_fail(&a->call, EINVAL);
	else
		connect_here(a);
}

static void
connect_ip(struct asked *a)
{
	enum network_way way;
	int failed = 0;

	a->peer.type = a->type;
	way = a->policy->way(a->policy->arg, &a->peer);
	if (way == NETWORK_REFUSED) {
		call_fail(&a->call, EACCES);
	} else if (a->policy->observes) {
		call_continue(&a->call);
	} else if (a->type == SOCK_STREAM) {
		connect_stream(a, way);
	} else {
		if (way == NETWORK_OUTSIDE)
			failed = a->policy->door(a->policy->arg, &a->peer);
		if (failed)
			call_fail(&a->call, failed);
		else
			call_continue(&a->call);
	}
}

static void
answer_connect(struct asked *a)
{
	const uint64_t *args = (const uint64_t *)a->call.data->args;
	int failed = read_address(&a->call, args[1], args[2], &a->peer);

	if (failed) {
		call_fail(&a->call, failed);
		return;
	}
	if (!is_ip(&a->peer)) {
		call_continue(&a->call);
		return;
	}
	failed = take_socket(a, (int)args[0]);
	if (failed)
		call_fail(&a->call, failed);
	else if (is_of_interest(a))
		connect_ip(a);
	else
		call_continue(&a->call);
}

/* ---- bind, listen ---- */

/* Takes the socket of a call that is to be made here; otherwise answers it, and returns false. */
static bool
take_stream(struct asked *a)
{
	int failed = take_socket(a, (int)a->call.data->args[0]);

	if (failed) {
		call_fail(&a->call, failed);
	} else if (a->policy->observes || !is_of_interest(a) || a->type != SOCK_STREAM) {
		call_continue(&a->call);
	} else if (is_ours(a)) { /* it is there for its one peer */
		call_fail(&a->call, EINVAL);
	} else {
		return true;
	}
	return false;
}

static void
answer_bind(struct asked *a)
{
	const uint64_t *args = (const uint64_t *)a->call.data->args;
	int failed = read_address(&a->call, args[1], args[2], &a->peer);

	if (!failed && !is_ip(&a->peer) && a->peer.address.ss_family != AF_UNSPEC) {
		call_continue(&a->call);
		return;
	}
	if (failed) {
		call_fail(&a->call, failed);
		return;
	}
	if (!take_stream(a))
		return;
	if (bind(a->socket, (const struct sockaddr *)&a->peer.address, a->peer.length) < 0)
		call_fail(&a->call, errno);
	else
		call_return(&a->call, 0);
}

static void
answer_listen(struct asked *a)
{
	if (!take_stream(a))
		return;
	if (listen(a->socket, (int)a->call.data->args[1]) < 0)
		call_fail(&a->call, errno);
	else
		call_return(&a->call, 0);
}

/* ---- datagrams ---- */

static void
let_or_fail(const struct asked *a, int failed)
{
	if (failed)
		call_fail(&a->call, failed);
	else
		call_continue(&a->call);
}

/*
 * Who wants to connect by sending is told, as where that is switched off, to call connect(2): it would be a connection that neither this
 * nor Landlock looks at (tcp(7), MSG_FASTOPEN). 0 or an errno.
 */
static int
check_flags(uint64_t flags)
{
	return flags & MSG_FASTOPEN ? EOPNOTSUPP : 0;
}

/* May the datagram go to the peer? 0 or an errno. */
static int
open_way(struct asked *a)
{
	enum network_way way;

	if (a->type == SOCK_STREAM)
		return 0; /* has its peer, or none */
	a->peer.type = a->type;
	way = a->policy->way(a->policy->arg, &a->peer);
	if (way == NETWORK_REFUSED)
		return EACCES;
	if (way == NETWORK_OUTSIDE && a->policy->door)
		return a->policy->door(a->policy->arg, &a->peer);
	return 0;
}

static void
answer_sendto(struct asked *a)
{
	const uint64_t *args = (const uint64_t *)a->call.data->args;
	int failed = check_flags(args[3]);

	if (!failed)
		failed = read_address(&a->call, args[4], args[5], &a->peer);
	if (failed || !is_ip(&a->peer)) {
		let_or_fail(a, failed);
		return;
	}
	failed = take_socket(a, (int)args[0]);
	if (!failed && !is_of_interest(a)) {
		call_continue(&a->call);
		return;
	}
	let_or_fail(a, failed ? failed : open_way(a));
}

/* May the message at @address go where it is for? 0 or an errno. */
static int
look_at_message(struct asked *a, uint64_t address)
{
	struct msghdr message;
	int failed = call_read(&a->call, address, &message, sizeof(message));

	if (failed || !message.msg_name || message.msg_namelen == 0)
		return failed;
	failed = read_address(
	    &a->call, (uint64_t)(uintptr_t)message.msg_name, message.msg_namelen, &a->peer);
	if (failed || !is_ip(&a->peer))
		return failed;
	if (a->socket < 0)
		failed = take_socket(a, (int)a->call.data->args[0]);
	return failed || !is_of_interest(a) ? failed : open_way(a);
}

static void
answer_sendmsg(struct asked *a)
{
	const uint64_t *args = (const uint64_t *)a->call.data->args;
	int failed = check_flags(args[2]);

	let_or_fail(a, failed ? failed : look_at_message(a, args[1]));
}

static void
answer_sendmmsg(struct asked *a)
{
	const uint64_t *args = (const uint64_t *)a->call.data->args;
	size_t n = (uint32_t)args[2] < MESSAGES_MAX ? (uint32_t)args[2] : MESSAGES_MAX;
	int failed = check_flags(args[3]);

	for (size_t i = 0; i < n && !failed; i++)
		failed = look_at_message(a, args[1] + i * sizeof(struct mmsghdr));
	let_or_fail(a, failed);
}

/* ---- the whole ---- */

void
network_answer(const struct network_policy *policy, int listener,
    const struct seccomp_notif *request, struct network_wait *wait)
{
	struct asked a = { .call = { .listener = listener,
			       .id = request->id,
			       .tid = (pid_t)request->pid,
			       .data = &request->data },
		.policy = policy,
		.pidfd = -1,
		.socket = -1,
		.wait = wait };
	network_fn *fn = function_of(request->data.nr);

	*wait = (struct network_wait){ .listener = listener, .id = request->id, .fd = -1 };
	if (fn)
		fn(&a);
	else
		call_continue(&a.call);
	fd_close_at(&a.socket);
	fd_close_at(&a.pidfd);
}
