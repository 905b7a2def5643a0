/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_fetch - HTTP through croze-fetch, against servers on loopback that answer from a script.
 */
#include "builder/fetch/fetch.h"

#include "builder/fetch/headers.h"
#include "builder/fetch/request.h"
#include "runtime/base/fd.h"
#include "runtime/base/mem.h"
#include "runtime/base/text.h"
#include "unit.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* ---- a server ---- */

#define SEEN_MAX (256U << 10)

struct server {
	pid_t pid;
	int fd;
	char *seen; /* the heads of all requests, shared with the server */
	char url[64];
};

/* One connection an answer; "%s" in it is replaced by @link. NULL ends the list, then connections are closed at once. */
struct script {
	const char *address; /* NULL: 127.0.0.1 */
	const char *const *answers;
	const char *link;
	bool stall; /* keep the connection open after each answer */
};

static void
serve_one(int fd, const char *answer, const struct script *script, char *seen)
{
	char request[8192];
	size_t length = 0;
	ssize_t got;

	while (length < sizeof(request) - 1 &&
	       (got = read(fd, request + length, sizeof(request) - 1 - length)) > 0) {
		length += (size_t)got;
		request[length] = '\0';
		if (strstr(request, "\r\n\r\n"))
			break;
	}
	if (strlen(seen) + length + 1 < SEEN_MAX)
		memcpy(seen + strlen(seen), request, length);
	if (answer) {
		autofree char *text = script->link ? xstrdup(answer) : NULL;
		const char *hole = strstr(answer, "%s");

		if (script->link && hole) {
			free(text);
			text = xasprintf(
			    "%.*s%s%s", (int)(hole - answer), answer, script->link, hole + 2);
		}
		(void)!write(fd, text ? text : answer, strlen(text ? text : answer));
	}
	if (script->stall)
		pause();
	(void)shutdown(fd, SHUT_WR);
	while (read(fd, request, sizeof(request)) > 0)
		continue;
	(void)close(fd);
}

