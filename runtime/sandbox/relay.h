/* SPDX-License-Identifier: Apache-2.0 */
/*
 * relay - datagrams and name queries between a network namespace that has nothing but lo, and the one outside.
 *
 * An address outside that a container sends datagrams to is made one of lo's (a route of type local), and a socket that is bound to it
 * takes them: what comes back has that address as its sender, as it should. Every address of the container that sends has a socket of its
 * own outside.
 *
 * Names are asked at RELAY_RESOLVER, by datagram and by stream; the queries go to the host's own resolvers, which may be on its loopback.
 */
#ifndef CROZE_SANDBOX_RELAY_H
#define CROZE_SANDBOX_RELAY_H

#include "runtime/base/error.h"
#include "runtime/base/loop.h"

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>

#define RELAY_RESOLVER "127.0.0.11"

struct relay_options {
	struct loop *loop;
	int netns; /* inside; the calling process is outside. -1: nothing is inside, and names alone are asked for, on a loopback port */
	void *arg;
	bool (*may_ask)(void *arg, const char *name); /* else the answer is that there is none */
	void (*found)(void *arg, const char *name, const struct in6_addr *address);
};

struct relay;

/** Opens the resolver's sockets inside. The host's resolvers are those of /etc/resolv.conf. */
struct relay *relay_open(const struct relay_options *options, struct error *e);
void relay_close(struct relay *relay);
/** With -1 as @netns: the ports at which names are asked for, on 127.0.0.1. */
uint16_t relay_port_by_datagram(const struct relay *relay);
uint16_t relay_port_by_stream(const struct relay *relay);
/** Datagrams to @peer are taken from now on: 0 or an errno. */
int relay_door(struct relay *relay, const struct sockaddr *peer, socklen_t length);

#endif
