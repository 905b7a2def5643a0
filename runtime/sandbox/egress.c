/* SPDX-License-Identifier: Apache-2.0 */
/*
 * egress - what the commands of a build reach outside: a process beside them that lets them, or does not, and remembers.
 *
 * One thread waits for all: listeners of containers, datagrams, name queries, and requests by the control socket, each of which says of
 * which container it is.
 */
#include "runtime/sandbox/egress.h"

#include "runtime/base/child.h"
#include "runtime/base/fd.h"
#include "runtime/base/loop.h"
#include "runtime/base/mem.h"
#include "runtime/base/strv.h"
#include "runtime/sandbox/landlock.h"
#include "runtime/sandbox/listen.h"
#include "runtime/sandbox/reach.h"
#include "runtime/sandbox/relay.h"
#include "seccomp/network.h"
#include "seccomp/profile.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define RECORD_MAX (1U << 20)
#define REFUSED_MAX 8 /* calls of a container that are remembered */

enum request_kind {
	REQUEST_JOIN,    /* with a listener that is served here */
	REQUEST_LEND,    /* with a listener that is served elsewhere */
	REQUEST_FORWARD, /* a call of a lent one */
	REQUEST_ASK,     /* with a socket for questions */
	REQUEST_TAKE,    /* with a stream for the answer */
};

struct request {
	enum request_kind kind;
	uint32_t container;
	struct seccomp_notif notification; /* FORWARD */
};

/* ---- the other side: containers, supervisors, the build ---- */

union control_room {
	struct cmsghdr header;
	char room[CMSG_SPACE(sizeof(int))];
};

static int
send_request(int control, const struct request *request, int fd)
{
	union control_room room = { 0 };
	struct iovec bytes = { (void *)(uintptr_t)request, sizeof(*request) };
	struct msghdr message = { .msg_iov = &bytes, .msg_iovlen = 1 };
	ssize_t n;

	if (fd >= 0) {
		message.msg_control = &room;
		message.msg_controllen = sizeof(room);
		room.header.cmsg_level = SOL_SOCKET;
		room.header.cmsg_type = SCM_RIGHTS;
		room.header.cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(&room.header), &fd, sizeof(fd));
	}
	do
		n = sendmsg(control, &message, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	return n == (ssize_t)sizeof(*request) ? 0 : -1;
}

struct joining {
	const struct egress *egress;
	uint32_t container;
	unsigned int asks;
};

const struct notify_program *
egress_program(unsigned int asks)
{
	static struct notify_program programs[(EGRESS_NETWORK | EGRESS_REFUSED) + 1];
	struct notify_program *program = &programs[asks];

	assert(asks < ARRAY_LEN(programs));
	if (program->length > 0)
		return program;
	if (asks & EGRESS_NETWORK)
		*program = *network_program();
	else
		notify_compile(program, NULL, 0, NOTIFY_FOREIGN_PASS);
	if (asks & EGRESS_REFUSED)
		seccomp_default_asking(program);
	return program;
}

bool
egress_concerns(unsigned int asks, const struct seccomp_data *call)
{
	struct seccomp_refusal ignored;

	return (asks & EGRESS_NETWORK && network_is_call(call->nr)) ||
	       (asks & EGRESS_REFUSED && seccomp_refuses(call, &ignored));
}

int
egress_confine(const struct egress *egress, unsigned int asks, struct error *e)
{
	return asks & EGRESS_NETWORK && egress->confines ? landlock_forbid_tcp(e) : 0;
}

static int
load(void *arg, struct error *e)
{
	const struct joining *j = arg;

	if (egress_confine(j->egress, j->asks, e) < 0)
		return -1;
	return notify_load(egress_program(j->asks), e);
}

static int
pass(void *arg, int listener, struct error *e)
{
	const struct joining *j = arg;
	struct request request = { .kind = REQUEST_JOIN, .container = j->container };

	if (send_request(j->egress->control, &request, listener) == 0)
		return 0;
	return error_sys(e, "cannot reach the process that sees to the network");
}

int
egress_join(const struct egress *egress, uint32_t container, unsigned int asks, struct error *e)
{
	struct joining j = { egress, container, asks };
	struct listen_job job = { &j, load, pass, true };

	return listen_load(&job, e);
}

