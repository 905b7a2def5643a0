/* SPDX-License-Identifier: Apache-2.0 */
/*
 * token - authorization at a registry: basic, bearer tokens from the endpoint that the registry names, and the rules for
 * who gets to see a secret.
 *
 * The endpoint is the registry's choice, so it is held to what redirects are held to (fetch.h), and a secret goes to no other
 * site than that which it was given for: for an endpoint elsewhere, what the user has for that host itself is taken, or nothing.
 */
#include "builder/registry/remote.h"

#include "runtime/base/fd.h"
#include "runtime/base/mem.h"
#include "runtime/base/text.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define LIFETIME_DEFAULT 60 /* seconds, of a token that does not say (distribution, token.md) */
#define LIFETIME_MARGIN 10

char *
remote_scope(const struct remote *r, const char *actions)
{
	return xasprintf("repository:%s:%s", r->repository, actions);
}

static char *
basic(const struct credentials *c)
{
	auto(buf) struct buf plain = { 0 };
	auto(buf) struct buf text = { 0 };

	buf_printf(&plain, "%s:%s", c->user, c->secret);
	buf_add_text(&text, "Basic ");
	text_add_base64(&text, plain.data, plain.len);
	explicit_bzero(plain.data, plain.len);
	return buf_steal(&text);
}

static void
add_escaped(struct buf *b, const char *text)
{
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		if (isalnum(c) || strchr("-._~:/,", c))
			buf_add_char(b, (char)c);
		else
			buf_printf(b, "%%%02X", c);
	}
}

/* The host of a URL, without port; to be freed. */
static char *
host_of(const char *url)
{
	const char *start = strstr(url, "://");
	size_t length;

	start = start ? start + 3 : url;
	length = strcspn(start, "/?#");
	if (*start == '[')
		return xstrndup(start + 1, strcspn(start + 1, "]"));
	return xstrndup(start, memchr(start, ':', length) ? strcspn(start, ":") : length);
}

static char *
host_and_port(const char *url)
{
	const char *start = strstr(url, "://");

	start = start ? start + 3 : url;
	return xstrndup(start, strcspn(start, "/?#"));
}

/* Which secret the endpoint may have: 1 with *@c, 0 for none. */
static int
choose_secret(
    struct remote *r, struct credentials *other, const struct credentials **c, struct error *e)
{
	autofree char *realm = host_of(r->challenge.realm);
	autofree char *place = host_and_port(r->challenge.realm);
	const struct registry_options *o = &r->registry->options;
	struct credentials_options who = { .authfile = o->authfile,
		.helpers = &r->registry->registries.helpers };
	int found;

	*c = NULL;
	if (!r->has_credentials)
		return 0;
	if (challenge_same_site(r->host, realm)) {
		*c = &r->credentials;
		return 1;
	}
	found = credentials_find(&who, place, "", other, e);
	if (found > 0)
		*c = other;
	else if (found == 0)
		registry_note(r->registry,
		    "'%s' wants the password sent to '%s', another site: it is not. Tokens are "
		    "asked for "
		    "without; 'croze login %s' allows it",
		    r->host, place, place);
	return found;
}

static int
parse_token(struct remote *r, const struct buf *body, struct error *e)
{
	autojson struct json *j = json_parse(body->data ? body->data : "", body->len, e);
	const char *token = json_text(json_get(j, "token"));
	uint64_t lifetime = 0;

	if (!j)
		return -1;
	if (!token || !*token)
		token = json_text(json_get(j, "access_token"));
	if (!token || !*token)
		return error_set(e, ERR_NETWORK, "it gives no token");
	for (const char *c = token; *c; c++)
		if ((unsigned char)*c <= ' ' || (unsigned char)*c > '~')
			return error_set(
			    e, ERR_NETWORK, "its token has bytes that a token cannot have");
	if (json_number(json_get(j, "expires_in")) &&
	    json_read_u64(j, "expires_in", "token", &lifetime, e) < 0)
		return -1;
	if (lifetime == 0)
		lifetime = LIFETIME_DEFAULT;
	if (lifetime > LIFETIME_MARGIN)
		lifetime -= LIFETIME_MARGIN;
	if (lifetime > 86400)
		lifetime = 86400;
	r->authorization = xasprintf("Bearer %s", token);
	r->expires = time(NULL) + (time_t)lifetime;
	return 0;
}

