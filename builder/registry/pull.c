/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pull - an image from a registry into the store.
 *
 * Manifests first, as they say what else is needed; then all blobs that the store lacks, several at a time, each written to a
 * temporary file and given its name when its digest is right. Names are set last.
 */
#include "builder/registry/remote.h"

#include "builder/image/index.h"
#include "builder/image/manifest.h"
#include "builder/registry/policy.h"
#include "runtime/base/mem.h"
#include "runtime/base/text.h"

#include <string.h>

#define NESTING_MAX 4

struct download {
	struct descriptor descriptor;
	struct blob_writer writer;
	char *url;
	uint64_t id; /* under way; 0: not */
	uint64_t so_far;
	bool was_renewed;
	bool done;
};

struct pull {
	struct remote *remote;
	struct store *store;
	const struct pull_options *options;
	const struct platform *platform;
	struct download *downloads;
	size_t n_downloads;
	size_t room;
	size_t n_chosen; /* manifests of images */
	uint64_t total;
	struct pull_result *result;
};

void
pull_result_release(struct pull_result *r)
{
	free(r->name);
	descriptor_release(&r->target);
	*r = (struct pull_result){ 0 };
}

static void
pull_release(struct pull *p)
{
	for (size_t i = 0; i < p->n_downloads; i++) {
		descriptor_release(&p->downloads[i].descriptor);
		blob_writer_release(&p->downloads[i].writer);
		free(p->downloads[i].url);
	}
	free(p->downloads);
}

static void
add_blob(struct pull *p, const struct descriptor *d)
{
	struct download *download;

	if (store_blob_has(p->store, &d->digest))
		return;
	for (size_t i = 0; i < p->n_downloads; i++)
		if (digest_equal(&p->downloads[i].descriptor.digest, &d->digest))
			return;
	xgrow(&p->downloads, p->n_downloads, &p->room, sizeof(*p->downloads));
	download = &p->downloads[p->n_downloads++];
	*download = (struct download){ .writer = BLOB_WRITER_INIT };
	descriptor_copy(&download->descriptor, d);
	p->total += d->size;
}

/* ---- manifests ---- */

static int
keep(struct pull *p, const struct buf *body, const struct descriptor *d, struct error *e)
{
	struct digest digest;

	if (store_blob_has(p->store, &d->digest))
		return 0;
	p->result->bytes += body->len;
	p->result->n_blobs++;
	return store_blob_put(p->store, body->data, body->len, &digest, e);
}

/* The document of @d: from the store, else from the registry. */
static int
get_document(struct pull *p, const struct descriptor *d, struct buf *body, struct error *e)
{
	auto(descriptor) struct descriptor found = { 0 };
	char text[DIGEST_TEXT_LEN + 1];

	if (store_blob_has(p->store, &d->digest))
		return store_blob_read(p->store, &d->digest, DOCUMENT_MAX, body, e);
	if (remote_manifest(p->remote, digest_text(&d->digest, text), &d->digest, body, &found, e) <
	    0)
		return -1;
	if (found.size != d->size)
		return error_set(e, ERR_NETWORK, "%s has %zu bytes, not %llu", text, body->len,
		    (unsigned long long)d->size);
	if (strcmp(found.media_type, d->media_type) != 0)
		return error_set(e, ERR_NETWORK, "%s is sent as '%s', not as '%s'", text,
		    found.media_type, d->media_type);
	return 0;
}

static int take_document(
    struct pull *p, const struct descriptor *d, const struct buf *body, int depth, struct error *e);

static int
take_manifest(struct pull *p, const struct descriptor *d, const struct buf *body, struct error *e)
{
	auto(manifest) struct manifest m = { 0 };
	char text[DIGEST_TEXT_LEN + 1];

	if (manifest_parse(buf_text(body), body->len, d->media_type, &m, e) < 0)
		return error_ctx(e, "%s", digest_text(&d->digest, text));
	add_blob(p, &m.config);
	for (size_t i = 0; i < m.n_layers; i++)
		add_blob(p, &m.layers[i]);
	p->n_chosen++;
	return 0;
}

static int
take_member(struct pull *p, const struct descriptor *d, int depth, struct error *e)
{
	auto(buf) struct buf body = { 0 };

	if (media_class(d->media_type) != MEDIA_MANIFEST &&
	    media_class(d->media_type) != MEDIA_INDEX) {
		add_blob(p, d);
		return 0;
	}
	if (get_document(p, d, &body, e) < 0)
		return -1;
	return take_document(p, d, &body, depth + 1, e);
}

static int
take_index(
    struct pull *p, const struct descriptor *d, const struct buf *body, int depth, struct error *e)
{
	auto(index) struct index index = { 0 };
	auto(buf) struct buf wanted = { 0 };
	const struct descriptor *chosen;
	char text[DIGEST_TEXT_LEN + 1];

