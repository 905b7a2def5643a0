/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_image - manifests, indexes and configs: what is taken is written so that it is taken again, with the same bytes.
 */
#include "builder/image/config.h"
#include "builder/image/index.h"
#include "builder/image/manifest.h"
#include "runtime/base/mem.h"
#include "tests/fuzz/fuzz.h"

#include <stdlib.h>

static void
same(const struct buf *a, const struct buf *b)
{
	if (a->len != b->len || memcmp(a->data, b->data, a->len) != 0)
		abort();
}

static void
try_manifest(const char *text, size_t length)
{
	auto(manifest) struct manifest m = { 0 };
	auto(buf) struct buf a = { 0 };
	auto(buf) struct buf b = { 0 };
	struct error e = ERROR_INIT;

	if (manifest_parse(text, length, NULL, &m, &e) < 0)
		return;
	manifest_write(&m, &a);
	if (manifest_parse(a.data, a.len, NULL, &m, &e) < 0)
		abort();
	manifest_write(&m, &b);
	same(&a, &b);
}

static void
try_index(const char *text, size_t length)
{
	auto(index) struct index x = { 0 };
	auto(platform) struct platform native = { 0 };
	auto(buf) struct buf a = { 0 };
	auto(buf) struct buf b = { 0 };
	struct error e = ERROR_INIT;

	if (index_parse(text, length, NULL, &x, &e) < 0)
		return;
	platform_native(&native);
	(void)index_choose(&x, &native);
	index_write(&x, &a);
	if (index_parse(a.data, a.len, NULL, &x, &e) < 0)
		abort();
	index_write(&x, &b);
	same(&a, &b);
}

static void
try_config(const char *text, size_t length)
{
	auto(image_config) struct image_config c = { 0 };
	auto(buf) struct buf a = { 0 };
	auto(buf) struct buf b = { 0 };
	struct error e = ERROR_INIT;

	if (image_config_parse(text, length, &c, &e) < 0)
		return;
	image_config_write(&c, &a);
	if (image_config_parse(a.data, a.len, &c, &e) < 0)
		abort();
	image_config_write(&c, &b);
	same(&a, &b);
	image_config_align_history(&c);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	const char *text = (const char *)bytes;

	try_manifest(text, length);
	try_index(text, length);
	try_config(text, length);
	return 0;
}
