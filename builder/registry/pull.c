/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pull - an image from a registry into the store.
 *
 * Manifests first, as they say what else is needed; then all blobs that the store lacks, several at a time, each written to a
 * temporary file and given its name when its digest is right. Names are set last.
 */
#include "builder/registry/blobs.h"

#include "builder/image/index.h"
#include "builder/image/manifest.h"
#include "builder/registry/policy.h"
#include "runtime/base/mem.h"
#include "runtime/base/text.h"

#include <string.h>

#define NESTING_MAX 4

struct pull {
	struct remote *remote;
	struct store *store;
	const struct pull_options *options;
	const struct platform *platform;
	struct blobs configs; /* when somebody waits for them; else they are among @blobs */
	struct blobs blobs;
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
	blobs_release(&p->configs);
	blobs_release(&p->blobs);
}

static void
add_blob(struct pull *p, struct blobs *list, const struct descriptor *d)
{
	if (!store_blob_has(p->store, &d->digest))
		blobs_add(list, &d->digest, d->size);
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
	add_blob(p, p->options->documents ? &p->configs : &p->blobs, &m.config);
	for (size_t i = 0; i < m.n_layers; i++)
		add_blob(p, &p->blobs, &m.layers[i]);
	return 0;
}

static int
take_member(struct pull *p, const struct descriptor *d, int depth, struct error *e)
{
	auto(buf) struct buf body = { 0 };

	if (media_class(d->media_type) != MEDIA_MANIFEST &&
	    media_class(d->media_type) != MEDIA_INDEX) {
		add_blob(p, &p->blobs, d);
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
take_blobs(struct pull *p, struct blobs *blobs, struct error *e)
{
	int result = blobs_take(blobs, p->remote, p->store, BLOBS_TOGETHER, e);

	for (size_t i = 0; i < blobs->count; i++) {
		if (!blobs->items[i].came)
			continue;
		p->result->bytes += blobs->items[i].size;
		p->result->n_blobs++;
	}
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
	bool was_told;           /* to options->documents: of @told */
	struct digest told;
};

/* Who was told what the image is gets the rest of that one, wherever it comes from. */
static int
tell_documents(struct asked *a, struct pull *p, struct error *e)
{
	if (!a->options->documents)
		return 0;
	if (a->was_told)
		return digest_equal(&a->told, &a->result->target.digest)
		           ? 0
		           : error_set(e, ERR_NETWORK, "it has another image by this name");
	if (take_blobs(p, &p->configs, e) < 0)
		return -1;
	a->was_told = true;
	a->told = a->result->target.digest;
	return a->options->documents(a->options->arg, a->result, e);
}

static int
pull_from(
    struct asked *a, const struct endpoint *endpoint, const struct reference *name, struct error *e)
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
		return remote_target(&remote, name, a->body ? a->body : &body, a->only, e);
	p.platform = a->options->platform ? a->options->platform : &native;
	result = remote_target(&remote, name, &body, &a->result->target, e);
	if (result == 0)
		result = take_document(&p, &a->result->target, &body, 1, e);
	if (result == 0)
		result = tell_documents(a, &p, e);
	if (result == 0)
		result = take_blobs(&p, &p.blobs, e);
	pull_release(&p);
	return result;
}

static int
pull_named(void *arg, const struct reference *name, struct error *e)
{
	struct asked *a = arg;
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
