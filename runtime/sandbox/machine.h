/* SPDX-License-Identifier: Apache-2.0 */
/*
 * machine - the architectures that programs are for, and whether those of one run here.
 *
 * Found out by running the smallest program of that architecture, one that only ends, under the filter of build steps: so an
 * architecture of the same processor that the filter does not let in (386 on amd64) counts as one that does not run.
 */
#ifndef CROZE_SANDBOX_MACHINE_H
#define CROZE_SANDBOX_MACHINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct machine {
	const char *architecture; /* as platforms name it: "arm64" */
	const char *uname;        /* as the kernel names itself: "aarch64" */
	const char *qemu;         /* as qemu-user's programs are called: "aarch64" */
	bool is_64;
	bool is_big; /* endian */
	uint16_t elf_machine;
	uint32_t elf_flags;
	unsigned char code[20]; /* exit(0) */
	size_t code_length;
};

extern const struct machine machine_table[];
extern const size_t machine_count;

/** NULL: an architecture that is not known here. */
const struct machine *machine_find(const char *architecture);
/** Is it the one of the kernel? */
bool machine_is_native(const struct machine *m);
/** Does a program of it run here, by itself or through what is registered in binfmt_misc? */
bool machine_runs(const struct machine *m);

#define MACHINE_IDENT 20
/** The first bytes of its programs (elf(5), e_ident, e_type and e_machine) and which of their bits count. */
void machine_magic(
    const struct machine *m, unsigned char magic[MACHINE_IDENT], unsigned char mask[MACHINE_IDENT]);

#endif
