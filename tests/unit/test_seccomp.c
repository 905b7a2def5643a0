/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_seccomp - the compiled filter against the table: every number, every architecture, a grid of arguments.
 *
 * The filter is interpreted here as the kernel does (Documentation/userspace-api/seccomp_filter.rst); what it should answer is worked
 * out from the rows, independently of how it was compiled.
 */
#include "tests/unit/unit.h"

#include "runtime/base/json.h"
#include "runtime/base/mem.h"
#include "seccomp/compile.h"
#include "seccomp/filter.h"
#include "seccomp/ids.h"
#include "seccomp/profile.h"
#include "seccomp/table.h"
#include "seccomp/unplug.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#if defined(__x86_64__)
#define NATIVE_ARCH AUDIT_ARCH_X86_64
#define NUMBER(row) ((row)->x86_64)
#else
#define NATIVE_ARCH AUDIT_ARCH_AARCH64
#define NUMBER(row) ((row)->aarch64)
#endif

#define NEWEST_AND_MORE (470 + 64)
#define HIGH_BITS 0xdeadbeef00000000ULL

/* Classic BPF as far as the filter uses it; anything else fails the test. */
static uint32_t
interpret(const struct sock_filter *code, size_t length, const struct seccomp_data *data)
{
	uint32_t a = 0;

	for (size_t at = 0; at < length; at++) {
		const struct sock_filter *i = &code[at];

		switch (i->code) {
		case BPF_LD | BPF_W | BPF_ABS:
			assert_true(i->k + 4 <= sizeof(*data));
			memcpy(&a, (const char *)data + i->k, 4);
			break;
		case BPF_JMP | BPF_JA:
			at += i->k;
			break;
		case BPF_JMP | BPF_JEQ | BPF_K:
			at += a == i->k ? i->jt : i->jf;
			break;
		case BPF_ALU | BPF_AND | BPF_K:
			a &= i->k;
			break;
		case BPF_JMP | BPF_JGT | BPF_K:
			at += a > i->k ? i->jt : i->jf;
			break;
		case BPF_JMP | BPF_JGE | BPF_K:
			at += a >= i->k ? i->jt : i->jf;
			break;
		case BPF_JMP | BPF_JSET | BPF_K:
			at += a & i->k ? i->jt : i->jf;
			break;
		case BPF_RET | BPF_K:
			return i->k;
		default:
			fail_msg("unknown instruction 0x%x", i->code);
		}
	}
	fail_msg("the program runs past its end");
	return 0;
}

static uint32_t
answer_of(const struct seccomp_program *p, const struct seccomp_data *data)
{
	return interpret(p->code, p->length, data);
}

static const struct call_row *
row_of(uint32_t number)
{
	for (size_t i = 0; i < call_table_length; i++)
		if (NUMBER(&call_table[i]) >= 0 && (uint32_t)NUMBER(&call_table[i]) == number)
			return &call_table[i];
	return NULL;
}

/* What the table says: 0 or an errno. */
static int
expected(uint32_t arch, uint32_t number, const uint64_t args[6])
{
	const struct call_row *row = arch == NATIVE_ARCH ? row_of(number) : NULL;
	const struct call_rule *r;

	if (!row || row->action == CALL_MISSING || row->action == CALL_WITHHELD)
		return ENOSYS;
	if (row->action != CALL_BY_ARGUMENT)
		return row->action == CALL_REFUSED ? EPERM : 0;
	for (r = call_rules_of(row->name); r->test != RULE_ELSE; r++) {
		uint32_t value = (uint32_t)args[r->argument];

		if ((r->test == RULE_EQUAL && value == r->value) ||
		    (r->test == RULE_ANY_BIT && value & r->value) ||
		    (r->test == RULE_NOT && value != r->value))
			break;
	}
	return r->error_number;
}

/* Calls that are no others' to refuse: some of each kind of row are among them. */
static const struct notify_call notified[] = {
	{ SYS_setuid, 0, NOTIFY_ALWAYS, 0 },
	{ SYS_prctl, 0, NOTIFY_IF_EQUAL, 8 },
	{ SYS_prctl, 0, NOTIFY_IF_EQUAL, 39 },
	{ SYS_statx, 3, NOTIFY_IF_BITS, 0x18 },
	{ SYS_mount, 0, NOTIFY_REFUSED, 0 },
};