static void
add_scopes(struct buf *b, const char *scope)
{
	auto(strv) struct strv scopes = { 0 };

	strv_split(&scopes, scope ? scope : "", ' ');
	for (size_t i = 0; i < scopes.count; i++) {
		if (!*scopes.items[i])
			continue;
		buf_add_text(b, "&scope=");
		add_escaped(b, scopes.items[i]);
	}
}

/* With an identity token: OAuth2's refresh grant, as a form. */
static int
post_form(struct remote *r, const struct fetch_request *to, const struct credentials *c,
    const char *scope, struct buf *body, struct fetch_response *response, struct error *e)
{
	static char form_type[] = "Content-Type: application/x-www-form-urlencoded";
	auto(strv) struct strv headers = { 0 };
	auto(buf) struct buf form = { 0 };
	autofd int file = memfd_create("croze-form", MFD_CLOEXEC);
	struct fetch_request request = *to;
	int result;

	if (file < 0)
		return error_sys(e, "cannot make a file in memory");
	strv_add(&headers, form_type);
	buf_add_text(&form, "grant_type=refresh_token&client_id=croze&service=");
	add_escaped(&form, r->challenge.service ? r->challenge.service : "");
	buf_add_text(&form, "&refresh_token=");
	add_escaped(&form, c->identity_token);
	if (scope) {
		buf_add_text(&form, "&scope=");
		add_escaped(&form, scope);
	}
	result = fd_write_all(file, form.data, form.len, e);
	request.method = "POST";
	request.flags |= FETCH_REPEATABLE;
	request.headers = &headers;
	request.has_in = true;
	request.in = file;
	request.in_length = form.len;
	explicit_bzero(form.data, form.len);
	if (result == 0)
		result = fetch_read(r->registry->fetch, &request, ANSWER_MAX, body, response, e);
	return result;
}

static int
ask_endpoint(struct remote *r, const struct credentials *c, const char *scope, struct buf *body,
    struct error *e)
{
	auto(buf) struct buf url = { 0 };
	autosecret char *authorization = NULL;
	struct fetch_response response = { 0 };
	struct fetch_request request = { .method = "GET",
		.referrer = r->base,
		.referrer_reach = r->reach,
		.attempts = r->registry->options.attempts,
		.delay = r->registry->options.delay };
	int result;

	buf_add_text(&url, r->challenge.realm);
	/* What the user has for the registry's host serves its token endpoint on that host too. */
	{
		autofree char *realm = host_of(r->challenge.realm);
		autofree char *own = host_of(r->base);

		if (strcmp(realm, own) == 0) {
			request.ca = r->certs.ca;
			request.flags = r->flags;
		}
	}
	if (c && c->identity_token) {
		request.url = buf_text(&url);
		result = post_form(r, &request, c, scope, body, &response, e);
	} else {
		buf_printf(
		    &url, "%sclient_id=croze&service=", strchr(buf_text(&url), '?') ? "&" : "?");
		add_escaped(&url, r->challenge.service ? r->challenge.service : "");
		add_scopes(&url, scope);
		if (c && c->user)
			authorization = basic(c);
		request.url = buf_text(&url);
		request.authorization = authorization;
		result = fetch_read(r->registry->fetch, &request, ANSWER_MAX, body, &response, e);
	}
	if (result < 0 && response.status)
		(void)remote_error(&response, e);
	fetch_response_release(&response);
	return result;
}

static int
get_token(struct remote *r, const char *scope, struct error *e)
{
	auto(buf) struct buf body = { 0 };
	struct credentials other = { 0 };
	const struct credentials *c;
	int result = choose_secret(r, &other, &c, e);

	if (result >= 0)
		result = ask_endpoint(r, c, scope, &body, e);
	credentials_release(&other);
	if (result == 0)
		result = parse_token(r, &body, e);
	if (body.data)
		explicit_bzero(body.data, body.len);
	if (result == 0) {
		free(r->scope);
		r->scope = scope ? xstrdup(scope) : NULL;
		return 0;
	}
	error_ctx(e, "cannot get a token for '%s'", r->host);
	if (e->kind == ERR_NOT_FOUND || e->kind == ERR_INPUT)
		e->kind = ERR_NETWORK;
	if (c && c->source)
		return error_hint(e, "the credentials come from %s", c->source);
	return error_hint(e, "croze login %s", r->host);
}

