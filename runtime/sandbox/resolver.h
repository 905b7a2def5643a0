/* SPDX-License-Identifier: Apache-2.0 */
/*
 * resolver - name queries of a container, to the host's own resolvers. Only for relay.
 */
#ifndef CROZE_SANDBOX_RESOLVER_H
#define CROZE_SANDBOX_RESOLVER_H

#include "runtime/sandbox/relay.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

#define RESOLVER_PORT 53

struct resolver;

/** A socket of namespace @inside; -1 with errno. */
int relay_socket(int inside, int domain, int type, int protocol);

/** Where names are asked for: at RELAY_RESOLVER, or at any port of 127.0.0.1 where nothing is inside. */
struct sockaddr_in resolver_place(const struct relay_options *options);
/** The port that @fd is bound to. */
uint16_t resolver_port(int fd);
/** The socket that takes streams. */
int resolver_listener(const struct resolver *resolver);
/** Reads /etc/resolv.conf, and takes streams at RELAY_RESOLVER. NULL with @e. */
struct resolver *resolver_open(const struct relay_options *options, struct error *e);
void resolver_close(struct resolver *resolver);
/** May the query be passed on? Otherwise it is one to be refused, or no query. */
bool resolver_may_ask(const struct resolver *resolver, const unsigned char *query, size_t length);
/** To be called with every query: has the server in use left one without an answer for too long? The next one is then in use. */
bool resolver_is_late(struct resolver *resolver);
/** To be called with every answer. */
void resolver_answered(struct resolver *resolver, const unsigned char *answer, size_t length);
/** The server in use. */
const struct sockaddr *resolver_server(const struct resolver *resolver, socklen_t *length);

#endif
