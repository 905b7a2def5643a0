/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz - the function that each fuzzer defines.
 *
 * One file a parser, tests/fuzz/fuzz_<name>.c, and one line in tests/module.am. The same function
 * runs under libFuzzer (make check-fuzz) and, over tests/fuzz/corpus/<name>/, in make check.
 */
#ifndef CROZE_TESTS_FUZZ_H
#define CROZE_TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>

/** Gives @length bytes to the parser. Returns 0 always; a fault is a crash. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

#endif