int
egress_lend(const struct egress *egress, uint32_t container, int listener, struct error *e)
{
	struct request request = { .kind = REQUEST_LEND, .container = container };

	if (send_request(egress->control, &request, listener) == 0)
		return 0;
	return error_sys(e, "cannot reach the process that sees to the network");
}

void
egress_forward(const struct egress *egress, uint32_t container, int listener,
    const struct seccomp_notif *notification)
{
	struct request request = {
		.kind = REQUEST_FORWARD, .container = container, .notification = *notification
	};
	struct seccomp_refusal refusal;

	if (send_request(egress->control, &request, -1) == 0)
		return;
	if (!seccomp_refuses(&notification->data, &refusal))
		refusal.error_number = ENETUNREACH;
	notify_answer(listener, notification->id, 0, refusal.error_number);
}

int
egress_open_asker(const struct egress *egress, uint32_t container, struct error *e)
{
	struct request request = { .kind = REQUEST_ASK, .container = container };
	int pair[2], sent;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return error_sys(e, "cannot make a socket pair");
	sent = send_request(egress->control, &request, pair[1]);
	(void)close(pair[1]); /* the other side's */
	if (sent == 0)
		return pair[0];
	error_sys(e, "cannot reach the process that sees to the network");
	(void)close(pair[0]); /* nobody listens */
	return -1;
}

int
egress_ask(int asker, const struct network_peer *peer, enum network_way *way)
{
	ssize_t n;

	do
		n = send(asker, peer, sizeof(*peer), MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	do
		n = n < 0 ? n : recv(asker, way, sizeof(*way), 0);
	while (n < 0 && errno == EINTR);
	return n == (ssize_t)sizeof(*way) ? 0 : -1;
}

struct json *
egress_take(const struct egress *egress, uint32_t container, struct error *e)
{
	struct request request = { .kind = REQUEST_TAKE, .container = container };
	auto(buf) struct buf text = { 0 };
	autofd int ours = -1;
	int pair[2], sent;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0) {
		error_sys(e, "cannot make a socket pair");
		return NULL;
	}
	ours = pair[0];
	sent = send_request(egress->control, &request, pair[1]);
	(void)close(pair[1]); /* the other side's */
	if (sent < 0) {
		error_sys(e, "cannot reach the process that sees to the network");
		return NULL;
	}
	if (fd_read_all(ours, &text, RECORD_MAX, "the record of the network", e) < 0)
		return NULL;
	return json_parse(buf_text(&text), text.len, e);
}

/* ---- the process ---- */

struct server {
	const struct egress_options *options;
	struct loop *loop;
	struct reach *reach;
	struct relay *relay;
	struct client *clients;
	struct refused *refused;
	struct waiting *waiting;
	int control;
};

/* Calls that a container was refused; it may have ended. */
struct refused {
	struct refused *next;
	uint32_t container;
	struct strv calls;
};

struct client {
	struct client *next;
	struct server *server;
	uint32_t container;
	int listener;               /* or the socket for questions */
	struct loop_source *source; /* NULL: served elsewhere */
};

/* The first word of it: it is at work, and where names are asked for. */
struct ready {
	uint16_t names_by_datagram, names_by_stream;
};

/* A call that waits for its connection. */
struct waiting {
	struct waiting *next;
	struct server *server;
	struct network_wait wait;
	struct loop_source *source;
};

static void
waiting_free(struct waiting *w)
{
	struct waiting **link = &w->server->waiting;

	while (*link != w)
		link = &(*link)->next;
	*link = w->next;
	loop_remove(w->source);
	(void)close(w->wait.fd); /* the caller has its own */
	free(w);
}

static int
on_connected(void *arg, int fd, uint32_t events, struct error *e)
{
	struct waiting *w = arg;

	(void)fd;
	(void)events; /* an error is one too */
	(void)e;
	network_finish(&w->wait);
	waiting_free(w);
	return 0;
}

