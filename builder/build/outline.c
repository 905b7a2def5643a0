/* SPDX-License-Identifier: Apache-2.0 */
/*
 * outline - what a Dockerfile offers: its targets, and what each can be given.
 */
#include "builder/build/outline.h"

#include "builder/dockerfile/report.h"
#include "runtime/base/mem.h"
#include "runtime/base/text.h"

#include <string.h>
#include <strings.h>

/* ---- what the target can be given ---- */

static const struct stage *
target_of(const struct build *b)
{
	return &b->file.stages[b->plan.stages[b->plan.target].number];
}

/* An ARG before the first FROM is asked for when FROM of a needed stage, or an ARG of one, names it. */
static bool
is_used(const struct build *b, const struct plan_argument *a)
{
	const char *name = a->pair->name;
	size_t length = strlen(name);

	if (a->instruction >= b->file.instructions + b->file.n_global)
		return true;
	for (size_t n = 0; n < b->plan.n_arguments; n++)
		if (b->plan.arguments[n].instruction != a->instruction &&
		    (strcmp(b->plan.arguments[n].pair->name, name) == 0 ||
			(b->plan.arguments[n].pair->value &&
			    strstr(b->plan.arguments[n].pair->value, name))))
			return true;
	for (size_t n = 0; n < b->plan.n_stages; n++) {
		const char *text =
		    b->file.instructions[b->file.stages[b->plan.stages[n].number].from].text;

		for (const char *at = strchr(text, '$'); at; at = strchr(at + 1, '$')) {
			const char *word = at + 1 + (at[1] == '{');

			if (strncmp(word, name, length) == 0 &&
			    !strchr("_", word[length] ? word[length] : ' '))
				return true;
		}
	}
	return false;
}

/* A stage's ARG repeats one above the first FROM: the first one with a description or value is shown. */
static bool
is_repeated(const struct build *b, size_t index)
{
	for (size_t n = 0; n < index; n++)
		if (strcmp(b->plan.arguments[n].pair->name, b->plan.arguments[index].pair->name) ==
			0 &&
		    is_used(b, &b->plan.arguments[n]))
			return true;
	return false;
}

static struct json *
arguments_json(const struct build *b)
{
	struct json *list = json_new_array();

	for (size_t n = 0; n < b->plan.n_arguments; n++) {
		const struct plan_argument *a = &b->plan.arguments[n];
		autofree char *description = instruction_description(a->instruction, a->pair->name);
		struct json *item;

		if (!is_used(b, a) || is_repeated(b, n))
			continue;
		item = json_append(list, json_new_object());
		json_set_text(item, "name", a->pair->name);
		if (description)
			json_set_text(item, "description", description);
		if (a->value)
			json_set_text(item, "value", a->value);
		json_set(item, "location",
		    report_location(instruction_locate(a->instruction, a->pair->offset),
			a->instruction->end_line));
	}
	return list;
}

/* ---- mounts of RUN that need something of the user's ---- */

/* Value of @key in "type=secret,id=x"; NULL. To be freed. */
static char *
mount_option(const char *mount, const char *key)
{
	size_t n = strlen(key);

	while (*mount != '\0') {
		size_t length = strcspn(mount, ",");

		if (length >= n && strncasecmp(mount, key, n) == 0 &&
		    (length == n || mount[n] == '='))
			return length == n ? xstrdup("true")
			                   : xstrndup(mount + n + 1, length - n - 1);
		mount += length + (mount[length] == ',');
	}
	return NULL;
}

static bool
has_id(const struct json *list, const char *key, const char *id)
{
	for (size_t n = 0; n < json_count(list); n++)
		if (strcmp(json_text(json_get(json_at(list, n), key)), id) == 0)
			return true;
	return false;
}

struct mount_kind {
	const char *type;
	const char *list;       /* member of the outline */
	const char *key;        /* member of its items */
	const char *default_id; /* NULL: the target */
};

static const struct mount_kind mount_kinds[] = {
	{ "secret", "secrets", "name", NULL },
	{ "ssh", "ssh", "name", "default" },
	{ "cache", "cacheMounts", "ID", NULL },
};

static void
add_mount(struct json *object, const struct mount_kind *kind, const struct instruction *i,
    const struct flag *flag)
{
	autofree char *id = mount_option(flag->value, "id");
	autofree char *target = mount_option(flag->value, "target");
	autofree char *required = mount_option(flag->value, "required");
	struct json *list = json_get_mutable(object, kind->list), *item;

	if (!target)
		target = mount_option(flag->value, "dst");
	if (!id && kind->default_id)
		id = xstrdup(kind->default_id);
	if (!id && target)
		id = xstrdup(target);
	if (!id || has_id(list, kind->key, id))
		return;
	if (!list)
		list = json_set(object, kind->list, json_new_array());
	item = json_append(list, json_new_object());
	json_set_text(item, kind->key, id);
	if (required && strcasecmp(required, "false") != 0 && strcmp(required, "0") != 0)
		json_set(item, "required", json_new_bool(true));
	json_set(
	    item, "location", report_location(instruction_locate(i, flag->offset), i->end_line));
}

static void
add_mounts(struct json *object, const struct instruction *i)
{
	for (size_t n = 0; n < i->n_flags; n++) {
		autofree char *type = NULL;

		if (i->def->kind != INSTRUCTION_RUN || strcmp(i->flags[n].def->name, "mount") != 0)
			continue;
		type = mount_option(i->flags[n].value, "type");
		for (size_t m = 0; type && m < ARRAY_LEN(mount_kinds); m++)
			if (strcmp(type, mount_kinds[m].type) == 0)
				add_mount(object, &mount_kinds[m], i, &i->flags[n]);
	}
}

