/* SPDX-License-Identifier: Apache-2.0 */
/*
 * address - how far away an address is: what a server may send us to.
 */
#ifndef CROZE_FETCH_ADDRESS_H
#define CROZE_FETCH_ADDRESS_H

#include <stdbool.h>

/** Ordered: who stands at one of these may send us to the same or to a lower one, with one exception (address_allows()). */
enum reach {
	REACH_PUBLIC,   /* the internet */
	REACH_PRIVATE,  /* RFC 1918, RFC 6598, fc00::/7 */
	REACH_LOOPBACK, /* this machine */
	REACH_LINK,     /* 169.254/16, fe80::/10: where clouds keep their metadata */
	REACH_NEVER,    /* multicast, broadcast, reserved: no server is there */
};

/**
 * That of an IPv4 or IPv6 address in text form; an IPv6 address that carries an IPv4 one (mapped, NAT64, 6to4, Teredo's
 * server) counts as the nearer of both. REACH_NEVER for what is no address.
 */
enum reach address_reach(const char *text);
/** May a server at @from send us to @to? Loopback does not lead to link-local addresses; private ones not to loopback. */
bool address_allows(enum reach from, enum reach to);
/** "a private address" and so on, for messages. */
const char *address_reach_text(enum reach reach);

#endif