/* Listens; its URL is known, and start() lets it answer. */
static struct server
open_server(const char *ip)
{
	struct server s = { 0 };
	struct sockaddr_in address = { .sin_family = AF_INET };
	socklen_t length = sizeof(address);

	s.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	s.seen = mmap(NULL, SEEN_MAX, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_true(s.seen != MAP_FAILED);
	inet_pton(AF_INET, ip, &address.sin_addr);
	assert_int_equal(bind(s.fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(s.fd, 16), 0);
	assert_int_equal(getsockname(s.fd, (struct sockaddr *)&address, &length), 0);
	snprintf(s.url, sizeof(s.url), "http://%s:%u/x", ip, ntohs(address.sin_port));
	return s;
}

static void
start(struct server *s, const struct script *script)
{
	s->pid = fork();
	assert_true(s->pid >= 0);
	if (s->pid == 0) {
		alarm(60);
		for (size_t i = 0;;) {
			int connection = accept(s->fd, NULL, NULL);

			if (connection < 0)
				_exit(1);
			serve_one(connection, script->answers[i], script, s->seen);
			if (script->answers[i])
				i++;
		}
	}
	fd_close_at(&s->fd);
}

static struct server
serve(const struct script *script)
{
	struct server s = open_server(script->address ? script->address : "127.0.0.1");

	start(&s, script);
	return s;
}

static void
end(struct server *s)
{
	(void)kill(s->pid, SIGKILL);
	(void)waitpid(s->pid, NULL, 0);
	(void)munmap(s->seen, SEEN_MAX);
}

static size_t
count(const char *text, const char *word)
{
	size_t n = 0;

	while ((text = strstr(text, word))) {
		n++;
		text += strlen(word);
	}
	return n;
}

/* ---- requests ---- */

#define OK(body) "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: " body

struct result {
	int status; /* of the call */
	struct fetch_response response;
	struct error error;
	struct buf body;
};

static void
result_release(struct result *r)
{
	fetch_response_release(&r->response);
	buf_release(&r->body);
}

/* GETs @request->url, with a small delay between attempts. */
static struct result
get(struct fetch_request request)
{
	autofetch struct fetch *f = fetch_new();
	struct result r = { .error = ERROR_INIT };

	if (!request.method)
		request.method = "GET";
	if (!request.delay)
		request.delay = 5;
	r.status = fetch_read(
	    f, &request, request.max ? request.max : 1 << 20, &r.body, &r.response, &r.error);
	return r;
}

static void
body_and_headers_come(void **state)
{
	const char *const answers[] = { "HTTP/1.1 200 OK\r\nConnection: close\r\nETag: \"a\"\r\n"
					"X-Other: 1\r\nContent-Length: 5\r\n\r\nhello",
		NULL };
	struct server s = serve(&(struct script){ .answers = answers });
	struct digest digest;
	struct result r = get((struct fetch_request){ .url = s.url });

	(void)state;
	assert_ok(r.status, &r.error);
	assert_string_equal(buf_text(&r.body), "hello");
	assert_string_equal(headers_get(&r.response.headers, "etag"), "\"a\"");
	assert_null(headers_get(&r.response.headers, "x-other"));
	assert_int_equal(r.response.reach, REACH_LOOPBACK);
	digest_of("hello", 5, &digest);
	assert_true(digest_equal(&digest, &r.response.digest));
	assert_string_equal(r.response.url, s.url);
	result_release(&r);
	end(&s);
}

static void
wrong_digest_is_refused_after_one_more_try(void **state)
{
	const char *const answers[] = { OK("5\r\n\r\nhello"), OK("5\r\n\r\nhello"), NULL };
	struct server s = serve(&(struct script){ .answers = answers });
	struct digest digest;
	struct result r;

	(void)state;
	digest_of("other", 5, &digest);
	r = get((struct fetch_request){ .url = s.url, .digest = &digest });
	assert_int_equal(r.status, -1);
	assert_int_equal(r.error.kind, ERR_NETWORK);
	assert_non_null(strstr(r.error.text, "its bytes are sha256:"));
	assert_int_equal(count(s.seen, "GET "), 2);
	result_release(&r);
	end(&s);
}

static void
cut_off_body_goes_on_where_it_stopped(void **state)
{
	const char *const answers[] = { OK("10\r\n\r\nhello"),
		"HTTP/1.1 206 Partial\r\nConnection: close\r\nContent-Range: bytes 5-9/10\r\n"
		"Content-Length: 5\r\n\r\nworld",
		NULL };
	struct server s = serve(&(struct script){ .answers = answers });
	struct digest digest;
	struct result r;

	(void)state;
	digest_of("helloworld", 10, &digest);
	r = get((struct fetch_request){ .url = s.url, .digest = &digest, .size = 10 });
	assert_ok(r.status, &r.error);
	assert_string_equal(buf_text(&r.body), "helloworld");
	assert_int_equal(count(s.seen, "Range: bytes=5-"), 1);
	result_release(&r);
	end(&s);
}

static void
ignored_or_wrong_range_begins_anew(void **state)
{
	static const char *const ignored[] = { OK("10\r\n\r\nhello"), OK("10\r\n\r\nhelloworld"),
		NULL };
	static const char *const wrong[] = { OK("10\r\n\r\nhello"),
		"HTTP/1.1 206 Partial\r\nConnection: close\r\nContent-Range: bytes 0-9/10\r\n"
		"Content-Length: 10\r\n\r\nhelloworld",
		OK("10\r\n\r\nhelloworld"), NULL };
	static const char *const refused[] = { OK("10\r\n\r\nhello"),
		"HTTP/1.1 416 No\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
		OK("10\r\n\r\nhelloworld"), NULL };
	const char *const *const all[] = { ignored, wrong, refused };
	struct digest digest;

	(void)state;
	digest_of("helloworld", 10, &digest);
	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		struct server s = serve(&(struct script){ .answers = all[i] });
		struct result r =
		    get((struct fetch_request){ .url = s.url, .digest = &digest, .size = 10 });

		assert_ok(r.status, &r.error);
		assert_string_equal(buf_text(&r.body), "helloworld");
		result_release(&r);
		end(&s);
	}
}

static void
busy_server_is_asked_again_and_not_for_ever(void **state)
{
#define BUSY "HTTP/1.1 503 Busy\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
#define LATER \
	"HTTP/1.1 429 Many\r\nConnection: close\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n"
	static const char *const recovers[] = { BUSY, LATER, OK("2\r\n\r\nok"), NULL };
	static const char *const never[] = { BUSY, BUSY, BUSY, BUSY, BUSY, BUSY, NULL };
	static const char *const much_later[] = { "HTTP/1.1 429 Many\r\nConnection: close\r\n"
						  "Retry-After: 9999\r\nContent-Length: 0\r\n\r\n",
		NULL };
	struct server s = serve(&(struct script){ .answers = recovers });
	struct timespec begun, ended;
	struct result r;

	(void)state;
	(void)clock_gettime(CLOCK_MONOTONIC, &begun);
	r = get((struct fetch_request){ .url = s.url });
	(void)clock_gettime(CLOCK_MONOTONIC, &ended);
	assert_ok(r.status, &r.error);
	assert_int_equal(r.response.attempts, 3);
	assert_true(ended.tv_sec - begun.tv_sec >= 1); /* Retry-After is obeyed */
	result_release(&r);
	end(&s);
	s = serve(&(struct script){ .answers = never });
	r = get((struct fetch_request){ .url = s.url });
	assert_int_equal(r.status, -1);
	assert_int_equal(count(s.seen, "GET "), FETCH_ATTEMPTS_DEFAULT);
	assert_non_null(strstr(r.error.text, "503"));
	result_release(&r);
	end(&s);
	s = serve(&(struct script){ .answers = much_later });
	r = get((struct fetch_request){ .url = s.url });
	assert_int_equal(r.status, -1);
	assert_non_null(strstr(r.error.text, "9999"));
	result_release(&r);
	end(&s);
}

static void
what_is_sent_is_not_sent_twice(void **state)
{
	static const char *const answers[] = { BUSY, BUSY, NULL };
	struct server s = serve(&(struct script){ .answers = answers });
	struct result r = get((struct fetch_request){ .url = s.url, .method = "POST" });

	(void)state;
	assert_int_equal(r.status, -1);
	assert_int_equal(count(s.seen, "POST "), 1);
	result_release(&r);
	end(&s);
}

static void
stall_ends_within_the_idle_limit(void **state)
{
	static const char *const answers[] = { OK("10\r\n\r\nhello"), NULL };
	struct server s = serve(&(struct script){ .answers = answers, .stall = true });
	struct timespec begun, ended;
	struct result r;

	(void)state;
	(void)clock_gettime(CLOCK_MONOTONIC, &begun);
	r = get((struct fetch_request){ .url = s.url, .idle = 1 });
	(void)clock_gettime(CLOCK_MONOTONIC, &ended);
	assert_int_equal(r.status, -1);
	assert_non_null(strstr(r.error.text, "nothing came for 1 s"));
	assert_true(ended.tv_sec - begun.tv_sec < 10);
	result_release(&r);
	end(&s);
}

static void
too_much_is_refused(void **state)
{
	static const char *const said[] = { OK("10\r\n\r\nhelloworld"), NULL };
	static const char *const unsaid[] = { "HTTP/1.0 200 OK\r\n\r\nhelloworld", NULL };
	static const char *const chunked[] = {
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
		"a\r\nhelloworld\r\n0\r\n\r\n",
		NULL
	};
	const char *const *const all[] = { said, unsaid, chunked };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		struct server s = serve(&(struct script){ .answers = all[i] });
		struct result r = get((struct fetch_request){ .url = s.url, .max = 9 });

		assert_int_equal(r.status, -1);
		assert_int_equal(r.error.kind, ERR_POLICY);
		assert_int_equal(count(s.seen, "GET "), 1);
		result_release(&r);
		end(&s);
	}
}

