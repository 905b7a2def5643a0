/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_cache - the records of a cache: what is taken is written so that it is taken again, with the same bytes; and the answer
 * of the process that reads them, which may be anything once that was taken over.
 */
#include "builder/cache/place.h"
#include "builder/cache/records.h"
#include "builder/image/descriptor.h"
#include "runtime/base/mem.h"
#include "tests/fuzz/fuzz.h"

#include <stdlib.h>
#include <string.h>

static void
write_records(const struct cache_records *r, struct buf *text)
{
	autojson struct json *json = cache_records_to_json(r);

	json_write(json, 0, text);
}

static void
try_again(const struct cache_records *r)
{
	auto(buf) struct buf a = { 0 };
	auto(buf) struct buf b = { 0 };
	auto(buf) struct buf bytes = { 0 };
	struct cache_records again, packed;
	struct error e = ERROR_INIT;

	write_records(r, &a);
	if (a.len > CACHE_DOCUMENT_MAX)
		return;
	if (cache_records_parse(buf_text(&a), a.len, CACHE_MEDIA_TYPE, &again, &e) < 0)
		abort();
	cache_records_pack(&again, &bytes);
	if (cache_records_unpack(bytes.data, bytes.len, &packed, &e) < 0)
		abort();
	write_records(&packed, &b);
	if (a.len != b.len || memcmp(a.data, b.data, a.len) != 0)
		abort();
	cache_records_release(&again);
	cache_records_release(&packed);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	const char *text = (const char *)bytes;
	autofree char *line = xstrndup(text, length);
	struct cache_records r;
	struct cache_place place;
	struct error e = ERROR_INIT;

	if (cache_records_parse(text, length, CACHE_MEDIA_TYPE, &r, &e) == 0) {
		try_again(&r);
		cache_records_release(&r);
	}
	if (cache_records_parse(text, length, MEDIA_OCI_CONFIG, &r, &e) == 0)
		cache_records_release(&r);
	if (cache_records_unpack(bytes, length, &r, &e) == 0)
		cache_records_release(&r);
	if (cache_place_parse(line, CACHE_TO, &place, &e) == 0)
		cache_place_release(&place);
	return 0;
}
