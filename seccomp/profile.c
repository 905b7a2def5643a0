/* SPDX-License-Identifier: Apache-2.0 */
/*
 * profile - the filter of build steps, made from the table.
 *
 * libseccomp is for profiles that users bring. This one asks for ranges of numbers and for masked inequality, neither of which its
 * interface has; written directly it is a binary search over runs of equal answers, small enough to be made at first use. The kernel
 * keeps the constant answers in a bitmap, so that the search is paid for at loading and for calls with rules only.
 *
 * Of several filters the kernel obeys the strictest, and an errno is stricter than asking somebody. So what is refused can be told of only
 * by a filter that asks instead: there the refusal is the answer. Whoever should have answered and is gone leaves ENOSYS, which is a
 * refusal too.
 */
#include "seccomp/profile.h"

#include "runtime/base/mem.h"
#include "seccomp/filter.h"
#include "seccomp/table.h"

#include <assert.h>
#include <errno.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <stddef.h>
#include <string.h>

#if defined(__x86_64__)
#define NUMBER(row) ((row)->x86_64)
#elif defined(__aarch64__)
#define NUMBER(row) ((row)->aarch64)
#endif

#ifdef NUMBER

#define NUMBERS_MAX 1024
#define CODE_MAX 1024
#define NOT_YET 0xffffffffU /* a jump whose target is not there yet */

/* A run of numbers with one answer, from @first to before the next run. */
struct run {
	uint32_t first;
	const struct call_row *row; /* whose action they share; NULL: no call has these numbers */
};

struct maker {
	struct filter filter;
	bool asks; /* what is refused, and jumps on with the rest */
};

/* ---- the program ---- */

static void
emit_answer(struct maker *m, int error_number)
{
	if (error_number)
		filter_return(&m->filter,
		    m->asks ? SECCOMP_RET_USER_NOTIF : SECCOMP_RET_ERRNO | (uint32_t)error_number);
	else if (m->asks)
		filter_emit(&m->filter, BPF_JMP | BPF_JA, NOT_YET, 0, 0);
	else
		filter_return(&m->filter, SECCOMP_RET_ALLOW);
}

/* Rules go to their answer, which stands right behind each, or past it. */
static void
emit_rules(struct maker *m, const struct call_rule *r)
{
	unsigned int loaded = ~0U;

	for (;; r++) {
		if (r->test == RULE_ELSE) {
			emit_answer(m, r->error_number);
			return;
		}
		if (loaded != r->argument)
			filter_load(&m->filter, filter_argument(r->argument));
		loaded = r->argument;
		if (r->test == RULE_EQUAL)
			filter_emit(&m->filter, BPF_JMP | BPF_JEQ | BPF_K, r->value, 0, 1);
		else if (r->test == RULE_NOT)
			filter_emit(&m->filter, BPF_JMP | BPF_JEQ | BPF_K, r->value, 1, 0);
		else
			filter_emit(&m->filter, BPF_JMP | BPF_JSET | BPF_K, r->value, 0, 1);
		emit_answer(m, r->error_number);
	}
}

/* Of a call without rules. */
static int
error_of(enum call_action action)
{
	return action == CALL_ALLOWED ? 0 : action == CALL_REFUSED ? EPERM : ENOSYS;
}

static void
emit_leaf(struct maker *m, const struct call_row *row)
{
	if (!row || row->action == CALL_MISSING)
		filter_return(&m->filter, SECCOMP_RET_ERRNO | ENOSYS);
	else if (row->action == CALL_BY_ARGUMENT)
		emit_rules(m, call_rules_of(row->name));
	else
		emit_answer(m, error_of(row->action));
}

static void
emit_search(struct maker *m, const struct run *runs, size_t n)
{
	struct filter *f = &m->filter;
	size_t left = n / 2;
	size_t branch = f->length;

	if (n == 1) {
		emit_leaf(m, runs[0].row);
		return;
	}
	/* smaller: fall through to the long jump's skip; its target is known once the left half is there */
	filter_emit(f, BPF_JMP | BPF_JGE | BPF_K, runs[left].first, 0, 1);
	filter_emit(f, BPF_JMP | BPF_JA, 0, 0, 0);
	emit_search(m, runs, left);
	f->code[branch + 1].k = (uint32_t)(f->length - branch - 2);
	emit_search(m, runs + left, n - left);
}

static bool
same_answer(const struct call_row *a, const struct call_row *b)
{
	enum call_action x = a ? a->action : CALL_MISSING;
	enum call_action y = b ? b->action : CALL_MISSING;

	return x == y && x != CALL_BY_ARGUMENT;
}

