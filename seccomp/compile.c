/* SPDX-License-Identifier: Apache-2.0 */
/*
 * compile - filters that a config.json brings (runtime-spec, config-linux.md, "Seccomp"), through libseccomp.
 *
 * The library writes a program to a descriptor only (before 2.6), so it goes through memory that is one.
 */
#include "seccomp/compile.h"

#include "runtime/base/buf.h"
#include "runtime/base/fd.h"
#include "runtime/base/mem.h"
#include "runtime/base/strv.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define ARGUMENTS_MAX 6

struct name {
	const char *name;
	uint32_t value;
};

static const struct name actions[] = {
	{ "SCMP_ACT_ALLOW", SCMP_ACT_ALLOW },
	{ "SCMP_ACT_ERRNO", SCMP_ACT_ERRNO(0) },
	{ "SCMP_ACT_KILL", SCMP_ACT_KILL_THREAD },
	{ "SCMP_ACT_KILL_THREAD", SCMP_ACT_KILL_THREAD },
	{ "SCMP_ACT_KILL_PROCESS", SCMP_ACT_KILL_PROCESS },
	{ "SCMP_ACT_LOG", SCMP_ACT_LOG },
	{ "SCMP_ACT_NOTIFY", SCMP_ACT_NOTIFY },
	{ "SCMP_ACT_TRACE", SCMP_ACT_TRACE(0) },
	{ "SCMP_ACT_TRAP", SCMP_ACT_TRAP },
	{ NULL, 0 },
};

static const struct name operators[] = {
	{ "SCMP_CMP_NE", SCMP_CMP_NE },
	{ "SCMP_CMP_LT", SCMP_CMP_LT },
	{ "SCMP_CMP_LE", SCMP_CMP_LE },
	{ "SCMP_CMP_EQ", SCMP_CMP_EQ },
	{ "SCMP_CMP_GE", SCMP_CMP_GE },
	{ "SCMP_CMP_GT", SCMP_CMP_GT },
	{ "SCMP_CMP_MASKED_EQ", SCMP_CMP_MASKED_EQ },
	{ NULL, 0 },
};

static const struct name architectures[] = {
	{ "SCMP_ARCH_X86", SCMP_ARCH_X86 },
	{ "SCMP_ARCH_X86_64", SCMP_ARCH_X86_64 },
	{ "SCMP_ARCH_X32", SCMP_ARCH_X32 },
	{ "SCMP_ARCH_ARM", SCMP_ARCH_ARM },
	{ "SCMP_ARCH_AARCH64", SCMP_ARCH_AARCH64 },
	{ "SCMP_ARCH_MIPS", SCMP_ARCH_MIPS },
	{ "SCMP_ARCH_MIPS64", SCMP_ARCH_MIPS64 },
	{ "SCMP_ARCH_MIPS64N32", SCMP_ARCH_MIPS64N32 },
	{ "SCMP_ARCH_MIPSEL", SCMP_ARCH_MIPSEL },
	{ "SCMP_ARCH_MIPSEL64", SCMP_ARCH_MIPSEL64 },
	{ "SCMP_ARCH_MIPSEL64N32", SCMP_ARCH_MIPSEL64N32 },
	{ "SCMP_ARCH_PPC", SCMP_ARCH_PPC },
	{ "SCMP_ARCH_PPC64", SCMP_ARCH_PPC64 },
	{ "SCMP_ARCH_PPC64LE", SCMP_ARCH_PPC64LE },
	{ "SCMP_ARCH_S390", SCMP_ARCH_S390 },
	{ "SCMP_ARCH_S390X", SCMP_ARCH_S390X },
	{ "SCMP_ARCH_RISCV64", SCMP_ARCH_RISCV64 },
	{ "SCMP_ARCH_PARISC", SCMP_ARCH_PARISC },
	{ "SCMP_ARCH_PARISC64", SCMP_ARCH_PARISC64 },
#ifdef SCMP_ARCH_LOONGARCH64
	{ "SCMP_ARCH_LOONGARCH64", SCMP_ARCH_LOONGARCH64 },
#endif
#ifdef SCMP_ARCH_M68K
	{ "SCMP_ARCH_M68K", SCMP_ARCH_M68K },
#endif
#ifdef SCMP_ARCH_SH
	{ "SCMP_ARCH_SH", SCMP_ARCH_SH },
	{ "SCMP_ARCH_SHEB", SCMP_ARCH_SHEB },
#endif
	{ NULL, 0 },
};

