/* SPDX-License-Identifier: Apache-2.0 */
/*
 * transfer - one request in croze-fetch: the curl handle that serves it and its callbacks.
 *
 * The address of a server is checked twice: before a connection is made, and before a request goes over a connection, which
 * may be an old one that another request had the right to make.
 */
#include "builder/fetch/transfer.h"

#include "builder/fetch/headers.h"
#include "builder/fetch/message.h"
#include "runtime/base/fd.h"
#include "runtime/base/mem.h"
#include "runtime/base/path.h"
#include "runtime/base/text.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define BUFFER_SIZE (256L << 10)
#define SLOWEST 32L /* bytes a second: less for the idle time is a stall */
#define TELL_MS 100
#define CAS_MAX (16U << 20)

uint64_t
transfer_clock(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now); /* cannot fail */
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

void
transfer_drop_handle(struct transfer *t)
{
	curl_easy_cleanup(t->easy);
	curl_slist_free_all(t->lines);
	t->easy = NULL;
	t->lines = NULL;
}

void
transfer_free(struct transfer *t)
{
	if (!t)
		return;
	transfer_drop_handle(t);
	for (size_t i = 0; i < t->n_fds; i++)
		fd_close_at(&t->fds[i]);
	json_free(t->message);
	strv_release(&t->headers);
	fetch_response_release(&t->response);
	hash_free(t->hash);
	free(t->url);
	free(t->etag);
	free(t);
}

struct transfer *
transfer_new(
    struct json *message, const int *fds, size_t n_fds, int socket, uint64_t *id, struct error *e)
{
	struct transfer *t = xcalloc(1, sizeof(*t));
	size_t n = 0;

	t->message = message;
	t->socket = socket;
	t->n_fds = n_fds;
	memcpy(t->fds, fds, n_fds * sizeof(*fds));
	if (request_read(message, &t->id, &t->request, &t->proxies, &t->headers, &t->digest, e) < 0)
		goto bad;
	*id = t->id;
	if (n_fds != (size_t)t->request.has_out + (size_t)t->request.has_in) {
		error_set(e, ERR_SYSTEM, "a request came with %zu descriptors", n_fds);
		goto bad;
	}
	if (t->request.has_out)
		t->request.out = t->fds[n++];
	if (t->request.has_in)
		t->request.in = t->fds[n++];
	if (!t->request.has_out && !t->request.max)
		t->request.max = TRANSFER_HEADERS_MAX; /* nobody reads it: it ends all the same */
	t->url = xstrdup(t->request.url);
	t->hash = hash_new();
	return t;
bad:
	transfer_free(t);
	return NULL;
}

int
transfer_start_over(struct transfer *t, struct error *e)
{
	struct digest ignored;

	hash_finish(t->hash, &ignored); /* and begins anew */
	t->received = 0;
	free(t->etag);
	t->etag = NULL;
	if (t->request.has_out && ftruncate(t->request.out, 0) < 0)
		return error_sys(e, "cannot empty a file");
	return 0;
}

/* ---- URLs ---- */

static char *
url_part(CURLU *u, CURLUPart part, unsigned flags)
{
	char *text = NULL, *copy;

	if (curl_url_get(u, part, &text, flags) != CURLUE_OK)
		return NULL;
	copy = xstrdup(text);
	curl_free(text);
	return copy;
}

