/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_digests - the memory of file digests, whatever bytes stand in its file.
 */
#include "tests/fuzz/fuzz.h"

#include "builder/context/digests.h"
#include "runtime/base/mem.h"

#include <string.h>

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	autofree void *copy = xmemdup(bytes, length); /* as aligned as a mapped file */
	struct digests *digests = digests_from_bytes(copy, length);

	if (!digests)
		return 0;
	for (size_t at = 64; at + sizeof(struct digests_key) <= length; at += 80) {
		struct digests_key key;

		memcpy(&key, bytes + at, sizeof(key));
		(void)digests_find(digests, &key, NULL, NULL);
		key.inode++;
		(void)digests_find(digests, &key, NULL, NULL);
	}
	digests_free(digests);
	return 0;
}
