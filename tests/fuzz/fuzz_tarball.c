/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_tarball - archives that hold images. Checksums are set right first: else nothing behind them is ever reached.
 */
#include "builder/image/tarball.h"
#include "runtime/base/fd.h"
#include "runtime/base/mem.h"
#include "tests/fuzz/fuzz.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

static void
seal_all(uint8_t *bytes, size_t length)
{
	for (size_t at = 0; at + 512 <= length; at += 512) {
		unsigned sum = 8 * ' ';
		char digits[16];

		for (size_t i = 0; i < 512; i++)
			sum += i < 148 || i >= 156 ? bytes[at + i] : 0;
		if (sum == 8 * ' ')
			continue;
		snprintf(digits, sizeof(digits), "%06o", sum);
		memcpy(bytes + at + 148, digits, 7);
		bytes[at + 155] = ' ';
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	autofree uint8_t *copy = xmemdup(bytes, length ? length : 1);
	auto(tarball) struct tarball t = { .fd = -1 };
	autofd int fd = memfd_create("tar", MFD_CLOEXEC);
	struct error e = ERROR_INIT;

	seal_all(copy, length);
	if (fd < 0 || fd_write_all(fd, copy, length, &e) < 0)
		return 0;
	if (tarball_open(&t, fd, &e) < 0)
		return 0;
	for (size_t i = 0; i < t.count; i++) {
		const struct tarball_member *m = tarball_find_linked(&t, t.members[i].name, &e);
		auto(buf) struct buf b = { 0 };

		/* Everything that is found lies inside the file. */
		if (m && m->size < 65536 && tarball_read(&t, m, 65536, &b, &e) < 0)
			abort();
	}
	return 0;
}