static struct json *
outline_of(const struct build *b)
{
	const struct stage *target = target_of(b);
	struct json *object = json_new_object();
	autofree char *description = NULL;

	if (target->name) {
		description =
		    instruction_description(&b->file.instructions[target->from], target->name);
		json_set_text(object, "name", target->name);
	}
	if (description)
		json_set_text(object, "description", description);
	json_set(object, "args", arguments_json(b));
	for (size_t n = 0; n < b->plan.n_stages; n++) {
		const struct stage *s = &b->file.stages[b->plan.stages[n].number];

		for (size_t m = s->first; m < s->first + s->count; m++)
			add_mounts(object, &b->file.instructions[m]);
	}
	return object;
}

struct json *
outline_json(const struct build *b)
{
	struct json *object = outline_of(b);

	json_append(json_set(object, "sources", json_new_array()),
	    report_source(&b->file, b->diagnostics.file));
	return object;
}

/* ---- tables ---- */

static void
add_cell(struct buf *out, const char *text, size_t width)
{
	auto(buf) struct buf safe = { 0 };

	text_add_safe(&safe, text, strlen(text));
	buf_printf(out, "%-*s", (int)width, buf_text(&safe));
}

static const char *
member(const struct json *object, const char *key)
{
	const struct json *value = json_get(object, key);
	const char *text = json_text(value);

	if (json_is_true(value))
		return key;
	return text ? text : "";
}

/* Rows of @list, the columns @keys under @titles; nothing for an empty list. */
static void
add_table(struct buf *out, const struct json *list, const char *const keys[3],
    const char *const titles[3])
{
	size_t width[2];

	if (json_count(list) == 0)
		return;
	for (size_t c = 0; c < 2; c++) {
		width[c] = strlen(titles[c]);
		for (size_t n = 0; n < json_count(list); n++) {
			size_t length = strlen(member(json_at(list, n), keys[c]));

			width[c] = length > width[c] ? length : width[c];
		}
		add_cell(out, titles[c], width[c] + 2);
	}
	buf_printf(out, "%s\n", titles[2]);
	for (size_t n = 0; n < json_count(list); n++) {
		add_cell(out, member(json_at(list, n), keys[0]), width[0] + 2);
		add_cell(out, member(json_at(list, n), keys[1]), width[1] + 2);
		add_cell(out, member(json_at(list, n), keys[2]), 0);
		while (out->len > 0 && out->data[out->len - 1] == ' ')
			buf_truncate(out, out->len - 1);
		buf_add_char(out, '\n');
	}
}

void
outline_text(const struct build *b, struct buf *out)
{
	static const char *const keys[] = { "name", "value", "description" };
	static const char *const mounts[] = { "name", "required", "" };
	autojson struct json *object = outline_of(b);
	const char *name = member(object, "name");

	buf_printf(out, "TARGET: %s%s%s\n", name[0] ? name : "default",
	    json_get(object, "description") ? " - " : "", member(object, "description"));
	if (json_count(json_get(object, "args")) > 0)
		buf_add_char(out, '\n');
	add_table(out, json_get(object, "args"), keys,
	    (const char *const[]){ "BUILD ARG", "VALUE", "DESCRIPTION" });
	for (size_t n = 0; n < 2; n++) {
		const struct json *list = json_get(object, mount_kinds[n].list);

		if (json_count(list) == 0)
			continue;
		buf_add_char(out, '\n');
		add_table(
		    out, list, mounts, (const char *const[]){ n == 0 ? "SECRET" : "SSH", "", "" });
	}
}

/* ---- the stages ---- */

static struct json *
targets_list(const struct build *b, bool shown)
{
	struct json *list = json_new_array();

	for (size_t n = 0; n < b->file.n_stages; n++) {
		const struct stage *s = &b->file.stages[n];
		const struct instruction *from = &b->file.instructions[s->from];
		const struct flag *platform = instruction_flag(from, "platform");
		struct json *item = json_append(list, json_new_object());
		autofree char *description =
		    s->name ? instruction_description(from, s->name) : NULL;

		if (s->name)
			json_set_text(item, "name", s->name);
		if (description)
			json_set_text(item, "description", description);
		if (n + 1 == b->file.n_stages)
			json_set(item, "default", json_new_bool(true));
		if (shown) {
			autofree char *text = xasprintf("%s%s", s->name ? s->name : "-",
			    n + 1 == b->file.n_stages ? " (default)" : "");

			json_set_text(item, "shown", text);
		}
		if (from->n_words > 0)
			json_set_text(item, "base", from->words[0].text);
		if (platform)
			json_set_text(item, "platform", platform->value);
		json_set(
		    item, "location", report_location(instruction_location(from), from->end_line));
	}
	return list;
}

struct json *
targets_json(const struct build *b)
{
	struct json *object = json_new_object();

	json_set(object, "targets", targets_list(b, false));
	json_append(json_set(object, "sources", json_new_array()),
	    report_source(&b->file, b->diagnostics.file));
	return object;
}

void
targets_text(const struct build *b, struct buf *out)
{
	static const char *const keys[] = { "shown", "base", "description" };
	autojson struct json *list = targets_list(b, true);

	add_table(out, list, keys, (const char *const[]){ "TARGET", "BASE", "DESCRIPTION" });
}
