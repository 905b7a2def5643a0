/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_elf - what a program says it needs; damaged files.
 */
#include "builder/layer/elf.h"
#include "runtime/base/fd.h"
#include "runtime/base/mem.h"
#include "tests/unit/unit.h"

#include <elf.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static int
open_self(struct file_range *range)
{
	int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	struct stat st;

	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &st), 0);
	*range = (struct file_range){ .fd = fd, .size = (uint64_t)st.st_size };
	return fd;
}

static void
program_names_interpreter_and_libraries(void **state)
{
	auto(elf) struct elf elf = { 0 };
	struct file_range range;
	struct error e = ERROR_INIT;
	autofd int fd = open_self(&range);
	bool libc = false;

	(void)state;
	assert_ok(elf_read(&range, &elf, &e), &e);
	assert_non_null(elf.interpreter);
	assert_true(elf.interpreter[0] == '/');
	for (size_t n = 0; n < elf.needed.count; n++)
		libc = libc || strncmp(elf.needed.items[n], "libc.", 5) == 0;
	assert_true(libc);
	assert_non_null(elf_architecture(&elf));
}

static void
texts_are_found_also_across_windows(void **state)
{
	static const struct file_text texts[] = { { "first", 5 }, { "NEEDLE", 7 }, { "absent", 6 },
		{ 0 } };
	const size_t window = 1U << 20;
	autofd int fd = memfd_create("test", MFD_CLOEXEC);
	struct file_range range = { .fd = fd, .size = 3 * window };

	(void)state;
	assert_int_equal(ftruncate(fd, (off_t)range.size), 0);
	assert_int_equal(pwrite(fd, "NEEDLE", 6, (off_t)window - 3), 6);
	assert_int_equal(pwrite(fd, "first", 5, 0), 5);
	assert_int_equal(file_range_search(&range, texts), 3);
	range.offset = 1;
	range.size -= 1;
	assert_int_equal(file_range_search(&range, texts), 2);
	range.size = window - 3;
	assert_int_equal(file_range_search(&range, texts), 0);
}

static void
other_files_are_no_programs(void **state)
{
	autofd int fd = memfd_create("test", MFD_CLOEXEC);
	struct file_range range = { .fd = fd };
	auto(elf) struct elf elf = { 0 };
	struct error e = ERROR_INIT;

	(void)state;
	assert_int_equal(elf_read(&range, &elf, &e), 0);
	assert_int_equal(write(fd, "#!/bin/sh\n", 10), 10);
	range.size = 10;
	assert_int_equal(elf_read(&range, &elf, &e), 0);
}

static void
cut_files_are_errors_and_nothing_worse(void **state)
{
	struct file_range range;
	autofd int fd = open_self(&range);
	uint64_t size = range.size;
	size_t refused = 0;

	(void)state;
	for (uint64_t length = 4; length < 4096; length++) {
		auto(elf) struct elf elf = { 0 };
		struct error e = ERROR_INIT;

		range.size = length < size ? length : size;
		if (elf_read(&range, &elf, &e) < 0) {
			assert_int_equal(e.kind, ERR_INPUT);
			refused++;
		}
	}
	assert_true(refused > 60);
}

static void
numbers_that_cannot_be_are_refused(void **state)
{
	autofd int fd = memfd_create("test", MFD_CLOEXEC);
	Elf64_Ehdr head = { .e_ident = ELFMAG, .e_phnum = 0xffff, .e_phentsize = 56 };
	struct file_range range = { .fd = fd, .size = sizeof(head) };
	auto(elf) struct elf elf = { 0 };
	struct error e = ERROR_INIT;

	(void)state;
	head.e_ident[EI_CLASS] = ELFCLASS64;
	head.e_ident[EI_DATA] = ELFDATA2LSB;
	assert_int_equal(pwrite(fd, &head, sizeof(head), 0), sizeof(head));
	assert_int_equal(elf_read(&range, &elf, &e), -1);
	head.e_phnum = 1;
	head.e_phoff = UINT64_MAX - 8;
	assert_int_equal(pwrite(fd, &head, sizeof(head), 0), sizeof(head));
	assert_int_equal(elf_read(&range, &elf, &e), -1);
	head.e_ident[EI_CLASS] = 9;
	assert_int_equal(pwrite(fd, &head, sizeof(head), 0), sizeof(head));
	assert_int_equal(elf_read(&range, &elf, &e), -1);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(program_names_interpreter_and_libraries),
	cmocka_unit_test(texts_are_found_also_across_windows),
	cmocka_unit_test(other_files_are_no_programs),
	cmocka_unit_test(cut_files_are_errors_and_nothing_worse),
	cmocka_unit_test(numbers_that_cannot_be_are_refused),
};

UNIT_MAIN(tests);
