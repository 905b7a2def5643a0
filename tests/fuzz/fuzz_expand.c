/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_expand - any text as a word with variables; the first byte chooses the escape character.
 */
#include "builder/dockerfile/expand.h"
#include "runtime/base/mem.h"
#include "tests/fuzz/fuzz.h"

static const char *
lookup(void *arg, const char *name)
{
	(void)arg;
	switch (name[0]) {
	case 'A':
		return "aaabbb/ccc.tar.gz äö\xff\xc3";
	case 'E':
		return "";
	case 'W':
		return "one two  three";
	default:
		return NULL;
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	struct expansion x = { '\\', lookup, NULL, 0 };
	auto(buf) struct buf result = { 0 };
	auto(strv) struct strv words = { 0 };
	struct error e = ERROR_INIT;
	autofree char *text = NULL;

	if (length == 0)
		return 0;
	if (bytes[0] == '`')
		x.escape = '`';
	text = xstrndup((const char *)bytes + 1, length - 1);
	(void)expand_word(&x, text, &result, &e);
	(void)expand_words(&x, text, &words, &e);
	return 0;
}