int
transfer_split_url(const char *url, char **scheme, char **host, struct error *e)
{
	CURLU *u = curl_url();
	autofree char *user = NULL;
	autofree char *safe = text_safe(url);
	int result = 0;

	*scheme = *host = NULL;
	safe[strcspn(safe, "?")] = '\0';
	if (!u || curl_url_set(u, CURLUPART_URL, url, CURLU_NON_SUPPORT_SCHEME) != CURLUE_OK) {
		curl_url_cleanup(u);
		return error_set(e, ERR_INPUT, "'%s' is no URL", safe);
	}
	*scheme = url_part(u, CURLUPART_SCHEME, 0);
	*host = url_part(u, CURLUPART_HOST, 0);
	user = url_part(u, CURLUPART_USER, 0);
	if (!*scheme || !*host || (strcmp(*scheme, "http") != 0 && strcmp(*scheme, "https") != 0))
		result = error_set(e, ERR_INPUT, "'%s' is no http or https URL", safe);
	else if (user)
		result = error_set(e, ERR_INPUT, "a URL with a user name in it is not followed");
	else if (**host == '[') { /* as inet_pton(3) wants it */
		memmove(*host, *host + 1, strlen(*host));
		(*host)[strcspn(*host, "]")] = '\0';
	}
	curl_url_cleanup(u);
	if (result == 0)
		return 0;
	free(steal_ptr(scheme));
	free(steal_ptr(host));
	return -1;
}

bool
transfer_same_origin(const char *a, const char *b)
{
	CURLU *x = curl_url(), *y = curl_url();
	bool same = x && y && curl_url_set(x, CURLUPART_URL, a, 0) == CURLUE_OK &&
	            curl_url_set(y, CURLUPART_URL, b, 0) == CURLUE_OK;
	static const CURLUPart parts[] = { CURLUPART_SCHEME, CURLUPART_HOST, CURLUPART_PORT };

	for (size_t i = 0; same && i < ARRAY_LEN(parts); i++) {
		autofree char *of_x = url_part(x, parts[i], CURLU_DEFAULT_PORT);
		autofree char *of_y = url_part(y, parts[i], CURLU_DEFAULT_PORT);

		same = of_x && of_y && strcmp(of_x, of_y) == 0;
	}
	curl_url_cleanup(x);
	curl_url_cleanup(y);
	return same;
}

/* ---- who may be asked ---- */

bool
transfer_may_reach(struct transfer *t, const char *ip)
{
	enum reach reach = address_reach(ip);
	bool is_first = t->hops == 0;
	enum reach from = is_first ? t->request.referrer_reach : t->response.reach;
	autofree char *scheme = NULL;
	autofree char *host = NULL;
	struct error ignored = ERROR_INIT;

	if (is_first)
		t->response.reach = reach;
	if (is_first && !t->request.referrer)
		return true; /* the user named it */
	if (address_allows(from, reach))
		return true;
	(void)transfer_split_url(t->url, &scheme, &host, &ignored);
	error_set(&t->refused, ERR_POLICY,
	    "a server at %s sends us to '%s', which is %s (%s): that is not followed",
	    address_reach_text(from), host ? host : "?", address_reach_text(reach), ip);
	return false;
}

