/* SPDX-License-Identifier: Apache-2.0 */
/*
 * socket - a connected socket in the place of another process's. Only within seccomp/.
 */
#ifndef CROZE_SECCOMP_SOCKET_H
#define CROZE_SECCOMP_SOCKET_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>

/** A pidfd of the process that thread @tid is of; -1 with errno. */
int socket_open_task(pid_t tid);

struct socket_exchange {
	int listener; /* of the call that waits, a connect(2) */
	uint64_t id;
	int pidfd; /* of the caller */
	pid_t task;
	int number; /* of the descriptor there */
	int old;    /* a copy of it */
	int domain;
	const struct sockaddr *peer;
	socklen_t length;
	bool locks; /* with a filter that lets in nothing but the peer, for good (SO_LOCK_FILTER) */
	/* set here */
	bool blocking; /* the caller waits for its connection */
	int new;       /* the new socket, to be closed; -1 */
};

/**
 * Makes a TCP socket, begins to connect it to @peer, and gives it to the caller in the place of
 * the old one, with its options, its close-on-exec flag and its epoll registrations. 0: it is connected; EINPROGRESS; another errno:
 * nothing was exchanged.
 */
int socket_exchange(struct socket_exchange *x);

#endif