	if (depth > NESTING_MAX)
		return error_set(
		    e, ERR_NETWORK, "indexes are nested more than %d deep", NESTING_MAX);
	if (index_parse(buf_text(body), body->len, d->media_type, &index, e) < 0)
		return error_ctx(e, "%s", digest_text(&d->digest, text));
	for (size_t i = 0; p->options->all_platforms && i < index.n_manifests; i++)
		if (take_member(p, &index.manifests[i], depth, e) < 0)
			return -1;
	if (p->options->all_platforms)
		return 0;
	chosen = index_choose(&index, p->platform);
	platform_add_text(&wanted, p->platform);
	if (!chosen)
		return error_set(e, ERR_NOT_FOUND, "it has no image for %s", buf_text(&wanted));
	return take_member(p, chosen, depth, e);
}

static int
take_document(
    struct pull *p, const struct descriptor *d, const struct buf *body, int depth, struct error *e)
{
	int result = media_class(d->media_type) == MEDIA_INDEX ? take_index(p, d, body, depth, e)
	                                                       : take_manifest(p, d, body, e);

	/* What refers to blobs is stored before them: nothing finds it before the name is set. */
	return result < 0 ? -1 : keep(p, body, d, e);
}

/* ---- blobs ---- */

static int
send_request(struct pull *p, struct download *d, struct error *e)
{
	autofree char *scope = remote_scope(p->remote, "pull");
	struct fetch_request request = { .method = "GET",
		.url = d->url,
		.has_out = true,
		.size = d->descriptor.size,
		.max = d->descriptor.size,
		.digest = &d->descriptor.digest };
	char text[DIGEST_TEXT_LEN + 1];

	if (!d->url) {
		d->url =
		    remote_url(p->remote, "blobs/%s", digest_text(&d->descriptor.digest, text));
		request.url = d->url;
	}
	if (d->writer.fd < 0 && blob_writer_open(&d->writer, p->store, e) < 0)
		return -1;
	request.out = d->writer.fd;
	if (remote_prepare(p->remote, &request, scope, e) < 0)
		return -1;
	return fetch_submit(p->remote->registry->fetch, &request, &d->id, e);
}

static void
tell(struct pull *p)
{
	const struct registry_options *o = &p->remote->registry->options;
	uint64_t done = 0;

	if (!o->progress)
		return;
	for (size_t i = 0; i < p->n_downloads; i++)
		done +=
		    p->downloads[i].done ? p->downloads[i].descriptor.size : p->downloads[i].so_far;
	o->progress(o->arg, done, p->total);
}

static struct download *
find_download(struct pull *p, uint64_t id)
{
	for (size_t i = 0; i < p->n_downloads; i++)
		if (p->downloads[i].id == id)
			return &p->downloads[i];
	return NULL;
}

static void
on_progress(void *arg, uint64_t id, uint64_t bytes)
{
	struct pull *p = arg;
	struct download *d = find_download(p, id);

	if (d) {
		d->so_far = bytes;
		tell(p);
	}
}

static int
take_response(struct pull *p, struct download *d, struct fetch_response *response, struct error *e)
{
	char text[DIGEST_TEXT_LEN + 1];

	if (response->error.kind != ERR_NONE) {
		*e = response->error;
		return -1;
	}
	if (response->status == 401 && !d->was_renewed && remote_renew(p->remote, response)) {
		d->was_renewed = true;
		return send_request(p, d, e);
	}
	if (response->status / 100 != 2)
		return remote_error(response, e);
	if (!response->has_digest || !digest_equal(&response->digest, &d->descriptor.digest))
		return error_set(e, ERR_NETWORK, "its bytes are not %s",
		    digest_text(&d->descriptor.digest, text));
	if (blob_writer_commit(&d->writer, &d->descriptor.digest, d->descriptor.size, e) < 0)
		return -1;
	d->done = true;
	d->id = 0;
	p->result->bytes += d->descriptor.size;
	p->result->n_blobs++;
	tell(p);
	return 0;
}

/* An empty blob cannot be asked for with a size of 0, which means any. */
static int
put_empty(struct pull *p, struct download *d, struct error *e)
{
	struct digest digest;

	if (store_blob_put(p->store, "", 0, &digest, e) < 0)
		return -1;
	d->done = true;
	if (digest_equal(&digest, &d->descriptor.digest))
		return 0;
	return error_set(e, ERR_NETWORK, "a blob of no bytes has another digest");
}

static int
take_blobs(struct pull *p, struct error *e)
{
	struct fetch *fetch = p->remote->registry->fetch;
	size_t next = 0, running = 0, n_done = 0;

	while (n_done < p->n_downloads) {
		struct fetch_response response;
		struct download *d;
		uint64_t id = 0;
		int result;

		while (running < IN_FLIGHT && next < p->n_downloads) {
			d = &p->downloads[next++];
			if (d->descriptor.size == 0) {
				if (put_empty(p, d, e) < 0)
					return -1;
				n_done++;
				continue;
			}
			if (send_request(p, d, e) < 0)
				return -1;
			running++;
		}
		if (running == 0)
			continue;
		if (fetch_wait(fetch, &id, &response, e) < 0)
			return -1;
		d = find_download(p, id);
		result = d ? take_response(p, d, &response, e) : 0;
		fetch_response_release(&response);
		if (result < 0)
			return -1;
		if (d && d->done) {
			running--;
			n_done++;
		}
	}
	return 0;
}

