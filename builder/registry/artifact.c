/* SPDX-License-Identifier: Apache-2.0 */
/*
 * artifact - manifests that stand for no image: their config, and single blobs of a repository.
 *
 * What is asked for is named by its user, blob by blob: one that does not come is told, and the others come all the same.
 */
#include "builder/registry/remote.h"

#include "builder/image/index.h"
#include "builder/image/manifest.h"
#include "builder/registry/policy.h"
#include "runtime/base/mem.h"
#include "runtime/base/text.h"

#include <string.h>

/* ---- where it is ---- */

typedef int with_remote_fn(
    void *arg, struct remote *remote, const struct reference *name, struct error *e);

struct asked {
	struct registry *registry;
	with_remote_fn *fn;
	void *arg;
};

static int
ask_endpoint(const struct asked *a, const struct endpoint *endpoint, const struct reference *name,
    struct error *e)
{
	auto(remote) struct remote remote = { 0 };

	if (remote_open(&remote, a->registry, endpoint, e) < 0)
		return -1;
	return a->fn(a->arg, &remote, name, e);
}

/* Mirrors in their order, then the registry itself. */
static int
ask_named(void *arg, const struct reference *name, struct error *e)
{
	const struct asked *a = arg;
	auto(endpoints) struct endpoints endpoints = { 0 };
	int result = -1;

	if (policy_check(name, e) < 0 ||
	    registries_endpoints(&a->registry->registries, name, false, &endpoints, e) < 0)
		return -1;
	for (size_t i = 0; result < 0 && i < endpoints.count; i++) {
		struct error problem = ERROR_INIT;

		result = ask_endpoint(a, &endpoints.items[i], name, &problem);
		if (result < 0)
			*e = problem;
	}
	return result;
}

/* ---- a config ---- */

struct config_asked {
	const struct platform *platform;
	uint64_t max;
	char **media_type;
	struct buf *config;
};

/* The manifest that @name stands for, chosen from an index if it is one. */
static int
find_manifest(struct remote *remote, const struct reference *name, const struct platform *platform,
    struct manifest *m, struct error *e)
{
	auto(platform) struct platform native = { 0 };
	auto(descriptor) struct descriptor d = { 0 };
	auto(index) struct index index = { 0 };
	auto(buf) struct buf body = { 0 };
	const struct descriptor *member;
	struct digest digest;
	char text[DIGEST_TEXT_LEN + 1];

	if (name->digest && digest_parse(name->digest, &digest, e) < 0)
		return -1;
	if (remote_manifest(remote, name->digest ? name->digest : name->tag,
		name->digest ? &digest : NULL, &body, &d, e) < 0)
		return -1;
	if (media_class(d.media_type) == MEDIA_INDEX) {
		platform_native(&native);
		if (index_parse(buf_text(&body), body.len, d.media_type, &index, e) < 0)
			return -1;
		member = index_choose(&index, platform ? platform : &native);
		if (!member)
			return error_set(e, ERR_NOT_FOUND, "it has nothing for this platform");
		digest = member->digest;
		if (remote_manifest(remote, digest_text(&digest, text), &digest, &body, &d, e) < 0)
			return -1;
	}
	return manifest_parse(buf_text(&body), body.len, d.media_type, m, e);
}

static int
read_config(void *arg, struct remote *remote, const struct reference *name, struct error *e)
{
	const struct config_asked *a = arg;
	auto(manifest) struct manifest m = { 0 };
	autofree char *scope = remote_scope(remote, "pull");
	autofree char *url = NULL;
	struct fetch_request request = { .method = "GET" };
	struct fetch_response response = { 0 };
	char text[DIGEST_TEXT_LEN + 1];
	struct digest found;

	if (find_manifest(remote, name, a->platform, &m, e) < 0)
		return -1;
	if (m.config.size > a->max)
		return error_set(e, ERR_POLICY, "its config has %llu bytes, more than %llu",
		    (unsigned long long)m.config.size, (unsigned long long)a->max);
	url = remote_url(remote, "blobs/%s", digest_text(&m.config.digest, text));
	request.url = url;
	request.digest = &m.config.digest;
	buf_clear(a->config);
	if (remote_read(remote, &request, scope, a->max, a->config, &response, e) < 0)
		return -1;
	fetch_response_release(&response);
	digest_of(a->config->data ? a->config->data : "", a->config->len, &found);
	if (!digest_equal(&found, &m.config.digest))
		return error_set(e, ERR_NETWORK, "its config is not %s", text);
	*a->media_type = xstrdup(m.config.media_type);
	return 0;
}

int
registry_read_config(struct registry *registry, const char *name, const struct platform *platform,
    uint64_t max, char **media_type, struct buf *config, struct error *e)
{
	struct config_asked how = { platform, max, media_type, config };
	struct asked a = { registry, read_config, &how };

	return registry_each_name(registry, name, ask_named, &a, e);
}

/* ---- blobs ---- */

struct arrival {
	struct registry_blob *blob;
	struct blob_writer writer;
	char *url;
	uint64_t id; /* under way; 0: not */
	uint64_t so_far;
	bool was_renewed;
};