/* The filter that asks: what is refused is asked, with the errno of the other one as the answer; all else is as it would be without. */
static void
check_asking(const struct seccomp_data *data, int error_number)
{
	static struct notify_program rest, asking;
	struct seccomp_refusal refusal;
	bool asked;
	uint32_t wanted, got;

	if (asking.length == 0) {
		notify_compile(&rest, notified, ARRAY_LEN(notified), NOTIFY_FOREIGN_PASS);
		asking = rest;
		seccomp_default_asking(&asking);
	}
	asked = seccomp_refuses(data, &refusal);
	if (asked && refusal.error_number != error_number)
		fail_msg("arch %x call %d: would be answered %d, should be %d", data->arch,
		    data->nr, refusal.error_number, error_number);
	wanted = asked          ? SECCOMP_RET_USER_NOTIF
	         : error_number ? SECCOMP_RET_ERRNO | (uint32_t)error_number
	                        : interpret(rest.code, rest.length, data);
	got = interpret(asking.code, asking.length, data);
	if (got != wanted)
		fail_msg(
		    "arch %x call %d, asking: %x, should be %x", data->arch, data->nr, got, wanted);
}

static void
check_one(uint32_t arch, uint32_t number, const uint64_t args[6])
{
	struct seccomp_data data = { .nr = (int)number, .arch = arch };
	int error_number = expected(arch, number, args);
	uint32_t wanted =
	    error_number ? SECCOMP_RET_ERRNO | (uint32_t)error_number : SECCOMP_RET_ALLOW;
	uint32_t got;

	memcpy(data.args, args, sizeof(data.args));
	got = answer_of(seccomp_default(), &data);
	assert_int_equal(
	    filter_run(seccomp_default()->code, seccomp_default()->length, &data), got);
	if (got != wanted)
		fail_msg("arch %x call %u args %llx %llx %llx: %x, should be %x", arch, number,
		    (unsigned long long)args[0], (unsigned long long)args[1],
		    (unsigned long long)args[2], got, wanted);
	check_asking(&data, error_number);
}

static void
every_number_of_every_architecture_answers_as_the_table_says(void **state)
{
	static const uint32_t arches[] = { AUDIT_ARCH_X86_64, AUDIT_ARCH_I386, AUDIT_ARCH_AARCH64,
		AUDIT_ARCH_ARM, 0, ~0U };
	static const uint32_t bases[] = { 0, 0x40000000, 0x80000000, 0xfffff000 };
	uint64_t args[6] = { 0 };

	(void)state;
	for (size_t a = 0; a < ARRAY_LEN(arches); a++)
		for (size_t b = 0; b < ARRAY_LEN(bases); b++)
			for (uint32_t n = 0; n <= NEWEST_AND_MORE + 4096; n++)
				check_one(arches[a], bases[b] + n, args);
}

/* 0, the value, its neighbours, all bits, each value again with each of the upper 32 bits set. */
static size_t
grid_of(uint32_t value, uint64_t *grid)
{
	const uint32_t low[] = { 0, value, value - 1, value + 1, ~0U, value ^ 0x80000000U };
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_LEN(low); i++) {
		grid[n++] = low[i];
		for (int bit = 32; bit < 64; bit++)
			grid[n++] = low[i] | 1ULL << bit;
		grid[n++] = low[i] | HIGH_BITS;
	}
	return n;
}

static void
r17_r18_r20_r21_argument_rules_hold_over_the_grid_whatever_the_upper_bits(void **state)
{
	uint64_t grid[6 * 34];

	(void)state;
	for (const struct call_rule *r = call_rules; r->name; r++) {
		const struct call_row *row = NULL;
		size_t n = grid_of(r->value, grid);

		for (size_t i = 0; i < call_table_length; i++)
			if (strcmp(call_table[i].name, r->name) == 0)
				row = &call_table[i];
		assert_non_null(row);
		for (size_t i = 0; i < n; i++) {
			for (uint64_t family = 0; family < 46; family++) {
				uint64_t args[6] = { 0 };

				if (strcmp(r->name, "socket") == 0)
					args[0] = family;
				args[r->argument] = grid[i];
				check_one(NATIVE_ARCH, (uint32_t)NUMBER(row), args);
			}
		}
	}
}

