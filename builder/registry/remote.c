/* SPDX-License-Identifier: Apache-2.0 */
/*
 * remote - one repository at one registry: its address, how it is reached, and its manifests.
 */
#include "builder/registry/remote.h"

#include "builder/fetch/headers.h"
#include "runtime/base/mem.h"
#include "runtime/base/text.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define ACCEPT                                                                     \
	"Accept: " MEDIA_OCI_INDEX ", " MEDIA_OCI_MANIFEST ", " MEDIA_DOCKER_INDEX \
	", " MEDIA_DOCKER_MANIFEST

void
remote_release(struct remote *r)
{
	free(r->host);
	free(r->base);
	free(r->repository);
	certs_release(&r->certs);
	challenge_release(&r->challenge);
	credentials_release(&r->credentials);
	mem_free_secret_at(&r->authorization);
	free(r->scope);
	*r = (struct remote){ 0 };
}

char *
remote_url(const struct remote *r, const char *format, ...)
{
	autofree char *path = NULL;
	va_list arguments;

	va_start(arguments, format);
	path = xvasprintf(format, arguments);
	va_end(arguments);
	if (!*r->repository)
		return xasprintf("%s/v2/%s", r->base, path);
	return xasprintf("%s/v2/%s/%s", r->base, r->repository, path);
}

char *
remote_location(const char *url, const char *location)
{
	const char *host = strstr(url, "://");
	size_t length;

	if (!location || !*location || !host)
		return NULL;
	if (text_starts_with(location, "http://") || text_starts_with(location, "https://"))
		return xstrdup(location);
	if (strstr(location, "://"))
		return NULL;
	if (text_starts_with(location, "//"))
		return xasprintf("%.*s%s", (int)(host + 1 - url), url, location);
	length = (size_t)(host + 3 - url) + strcspn(host + 3, "/?#");
	if (*location == '/')
		return xasprintf("%.*s%s", (int)length, url, location);
	length = strcspn(url, "?#");
	while (length > 0 && url[length - 1] != '/')
		length--;
	return xasprintf("%.*s%s", (int)length, url, location);
}

/* ---- how it is reached ---- */

static bool
is_this_machine(const char *host)
{
	autofree char *name = xstrdup(host);
	char *colon = strrchr(name, ':');

	if (colon && !strchr(colon, ']'))
		*colon = '\0';
	return strcasecmp(name, "localhost") == 0 || strcmp(name, "[::1]") == 0 ||
	       (strncmp(name, "127.", 4) == 0 && address_reach(name) == REACH_LOOPBACK);
}

/* Asks for BASE/v2/: the answer tells whether somebody is there, and what it wants. */
static int
ping(struct remote *r, struct fetch_response *response, struct error *e)
{
	autofree char *url = xasprintf("%s/v2/", r->base);
	struct fetch_request request = { .method = "GET", .url = url };

	if (remote_prepare(r, &request, NULL, e) < 0)
		return -1;
	return fetch_perform(r->registry->fetch, &request, response, e);
}

static int
find_base(struct remote *r, bool may_be_plain, struct fetch_response *response, struct error *e)
{
	const char *server = strcmp(r->host, "docker.io") == 0 ? "registry-1.docker.io" : r->host;
	struct error problem = ERROR_INIT;

	r->base = xasprintf("https://%s", server);
	if (ping(r, response, &problem) == 0)
		return 0;
	if (!may_be_plain || !(response->no_tls || r->flags & FETCH_INSECURE)) {
		*e = problem;
		if (response->no_tls)
			error_hint(e,
			    "if '%s' is to be trusted without TLS: --tls-verify=false, or "
			    "insecure = true in registries.conf",
			    r->host);
		return -1;
	}
	free(r->base);
	r->base = xasprintf("http://%s", server);
	return ping(r, response, e);
}

static void
warn(void *arg, const char *text)
{
	struct registry *registry = arg;

	if (!registry->was_warned)
		registry_note(registry, "%s", text);
	registry->was_warned = true;
}

int
remote_open(
    struct remote *r, struct registry *registry, const struct endpoint *endpoint, struct error *e)
{
	const struct registry_options *o = &registry->options;
	struct credentials_options who = { .creds = o->creds,
		.authfile = o->authfile,
		.helpers = &registry->registries.helpers,
		.warn = warn,
		.arg = registry };
	struct fetch_response response = { 0 };
	bool insecure = o->tls == REGISTRY_TLS_SKIP ||
	                (o->tls == REGISTRY_TLS_CONFIGURED && endpoint->insecure);
	bool may_be_plain =
	    insecure || (o->tls == REGISTRY_TLS_CONFIGURED && is_this_machine(endpoint->host));
	int found;