struct blobs_asked {
	struct store *store;
	struct registry_blob *blobs;
	size_t n_blobs;
	const struct registry_options *options;
	struct arrival *arrivals; /* as @blobs */
};

static int
send_request(struct remote *remote, struct store *store, struct arrival *a, struct error *e)
{
	autofree char *scope = remote_scope(remote, "pull");
	struct fetch_request request = { .method = "GET",
		.has_out = true,
		.size = a->blob->size,
		.max = a->blob->size,
		.digest = &a->blob->digest };
	char text[DIGEST_TEXT_LEN + 1];

	if (!a->url)
		a->url = remote_url(remote, "blobs/%s", digest_text(&a->blob->digest, text));
	request.url = a->url;
	if (a->writer.fd < 0 && blob_writer_open(&a->writer, store, e) < 0)
		return -1;
	request.out = a->writer.fd;
	if (remote_prepare(remote, &request, scope, e) < 0)
		return -1;
	return fetch_submit(remote->registry->fetch, &request, &a->id, e);
}

/* Returns 1 when it was asked for again, 0 when it is here, -1. */
static int
take_response(struct remote *remote, struct store *store, struct arrival *a,
    struct fetch_response *response, struct error *e)
{
	a->id = 0;
	if (response->error.kind != ERR_NONE) {
		*e = response->error;
		return -1;
	}
	if (response->status == 401 && !a->was_renewed && remote_renew(remote, response)) {
		a->was_renewed = true;
		return send_request(remote, store, a, e) < 0 ? -1 : 1;
	}
	if (response->status / 100 != 2)
		return remote_error(response, e);
	if (!response->has_digest || !digest_equal(&response->digest, &a->blob->digest))
		return error_set(e, ERR_NETWORK, "its bytes have another digest");
	return blob_writer_commit(&a->writer, &a->blob->digest, a->blob->size, e);
}

static struct arrival *
find_arrival(struct arrival *arrivals, size_t n, uint64_t id)
{
	for (size_t i = 0; i < n; i++)
		if (arrivals[i].id == id)
			return &arrivals[i];
	return NULL;
}

static void
on_progress(void *arg, uint64_t id, uint64_t bytes)
{
	const struct blobs_asked *b = arg;
	struct arrival *a = find_arrival(b->arrivals, b->n_blobs, id);
	uint64_t done = 0, total = 0;

	if (a)
		a->so_far = bytes;
	for (size_t i = 0; i < b->n_blobs; i++) {
		done += b->arrivals[i].so_far;
		total += b->blobs[i].size;
	}
	if (b->options->progress)
		b->options->progress(b->options->arg, done, total);
}

/* One answer; returns whether something has ended with it, or -1 when croze-fetch is gone. */
static int
take_one(struct remote *remote, const struct blobs_asked *b, struct error *e)
{
	struct fetch_response response;
	struct arrival *a;
	uint64_t id = 0;
	int result;

	if (fetch_wait(remote->registry->fetch, &id, &response, e) < 0)
		return -1;
	a = find_arrival(b->arrivals, b->n_blobs, id);
	result = a ? take_response(remote, b->store, a, &response, &a->blob->error) : 1;
	fetch_response_release(&response);
	return result <= 0;
}

static int
take_all(struct remote *remote, const struct blobs_asked *b, struct error *e)
{
	size_t next = 0, running = 0;

	while (next < b->n_blobs || running > 0) {
		int ended;

		while (running < IN_FLIGHT && next < b->n_blobs) {
			struct arrival *a = &b->arrivals[next];

			a->blob = &b->blobs[next++];
			if (store_blob_has(b->store, &a->blob->digest))
				continue;
			if (send_request(remote, b->store, a, &a->blob->error) == 0)
				running++;
		}
		if (running == 0)
			continue;
		ended = take_one(remote, b, e);
		if (ended < 0)
			return -1;
		running -= (size_t)ended;
	}
	return 0;
}

static int
fetch_blobs(void *arg, struct remote *remote, const struct reference *name, struct error *e)
{
	struct blobs_asked *b = arg;
	autofree struct arrival *arrivals = xcalloc(b->n_blobs + 1, sizeof(*arrivals));
	int result;

	(void)name; /* the repository is the remote's */
	for (size_t i = 0; i < b->n_blobs; i++) {
		arrivals[i].writer = (struct blob_writer)BLOB_WRITER_INIT;
		error_clear(&b->blobs[i].error);
	}
	b->arrivals = arrivals;
	fetch_on_progress(remote->registry->fetch, on_progress, b);
	result = take_all(remote, b, e);
	fetch_on_progress(remote->registry->fetch, NULL, NULL);
	for (size_t i = 0; i < b->n_blobs; i++) {
		blob_writer_release(&arrivals[i].writer);
		free(arrivals[i].url);
	}
	return result;
}

int
registry_fetch_blobs(struct registry *registry, struct store *store, const char *name,
    struct registry_blob *blobs, size_t n_blobs, struct error *e)
{
	struct blobs_asked how = { store, blobs, n_blobs, &registry->options, NULL };
	struct asked a = { registry, fetch_blobs, &how };

	return registry_each_name(registry, name, ask_named, &a, e);
}