/* A rule of a config.json, as the specification means it: all questions about different arguments together, each about 64 bits. */
static bool
meets(const char *operator, uint64_t value, uint64_t first, uint64_t second)
{
	static const char *const names[] = { "NE", "LT", "LE", "EQ", "GE", "GT" };
	const bool answers[] = { value != first,
		value<first, value <= first, value == first, value >= first, value> first };

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (strcmp(operator+ strlen("SCMP_CMP_"), names[i]) == 0)
			return answers[i];
	return (value & first) == second; /* MASKED_EQ */
}

static void
check_rule(const char *operator, uint64_t first, uint64_t second, bool two)
{
	const uint64_t values[] = { 0, 1, first - 1, first, first + 1, first ^ 0x80000000U,
		first | 1ULL << 32, first | 1ULL << 63, 0xffffffffU, ~0ULL, first << 32, second,
		second | 1ULL << 40 };
	autofree char *text = xasprintf(
	    "{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":[\"getpriority\"],"
	    "\"action\":\"SCMP_ACT_ERRNO\",\"errnoRet\":7,\"args\":[{\"index\":1,\"value\":%llu,"
	    "\"valueTwo\":%llu,\"op\":\"%s\"}%s]}]}",
	    (unsigned long long)first, (unsigned long long)second, operator,
	    two ? ",{\"index\":0,\"value\":5,\"op\":\"SCMP_CMP_EQ\"}" : "");
	struct error e = ERROR_INIT;
	autojson struct json *profile = json_parse(text, strlen(text), &e);
	struct seccomp_program *program;

	assert_non_null(profile);
	program = seccomp_compile(profile, "linux.seccomp", &e);
	assert_non_null(program);
	for (size_t i = 0; i < ARRAY_LEN(values); i++)
		for (uint64_t other = 4; other <= 6; other++) {
			struct seccomp_data data = { .nr = SYS_getpriority, .arch = NATIVE_ARCH };
			bool met =
			    meets(operator, values[i], first, second) && (!two || other == 5);
			uint32_t got;

			data.args[0] = other;
			data.args[1] = values[i];
			got = answer_of(program, &data);
			assert_int_equal(filter_run(program->code, program->length, &data), got);
			if (got != (met ? SECCOMP_RET_ERRNO | 7U : SECCOMP_RET_ALLOW))
				fail_msg(
				    "%s %llx %llx with %llx, %u: %x", operator,(unsigned long long)
									  first,
				    (unsigned long long)second, (unsigned long long)values[i],
				    (unsigned int)other, got);
		}
	seccomp_compiled_free(program);
}

static void
r20_r21_rules_of_a_file_hold_over_the_grid_and_are_not_alternatives(void **state)
{
	static const char *const operators[] = { "SCMP_CMP_NE", "SCMP_CMP_LT", "SCMP_CMP_LE",
		"SCMP_CMP_EQ", "SCMP_CMP_GE", "SCMP_CMP_GT", "SCMP_CMP_MASKED_EQ" };
	static const uint64_t firsts[] = { 1, 0x7e020000, 0xffffffff, 0x100000000,
		0x123456789abcdef0 };

	(void)state;
	for (size_t o = 0; o < ARRAY_LEN(operators); o++)
		for (size_t i = 0; i < ARRAY_LEN(firsts); i++)
			for (int two = 0; two < 2; two++)
				check_rule(operators[o], firsts[i], firsts[i] & 0x20000, two);
}

static void
each_namespace_flag_of_clone_is_refused(void **state)
{
	static const uint32_t flags[] = { 0x00020000, 0x02000000, 0x04000000, 0x08000000,
		0x10000000, 0x20000000, 0x40000000 };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(flags); i++) {
		struct seccomp_data data = { .nr = SYS_clone,
			.arch = NATIVE_ARCH,
			.args = { flags[i] | SIGCHLD | HIGH_BITS } };

		assert_int_equal(answer_of(seccomp_default(), &data), SECCOMP_RET_ERRNO | EPERM);
	}
}

