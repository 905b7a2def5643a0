/* SPDX-License-Identifier: Apache-2.0 */
/*
 * network - calls with which processes reach other hosts, answered by a process that is in the network itself.
 *
 * A container's network namespace has nothing but lo. When a process of it connects a stream socket to an address outside, a socket is
 * made here, in the network of the answering thread, connected, and put in the place of the caller's descriptor. What the caller had set up
 * before, options and epoll registrations, goes over to the new socket. Why not when the socket is made: most of those that listen, and
 * those that connect to them, are the container's own business, and a socket of the outer network must not be in the container's hands
 * without a peer. Once it is there, its calls are no more to be trusted than any: between a look at a call and the call, another thread
 * may have changed memory and descriptors. So binding, listening and connecting of stream sockets is always done here, never by the caller,
 * and what the caller might still do by itself is stopped by the kernel: by Landlock, under which it connects and binds nothing
 * (landlock_forbid_tcp()), or by a filter on the socket that lets in nothing but its peer and cannot be taken off
 * (network_policy.locks).
 *
 * Datagram sockets stay as they are, in the container's network: there the address is made to exist (network_policy.door), and what is
 * sent to it is passed on by a relay. So no answer for a datagram is relied upon; neither is one for an address inside.
 */
#ifndef CROZE_SECCOMP_NETWORK_H
#define CROZE_SECCOMP_NETWORK_H

#include "seccomp/notify.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

enum network_way {
	NETWORK_INSIDE,  /* the container's own loopback: nothing to be done */
	NETWORK_OUTSIDE, /* may be reached */
	NETWORK_REFUSED, /* the call fails with EACCES */
};

struct network_peer {
	struct sockaddr_storage address; /* AF_INET, AF_INET6 */
	socklen_t length;
	int type;   /* SOCK_STREAM, SOCK_DGRAM */
	pid_t task; /* the caller, as the answering process numbers it */
};

/** Called for every address; by any thread that answers. */
struct network_policy {
	void *arg;
	enum network_way (*way)(void *arg, const struct network_peer *peer);
	/* makes @peer, a datagram's, exist in the container's network: 0 or an errno. NULL where @observes */
	int (*door)(void *arg, const struct network_peer *peer);
	/* packets find their way outside by themselves: calls are looked at, and go on */
	bool observes;
	bool locks; /* sockets get the filter */
};

#define NETWORK_CALLS_MAX 6

/** The calls; those of one number stand together. */
const struct notify_call *network_calls(size_t *n);
/** Is system call @number one of them? */
bool network_is_call(int number);
/** A filter of them alone; made at first use. */
const struct notify_program *network_program(void);

/** May this process lock sockets (network_policy.locks)? Some kernels keep that for those with power over the network. */
bool socket_can_lock(void);

/** A call that waits for a connection. */
struct network_wait {
	int listener;
	uint64_t id;
	int fd; /* to be waited for until it can be written to; the caller's to close; -1: nothing is to be waited for */
};

/**
 * Answers one of them, without ever waiting. What has to wait for the network itself comes back in @wait, and network_finish() is to be
 * called when it is over. The calling thread must be allowed to trace the caller (ptrace(2)), and have procfs of its pid namespace as
 * its working directory. Another process than this one may have received the notification.
 */
void network_answer(const struct network_policy *policy, int listener,
    const struct seccomp_notif *request, struct network_wait *wait);
void network_finish(const struct network_wait *wait);

#endif