static curl_socket_t
open_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *address)
{
	struct transfer *t = arg;
	char ip[INET6_ADDRSTRLEN] = "";
	struct sockaddr_storage storage = { 0 };

	(void)purpose;
	if (address->addrlen > sizeof(storage))
		return CURL_SOCKET_BAD;
	memcpy(&storage, &address->addr, address->addrlen);
	if (storage.ss_family == AF_INET)
		(void)inet_ntop(
		    AF_INET, &((struct sockaddr_in *)&storage)->sin_addr, ip, sizeof(ip));
	else if (storage.ss_family == AF_INET6)
		(void)inet_ntop(
		    AF_INET6, &((struct sockaddr_in6 *)&storage)->sin6_addr, ip, sizeof(ip));
	if (!t->proxy && !transfer_may_reach(t, ip))
		return CURL_SOCKET_BAD;
	return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

static int
before_request(void *arg, char *ip, char *local_ip, int port, int local_port)
{
	struct transfer *t = arg;

	(void)local_ip;
	(void)port;
	(void)local_port;
	if (t->proxy || transfer_may_reach(t, ip))
		return CURL_PREREQFUNC_OK;
	return CURL_PREREQFUNC_ABORT;
}

/* ---- what comes ---- */

static size_t
take_header(char *line, size_t size, size_t count, void *arg)
{
	struct transfer *t = arg;
	size_t length = size * count;

	t->header_bytes += length;
	if (t->header_bytes > TRANSFER_HEADERS_MAX) {
		error_set(&t->refused, ERR_NETWORK, "its header does not end");
		return 0;
	}
	if (length > 5 && memcmp(line, "HTTP/", 5) == 0)
		strv_clear(&t->response.headers);
	else
		headers_add(&t->response.headers, line, length);
	return length;
}

static int
refuse(struct transfer *t, enum error_kind kind, const char *text)
{
	error_set(&t->refused, kind, "%s", text);
	return -1;
}

/* The server answers our Range, or does not; then what came before is forgotten. */
static int
begin_part(struct transfer *t)
{
	uint64_t first, last, total;

	if (t->response.status == 206 && t->asked == 0)
		return refuse(t, ERR_NETWORK, "it sends a part though the whole was asked for");
	if (t->response.status != 206)
		return t->received == 0 ? 0 : transfer_start_over(t, &t->refused);
	if (headers_content_range(
		headers_get(&t->response.headers, "content-range"), &first, &last, &total) &&
	    first == t->asked)
		return 0;
	/* What it sends is not what was asked for; once more without Range. */
	t->no_range = true;
	return -1;
}

static int
begin_body(struct transfer *t)
{
	const char *etag = headers_get(&t->response.headers, "etag");
	curl_off_t length = -1;
	long status = 0;
	uint64_t whole;

	t->body_begun = true;
	(void)curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
	(void)curl_easy_getinfo(t->easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
	t->response.status = (unsigned)status;
	if (status / 100 != 2)
		return 0;
	if (begin_part(t) < 0)
		return -1;
	free(t->etag);
	t->etag = etag && etag[0] == '"' ? xstrdup(etag) : NULL;
	if (length < 0)
		return 0;
	whole = t->received + (uint64_t)length;
	if (t->request.max && whole > t->request.max)
		return error_set(&t->refused, ERR_POLICY, "it has %llu bytes, more than %llu",
		    (unsigned long long)whole, (unsigned long long)t->request.max);
	if (t->request.size && whole != t->request.size)
		return error_set(&t->refused, ERR_NETWORK, "it has %llu bytes, not %llu",
		    (unsigned long long)whole, (unsigned long long)t->request.size);
	return 0;
}

static void
tell_progress(struct transfer *t, uint64_t bytes)
{
	uint64_t now = transfer_clock();
	autojson struct json *j = NULL;

	if (now < t->told + TELL_MS)
		return;
	t->told = now;
	j = json_new_object();
	json_set(j, "id", json_new_u64(t->id));
	json_set(j, "bytes", json_new_u64(bytes));
	fetch_message_offer(t->socket, j);
}

static int
store_bytes(struct transfer *t, const char *bytes, size_t length)
{
	size_t done = 0;

	if (t->request.max && length > t->request.max - t->received)
		return error_set(&t->refused, ERR_POLICY, "it has more than %llu bytes",
		    (unsigned long long)t->request.max);
	if (t->request.size && length > t->request.size - t->received)
		return error_set(&t->refused, ERR_NETWORK, "it has more than its %llu bytes",
		    (unsigned long long)t->request.size);
	while (t->request.has_out && done < length) {
		ssize_t n = pwrite(
		    t->request.out, bytes + done, length - done, (off_t)(t->received + done));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return error_sys(&t->refused, "cannot write what came");
		done += (size_t)n;
	}
	hash_add(t->hash, bytes, length);
	t->received += length;
	tell_progress(t, t->received);
	return 0;
}

static size_t
take_body(char *bytes, size_t size, size_t count, void *arg)
{
	struct transfer *t = arg;
	size_t length = size * count;

	if (!t->body_begun && begin_body(t) < 0)
		return 0;
	if (t->response.status / 100 == 2)
		return store_bytes(t, bytes, length) < 0 ? 0 : length;
	if (t->response.text.len < TRANSFER_TEXT_MAX) {
		size_t room = TRANSFER_TEXT_MAX - t->response.text.len;

		buf_add(&t->response.text, bytes, length < room ? length : room);
	}
	t->header_bytes += length; /* a text of an error that does not end */
	if (t->header_bytes > TRANSFER_HEADERS_MAX) {
		error_set(&t->refused, ERR_NETWORK, "its answer does not end");
		return 0;
	}
	return length;
}

/* ---- what goes ---- */

static size_t
give_body(char *room, size_t size, size_t count, void *arg)
{
	struct transfer *t = arg;
	uint64_t left = t->request.in_length - t->sent;
	size_t want = size * count;
	ssize_t got;

	if (want > left)
		want = (size_t)left;
	do
		got =
		    want ? pread(t->request.in, room, want, (off_t)(t->request.in_offset + t->sent))
			 : 0;
	while (got < 0 && errno == EINTR);
	if (got < 0 || (got == 0 && want > 0)) {
		if (got < 0)
			error_sys(&t->refused, "cannot read what is sent");
		else
			error_set(
			    &t->refused, ERR_INPUT, "a file became shorter while it was sent");
		return CURL_READFUNC_ABORT;
	}
	t->sent += (uint64_t)got;
	tell_progress(t, t->sent);
	return (size_t)got;
}

static int
seek_body(void *arg, curl_off_t offset, int origin)
{
	struct transfer *t = arg;

	if (origin != SEEK_SET || offset < 0)
		return CURL_SEEKFUNC_FAIL;
	t->sent = (uint64_t)offset;
	return CURL_SEEKFUNC_OK;
}

/* ---- the handle ---- */

static void
add_line(struct transfer *t, const char *line)
{
	struct curl_slist *longer = curl_slist_append(t->lines, line);

	if (longer)
		t->lines = longer;
}

static void
set_headers(struct transfer *t)
{
	for (size_t i = 0; i < t->headers.count; i++)
		add_line(t, t->headers.items[i]);
	if (t->request.authorization && !t->is_away) {
		autofree char *line = xasprintf("Authorization: %s", t->request.authorization);

		add_line(t, line);
	}
	if (t->asked) {
		autofree char *range =
		    xasprintf("Range: bytes=%llu-", (unsigned long long)t->asked);

		add_line(t, range);
	}
	if (t->asked && t->etag) {
		autofree char *line = xasprintf("If-Range: %s", t->etag);

		add_line(t, line);
	}
	add_line(t, "Expect:");
	if (strcmp(t->request.method, "POST") == 0 && !t->request.has_in)
		add_line(t, "Content-Type:");
	(void)curl_easy_setopt(t->easy, CURLOPT_HTTPHEADER, t->lines);
}

static void
set_method(struct transfer *t)
{
	const char *method = t->request.method;

	if (strcmp(method, "GET") == 0)
		return;
	if (strcmp(method, "HEAD") == 0) {
		(void)curl_easy_setopt(t->easy, CURLOPT_NOBODY, 1L);
		return;
	}
	if (t->request.has_in) {
		(void)curl_easy_setopt(t->easy, CURLOPT_UPLOAD, 1L);
		(void)curl_easy_setopt(
		    t->easy, CURLOPT_INFILESIZE_LARGE, (curl_off_t)t->request.in_length);
		(void)curl_easy_setopt(t->easy, CURLOPT_READFUNCTION, give_body);
		(void)curl_easy_setopt(t->easy, CURLOPT_READDATA, t);
		(void)curl_easy_setopt(t->easy, CURLOPT_SEEKFUNCTION, seek_body);
		(void)curl_easy_setopt(t->easy, CURLOPT_SEEKDATA, t);
		(void)curl_easy_setopt(t->easy, CURLOPT_UPLOAD_BUFFERSIZE, BUFFER_SIZE);
	} else if (strcmp(method, "DELETE") != 0) {
		(void)curl_easy_setopt(t->easy, CURLOPT_POSTFIELDS, "");
		(void)curl_easy_setopt(t->easy, CURLOPT_POSTFIELDSIZE, 0L);
	}
	(void)curl_easy_setopt(t->easy, CURLOPT_CUSTOMREQUEST, method);
}

static void
set_blob(struct transfer *t, CURLoption option, const char *text)
{
	struct curl_blob blob = {
		.data = (void *)(uintptr_t)text, .len = strlen(text), .flags = CURL_BLOB_COPY
	};

	(void)curl_easy_setopt(t->easy, option, &blob);
}

/* The file of the system's CAs: what the environment says, which libcurl itself does not read, else libcurl's own; NULL. */
static const char *
system_file(struct transfer *t)
{
	const char *file = getenv("SSL_CERT_FILE");

	if (file && *file)
		return file;
	file = NULL;
	(void)curl_easy_getinfo(t->easy, CURLINFO_CAINFO, &file);
	return file;
}

static void
set_system_cas(struct transfer *t)
{
	const char *file = system_file(t);
	const char *dir = getenv("SSL_CERT_DIR");

	if (file)
		(void)curl_easy_setopt(t->easy, CURLOPT_CAINFO, file);
	if (dir && *dir)
		(void)curl_easy_setopt(t->easy, CURLOPT_CAPATH, dir);
}

/* libcurl takes CAs in memory for those of the file, not besides them: the file's follow. One that cannot be read has none. */
static void
add_cas(struct transfer *t, const char *pem)
{
	auto(buf) struct buf all = { 0 };
	struct error ignored = ERROR_INIT;
	const char *file = system_file(t);
	autofd int fd = file ? path_open_user(file, O_RDONLY, 0, &ignored) : -1;

	buf_add_text(&all, pem);
	buf_add_char(&all, '\n');
	if (fd >= 0)
		(void)fd_read_all(fd, &all, CAS_MAX, file, &ignored);
	set_blob(t, CURLOPT_CAINFO_BLOB, buf_text(&all));
}

/* What the user has for the origin is for the origin; other hosts are checked as any. */
static void
set_tls(struct transfer *t)
{
	(void)curl_easy_setopt(t->easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	set_system_cas(t);
	if (t->is_away)
		return;
	if (t->request.flags & FETCH_INSECURE) {
		(void)curl_easy_setopt(t->easy, CURLOPT_SSL_VERIFYPEER, 0L);
		(void)curl_easy_setopt(t->easy, CURLOPT_SSL_VERIFYHOST, 0L);
	}
	if (t->request.ca)
		add_cas(t, t->request.ca);
	if (t->request.cert)
		set_blob(t, CURLOPT_SSLCERT_BLOB, t->request.cert);
	if (t->request.key)
		set_blob(t, CURLOPT_SSLKEY_BLOB, t->request.key);
}

unsigned
transfer_idle(const struct transfer *t)
{
	return t->request.idle ? t->request.idle : FETCH_IDLE_DEFAULT;
}

bool
transfer_is_document(const struct transfer *t)
{
	return t->request.max && !t->request.size && t->request.in_length <= TRANSFER_HEADERS_MAX;
}

static void
set_limits(struct transfer *t)
{
	long idle = (long)transfer_idle(t);

	(void)curl_easy_setopt(t->easy, CURLOPT_CONNECTTIMEOUT, idle);
	(void)curl_easy_setopt(t->easy, CURLOPT_LOW_SPEED_LIMIT, SLOWEST);
	(void)curl_easy_setopt(t->easy, CURLOPT_LOW_SPEED_TIME, idle);
	if (transfer_is_document(t))
		(void)curl_easy_setopt(t->easy, CURLOPT_TIMEOUT, idle * TRANSFER_DOCUMENT_IDLES);
}

static void
set_basics(struct transfer *t)
{
	(void)curl_easy_setopt(t->easy, CURLOPT_PRIVATE, t);
	(void)curl_easy_setopt(t->easy, CURLOPT_URL, t->url);
	(void)curl_easy_setopt(t->easy, CURLOPT_PROTOCOLS_STR, "http,https");
	(void)curl_easy_setopt(t->easy, CURLOPT_DISALLOW_USERNAME_IN_URL, 1L);
	(void)curl_easy_setopt(t->easy, CURLOPT_NOSIGNAL, 1L);
	(void)curl_easy_setopt(t->easy, CURLOPT_USERAGENT, "croze/" CROZE_VERSION);
	(void)curl_easy_setopt(t->easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
	(void)curl_easy_setopt(t->easy, CURLOPT_PIPEWAIT, 1L);
	(void)curl_easy_setopt(t->easy, CURLOPT_BUFFERSIZE, BUFFER_SIZE);
	(void)curl_easy_setopt(t->easy, CURLOPT_PROXY, t->proxy ? t->proxy : "");
	(void)curl_easy_setopt(t->easy, CURLOPT_NOPROXY, "");
	(void)curl_easy_setopt(t->easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
	(void)curl_easy_setopt(t->easy, CURLOPT_HEADERFUNCTION, take_header);
	(void)curl_easy_setopt(t->easy, CURLOPT_HEADERDATA, t);
	(void)curl_easy_setopt(t->easy, CURLOPT_WRITEFUNCTION, take_body);
	(void)curl_easy_setopt(t->easy, CURLOPT_WRITEDATA, t);
	(void)curl_easy_setopt(t->easy, CURLOPT_OPENSOCKETFUNCTION, open_socket);
	(void)curl_easy_setopt(t->easy, CURLOPT_OPENSOCKETDATA, t);
	(void)curl_easy_setopt(t->easy, CURLOPT_PREREQFUNCTION, before_request);
	(void)curl_easy_setopt(t->easy, CURLOPT_PREREQDATA, t);
}

/* https never leads to http. A proxy connects for us, so that a bare address is all that can be looked at here. */
static int
check_url(struct transfer *t, struct error *e)
{
	autofree char *scheme = NULL;
	autofree char *host = NULL;
	unsigned char bytes[16];
	const char *from = t->hops == 0 ? t->request.referrer : t->request.url;

	if (transfer_split_url(t->url, &scheme, &host, e) < 0)
		return -1;
	assert(scheme && host);
	if (from && text_starts_with(from, "https:") && strcmp(scheme, "https") != 0)
		return error_set(e, ERR_POLICY,
		    "a server reached by https sends us to '%s' by http: that is not followed",
		    host);
	t->proxy = request_proxy(&t->proxies, scheme, host);
	t->is_away = !transfer_same_origin(t->url, t->request.url);
	if (!t->proxy)
		return 0;
	if (t->hops == 0)
		t->response.reach = REACH_PUBLIC;
	if ((inet_pton(AF_INET, host, bytes) == 1 || inet_pton(AF_INET6, host, bytes) == 1) &&
	    !transfer_may_reach(t, host)) {
		*e = t->refused;
		return -1;
	}
	return 0;
}

int
transfer_prepare(struct transfer *t, struct error *e)
{
	bool can_resume = !t->no_range && (t->request.digest || t->etag);

	transfer_drop_handle(t);
	error_clear(&t->refused);
	if (t->received > 0 && !can_resume && transfer_start_over(t, e) < 0)
		return -1;
	t->asked = t->received;
	t->at_start = t->received;
	t->body_begun = false;
	t->sent = 0;
	t->header_bytes = 0;
	t->due = 0;
	t->response.status = 0;
	buf_clear(&t->response.text);
	strv_clear(&t->response.headers);
	if (check_url(t, e) < 0)
		return -1;
	t->easy = curl_easy_init();
	if (!t->easy)
		return error_set(e, ERR_SYSTEM, "libcurl gives no handle");
	set_basics(t);
	set_limits(t);
	set_tls(t);
	set_method(t);
	set_headers(t);
	if (t->hops == 0)
		t->response.attempts++;
	return 0;
}