static void
numbers_in_the_table_are_those_of_the_headers(void **state)
{
	static const struct {
		const char *name;
		int number;
	} known[] = { { "read", SYS_read }, { "clone", SYS_clone }, { "execve", SYS_execve },
		{ "mount", SYS_mount }, { "bpf", SYS_bpf }, { "openat2", SYS_openat2 },
		{ "ptrace", SYS_ptrace }, { "keyctl", SYS_keyctl }, { "unshare", SYS_unshare },
		{ "socket", SYS_socket }, { "ioctl", SYS_ioctl }, { "prctl", SYS_prctl } };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		assert_string_equal(row_of((uint32_t)known[i].number)->name, known[i].name);
}

static void
no_call_stands_twice_in_the_table(void **state)
{
	(void)state;
	for (size_t i = 0; i < call_table_length; i++)
		for (size_t j = i + 1; j < call_table_length; j++) {
			const struct call_row *a = &call_table[i], *b = &call_table[j];

			assert_string_not_equal(a->name, b->name);
			assert_true(a->x86_64 < 0 || a->x86_64 != b->x86_64);
			assert_true(a->aarch64 < 0 || a->aarch64 != b->aarch64);
		}
}

static void
the_program_is_small(void **state)
{
	(void)state;
	assert_in_range(seccomp_default()->length, 50, 600);
}

