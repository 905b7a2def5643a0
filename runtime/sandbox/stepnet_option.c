/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stepnet_option - options of the sockets of a step with a network of its own.
 *
 * Level and name of an option are numbers, which nobody exchanges behind an answer: those that could send packets elsewhere are refused
 * whatever the descriptor is.
 */
#include "runtime/sandbox/stepnet.h"

#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>

#define OPTION_MAX 64

/* Those of IP that change nothing about where packets go: no routes by the sender, no groups, no other family. */
static const unsigned char four_options[] = { 1 /* TOS */, 2 /* TTL */, 8 /* PKTINFO */,
	10 /* MTU_DISCOVER */, 11 /* RECVERR */, 12 /* RECVTTL */, 13 /* RECVTOS */, 14 /* MTU */,
	20 /* RECVORIGDSTADDR */, 21 /* MINTTL */, 24 /* BIND_ADDRESS_NO_PORT */,
	33 /* MULTICAST_TTL */, 34 /* MULTICAST_LOOP */, 49 /* MULTICAST_ALL */,
	51 /* LOCAL_PORT_RANGE */ };
static const unsigned char six_options[] = { 16 /* UNICAST_HOPS */, 18 /* MULTICAST_HOPS */,
	19 /* MULTICAST_LOOP */, 23 /* MTU_DISCOVER */, 24 /* MTU */, 25 /* RECVERR */,
	26 /* V6ONLY */, 29 /* MULTICAST_ALL */, 49 /* RECVPKTINFO */, 51 /* RECVHOPLIMIT */,
	60 /* RECVPATHMTU */, 62 /* DONTFRAG */, 66 /* RECVTCLASS */, 67 /* TCLASS */,
	70 /* AUTOFLOWLABEL */, 72 /* ADDR_PREFERENCES */, 73 /* MINHOPCOUNT */,
	74 /* RECVORIGDSTADDR */, 77 /* RECVFRAGSIZE */ };

static bool
is_harmless(int level, int name)
{
	const unsigned char *list = level == IPPROTO_IP ? four_options : six_options;
	size_t n = level == IPPROTO_IP ? sizeof(four_options) : sizeof(six_options);

	for (size_t i = 0; i < n; i++)
		if (list[i] == name)
			return true;
	return false;
}

/* setsockopt(2) of a socket that the step does not hold. */
static int
set_really(const struct net_call *n)
{
	const uint64_t *args = (const uint64_t *)n->data.args;
	char value[OPTION_MAX];
	socklen_t length = (socklen_t)args[4];
	int failed;

	if ((int)length < 0 || length > sizeof(value))
		return EINVAL;
	failed = call_read(&n->c, args[3], value, length);
	if (failed)
		return failed;
	return setsockopt(n->socket->real, (int)args[1], (int)args[2], value, length) < 0 ? errno
	                                                                                  : 0;
}

/* An option of the socket itself. */
static bool
set_of_socket(struct net_call *n, int name)
{
	switch (name) {
	case SO_REUSEADDR:
	case SO_REUSEPORT:
		/* a port is the step's alone as long as it has it; who stands for it outside shares it with nobody */
		net_conclude(n, net_begin(n, (int)n->data.args[0]));
		return true;
	case SO_BINDTODEVICE:
	case SO_BINDTOIFINDEX:
	case SO_MARK:
		call_fail(&n->c, EPERM);
		return true;
	default:
		return false;
	}
}

bool
stepnet_set_option(struct net_call *n)
{
	int level = (int)n->data.args[1], name = (int)n->data.args[2], failed;

	if (level == SOL_SOCKET)
		return set_of_socket(n, name);
	if (level != IPPROTO_IP && level != IPPROTO_IPV6)
		return false;
	if (!is_harmless(level, name)) {
		call_fail(&n->c, ENOPROTOOPT);
		return true;
	}
	failed = net_begin(n, (int)n->data.args[0]);
	if (!failed && (!n->socket || n->socket->kind != NET_DATAGRAM))
		return false;
	net_conclude(n, failed ? failed : set_really(n));
	return true;
}

/* What the end of a pair would say of itself. */
bool
stepnet_get_option(struct net_call *n)
{
	const uint64_t *args = (const uint64_t *)n->data.args;
	int failed = net_begin(n, (int)args[0]), value = 0;
	socklen_t room = 0;

	/* nobody is reached by asking */
	if (failed || !n->socket || n->socket->kind != NET_DATAGRAM || (int)args[1] != SOL_SOCKET)
		return false;
	value = (int)args[2] == SO_TYPE       ? SOCK_DGRAM
	        : (int)args[2] == SO_PROTOCOL ? IPPROTO_UDP
	                                      : n->socket->domain;
	failed = call_read(&n->c, args[4], &room, sizeof(room));
	if (!failed && (int)room < 0)
		failed = EINVAL;
	if (room > sizeof(value))
		room = sizeof(value);
	if (!failed)
		failed = call_write(&n->c, args[3], &value, room);
	if (!failed)
		failed = call_write(&n->c, args[4], &room, sizeof(room));
	net_conclude(n, failed);
	return true;
}