static const struct call_row *by_number[NUMBERS_MAX];

static void
sort_rows(void)
{
	for (size_t i = 0; i < call_table_length; i++)
		if (NUMBER(&call_table[i]) >= 0 && NUMBER(&call_table[i]) < NUMBERS_MAX)
			by_number[NUMBER(&call_table[i])] = &call_table[i];
}

/* Every call that is asked about comes here. */
static const struct call_row *
row_of(uint32_t number)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	(void)pthread_once(&once, sort_rows); /* cannot fail */
	return number < NUMBERS_MAX ? by_number[number] : NULL;
}

static size_t
find_runs(struct run *runs)
{
	size_t n = 0;

	for (uint32_t i = 0; i <= NUMBERS_MAX; i++)
		if (n == 0 || !same_answer(runs[n - 1].row, row_of(i)))
			runs[n++] = (struct run){ i, row_of(i) };
	return n;
}

static void
make(struct maker *m)
{
	static struct run runs[NUMBERS_MAX + 1];

	filter_begin(&m->filter, m->asks ? SECCOMP_RET_USER_NOTIF : SECCOMP_RET_ERRNO | ENOSYS);
	/* numbers with the x32 bit are above all that the table has */
	emit_search(m, runs, find_runs(runs));
}

const struct seccomp_program *
seccomp_default(void)
{
	static struct sock_filter code[CODE_MAX];
	static struct seccomp_program program = { .code = code };
	struct maker m = { .filter = { code, CODE_MAX, 0 } };

	if (program.length > 0)
		return &program;
	make(&m);
	program.length = (unsigned short)m.filter.length;
	return &program;
}

void
seccomp_default_asking(struct notify_program *program)
{
	const struct notify_program rest = *program;
	struct maker m = { .filter = { program->code, NOTIFY_CODE_MAX, 0 }, .asks = true };
	struct filter *f = &m.filter;

	make(&m);
	for (size_t i = 0; i < f->length; i++)
		if (f->code[i].code == (BPF_JMP | BPF_JA) && f->code[i].k == NOT_YET)
			f->code[i].k = (uint32_t)(f->length - i - 1);
	assert(f->length + rest.length <= NOTIFY_CODE_MAX);
	memcpy(f->code + f->length, rest.code, rest.length * sizeof(rest.code[0]));
	program->length = (unsigned short)(f->length + rest.length);
}

/* ---- its answers ---- */

static bool
applies(const struct call_rule *r, const struct seccomp_data *data)
{
	uint32_t value = (uint32_t)data->args[r->argument];

	switch (r->test) {
	case RULE_EQUAL:
		return value == r->value;
	case RULE_ANY_BIT:
		return (value & r->value) != 0;
	case RULE_NOT:
		return value != r->value;
	default:
		return true;
	}
}

bool
seccomp_refuses(const struct seccomp_data *data, struct seccomp_refusal *refusal)
{
	const struct call_row *row = row_of((uint32_t)data->nr);
	const struct call_rule *r;

	*refusal = (struct seccomp_refusal){ .error_number = ENOSYS, .argument = -1 };
	if (data->arch != FILTER_ARCH)
		return true;
	if (!row || row->action == CALL_MISSING)
		return false;
	refusal->name = row->name;
	refusal->error_number = error_of(row->action);
	if (row->action == CALL_BY_ARGUMENT) {
		for (r = call_rules_of(row->name); !applies(r, data); r++)
			;
		refusal->error_number = r->error_number;
		refusal->argument = (int)r->argument;
		refusal->value = (uint32_t)data->args[r->argument];
	}
	return refusal->error_number != 0;
}

#else

const struct seccomp_program *
seccomp_default(void)
{
	return NULL;
}

void
seccomp_default_asking(struct notify_program *program)
{
	(void)program; /* there is nothing to be put before it */
}

bool
seccomp_refuses(const struct seccomp_data *data, struct seccomp_refusal *refusal)
{
	(void)data;
	(void)refusal;
	return false;
}

#endif

void
seccomp_refusal_text(const struct seccomp_refusal *refusal, struct buf *text)
{
	if (!refusal->name)
		buf_add_text(text, "calls of a program for another architecture");
	else if (refusal->argument < 0)
		buf_add_text(text, refusal->name);
	else
		buf_printf(text, "%s with 0x%x as argument %d", refusal->name, refusal->value,
		    refusal->argument + 1);
}
