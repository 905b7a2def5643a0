/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dump - a parsed Dockerfile as JSON, for tools.
 */
#include "builder/dockerfile/dump.h"

#include "runtime/base/mem.h"

#define DUMP_VERSION 1

static void
set_place(struct json *object, struct location at)
{
	json_set(object, "line", json_new_u64(at.line));
	if (at.column > 0)
		json_set(object, "column", json_new_u64(at.column));
}

static void
add_flags(struct json *object, const struct instruction *i)
{
	struct json *list;

	if (i->n_flags == 0)
		return;
	list = json_set(object, "flags", json_new_array());
	for (size_t n = 0; n < i->n_flags; n++) {
		struct json *flag = json_append(list, json_new_object());

		json_set_text(flag, "name", i->flags[n].def->name);
		json_set_text(flag, "value", i->flags[n].value);
		set_place(flag, instruction_locate(i, i->flags[n].offset));
	}
}

static void
add_words(struct json *object, const struct instruction *i)
{
	bool has_form = i->def->syntax == ARGUMENTS_COMMAND || i->def->syntax == ARGUMENTS_LIST ||
	                i->def->syntax == ARGUMENTS_JSON || i->def->syntax == ARGUMENTS_HEALTHCHECK;
	struct json *list;

	if (has_form)
		json_set_text(object, "form", i->form == FORM_EXEC ? "exec" : "shell");
	if (i->n_words == 0)
		return;
	list = json_set(object, "words", json_new_array());
	for (size_t n = 0; n < i->n_words; n++) {
		struct json *word = json_append(list, json_new_object());

		json_set_text(word, "text", i->words[n].text);
		set_place(word, instruction_locate(i, i->words[n].offset));
	}
}

static void
add_pairs(struct json *object, const struct instruction *i)
{
	struct json *list;

	if (i->n_pairs == 0)
		return;
	list = json_set(object, "pairs", json_new_array());
	for (size_t n = 0; n < i->n_pairs; n++) {
		struct json *pair = json_append(list, json_new_object());

		json_set_text(pair, "name", i->pairs[n].name);
		if (i->pairs[n].value)
			json_set_text(pair, "value", i->pairs[n].value);
		set_place(pair, instruction_locate(i, i->pairs[n].offset));
	}
}

static void
add_heredocs(struct json *object, const struct instruction *i)
{
	struct json *list;

	if (i->heredocs.count == 0)
		return;
	list = json_set(object, "heredocs", json_new_array());
	for (size_t n = 0; n < i->heredocs.count; n++) {
		const struct heredoc *doc = &i->heredocs.items[n];
		struct json *item = json_append(list, json_new_object());

		json_set_text(item, "name", doc->word);
		json_set_text(item, "body", doc->body ? doc->body : "");
		json_set(item, "expand", json_new_bool(doc->expand));
		json_set(item, "stripTabs", json_new_bool(doc->strip_tabs));
		json_set(item, "line", json_new_u64(doc->line));
	}
}

static void
add_instruction(struct json *object, const struct instruction *i)
{
	json_set_text(object, "name", i->def->name);
	set_place(object, instruction_location(i));
	json_set(object, "endLine", json_new_u64(i->end_line));
	json_set_text(object, "text", i->text);
	if (i->comment)
		json_set_text(object, "comment", i->comment);
	add_flags(object, i);
	add_words(object, i);
	add_pairs(object, i);
	add_heredocs(object, i);
	if (i->trigger && i->trigger->def)
		add_instruction(json_set(object, "trigger", json_new_object()), i->trigger);
}

static void
add_stages(struct json *object, const struct dockerfile *f)
{
	struct json *list = json_set(object, "stages", json_new_array());

	for (size_t n = 0; n < f->n_stages; n++) {
		const struct instruction *from = &f->instructions[f->stages[n].from];
		struct json *stage = json_append(list, json_new_object());

		json_set(stage, "index", json_new_u64(n));
		if (f->stages[n].name)
			json_set_text(stage, "name", f->stages[n].name);
		json_set(stage, "line", json_new_u64(from->line));
		json_set(stage, "from", json_new_u64(f->stages[n].from));
		if (from->n_words > 0)
			json_set_text(stage, "image", from->words[0].text);
	}
}

static void
add_instructions(struct json *object, const struct dockerfile *f)
{
	struct json *list = json_set(object, "instructions", json_new_array());
	size_t stage = 0;

	for (size_t n = 0; n < f->count; n++) {
		struct json *item = json_append(list, json_new_object());

		while (stage < f->n_stages && f->stages[stage].from <= n)
			stage++;
		if (stage > 0)
			json_set(item, "stage", json_new_u64(stage - 1));
		add_instruction(item, &f->instructions[n]);
	}
}

static void
add_diagnostics(struct json *object, struct diagnostics *d)
{
	static const char *const names[] = { "error", "warning", "note" };
	struct json *list = json_set(object, "diagnostics", json_new_array());

	diagnostics_sort(d);
	for (size_t n = 0; n < d->count; n++) {
		struct json *item = json_append(list, json_new_object());

		json_set_text(item, "severity", names[d->items[n].severity]);
		set_place(item, d->items[n].at);
		json_set_text(item, "text", d->items[n].text);
		if (d->items[n].rule)
			json_set_text(item, "rule", d->items[n].rule);
	}
}

struct json *
dump_dockerfile(const struct dockerfile *f, struct diagnostics *d)
{
	struct json *object = json_new_object();
	char escape[2] = { f->escape ? f->escape : '\\', '\0' };

	json_set(object, "version", json_new_u64(DUMP_VERSION));
	json_set_text(object, "file", d->file);
	json_set_text(object, "escape", escape);
	if (f->syntax)
		json_set_text(object, "syntax", f->syntax);
	if (f->check)
		json_set_text(object, "check", f->check);
	add_stages(object, f);
	add_instructions(object, f);
	add_diagnostics(object, d);
	return object;
}
