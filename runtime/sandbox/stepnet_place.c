/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stepnet_place - the addresses of a step's own network, and where they really are.
 */
#include "runtime/sandbox/stepnet.h"

#include "runtime/sandbox/egress.h"
#include "runtime/sandbox/relay.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#define NAMES_PORT 53
#define PORTS_FROM 32768U
#define PORTS 28000U

static struct in6_addr
mapped(uint32_t four)
{
	struct in6_addr at = { .s6_addr = { [10] = 0xff, [11] = 0xff } };

	four = htonl(four);
	memcpy(at.s6_addr + 12, &four, sizeof(four));
	return at;
}

bool
net_is_any(const struct in6_addr *at)
{
	struct in6_addr four = mapped(INADDR_ANY);

	return IN6_IS_ADDR_UNSPECIFIED(at) || IN6_ARE_ADDR_EQUAL(at, &four);
}

bool
net_is_loopback(const struct in6_addr *at)
{
	return IN6_IS_ADDR_LOOPBACK(at) || (IN6_IS_ADDR_V4MAPPED(at) && at->s6_addr[12] == 127);
}

struct in6_addr
net_loopback(int domain)
{
	return domain == AF_INET6 ? in6addr_loopback : mapped(INADDR_LOOPBACK);
}

struct in6_addr
net_any(int domain)
{
	return domain == AF_INET6 ? in6addr_any : mapped(INADDR_ANY);
}

struct net_place
net_place_of(const struct sockaddr_storage *address)
{
	const struct sockaddr_in *four = (const struct sockaddr_in *)address;
	const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)address;

	if (address->ss_family == AF_INET6)
		return (struct net_place){ six->sin6_addr, ntohs(six->sin6_port) };
	return (struct net_place){ mapped(ntohl(four->sin_addr.s_addr)), ntohs(four->sin_port) };
}

socklen_t
net_address(const struct net_place *place, int domain, struct sockaddr_storage *address)
{
	struct sockaddr_in *four = (struct sockaddr_in *)address;
	struct sockaddr_in6 *six = (struct sockaddr_in6 *)address;

	memset(address, 0, sizeof(*address));
	if (domain == AF_INET6) {
		six->sin6_family = AF_INET6;
		six->sin6_port = htons(place->port);
		six->sin6_addr = place->at;
		return sizeof(*six);
	}
	four->sin_family = AF_INET;
	four->sin_port = htons(place->port);
	memcpy(&four->sin_addr, place->at.s6_addr + 12, sizeof(four->sin_addr));
	return sizeof(*four);
}

int
net_read_place(
    const struct call *c, uint64_t address, uint64_t length, int domain, struct net_place *place)
{
	struct sockaddr_storage a = { 0 };
	int failed;

	if ((int)length < (int)sizeof(sa_family_t) || (uint32_t)length > sizeof(a))
		return EINVAL;
	failed = call_read(c, address, &a, (uint32_t)length);
	if (failed)
		return failed;
	/* for bind(2) and sendto(2) the kernel takes an address without a family for one of IPv4 */
	if (a.ss_family == AF_UNSPEC && domain == AF_INET)
		a.ss_family = AF_INET;
	if (a.ss_family == AF_INET && (uint32_t)length < sizeof(struct sockaddr_in))
		return EINVAL;
	if (a.ss_family == AF_INET6 &&
	    (uint32_t)length < offsetof(struct sockaddr_in6, sin6_scope_id))
		return EINVAL;
	if (a.ss_family != domain && (a.ss_family != AF_INET || domain != AF_INET6))
		return EAFNOSUPPORT;
	*place = net_place_of(&a);
	return 0;
}

int
net_write_address(const struct call *c, const struct net_place *place, int domain, uint64_t address,
    uint64_t length)
{
	struct sockaddr_storage a;
	socklen_t has = net_address(place, domain, &a), room;
	int failed = call_read(c, length, &room, sizeof(room));

	if (!failed && (int)room < 0)
		failed = EINVAL;
	if (!failed)
		failed = call_write(c, address, &a, room < has ? room : has);
	return failed ? failed : call_write(c, length, &has, sizeof(has));
}

