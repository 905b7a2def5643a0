/* SPDX-License-Identifier: Apache-2.0 */
/*
 * registry - what the commands share: configuration, names, login, tags.
 */
#include "builder/registry/registry.h"

#include "builder/fetch/headers.h"
#include "builder/registry/remote.h"
#include "runtime/base/mem.h"
#include "runtime/base/text.h"

#include <string.h>

#define PAGES_MAX 1000

struct registry *
registry_new(const struct registry_options *options, struct error *e)
{
	autoregistry struct registry *r = xcalloc(1, sizeof(*r));

	r->options = *options;
	r->fetch = fetch_new();
	if (registries_load(&r->registries, e) < 0)
		return NULL;
	return steal_ptr(&r);
}

void
registry_free(struct registry *r)
{
	if (!r)
		return;
	registries_release(&r->registries);
	fetch_free(r->fetch);
	free(r);
}

void
registry_free_at(struct registry **r)
{
	registry_free(*r);
	*r = NULL;
}

void
registry_note(struct registry *registry, const char *format, ...)
{
	autofree char *text = NULL;
	va_list arguments;

	if (!registry->options.note)
		return;
	va_start(arguments, format);
	text = xvasprintf(format, arguments);
	va_end(arguments);
	registry->options.note(registry->options.arg, text);
}

int
registry_each_name(struct registry *registry, const char *name,
    int (*fn)(void *arg, const struct reference *r, struct error *e), void *arg, struct error *e)
{
	auto(strv) struct strv names = { 0 };

	if (text_starts_with(name, "docker://"))
		name += strlen("docker://");
	if (registries_names(&registry->registries, name, &names, e) < 0)
		return -1;
	for (size_t i = 0; i < names.count; i++) {
		auto(reference) struct reference r = { 0 };
		struct error problem = ERROR_INIT;

		if (reference_parse(names.items[i], &r, e) < 0)
			return -1;
		if (fn(arg, &r, &problem) == 0)
			return 0;
		*e = problem;
		/* Only that it is not there leads on to the next registry: a failure must not give another image. */
		if (problem.kind != ERR_NOT_FOUND)
			return -1;
	}
	return -1;
}

int
registry_check_login(struct registry *registry, const char *host, struct error *e)
{
	struct endpoint endpoint = { .host = xstrdup(host), .repository = xstrdup("") };
	auto(remote) struct remote r = { 0 };
	struct fetch_response response = { 0 };
	autofree char *url = NULL;
	struct fetch_request request = { .method = "GET" };
	int result = remote_open(&r, registry, &endpoint, e);

	endpoint_release(&endpoint);
	if (result < 0)
		return -1;
	url = remote_url(&r, "%s", "");
	request.url = url;
	/* an empty scope: a token for nothing in particular shows that the password is right */
	if (remote_perform(&r, &request, "", &response, e) < 0)
		return -1;
	if (response.status == 401 || response.status == 403)
		result =
		    error_set(e, ERR_NETWORK, "'%s' does not accept this name and password", host);
	else if (response.status / 100 != 2)
		result = remote_error(&response, e);
	fetch_response_release(&response);
	return result;
}

struct tags {
	struct registry *registry;
	struct strv *tags;
};

static int
read_page(struct remote *r, char **url, struct strv *tags, struct error *e)
{
	autofree char *scope = remote_scope(r, "pull");
	auto(buf) struct buf body = { 0 };
	autojson struct json *j = NULL;
	struct fetch_request request = { .method = "GET", .url = *url };
	struct fetch_response response = { 0 };
	const char *link;
	char *next = NULL;

	if (remote_read(r, &request, scope, DOCUMENT_MAX, &body, &response, e) < 0)
		return -1;
	link = headers_get(&response.headers, "link");
	if (link && *link == '<' && strstr(link, "rel=\"next\"")) {
		autofree char *target = xstrndup(link + 1, strcspn(link + 1, ">"));

		next = remote_location(*url, target);
	}
	free(*url);
	*url = next;
	fetch_response_release(&response);
	j = json_parse(body.data ? body.data : "", body.len, e);
	return j ? json_read_strv(j, "tags", "tags", tags, e) : -1;
}

static int
list_tags(void *arg, const struct reference *name, struct error *e)
{
	struct tags *t = arg;
	auto(endpoints) struct endpoints endpoints = { 0 };
	auto(remote) struct remote r = { 0 };
	autofree char *url = NULL;

	if (registries_endpoints(&t->registry->registries, name, true, &endpoints, e) < 0 ||
	    remote_open(&r, t->registry, &endpoints.items[0], e) < 0)
		return -1;
	url = remote_url(&r, "tags/list?n=1000");
	for (int page = 0; url && page < PAGES_MAX; page++)
		if (read_page(&r, &url, t->tags, e) < 0)
			return -1;
	return 0;
}

int
registry_tags(struct registry *registry, const char *name, struct strv *tags, struct error *e)
{
	struct tags t = { registry, tags };

	return registry_each_name(registry, name, list_tags, &t, e);
}