#define MOVED "HTTP/1.1 307 Moved\r\nConnection: close\r\nLocation: %s\r\nContent-Length: 0\r\n\r\n"

static void
G5_credential_stays_with_the_origin(void **state)
{
	static const char *const moved[] = { MOVED, NULL };
	static const char *const ok[] = { OK("2\r\n\r\nok"), NULL };
	struct server second = serve(&(struct script){ .answers = ok, .address = "127.0.0.2" });
	struct server first = serve(&(struct script){ .answers = moved, .link = second.url });
	struct result r =
	    get((struct fetch_request){ .url = first.url, .authorization = "Bearer geheim" });

	(void)state;
	assert_ok(r.status, &r.error);
	assert_non_null(strstr(first.seen, "Authorization: Bearer geheim"));
	assert_non_null(strstr(second.seen, "GET /x"));
	assert_null(strstr(second.seen, "geheim"));
	result_release(&r);
	end(&first);
	end(&second);
}

static void
G5_credential_is_there_again_on_the_way_back(void **state)
{
	static const char *const there[] = { MOVED, OK("2\r\n\r\nok"), NULL };
	static const char *const back[] = { MOVED, NULL };
	struct server first = open_server("127.0.0.1"), second = open_server("127.0.0.2");
	struct result r;

	(void)state;
	start(&second, &(struct script){ .answers = back, .link = first.url });
	start(&first, &(struct script){ .answers = there, .link = second.url });
	r = get((struct fetch_request){ .url = first.url, .authorization = "Bearer geheim" });
	assert_ok(r.status, &r.error);
	assert_int_equal(count(first.seen, "Authorization: Bearer geheim"), 2);
	assert_null(strstr(second.seen, "geheim"));
	result_release(&r);
	end(&first);
	end(&second);
}