/* ---- the step's own loopback interface ---- */

/* Is what is sent to @at (a whole address, not all of them) for @s? */
static bool
covers(const struct net_socket *s, const struct in6_addr *at)
{
	if (IN6_IS_ADDR_UNSPECIFIED(&s->local.at))
		return !IN6_IS_ADDR_V4MAPPED(at) || !s->only_six;
	if (net_is_any(&s->local.at))
		return IN6_IS_ADDR_V4MAPPED(at);
	return IN6_ARE_ADDR_EQUAL(&s->local.at, at);
}

/* Under the lock. */
static bool
overlap(const struct net_socket *s, const struct net_socket *other)
{
	struct in6_addr four = mapped(INADDR_LOOPBACK);
	bool any = net_is_any(&other->local.at);

	if (s->local.port != other->local.port || s->kind != other->kind)
		return false;
	if (!any)
		return covers(s, &other->local.at);
	if (!net_is_any(&s->local.at))
		return covers(other, &s->local.at);
	return (covers(s, &four) && covers(other, &four)) ||
	       (covers(s, &in6addr_loopback) && covers(other, &in6addr_loopback));
}

static const struct net_socket *
taken_by(const struct stepnet *net, const struct net_socket *by)
{
	const struct net_socket *s = net->sockets;

	while (s && (s == by || !s->bound || !overlap(s, by)))
		s = s->next;
	return s;
}

/* One that the step has closed takes nothing; nobody has told of it. */
static bool
is_taken(struct stepnet *net, const struct net_socket *by)
{
	const struct net_socket *other = taken_by(net, by);

	if (!other || net_is_there(net, other))
		return other != NULL;
	(void)pthread_mutex_unlock(&net->lock);
	net_look(net, 1);
	(void)pthread_mutex_lock(&net->lock);
	return taken_by(net, by) != NULL;
}

struct net_socket *
net_by_real_port(struct stepnet *net, enum net_kind kind, uint16_t port)
{
	struct net_socket *s = net->sockets;

	while (s && (s->kind != kind || !s->bound || s->real_port != port))
		s = s->next;
	return s;
}

/* At the address that stands for the interface; for datagrams that ask for any port at all of them, from where they may be sent outside. */
static int
bind_really(const struct stepnet *net, struct net_socket *s)
{
	int fd = s->kind == NET_DATAGRAM ? s->real : s->fd, zero = 0;
	struct net_place at = { mapped(ntohl(net->own.s_addr)), s->local.port };
	struct sockaddr_storage address;
	socklen_t length = sizeof(address);

	if (s->kind == NET_DATAGRAM && s->local.port == 0 && net_is_any(&s->local.at))
		at.at = net_any(s->domain);
	if (s->domain == AF_INET6 &&
	    setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &zero, sizeof(zero)) < 0)
		return errno;
	length = net_address(&at, s->domain, &address);
	if (bind(fd, (struct sockaddr *)&address, length) < 0) {
		if ((errno != EADDRINUSE && errno != EACCES) || at.port == 0)
			return errno;
		at.port = 0; /* taken outside, or not for everybody: another one stands for it */
		length = net_address(&at, s->domain, &address);
		if (bind(fd, (struct sockaddr *)&address, length) < 0)
			return errno;
	}
	length = sizeof(address);
	if (getsockname(fd, (struct sockaddr *)&address, &length) < 0)
		return errno;
	s->real_port = net_place_of(&address).port;
	return 0;
}

int
net_bind(struct stepnet *net, struct net_socket *s, const struct net_place *place)
{
	int fd = s->kind == NET_DATAGRAM ? s->real : s->fd, only = 0, failed = 0;
	socklen_t length = sizeof(only);

	if (!net_is_any(&place->at) && !net_is_loopback(&place->at))
		return EADDRNOTAVAIL;
	(void)pthread_mutex_lock(&net->lock);
	if (s->domain == AF_INET6)
		(void)getsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &only, &length); /* else not */
	if (s->bound || s->connecting) {
		failed = EINVAL;
	} else {
		s->only_six = only == 1;
		s->local = *place;
		if (place->port != 0 && is_taken(net, s))
			failed = EADDRINUSE;
	}
	if (!failed)
		failed = bind_really(net, s);
	if (!failed && place->port == 0) {
		s->local.port = s->real_port;
		while (taken_by(net, s))
			s->local.port = (uint16_t)(PORTS_FROM + (s->local.port * 7U + 13U) % PORTS);
	}
	s->bound = s->bound || !failed;
	(void)pthread_mutex_unlock(&net->lock);
	return failed;
}

