/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reached - what steps have reached over the network, for people, for the record and for programs.
 */
#include "builder/build/reached.h"

#include "runtime/base/mem.h"
#include "runtime/base/path.h"

#include <string.h>

#define SHOWN_MAX 12

static void
add_place(struct buf *b, const struct json *item)
{
	const char *name = json_text(json_get(item, "name"));
	const char *address = json_text(json_get(item, "address"));
	const char *port = json_number(json_get(item, "port"));
	const char *shown = name ? name : address;
	bool bracket = shown == address && address && strchr(address, ':');

	buf_printf(b, "%s%s%s", bracket ? "[" : "", shown ? shown : "", bracket ? "]" : "");
	if (port)
		buf_printf(b, ":%s", port);
}

/* An address of a name that has several is one place. */
static bool
was_shown(const struct json *list, size_t n, bool allowed)
{
	auto(buf) struct buf one = { 0 };

	add_place(&one, json_at(list, n));
	for (size_t i = 0; i < n; i++) {
		auto(buf) struct buf other = { 0 };

		add_place(&other, json_at(list, i));
		if (json_is_true(json_get(json_at(list, i), "allowed")) == allowed &&
		    strcmp(buf_text(&one), buf_text(&other)) == 0)
			return true;
	}
	return false;
}

void
reached_add_text(struct buf *b, const struct json *list, bool allowed)
{
	size_t n = 0;

	for (size_t i = 0; i < json_count(list); i++) {
		const struct json *item = json_at(list, i);

		if (json_is_true(json_get(item, "allowed")) != allowed ||
		    was_shown(list, i, allowed))
			continue;
		if (n++ >= SHOWN_MAX)
			continue;
		buf_add_text(b, n > 1 ? ", " : "");
		add_place(b, item);
	}
	if (n > SHOWN_MAX)
		buf_printf(b, " and %zu more", n - SHOWN_MAX);
}

char *
reached_text(const struct json *list)
{
	auto(buf) struct buf allowed = { 0 };
	auto(buf) struct buf refused = { 0 };
	auto(buf) struct buf all = { 0 };

	reached_add_text(&allowed, list, true);
	reached_add_text(&refused, list, false);
	if (allowed.len > 0)
		buf_printf(&all, "reached %s", buf_text(&allowed));
	if (refused.len > 0)
		buf_printf(&all, "%srefused %s", all.len > 0 ? "; " : "", buf_text(&refused));
	return all.len > 0 ? buf_steal(&all) : NULL;
}

void
reached_keep(struct build *b, const struct stage_state *stage, size_t step, const struct json *list)
{
	const struct plan_stage *plan = state_plan(b, stage);
	struct error problem = ERROR_INIT;
	auto(buf) struct buf text = { 0 };
	struct json *entry;

	if (json_count(list) == 0)
		return;
	if (!b->result->network)
		b->result->network = json_new_array();
	entry = json_append(b->result->network, json_new_object());
	json_set_text(entry, "stage", plan->name);
	json_set(entry, "step", json_new_u64(stage->steps[step].shown + 1));
	json_set(entry, "line", json_new_u64(plan->steps[step].line));
	json_set(entry, "reached", json_copy(list));
	json_write(b->result->network, JSON_INDENT, &text);
	if (b->record_dir >= 0 && path_write_file(b->record_dir, "network.json", buf_text(&text),
				      text.len, 0600, false, &problem) < 0)
		progress_warn(b->progress, "cannot record what was reached: %s", problem.text);
}
