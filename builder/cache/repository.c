/* SPDX-License-Identifier: Apache-2.0 */
/*
 * repository - a cache in a registry: an artifact of its own, or inside an image.
 */
#include "builder/cache/transport.h"

#include "runtime/base/mem.h"

#include <stdlib.h>

static void
on_progress(void *arg, uint64_t done, uint64_t total)
{
	struct transport_pulse *pulse = arg;

	(void)total;
	__atomic_store_n(&pulse->bytes, done, __ATOMIC_RELAXED);
}

static struct registry *
open_registry(const struct transport_call *call, struct error *e)
{
	struct registry_options how = *call->access->registry;

	how.note = NULL; /* nobody reads it here */
	how.progress = on_progress;
	how.arg = call->pulse;
	how.blobs_may_be_there = true;
	return registry_new(&how, e);
}

static int
read_document(
    const struct transport_call *call, struct buf *text, char **media_type, struct error *e)
{
	autoregistry struct registry *registry = open_registry(call, e);

	if (!registry)
		return -1;
	return registry_read_config(
	    registry, call->place->ref, call->platform, CACHE_DOCUMENT_MAX, media_type, text, e);
}

static int
fetch_blobs(const struct transport_call *call, struct transport_blob *blobs, size_t n_blobs,
    struct error *e)
{
	autoregistry struct registry *registry = open_registry(call, e);
	autofree struct registry_blob *wanted = xcalloc(n_blobs + 1, sizeof(*wanted));
	int result;

	if (!registry)
		return -1;
	for (size_t i = 0; i < n_blobs; i++)
		wanted[i] = (struct registry_blob){ .digest = blobs[i].layer.digest,
			.size = blobs[i].layer.size };
	result = registry_fetch_blobs(registry, call->store, call->place->ref, wanted, n_blobs, e);
	for (size_t i = 0; i < n_blobs; i++)
		blobs[i].error = wanted[i].error;
	return result;
}

static int
write_cache(const struct transport_call *call, const struct cache_records *records,
    struct cache_given *given, struct error *e)
{
	autoregistry struct registry *registry = open_registry(call, e);
	auto(descriptor) struct descriptor d = { 0 };
	struct push_result result = { 0 };
	int ok;

	if (!registry || transport_make_artifact(call->store, records, &d, e) < 0)
		return -1;
	ok = registry_push(registry, call->store, &d, call->place->ref, &result, e);
	given->bytes = result.bytes;
	given->n_layers = result.n_sent + result.n_mounted + result.n_there;
	if (given->n_layers > 0)
		given->n_layers--; /* the config */
	push_result_release(&result);
	return ok;
}

const struct transport transport_registry = { read_document, fetch_blobs, write_cache };
