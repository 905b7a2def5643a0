/* SPDX-License-Identifier: Apache-2.0 */
/*
 * relay - datagrams and name queries between a network namespace that has nothing but lo, and the one outside.
 */
#include "runtime/sandbox/relay.h"

#include "runtime/base/fd.h"
#include "runtime/base/mem.h"
#include "runtime/sandbox/dns.h"
#include "runtime/sandbox/resolver.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define DATAGRAM_MAX (64U << 10)
#define FLOWS_MAX 512
#define DOORS_MAX 1024
#define IDLE_SECONDS 120
#define SWEEP_MS 30000
#define STACK (16U << 10)
#define BURST 64 /* datagrams in one go, so that others get their turn */

/* An address of the container that sends to a door, and its socket outside. */
struct flow {
	struct flow *next;
	struct door *door;
	struct sockaddr_storage from;
	socklen_t from_length;
	int fd;
	struct loop_source *source;
	time_t used;
};

/* An address outside, inside. */
struct door {
	struct door *next;
	struct relay *relay;
	struct sockaddr_storage peer;
	socklen_t length;
	bool resolver;
	int fd;
	struct loop_source *source;
	struct flow *flows;
};

struct relay {
	struct relay_options options;
	struct resolver *resolver;
	struct door *doors;
	size_t n_doors, n_flows;
	int routes; /* netlink socket inside */
	struct loop_source *sweeper;
	unsigned char bytes[DATAGRAM_MAX];
};

static time_t
now(void)
{
	struct timespec time;

	(void)clock_gettime(CLOCK_MONOTONIC_COARSE, &time); /* cannot fail */
	return time.tv_sec;
}

/* ---- inside ---- */

struct making {
	int netns;
	int domain, type, protocol;
	int fd; /* or -1 */
	int error_number;
};

static int
make_main(void *arg)
{
	struct making *m = arg;

	if (setns(m->netns, CLONE_NEWNET) == 0)
		m->fd = socket(m->domain, m->type | SOCK_CLOEXEC, m->protocol);
	m->error_number = errno;
	return 0;
}

/* By a process that shares memory and descriptors and does not come back: from inside there is no way out again. */
int
relay_socket(int inside, int domain, int type, int protocol)
{
	struct making m = { inside, domain, type, protocol, -1, 0 };
	autofree char *stack = xmalloc(STACK);
	pid_t pid;

	if (inside < 0)
		return socket(domain, type | SOCK_CLOEXEC, protocol);
	pid = clone(make_main, stack + STACK, CLONE_VM | CLONE_FILES | CLONE_VFORK | SIGCHLD, &m);
	if (pid < 0)
		return -1;
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	errno = m.error_number;
	return m.fd;
}

static void
add_attribute(struct nlmsghdr *header, unsigned short type, const void *value, size_t length)
{
	struct rtattr *attribute =
	    (struct rtattr *)((char *)header + NLMSG_ALIGN(header->nlmsg_len));

	attribute->rta_type = type;
	attribute->rta_len = (unsigned short)RTA_LENGTH(length);
	memcpy(RTA_DATA(attribute), value, length);
	header->nlmsg_len =
	    (uint32_t)(NLMSG_ALIGN(header->nlmsg_len) + RTA_ALIGN(attribute->rta_len));
}

/* The address becomes one of lo's: 0 or an errno. */
static int
add_local(const struct relay *r, const struct sockaddr *peer)
{
	const struct sockaddr_in *four = (const struct sockaddr_in *)peer;
	const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)peer;
	bool is_four = peer->sa_family == AF_INET;
	struct {
		struct nlmsghdr header;
		struct rtmsg route;
		char room[128];
	} request = {
		.header = { .nlmsg_len = NLMSG_LENGTH(sizeof(struct rtmsg)),
		    .nlmsg_type = RTM_NEWROUTE,
		    .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE },
		.route = { .rtm_family = (unsigned char)peer->sa_family,
		    .rtm_dst_len = is_four ? 32 : 128,
		    .rtm_table = RT_TABLE_LOCAL,
		    .rtm_protocol = RTPROT_STATIC,
		    .rtm_scope = is_four ? RT_SCOPE_HOST : RT_SCOPE_UNIVERSE,
		    .rtm_type = RTN_LOCAL },
	};
	struct {
		struct nlmsghdr header;
		struct nlmsgerr error;
		char room[256];
	} answer;
	uint32_t lo = 1; /* the first interface of every namespace */
	in_addr_t source = htonl(INADDR_LOOPBACK);

	if (is_four)
		add_attribute(&request.header, RTA_DST, &four->sin_addr, sizeof(four->sin_addr));
	else
		add_attribute(&request.header, RTA_DST, &six->sin6_addr, sizeof(six->sin6_addr));
	add_attribute(&request.header, RTA_OIF, &lo, sizeof(lo));
	if (is_four)
		add_attribute(&request.header, RTA_PREFSRC, &source, sizeof(source));
	if (send(r->routes, &request, request.header.nlmsg_len, 0) < 0 ||
	    recv(r->routes, &answer, sizeof(answer), 0) < (ssize_t)sizeof(answer.header))
		return errno;
	return answer.header.nlmsg_type == NLMSG_ERROR ? -answer.error.error : EIO;
}

