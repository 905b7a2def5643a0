/* SPDX-License-Identifier: Apache-2.0 */
/*
 * request - requests and responses as JSON.
 */
#include "builder/fetch/request.h"

#include "runtime/base/mem.h"
#include "runtime/base/text.h"

#include <string.h>
#include <strings.h>

static void
set_text(struct json *j, const char *key, const char *value)
{
	if (value)
		json_set_text(j, key, value);
}

static void
set_number(struct json *j, const char *key, uint64_t value)
{
	if (value)
		json_set(j, key, json_new_u64(value));
}

struct json *
request_write(uint64_t id, const struct fetch_request *r, const struct fetch_proxies *proxies)
{
	struct json *j = json_new_object();
	char text[DIGEST_TEXT_LEN + 1];

	json_set(j, "id", json_new_u64(id));
	set_text(j, "method", r->method);
	set_text(j, "url", r->url);
	set_number(j, "flags", r->flags);
	if (r->headers)
		json_set(j, "headers", json_new_strv(r->headers));
	set_text(j, "authorization", r->authorization);
	set_text(j, "referrer", r->referrer);
	set_number(j, "referrer_reach", r->referrer_reach);
	set_number(j, "has_out", r->has_out);
	set_number(j, "max", r->max);
	set_number(j, "size", r->size == FETCH_SIZE_UNKNOWN ? 0 : r->size);
	if (r->digest)
		set_text(j, "digest", digest_text(r->digest, text));
	set_number(j, "has_in", r->has_in);
	set_number(j, "in_offset", r->in_offset);
	set_number(j, "in_length", r->in_length);
	set_text(j, "ca", r->ca);
	set_text(j, "cert", r->cert);
	set_text(j, "key", r->key);
	set_number(j, "idle", r->idle);
	set_number(j, "attempts", r->attempts);
	set_number(j, "delay", r->delay);
	set_text(j, "http_proxy", proxies->http);
	set_text(j, "https_proxy", proxies->https);
	set_text(j, "no_proxy", proxies->none);
	return j;
}

static int
read_texts(
    const struct json *j, struct fetch_request *r, struct fetch_proxies *proxies, struct error *e)
{
	const struct {
		const char *key;
		const char **value;
	} texts[] = {
		{ "method", &r->method },
		{ "url", &r->url },
		{ "authorization", &r->authorization },
		{ "referrer", &r->referrer },
		{ "ca", &r->ca },
		{ "cert", &r->cert },
		{ "key", &r->key },
		{ "http_proxy", &proxies->http },
		{ "https_proxy", &proxies->https },
		{ "no_proxy", &proxies->none },
	};

	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		if (json_read_text(j, texts[i].key, "request", texts[i].value, e) < 0)
			return -1;
	return 0;
}

int
request_read(const struct json *j, uint64_t *id, struct fetch_request *r,
    struct fetch_proxies *proxies, struct strv *headers, struct digest *digest, struct error *e)
{
	uint64_t flags = 0, reach = 0, out = 0, in = 0, idle = 0, attempts = 0, delay = 0;
	const char *digest_text = NULL;
	const struct {
		const char *key;
		uint64_t *value;
	} numbers[] = {
		{ "id", id },
		{ "flags", &flags },
		{ "referrer_reach", &reach },
		{ "has_out", &out },
		{ "max", &r->max },
		{ "size", &r->size },
		{ "has_in", &in },
		{ "in_offset", &r->in_offset },
		{ "in_length", &r->in_length },
		{ "idle", &idle },
		{ "attempts", &attempts },
		{ "delay", &delay },
	};

	for (size_t i = 0; i < ARRAY_LEN(numbers); i++)
		if (json_read_u64(j, numbers[i].key, "request", numbers[i].value, e) < 0)
			return -1;
	if (read_texts(j, r, proxies, e) < 0 ||
	    json_read_strv(j, "headers", "request", headers, e) < 0 ||
	    json_read_text(j, "digest", "request", &digest_text, e) < 0)
		return -1;
	if (!r->method || !r->url || reach > REACH_NEVER)
		return error_set(e, ERR_SYSTEM, "a request lacks its method or URL");
	r->flags = (enum fetch_flags)flags;
	r->referrer_reach = (enum reach)reach;
	r->has_out = out != 0;
	r->has_in = in != 0;
	r->idle = (unsigned)idle;
	r->attempts = (unsigned)attempts;
	r->delay = (unsigned)delay;
	r->headers = headers;
	if (digest_text && digest_parse(digest_text, digest, e) < 0)
		return -1;
	r->digest = digest_text ? digest : NULL;
	return 0;
}

