/* SPDX-License-Identifier: Apache-2.0 */
/*
 * listings - the listings of layers, as the store keeps them.
 */
#ifndef CROZE_STEP_LISTINGS_H
#define CROZE_STEP_LISTINGS_H

#include "builder/layer/listing.h"
#include "builder/store/store.h"

/** Keeps @listing in the store. */
int listings_put(struct store *store, const struct digest *diff_id, const struct listing *listing,
    struct error *e);
/** The listing of the layer @blob, for listing_free(). The layer is read only when the store has none that can be used. */
struct listing *listings_get(
    struct store *store, const struct digest *blob, const struct digest *diff_id, struct error *e);

#endif