static void
await_connection(struct server *s, const struct network_wait *wait)
{
	struct error ignored = ERROR_INIT;
	struct waiting *w = xcalloc(1, sizeof(*w));

	*w = (struct waiting){ .next = s->waiting, .server = s, .wait = *wait };
	s->waiting = w;
	w->source = loop_add_fd(s->loop, wait->fd, EPOLLOUT, on_connected, w, &ignored);
	if (!w->source) {
		notify_answer(wait->listener, wait->id, 0, ENOBUFS);
		waiting_free(w);
	}
}

static enum network_way
decide(void *arg, const struct network_peer *peer)
{
	const struct client *c = arg;

	return reach_decide(c->server->reach, c->container, peer);
}

static int
open_door(void *arg, const struct network_peer *peer)
{
	const struct client *c = arg;

	return relay_door(c->server->relay, (const struct sockaddr *)&peer->address, peer->length);
}

static void
remember_refused(struct server *s, uint32_t container, const struct seccomp_refusal *refusal)
{
	auto(buf) struct buf text = { 0 };
	struct refused *r = s->refused;

	while (r && r->container != container)
		r = r->next;
	if (!r) {
		r = xcalloc(1, sizeof(*r));
		*r = (struct refused){ .next = s->refused, .container = container };
		s->refused = r;
	}
	seccomp_refusal_text(refusal, &text);
	if (r->calls.count < REFUSED_MAX && !strv_has(&r->calls, buf_text(&text)))
		strv_add(&r->calls, buf_text(&text));
}

static void
answer_network(struct client *c, const struct seccomp_notif *request)
{
	const struct egress_options *o = c->server->options;
	struct network_policy policy = { .arg = c,
		.way = decide,
		.door = o->observes ? NULL : open_door,
		.observes = o->observes,
		.locks = !o->observes && !landlock_knows_tcp() };
	struct network_wait wait;

	network_answer(&policy, c->listener, request, &wait);
	if (wait.fd >= 0)
		await_connection(c->server, &wait);
}

static void
answer(struct client *c, const struct seccomp_notif *request)
{
	struct seccomp_refusal refusal;

	if (!seccomp_refuses(&request->data, &refusal)) {
		answer_network(c, request);
		return;
	}
	notify_answer(c->listener, request->id, 0, refusal.error_number);
	remember_refused(c->server, c->container, &refusal);
}

static void
client_free(struct client *c)
{
	struct client **link = &c->server->clients;

	while (*link != c)
		link = &(*link)->next;
	*link = c->next;
	for (struct waiting *w = c->server->waiting, *next; w; w = next) {
		next = w->next;
		if (w->wait.listener == c->listener)
			waiting_free(w);
	}
	loop_remove(c->source);
	(void)close(c->listener); /* nobody calls any more, or another process serves it */
	free(c);
}

static int
on_call(void *arg, int fd, uint32_t events, struct error *e)
{
	struct client *c = arg;
	struct seccomp_notif request;
	int got = events & EPOLLIN ? notify_receive(fd, &request) : 0;

	(void)e; /* what cannot be answered was killed */
	if (got > 0)
		answer(c, &request);
	else if (got == 0)
		client_free(c);
	return 0;
}

static int
on_question(void *arg, int fd, uint32_t events, struct error *e)
{
	struct client *c = arg;
	struct network_peer peer;
	enum network_way way = NETWORK_REFUSED;
	ssize_t n = recv(fd, &peer, sizeof(peer), MSG_DONTWAIT);

	(void)events;
	(void)e; /* the container has ended */
	if (n == (ssize_t)sizeof(peer))
		way = decide(c, &peer);
	if (n <= 0 && !(n < 0 && errno == EAGAIN))
		client_free(c);
	else if (n > 0)
		(void)send(fd, &way, sizeof(way), MSG_NOSIGNAL | MSG_DONTWAIT);
	return 0;
}

static void
add_client(struct server *s, const struct request *request, int fd)
{
	struct error ignored = ERROR_INIT;
	struct client *c = xcalloc(1, sizeof(*c));

	*c = (struct client){
		.next = s->clients, .server = s, .container = request->container, .listener = fd
	};
	s->clients = c;
	if (request->kind == REQUEST_LEND)
		return;
	c->source = loop_add_fd(s->loop, fd, EPOLLIN,
	    request->kind == REQUEST_ASK ? on_question : on_call, c, &ignored);
	if (!c->source)
		client_free(c); /* its calls fail with ENOSYS */
}

