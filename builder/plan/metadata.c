/* SPDX-License-Identifier: Apache-2.0 */
/*
 * metadata - the instructions that change an image's config and nothing else.
 */
#include "builder/plan/planner.h"

#include "builder/plan/signals.h"
#include "runtime/base/json.h"
#include "runtime/base/mem.h"
#include "runtime/base/text.h"

#include <inttypes.h>
#include <string.h>
#include <strings.h>

/** Adds the step; @text is taken over. */
static void
add_step(struct building *b, const struct instruction *i, char *text)
{
	struct plan_step *step = steps_add(b, PLAN_METADATA, i);

	step->text = text;
	step->created_by = xstrdup(text);
}

static int
fail(const struct building *b, const struct instruction *i, uint32_t offset, const char *text)
{
	struct error e = ERROR_INIT;

	(void)error_set(&e, ERR_INPUT, "%s", text);
	return planner_error(b, i, offset, &e);
}

/** The command of CMD or ENTRYPOINT, with the shell in front for shell form. */
static void
make_command(const struct building *b, const struct instruction *i, struct strv *command)
{
	strv_clear(command);
	if (i->form == FORM_SHELL)
		strv_append(command, &b->config->shell);
	if (i->form == FORM_SHELL && b->config->shell.count == 0) {
		strv_add(command, "/bin/sh");
		strv_add(command, "-c");
	}
	for (size_t n = 0; n < i->n_words; n++)
		strv_add(command, i->words[n].text);
}

static int
apply_cmd(struct building *b, const struct instruction *i)
{
	struct buf text = { 0 };

	make_command(b, i, &b->config->cmd);
	b->config->args_escaped = true;
	b->has_cmd = true;
	buf_add_text(&text, "CMD ");
	history_add_quoted_list(&text, &b->config->cmd);
	add_step(b, i, buf_steal(&text));
	return 0;
}

static int
apply_entrypoint(struct building *b, const struct instruction *i)
{
	struct buf text = { 0 };

	make_command(b, i, &b->config->entrypoint);
	if (!b->has_cmd)
		strv_clear(&b->config->cmd);
	buf_add_text(&text, "ENTRYPOINT ");
	history_add_quoted_list(&text, &b->config->entrypoint);
	add_step(b, i, buf_steal(&text));
	return 0;
}

/** Name and value of all pairs, expanded in the environment before the instruction. */
static int
expand_pairs(
    struct building *b, const struct instruction *i, struct strv *names, struct strv *values)
{
	int result = 0;

	for (size_t n = 0; n < i->n_pairs; n++) {
		const struct pair *pair = &i->pairs[n];
		autofree char *name = planner_expand(b, i, pair->name, pair->offset);
		autofree char *value = planner_expand(b, i, pair->value, pair->value_offset);

		if (!name || !value) {
			result = -1;
			continue;
		}
		if (name[0] == '\0')
			result = fail(
			    b, i, pair->offset, "the name is empty once variables are replaced");
		plan_lint_value(b, i, pair->offset, name, value);
		strv_take(names, steal_ptr(&name));
		strv_take(values, steal_ptr(&value));
	}
	return result;
}

static char *
pairs_text(const char *word, const struct strv *names, const struct strv *values)
{
	struct buf text = { 0 };

	buf_add_text(&text, word);
	for (size_t n = 0; n < names->count; n++)
		buf_printf(&text, " %s=%s", names->items[n], values->items[n]);
	return buf_steal(&text);
}

static int
apply_env(struct building *b, const struct instruction *i)
{
	auto(strv) struct strv names = { 0 }, values = { 0 };

	if (b->config->env.count + i->n_pairs > PLANNER_MAX_VARIABLES)
		return fail(b, i, 0, "the environment has too many variables: at most 10000");
	if (expand_pairs(b, i, &names, &values) < 0)
		return -1;
	for (size_t n = 0; n < names.count; n++) {
		if (strchr(names.items[n], '='))
			return fail(
			    b, i, i->pairs[n].offset, "the name of a variable cannot have a '='");
		env_set(&b->config->env, names.items[n], values.items[n]);
	}
	add_step(b, i, pairs_text("ENV", &names, &values));
	return 0;
}

static int
apply_label(struct building *b, const struct instruction *i)
{
	auto(strv) struct strv names = { 0 }, values = { 0 };

	if (expand_pairs(b, i, &names, &values) < 0)
		return -1;
	for (size_t n = 0; n < names.count; n++)
		image_config_set_label(b->config, names.items[n], values.items[n]);
	add_step(b, i, pairs_text("LABEL", &names, &values));
	return 0;
}

static int
apply_maintainer(struct building *b, const struct instruction *i)
{
	image_config_set_text(&b->config->author, i->words[0].text);
	add_step(b, i, xasprintf("MAINTAINER %s", i->words[0].text));
	return 0;
}

