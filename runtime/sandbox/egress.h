/* SPDX-License-Identifier: Apache-2.0 */
/*
 * egress - what the commands of a build reach outside: a process beside them that lets them, or does not, and remembers.
 *
 * One process serves all containers of a build. It is in the network outside, and answers the calls with which their processes connect
 * and send (seccomp/network.h), relays datagrams and names (relay.h), and knows the rules. As there can be one listener only, it answers
 * what the filter of build steps refuses too (seccomp/profile.h), and remembers which calls these were.
 *
 * Nothing of it is reachable from a container but what it answers. It holds no file of the build's, and its root directory is procfs.
 */
#ifndef CROZE_SANDBOX_EGRESS_H
#define CROZE_SANDBOX_EGRESS_H

#include "runtime/base/error.h"
#include "runtime/base/json.h"
#include "seccomp/network.h"

#include <linux/seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/** One of the places that may be reached. */
struct egress_rule {
	char *host;    /* a name, "*.example.org" for all names below one, or an address */
	uint16_t port; /* 0: any */
};

/** Parses "HOST[:PORT]", an IPv6 address in brackets when a port follows. To be freed. ERR_USAGE. */
int egress_rule_parse(const char *text, struct egress_rule *rule, struct error *e);

struct egress_options {
	int netns; /* of the containers, where lo is up; -1: there is no network to see to, and refused calls alone are told of */
	bool
	    observes; /* packets find their way from there by themselves: what is reached is only noted, and names are relayed */
	const struct egress_rule *rules; /* nothing else is reached; none: everything outside is */
	size_t n_rules;
	bool silent; /* network calls are not answered; names and datagrams are relayed */
	bool
	    in_place; /* there is no namespace: whoever answers the calls of containers asks here (egress_ask()), and names are relayed */
};

struct egress {
	pid_t pid;     /* 0: there is none */
	int control;   /* for the containers; shared by all */
	bool answers;  /* for network calls: EGRESS_NETWORK is to be asked for */
	bool confines; /* containers bind and connect nothing by TCP themselves */
	/* in place: where names are asked for on 127.0.0.1; 0: not in place */
	uint16_t names_by_datagram, names_by_stream;
};

#define EGRESS_INIT           \
	{                     \
		.control = -1 \
	}

/** What a container asks of it. */
enum egress_asks {
	EGRESS_NETWORK = 1 << 0, /* its connections */
	EGRESS_REFUSED =
	    1 << 1, /* calls that seccomp_default() refuses, which it is put under thereby */
};

/** Starts it, in the namespaces of the caller, with whom it ends. */
int egress_start(const struct egress_options *options, struct egress *egress, struct error *e);
void egress_stop(struct egress *egress);

/** The filter of a container's processes that asks for @asks (enum egress_asks); made at first use. */
const struct notify_program *egress_program(unsigned int asks);
/**
 * In a container's first process, with all capabilities or no_new_privs: from here on its calls are answered. @container is a number by
 * which egress_take() asks for it.
 */
int egress_join(
    const struct egress *egress, uint32_t container, unsigned int asks, struct error *e);

/* For a container whose only listener another process has (seccomp/ids.h): it lends it, and passes those calls on. */

/** In the container's first process: what egress_join() does besides the listener. */
int egress_confine(const struct egress *egress, unsigned int asks, struct error *e);
/** Is @call one of those that are asked for by @asks, and to be passed on? */
bool egress_concerns(unsigned int asks, const struct seccomp_data *call);
int egress_lend(const struct egress *egress, uint32_t container, int listener, struct error *e);
/** When it cannot be passed on, the call fails: with ENETUNREACH, or as it is refused. */
void egress_forward(const struct egress *egress, uint32_t container, int listener,
    const struct seccomp_notif *request);

/* For a container whose network calls another process answers by itself, in place. */

/** A socket by which to ask for @container; -1 with @e. */
int egress_open_asker(const struct egress *egress, uint32_t container, struct error *e);
/** Asks, one question at a time, which way @peer is; that it asked is remembered. -1: nobody answers any more. */
int egress_ask(int asker, const struct network_peer *peer, enum network_way *way);

/**
 * What @container has done since the last time, an object. "reached": in the order of the first time, an array of objects with "protocol"
 * ("tcp", "udp"), "name" (when one is known), "address", "port", "allowed", "count". "refused": seccomp_refusal_text() of the first few
 * calls. NULL with @e.
 */
struct json *egress_take(const struct egress *egress, uint32_t container, struct error *e);

#endif