static void
forwarded(struct server *s, const struct request *request)
{
	for (struct client *c = s->clients; c; c = c->next)
		if (c->container == request->container && !c->source) {
			answer(c, &request->notification);
			return;
		}
}

static struct json *
take_refused(struct server *s, uint32_t container)
{
	struct json *list = json_new_array();
	struct refused **link = &s->refused, *r;

	while (*link && (*link)->container != container)
		link = &(*link)->next;
	r = *link;
	if (!r)
		return list;
	for (size_t i = 0; i < r->calls.count; i++)
		json_append(list, json_new_text(r->calls.items[i]));
	*link = r->next;
	strv_release(&r->calls);
	free(r);
	return list;
}

static void
give_record(struct server *s, const struct request *request, int fd)
{
	auto(buf) struct buf text = { 0 };
	struct error ignored = ERROR_INIT; /* whoever asked is gone */
	autojson struct json *record = json_new_object();

	json_set(record, "reached", reach_take(s->reach, request->container));
	json_set(record, "refused", take_refused(s, request->container));
	json_write(record, 0, &text);
	(void)fd_write_all(fd, buf_text(&text), text.len, &ignored);
	for (struct client *c = s->clients, *next; c; c = next) {
		next = c->next;
		if (c->container == request->container && !c->source)
			client_free(c); /* it has ended */
	}
}

static void
obey(struct server *s, const struct request *request, int fd)
{
	switch (request->kind) {
	case REQUEST_JOIN:
	case REQUEST_LEND:
	case REQUEST_ASK:
		if (fd >= 0)
			add_client(s, request, fd);
		return;
	case REQUEST_FORWARD:
		forwarded(s, request);
		break;
	case REQUEST_TAKE:
		if (fd >= 0)
			give_record(s, request, fd);
		break;
	}
	if (fd >= 0)
		(void)close(fd); /* whoever waits sees the end */
}

