/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fetch - the side of croze: starts croze-fetch, sends requests, takes responses.
 */
#include "builder/fetch/fetch.h"

#include "builder/fetch/headers.h"
#include "builder/fetch/message.h"
#include "builder/fetch/request.h"
#include "runtime/base/fd.h"
#include "runtime/base/mem.h"
#include "runtime/base/process.h"
#include "runtime/base/text.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

/* A response that came while another one was waited for. */
struct waiting {
	uint64_t id;
	struct fetch_response response;
};

struct fetch {
	pid_t pid; /* 0: not started */
	int socket;
	uint64_t last_id;
	struct waiting *waiting;
	size_t n_waiting;
	size_t waiting_room;
	fetch_progress_fn *progress;
	void *progress_arg;
	struct fetch_proxies proxies;
	unsigned idle;
};

void
fetch_response_release(struct fetch_response *r)
{
	free(r->url);
	strv_release(&r->headers);
	buf_release(&r->text);
	*r = (struct fetch_response){ 0 };
}

/* Variables of proxies are looked for in small letters first; HTTP_PROXY is what a CGI program gets from its client. */
static const char *
proxy_variable(const char *small, const char *capital)
{
	const char *value = getenv(small);

	if ((!value || !*value) && capital)
		value = getenv(capital);
	if (!value || !*value)
		value = getenv("all_proxy");
	if (!value || !*value)
		value = getenv("ALL_PROXY");
	return value && *value ? value : NULL;
}

static unsigned
idle_variable(void)
{
	struct error ignored = ERROR_INIT;
	const char *text = getenv("CROZE_NETWORK_TIMEOUT");
	uint64_t seconds = 0;

	if (text && parse_u64(text, 1, 3600, "CROZE_NETWORK_TIMEOUT", &seconds, &ignored) == 0)
		return (unsigned)seconds;
	return 0;
}

struct fetch *
fetch_new(void)
{
	struct fetch *f = xcalloc(1, sizeof(*f));
	const char *none = getenv("no_proxy");

	f->socket = -1;
	f->idle = idle_variable();
	f->proxies.http =
	    proxy_variable("http_proxy", getenv("REQUEST_METHOD") ? NULL : "HTTP_PROXY");
	f->proxies.https = proxy_variable("https_proxy", "HTTPS_PROXY");
	f->proxies.none = none && *none ? none : getenv("NO_PROXY");
	return f;
}

void
fetch_free(struct fetch *f)
{
	struct error ignored = ERROR_INIT;
	int status;

	if (!f)
		return;
	fd_close_at(&f->socket);
	if (f->pid > 0) {
		(void)kill(f->pid, SIGKILL); /* it holds nothing that must be put in order */
		(void)process_wait(f->pid, &status, &ignored);
	}
	for (size_t i = 0; i < f->n_waiting; i++)
		fetch_response_release(&f->waiting[i].response);
	free(f->waiting);
	free(f);
}

void
fetch_free_at(struct fetch **f)
{
	fetch_free(*f);
	*f = NULL;
}

void
fetch_on_progress(struct fetch *f, fetch_progress_fn *fn, void *arg)
{
	f->progress = fn;
	f->progress_arg = arg;
}

/* ---- the program ---- */

static void
add_variable(struct strv *environment, const char *name)
{
	const char *value = getenv(name);

	if (value && *value)
		strv_printf(environment, "%s=%s", name, value);
}

static int
start(struct fetch *f, struct error *e)
{
	autofree char *program = process_helper(FETCH_PROGRAM);
	auto(strv) struct strv environment = { 0 };
	char name[] = FETCH_PROGRAM;
	char *const words[] = { name, NULL };
	struct process_spec spec = {
		.path = program, .argv = words, .out = -1, .err = STDERR_FILENO
	};
	int ends[2];
	autofd int ours = -1, theirs = -1;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		return error_sys(e, "cannot make a pair of sockets");
	ours = ends[0];
	theirs = ends[1];
	add_variable(&environment, "SSL_CERT_FILE");
	add_variable(&environment, "SSL_CERT_DIR");
	add_variable(&environment, "RES_OPTIONS");
	spec.in = theirs;
	spec.envp = strv_array(&environment);
	f->pid = process_spawn(&spec, e);
	if (f->pid < 0) {
		f->pid = 0;
		return error_ctx(e, "cannot start '%s'", program);
	}
	f->socket = steal_fd(&ours);
	return 0;
}

static int
explain_end(struct fetch *f, struct error *e)
{
	auto(buf) struct buf text = { 0 };
	int status;

	fd_close_at(&f->socket);
	if (process_wait(f->pid, &status, e) < 0)
		return -1;
	f->pid = 0;
	process_status_text(status, &text);
	return error_set(e, ERR_SYSTEM, "%s ended: %s", FETCH_PROGRAM, buf_text(&text));
}

