/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_reference - names of images: what is taken is written so that it is taken again, as the same.
 */
#include "builder/image/reference.h"
#include "runtime/base/mem.h"
#include "tests/fuzz/fuzz.h"

#include <stdlib.h>

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	autofree char *text = xstrndup((const char *)bytes, length);
	auto(reference) struct reference r = { 0 };
	auto(reference) struct reference again = { 0 };
	struct error e = ERROR_INIT;
	autofree char *whole = NULL;
	autofree char *familiar = NULL;

	if (reference_parse(text, &r, &e) < 0)
		return 0;
	whole = reference_text(&r);
	familiar = reference_short(&r);
	if (reference_parse(whole, &again, &e) < 0 || !reference_equal(&r, &again))
		abort();
	if (reference_parse(familiar, &again, &e) < 0 || !reference_equal(&r, &again))
		abort();
	return 0;
}
