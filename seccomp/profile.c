/* SPDX-License-Identifier: Apache-2.0 */
/*
 * profile - the filter of build steps, made from the table.
 *
 * libseccomp is for profiles that users bring. This one asks for ranges of numbers and for masked inequality, neither of which its
 * interface has; written directly it is a binary search over runs of equal answers, small enough to be made at first use. The kernel
 * keeps the constant answers in a bitmap, so that the search is paid for at loading and for calls with rules only.
 */
#include "seccomp/profile.h"

#include "runtime/base/mem.h"
#include "seccomp/table.h"

#include <assert.h>
#include <errno.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <stddef.h>

#if defined(__x86_64__)
#define NATIVE_ARCH AUDIT_ARCH_X86_64
#define NUMBER(row) ((row)->x86_64)
#elif defined(__aarch64__)
#define NATIVE_ARCH AUDIT_ARCH_AARCH64
#define NUMBER(row) ((row)->aarch64)
#endif

#ifdef NATIVE_ARCH

#define NUMBERS_MAX 1024
#define CODE_MAX 1024

static struct sock_filter code[CODE_MAX];
static struct seccomp_program program = { .code = code };

/* A run of numbers with one answer, from @first to before the next run. */
struct run {
	uint32_t first;
	const struct call_row *row; /* whose action they share; NULL: no call has these numbers */
};

static uint32_t
answer(int error_number)
{
	return error_number ? SECCOMP_RET_ERRNO | (uint32_t)error_number : SECCOMP_RET_ALLOW;
}

static void
emit(unsigned int operation, uint32_t k, size_t if_true, size_t if_false)
{
	assert(program.length < CODE_MAX && if_true < 256 && if_false < 256);
	code[program.length++] = (struct sock_filter){
		.code = (unsigned short)operation,
		.jt = (unsigned char)if_true,
		.jf = (unsigned char)if_false,
		.k = k,
	};
}

static void
emit_return(uint32_t value)
{
	emit(BPF_RET | BPF_K, value, 0, 0);
}

static void
load_argument(unsigned int n)
{
	uint32_t offset = (uint32_t)offsetof(struct seccomp_data, args) + 8 * n;

#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	offset += 4;
#endif
	emit(BPF_LD | BPF_W | BPF_ABS, offset, 0, 0);
}

/* Rules go to their answer, which stands right behind each, or past it. */
static void
emit_rules(const struct call_rule *r)
{
	unsigned int loaded = ~0U;

	for (;; r++) {
		if (r->test == RULE_ELSE) {
			emit_return(answer(r->error_number));
			return;
		}
		if (loaded != r->argument)
			load_argument(r->argument);
		loaded = r->argument;
		if (r->test == RULE_EQUAL)
			emit(BPF_JMP | BPF_JEQ | BPF_K, r->value, 0, 1);
		else if (r->test == RULE_NOT)
			emit(BPF_JMP | BPF_JEQ | BPF_K, r->value, 1, 0);
		else
			emit(BPF_JMP | BPF_JSET | BPF_K, r->value, 0, 1);
		emit_return(answer(r->error_number));
	}
}

static void
emit_leaf(const struct call_row *row)
{
	if (!row || row->action == CALL_MISSING)
		emit_return(answer(ENOSYS));
	else if (row->action == CALL_REFUSED)
		emit_return(answer(EPERM));
	else if (row->action == CALL_ALLOWED)
		emit_return(answer(0));
	else
		emit_rules(call_rules_of(row->name));
}

static void
emit_search(const struct run *runs, size_t n)
{
	size_t left = n / 2;
	size_t branch = program.length;

	if (n == 1) {
		emit_leaf(runs[0].row);
		return;
	}
	/* smaller: fall through to the long jump's skip; its target is known once the left half is there */
	emit(BPF_JMP | BPF_JGE | BPF_K, runs[left].first, 0, 1);
	emit(BPF_JMP | BPF_JA, 0, 0, 0);
	emit_search(runs, left);
	code[branch + 1].k = (uint32_t)(program.length - branch - 2);
	emit_search(runs + left, n - left);
}

static bool
same_answer(const struct call_row *a, const struct call_row *b)
{
	enum call_action x = a ? a->action : CALL_MISSING;
	enum call_action y = b ? b->action : CALL_MISSING;

	return x == y && x != CALL_BY_ARGUMENT;
}

static size_t
find_runs(struct run *runs)
{
	static const struct call_row *by_number[NUMBERS_MAX + 1];
	size_t n = 0;

	for (size_t i = 0; i < call_table_length; i++)
		if (NUMBER(&call_table[i]) >= 0 && NUMBER(&call_table[i]) < NUMBERS_MAX)
			by_number[NUMBER(&call_table[i])] = &call_table[i];
	for (uint32_t i = 0; i <= NUMBERS_MAX; i++)
		if (n == 0 || !same_answer(runs[n - 1].row, by_number[i]))
			runs[n++] = (struct run){ i, by_number[i] };
	return n;
}

const struct seccomp_program *
seccomp_default(void)
{
	static struct run runs[NUMBERS_MAX + 1];

	if (program.length > 0)
		return &program;
	emit(BPF_LD | BPF_W | BPF_ABS, (uint32_t)offsetof(struct seccomp_data, arch), 0, 0);
	emit(BPF_JMP | BPF_JEQ | BPF_K, NATIVE_ARCH, 1, 0);
	emit_return(answer(ENOSYS));
	emit(BPF_LD | BPF_W | BPF_ABS, (uint32_t)offsetof(struct seccomp_data, nr), 0, 0);
	emit_search(
	    runs, find_runs(runs)); /* numbers with the x32 bit are above all that the table has */
	return &program;
}

#else

const struct seccomp_program *
seccomp_default(void)
{
	return NULL;
}

#endif
