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
#include "seccomp/filter.h"
#include "seccomp/table.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <stddef.h>

#if defined(__x86_64__)
#define NUMBER(row) ((row)->x86_64)
#elif defined(__aarch64__)
#define NUMBER(row) ((row)->aarch64)
#endif

#ifdef NUMBER

#define NUMBERS_MAX 1024
#define CODE_MAX 1024

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

/* Rules go to their answer, which stands right behind each, or past it. */
static void
emit_rules(struct filter *f, const struct call_rule *r)
{
	unsigned int loaded = ~0U;

	for (;; r++) {
		if (r->test == RULE_ELSE) {
			filter_return(f, answer(r->error_number));
			return;
		}
		if (loaded != r->argument)
			filter_load(f, filter_argument(r->argument));
		loaded = r->argument;
		if (r->test == RULE_EQUAL)
			filter_emit(f, BPF_JMP | BPF_JEQ | BPF_K, r->value, 0, 1);
		else if (r->test == RULE_NOT)
			filter_emit(f, BPF_JMP | BPF_JEQ | BPF_K, r->value, 1, 0);
		else
			filter_emit(f, BPF_JMP | BPF_JSET | BPF_K, r->value, 0, 1);
		filter_return(f, answer(r->error_number));
	}
}

static void
emit_leaf(struct filter *f, const struct call_row *row)
{
	if (!row || row->action == CALL_MISSING)
		filter_return(f, answer(ENOSYS));
	else if (row->action == CALL_REFUSED)
		filter_return(f, answer(EPERM));
	else if (row->action == CALL_ALLOWED)
		filter_return(f, answer(0));
	else
		emit_rules(f, call_rules_of(row->name));
}

static void
emit_search(struct filter *f, const struct run *runs, size_t n)
{
	size_t left = n / 2;
	size_t branch = f->length;

	if (n == 1) {
		emit_leaf(f, runs[0].row);
		return;
	}
	/* smaller: fall through to the long jump's skip; its target is known once the left half is there */
	filter_emit(f, BPF_JMP | BPF_JGE | BPF_K, runs[left].first, 0, 1);
	filter_emit(f, BPF_JMP | BPF_JA, 0, 0, 0);
	emit_search(f, runs, left);
	f->code[branch + 1].k = (uint32_t)(f->length - branch - 2);
	emit_search(f, runs + left, n - left);
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
	static struct sock_filter code[CODE_MAX];
	static struct seccomp_program program = { .code = code };
	struct filter f = { code, CODE_MAX, 0 };

	if (program.length > 0)
		return &program;
	filter_begin(&f, answer(ENOSYS));
	/* numbers with the x32 bit are above all that the table has */
	emit_search(&f, runs, find_runs(runs));
	program.length = (unsigned short)f.length;
	return &program;
}

#else

const struct seccomp_program *
seccomp_default(void)
{
	return NULL;
}

#endif