static int
apply_user(struct building *b, const struct instruction *i)
{
	autofree char *text = planner_expand(b, i, i->words[0].text, i->words[0].offset);
	struct error e = ERROR_INIT;
	struct user_spec spec;

	if (!text)
		return -1;
	if (user_parse(text, &spec, &e) < 0) {
		(void)error_ctx(&e, "USER %s", text);
		return planner_error(b, i, i->words[0].offset, &e);
	}
	image_config_set_text(&b->config->user, text);
	add_step(b, i, xasprintf("USER %s", text));
	return 0;
}

static int
apply_stopsignal(struct building *b, const struct instruction *i)
{
	autofree char *text = planner_expand(b, i, i->words[0].text, i->words[0].offset);
	struct error e = ERROR_INIT;
	const char *near;

	if (!text)
		return -1;
	if (!signal_is_valid(text)) {
		near = signal_suggest(text);
		(void)error_set(&e, ERR_INPUT,
		    "STOPSIGNAL %s: no signal of that name or number%s%s%s", text,
		    near ? ", did you mean " : "", near ? near : "", near ? "?" : "");
		return planner_error(b, i, i->words[0].offset, &e);
	}
	image_config_set_text(&b->config->stop_signal, text);
	add_step(b, i, xasprintf("STOPSIGNAL %s", text));
	return 0;
}

static int
apply_volume(struct building *b, const struct instruction *i)
{
	auto(strv) struct strv paths = { 0 };
	struct buf text = { 0 };

	for (size_t n = 0; n < i->n_words; n++) {
		autofree char *path = planner_expand(b, i, i->words[n].text, i->words[n].offset);

		if (!path)
			return -1;
		if (path[0] == '\0')
			return fail(b, i, i->words[n].offset,
			    "a volume is empty once variables are replaced");
		image_config_add_to_set(&b->config->volumes, path);
		strv_take(&paths, steal_ptr(&path));
	}
	buf_add_text(&text, "VOLUME ");
	history_add_list(&text, &paths);
	add_step(b, i, buf_steal(&text));
	return 0;
}

#define MAX_PORT 65535

/** Adds the ports of "port[-port][/protocol]" or "ip:host:container" to @ports as "80/tcp". */
static int
add_ports(struct strv *ports, const char *spec, struct error *e)
{
	const char *slash = strchr(spec, '/'), *protocol = slash ? slash + 1 : "tcp", *colon, *dash;
	autofree char *numbers = xstrndup(spec, slash ? (size_t)(slash - spec) : strlen(spec));
	static const char *const protocols[] = { "tcp", "udp", "sctp" };
	autofree char *low = NULL;
	uint64_t first, last;
	size_t known = 0;

	while (known < ARRAY_LEN(protocols) && strcasecmp(protocols[known], protocol) != 0)
		known++;
	if (known == ARRAY_LEN(protocols))
		return error_set(e, ERR_INPUT, "EXPOSE %s: the protocol is tcp, udp or sctp", spec);
	colon = strrchr(numbers, ':');
	colon = colon ? colon + 1 : numbers;
	dash = strchr(colon, '-');
	low = xstrndup(colon, dash ? (size_t)(dash - colon) : strlen(colon));
	if (parse_u64(low, 0, MAX_PORT, "port", &first, e) < 0 ||
	    parse_u64(dash ? dash + 1 : low, 0, MAX_PORT, "port", &last, e) < 0)
		return error_set(
		    e, ERR_INPUT, "EXPOSE %s: a port is a number from 0 to %d", spec, MAX_PORT);
	if (last < first)
		return error_set(e, ERR_INPUT, "EXPOSE %s: the range ends before it begins", spec);
	for (; first <= last; first++)
		strv_printf(ports, "%" PRIu64 "/%s", first, protocols[known]);
	return 0;
}

/** Puts @ports into the sorted set @set at once: a range of all ports has 65,536. */
static void
merge_ports(struct strv *set, const struct strv *ports)
{
	auto(strv) struct strv all = { 0 };

	strv_copy(&all, set);
	strv_append(&all, ports);
	strv_sort(&all);
	strv_clear(set);
	for (size_t n = 0; n < all.count; n++)
		if (n == 0 || strcmp(all.items[n], all.items[n - 1]) != 0)
			strv_add(set, all.items[n]);
}

