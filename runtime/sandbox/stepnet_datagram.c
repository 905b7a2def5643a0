/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stepnet_datagram - datagrams of a step with a network of its own.
 *
 * The step has one end of a pair, on which the kernel takes no address. What is read from the other end was written without one, and
 * goes to the peer that was connected. What is sent with an address is sent here, and what is to be received with one is received
 * here, from a copy of the step's end: where it came from is kept beside the pair, in its order.
 */
#include "runtime/sandbox/stepnet.h"

#include "runtime/base/fd.h"
#include "runtime/base/mem.h"
#include "runtime/sandbox/relay.h"
#include "seccomp/notify.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/sockios.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define BURST 64          /* datagrams in one go, so that others get their turn */
#define MESSAGES_MAX 1024 /* of one sendmmsg(2), as in the kernel */
#define PARTS_MAX 1024
#define NAMES_PORT 53

struct net_socket *
datagram_new(struct stepnet *net, int domain, int flags, int *theirs)
{
	int pair[2], zero = 0;
	struct net_socket *s = NULL;
	struct epoll_event event = { .events = EPOLLIN };
	autofd int real = socket(domain, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	autofd int ours = -1;

	if (real < 0 || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return NULL;
	ours = pair[1];
	if (domain == AF_INET6)
		(void)setsockopt(real, IPPROTO_IPV6, IPV6_V6ONLY, &zero, sizeof(zero)); /* new */
	(void)fcntl(ours, F_SETFL, O_NONBLOCK);                                         /* new */
	if (flags & SOCK_NONBLOCK)
		(void)fcntl(pair[0], F_SETFL, O_NONBLOCK);
	s = net_add(net, NET_DATAGRAM, domain, pair[0]);
	if (!s) {
		(void)close(pair[0]); /* new */
		return NULL;
	}
	*theirs = pair[0];
	(void)pthread_mutex_lock(&net->lock);
	s->sources = xcalloc(NET_SOURCES, sizeof(s->sources[0]));
	s->ours = steal_fd(&ours);
	s->real = steal_fd(&real);
	event.data.u64 = (uint64_t)s->ino << 2 | 1;
	(void)epoll_ctl(net->epoll, EPOLL_CTL_ADD, s->ours, &event); /* new */
	event.data.u64 = (uint64_t)s->ino << 2 | 2;
	(void)epoll_ctl(net->epoll, EPOLL_CTL_ADD, s->real, &event);
	(void)pthread_mutex_unlock(&net->lock);
	return s;
}

/* ---- outward ---- */

/* One that is to be answered from inside is bound, so that its place is known. */
static int
bind_for_answers(struct stepnet *net, struct net_socket *s)
{
	struct net_place any = { net_any(s->domain), 0 };
	int failed = s->bound ? 0 : net_bind(net, s, &any);

	return failed == EINVAL ? 0 : failed; /* another thread was quicker */
}

int
datagram_connect(struct net_call *n)
{
	const uint64_t *args = (const uint64_t *)n->data.args;
	struct net_socket *s = n->socket;
	struct sockaddr_storage real = { 0 };
	socklen_t length = sizeof(real);
	struct net_place place = { 0 };
	sa_family_t family = AF_UNSPEC;
	bool inside = false;
	int failed = call_read(&n->c, args[1], &family, sizeof(family));

	if (!failed && family == AF_UNSPEC) {
		if (connect(s->real, (struct sockaddr *)&real, length) < 0)
			return errno;
		(void)pthread_mutex_lock(&n->net->lock);
		s->connected = false;
		(void)pthread_mutex_unlock(&n->net->lock);
		return 0;
	}
	if (!failed)
		failed = net_read_place(&n->c, args[1], args[2], s->domain, &place);
	/* the address was copied twice */
	if (!failed)
		failed = net_aim(n->net, n, &place, &real, &length, &inside);
	if (!failed && inside)
		failed = bind_for_answers(n->net, s);
	if (!failed && connect(s->real, (struct sockaddr *)&real, length) < 0)
		failed =
		    errno == EINVAL ? ENETUNREACH : errno; /* bound to the loopback interface */
	/* nobody is there, which a datagram would be the first to tell */
	if (failed && failed != ECONNREFUSED)
		return failed;
	(void)pthread_mutex_lock(&n->net->lock);
	s->connected = true;
	s->peer = place;
	if (net_is_any(&s->peer.at))
		s->peer.at = net_loopback(s->domain);
	(void)pthread_mutex_unlock(&n->net->lock);
	return 0;
}

static int
send_to(struct net_call *n, const struct net_place *place, const void *bytes, size_t length)
{
	struct net_socket *s = n->socket;
	struct sockaddr_storage real;
	socklen_t real_length;
	bool inside;
	int failed = net_aim(n->net, n, place, &real, &real_length, &inside);

	/* nobody is there: what is not connected is not told */
	if (failed == ECONNREFUSED)
		return 0;
	if (!failed && inside)
		failed = bind_for_answers(n->net, s);
	if (!failed && sendto(s->real, bytes, length, MSG_DONTWAIT | MSG_NOSIGNAL,
			   (struct sockaddr *)&real, real_length) < 0)
		failed = errno == EINVAL ? ENETUNREACH : errno == EAGAIN ? ENOBUFS : errno;
	return failed;
}

/* ---- the thread ---- */

/* Where a datagram of this machine's came from, as the step calls it; false: from a stranger. */
static bool
rename_source(struct stepnet *net, const struct net_socket *s, struct net_place *from)
{
	const struct net_socket *other;
	struct in_addr four;

	if (!net_is_loopback(&from->at))
		return true;
	if (from->port == net->names_by_datagram && net->outside) {
		(void)inet_pton(AF_INET, RELAY_RESOLVER, &four); /* a constant */
		from->at = net_loopback(AF_INET);
		memcpy(from->at.s6_addr + 12, &four, sizeof(four));
		from->port = NAMES_PORT;
		return true;
	}
	other = net_by_real_port(net, NET_DATAGRAM, from->port);
	if (!other)
		return false;
	from->at = net_loopback(s->domain == AF_INET6 ? other->domain : AF_INET);
	from->port = other->local.port;
	return true;
}

static void
to_step(struct stepnet *net, struct net_socket *s, const void *bytes, size_t length,
    const struct sockaddr_storage *source)
{
	struct net_place from = net_place_of(source);

	if (s->n_sources == NET_SOURCES || !rename_source(net, s, &from))
		return; /* lost, as datagrams may be */
	if (send(s->ours, bytes, length, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		return;
	s->sources[(s->first_source + s->n_sources++) % NET_SOURCES] =
	    (struct net_source){ from, length };
}

/* What the step has read without asking where it came from is not in the pair any more. */
static void
align(struct net_socket *s)
{
	size_t known = 0;
	int there = 0;

	if (ioctl(s->fd, SIOCINQ, &there) < 0)
		return;
	for (size_t i = 0; i < s->n_sources; i++)
		known += s->sources[(s->first_source + i) % NET_SOURCES].length;
	while (s->n_sources > 0 && known > (size_t)there) {
		known -= s->sources[s->first_source].length;
		s->first_source = (s->first_source + 1) % NET_SOURCES;
		s->n_sources--;
	}
}

/* Has the step said that it sends no more? Nothing was there to be read. */
static bool
has_ended(const struct stepnet *net, const struct net_socket *s)
{
	struct pollfd p = { .fd = s->ours, .events = POLLRDHUP };

	if (poll(&p, 1, 0) != 1 || !(p.revents & (POLLRDHUP | POLLHUP)))
		return false; /* a datagram of no bytes */
	(void)epoll_ctl(net->epoll, EPOLL_CTL_DEL, s->ours, NULL);
	return true;
}

/* What came back of those that were sent (ip(7), IP_RECVERR), which the step has no way to read. */
static void
drop_errors(const struct net_socket *s, void *bytes, size_t room)
{
	for (int i = 0; i < BURST; i++)
		if (recv(s->real, bytes, room, MSG_ERRQUEUE | MSG_DONTWAIT) < 0)
			return;
}

void
datagram_pass(struct stepnet *net, struct net_socket *s, bool from_step)
{
	static unsigned char bytes[NET_DATAGRAM_MAX]; /* one thread passes on */

	if (!from_step)
		drop_errors(s, bytes, sizeof(bytes));
	for (int i = 0; i < BURST; i++) {
		struct sockaddr_storage source = { 0 };
		socklen_t length = sizeof(source);
		ssize_t n = from_step ? recv(s->ours, bytes, sizeof(bytes), MSG_DONTWAIT)
		                      : recvfrom(s->real, bytes, sizeof(bytes), MSG_DONTWAIT,
					    (struct sockaddr *)&source, &length);

		if (n < 0 || (n == 0 && from_step && has_ended(net, s)))
			return;
		if (from_step && s->connected) {
			(void)send(s->real, bytes, (size_t)n, MSG_DONTWAIT | MSG_NOSIGNAL);
		} else if (!from_step) {
			align(s);
			to_step(net, s, bytes, (size_t)n, &source);
		}
	}
}

/* ---- sending with an address ---- */

/* The bytes that @message of the caller's is made of; NULL with *@failed. */
static char *
gather(const struct net_call *n, const struct msghdr *message, size_t *length, int *failed)
{
	struct iovec parts[PARTS_MAX];
	autofree char *bytes = xmalloc(NET_DATAGRAM_MAX);

	*length = 0;
	*failed = message->msg_iovlen > PARTS_MAX ? EMSGSIZE : 0;
	if (!*failed)
		*failed = call_read(&n->c, (uint64_t)(uintptr_t)message->msg_iov, parts,
		    message->msg_iovlen * sizeof(parts[0]));
	for (size_t i = 0; !*failed && i < message->msg_iovlen; i++) {
		if (parts[i].iov_len > NET_DATAGRAM_MAX - *length)
			*failed = EMSGSIZE;
		else
			*failed = call_read(&n->c, (uint64_t)(uintptr_t)parts[i].iov_base,
			    bytes + *length, parts[i].iov_len);
		*length += *failed ? 0 : parts[i].iov_len;
	}
	return *failed ? NULL : steal_ptr(&bytes);
}

/* Sends one message, which has an address; or an errno. */
static int
send_message(struct net_call *n, const struct msghdr *message, size_t *length)
{
	struct net_place place;
	autofree char *bytes = NULL;
	int failed = net_read_place(&n->c, (uint64_t)(uintptr_t)message->msg_name,
	    message->msg_namelen, n->socket->domain, &place);

	if (!failed)
		bytes = gather(n, message, length, &failed);
	return failed ? failed : send_to(n, &place, bytes, *length);
}

/* Without an address it is written to the pair. */
static int
write_message(const struct net_call *n, const struct msghdr *message, size_t *length)
{
	int failed;
	autofree char *bytes = gather(n, message, length, &failed);

	if (!failed && !n->socket->connected)
		failed = EDESTADDRREQ;
	if (!failed && send(n->socket->real, bytes, *length, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		failed = errno == EAGAIN ? ENOBUFS : errno;
	return failed;
}

static int
answer_messages(struct net_call *n)
{
	const uint64_t *args = (const uint64_t *)n->data.args;
	uint32_t wanted = (uint32_t)args[2] < MESSAGES_MAX ? (uint32_t)args[2] : MESSAGES_MAX;
	uint32_t i;
	int failed = 0;

	for (i = 0; i < wanted; i++) {
		struct mmsghdr m;
		uint64_t at = args[1] + i * sizeof(m);
		size_t length = 0;
		unsigned int sent;

		failed = call_read(&n->c, at, &m, sizeof(m));
		if (!failed)
			failed = m.msg_hdr.msg_name && m.msg_hdr.msg_namelen
			             ? send_message(n, &m.msg_hdr, &length)
			             : write_message(n, &m.msg_hdr, &length);
		sent = (unsigned int)length;
		if (!failed)
			failed = call_write(
			    &n->c, at + offsetof(struct mmsghdr, msg_len), &sent, sizeof(sent));
		if (failed)
			break;
	}
	if (failed && i == 0)
		return failed;
	call_return(&n->c, i);
	return 0;
}

static int
answer_message(struct net_call *n)
{
	const uint64_t *args = (const uint64_t *)n->data.args;
	struct msghdr m = { 0 };
	size_t length = 0;
	int failed = 0;

	if (n->data.nr == SYS_sendmmsg)
		return answer_messages(n);
	if (n->data.nr == SYS_sendto) {
		struct iovec part = { (void *)(uintptr_t)args[1], args[2] };
		autofree char *bytes = NULL;
		struct net_place place;

		if (part.iov_len > NET_DATAGRAM_MAX)
			return EMSGSIZE;
		length = part.iov_len;
		bytes = xmalloc(length + 1);
		failed = net_read_place(&n->c, args[4], args[5], n->socket->domain, &place);
		if (!failed)
			failed = call_read(&n->c, args[1], bytes, length);
		if (!failed)
			failed = send_to(n, &place, bytes, length);
	} else {
		failed = call_read(&n->c, args[1], &m, sizeof(m));
		if (!failed)
			failed = m.msg_name && m.msg_namelen ? send_message(n, &m, &length)
			                                     : write_message(n, &m, &length);
	}
	if (!failed)
		call_return(&n->c, (int64_t)length);
	return failed;
}

/*
 * sendto(2) with an address, sendmsg(2), sendmmsg(2). Those on other sockets are not for here: no socket of the step takes an address there
 * but to connect by sending, and who wants that is told, as where it is switched off, to call connect(2).
 */
bool
stepnet_send(struct net_call *n)
{
	const uint64_t *args = (const uint64_t *)n->data.args;
	uint64_t flags = n->data.nr == SYS_sendmsg ? args[2] : args[3];
	int failed = flags & MSG_FASTOPEN ? EOPNOTSUPP : net_begin(n, (int)args[0]);

	if (failed == ENOTSOCK || (!failed && (!n->socket || n->socket->kind != NET_DATAGRAM)))
		return false;
	if (!failed)
		failed = answer_message(n);
	if (failed)
		call_fail(&n->c, failed);
	return true;
}

/* ---- receiving with an address ---- */

/* Reads what is there, and where it came from: its length, or -1 with errno. */
static ssize_t
read_one(struct net_call *n, void *bytes, size_t room, int flags, struct net_place *from)
{
	struct net_socket *s = n->socket;
	ssize_t got;

	(void)pthread_mutex_lock(&n->net->lock);
	align(s);
	*from = s->n_sources > 0 ? s->sources[s->first_source].from : s->peer;
	got = recv(s->fd, bytes, room, (flags & (MSG_PEEK | MSG_TRUNC)) | MSG_DONTWAIT);
	(void)pthread_mutex_unlock(&n->net->lock);
	return got;
}

/* Spreads it over the caller's buffers. */
static int
scatter(const struct net_call *n, const struct msghdr *message, const char *bytes, size_t length)
{
	struct iovec parts[PARTS_MAX];
	int failed = 0;

	if (message->msg_iovlen > PARTS_MAX)
		return EMSGSIZE;
	failed = call_read(&n->c, (uint64_t)(uintptr_t)message->msg_iov, parts,
	    message->msg_iovlen * sizeof(parts[0]));
	for (size_t i = 0, done = 0; !failed && i < message->msg_iovlen && done < length; i++) {
		size_t part = parts[i].iov_len < length - done ? parts[i].iov_len : length - done;

		failed =
		    call_write(&n->c, (uint64_t)(uintptr_t)parts[i].iov_base, bytes + done, part);
		done += part;
	}
	return failed;
}

static int
room_of(const struct net_call *n, const struct msghdr *message, size_t *room)
{
	struct iovec parts[PARTS_MAX];
	int failed;

	*room = 0;
	if (message->msg_iovlen > PARTS_MAX)
		return EMSGSIZE;
	failed = call_read(&n->c, (uint64_t)(uintptr_t)message->msg_iov, parts,
	    message->msg_iovlen * sizeof(parts[0]));
	for (size_t i = 0; !failed && i < message->msg_iovlen; i++)
		*room = parts[i].iov_len < NET_DATAGRAM_MAX - *room ? *room + parts[i].iov_len
		                                                    : NET_DATAGRAM_MAX;
	return failed;
}

/* recvmsg(2): what came from where, to the places that @message names. */
static int
fill_message(const struct net_call *n, struct msghdr *message, const char *bytes, size_t length,
    bool cut, const struct net_place *from)
{
	const uint64_t *args = (const uint64_t *)n->data.args;
	struct sockaddr_storage a;
	socklen_t has = net_address(from, n->socket->domain, &a);
	int failed = scatter(n, message, bytes, length);

	if (!failed && message->msg_name)
		failed = call_write(&n->c, (uint64_t)(uintptr_t)message->msg_name, &a,
		    message->msg_namelen < has ? message->msg_namelen : has);
	message->msg_namelen = message->msg_name ? has : 0;
	message->msg_controllen = 0;
	message->msg_flags = cut ? MSG_TRUNC : 0;
	return failed ? failed : call_write(&n->c, args[1], message, sizeof(*message));
}

/* Answers when there is something. */
static bool
receive_one(struct net_call *n)
{
	const uint64_t *args = (const uint64_t *)n->data.args;
	bool is_message = n->data.nr == SYS_recvmsg;
	int flags = (int)(is_message ? args[2] : args[3]), failed = 0;
	autofree char *bytes = xmalloc(NET_DATAGRAM_MAX);
	struct msghdr m = { 0 };
	struct net_place from;
	size_t room = args[2] < NET_DATAGRAM_MAX ? args[2] : NET_DATAGRAM_MAX, length;
	ssize_t got;

	if (is_message)
		failed = call_read(&n->c, args[1], &m, sizeof(m));
	if (is_message && !failed)
		failed = room_of(n, &m, &room);
	if (failed) {
		call_fail(&n->c, failed);
		return true;
	}
	/* as long as it is, to know whether it was cut */
	got = read_one(n, bytes, room, flags | MSG_TRUNC, &from);
	if (got < 0 && errno == EAGAIN)
		return false;
	if (got < 0) {
		call_fail(&n->c, errno);
		return true;
	}
	length = (size_t)got < room ? (size_t)got : room;
	if (is_message) {
		failed = fill_message(n, &m, bytes, length, (size_t)got > room, &from);
	} else {
		failed = call_write(&n->c, args[1], bytes, length);
		if (!failed)
			failed =
			    net_write_address(&n->c, &from, n->socket->domain, args[4], args[5]);
	}
	if (failed)
		call_fail(&n->c, failed);
	else
		call_return(&n->c, flags & MSG_TRUNC ? got : (int64_t)length);
	return true;
}

static bool
wants_name(struct net_call *n)
{
	struct msghdr m = { 0 };

	return n->data.nr == SYS_recvfrom ||
	       (call_read(&n->c, n->data.args[1], &m, sizeof(m)) == 0 && m.msg_name);
}

/* recvfrom(2) with room for an address, recvmsg(2). Nobody is reached by receiving, so that all else is not for here. */
bool
stepnet_receive(struct net_call *n)
{
	const uint64_t *args = (const uint64_t *)n->data.args;
	int flags = (int)(n->data.nr == SYS_recvmsg ? args[2] : args[3]);
	int failed = net_begin(n, (int)args[0]);

	if (failed || !n->socket || n->socket->kind != NET_DATAGRAM || !wants_name(n))
		return false;
	if (receive_one(n))
		return true;
	if (flags & MSG_DONTWAIT || fcntl(n->socket->fd, F_GETFL) & O_NONBLOCK)
		failed = EAGAIN;
	else
		failed = net_wait(n, n->socket->fd, POLLIN, receive_one);
	if (failed)
		call_fail(&n->c, failed);
	return true;
}
