/* SPDX-License-Identifier: Apache-2.0 */
/*
 * resolver - name queries of a container, to the host's own resolvers.
 *
 * A stream carries queries and answers with their length in front (RFC 1035, 4.2.2). Here each query of a stream has a connection
 * outside of its own; the next one is read when it is answered.
 */
#include "runtime/sandbox/resolver.h"

#include "runtime/base/buf.h"
#include "runtime/base/fd.h"
#include "runtime/base/mem.h"
#include "runtime/base/strv.h"
#include "runtime/sandbox/dns.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#define SERVERS_MAX 3 /* as many as the C library asks */
#define FILE_MAX (64U << 10)
#define LATE_MS 1500
#define STREAMS_MAX 64
#define MESSAGE_MAX (2U + 65535U)

struct stream {
	struct stream *next;
	struct resolver *resolver;
	int client, server; /* -1: not asked */
	struct loop_source *client_source, *server_source;
	struct buf query, answer; /* with their length in front */
};

struct resolver {
	struct relay_options options;
	struct sockaddr_storage servers[SERVERS_MAX];
	size_t n_servers, in_use;
	int64_t waiting_since; /* milliseconds; 0: nothing was asked since the last answer */
	int listener;
	struct loop_source *source;
	struct stream *streams;
	size_t n_streams;
};

/* ---- the servers ---- */

static void
add_server(struct resolver *r, const char *text)
{
	struct sockaddr_in *four = (struct sockaddr_in *)&r->servers[r->n_servers];
	struct sockaddr_in6 *six = (struct sockaddr_in6 *)four;
	autofree char *address = xstrndup(text, strcspn(text, "%"));

	if (inet_pton(AF_INET, address, &four->sin_addr) == 1) {
		four->sin_family = AF_INET;
		four->sin_port = htons(RESOLVER_PORT);
	} else if (inet_pton(AF_INET6, address, &six->sin6_addr) == 1) {
		six->sin6_family = AF_INET6;
		six->sin6_port = htons(RESOLVER_PORT);
		if (text[strlen(address)] == '%')
			six->sin6_scope_id = if_nametoindex(text + strlen(address) + 1);
	} else {
		return;
	}
	r->n_servers++;
}

static void
read_servers(struct resolver *r)
{
	auto(buf) struct buf text = { 0 };
	auto(strv) struct strv lines = { 0 };
	struct error ignored =
	    ERROR_INIT; /* without the file there is a server on loopback, or none */
	autofd int fd = open("/etc/resolv.conf", O_RDONLY | O_NONBLOCK | O_CLOEXEC);

	if (fd >= 0 && fd_read_all(fd, &text, FILE_MAX, "/etc/resolv.conf", &ignored) == 0)
		strv_split(&lines, buf_text(&text), '\n');
	for (size_t i = 0; i < lines.count && r->n_servers < SERVERS_MAX; i++) {
		char *word = lines.items[i];

		if (strncmp(word, "nameserver", 10) != 0 || !strchr(" \t", word[10]) || !word[10])
			continue;
		word += 10 + strspn(word + 10, " \t");
		word[strcspn(word, " \t\r#;")] = '\0';
		add_server(r, word);
	}
	if (r->n_servers == 0)
		add_server(r, "127.0.0.1");
}

