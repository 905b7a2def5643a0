/* SPDX-License-Identifier: Apache-2.0 */
/*
 * build_limits - --memory, --cpu-quota and their kin, and --resource, which says the same in one word.
 */
#include "builder/cli/build_flags.h"

#include "runtime/base/buf.h"
#include "runtime/base/mem.h"
#include "runtime/base/text.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define PERIOD 100000
#define CPUS_MAX 8192
#define PERIOD_MIN 1000 /* microseconds, as the kernel has it */
#define PERIOD_MAX 1000000
#define SHARES_MAX 262144

enum form { FORM_SIZE, FORM_SIZE_OR_ALL, FORM_NUMBER, FORM_NUMBER_OR_ALL, FORM_LIST };

static const struct limit {
	const char *name;
	enum form form;
	size_t typed;  /* of struct build_flags */
	size_t member; /* of struct oci_resources */
	uint64_t min, max;
} limits[] = {
#define ROW(name, form, typed, member, min, max)                     \
	{                                                            \
		name, form, offsetof(struct build_flags, typed),     \
		    offsetof(struct oci_resources, member), min, max \
	}
	ROW("memory", FORM_SIZE, memory, memory_limit, 1 << 20, INT64_MAX),
	ROW("memory-swap", FORM_SIZE_OR_ALL, memory_swap, memory_swap, 1 << 20, INT64_MAX),
	ROW("cpu-shares", FORM_NUMBER, cpu_shares, cpu_shares, 2, SHARES_MAX),
	ROW("cpu-period", FORM_NUMBER, cpu_period, cpu_period, PERIOD_MIN, PERIOD_MAX),
	ROW("cpu-quota", FORM_NUMBER, cpu_quota, cpu_quota, PERIOD_MIN, INT64_MAX),
	ROW("pids-limit", FORM_NUMBER_OR_ALL, pids_limit, pids_limit, 1, 4194304),
	ROW("cpuset-cpus", FORM_LIST, cpuset_cpus, cpus, 0, 0),
	ROW("cpuset-mems", FORM_LIST, cpuset_mems, mems, 0, 0),
#undef ROW
};

/** "0-3,7" */
static bool
is_list(const char *text)
{
	return *text != '\0' && text[strspn(text, "0123456789,-")] == '\0' && *text != '-' &&
	       *text != ',';
}

static int
set(const struct limit *limit, const char *text, struct build_options *options, struct error *e)
{
	autofree char *what = xasprintf("--%s", limit->name);
	void *member = (char *)&options->limits + limit->member;
	uint64_t value = 0;

	if (limit->form == FORM_LIST) {
		if (!is_list(text))
			return error_set(e, ERR_USAGE, "%s: '%s' is no list as 0-3,7", what, text);
		free(*(char **)member);
		*(char **)member = xstrdup(text);
		return 0;
	}
	if ((limit->form == FORM_SIZE_OR_ALL || limit->form == FORM_NUMBER_OR_ALL) &&
	    strcmp(text, "-1") == 0) {
		*(int64_t *)member = -1;
		return 0;
	}
	if ((limit->form == FORM_NUMBER || limit->form == FORM_NUMBER_OR_ALL
		    ? parse_u64(text, limit->min, limit->max, what, &value, e)
		    : parse_size(text, what, &value, e)) < 0) {
		e->kind = ERR_USAGE;
		return -1;
	}
	if (value < limit->min || value > limit->max)
		return error_set(e, ERR_USAGE, "%s: '%s' is less than 1m", what, text);
	*(int64_t *)member = (int64_t)value;
	return 0;
}

static int
set_named(const char *word, struct build_options *options, struct error *e)
{
	const char *equals = strchr(word, '=');
	size_t length = strcspn(word, "=");

	for (size_t n = 0; equals && n < ARRAY_LEN(limits); n++)
		if (strlen(limits[n].name) == length && strncmp(limits[n].name, word, length) == 0)
			return set(&limits[n], equals + 1, options, e);
	return error_set(e, ERR_USAGE,
	    "'%s' is not NAME=VALUE with memory, memory-swap, cpu-shares, cpu-period, cpu-quota, "
	    "pids-limit, cpuset-cpus or cpuset-mems",
	    word);
}

/** --resource memory=1g,cpuset-cpus=0,2: what has no name belongs to the list in front of it. */
static int
set_words(const char *text, struct build_options *options, struct error *e)
{
	auto(strv) struct strv words = { 0 };

	strv_split(&words, text, ',');
	for (size_t n = 0; n < words.count; n++) {
		auto(buf) struct buf word = { 0 };

		buf_add_text(&word, words.items[n]);
		while (n + 1 < words.count && !strchr(words.items[n + 1], '='))
			buf_printf(&word, ",%s", words.items[++n]);
		if (set_named(buf_text(&word), options, e) < 0)
			return error_ctx(e, "--resource");
	}
	return 0;
}

/* "1.5" of a period of 100 ms. */
static int
set_cpus(const char *text, struct oci_resources *r, struct error *e)
{
	char *end;
	double value = strtod(text, &end);

	if (r->cpu_quota != OCI_UNSET || r->cpu_period != OCI_UNSET) {
		error_set(e, ERR_USAGE, "--cpus does not go with --cpu-quota and --cpu-period");
		return error_hint(e, "give one of the two");
	}
	if (end == text || text[strspn(text, "0123456789.")] != '\0' || *end || value < 0.01 ||
	    value > CPUS_MAX)
		return error_set(
		    e, ERR_USAGE, "--cpus: '%s' is no number of processors, as 2 or 0.5", text);
	r->cpu_period = PERIOD;
	r->cpu_quota = (int64_t)(value * PERIOD);
	return 0;
}

int
build_limits_apply(const struct build_flags *flags, struct build_options *options, struct error *e)
{
	oci_resources_init(&options->limits);
	for (size_t n = 0; n < flags->resources.count; n++)
		if (set_words(flags->resources.items[n], options, e) < 0)
			return -1;
	for (size_t n = 0; n < ARRAY_LEN(limits); n++) {
		const char *text = *(const char *const *)((const char *)flags + limits[n].typed);

		if (text && set(&limits[n], text, options, e) < 0)
			return -1;
	}
	if (flags->cpus && set_cpus(flags->cpus, &options->limits, e) < 0)
		return -1;
	if (options->limits.memory_swap > 0 &&
	    options->limits.memory_swap < options->limits.memory_limit)
		return error_set(e, ERR_USAGE,
		    "--memory-swap is of memory and swap together: less than --memory cannot be");
	options->cgroup_parent = flags->cgroup_parent ? xstrdup(flags->cgroup_parent) : NULL;
	return 0;
}