static void
G2_redirect_from_https_to_http_is_not_followed(void **state)
{
	static const char *const ok[] = { OK("2\r\n\r\nok"), NULL };
	struct server s = serve(&(struct script){ .answers = ok });
	struct result r = get((struct fetch_request){ .url = s.url,
	    .referrer = "https://registry.example/v2/",
	    .referrer_reach = REACH_LOOPBACK });

	(void)state;
	assert_int_equal(r.status, -1);
	assert_int_equal(r.error.kind, ERR_POLICY);
	assert_string_equal(s.seen, "");
	result_release(&r);
	end(&s);
}

static void
G3_nearer_address_is_not_gone_to(void **state)
{
	static const char *const ok[] = { OK("2\r\n\r\nok"), NULL };
	static const char *const moved[] = { MOVED, NULL };
	static const char *const links[] = { "http://169.254.169.254/latest/meta-data",
		"http://[fe80::1]/", "http://2852039166/", "http://0xa9fea9fe/x",
		"http://[::ffff:169.254.169.254]/", "ftp://127.0.0.1/x", "file:///etc/passwd",
		"http://user:secret@127.0.0.1/x" };
	struct server s = serve(&(struct script){ .answers = ok });
	struct result r =
	    get((struct fetch_request){ .url = s.url, .referrer = "http://registry.example/v2/" });

	(void)state;
	/* a public registry names this machine, by an address or by a name */
	assert_int_equal(r.status, -1);
	assert_int_equal(r.error.kind, ERR_POLICY);
	assert_non_null(strstr(r.error.text, "an address of this machine"));
	assert_string_equal(s.seen, "");
	result_release(&r);
	end(&s);
	for (size_t i = 0; i < ARRAY_LEN(links); i++) {
		s = serve(&(struct script){ .answers = moved, .link = links[i] });
		r = get((struct fetch_request){ .url = s.url, .idle = 2 });
		assert_int_equal(r.status, -1);
		assert_true(r.error.kind == ERR_POLICY || r.error.kind == ERR_INPUT);
		assert_int_equal(count(s.seen, "GET "), 1);
		result_release(&r);
		end(&s);
	}
}

static void
G4_a_name_is_looked_at_after_it_is_resolved(void **state)
{
	static const char *const ok[] = { OK("2\r\n\r\nok"), NULL };
	struct server s = serve(&(struct script){ .answers = ok });
	autofree char *url = xasprintf("http://localhost%s", strrchr(s.url, ':'));
	struct result r =
	    get((struct fetch_request){ .url = url, .referrer = "http://registry.example/" });

	(void)state;
	assert_int_equal(r.status, -1);
	assert_int_equal(r.error.kind, ERR_POLICY);
	assert_string_equal(s.seen, "");
	result_release(&r);
	r = get((struct fetch_request){ .url = url }); /* the user may */
	assert_ok(r.status, &r.error);
	result_release(&r);
	end(&s);
}

static void
redirects_end(void **state)
{
	static const char *const moved[] = { MOVED, MOVED, MOVED, MOVED, MOVED, MOVED, MOVED, MOVED,
		MOVED, MOVED, MOVED, MOVED, MOVED, NULL };
	struct server s = open_server("127.0.0.1");
	struct result r;

	(void)state;
	start(&s, &(struct script){ .answers = moved, .link = s.url });
	r = get((struct fetch_request){ .url = s.url });
	assert_int_equal(r.status, -1);
	assert_non_null(strstr(r.error.text, "more than 10 redirects"));
	assert_int_equal(count(s.seen, "GET "), 11);
	result_release(&r);
	end(&s);
}

