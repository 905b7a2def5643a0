/* SPDX-License-Identifier: Apache-2.0 */
/*
 * netns - the network that the commands of a build see.
 */
#ifndef CROZE_SANDBOX_NETNS_H
#define CROZE_SANDBOX_NETNS_H

#include "runtime/base/error.h"
#include "runtime/sandbox/egress.h"

#include <stdbool.h>
#include <sys/types.h>

enum netns_mode {
	NETNS_NONE,    /* only lo, up */
	NETNS_DEFAULT, /* reaches the outside and not the host's loopback; see @outside */
	NETNS_HOST,    /* the host's own */
};

#define NETNS_REASON_MAX 512

struct netns_options {
	enum netns_mode mode;
	const struct egress_rule
	    *rules; /* NETNS_DEFAULT: all that may be reached; none: everything outside */
	size_t n_rules;
	bool
	    in_place; /* no namespace can be made: those who run commands see to it that they have no more than @mode says */
	bool
	    notes; /* in the other modes too: what the filter of steps refuses is noted, where that is possible */
};

struct netns {
	int fd;               /* the namespace, for container_spec.netns; -1 with NETNS_HOST */
	pid_t helper;         /* pasta, 0 when there is none */
	struct egress egress; /* for container_spec.egress; @egress.pid is 0 when there is none */
	bool outside;         /* can the outside be reached? */
	char reason
	    [NETNS_REASON_MAX]; /* why NETNS_DEFAULT has only lo, and what would lift it; "" */
	const char *
	    resolver; /* name server for resolv.conf, where the host's are not reached from inside; NULL: they are */
};

#define NETNS_INIT                               \
	{                                        \
		.fd = -1, .egress = EGRESS_INIT, \
	}

/**
 * Makes the namespace (but @in_place), once a build, after userns_enter(). With NETNS_DEFAULT pasta is attached when it is installed and /dev/net/tun
 * opens, unless there are rules, which it knows nothing of; otherwise connections are made by a process outside (egress.h). Where that
 * cannot be either, the namespace has only lo, which is no failure: @reason says so, to be shown. With rules it is one.
 */
int netns_open(const struct netns_options *options, struct netns *n, struct error *e);
/** Ends the helpers and closes. */
void netns_close(struct netns *n);
/** Would pasta work? Cheap; otherwise @reason says why not. To be called before or after userns_enter(). */
bool netns_has_pasta(char reason[NETNS_REASON_MAX]);
/** Can calls be answered by another process? Tried in a child. 0 or -1 with @e. */
int netns_try_egress(struct error *e);
/** Brings lo up in the calling process's network namespace. */
int netns_raise_loopback(struct error *e);
/** Parses "none", "default", "host". ERR_USAGE. */
int netns_parse_mode(const char *text, enum netns_mode *mode, struct error *e);

#endif