static bool
has_token(const struct remote *r, const char *scope)
{
	if (!r->authorization || (r->expires && time(NULL) >= r->expires))
		return false;
	return r->scope && scope ? strcmp(r->scope, scope) == 0 : r->scope == NULL && !scope;
}

static void
drop_token(struct remote *r)
{
	mem_free_secret_at(&r->authorization);
	free(r->scope);
	r->scope = NULL;
	r->expires = 0;
}

static int
authorize(struct remote *r, const char *scope, struct error *e)
{
	switch (r->challenge.scheme) {
	case CHALLENGE_NONE:
		return 0;
	case CHALLENGE_BASIC:
		if (!r->authorization && r->has_credentials && r->credentials.user)
			r->authorization = basic(&r->credentials);
		return 0;
	case CHALLENGE_BEARER:
		if (r->has_credentials && r->credentials.registry_token) {
			drop_token(r);
			r->authorization = xasprintf("Bearer %s", r->credentials.registry_token);
			return 0;
		}
		if (has_token(r, scope))
			return 0;
		drop_token(r);
		return get_token(r, scope, e);
	}
	return 0;
}

int
remote_prepare(struct remote *r, struct fetch_request *request, const char *scope, struct error *e)
{
	bool is_own =
	    text_starts_with(request->url, r->base) && request->url[strlen(r->base)] == '/';

	request->attempts = r->registry->options.attempts;
	request->delay = r->registry->options.delay;
	if (!is_own) { /* the registry sends us elsewhere */
		request->referrer = r->base;
		request->referrer_reach = r->reach;
		return 0;
	}
	if (scope && authorize(r, scope, e) < 0)
		return -1;
	request->flags |= r->flags;
	request->ca = r->certs.ca;
	request->cert = r->certs.cert;
	request->key = r->certs.key;
	request->authorization = scope ? r->authorization : NULL;
	return 0;
}

bool
remote_renew(struct remote *r, const struct fetch_response *response)
{
	struct challenge challenge = { 0 };

	drop_token(r);
	challenge_read(&challenge, &response->headers);
	if (challenge.scheme == CHALLENGE_NONE) {
		challenge_release(&challenge);
		return false;
	}
	challenge_release(&r->challenge);
	r->challenge = challenge;
	return challenge.scheme == CHALLENGE_BEARER || r->has_credentials;
}

static int
denied(struct remote *r, const struct fetch_response *response, struct error *e)
{
	(void)remote_error(response, e);
	if (response->status != 401 && response->status != 403)
		return -1;
	if (r->has_credentials)
		return error_hint(e, "the credentials come from %s", r->credentials.source);
	return error_hint(e, "if it needs a password: croze login %s", r->host);
}

int
remote_perform(struct remote *r, struct fetch_request *request, const char *scope,
    struct fetch_response *response, struct error *e)
{
	for (int attempt = 0;; attempt++) {
		if (remote_prepare(r, request, scope, e) < 0 ||
		    fetch_perform(r->registry->fetch, request, response, e) < 0)
			return -1;
		if (response->status != 401 || attempt > 0 || !remote_renew(r, response))
			return 0;
		fetch_response_release(response);
	}
}

int
remote_read(struct remote *r, struct fetch_request *request, const char *scope, uint64_t max,
    struct buf *body, struct fetch_response *response, struct error *e)
{
	autofd int file = memfd_create("croze-answer", MFD_CLOEXEC);

	if (file < 0)
		return error_sys(e, "cannot make a file in memory");
	request->has_out = true;
	request->out = file;
	request->max = max;
	if (remote_perform(r, request, scope, response, e) < 0)
		return -1;
	if (response->status / 100 != 2) {
		(void)denied(r, response, e);
		fetch_response_release(response);
		return -1;
	}
	if (lseek(file, 0, SEEK_SET) < 0)
		error_sys(e, "cannot read a file in memory");
	else if (fd_read_all(file, body, (size_t)max, "an answer", e) == 0)
		return 0;
	fetch_response_release(response);
	return -1;
}
