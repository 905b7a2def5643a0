/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_packages - any bytes as each of the text files that say which packages there are; the answer, and documents of it.
 *
 * The first byte chooses the file.
 */
#include "builder/attest/parsers.h"
#include "builder/attest/sbom.h"
#include "runtime/base/fd.h"
#include "runtime/base/mem.h"
#include "tests/fuzz/fuzz.h"

#include <sys/mman.h>
#include <unistd.h>

static parse_fn *const parsers[] = { dpkg_parse, apk_parse, python_parse, npm_parse, npm_parse_lock,
	os_release_parse };

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	static const struct digest digest;
	const struct sbom_subject subject = { .digest = &digest };
	struct error e = ERROR_INIT;
	auto(inventory) struct inventory inv = { 0 };
	autofd int fd = memfd_create("fuzz", MFD_CLOEXEC);
	struct file_range range = { .fd = fd, .offset = 1, .size = length ? length - 1 : 0 };

	if (length == 0 || fd < 0 || fd_write_all(fd, bytes, length, &e) < 0)
		return 0;
	if (bytes[0] == 'A') {
		struct buf answer = { .data = (char *)(uintptr_t)bytes + 1, .len = length - 1 };

		(void)inventory_read(&inv, &answer, &e);
	} else {
		parsers[bytes[0] % ARRAY_LEN(parsers)](&range, "node_modules/x/package.json", &inv);
	}
	inventory_finish(&inv);
	for (enum sbom_format n = 0; sbom_format_name(n); n++)
		json_free(sbom_make(n, &subject, &inv));
	return 0;
}
