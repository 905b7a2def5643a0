/* SPDX-License-Identifier: Apache-2.0 */
/*
 * filter - a filter program written instruction by instruction (seccomp(2)).
 */
#include "seccomp/filter.h"

#include <assert.h>
#include <string.h>

void
filter_emit(struct filter *f, unsigned int operation, uint32_t k, size_t if_true, size_t if_false)
{
	assert(f->length < f->room && if_true < 256 && if_false < 256);
	f->code[f->length++] = (struct sock_filter){
		.code = (unsigned short)operation,
		.jt = (unsigned char)if_true,
		.jf = (unsigned char)if_false,
		.k = k,
	};
}

void
filter_return(struct filter *f, uint32_t action)
{
	filter_emit(f, BPF_RET | BPF_K, action, 0, 0);
}

void
filter_load(struct filter *f, size_t offset)
{
	filter_emit(f, BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset, 0, 0);
}

size_t
filter_argument(unsigned int n)
{
	size_t offset = offsetof(struct seccomp_data, args) + 8 * (size_t)n;

#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	offset += 4;
#endif
	return offset;
}

void
filter_begin(struct filter *f, uint32_t action)
{
	filter_load(f, offsetof(struct seccomp_data, arch));
	filter_emit(f, BPF_JMP | BPF_JEQ | BPF_K, FILTER_ARCH, 1, 0);
	filter_return(f, action);
	filter_load(f, offsetof(struct seccomp_data, nr));
}

/* How far a jump goes; -1: it is none that filters are made of. */
static int64_t
jump(const struct sock_filter *i, uint32_t a)
{
	switch (i->code) {
	case BPF_JMP | BPF_JA:
		return i->k;
	case BPF_JMP | BPF_JEQ | BPF_K:
		return a == i->k ? i->jt : i->jf;
	case BPF_JMP | BPF_JGT | BPF_K:
		return a > i->k ? i->jt : i->jf;
	case BPF_JMP | BPF_JGE | BPF_K:
		return a >= i->k ? i->jt : i->jf;
	case BPF_JMP | BPF_JSET | BPF_K:
		return a & i->k ? i->jt : i->jf;
	default:
		return -1;
	}
}

uint32_t
filter_run(const struct sock_filter *code, size_t length, const struct seccomp_data *data)
{
	uint32_t a = 0;

	for (size_t at = 0; at < length; at++) {
		const struct sock_filter *i = &code[at];
		int64_t further = jump(i, a);

		if (further >= 0)
			at += (size_t)further;
		else if (i->code == (BPF_RET | BPF_K))
			return i->k;
		else if (i->code == (BPF_ALU | BPF_AND | BPF_K))
			a &= i->k;
		else if (i->code == (BPF_LD | BPF_W | BPF_ABS) && i->k <= sizeof(*data) - sizeof(a))
			memcpy(&a, (const char *)data + i->k, sizeof(a));
		else
			break;
	}
	return SECCOMP_RET_ALLOW;
}
