/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_rpm - any bytes as rpm's database, and as one header of it.
 */
#include "builder/attest/parsers.h"
#include "runtime/base/fd.h"
#include "runtime/base/mem.h"
#include "tests/fuzz/fuzz.h"

#include <sys/mman.h>
#include <unistd.h>

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	struct error e = ERROR_INIT;
	auto(inventory) struct inventory inv = { 0 };
	autofd int fd = memfd_create("fuzz", MFD_CLOEXEC);
	struct file_range range = { .fd = fd, .size = length };

	if (fd < 0 || fd_write_all(fd, bytes, length, &e) < 0)
		return 0;
	rpm_parse(&range, "file", &inv);
	rpm_parse_header(bytes, length, "file", &inv);
	inventory_finish(&inv);
	return 0;
}