	*r = (struct remote){ .registry = registry,
		.host = xstrdup(endpoint->host),
		.repository = xstrdup(endpoint->repository),
		.flags = insecure ? FETCH_INSECURE : 0 };
	if (certs_load(&r->certs, o->cert_dir, r->host, e) < 0)
		return -1;
	/* Given on the command line, credentials are for the registry that is named there, not for mirrors. */
	if (endpoint->is_mirror)
		who.creds = NULL;
	found = credentials_find(&who, r->host, r->repository, &r->credentials, e);
	if (found < 0)
		return -1;
	r->has_credentials = found > 0;
	if (find_base(r, may_be_plain, &response, e) < 0)
		return -1;
	r->reach = response.reach;
	if (response.status == 401)
		challenge_read(&r->challenge, &response.headers);
	fetch_response_release(&response);
	return 0;
}

/* ---- errors ---- */

/* "{"errors":[{"code":"DENIED","message":"..."}]}" */
static char *
said(const struct fetch_response *response)
{
	struct error ignored = ERROR_INIT;
	autojson struct json *j =
	    response->text.len > 0 ? json_parse(response->text.data, response->text.len, &ignored)
				   : NULL;
	const struct json *first = json_at(json_get(j, "errors"), 0);
	const char *message = json_text(json_get(first, "message"));
	const char *code = json_text(json_get(first, "code"));

	if (!message || !*message)
		message = code;
	if (!message)
		message = json_text(json_get(j, "details")); /* of token endpoints */
	return message ? text_safe(message) : NULL;
}

int
remote_error(const struct fetch_response *response, struct error *e)
{
	autofree char *words = said(response);

	fetch_status_error(response, e);
	if (words && *words) {
		size_t length = strlen(e->text);

		snprintf(e->text + length, sizeof(e->text) - length, ": %.300s", words);
	}
	return -1;
}

/* ---- manifests ---- */

static int
check_type(
    const struct fetch_response *response, const struct buf *body, char **type, struct error *e)
{
	const char *said_type = headers_get(&response->headers, "content-type");
	autojson struct json *j = json_parse(body->data ? body->data : "", body->len, e);
	const char *own;

	if (!j)
		return -1;
	own = json_text(json_get(j, "mediaType"));
	*type = said_type ? xstrndup(said_type, strcspn(said_type, "; ")) : NULL;
	/* Plain web servers and some mirrors know no better; then the document has to say what it is. */
	if (own && (!*type || strcmp(*type, "application/json") == 0)) {
		free(*type);
		*type = xstrdup(own);
	}
	if (*type && (media_class(*type) == MEDIA_MANIFEST || media_class(*type) == MEDIA_INDEX))
		return 0;
	error_set(e, ERR_NETWORK, "it is sent as '%.100s', which is neither manifest nor index",
	    *type ? *type : "");
	free(*type);
	*type = NULL;
	return -1;
}

int
remote_manifest(struct remote *r, const char *reference, const struct digest *digest,
    struct buf *body, struct descriptor *d, struct error *e)
{
	autofree char *url = remote_url(r, "manifests/%s", reference);
	autofree char *scope = remote_scope(r, "pull");
	auto(strv) struct strv headers = { 0 };
	struct fetch_request request = {
		.method = "GET", .url = url, .headers = &headers, .digest = digest
	};
	struct fetch_response response = { 0 };
	const char *header;
	autofree char *type = NULL;
	struct digest found, told;
	struct error ignored = ERROR_INIT;
	int result;

	strv_add(&headers, ACCEPT);
	buf_clear(body);
	if (remote_read(r, &request, scope, DOCUMENT_MAX, body, &response, e) < 0)
		return -1;
	digest_of(body->data ? body->data : "", body->len, &found);
	header = headers_get(&response.headers, "docker-content-digest");
	result = check_type(&response, body, &type, e);
	if (result == 0 && header && digest_parse(header, &told, &ignored) == 0 &&
	    !digest_equal(&told, &found))
		result =
		    error_set(e, ERR_NETWORK, "its bytes are not %s, as the registry says", header);
	fetch_response_release(&response);
	if (result < 0)
		return error_ctx(e, "manifest '%s' of '%s/%s'", reference, r->host, r->repository);
	descriptor_release(d);
	descriptor_init(d, type, &found, body->len);
	return 0;
}

int
remote_target(struct remote *r, const struct reference *name, struct buf *body,
    struct descriptor *d, struct error *e)
{
	struct digest digest;

	if (name->digest && digest_parse(name->digest, &digest, e) < 0)
		return -1;
	return remote_manifest(
	    r, name->digest ? name->digest : name->tag, name->digest ? &digest : NULL, body, d, e);
}