/* ---- flows ---- */

static void
flow_free(struct flow *f)
{
	struct flow **link = &f->door->flows;

	while (*link != f)
		link = &(*link)->next;
	*link = f->next;
	f->door->relay->n_flows--;
	loop_remove(f->source);
	(void)close(f->fd); /* datagrams */
	free(f);
}

/* What comes from outside goes to who asked, from the address that was asked. */
static int
on_answer(void *arg, int fd, uint32_t events, struct error *e)
{
	struct flow *f = arg;
	struct relay *r = f->door->relay;

	(void)events;
	(void)e; /* a datagram that cannot be passed on is lost, as datagrams may be */
	for (int i = 0; i < BURST; i++) {
		ssize_t n = recv(fd, r->bytes, sizeof(r->bytes), MSG_DONTWAIT);

		if (n < 0)
			break;
		f->used = now();
		if (f->door->resolver)
			resolver_answered(r->resolver, r->bytes, (size_t)n);
		(void)sendto(f->door->fd, r->bytes, (size_t)n, MSG_DONTWAIT | MSG_NOSIGNAL,
		    (const struct sockaddr *)&f->from, f->from_length);
	}
	return 0;
}

/* The one that was not used for longest makes room. */
static void
make_room(struct relay *r)
{
	struct flow *oldest = NULL;

	for (const struct door *d = r->doors; d; d = d->next)
		for (struct flow *f = d->flows; f; f = f->next)
			if (!oldest || f->used < oldest->used)
				oldest = f;
	if (oldest)
		flow_free(oldest);
}

