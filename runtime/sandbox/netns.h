/* SPDX-License-Identifier: Apache-2.0 */
/*
 * netns - the network that the commands of a build see.
 */
#ifndef CROZE_SANDBOX_NETNS_H
#define CROZE_SANDBOX_NETNS_H

#include "runtime/base/error.h"

#include <stdbool.h>
#include <sys/types.h>

enum netns_mode {
	NETNS_NONE,    /* only lo, up */
	NETNS_DEFAULT, /* reaches the outside and not the host's loopback; see @outside */
	NETNS_HOST,    /* the host's own */
};

#define NETNS_REASON_MAX 512

struct netns {
	int fd;       /* the namespace, for container_spec.netns; -1 with NETNS_HOST */
	pid_t helper; /* pasta, 0 when there is none */
	bool outside; /* can the outside be reached? */
	char reason
	    [NETNS_REASON_MAX]; /* why NETNS_DEFAULT has only lo, and what would lift it; "" */
	char resolver
	    [64]; /* name server for resolv.conf when the host's cannot be reached from inside; "" to use the host's */
};

/**
 * Makes the namespace, once a build, after userns_enter(). With NETNS_DEFAULT pasta is attached when it is installed and /dev/net/tun
 * opens; otherwise the namespace has only lo, which is no failure: @reason says so, to be shown.
 */
int netns_open(enum netns_mode mode, struct netns *n, struct error *e);
/** Ends the helper and closes. */
void netns_close(struct netns *n);
/** Would NETNS_DEFAULT reach the outside? Cheap; otherwise @reason is filled. To be called before or after userns_enter(). */
bool netns_can_reach_outside(char reason[NETNS_REASON_MAX]);
/** Brings lo up in the calling process's network namespace. */
int netns_raise_loopback(struct error *e);
/** Parses "none", "default", "host". ERR_USAGE. */
int netns_parse_mode(const char *text, enum netns_mode *mode, struct error *e);

#endif
