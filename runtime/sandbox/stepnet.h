/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stepnet - a network of a step's own where there is no namespace for one. Only within the tiers that have none.
 *
 * Every socket that a step has is a real one of the network around it, so none may be in its hands with which an address could be given
 * to the kernel behind the supervisor's back: a call that goes on is looked at anew, with memory and descriptors that another thread
 * may have exchanged. So the supervisor makes the sockets (socket(2)), and keeps a copy of each as long as it has no peer:
 *
 * - of TCP. What connects, binds or listens is done here, on the copy that the descriptor's number in procfs stands for, with an address
 *   that was copied. The copy is closed when there is a peer, so that its end is seen by the other side.
 * - of UDP, of which the step holds one end of a pair (unix(7), SOCK_SEQPACKET: the kernel ignores addresses there). What comes out of the
 *   other end, or is sent with an address, is sent here, by a socket that the step does not have.
 * - of routing messages (rtnetlink(7)), whose only peer is the kernel.
 * - of this machine (unix(7)), where the tier has them made here: for listen(2) alone, which gives any socket that it is called on
 *   a port of all addresses. Their copy is closed once they listen or connect; names are the kernel's business, and the caller's.
 *
 * The step's loopback interface is an address of its own in 127.0.0.0/8, and a table: what the step binds has a port there, mostly of the same
 * number, and what it connects to is looked up. A stream is accepted from those alone that the supervisor has connected.
 *
 * Which processes are the step's, and how its calls come here, is the tier's business. A thread that answers is allowed to trace the
 * step's processes (ptrace(2)) and has procfs as its working directory.
 */
#ifndef CROZE_SANDBOX_STEPNET_H
#define CROZE_SANDBOX_STEPNET_H

#include "runtime/sandbox/container.h"
#include "runtime/sandbox/passfd.h"
#include "seccomp/call.h"
#include "seccomp/network.h"

#include <netinet/in.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#ifndef SO_BINDTOIFINDEX
#define SO_BINDTOIFINDEX 62
#endif

enum net_kind { NET_STREAM, NET_DATAGRAM, NET_ROUTES, NET_UNIX };

/** An address of IPv6, IPv4 mapped into it, and a port in the order of the host. */
struct net_place {
	struct in6_addr at;
	uint16_t port;
};

#define NET_SOURCES 256
#define NET_DATAGRAM_MAX 65536

/** Where a datagram came from that the step has not read yet. */
struct net_source {
	struct net_place from;
	size_t length;
};

struct net_socket {
	struct net_socket *next;
	unsigned int references; /* the table, and calls */
	ino_t ino;               /* of what the step holds */
	enum net_kind kind;
	int domain;
	int fd; /* of what the step holds; -1: NET_UNIX that listens or connects */
	bool bound, listening, connecting;
	bool only_six;          /* IPV6_V6ONLY, when it was bound */
	struct net_place local; /* where the step has bound it */
	uint16_t real_port;
	/* where it was seen last, to see whether the step has it still */
	pid_t pid;
	int number;
	unsigned int missed;
	bool given; /* before that it is not to be seen anywhere */
	/* datagrams */
	int ours; /* the other end of the pair */
	int real;
	bool connected;
	struct net_place peer;
	struct net_source *sources;
	size_t first_source, n_sources;
};

/** What the two sides of a connection are called, which the kernel calls otherwise. */
struct net_names {
	ino_t ino;
	struct net_place local, peer;
};

/** A connection that was made to a socket of the step: what the kernel calls its beginning, and the step. */
struct net_coming {
	struct net_place real, shown;
};

#define NET_NAMES 1024
#define NET_COMING 1024

/** Whose network it is. */
struct stepnet_owner {
	void *arg;
	/* calls @fn with the number of each process of the step */
	void (*each_process)(void *arg, void (*fn)(pid_t pid, void *with), void *with);
	/* those of another user have to be looked into as that (pose.h), and some cannot be */
	bool poses;
};

struct stepnet {
	struct stepnet_owner owner;
	int log;                     /* of the step */
	bool told;                   /* that some process cannot be looked into; under the lock */
	bool outside;                /* there is one that may be asked for */
	int asker;                   /* egress.h; -1 */
	pthread_mutex_t asker_lock;  /* of question and answer */
	pthread_mutex_t accept_lock; /* of seeing a connection and taking it */
	struct in_addr own;          /* the address that stands for its loopback interface */
	uint16_t names_by_datagram, names_by_stream; /* the resolver's ports */
	int epoll;
	pthread_mutex_t lock; /* of all that follows, and of the sockets */
	struct net_socket *sockets;
	size_t n_sockets;
	struct net_names names[NET_NAMES];
	size_t next_name;
	struct net_coming coming[NET_COMING];
	size_t next_coming;
};

/** A call about a socket, for as long as it takes. */
struct net_call {
	struct call c; /* without credentials */
	struct seccomp_data data;
	struct stepnet *net;
	bool hidden;               /* it cannot be looked into; set by net_begin() */
	pid_t pid;                 /* a number by which procfs knows the caller's descriptors */
	ino_t ino;                 /* of its socket; set by net_begin() */
	struct net_socket *socket; /* held */
};

/** One of the calls: answers, and returns true; false: it is about something that is not of this network, or not to be seen. */
typedef bool stepnet_fn(struct net_call *n);

