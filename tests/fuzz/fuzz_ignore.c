/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_ignore - any text as an ignore file and as a glob; the first line is the path that is asked
 * for.
 */
#include "builder/dockerfile/glob.h"
#include "builder/dockerfile/ignore.h"
#include "runtime/base/mem.h"
#include "tests/fuzz/fuzz.h"

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	const char *text = (const char *)bytes, *newline = memchr(text, '\n', length);
	struct error e = ERROR_INIT;
	autofree char *path = NULL, *pattern = NULL, *plain = NULL;
	struct ignore ignore;
	size_t line;

	if (!newline)
		return 0;
	path = xstrndup(text, (size_t)(newline - text));
	length -= (size_t)(newline + 1 - text);
	pattern = xstrndup(newline + 1, length);
	plain = glob_unescape(pattern);
	(void)glob_check(pattern, &e);
	(void)glob_match(pattern, path);
	(void)glob_may_match_below(pattern, path);
	if (ignore_parse(&ignore, newline + 1, length, "x", &e) < 0)
		return 0;
	(void)ignore_match(&ignore, path, false);
	(void)ignore_may_reinclude_below(&ignore, path);
	(void)ignore_reason(&ignore, path, &line);
	ignore_release(&ignore);
	return 0;
}
