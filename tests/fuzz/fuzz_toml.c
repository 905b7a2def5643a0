/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_toml - configuration files, and the challenges of registries.
 */
#include "builder/registry/challenge.h"
#include "builder/registry/toml.h"
#include "runtime/base/mem.h"
#include "tests/fuzz/fuzz.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct error e = ERROR_INIT;
	autojson struct json *j = toml_parse((const char *)data, size, &e);
	auto(challenge) struct challenge c = { 0 };
	auto(strv) struct strv headers = { 0 };

	(void)j;
	strv_printf(&headers, "www-authenticate: %.*s", (int)size, (const char *)data);
	challenge_read(&c, &headers);
	return 0;
}