/* Under the lock. */
static const struct net_socket *
socket_at(const struct stepnet *net, enum net_kind kind, const struct in6_addr *at, uint16_t port)
{
	const struct net_socket *s = net->sockets;

	while (s && (s->kind != kind || !s->bound || s->local.port != port ||
			(kind != NET_DATAGRAM && !s->listening) || !covers(s, at)))
		s = s->next;
	return s;
}

/* The port that stands for @place; 0: nobody is there. */
static uint16_t
port_inside(struct stepnet *net, enum net_kind kind, const struct net_place *place)
{
	struct in6_addr at = place->at;
	const struct net_socket *s;
	uint16_t port;
	bool sure;

	if (net_is_any(&at))
		at = net_loopback(IN6_IS_ADDR_V4MAPPED(&at) ? AF_INET : AF_INET6);
	for (int i = 0; i < 2; i++) {
		(void)pthread_mutex_lock(&net->lock);
		s = socket_at(net, kind, &at, place->port);
		port = s ? s->real_port : 0;
		sure = !s || net_is_there(net, s);
		(void)pthread_mutex_unlock(&net->lock);
		if (sure || i == 1)
			break;
		net_look(net, 1);
	}
	return port;
}

/* The resolver answers outside the table, for all steps. */
static uint16_t
port_of_names(const struct stepnet *net, enum net_kind kind, const struct net_place *place)
{
	struct in6_addr resolver;
	struct in_addr four;

	(void)inet_pton(AF_INET, RELAY_RESOLVER, &four); /* a constant */
	resolver = mapped(ntohl(four.s_addr));
	if (place->port != NAMES_PORT || !IN6_ARE_ADDR_EQUAL(&place->at, &resolver))
		return 0;
	return kind == NET_STREAM ? net->names_by_stream : net->names_by_datagram;
}

static enum network_way
way_to(struct stepnet *net, const struct net_call *n, const struct net_place *place)
{
	struct network_peer peer = { .task = n->c.tid,
		.type = n->socket->kind == NET_STREAM ? SOCK_STREAM : SOCK_DGRAM };
	enum network_way way = NETWORK_REFUSED; /* nobody who answers */

	peer.length = net_address(place, AF_INET6, &peer.address);
	(void)pthread_mutex_lock(&net->asker_lock);
	(void)egress_ask(net->asker, &peer, &way);
	(void)pthread_mutex_unlock(&net->asker_lock);
	return way;
}

int
net_aim(struct stepnet *net, const struct net_call *n, const struct net_place *place,
    struct sockaddr_storage *real, socklen_t *length, bool *inside)
{
	const struct net_socket *s = n->socket;
	uint16_t names = port_of_names(net, s->kind, place);
	struct net_place at = { mapped(ntohl(net->own.s_addr)), 0 };
	bool own = net_is_any(&place->at) || net_is_loopback(&place->at);

	*inside = own && !names;
	if (names) {
		at = (struct net_place){ mapped(INADDR_LOOPBACK), names };
	} else if (own) {
		at.port = port_inside(net, s->kind, place);
		if (at.port == 0)
			return ECONNREFUSED;
	} else if (!net->outside) {
		return ENETUNREACH;
	} else {
		switch (way_to(net, n, place)) {
		case NETWORK_OUTSIDE:
			break;
		case NETWORK_INSIDE:
			return ENETUNREACH; /* many at a time */
		default:
			return EACCES;
		}
		at = *place;
	}
	if (s->domain == AF_INET && !IN6_IS_ADDR_V4MAPPED(&at.at))
		return EAFNOSUPPORT;
	*length = net_address(&at, s->domain, real);
	return 0;
}
