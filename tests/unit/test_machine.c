/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_machine - architectures: which programs are theirs, and which of those run here.
 */
#include "runtime/base/mem.h"
#include "runtime/sandbox/machine.h"
#include "tests/unit/unit.h"

#include <string.h>
#include <sys/utsname.h>

static void
smallest_program_of_this_machine_runs(void **state)
{
	size_t n_native = 0;

	(void)state;
	for (size_t i = 0; i < machine_count; i++) {
		if (!machine_is_native(&machine_table[i]))
			continue;
		n_native++;
		assert_true(machine_runs(&machine_table[i]));
	}
	assert_int_equal(n_native, 1);
}

/** The same program with one bit of its code turned ends otherwise. */
static void
program_that_does_something_else_does_not_count(void **state)
{
	(void)state;
	for (size_t i = 0; i < machine_count; i++) {
		struct machine other = machine_table[i];

		if (!machine_is_native(&other))
			continue;
		memset(other.code, 0, sizeof(other.code));
		assert_false(machine_runs(&other));
	}
}

static void
magic_is_that_of_the_elf_header(void **state)
{
	static const struct {
		const char *architecture;
		unsigned char class, data, type[2], mask[2], machine[2];
	} rows[] = {
		{ "arm64", 2, 1, { 2, 0 }, { 0xfe, 0xff }, { 0xb7, 0 } },
		{ "arm", 1, 1, { 2, 0 }, { 0xfe, 0xff }, { 0x28, 0 } },
		{ "s390x", 2, 2, { 0, 2 }, { 0xff, 0xfe }, { 0, 0x16 } },
		{ "ppc64le", 2, 1, { 2, 0 }, { 0xfe, 0xff }, { 0x15, 0 } },
		{ "loong64", 2, 1, { 2, 0 }, { 0xfe, 0xff }, { 0x02, 0x01 } },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		unsigned char magic[MACHINE_IDENT], mask[MACHINE_IDENT];

		machine_magic(machine_find(rows[i].architecture), magic, mask);
		assert_memory_equal(magic, "\177ELF", 4);
		assert_int_equal(magic[4], rows[i].class);
		assert_int_equal(magic[5], rows[i].data);
		assert_memory_equal(magic + 16, rows[i].type, 2);
		assert_memory_equal(mask + 16, rows[i].mask, 2);
		assert_memory_equal(magic + 18, rows[i].machine, 2);
		assert_memory_equal(mask + 18, "\377\377", 2);
	}
	assert_null(machine_find("vax"));
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(smallest_program_of_this_machine_runs),
	cmocka_unit_test(program_that_does_something_else_does_not_count),
	cmocka_unit_test(magic_is_that_of_the_elf_header),
};

UNIT_MAIN(tests);