static struct flow *
flow_new(struct door *d, const struct sockaddr_storage *from, socklen_t length)
{
	struct relay *r = d->relay;
	struct error ignored = ERROR_INIT;
	const struct sockaddr *peer = (const struct sockaddr *)&d->peer;
	socklen_t peer_length = d->length;
	struct flow *f;
	int fd;

	if (r->n_flows >= FLOWS_MAX)
		make_room(r);
	if (d->resolver)
		peer = resolver_server(r->resolver, &peer_length);
	fd = socket(peer->sa_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return NULL;
	f = xcalloc(1, sizeof(*f));
	*f = (struct flow){
		.next = d->flows, .door = d, .from = *from, .from_length = length, .fd = fd
	};
	if (connect(fd, peer, peer_length) == 0)
		f->source = loop_add_fd(r->options.loop, fd, EPOLLIN, on_answer, f, &ignored);
	if (!f->source) {
		(void)close(fd); /* datagrams */
		free(f);
		return NULL;
	}
	d->flows = f;
	r->n_flows++;
	return f;
}

static struct flow *
flow_of(struct door *d, const struct sockaddr_storage *from, socklen_t length)
{
	for (struct flow *f = d->flows; f; f = f->next)
		if (f->from_length == length && memcmp(&f->from, from, length) == 0)
			return f;
	return flow_new(d, from, length);
}

static void
take(struct door *d, size_t length, const struct sockaddr_storage *from, socklen_t from_length)
{
	struct relay *r = d->relay;
	struct flow *f;

	if (d->resolver && !resolver_may_ask(r->resolver, r->bytes, length)) {
		length = dns_refuse(r->bytes, length);
		if (length > 0)
			(void)sendto(d->fd, r->bytes, length, MSG_DONTWAIT,
			    (const struct sockaddr *)from, from_length);
		return;
	}
	/* a resolver that does not answer is left for the next one, also by those who have asked it */
	if (d->resolver && resolver_is_late(r->resolver))
		while (d->flows)
			flow_free(d->flows);
	f = flow_of(d, from, from_length);
	if (!f)
		return;
	f->used = now();
	(void)send(f->fd, r->bytes, length, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static int
on_datagram(void *arg, int fd, uint32_t events, struct error *e)
{
	struct door *d = arg;

	(void)events;
	(void)e; /* as above */
	for (int i = 0; i < BURST; i++) {
		struct sockaddr_storage from = { 0 };
		socklen_t length = sizeof(from);
		ssize_t n = recvfrom(fd, d->relay->bytes, sizeof(d->relay->bytes), MSG_DONTWAIT,
		    (struct sockaddr *)&from, &length);

		if (n < 0)
			break;
		take(d, (size_t)n, &from, length);
	}
	return 0;
}

/* ---- doors ---- */

static void
door_free(struct door *d)
{
	while (d->flows)
		flow_free(d->flows);
	loop_remove(d->source);
	if (d->fd >= 0)
		(void)close(d->fd); /* datagrams */
	free(d);
}

static int
door_open(struct relay *r, const struct sockaddr *peer, socklen_t length, bool resolver)
{
	struct error ignored = ERROR_INIT;
	struct door *d = xcalloc(1, sizeof(*d));
	int failed = 0, one = 1;

	*d = (struct door){ .relay = r, .length = length, .resolver = resolver };
	memcpy(&d->peer, peer, length);
	d->fd = relay_socket(r->options.netns, peer->sa_family, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	if (d->fd < 0)
		failed = errno;
	else if (peer->sa_family == AF_INET6 &&
		 (setsockopt(d->fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one)) < 0 ||
		     setsockopt(d->fd, IPPROTO_IPV6, IPV6_FREEBIND, &one, sizeof(one)) < 0))
		failed = errno; /* a route alone does not make an address one that can be bound */
	if (!failed && bind(d->fd, peer, length) < 0)
		failed = errno;
	if (!failed) {
		d->source = loop_add_fd(r->options.loop, d->fd, EPOLLIN, on_datagram, d, &ignored);
		failed = d->source ? 0 : ENOBUFS;
	}
	if (failed) {
		door_free(d);
		return failed;
	}
	d->next = r->doors;
	r->doors = d;
	r->n_doors++;
	return 0;
}

/* An IPv4-mapped address is one of IPv4. */
static void
unmap(const struct sockaddr *peer, socklen_t length, struct sockaddr_storage *to)
{
	const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)peer;
	struct sockaddr_in *four = (struct sockaddr_in *)to;

	memset(to, 0, sizeof(*to));
	if (peer->sa_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&six->sin6_addr)) {
		four->sin_family = AF_INET;
		four->sin_port = six->sin6_port;
		memcpy(&four->sin_addr, six->sin6_addr.s6_addr + 12, sizeof(four->sin_addr));
	} else {
		memcpy(to, peer, length);
	}
}

int
relay_door(struct relay *r, const struct sockaddr *peer, socklen_t length)
{
	struct sockaddr_storage address;
	int failed;

	unmap(peer, length, &address);
	length =
	    address.ss_family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
	if (address.ss_family == AF_INET)
		memset(((struct sockaddr_in *)&address)->sin_zero, 0, 8);
	for (const struct door *d = r->doors; d; d = d->next)
		if (d->length == length && memcmp(&d->peer, &address, length) == 0)
			return 0;
	if (r->n_doors >= DOORS_MAX)
		return ENOBUFS;
	failed = add_local(r, (const struct sockaddr *)&address);
	/* a host without IPv6 inside */
	if (failed)
		return ENETUNREACH;
	return door_open(r, (const struct sockaddr *)&address, length, false);
}

/* ---- the whole ---- */

static int
on_sweep(void *arg, struct error *e)
{
	struct relay *r = arg;
	time_t before = now() - IDLE_SECONDS;

	(void)e;
	for (struct door *d = r->doors; d; d = d->next)
		for (struct flow *f = d->flows, *next; f; f = next) {
			next = f->next;
			if (f->used < before)
				flow_free(f);
		}
	return 0;
}

struct relay *
relay_open(const struct relay_options *options, struct error *e)
{
	struct relay *r = xcalloc(1, sizeof(*r));
	struct sockaddr_in at = resolver_place(options);
	int failed;

	r->options = *options;
	r->routes = relay_socket(options->netns, AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
	if (r->routes < 0)
		error_sys(e, "cannot open a socket for routes");
	else
		r->resolver = resolver_open(options, e);
	if (r->resolver) {
		failed = door_open(r, (const struct sockaddr *)&at, sizeof(at), true);
		if (failed) {
			errno = failed;
			error_sys(e, "cannot answer for names at %s", RELAY_RESOLVER);
		} else {
			r->sweeper =
			    loop_add_timer(options->loop, SWEEP_MS, SWEEP_MS, on_sweep, r, e);
		}
	}
	if (r->sweeper)
		return r;
	relay_close(r);
	return NULL;
}

uint16_t
relay_port_by_datagram(const struct relay *r)
{
	return resolver_port(r->doors->fd);
}

uint16_t
relay_port_by_stream(const struct relay *r)
{
	return resolver_port(resolver_listener(r->resolver));
}

void
relay_close(struct relay *r)
{
	while (r->doors) {
		struct door *next = r->doors->next;

		door_free(r->doors);
		r->doors = next;
	}
	loop_remove(r->sweeper);
	resolver_close(r->resolver);
	fd_close_at(&r->routes);
	free(r);
}