static int
on_request(void *arg, int fd, uint32_t events, struct error *e)
{
	struct server *s = arg;
	struct request request;
	union control_room room;
	struct iovec bytes = { &request, sizeof(request) };
	struct msghdr message = { .msg_iov = &bytes,
		.msg_iovlen = 1,
		.msg_control = &room,
		.msg_controllen = sizeof(room) };
	ssize_t n = recvmsg(fd, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
	struct cmsghdr *header = n > 0 ? CMSG_FIRSTHDR(&message) : NULL;
	int passed = -1;

	(void)events;
	(void)e;
	if (header && header->cmsg_type == SCM_RIGHTS)
		memcpy(&passed, CMSG_DATA(header), sizeof(passed));
	if (n == (ssize_t)sizeof(request))
		obey(s, &request, passed);
	else if (passed >= 0)
		(void)close(passed); /* nothing that is understood */
	if (n == 0)
		loop_stop(s->loop); /* the build has ended */
	return 0;
}

/* Which container asks for a name is not to be seen; all that run are said to. */
static bool
may_ask(void *arg, const char *name)
{
	struct server *s = arg;
	bool may = reach_may_ask(s->reach, s->clients ? s->clients->container : 0, name);

	for (const struct client *c = s->clients ? s->clients->next : NULL; c && !may; c = c->next)
		(void)reach_may_ask(s->reach, c->container, name);
	return may;
}

static void
found(void *arg, const char *name, const struct in6_addr *address)
{
	const struct server *s = arg;

	reach_found(s->reach, name, address);
}

static int
open_relay(struct server *s, struct error *e)
{
	struct relay_options options = { .loop = s->loop,
		.netns = s->options->netns,
		.arg = s,
		.may_ask = may_ask,
		.found = found };

	if (s->options->netns < 0 && !s->options->in_place)
		return 0;
	s->relay = relay_open(&options, e);
	return s->relay ? 0 : -1;
}

/* Makes procfs the root and the working directory: where a filter around the build refuses chroot(2), by mounts. */
static int
enter_procfs(void)
{
	int failed;

	if (chdir("/proc") < 0)
		return -1;
	if (chroot(".") == 0)
		return 0;
	failed = errno;
	/* a mount of its own, as the one that is there is locked to its place; then it is the root, and what was that is gone */
	if (unshare(CLONE_NEWNS) == 0 && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
	    mount("/proc", "/proc", NULL, MS_BIND | MS_REC, NULL) == 0 && chdir("/proc") == 0 &&
	    syscall(SYS_pivot_root, ".", ".") == 0 && umount2(".", MNT_DETACH) == 0)
		return 0;
	errno = failed;
	return -1;
}

/* What is left to be seen of files is procfs, which is the working directory too. */
static int
leave_files(const struct server *s, struct error *e)
{
	fd_raise_limit();
	/* who reads of no process needs not even that */
	if (s->options->in_place)
		return landlock_restrict_files(NULL, 0, e) < 0 ? -1 : 0;
	if (enter_procfs() < 0)
		return error_sys(e, "cannot make procfs the root directory");
	return 0;
}

static int
serve(struct server *s, struct error *e)
{
	struct ready ready = { 0 };

	s->loop = loop_new(e);
	if (!s->loop)
		return -1;
	s->reach = reach_new(s->options->rules, s->options->n_rules);
	if (!loop_add_fd(s->loop, s->control, EPOLLIN, on_request, s, e) || open_relay(s, e) < 0 ||
	    leave_files(s, e) < 0)
		return -1;
	if (s->options->in_place)
		ready = (struct ready){ relay_port_by_datagram(s->relay),
			relay_port_by_stream(s->relay) };
	if (send(s->control, &ready, sizeof(ready), MSG_NOSIGNAL) != (ssize_t)sizeof(ready))
		return error_sys(e, "the build has ended");
	return loop_run(s->loop, e);
}

static _Noreturn void
serve_main(const struct egress_options *options, int control, pid_t parent)
{
	struct server s = { .options = options, .control = control };
	int keep[] = { control, options->netns };
	struct error e = ERROR_INIT;

	child_reset_signals();
	if (child_die_with(parent) < 0)
		_exit(0);
	(void)setsid(); /* the terminal's signals are for the others */
	fd_close_others(STDERR_FILENO + 1, keep, ARRAY_LEN(keep));
	if (serve(&s, &e) < 0)
		(void)send(control, &e, sizeof(e), MSG_NOSIGNAL); /* nobody else to tell */
	_exit(0);
}

/* Its first word, or what went wrong. */
static int
await(int control, struct ready *ready, struct error *e)
{
	struct error told;
	ssize_t n;

	do
		n = recv(control, &told, sizeof(told), 0);
	while (n < 0 && errno == EINTR);
	if (n == (ssize_t)sizeof(*ready)) {
		memcpy(ready, &told, sizeof(*ready));
		return 0;
	}
	if (n != (ssize_t)sizeof(told))
		return error_set(
		    e, ERR_SYSTEM, "the process that sees to the network ended without a word");
	*e = told;
	return -1;
}

int
egress_start(const struct egress_options *options, struct egress *egress, struct error *e)
{
	pid_t parent = getpid();
	struct ready ready;
	int pair[2];

	*egress = (struct egress)EGRESS_INIT;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return error_sys(e, "cannot make a socket pair");
	egress->pid = fork();
	if (egress->pid == 0)
		serve_main(options, pair[1], parent);
	(void)close(pair[1]); /* the other side's */
	egress->control = pair[0];
	egress->answers = !options->silent && options->netns >= 0;
	egress->confines = egress->answers && !options->observes && landlock_knows_tcp();
	if (egress->pid < 0) {
		egress->pid = 0;
		error_sys(e, "cannot make a process");
		egress_stop(egress);
		return -1;
	}
	if (await(egress->control, &ready, e) == 0) {
		egress->names_by_datagram = ready.names_by_datagram;
		egress->names_by_stream = ready.names_by_stream;
		return 0;
	}
	egress_stop(egress);
	return -1;
}

void
egress_stop(struct egress *egress)
{
	if (egress->pid > 0) {
		(void)kill(egress->pid, SIGKILL); /* may have ended already */
		while (waitpid(egress->pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
	fd_close_at(&egress->control);
	*egress = (struct egress)EGRESS_INIT;
}
