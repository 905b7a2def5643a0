/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_elf - any bytes as a program.
 */
#include "builder/layer/elf.h"
#include "runtime/base/fd.h"
#include "runtime/base/mem.h"
#include "tests/fuzz/fuzz.h"

#include <sys/mman.h>
#include <unistd.h>

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	static const struct file_text texts[] = { { "/lib", 4 }, { "libc", 5 }, { 0 } };
	struct error e = ERROR_INIT;
	auto(elf) struct elf elf = { 0 };
	autofd int fd = memfd_create("fuzz", MFD_CLOEXEC);
	struct file_range range = { .fd = fd, .size = length };

	if (fd < 0 || fd_write_all(fd, bytes, length, &e) < 0)
		return 0;
	if (elf_read(&range, &elf, &e) == 1)
		(void)elf_architecture(&elf);
	(void)file_range_search(&range, texts);
	return 0;
}