static int
pull_blobs(struct pull *p, struct error *e)
{
	int result;

	fetch_on_progress(p->remote->registry->fetch, on_progress, p);
	result = take_blobs(p, e);
	fetch_on_progress(p->remote->registry->fetch, NULL, NULL);
	return result;
}

/* ---- the whole ---- */

struct asked {
	struct registry *registry;
	struct store *store;
	const struct pull_options *options;
	struct pull_result *result;
	struct descriptor *only; /* find out what the name stands for, no more; NULL */
	struct buf *body;        /* and read that; NULL */
};

static int
find_target(struct remote *remote, const struct reference *name, struct buf *body,
    struct descriptor *d, struct error *e)
{
	struct digest digest;

	if (name->digest && digest_parse(name->digest, &digest, e) < 0)
		return -1;
	return remote_manifest(remote, name->digest ? name->digest : name->tag,
	    name->digest ? &digest : NULL, body, d, e);
}

static int
pull_from(const struct asked *a, const struct endpoint *endpoint, const struct reference *name,
    struct error *e)
{
	auto(remote) struct remote remote = { 0 };
	auto(platform) struct platform native = { 0 };
	auto(buf) struct buf body = { 0 };
	struct pull p = {
		.remote = &remote, .store = a->store, .options = a->options, .result = a->result
	};
	int result;

	platform_native(&native);
	if (remote_open(&remote, a->registry, endpoint, e) < 0)
		return -1;
	if (a->only)
		return find_target(&remote, name, a->body ? a->body : &body, a->only, e);
	p.platform = a->options->platform ? a->options->platform : &native;
	result = find_target(&remote, name, &body, &a->result->target, e);
	if (result == 0)
		result = take_document(&p, &a->result->target, &body, 1, e);
	if (result == 0)
		result = pull_blobs(&p, e);
	pull_release(&p);
	return result;
}

static int
pull_named(void *arg, const struct reference *name, struct error *e)
{
	const struct asked *a = arg;
	auto(endpoints) struct endpoints endpoints = { 0 };
	autofree char *whole = reference_text(name);

	if (policy_check(name, e) < 0 ||
	    registries_endpoints(&a->registry->registries, name, false, &endpoints, e) < 0)
		return -1;
	for (size_t i = 0; i < endpoints.count; i++) {
		const struct endpoint *p = &endpoints.items[i];
		struct error problem = ERROR_INIT;

		if (pull_from(a, p, name, &problem) == 0) {
			if (a->result)
				a->result->name = steal_ptr(&whole);
			return 0;
		}
		*e = problem;
		if (!p->is_mirror || problem.kind == ERR_TEMPORARY || problem.kind == ERR_SYSTEM)
			return error_ctx(e, "cannot pull '%s'", whole);
		registry_note(a->registry, "mirror '%s/%s' cannot serve it: %s", p->host,
		    p->repository, problem.text);
	}
	return error_ctx(e, "cannot pull '%s'", whole);
}

/* "app:latest" for "docker.io/library/app:latest": how other tools find it in the store. */
static int
set_name(struct store *store, const char *name, const struct pull_result *result, struct error *e)
{
	auto(reference) struct reference r = { 0 };
	autofree char *whole = NULL;
	autofree char *familiar = NULL;

	if (reference_parse(name, &r, e) < 0)
		return -1;
	/* A digest has decided; the tag, if any, is what it was called. */
	free(steal_ptr(&r.digest));
	if (r.tag) {
		whole = reference_text(&r);
		familiar = reference_short(&r);
	}
	return store_name_set(store,
	    &(struct store_name){ .name = whole,
		.short_name = familiar,
		.media_type = result->target.media_type,
		.digest = result->target.digest,
		.size = result->target.size },
	    e);
}

int
registry_pull(struct registry *registry, struct store *store, const char *name,
    const struct pull_options *options, struct pull_result *result, struct error *e)
{
	struct asked a = {
		.registry = registry, .store = store, .options = options, .result = result
	};

	*result = (struct pull_result){ 0 };
	if (registry_each_name(registry, name, pull_named, &a, e) < 0)
		return -1;
	result->was_there = result->n_blobs == 0;
	if (options->no_names)
		return 0;
	return set_name(store, options->name ? options->name : result->name, result, e);
}

int
registry_resolve(struct registry *registry, const char *name, struct descriptor *d, struct error *e)
{
	struct asked a = { .registry = registry, .only = d };

	return registry_each_name(registry, name, pull_named, &a, e);
}

int
registry_document(struct registry *registry, const char *name, struct descriptor *d,
    struct buf *body, struct error *e)
{
	struct asked a = { .registry = registry, .only = d, .body = body };

	return registry_each_name(registry, name, pull_named, &a, e);
}