#define FLAG_WAIT_KILLABLE (1U << 5)

static const struct name flags[] = {
	{ "SECCOMP_FILTER_FLAG_TSYNC", 0 }, /* there is one thread */
	{ "SECCOMP_FILTER_FLAG_LOG", SECCOMP_FILTER_FLAG_LOG },
	{ "SECCOMP_FILTER_FLAG_SPEC_ALLOW", SECCOMP_FILTER_FLAG_SPEC_ALLOW },
	{ "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV", FLAG_WAIT_KILLABLE },
	{ NULL, 0 },
};

static void
list(const struct name *table, struct strv *names)
{
	for (; table->name; table++)
		strv_add(names, table->name);
}

void
seccomp_words(enum seccomp_vocabulary which, struct strv *names)
{
	static const struct name *const tables[] = { [SECCOMP_ACTIONS] = actions,
		[SECCOMP_OPERATORS] = operators,
		[SECCOMP_ARCHITECTURES] = architectures,
		[SECCOMP_FLAGS] = flags };

	list(tables[which], names);
	strv_sort(names);
}

static int
find(const struct name *table, const char *text, const char *path, uint32_t *value, struct error *e)
{
	for (; text && table->name; table++)
		if (strcmp(table->name, text) == 0) {
			*value = table->value;
			return 0;
		}
	return error_set(
	    e, ERR_INPUT, "'%s': '%s' is unknown or not supported", path, text ? text : "");
}

/* Member @key, an action, with the errno of member @errno_key. */
static int
read_action(const struct json *j, const char *key, const char *errno_key, const char *path,
    uint32_t *action, struct error *e)
{
	autofree char *where = xasprintf("%s.%s", path, key);
	const char *text = NULL;
	uint64_t number = EPERM;

	if (json_read_text(j, key, path, &text, e) < 0 ||
	    json_read_u64(j, errno_key, path, &number, e) < 0 ||
	    find(actions, text, where, action, e) < 0)
		return -1;
	if (number > 4095)
		return error_set(e, ERR_INPUT, "'%s.%s' is no errno", path, errno_key);
	if (*action == SCMP_ACT_ERRNO(0))
		*action = SCMP_ACT_ERRNO((uint32_t)number);
	else if (*action == SCMP_ACT_TRACE(0))
		*action = SCMP_ACT_TRACE((uint32_t)number);
	return 0;
}

static int
read_argument(const struct json *j, const char *path, struct scmp_arg_cmp *arg, struct error *e)
{
	autofree char *where = xasprintf("%s.op", path);
	uint64_t index = 0, value = 0, second = 0;
	const char *text = NULL;
	uint32_t operator;

	if (json_read_u64(j, "index", path, &index, e) < 0 ||
	    json_read_u64(j, "value", path, &value, e) < 0 ||
	    json_read_u64(j, "valueTwo", path, &second, e) < 0 ||
	    json_read_text(j, "op", path, &text, e) < 0 ||
	    find(operators, text, where, &operator, e) < 0)
		return -1;
	if (index >= ARGUMENTS_MAX)
		return error_set(e, ERR_INPUT, "'%s.index' is above 5", path);
	*arg = (struct scmp_arg_cmp){ .arg = (unsigned int)index,
		.op = (enum scmp_compare) operator,
		.datum_a = value,
		.datum_b = second };
	return 0;
}

static int
add_rule(scmp_filter_ctx filter, uint32_t action, int number, const struct scmp_arg_cmp *args,
    unsigned int n, struct error *e)
{
	int failed = seccomp_rule_add_array(filter, action, number, n, args);

	if (failed == 0 || failed == -EACCES) /* the default action says the same */
		return 0;
	errno = -failed;
	return error_sys(e, "cannot add a rule");
}