static void
file_is_sent(void **state)
{
	static const char *const answers[] = { "HTTP/1.1 201 Made\r\nConnection: close\r\n"
					       "Location: /there\r\nContent-Length: 0\r\n\r\n",
		NULL };
	struct server s = serve(&(struct script){ .answers = answers });
	autofetch struct fetch *f = fetch_new();
	struct fetch_response response = { 0 };
	struct error e = ERROR_INIT;
	autofd int file = memfd_create("test", MFD_CLOEXEC);
	struct fetch_request request = { .method = "PUT",
		.url = s.url,
		.has_in = true,
		.in = file,
		.in_offset = 2,
		.in_length = 3 };

	(void)state;
	assert_ok(fd_write_all(file, "..abc..", 7, &e), &e);
	assert_ok(fetch_perform(f, &request, &response, &e), &e);
	assert_int_equal(response.status, 201);
	assert_string_equal(headers_get(&response.headers, "location"), "/there");
	assert_non_null(strstr(s.seen, "Content-Length: 3\r\n"));
	fetch_response_release(&response);
	end(&s);
}

static void
many_requests_share_one_program(void **state)
{
	static const char *const answers[] = { OK("1\r\n\r\n0"), OK("1\r\n\r\n1"), OK("1\r\n\r\n2"),
		OK("1\r\n\r\n3"), OK("1\r\n\r\n4"), OK("1\r\n\r\n5"), OK("1\r\n\r\n6"),
		OK("1\r\n\r\n7"), NULL };
	struct server s = serve(&(struct script){ .answers = answers });
	autofetch struct fetch *f = fetch_new();
	struct error e = ERROR_INIT;
	bool done[9] = { false };
	uint64_t id;

	(void)state;
	for (size_t i = 0; i < 8; i++)
		assert_ok(fetch_submit(
			      f, &(struct fetch_request){ .method = "GET", .url = s.url }, &id, &e),
		    &e);
	for (size_t i = 0; i < 8; i++) {
		struct fetch_response response;

		assert_ok(fetch_wait(f, &id, &response, &e), &e);
		assert_int_equal(response.error.kind, ERR_NONE);
		assert_int_equal(response.size, 1);
		assert_true(id >= 1 && id <= 8 && !done[id]);
		done[id] = true;
		fetch_response_release(&response);
	}
	end(&s);
}

static void
refused_connection_names_the_server(void **state)
{
	struct server s = open_server("127.0.0.1");
	struct result r;

	(void)state;
	fd_close_at(&s.fd);
	r = get((struct fetch_request){ .url = s.url });
	assert_int_equal(r.status, -1);
	assert_int_equal(r.error.kind, ERR_NETWORK);
	assert_non_null(strstr(r.error.text, s.url));
	result_release(&r);
	r = get((struct fetch_request){ .url = "http://no-such-host.invalid/" });
	assert_int_equal(r.status, -1);
	assert_non_null(strstr(r.error.text, "no address for the name 'no-such-host.invalid'"));
	result_release(&r);
}

/* ---- text ---- */