stepnet_fn stepnet_socket, stepnet_connect, stepnet_bind, stepnet_listen, stepnet_accept,
    stepnet_name, stepnet_send, stepnet_receive, stepnet_set_option, stepnet_get_option;

/**
 * Those that need not be looked at for anything else, as rows of a table: name, argument, value, function. But the sendmsg(2) by which a
 * listener is passed on, before anybody answers.
 */
#define STEPNET_CALLS(ALWAYS, IF_SET, IF_EQUAL, UNLESS_EQUAL)                     \
	IF_EQUAL(getsockopt, 2, SO_TYPE, get_option),                             \
	    IF_EQUAL(getsockopt, 2, SO_DOMAIN, get_option),                       \
	    IF_EQUAL(getsockopt, 2, SO_PROTOCOL, get_option),                     \
	    IF_EQUAL(setsockopt, 1, IPPROTO_IP, set_option),                      \
	    IF_EQUAL(setsockopt, 1, IPPROTO_IPV6, set_option),                    \
	    IF_EQUAL(setsockopt, 2, SO_REUSEADDR, set_option),                    \
	    IF_EQUAL(setsockopt, 2, SO_REUSEPORT, set_option),                    \
	    IF_EQUAL(setsockopt, 2, SO_BINDTODEVICE, set_option),                 \
	    IF_EQUAL(setsockopt, 2, SO_BINDTOIFINDEX, set_option),                \
	    IF_EQUAL(setsockopt, 2, SO_MARK, set_option), ALWAYS(listen, listen), \
	    ALWAYS(accept, accept), ALWAYS(accept4, accept),                      \
	    UNLESS_EQUAL(sendmsg, 2, PASSFD_FLAGS, send), ALWAYS(sendmmsg, send), \
	    IF_SET(sendto, 4, send), ALWAYS(recvmsg, receive), IF_SET(recvfrom, 4, receive)

/* ---- for the tier ---- */

/** In the supervisor of @spec's command. */
struct stepnet *stepnet_new(
    const struct container_spec *spec, const struct stepnet_owner *owner, struct error *e);
/** Starts what sees to it. */
int stepnet_start(struct stepnet *net, struct error *e);
/** Has @fn look at the call @c, which is copied. */
bool stepnet_answer(struct stepnet *net, const struct call *c, pid_t pid, stepnet_fn *fn);

/* ---- below: only within stepnet*.c ---- */

/* ---- stepnet.c: the table ---- */

/** Finds out what descriptor @number of the caller is: 0 or an errno. n->socket is NULL for a socket of another kind. */
int net_begin(struct net_call *n, int number);
/** Lets go of it. */
void net_end(struct net_call *n);
/** Success, or the errno @failed. */
void net_conclude(const struct net_call *n, int failed);
/** Enters a new socket. @fd is taken over; NULL with errno. */
struct net_socket *net_add(struct stepnet *net, enum net_kind kind, int domain, int fd);
/** The step has it alone from now on. */
void net_forget(struct stepnet *net, struct net_socket *s);
void net_drop(struct net_socket *s);
/** Has the step it still where it was seen last? Under the lock. */
bool net_is_there(const struct stepnet *net, const struct net_socket *s);
/** Closes what the step has not any more, seen as often as @misses. */
void net_look(struct stepnet *net, unsigned int misses);
/** Waits for @events at the socket's @fd and then calls @fn again and again until it has answered, in a thread. It takes over what @n holds. 0 or an errno. */
int net_wait(struct net_call *n, int fd, short events, bool (*fn)(struct net_call *n));

/* ---- stepnet_place.c: addresses ---- */

/** 0, or the errno that the kernel would give. */
int net_read_place(
    const struct call *c, uint64_t address, uint64_t length, int domain, struct net_place *place);
bool net_is_loopback(const struct in6_addr *at);
bool net_is_any(const struct in6_addr *at);
/** As an address of a socket of @domain; its length. */
socklen_t net_address(const struct net_place *place, int domain, struct sockaddr_storage *address);
struct net_place net_place_of(const struct sockaddr_storage *address);
/** Writes it for the caller, as accept(2) does: 0 or an errno. */
int net_write_address(const struct call *c, const struct net_place *place, int domain,
    uint64_t address, uint64_t length);
/** Where a datagram or stream to @place really goes: 0 or an errno. *@inside: to the step itself. */
int net_aim(struct stepnet *net, const struct net_call *n, const struct net_place *place,
    struct sockaddr_storage *real, socklen_t *length, bool *inside);
/** Binds it to @place of the step's: 0 or an errno. */
int net_bind(struct stepnet *net, struct net_socket *s, const struct net_place *place);
/** The loopback address, and all addresses, for a socket of @domain. */
struct in6_addr net_loopback(int domain);
struct in6_addr net_any(int domain);
/** The socket of @kind whose real port is @port, and that is held if so; NULL. Under the lock. */
struct net_socket *net_by_real_port(struct stepnet *net, enum net_kind kind, uint16_t port);

/* ---- stepnet_datagram.c ---- */

struct net_socket *datagram_new(struct stepnet *net, int domain, int flags, int *theirs);
int datagram_connect(struct net_call *n);
/** From a thread: something is to be read at @ours or @real. Under the lock. */
void datagram_pass(struct stepnet *net, struct net_socket *s, bool from_step);

#endif
