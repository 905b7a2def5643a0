/* SPDX-License-Identifier: Apache-2.0 */
/*
 * check - what single instructions demand of their arguments, beyond their syntax, as far as it can
 * be told from the text alone.
 */
#include "builder/dockerfile/check.h"

#include "builder/dockerfile/device.h"
#include "builder/dockerfile/mountspec.h"
#include "runtime/base/mem.h"
#include "runtime/base/strv.h"
#include "runtime/base/text.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

/** [a-z][a-z0-9-_.]*, whatever the case: names are compared in lower case. */
static bool
is_stage_name(const char *name)
{
	if (!isalpha((unsigned char)*name))
		return false;
	for (; *name != '\0'; name++)
		if (!isalnum((unsigned char)*name) && !strchr("-_.", *name))
			return false;
	return true;
}

static int
check_from(struct reading *r)
{
	const struct instruction *i = r->i;

	if (i->n_words == 1)
		return 0;
	if (i->n_words != 3 || strcasecmp(i->words[1].text, "AS") != 0)
		return reading_error(r, i->words[1].offset,
		    "FROM takes an image alone, or an image, AS and a name: %s", i->def->usage);
	if (!is_stage_name(i->words[2].text))
		return reading_error(r, i->words[2].offset,
		    "'%s' cannot name a stage: a letter, then letters, digits, '-', '_' and '.'",
		    i->words[2].text);
	return 0;
}

static int
check_duration(const struct reading *r, const struct flag *flag)
{
	struct error e = ERROR_INIT;
	int64_t nanoseconds = 0;

	if (parse_duration(flag->value, flag->def->name, &nanoseconds, &e) < 0)
		return reading_error(r, flag->offset, "--%s=%s is no duration such as 30s or 1m30s",
		    flag->def->name, flag->value);
	if (nanoseconds < 0 || (nanoseconds > 0 && nanoseconds < 1000000))
		return reading_error(
		    r, flag->offset, "--%s=%s: 0, or 1ms and more", flag->def->name, flag->value);
	return 0;
}

static int
check_healthcheck(struct reading *r)
{
	const struct instruction *i = r->i;
	int result = 0;

	if (strcmp(i->words[0].text, "NONE") == 0 && i->n_flags > 0)
		return reading_error(r, i->flags[0].offset, "HEALTHCHECK NONE takes no flags");
	for (size_t n = 0; n < i->n_flags; n++) {
		const struct flag *flag = &i->flags[n];
		struct error e = ERROR_INIT;
		uint64_t retries;

		if (strcmp(flag->def->name, "retries") != 0) {
			if (check_duration(r, flag) < 0)
				result = -1;
		} else if (parse_u64(flag->value, 0, INT32_MAX, "retries", &retries, &e) < 0) {
			result = reading_error(
			    r, flag->offset, "--retries=%s is no number from 0 on", flag->value);
		}
	}
	return result;
}

static int
check_variable_names(struct reading *r)
{
	int result = 0;

	for (size_t n = 0; n < r->i->n_pairs; n++) {
		const struct pair *pair = &r->i->pairs[n];

		if (strpbrk(pair->name, " \t\"'"))
			result = reading_error(r, pair->offset,
			    "'%s' cannot be a name: it has a blank or quote", pair->name);
	}
	return result;
}

static int
check_copy(struct reading *r)
{
	const struct flag *from = instruction_flag(r->i, "from");

	if (from && strchr(from->value, '$'))
		return reading_error(r, from->offset,
		    "COPY --from=%s: variables are not replaced here; name a stage that is FROM "
		    "the image",
		    from->value);
	if (from && from->value[0] == '\0')
		return reading_error(
		    r, from->offset, "COPY --from needs a stage, an image or a context");
	if (from)
		instruction_add_from(r->i, from->value, from->offset);
	return 0;
}

static int
check_choice(const struct reading *r, const char *name, const char *const *choices)
{
	const struct flag *flag = instruction_flag(r->i, name);
	auto(strv) struct strv all = { 0 };
	autofree char *list = NULL;
	const char *near;

	if (!flag)
		return 0;
	for (size_t n = 0; choices[n]; n++) {
		if (strcmp(choices[n], flag->value) == 0)
			return 0;
		strv_add(&all, choices[n]);
	}
	list = strv_join(&all, ", ");
	near = text_suggest(flag->value, choices);
	if (near)
		return reading_error(r, flag->offset, "RUN --%s=%s is unknown, did you mean %s?",
		    name, flag->value, near);
	return reading_error(
	    r, flag->offset, "RUN --%s=%s is unknown; there are %s", name, flag->value, list);
}

static int
check_mount(const struct reading *r, const struct flag *flag)
{
	struct error e = ERROR_INIT;
	autofree char *from = NULL;

	if (mountspec_check(flag->value, &from, &e) < 0)
		return reading_error(r, flag->offset, "RUN --mount: %s", e.text);
	if (from)
		instruction_add_from(r->i, from, flag->offset);
	return 0;
}

static int
check_device(const struct reading *r, const struct flag *flag)
{
	auto(device) struct device device = { 0 };
	struct error e = ERROR_INIT;

	if (device_parse(flag->value, &device, &e) < 0)
		return reading_error(r, flag->offset, "RUN --device: %s", e.text);
	return 0;
}

static int
check_run(struct reading *r)
{
	static const char *const networks[] = { "default", "none", "host", NULL };
	static const char *const securities[] = { "sandbox", "insecure", NULL };
	const struct instruction *i = r->i;
	int result = check_choice(r, "network", networks);

	if (check_choice(r, "security", securities) < 0)
		result = -1;
	for (size_t n = 0; n < i->n_flags; n++) {
		const char *name = i->flags[n].def->name;

		if (strcmp(name, "mount") == 0 && check_mount(r, &i->flags[n]) < 0)
			result = -1;
		if (strcmp(name, "device") == 0 && check_device(r, &i->flags[n]) < 0)
			result = -1;
	}
	return result;
}

int
check_instruction(struct reading *r)
{
	static int (*const checks[INSTRUCTION_KINDS])(struct reading *) = {
		[INSTRUCTION_FROM] = check_from,
		[INSTRUCTION_HEALTHCHECK] = check_healthcheck,
		[INSTRUCTION_ARG] = check_variable_names,
		[INSTRUCTION_COPY] = check_copy,
		[INSTRUCTION_RUN] = check_run,
	};

	return checks[r->i->def->kind] ? checks[r->i->def->kind](r) : 0;
}
