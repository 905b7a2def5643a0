/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_headers - fields of HTTP responses, line by line, and what is read out of their values.
 */
#include "builder/fetch/headers.h"
#include "runtime/base/mem.h"
#include "tests/fuzz/fuzz.h"

#include <stdlib.h>
#include <string.h>

#define LINES_MAX 64

static void
try_value(const char *value)
{
	uint64_t first, last, total, seconds;
	time_t time;

	/* of a range that is taken, the ends are in order and within the whole */
	if (headers_content_range(value, &first, &last, &total) && (first > last || last >= total))
		abort();
	(void)headers_date(value, &time);
	(void)headers_retry_after(value, 1700000000, &seconds);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *at = (const char *)data, *end = at + size;
	auto(strv) struct strv headers = { 0 };

	while (at < end) {
		const char *newline = memchr(at, '\n', (size_t)(end - at));
		size_t length = (size_t)((newline ? newline : end) - at);
		autofree char *line = xstrndup(at, length);

		headers_add(&headers, at, length);
		try_value(line);
		at += length + 1;
	}
	if (headers.count > LINES_MAX)
		abort();
	for (size_t i = 0; i < headers.count; i++) {
		const char *colon = strchr(headers.items[i], ':');

		if (!colon || colon[1] != ' ')
			abort();
		try_value(colon + 2);
	}
	return 0;
}