/* Several questions about one argument are alternatives for the library's users, and it takes one question an argument. */
static int
add_rules(scmp_filter_ctx filter, uint32_t action, int number, const struct scmp_arg_cmp *args,
    unsigned int n, struct error *e)
{
	bool repeated = false;

	for (unsigned int i = 0; i < n; i++)
		for (unsigned int k = 0; k < i; k++)
			repeated = repeated || args[i].arg == args[k].arg;
	if (!repeated)
		return add_rule(filter, action, number, args, n, e);
	for (unsigned int i = 0; i < n; i++)
		if (add_rule(filter, action, number, &args[i], 1, e) < 0)
			return -1;
	return 0;
}

static int
add_entry(scmp_filter_ctx filter, const struct json *entry, const char *path, uint32_t otherwise,
    struct error *e)
{
	const struct json *args = json_get(entry, "args");
	struct scmp_arg_cmp compared[ARGUMENTS_MAX];
	auto(strv) struct strv names = { 0 };
	uint32_t action;

	if (json_read_strv(entry, "names", path, &names, e) < 0 ||
	    read_action(entry, "action", "errnoRet", path, &action, e) < 0)
		return -1;
	if (json_count(args) > ARGUMENTS_MAX)
		return error_set(
		    e, ERR_INPUT, "'%s.args' has more than %d members", path, ARGUMENTS_MAX);
	for (size_t i = 0; i < json_count(args); i++) {
		autofree char *where = xasprintf("%s.args[%zu]", path, i);

		if (read_argument(json_at(args, i), where, &compared[i], e) < 0)
			return -1;
	}
	for (size_t i = 0; action == SCMP_ACT_NOTIFY && i < names.count; i++)
		if (strcmp(names.items[i], "write") == 0)
			return error_set(e, ERR_INPUT,
			    "'%s': 'write' cannot be SCMP_ACT_NOTIFY: whoever answers could not be "
			    "told",
			    path);
	for (size_t i = 0; action != otherwise && i < names.count; i++) {
		int number = seccomp_syscall_resolve_name(names.items[i]);

		if (number != __NR_SCMP_ERROR && add_rules(filter, action, number, compared,
						     (unsigned int)json_count(args), e) < 0)
			return error_ctx(e, "'%s' %s", path, names.items[i]);
	}
	return 0;
}

static int
add_architectures(
    scmp_filter_ctx filter, const struct json *profile, const char *path, struct error *e)
{
	autofree char *where = xasprintf("%s.architectures", path);
	auto(strv) struct strv names = { 0 };
	uint32_t token;

	if (json_read_strv(profile, "architectures", path, &names, e) < 0)
		return -1;
	for (size_t i = 0; i < names.count; i++) {
		int failed;

		if (find(architectures, names.items[i], where, &token, e) < 0)
			return -1;
		failed = seccomp_arch_add(filter, token);
		if (failed < 0 && failed != -EEXIST &&
		    failed != -EDOM) /* another byte order cannot run here */
			return error_set(
			    e, ERR_HOST, "'%s': %s cannot be added", where, names.items[i]);
	}
	return 0;
}

/* What goes to the kernel beside the program. */
static int
read_flags(const struct json *profile, const char *path, unsigned int *bits, struct error *e)
{
	autofree char *where = xasprintf("%s.flags", path);
	auto(strv) struct strv words = { 0 };

	if (json_read_strv(profile, "flags", path, &words, e) < 0)
		return -1;
	for (size_t i = 0; i < words.count; i++) {
		uint32_t one = 0;

		if (find(flags, words.items[i], where, &one, e) < 0)
			return -1;
		*bits |= one;
	}
	return 0;
}

/* Calls that wait for an answer need somebody who gives it. */
static int
check_listener(const struct json *profile, const char *path, const struct seccomp_program *program,
    struct error *e)
{
	const char *listener = NULL, *metadata = NULL;