static int
apply_expose(struct building *b, const struct instruction *i)
{
	auto(strv) struct strv words = { 0 }, ports = { 0 };
	struct buf text = { 0 };
	struct error e = ERROR_INIT;

	b->instruction = i;
	for (size_t n = 0; n < i->n_words; n++) {
		b->offset = i->words[n].offset;
		if (expand_words(&b->expansion, i->words[n].text, &words, &e) < 0)
			return planner_error(
			    b, i, i->words[n].offset + (uint32_t)b->expansion.failed_at, &e);
	}
	if (words.count == 0 && !b->lint.guessed)
		(void)diagnostics_add(b->p->diagnostics, SEVERITY_WARNING, instruction_location(i),
		    "EXPOSE names no port once variables are replaced");
	strv_sort(&words);
	for (size_t n = 0; n < words.count; n++)
		if (add_ports(&ports, words.items[n], &e) < 0)
			return planner_error(b, i, i->words[0].offset, &e);
	merge_ports(&b->config->ports, &ports);
	buf_add_text(&text, "EXPOSE ");
	history_add_list(&text, &ports);
	add_step(b, i, buf_steal(&text));
	return 0;
}

static int
apply_shell(struct building *b, const struct instruction *i)
{
	struct buf text = { 0 };

	strv_clear(&b->config->shell);
	for (size_t n = 0; n < i->n_words; n++)
		strv_add(&b->config->shell, i->words[n].text);
	buf_add_text(&text, "SHELL ");
	history_add_list(&text, &b->config->shell);
	add_step(b, i, buf_steal(&text));
	return 0;
}

/** The Test member: what is run, or NONE. */
static struct json *
health_test(const struct instruction *i)
{
	bool none = strcmp(i->words[0].text, "NONE") == 0;
	struct json *test = json_new_array();

	(void)json_append(test, json_new_text(none                    ? "NONE"
					      : i->form == FORM_SHELL ? "CMD-SHELL"
								      : "CMD"));
	for (size_t n = 1; n < i->n_words; n++)
		(void)json_append(test, json_new_text(i->words[n].text));
	return test;
}

static int
apply_healthcheck(struct building *b, const struct instruction *i)
{
	static const struct {
		const char *flag, *member;
	} durations[] = {
		{ "interval", "Interval" },
		{ "timeout", "Timeout" },
		{ "start-period", "StartPeriod" },
		{ "start-interval", "StartInterval" },
	};
	const struct flag *flag = instruction_flag(i, "retries");
	struct json *check = json_new_object();
	struct plan_step *step;
	struct buf text = { 0 };
	struct error e = ERROR_INIT;
	int64_t number = 0;

	json_set(check, "Test", health_test(i));
	for (size_t n = 0; n < ARRAY_LEN(durations); n++) {
		const struct flag *duration = instruction_flag(i, durations[n].flag);

		number = 0;
		if (duration &&
		    parse_duration(duration->value, duration->def->name, &number, &e) == 0 &&
		    number > 0)
			json_set(check, durations[n].member, json_new_i64(number));
	}
	if (flag && parse_i64(flag->value, 0, INT32_MAX, "retries", &number, &e) == 0 && number > 0)
		json_set(check, "Retries", json_new_i64(number));
	json_free(b->config->healthcheck);
	b->config->healthcheck = check;
	buf_add_text(&text, "HEALTHCHECK ");
	history_add_healthcheck(&text, check);
	step = steps_add(b, PLAN_METADATA, i);
	step->text = xstrdup(i->text);
	step->created_by = buf_steal(&text);
	return 0;
}

static int
apply_onbuild(struct building *b, const struct instruction *i)
{
	struct plan_step *step = steps_add(b, PLAN_METADATA, i);

	if (i->trigger)
		strv_take(&b->config->onbuild,
		    heredocs_join(&i->trigger->heredocs, instruction_arguments(i)));
	step->text = xasprintf("ONBUILD %s", instruction_arguments(i));
	return 0;
}

int
metadata_apply(struct building *b, const struct instruction *i)
{
	static int (*const table[INSTRUCTION_KINDS])(
	    struct building *, const struct instruction *) = {
		[INSTRUCTION_CMD] = apply_cmd,
		[INSTRUCTION_ENTRYPOINT] = apply_entrypoint,
		[INSTRUCTION_ENV] = apply_env,
		[INSTRUCTION_EXPOSE] = apply_expose,
		[INSTRUCTION_HEALTHCHECK] = apply_healthcheck,
		[INSTRUCTION_LABEL] = apply_label,
		[INSTRUCTION_MAINTAINER] = apply_maintainer,
		[INSTRUCTION_ONBUILD] = apply_onbuild,
		[INSTRUCTION_SHELL] = apply_shell,
		[INSTRUCTION_STOPSIGNAL] = apply_stopsignal,
		[INSTRUCTION_USER] = apply_user,
		[INSTRUCTION_VOLUME] = apply_volume,
	};

	return table[i->def->kind] ? table[i->def->kind](b, i) : 0;
}
