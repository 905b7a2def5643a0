/* SPDX-License-Identifier: Apache-2.0 */
/*
 * listings - the listings of layers, as the store keeps them.
 */
#include "builder/step/listings.h"

#include "builder/layer/apply.h"
#include "runtime/base/fd.h"
#include "runtime/base/mem.h"

int
listings_put(struct store *store, const struct digest *diff_id, const struct listing *listing,
    struct error *e)
{
	size_t length;
	const void *bytes = listing_bytes(listing, &length);

	return store_listing_put(store, diff_id, bytes, length, e);
}

static struct listing *
make(struct store *store, const struct digest *blob, const struct digest *diff_id, struct error *e)
{
	struct layer_source source = { .digest = blob, .diff_id = diff_id };
	autolisting struct listing *listing = NULL;
	autofd int fd = store_blob_open(store, blob, NULL, e);

	if (fd < 0)
		return NULL;
	source.fd = fd;
	if (layer_list(&source, NULL, &listing, NULL, e) < 0 ||
	    listings_put(store, diff_id, listing, e) < 0)
		return NULL;
	return steal_ptr(&listing);
}

struct listing *
listings_get(
    struct store *store, const struct digest *blob, const struct digest *diff_id, struct error *e)
{
	struct error ignored = ERROR_INIT; /* one of another version: as good as none */
	auto(buf) struct buf bytes = { 0 };
	struct listing *listing;
	int found = store_listing_get(store, diff_id, &bytes, e);

	if (found < 0)
		return NULL;
	listing = found ? listing_take(&bytes, &ignored) : NULL;
	return listing ? listing : make(store, blob, diff_id, e);
}
