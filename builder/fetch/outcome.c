/* SPDX-License-Identifier: Apache-2.0 */
/*
 * outcome - what comes after an attempt: the next hop, another attempt, or the answer.
 *
 * Tried again is what another attempt can mend, as often as the request says; an attempt that brought a good piece counts as
 * none. A stall is tried again only when there was such a piece: otherwise each attempt would cost the idle limit.
 */
#include "builder/fetch/transfer.h"

#include "builder/fetch/headers.h"
#include "runtime/base/mem.h"
#include "runtime/base/text.h"

#include <string.h>
#include <time.h>

#define GOOD_PIECE (1U << 20) /* bytes in one attempt */
#define ATTEMPTS_EVER 50
#define DELAY_MAX 30000 /* milliseconds */
#define WAIT_MAX 120    /* seconds that a server may ask us to wait */
#define RESOLVE_ATTEMPTS 2

/* ---- redirects ---- */

static bool
is_redirect(const struct transfer *t)
{
	unsigned status = t->response.status;

	if (!headers_get(&t->response.headers, "location") ||
	    (strcmp(t->request.method, "GET") != 0 && strcmp(t->request.method, "HEAD") != 0))
		return false;
	return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

static enum transfer_next
fail(struct transfer *t, const struct error *e)
{
	autofree char *url = text_safe(t->url);

	t->response.error = *e;
	url[strcspn(url, "?")] = '\0'; /* signatures and tokens stand there */
	error_ctx(&t->response.error, "'%s'", url);
	free(t->response.url);
	t->response.url = xstrdup(t->url);
	return TRANSFER_DONE;
}

static enum transfer_next
follow(struct transfer *t)
{
	const char *location = headers_get(&t->response.headers, "location");
	struct error e = ERROR_INIT;
	CURLU *u = curl_url();
	char *next = NULL;

	if (u && curl_url_set(u, CURLUPART_URL, t->url, 0) == CURLUE_OK &&
	    curl_url_set(u, CURLUPART_URL, location, 0) == CURLUE_OK)
		(void)curl_url_get(u, CURLUPART_URL, &next, 0);
	curl_url_cleanup(u);
	if (!next || t->hops >= TRANSFER_HOPS_MAX) {
		if (!next)
			error_set(&e, ERR_NETWORK, "it redirects to what is no URL");
		else
			error_set(&e, ERR_NETWORK, "more than %d redirects", TRANSFER_HOPS_MAX);
		curl_free(next);
		return fail(t, &e);
	}
	free(t->url);
	t->url = xstrdup(next);
	curl_free(next);
	t->hops++;
	if (transfer_prepare(t, &e) < 0)
		return fail(t, &e);
	return TRANSFER_AGAIN;
}

/* ---- other attempts ---- */

static bool
may_repeat(const struct transfer *t)
{
	return strcmp(t->request.method, "GET") == 0 || strcmp(t->request.method, "HEAD") == 0 ||
	       t->request.flags & FETCH_REPEATABLE;
}

static uint64_t
next_delay(const struct transfer *t)
{
	uint64_t delay = t->request.delay ? t->request.delay : FETCH_DELAY_DEFAULT;
	unsigned shift = t->tries > 1 ? t->tries - 1 : 0;

	delay = shift < 16 ? delay << shift : DELAY_MAX;
	if (delay > DELAY_MAX)
		delay = DELAY_MAX;
	/* Many builds that a restart of the registry has stopped should not all come back at once. */
	return delay - delay / 4 + transfer_clock() % (delay / 2 + 1);
}

/* Arranges another attempt from the first URL on; false when there is none to come. */
static bool
try_again(struct transfer *t, uint64_t least_ms, unsigned attempts_max, struct error *e)
{
	unsigned attempts = t->request.attempts ? t->request.attempts : FETCH_ATTEMPTS_DEFAULT;
	uint64_t delay;

	if (attempts > attempts_max)
		attempts = attempts_max;
	if (t->received >= t->at_start + GOOD_PIECE)
		t->tries = 0;
	t->tries++;
	if (!may_repeat(t) || t->tries >= attempts || t->response.attempts >= ATTEMPTS_EVER)
		return false;
	delay = next_delay(t);
	if (delay < least_ms)
		delay = least_ms;
	free(t->url);
	t->url = xstrdup(t->request.url);
	t->hops = 0;
	if (transfer_prepare(t, e) < 0)
		return false;
	t->due = transfer_clock() + delay;
	return true;
}

static bool
is_transient_status(unsigned status)
{
	return status == 408 || status == 429 || status == 500 || status == 502 || status == 503 ||
	       status == 504;
}

static enum transfer_next
answer(struct transfer *t)
{
	free(t->response.url);
	t->response.url = xstrdup(t->url);
	return TRANSFER_DONE;
}

static enum transfer_next
repeat_status(struct transfer *t)
{
	struct error e = ERROR_INIT;
	uint64_t seconds = 0;

	(void)headers_retry_after(
	    headers_get(&t->response.headers, "retry-after"), time(NULL), &seconds);
	if (seconds > WAIT_MAX || !may_repeat(t)) {
		error_set(&e, ERR_NETWORK, "it answers %u and wants us to wait %llu s",
		    t->response.status, (unsigned long long)seconds);
		return seconds > WAIT_MAX ? fail(t, &e) : answer(t);
	}
	if (try_again(t, seconds * 1000, UINT32_MAX, &e))
		return TRANSFER_AGAIN;
	return e.kind == ERR_NONE ? answer(t) : fail(t, &e);
}

/* ---- the end of a good attempt ---- */

static enum transfer_next
begin_anew(struct transfer *t, bool without_range, const struct error *cause)
{
	struct error e = ERROR_INIT;

	if (without_range)
		t->no_range = true;
	if (transfer_start_over(t, &e) < 0)
		return fail(t, &e);
	if (try_again(t, 0, UINT32_MAX, &e))
		return TRANSFER_AGAIN;
	return fail(t, e.kind == ERR_NONE ? cause : &e);
}

static enum transfer_next
check_body(struct transfer *t)
{
	char wanted[DIGEST_TEXT_LEN + 1], found[DIGEST_TEXT_LEN + 1];
	struct error e = ERROR_INIT;

	t->response.size = t->received;
	if (strcmp(t->request.method, "GET") != 0 && !t->request.has_out)
		return answer(t);
	if (t->request.size && t->received != t->request.size) {
		error_set(&e, ERR_NETWORK, "it ends after %llu of %llu bytes",
		    (unsigned long long)t->received, (unsigned long long)t->request.size);
		if (try_again(t, 0, UINT32_MAX, &e))
			return TRANSFER_AGAIN;
		return fail(t, &e);
	}
	hash_finish(t->hash, &t->response.digest);
	t->response.has_digest = true;
	if (!t->request.digest || digest_equal(t->request.digest, &t->response.digest))
		return answer(t);
	error_set(&e, ERR_NETWORK, "its bytes are %s, not %s",
	    digest_text(&t->response.digest, found), digest_text(t->request.digest, wanted));
	if (t->was_fresh)
		return fail(t, &e);
	t->was_fresh = true;
	return begin_anew(t, false, &e);
}

static enum transfer_next
ended_well(struct transfer *t)
{
	struct error e = ERROR_INIT;
	long status = 0;

	(void)curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
	t->response.status = (unsigned)status;
	if (is_redirect(t))
		return follow(t);
	if (t->response.status == 416 && t->asked > 0) {
		error_set(&e, ERR_NETWORK, "it does not send the rest");
		return begin_anew(t, true, &e);
	}
	if (is_transient_status(t->response.status))
		return repeat_status(t);
	if (t->response.status / 100 != 2)
		return answer(t);
	if (!t->body_begun && t->response.status != 206 && t->received > 0 &&
	    transfer_start_over(t, &e) < 0)
		return fail(t, &e);
	return check_body(t);
}

/* ---- the end of a bad one ---- */

static bool
is_transient(CURLcode code)
{
	switch (code) {
	case CURLE_COULDNT_RESOLVE_HOST:
	case CURLE_COULDNT_RESOLVE_PROXY:
	case CURLE_COULDNT_CONNECT:
	case CURLE_OPERATION_TIMEDOUT:
	case CURLE_SEND_ERROR:
	case CURLE_RECV_ERROR:
	case CURLE_GOT_NOTHING:
	case CURLE_PARTIAL_FILE:
	case CURLE_HTTP2:
	case CURLE_HTTP2_STREAM:
		return true;
	default:
		return false;
	}
}

static void
explain_timeout(const struct transfer *t, struct error *e)
{
	curl_off_t all = (curl_off_t)transfer_idle(t) * TRANSFER_DOCUMENT_IDLES, took = 0;

	(void)curl_easy_getinfo(t->easy, CURLINFO_TOTAL_TIME_T, &took);
	if (transfer_is_document(t) && took / 1000000 + 1 >= all) /* both clocks differ a little */
		error_set(e, ERR_NETWORK, "it is not whole after %lld s", (long long)all);
	else
		error_set(e, ERR_NETWORK, "nothing came for %u s", transfer_idle(t));
	error_hint(e, "CROZE_NETWORK_TIMEOUT=SECONDS waits longer for a slow network");
}

static void
explain(struct transfer *t, CURLcode code, struct error *e)
{
	autofree char *scheme = NULL;
	autofree char *host = NULL;
	struct error ignored = ERROR_INIT;

	(void)transfer_split_url(t->url, &scheme, &host, &ignored);
	if (code == CURLE_OPERATION_TIMEDOUT) {
		explain_timeout(t, e);
		return;
	}
	error_set(e, ERR_NETWORK, "%s", curl_easy_strerror(code));
	if (code == CURLE_COULDNT_RESOLVE_HOST)
		error_set(
		    e, ERR_NETWORK, "there is no address for the name '%s'", host ? host : "?");
	if (code == CURLE_PEER_FAILED_VERIFICATION)
		error_hint(e,
		    "the certificate of '%s' is not one that this machine trusts: put its CA in "
		    "~/.config/containers/certs.d/HOST[:PORT]/ca.crt",
		    host ? host : "?");
	if (code == CURLE_SSL_CACERT_BADFILE)
		error_hint(e, "SSL_CERT_FILE and SSL_CERT_DIR, when they are set, have to name the "
			      "system's CAs");
	t->response.no_tls = code == CURLE_SSL_CONNECT_ERROR;
}

static enum transfer_next
ended_badly(struct transfer *t, CURLcode code)
{
	struct error e = ERROR_INIT, broken = ERROR_INIT;
	bool has_piece = t->received >= t->at_start + GOOD_PIECE;
	unsigned most = code == CURLE_COULDNT_RESOLVE_HOST ? RESOLVE_ATTEMPTS : UINT32_MAX;

	if (t->refused.kind != ERR_NONE)
		return fail(t, &t->refused);
	explain(t, code, &e);
	if (code == CURLE_WRITE_ERROR && t->no_range && t->asked > 0)
		return begin_anew(t, true, &e);
	if (!is_transient(code) || (code == CURLE_OPERATION_TIMEDOUT && !has_piece))
		return fail(t, &e);
	if (try_again(t, 0, most, &broken))
		return TRANSFER_AGAIN;
	return fail(t, broken.kind == ERR_NONE ? &e : &broken);
}

enum transfer_next
transfer_ended(struct transfer *t, CURLcode code)
{
	return code == CURLE_OK ? ended_well(t) : ended_badly(t, code);
}