static int64_t
now_ms(void)
{
	struct timespec time;

	(void)clock_gettime(CLOCK_MONOTONIC, &time); /* cannot fail */
	return (int64_t)time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

bool
resolver_is_late(struct resolver *r)
{
	int64_t now = now_ms();
	bool late = r->waiting_since > 0 && now - r->waiting_since > LATE_MS && r->n_servers > 1;

	if (late)
		r->in_use = (r->in_use + 1) % r->n_servers;
	if (late || r->waiting_since == 0)
		r->waiting_since = now;
	return late;
}

const struct sockaddr *
resolver_server(const struct resolver *r, socklen_t *length)
{
	const struct sockaddr *server = (const struct sockaddr *)&r->servers[r->in_use];

	*length =
	    server->sa_family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
	return server;
}

/* ---- what is asked and answered ---- */

bool
resolver_may_ask(const struct resolver *r, const unsigned char *query, size_t length)
{
	char name[DNS_NAME_MAX];

	return dns_name(query, length, name) && r->options.may_ask(r->options.arg, name);
}

struct naming {
	const struct resolver *resolver;
	const char *name;
};

static void
on_address(void *arg, const struct in6_addr *address)
{
	const struct naming *n = arg;

	n->resolver->options.found(n->resolver->options.arg, n->name, address);
}

void
resolver_answered(struct resolver *r, const unsigned char *answer, size_t length)
{
	char name[DNS_NAME_MAX];
	struct naming n = { r, name };

	r->waiting_since = 0;
	if (dns_name(answer, length, name))
		dns_addresses(answer, length, on_address, &n);
}

/* ---- streams ---- */

static void
stream_free(struct stream *s)
{
	struct stream **link = &s->resolver->streams;

	while (*link != s)
		link = &(*link)->next;
	*link = s->next;
	s->resolver->n_streams--;
	loop_remove(s->client_source);
	loop_remove(s->server_source);
	fd_close_at(&s->client);
	fd_close_at(&s->server);
	buf_release(&s->query);
	buf_release(&s->answer);
	free(s);
}

/* Is a message whole, with its length in front? */
static bool
is_whole(const struct buf *b)
{
	const unsigned char *bytes = (const unsigned char *)b->data;

	return b->len >= 2 && b->len >= 2 + ((size_t)bytes[0] << 8 | bytes[1]);
}

static size_t
whole_length(const struct buf *b)
{
	const unsigned char *bytes = (const unsigned char *)b->data;

	return 2 + ((size_t)bytes[0] << 8 | bytes[1]);
}

/* 1: more came, 0: not now, -1: the end. */
static int
read_more(int fd, struct buf *b)
{
	ssize_t n;

	if (b->len >= MESSAGE_MAX)
		return -1;
	n = recv(fd, buf_reserve(b, MESSAGE_MAX - b->len), MESSAGE_MAX - b->len, MSG_DONTWAIT);
	if (n > 0)
		buf_added(b, (size_t)n);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	return n > 0 ? 1 : -1;
}

static void
drop_front(struct buf *b, size_t length)
{
	memmove(b->data, b->data + length, b->len - length);
	buf_truncate(b, b->len - length);
}

/* The buffers of the connections hold a message; what does not fit ends the stream. */
static bool
send_whole(int fd, const void *bytes, size_t length)
{
	return send(fd, bytes, length, MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)length;
}

static int begin_query(struct stream *s);

static int
on_server(void *arg, int fd, uint32_t events, struct error *e)
{
	struct stream *s = arg;
	bool fine = true;

	(void)e; /* a stream that fails is closed, and the client asks again */
	if (events & EPOLLOUT) {
		fine = send_whole(fd, s->query.data, whole_length(&s->query));
		loop_set_events(s->server_source, EPOLLIN);
	}
	if (fine && events & (EPOLLIN | EPOLLHUP | EPOLLERR))
		fine = read_more(fd, &s->answer) >= 0 || is_whole(&s->answer);
	if (fine && is_whole(&s->answer)) {
		size_t length = whole_length(&s->answer);

		resolver_answered(
		    s->resolver, (const unsigned char *)s->answer.data + 2, length - 2);
		fine = send_whole(s->client, s->answer.data, length);
		buf_clear(&s->answer);
		drop_front(&s->query, whole_length(&s->query));
		loop_remove(s->server_source);
		s->server_source = NULL;
		fd_close_at(&s->server);
		fine = fine && begin_query(s) == 0;
	}
	if (!fine)
		stream_free(s);
	return 0;
}

/* Refuses or passes on what the client has asked, if it is whole and nothing else is under way. */
static int
begin_query(struct stream *s)
{
	struct resolver *r = s->resolver;
	struct error ignored = ERROR_INIT;
	socklen_t length;
	const struct sockaddr *server;

	while (s->server < 0 && is_whole(&s->query)) {
		unsigned char *bytes = (unsigned char *)s->query.data;
		size_t size = whole_length(&s->query) - 2, refused;

		if (resolver_may_ask(r, bytes + 2, size))
			break;
		refused = dns_refuse(bytes + 2, size);
		bytes[0] = (unsigned char)(refused >> 8);
		bytes[1] = (unsigned char)refused;
		if (size < 12 || refused == 0 || !send_whole(s->client, bytes, 2 + refused))
			return -1;
		drop_front(&s->query, 2 + size);
	}
	if (s->server >= 0 || !is_whole(&s->query))
		return 0;
	server = resolver_server(r, &length);
	s->server = socket(server->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (s->server < 0 || (connect(s->server, server, length) < 0 && errno != EINPROGRESS))
		return -1;
	s->server_source =
	    loop_add_fd(r->options.loop, s->server, EPOLLIN | EPOLLOUT, on_server, s, &ignored);
	return s->server_source ? 0 : -1;
}

static int
on_client(void *arg, int fd, uint32_t events, struct error *e)
{
	struct stream *s = arg;

	(void)events;
	(void)e; /* as above */
	if (read_more(fd, &s->query) < 0 || begin_query(s) < 0)
		stream_free(s);
	return 0;
}

static int
on_connection(void *arg, int fd, uint32_t events, struct error *e)
{
	struct resolver *r = arg;
	struct error ignored = ERROR_INIT;
	struct stream *s;
	int client = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	(void)events;
	(void)e; /* as above */
	if (client < 0)
		return 0;
	s = xcalloc(1, sizeof(*s));
	*s = (struct stream){ .next = r->streams, .resolver = r, .client = client, .server = -1 };
	r->streams = s;
	r->n_streams++;
	s->client_source = loop_add_fd(r->options.loop, client, EPOLLIN, on_client, s, &ignored);
	if (!s->client_source || r->n_streams > STREAMS_MAX)
		stream_free(s);
	return 0;
}

struct sockaddr_in
resolver_place(const struct relay_options *options)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(RESOLVER_PORT) };

	if (options->netns < 0)
		return (struct sockaddr_in){ .sin_family = AF_INET,
			.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	(void)inet_pton(AF_INET, RELAY_RESOLVER, &at.sin_addr); /* a constant */
	return at;
}

uint16_t
resolver_port(int fd)
{
	struct sockaddr_in at = { 0 };
	socklen_t length = sizeof(at);

	(void)getsockname(fd, (struct sockaddr *)&at, &length); /* bound */
	return ntohs(at.sin_port);
}

int
resolver_listener(const struct resolver *r)
{
	return r->listener;
}

struct resolver *
resolver_open(const struct relay_options *options, struct error *e)
{
	struct resolver *r = xcalloc(1, sizeof(*r));
	struct sockaddr_in at = resolver_place(options);
	int one = 1;

	r->options = *options;
	read_servers(r);
	r->listener = relay_socket(options->netns, AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	if (r->listener >= 0)
		(void)setsockopt(r->listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (r->listener < 0 || bind(r->listener, (const struct sockaddr *)&at, sizeof(at)) < 0 ||
	    listen(r->listener, STREAMS_MAX) < 0)
		error_sys(e, "cannot answer for names at %s", RELAY_RESOLVER);
	else
		r->source = loop_add_fd(options->loop, r->listener, EPOLLIN, on_connection, r, e);
	if (r->source)
		return r;
	resolver_close(r);
	return NULL;
}

void
resolver_close(struct resolver *r)
{
	if (!r)
		return;
	while (r->streams)
		stream_free(r->streams);
	loop_remove(r->source);
	fd_close_at(&r->listener);
	free(r);
}
