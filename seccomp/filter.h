/* SPDX-License-Identifier: Apache-2.0 */
/*
 * filter - a filter program written instruction by instruction (seccomp(2)). Only within seccomp/.
 */
#ifndef CROZE_SECCOMP_FILTER_H
#define CROZE_SECCOMP_FILTER_H

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdint.h>

#if defined(__x86_64__)
#define FILTER_ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define FILTER_ARCH AUDIT_ARCH_AARCH64
#else
#define FILTER_ARCH 0
#endif

/** Where a program is written to. More than there is @room for cannot be: programs are of the tables' making. */
struct filter {
	struct sock_filter *code;
	size_t room;
	size_t length;
};

void filter_emit(
    struct filter *f, unsigned int operation, uint32_t k, size_t if_true, size_t if_false);
/** Answers with @action. */
void filter_return(struct filter *f, uint32_t action);
/** Loads a word of struct seccomp_data. */
void filter_load(struct filter *f, size_t offset);
/** Where the lower 32 bits of argument @n are; the upper ones are at this offset with its bit 2 the other way round. */
size_t filter_argument(unsigned int n);
/** What the kernel would do with @data by @code; SECCOMP_RET_ALLOW where an instruction is not of those that filters are made of. */
uint32_t filter_run(const struct sock_filter *code, size_t length, const struct seccomp_data *data);
/** Answers calls by the numbers of another architecture with @action, and has the number loaded for all others. */
void filter_begin(struct filter *f, uint32_t action);

#endif