/* Of the calls that are refused, those that every caller does without are not worth a word. */
static void
refused_calls_are_asked_for_by_name_and_others_are_not(void **state)
{
	static const struct {
		uint32_t arch;
		int number;
		uint64_t argument;
		const char *text; /* NULL: not asked */
	} cases[] = {
		{ NATIVE_ARCH, SYS_keyctl, 0, "keyctl" },
		{ NATIVE_ARCH, SYS_mount, 0, "mount" },
		{ NATIVE_ARCH, SYS_io_uring_setup, 0, "io_uring_setup" },
		{ NATIVE_ARCH, SYS_socket, AF_ALG, "socket with 0x26 as argument 1" },
		{ NATIVE_ARCH, SYS_clone, HIGH_BITS | 0x10000000,
		    "clone with 0x10000000 as argument 1" },
		{ AUDIT_ARCH_I386, 5, 0, "calls of a program for another architecture" },
		{ NATIVE_ARCH, SYS_socket, AF_INET, NULL },
		{ NATIVE_ARCH, SYS_clone3, 0, NULL },
		{ NATIVE_ARCH, NEWEST_AND_MORE, 0, NULL },
		{ NATIVE_ARCH, SYS_read, 0, NULL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct seccomp_data data = { .nr = cases[i].number, .arch = cases[i].arch };
		struct seccomp_refusal refusal;
		auto(buf) struct buf text = { 0 };

		data.args[0] = cases[i].argument;
		assert_int_equal(seccomp_refuses(&data, &refusal), cases[i].text != NULL);
		if (!cases[i].text)
			continue;
		seccomp_refusal_text(&refusal, &text);
		assert_string_equal(buf_text(&text), cases[i].text);
	}
}

static void
the_errno_of_a_refused_call_is_known_and_nothing_else_is_one(void **state)
{
	(void)state;
	assert_int_equal(seccomp_program_errno(seccomp_default(), SYS_mount), EPERM);
	assert_int_equal(seccomp_program_errno(seccomp_default(), SYS_keyctl), ENOSYS);
	assert_int_equal(seccomp_program_errno(seccomp_default(), SYS_execve), 0);
	assert_int_equal(
	    seccomp_program_errno(
		&(struct seccomp_program){ .code = &(struct sock_filter){ .code = BPF_RET | BPF_K,
					       .k = SECCOMP_RET_KILL_PROCESS | EPERM },
		    .length = 1 },
		SYS_execve),
	    0);
}

static void
a_filter_notifies_what_it_is_told_and_lets_the_rest_pass(void **state)
{
	struct notify_program p;
	struct seccomp_data data = { .arch = NATIVE_ARCH };

	(void)state;
	notify_compile(&p, notified, 4, NOTIFY_FOREIGN_PASS);
	for (data.nr = 0; data.nr < 512; data.nr++)
		assert_int_equal(interpret(p.code, p.length, &data),
		    data.nr == SYS_setuid ? SECCOMP_RET_USER_NOTIF : SECCOMP_RET_ALLOW);
	data.nr = SYS_prctl;
	data.args[0] = 39;
	assert_int_equal(interpret(p.code, p.length, &data), SECCOMP_RET_USER_NOTIF);
	data.args[0] = 40;
	assert_int_equal(interpret(p.code, p.length, &data), SECCOMP_RET_ALLOW);
	data.nr = SYS_statx;
	data.args[3] = 0x7ff;
	assert_int_equal(interpret(p.code, p.length, &data), SECCOMP_RET_USER_NOTIF);
	data.args[3] = 0x200;
	assert_int_equal(interpret(p.code, p.length, &data), SECCOMP_RET_ALLOW);
	data.nr = SYS_setuid;
	data.arch = AUDIT_ARCH_I386;
	assert_int_equal(interpret(p.code, p.length, &data), SECCOMP_RET_ALLOW);
}

static void
a_filter_notifies_all_but_one_value_by_its_lower_bits(void **state)
{
	static const struct notify_call but[] = { { SYS_sendmsg, 2, NOTIFY_UNLESS_EQUAL, 0x4010 } };
	struct notify_program p;
	struct seccomp_data data = { .nr = SYS_sendmsg, .arch = NATIVE_ARCH };

	(void)state;
	notify_compile(&p, but, 1, NOTIFY_FOREIGN_PASS);
	for (uint64_t value = 0; value < 0x8000; value++) {
		data.args[2] = value | HIGH_BITS;
		assert_int_equal(interpret(p.code, p.length, &data),
		    value == 0x4010 ? SECCOMP_RET_ALLOW : SECCOMP_RET_USER_NOTIF);
	}
}

static void
a_filter_refuses_other_tables_of_calls_when_told_to(void **state)
{
	struct notify_program p;
	struct seccomp_data data = { .nr = SYS_setuid, .arch = AUDIT_ARCH_I386 };

	(void)state;
	notify_compile(&p, notified, 1, NOTIFY_FOREIGN_REFUSED);
	assert_int_equal(interpret(p.code, p.length, &data), SECCOMP_RET_ERRNO | ENOSYS);
#if defined(__x86_64__)
	data.arch = NATIVE_ARCH;
	data.nr = (int)(0x40000000U | SYS_setuid); /* x32 */
	assert_int_equal(interpret(p.code, p.length, &data), SECCOMP_RET_ERRNO | ENOSYS);
	data.nr = SYS_setuid;
	assert_int_equal(interpret(p.code, p.length, &data), SECCOMP_RET_USER_NOTIF);
#endif
}

static void
newer_calls_of_attributes_are_refused_where_owners_are_recorded(void **state)
{
	static struct notify_program p;

	(void)state;
	ids_compile(&p);
	for (int number = 463; number <= 466; number++) {
		struct seccomp_data data = { .nr = number, .arch = NATIVE_ARCH };

		assert_int_equal(interpret(p.code, p.length, &data), SECCOMP_RET_ERRNO | ENOSYS);
	}
}

/* Status of a child that loads the filter and then makes one call. */
static int
errno_under_filter(long number, long a, long b, long c)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		struct error e = ERROR_INIT;

		prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
		if (seccomp_program_load(seccomp_default(), &e) < 0)
			_exit(255);
		_exit(syscall(number, a, b, c) < 0 ? errno : 0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void
the_kernel_takes_the_program_and_obeys_it(void **state)
{
	(void)state;
	assert_int_equal(errno_under_filter(SYS_getpid, 0, 0, 0), 0);
	assert_int_equal(errno_under_filter(SYS_unshare, 0, 0, 0), EPERM);
	assert_int_equal(errno_under_filter(SYS_clone3, 0, 0, 0), ENOSYS);
	assert_int_equal(errno_under_filter(SYS_keyctl, 0, 0, 0), ENOSYS);
	assert_int_equal(errno_under_filter(600, 0, 0, 0), ENOSYS);
	assert_int_equal(errno_under_filter(SYS_socket, AF_ALG, SOCK_SEQPACKET, 0), EAFNOSUPPORT);
	assert_int_equal(errno_under_filter(SYS_socket, AF_UNIX, SOCK_STREAM, 0), 0);
}

static void
a_filter_that_asks_refuses_also_when_nobody_is_there_to_answer(void **state)
{
	static const long numbers[] = { SYS_unshare, SYS_keyctl, SYS_mount };
	int status;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
		pid_t pid = fork();

		if (pid == 0) {
			static struct notify_program program;
			struct error e = ERROR_INIT;
			int listener;

			notify_compile(&program, NULL, 0, NOTIFY_FOREIGN_PASS);
			seccomp_default_asking(&program);
			prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
			listener = notify_load(&program, &e);
			if (listener < 0 || close(listener) < 0)
				_exit(e.sys == EBUSY ? 254 : 255);
			_exit(syscall(numbers[i], 0, 0, 0, 0, 0) < 0 ? errno : 0);
		}
		assert_int_equal(waitpid(pid, &status, 0), pid);
		if (WIFEXITED(status) && WEXITSTATUS(status) == 254)
			skip_because("an outer container listens to system calls already");
		assert_true(WIFEXITED(status));
		assert_int_equal(WEXITSTATUS(status), ENOSYS);
	}
}

#ifdef __x86_64__
#define IS_PAST_FILTERS(n) \
	((n) == 335 ||     \
	    (n) ==         \
		336) /* uretprobe, uprobe: no filter sees them since Linux 6.14, and a stray one is SIGILL */
#else
#define IS_PAST_FILTERS(n) false
#endif

/* What a call that the table does not allow really answers; the number that differs first, or 0. A call that got through is given nothing. */
static uint32_t
probe_natively(void)
{
	for (uint32_t n = 0; n <= NEWEST_AND_MORE; n++) {
		const struct call_row *row = row_of(n);
		int wanted = row && row->action == CALL_REFUSED ? EPERM : ENOSYS;

		if (IS_PAST_FILTERS(n) ||
		    (row && (row->action == CALL_ALLOWED || row->action == CALL_BY_ARGUMENT)))
			continue;
		if (syscall((long)n, 0, 0, 0, 0, 0, 0) >= 0 || errno != wanted)
			return n ? n : ~0U;
	}
	return 0;
}

static void
the_kernel_answers_every_native_number_as_the_table_says(void **state)
{
	uint32_t *result =
	    mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int status;
	pid_t pid;

	(void)state;
	assert_true(result != MAP_FAILED);
	pid = fork();
	if (pid == 0) {
		struct error e = ERROR_INIT;

		setsid();
		prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
		if (seccomp_program_load(seccomp_default(), &e) < 0)
			_exit(255);
		*result = probe_natively();
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	if (*result != 0)
		fail_msg("call %u (%s) is answered otherwise", *result,
		    row_of(*result) ? row_of(*result)->name : "unknown");
	assert_int_equal(munmap(result, 4096), 0);
}

#ifdef __x86_64__
/* eax of a 32-bit system call. */
static int
call_i386(int number, int first, int second)
{
	int result;

	__asm__ volatile("int $0x80"
			 : "=a"(result)
			 : "a"(number), "b"(first), "c"(second), "d"(0)
			 : "memory", "r8", "r9", "r10", "r11");
	return result;
}
#endif

static void
r19_no_abi_gives_a_crypto_socket(void **state)
{
	int status = 0;

	(void)state;
	assert_int_equal(errno_under_filter(SYS_socket, AF_ALG, SOCK_SEQPACKET, 0), EAFNOSUPPORT);
	assert_int_equal(
	    errno_under_filter(SYS_socket | 0x40000000, AF_ALG, SOCK_SEQPACKET, 0), ENOSYS);
#ifdef __x86_64__
	for (int number = 102; number <= 359; number += 359 - 102) { /* socketcall, socket */
		pid_t pid = fork();

		if (pid == 0) {
			struct error e = ERROR_INIT;

			prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
			if (seccomp_program_load(seccomp_default(), &e) < 0)
				_exit(255);
			_exit(-call_i386(number, number == 102 ? 1 : AF_ALG, SOCK_SEQPACKET));
		}
		assert_int_equal(waitpid(pid, &status, 0), pid);
		if (WIFSIGNALED(status))
			skip_because("this kernel has no 32-bit system calls");
		assert_int_equal(WEXITSTATUS(status), ENOSYS);
	}
#endif
}

/* N6: by number of family, in every table of calls that the kernel may know. */
static void
n6_an_unplugged_process_has_no_socket_but_those_of_this_machine(void **state)
{
	(void)state;
	for (uint64_t family = 0; family < 64; family++) {
		struct seccomp_data call = { .nr = SYS_socket,
			.arch = NATIVE_ARCH,
			.args = { family | HIGH_BITS, SOCK_STREAM } };
		uint32_t wanted = family == AF_UNIX ? (uint32_t)SECCOMP_RET_ALLOW
		                                    : SECCOMP_RET_ERRNO | EAFNOSUPPORT;

		assert_int_equal(unplug_action(UNPLUG_UNIX, &call), wanted);
		assert_int_equal(
		    unplug_action(UNPLUG_PAIRS, &call), SECCOMP_RET_ERRNO | EAFNOSUPPORT);
#ifdef __x86_64__
		call.nr |= 0x40000000;
		assert_int_equal(
		    unplug_action(UNPLUG_UNIX, &call), SECCOMP_RET_ERRNO | EAFNOSUPPORT);
		call.arch = AUDIT_ARCH_I386;
		call.nr = 359;
		assert_int_equal(unplug_action(UNPLUG_UNIX, &call), wanted);
		call.nr = 102;
		assert_int_equal(unplug_action(UNPLUG_UNIX, &call), SECCOMP_RET_ERRNO | ENOSYS);
#endif
	}
	for (int number = 0; number < NEWEST_AND_MORE; number++) {
		struct seccomp_data call = { .nr = number, .arch = NATIVE_ARCH };

		if (number != SYS_socket)
			assert_int_equal(unplug_action(UNPLUG_PAIRS, &call), SECCOMP_RET_ALLOW);
	}
}

static void
n6_the_kernel_unplugs_a_process(void **state)
{
	struct error e = ERROR_INIT;
	int status = 0, pair[2];
	pid_t pid = fork();

	(void)state;
	if (pid == 0) {
		prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
		if (unplug_load(UNPLUG_UNIX, &e) < 0)
			_exit(1);
		for (int family = 0; family < 64; family++)
			if ((socket(family, SOCK_STREAM, 0) >= 0) != (family == AF_UNIX))
				_exit(2);
		if (unplug_load(UNPLUG_PAIRS, &e) < 0 || socket(AF_UNIX, SOCK_STREAM, 0) >= 0)
			_exit(3);
		_exit(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) < 0 ? 4 : 0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(every_number_of_every_architecture_answers_as_the_table_says),
	cmocka_unit_test(r17_r18_r20_r21_argument_rules_hold_over_the_grid_whatever_the_upper_bits),
	cmocka_unit_test(r20_r21_rules_of_a_file_hold_over_the_grid_and_are_not_alternatives),
	cmocka_unit_test(each_namespace_flag_of_clone_is_refused),
	cmocka_unit_test(numbers_in_the_table_are_those_of_the_headers),
	cmocka_unit_test(no_call_stands_twice_in_the_table),
	cmocka_unit_test(the_program_is_small),
	cmocka_unit_test(refused_calls_are_asked_for_by_name_and_others_are_not),
	cmocka_unit_test(the_errno_of_a_refused_call_is_known_and_nothing_else_is_one),
	cmocka_unit_test(a_filter_notifies_what_it_is_told_and_lets_the_rest_pass),
	cmocka_unit_test(a_filter_notifies_all_but_one_value_by_its_lower_bits),
	cmocka_unit_test(a_filter_refuses_other_tables_of_calls_when_told_to),
	cmocka_unit_test(newer_calls_of_attributes_are_refused_where_owners_are_recorded),
	cmocka_unit_test(the_kernel_takes_the_program_and_obeys_it),
	cmocka_unit_test(a_filter_that_asks_refuses_also_when_nobody_is_there_to_answer),
	cmocka_unit_test(the_kernel_answers_every_native_number_as_the_table_says),
	cmocka_unit_test(r19_no_abi_gives_a_crypto_socket),
	cmocka_unit_test(n6_an_unplugged_process_has_no_socket_but_those_of_this_machine),
	cmocka_unit_test(n6_the_kernel_unplugs_a_process),
};

UNIT_MAIN(tests)
