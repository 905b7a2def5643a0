/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_listing - listings of layers, whatever bytes stand in their file: what loads can be walked and searched.
 */
#include "tests/fuzz/fuzz.h"

#include "builder/layer/listing.h"
#include "runtime/base/mem.h"

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	struct error e = ERROR_INIT;
	struct listing *listing = listing_load(bytes, length, &e);
	struct buf path = { 0 };

	if (!listing)
		return 0;
	for (size_t i = 0; i < listing_count(listing); i++) {
		buf_clear(&path);
		listing_add_path(listing, i, &path);
		if (listing_find(listing, buf_text(&path)) != i)
			__builtin_trap();
	}
	buf_release(&path);
	listing_free(listing);
	return 0;
}
