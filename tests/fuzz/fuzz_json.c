/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_json - what is read is written, read again and equal.
 */
#include "tests/fuzz/fuzz.h"

#include "runtime/base/json.h"

#include <assert.h>

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	struct error e = ERROR_INIT;
	struct buf b = { 0 };
	struct json *j = json_parse((const char *)bytes, length, &e);
	struct json *again;

	if (!j)
		return 0;
	json_write(j, JSON_SORTED | JSON_INDENT, &b);
	again = json_parse(b.data, b.len, &e);
	assert(b.len > JSON_MAX_BYTES || (again && json_equal(j, again)));
	json_free(again);
	json_free(j);
	buf_release(&b);
	return 0;
}
