/* SPDX-License-Identifier: Apache-2.0 */
/*
 * elf - what a program needs to be started: its machine, interpreter, libraries and where it looks
 * for them (System V ABI, "Object Files", "Dynamic Linking").
 *
 * The file is a stranger's: every offset is checked, nothing is mapped, no more is read than the
 * headers and the dynamic section.
 */
#ifndef CROZE_LAYER_ELF_H
#define CROZE_LAYER_ELF_H

#include "runtime/base/error.h"
#include "runtime/base/strv.h"

#include <stdbool.h>
#include <stdint.h>

/** Bytes @size from @offset of an open file. */
struct file_range {
	int fd; /* borrowed */
	uint64_t offset;
	uint64_t size;
};

struct elf {
	bool is_64;
	uint16_t machine;    /* e_machine */
	char *interpreter;   /* PT_INTERP; NULL: static */
	struct strv needed;  /* DT_NEEDED */
	struct strv runpath; /* DT_RUNPATH, else DT_RPATH, divided at ':'; $ORIGIN as written */
};

void elf_release(struct elf *elf);

/** Reads at most @length bytes at @at; how many there were. Past the end: 0. */
size_t file_range_read(const struct file_range *r, uint64_t at, void *bytes, size_t length);
/** Bytes that are looked for, with the NUL behind them where that counts. */
struct file_text {
	const char *bytes; /* NULL ends a list */
	size_t length;     /* at most 256 */
};

/** Which of @texts (at most 31) occur? Bit n for the n-th. */
uint32_t file_range_search(const struct file_range *r, const struct file_text *texts);

/** A part of the file that is loaded to memory, or says something of it. */
struct elf_segment {
	uint32_t type; /* PT_LOAD, PT_NOTE, ... */
	uint32_t flags;
	uint64_t offset;
	uint64_t address;
	uint64_t size; /* in the file */
};

/** The program headers. */
struct elf_segments {
	bool is_64;
	bool is_big;
	struct elf_segment *items;
	size_t count;
};

void elf_segments_release(struct elf_segments *s);
/** Returns 1, 0 when it is no ELF file, -1 with @e ERR_INPUT when it is a damaged one. */
int elf_read_segments(const struct file_range *r, struct elf_segments *s, struct error *e);

/** The same for what it needs. */
int elf_read(const struct file_range *r, struct elf *elf, struct error *e);
/** The architecture as images have it ("amd64"); NULL when it is none that is known. */
const char *elf_architecture(const struct elf *elf);

#endif