static void
addresses_have_their_reach(void **state)
{
	static const struct {
		const char *text;
		enum reach reach;
	} rows[] = {
		{ "8.8.8.8", REACH_PUBLIC },
		{ "10.0.0.1", REACH_PRIVATE },
		{ "172.15.0.1", REACH_PUBLIC },
		{ "172.31.255.255", REACH_PRIVATE },
		{ "192.168.1.1", REACH_PRIVATE },
		{ "100.100.100.200", REACH_PRIVATE },
		{ "127.9.9.9", REACH_LOOPBACK },
		{ "0.0.0.0", REACH_LOOPBACK },
		{ "169.254.169.254", REACH_LINK },
		{ "224.0.0.1", REACH_NEVER },
		{ "255.255.255.255", REACH_NEVER },
		{ "::1", REACH_LOOPBACK },
		{ "::", REACH_LOOPBACK },
		{ "fe80::1%eth0", REACH_LINK },
		{ "febf::1", REACH_LINK },
		{ "fd00:ec2::254", REACH_PRIVATE },
		{ "::ffff:10.0.0.1", REACH_PRIVATE },
		{ "64:ff9b::a9fe:a9fe", REACH_LINK },
		{ "2002:7f00:1::", REACH_LOOPBACK },
		{ "2606:4700::1111", REACH_PUBLIC },
		{ "ff02::1", REACH_NEVER },
		{ "name", REACH_NEVER },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (address_reach(rows[i].text) != rows[i].reach)
			fail_msg("%s is %s", rows[i].text,
			    address_reach_text(address_reach(rows[i].text)));
	assert_true(address_allows(REACH_PRIVATE, REACH_PUBLIC));
	assert_true(address_allows(REACH_PRIVATE, REACH_PRIVATE));
	assert_false(address_allows(REACH_PRIVATE, REACH_LOOPBACK));
	assert_false(address_allows(REACH_LOOPBACK, REACH_LINK));
	assert_false(address_allows(REACH_PUBLIC, REACH_PRIVATE));
}

static void
header_values_are_read(void **state)
{
	uint64_t first, last, total, seconds;

	(void)state;
	assert_true(headers_content_range("bytes 5-9/10", &first, &last, &total));
	assert_true(first == 5 && last == 9 && total == 10);
	assert_true(headers_content_range("bytes 0-0/*", &first, &last, &total));
	assert_false(headers_content_range("bytes 9-5/10", &first, &last, &total));
	assert_false(headers_content_range("bytes 5-10/10", &first, &last, &total));
	assert_false(headers_content_range("bytes -5/10", &first, &last, &total));
	assert_false(headers_content_range(NULL, &first, &last, &total));
	assert_true(headers_retry_after("7", 0, &seconds) && seconds == 7);
	assert_true(headers_retry_after("Wed, 21 Oct 2015 07:28:00 GMT", 1445412470, &seconds));
	assert_int_equal(seconds, 10);
	assert_true(headers_retry_after("Wed, 21 Oct 2015 07:28:00 GMT", 1545412470, &seconds));
	assert_int_equal(seconds, 0);
	assert_false(headers_retry_after("soon", 0, &seconds));
	assert_false(headers_retry_after("-1", 0, &seconds));
}

static void
proxies_are_chosen(void **state)
{
	const struct fetch_proxies p = { .http = "http://p:1",
		.https = "http://p:2",
		.none = "localhost, .corp.example,10.0.0.1" };

	(void)state;
	assert_string_equal(request_proxy(&p, "http", "a.example"), "http://p:1");
	assert_string_equal(request_proxy(&p, "https", "a.example"), "http://p:2");
	assert_null(request_proxy(&p, "https", "localhost"));
	assert_null(request_proxy(&p, "https", "x.corp.example"));
	assert_null(request_proxy(&p, "https", "corp.example"));
	assert_non_null(request_proxy(&p, "https", "xcorp.example"));
	assert_null(request_proxy(&p, "https", "10.0.0.1"));
	assert_null(
	    request_proxy(&(struct fetch_proxies){ .http = "x", .none = "*" }, "http", "a"));
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(body_and_headers_come),
		cmocka_unit_test(wrong_digest_is_refused_after_one_more_try),
		cmocka_unit_test(cut_off_body_goes_on_where_it_stopped),
		cmocka_unit_test(ignored_or_wrong_range_begins_anew),
		cmocka_unit_test(busy_server_is_asked_again_and_not_for_ever),
		cmocka_unit_test(what_is_sent_is_not_sent_twice),
		cmocka_unit_test(stall_ends_within_the_idle_limit),
		cmocka_unit_test(too_much_is_refused),
		cmocka_unit_test(G5_credential_stays_with_the_origin),
		cmocka_unit_test(G5_credential_is_there_again_on_the_way_back),
		cmocka_unit_test(G2_redirect_from_https_to_http_is_not_followed),
		cmocka_unit_test(G3_nearer_address_is_not_gone_to),
		cmocka_unit_test(G4_a_name_is_looked_at_after_it_is_resolved),
		cmocka_unit_test(redirects_end),
		cmocka_unit_test(file_is_sent),
		cmocka_unit_test(many_requests_share_one_program),
		cmocka_unit_test(refused_connection_names_the_server),
		cmocka_unit_test(addresses_have_their_reach),
		cmocka_unit_test(header_values_are_read),
		cmocka_unit_test(proxies_are_chosen),
	};

	const char *build = getenv("CROZE_BUILD");

	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	if (build)
		setenv("CROZE_LIBEXEC", build, 0);
	unsetenv("http_proxy");
	unsetenv("all_proxy");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