	if (json_read_text(profile, "listenerPath", path, &listener, e) < 0 ||
	    json_read_text(profile, "listenerMetadata", path, &metadata, e) < 0)
		return -1;
	if (program->notifies && (!listener || !*listener))
		return error_set(e, ERR_INPUT,
		    "'%s.listenerPath' is missing: SCMP_ACT_NOTIFY needs somebody who answers",
		    path);
	if (metadata && *metadata && (!listener || !*listener))
		return error_set(e, ERR_INPUT,
		    "'%s.listenerMetadata' is of no use without 'listenerPath'", path);
	if ((program->flags & FLAG_WAIT_KILLABLE) && !program->notifies)
		return error_set(e, ERR_INPUT,
		    "'%s.flags': SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV needs SCMP_ACT_NOTIFY",
		    path);
	return 0;
}

static struct seccomp_program *export(scmp_filter_ctx filter, struct error *e)
{
	auto(buf) struct buf code = { 0 };
	autofd int fd = memfd_create("filter", MFD_CLOEXEC);
	struct seccomp_program *program;

	(void)seccomp_attr_set(
	    filter, SCMP_FLTATR_CTL_OPTIMIZE, 2); /* libseccomp 2.5 on, only speed */
	if (fd < 0 || seccomp_export_bpf(filter, fd) < 0 || lseek(fd, 0, SEEK_SET) < 0) {
		error_sys(e, "cannot compile a seccomp filter");
		return NULL;
	}
	if (fd_read_all(fd, &code, 1U << 20, "filter", e) < 0)
		return NULL;
	program = xcalloc(1, sizeof(*program));
	program->length = (unsigned short)(code.len / sizeof(struct sock_filter));
	program->code = xmemdup(code.data, code.len);
	return program;
}

static struct seccomp_program *
compile(scmp_filter_ctx filter, const struct json *profile, const char *path, uint32_t otherwise,
    struct error *e)
{
	const struct json *list = json_get(profile, "syscalls");

	if (add_architectures(filter, profile, path, e) < 0)
		return NULL;
	for (size_t i = 0; i < json_count(list); i++) {
		autofree char *where = xasprintf("%s.syscalls[%zu]", path, i);

		if (add_entry(filter, json_at(list, i), where, otherwise, e) < 0)
			return NULL;
	}
	return export(filter, e);
}

static bool
has_notify(const struct json *profile)
{
	const struct json *calls = json_get(profile, "syscalls");

	for (size_t i = 0; i < json_count(calls); i++) {
		const char *action = json_text(json_get(json_at(calls, i), "action"));

		if (action && strcmp(action, "SCMP_ACT_NOTIFY") == 0)
			return true;
	}
	return false;
}

struct seccomp_program *
seccomp_compile(const struct json *profile, const char *path, struct error *e)
{
	struct seccomp_program *program;
	scmp_filter_ctx filter;
	unsigned int bits = 0;
	uint32_t otherwise;

	if (read_action(profile, "defaultAction", "defaultErrnoRet", path, &otherwise, e) < 0 ||
	    read_flags(profile, path, &bits, e) < 0)
		return NULL;
	if (otherwise == SCMP_ACT_NOTIFY) {
		error_set(e, ERR_INPUT,
		    "'%s.defaultAction' cannot be SCMP_ACT_NOTIFY: nothing at all would go on",
		    path);
		return NULL;
	}
	filter = seccomp_init(otherwise);
	if (!filter) {
		error_set(e, ERR_SYSTEM, "cannot make a seccomp filter");
		return NULL;
	}
	program = compile(filter, profile, path, otherwise, e);
	seccomp_release(filter);
	if (!program)
		return NULL;
	program->flags = bits;
	program->notifies = has_notify(profile);
	if (check_listener(profile, path, program, e) == 0)
		return program;
	seccomp_compiled_free(program);
	return NULL;
}

void
seccomp_compiled_free(struct seccomp_program *program)
{
	if (!program)
		return;
	free((void *)(uintptr_t)program->code);
	free(program);
}