/* ---- responses ---- */

struct json *
response_write(uint64_t id, const struct fetch_response *r)
{
	struct json *j = json_new_object();
	auto(buf) struct buf body = { 0 };
	char text[DIGEST_TEXT_LEN + 1];

	json_set(j, "id", json_new_u64(id));
	set_number(j, "status", r->status);
	set_text(j, "url", r->url);
	json_set(j, "headers", json_new_strv(&r->headers));
	set_number(j, "reach", r->reach);
	set_number(j, "size", r->size);
	set_number(j, "attempts", r->attempts);
	set_number(j, "no_tls", r->no_tls);
	if (r->has_digest)
		set_text(j, "digest", digest_text(&r->digest, text));
	if (r->text.len > 0) {
		text_add_base64(&body, r->text.data, r->text.len);
		set_text(j, "text", buf_text(&body));
	}
	if (r->error.kind == ERR_NONE)
		return j;
	json_set(j, "kind", json_new_u64(r->error.kind));
	set_text(j, "error", r->error.text);
	set_text(j, "hint", r->error.hint);
	return j;
}

static int
read_error(const struct json *j, struct error *found, struct error *e)
{
	const char *text = NULL, *hint = NULL;
	uint64_t kind = 0;

	if (json_read_u64(j, "kind", "response", &kind, e) < 0 ||
	    json_read_text(j, "error", "response", &text, e) < 0 ||
	    json_read_text(j, "hint", "response", &hint, e) < 0)
		return -1;
	if (kind == ERR_NONE)
		return 0;
	error_set(found, kind <= ERR_INTERRUPTED ? (enum error_kind)kind : ERR_SYSTEM, "%s",
	    text ? text : "no reason was given");
	if (hint && *hint)
		error_hint(found, "%s", hint);
	return 0;
}

int
response_read(const struct json *j, uint64_t *id, struct fetch_response *response, struct error *e)
{
	uint64_t status = 0, reach = 0, attempts = 0, no_tls = 0;
	const char *url = NULL, *digest = NULL, *text = NULL;

	*response = (struct fetch_response){ 0 };
	if (json_read_u64(j, "id", "response", id, e) < 0 ||
	    json_read_u64(j, "status", "response", &status, e) < 0 ||
	    json_read_u64(j, "reach", "response", &reach, e) < 0 ||
	    json_read_u64(j, "size", "response", &response->size, e) < 0 ||
	    json_read_u64(j, "attempts", "response", &attempts, e) < 0 ||
	    json_read_u64(j, "no_tls", "response", &no_tls, e) < 0 ||
	    json_read_text(j, "url", "response", &url, e) < 0 ||
	    json_read_text(j, "digest", "response", &digest, e) < 0 ||
	    json_read_text(j, "text", "response", &text, e) < 0 ||
	    json_read_strv(j, "headers", "response", &response->headers, e) < 0 ||
	    read_error(j, &response->error, e) < 0)
		return -1;
	if (status > 999 || reach > REACH_NEVER)
		return error_set(e, ERR_SYSTEM, "a response that is none");
	response->status = (unsigned)status;
	response->reach = (enum reach)reach;
	response->attempts = (unsigned)attempts;
	response->no_tls = no_tls != 0;
	response->url = url ? xstrdup(url) : NULL;
	response->has_digest = digest != NULL;
	if (digest && digest_parse(digest, &response->digest, e) < 0)
		return -1;
	return text ? text_parse_base64(text, &response->text, e) : 0;
}

/* ---- proxies ---- */

static bool
is_exempt(const char *none, const char *host)
{
	auto(strv) struct strv names = { 0 };
	size_t length = strlen(host);

	strv_split(&names, none, ',');
	for (size_t i = 0; i < names.count; i++) {
		const char *name = names.items[i] + strspn(names.items[i], " .");
		size_t n = strcspn(name, " :");

		if (n == 1 && *name == '*')
			return true;
		if (n > 0 && n <= length && strncasecmp(host + length - n, name, n) == 0 &&
		    (n == length || host[length - n - 1] == '.'))
			return true;
	}
	return false;
}

const char *
request_proxy(const struct fetch_proxies *proxies, const char *scheme, const char *host)
{
	const char *proxy = strcmp(scheme, "https") == 0 ? proxies->https : proxies->http;

	if (!proxy || !*proxy || (proxies->none && is_exempt(proxies->none, host)))
		return NULL;
	return proxy;
}
