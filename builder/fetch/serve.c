/* SPDX-License-Identifier: Apache-2.0 */
/*
 * serve - the loop of croze-fetch.
 */
#include "builder/fetch/serve.h"

#include "builder/fetch/message.h"
#include "builder/fetch/transfer.h"
#include "runtime/base/mem.h"

#include <poll.h>
#include <string.h>

#define WAIT_MS 1000
#define CONNECTIONS_PER_HOST 8L

struct service {
	int socket;
	CURLM *multi;
	struct transfer *transfers;
};

static int
send_response(
    const struct service *s, uint64_t id, const struct fetch_response *response, struct error *e)
{
	autojson struct json *j = response_write(id, response);

	return fetch_message_send(s->socket, j, NULL, 0, e);
}

/* Sends the answer of @t and forgets it. */
static int
finish(struct service *s, struct transfer *t, struct error *e)
{
	struct transfer **at = &s->transfers;
	int result = send_response(s, t->id, &t->response, e);

	while (*at && *at != t)
		at = &(*at)->next;
	if (*at)
		*at = t->next;
	transfer_free(t);
	return result;
}

/* Its handle goes to curl now, or when it is due. */
static void
start(struct service *s, struct transfer *t)
{
	if (t->due == 0)
		(void)curl_multi_add_handle(s->multi, t->easy);
}

static int
take_request(struct service *s, struct json *message, const int *fds, size_t n_fds, struct error *e)
{
	struct fetch_response failed = { 0 };
	uint64_t id = 0;
	struct transfer *t = transfer_new(message, fds, n_fds, s->socket, &id, &failed.error);

	if (!t)
		return send_response(s, id, &failed, e);
	t->next = s->transfers;
	s->transfers = t;
	if (transfer_prepare(t, &t->response.error) < 0) {
		t->response.url = xstrdup(t->url);
		return finish(s, t, e);
	}
	start(s, t);
	return 0;
}

static int
take_results(struct service *s, struct error *e)
{
	CURLMsg *m;
	int left;

	while ((m = curl_multi_info_read(s->multi, &left))) {
		CURLcode code = m->data.result;
		CURL *easy = m->easy_handle;
		struct transfer *t = NULL;

		if (m->msg != CURLMSG_DONE)
			continue;
		(void)curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **)&t);
		(void)curl_multi_remove_handle(s->multi, easy);
		if (!t)
			continue;
		if (transfer_ended(t, code) == TRANSFER_AGAIN)
			start(s, t);
		else if (finish(s, t, e) < 0)
			return -1;
	}
	return 0;
}

/* Starts what is due; returns the milliseconds until the next one is. */
static int
start_due(struct service *s)
{
	uint64_t now = transfer_clock();
	uint64_t wait = WAIT_MS;

	for (struct transfer *t = s->transfers; t; t = t->next) {
		if (t->due == 0)
			continue;
		if (t->due > now) {
			wait = t->due - now < wait ? t->due - now : wait;
			continue;
		}
		t->due = 0;
		start(s, t);
		wait = 0;
	}
	return (int)wait;
}

static int
serve(struct service *s, struct error *e)
{
	struct curl_waitfd wait = { .fd = s->socket, .events = CURL_WAIT_POLLIN };
	int fds[MESSAGE_FDS];
	int running;

	for (;;) {
		int ms = start_due(s);
		struct json *message = NULL;
		size_t n_fds = 0;
		int got;

		if (curl_multi_perform(s->multi, &running) != CURLM_OK)
			return error_set(e, ERR_SYSTEM, "libcurl failed");
		if (take_results(s, e) < 0)
			return -1;
		wait.revents = 0;
		if (curl_multi_poll(s->multi, &wait, 1, ms, NULL) != CURLM_OK)
			return error_set(e, ERR_SYSTEM, "libcurl cannot wait");
		if (!wait.revents)
			continue;
		got = fetch_message_receive(s->socket, &message, fds, &n_fds, e);
		if (got <= 0)
			return got;
		if (take_request(s, message, fds, n_fds, e) < 0)
			return -1;
	}
}

int
serve_run(int socket, struct error *e)
{
	struct service s = { .socket = socket, .multi = curl_multi_init() };
	int result;

	if (!s.multi)
		return error_set(e, ERR_SYSTEM, "libcurl cannot start");
	(void)curl_multi_setopt(s.multi, CURLMOPT_PIPELINING, (long)CURLPIPE_MULTIPLEX);
	(void)curl_multi_setopt(s.multi, CURLMOPT_MAX_HOST_CONNECTIONS, CONNECTIONS_PER_HOST);
	result = serve(&s, e);
	while (s.transfers) {
		struct transfer *t = s.transfers;

		s.transfers = t->next;
		if (t->easy)
			(void)curl_multi_remove_handle(s.multi, t->easy);
		transfer_free(t);
	}
	(void)curl_multi_cleanup(s.multi);
	return result;
}