int
fetch_submit(struct fetch *f, const struct fetch_request *r, uint64_t *id, struct error *e)
{
	struct fetch_request request = *r;
	autojson struct json *j = NULL;
	int fds[MESSAGE_FDS];
	size_t n_fds = 0;

	if (f->pid == 0 && start(f, e) < 0)
		return -1;
	if (!request.idle)
		request.idle = f->idle;
	if (r->has_out)
		fds[n_fds++] = r->out;
	if (r->has_in)
		fds[n_fds++] = r->in;
	j = request_write(++f->last_id, &request, &f->proxies);
	if (fetch_message_send(f->socket, j, fds, n_fds, e) < 0) {
		if (e->kind == ERR_SYSTEM)
			(void)explain_end(f, e);
		return -1;
	}
	*id = f->last_id;
	return 0;
}

/* Returns 1 with a response, 0 for news of progress. */
static int
receive(struct fetch *f, uint64_t *id, struct fetch_response *response, struct error *e)
{
	autojson struct json *j = NULL;
	int fds[MESSAGE_FDS];
	size_t n_fds;
	uint64_t bytes = 0;
	int got = f->pid > 0 ? fetch_message_receive(f->socket, &j, fds, &n_fds, e) : 0;

	if (got == 0)
		return f->pid > 0 ? explain_end(f, e)
		                  : error_set(e, ERR_SYSTEM, "%s does not run", FETCH_PROGRAM);
	if (got < 0)
		return -1;
	for (size_t i = 0; i < n_fds; i++)
		(void)close(fds[i]); /* none is wanted */
	if (!json_get(j, "bytes"))
		return response_read(j, id, response, e) < 0 ? -1 : 1;
	if (json_read_u64(j, "id", "response", id, e) < 0 ||
	    json_read_u64(j, "bytes", "response", &bytes, e) < 0)
		return -1;
	if (f->progress)
		f->progress(f->progress_arg, *id, bytes);
	return 0;
}

int
fetch_wait(struct fetch *f, uint64_t *id, struct fetch_response *response, struct error *e)
{
	int got;

	if (f->n_waiting > 0) {
		*id = f->waiting[0].id;
		*response = f->waiting[0].response;
		memmove(f->waiting, f->waiting + 1, --f->n_waiting * sizeof(*f->waiting));
		return 0;
	}
	do
		got = receive(f, id, response, e);
	while (got == 0);
	return got < 0 ? -1 : 0;
}

int
fetch_perform(struct fetch *f, const struct fetch_request *r, struct fetch_response *response,
    struct error *e)
{
	uint64_t wanted, id = 0;
	bool no_tls;

	if (fetch_submit(f, r, &wanted, e) < 0)
		return -1;
	for (;;) {
		int got = receive(f, &id, response, e);

		if (got < 0)
			return -1;
		if (got == 1 && id == wanted)
			break;
		if (got == 1) {
			xgrow(&f->waiting, f->n_waiting, &f->waiting_room, sizeof(*f->waiting));
			f->waiting[f->n_waiting++] = (struct waiting){ id, *response };
		}
	}
	if (response->error.kind == ERR_NONE)
		return 0;
	*e = response->error;
	no_tls = response->no_tls;
	fetch_response_release(response);
	response->no_tls = no_tls;
	return -1;
}

int
fetch_read(struct fetch *f, const struct fetch_request *r, uint64_t max, struct buf *body,
    struct fetch_response *response, struct error *e)
{
	struct fetch_request request = *r;
	autofd int file = memfd_create("croze-fetch", MFD_CLOEXEC);

	if (file < 0)
		return error_sys(e, "cannot make a file in memory");
	request.has_out = true;
	request.out = file;
	request.max = max;
	if (fetch_perform(f, &request, response, e) < 0)
		return -1;
	if (response->status / 100 != 2) {
		fetch_status_error(response, e);
		return -1;
	}
	if (lseek(file, 0, SEEK_SET) < 0)
		return error_sys(e, "cannot read a file in memory");
	return fd_read_all(file, body, (size_t)max, "a response", e);
}

int
fetch_status_error(const struct fetch_response *response, struct error *e)
{
	autofree char *url = text_safe(response->url ? response->url : "");
	bool is_missing = response->status == 404 || response->status == 410;
	static const struct {
		unsigned status;
		const char *text;
	} texts[] = {
		{ 400, "bad request" },
		{ 401, "it wants other credentials" },
		{ 403, "it refuses access" },
		{ 404, "it is not there" },
		{ 410, "it is gone" },
		{ 413, "it takes no body of this size" },
		{ 429, "it has had too many requests" },
		{ 500, "it failed" },
		{ 502, "a gateway cannot reach it" },
		{ 503, "it is not available" },
		{ 504, "a gateway waited too long for it" },
	};
	const char *text = NULL;

	url[strcspn(url, "?")] = '\0'; /* what is behind often is a password in all but name */
	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		if (texts[i].status == response->status)
			text = texts[i].text;
	return error_set(e, is_missing ? ERR_NOT_FOUND : ERR_NETWORK, "'%s' answers %u%s%s%s", url,
	    response->status, text ? " (" : "", text ? text : "", text ? ")" : "");
}
