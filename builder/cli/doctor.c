/* SPDX-License-Identifier: Apache-2.0 */
/*
 * doctor - croze doctor: what this host lets croze do, found out by trying, and what would mend the rest.
 */
#include "builder/cli/commands.h"
#include "builder/cli/show.h"
#include "builder/progress/terminal.h"
#include "runtime/base/mem.h"
#include "runtime/base/text.h"
#include "runtime/sandbox/probe.h"

#include <stddef.h>
#include <sys/statvfs.h>
#include <sys/utsname.h>
#include <unistd.h>

#define LABEL_COLUMNS 34
#define STATE_COLUMNS 5

struct doctor_flags {
	const char *root;
	bool json;
};

const struct option_def doctor_option_table[] = {
	{ .name = "json",
	    .type = OPTION_FLAG,
	    .offset = offsetof(struct doctor_flags, json),
	    .help = "for programs" },
	{ .name = "kubernetes",
	    .type = OPTION_REFUSED,
	    .refused = "not built yet; run croze doctor in the pod" },
	{ .name = "fix", .type = OPTION_REFUSED, .refused = "run the commands it prints" },
	ROOT_OPTION,
	{ 0 },
};

struct findings {
	struct probe_result items[PROBE_COUNT + 2];
	size_t count;
};

static struct probe_result *
add_finding(struct findings *f, const char *label, enum probe_state state)
{
	struct probe_result *result = &f->items[f->count++];

	*result = (struct probe_result){ .id = PROBE_COUNT, .label = label, .state = state };
	return result;
}

static void
find_kernel(struct findings *f)
{
	struct utsname name;
	struct probe_result *result = add_finding(f, "kernel", PROBE_OK);

	if (uname(&name) == 0)
		snprintf(result->text, sizeof(result->text), "%s %s", name.release, name.machine);
}

static void
find_store(struct findings *f, struct store *store, const struct error *e)
{
	struct probe_result *result = add_finding(f, "store", store != NULL ? PROBE_OK : PROBE_NO);
	auto(buf) struct buf text = { 0 };
	struct statvfs fs;

	if (store == NULL) {
		snprintf(result->text, sizeof(result->text), "%.250s", e->text);
		snprintf(result->lost, sizeof(result->lost), "nothing can be kept");
		snprintf(result->fix, sizeof(result->fix), "%.500s", e->hint);
		return;
	}
	buf_add_text(&text, store_path(store));
	if (fstatvfs(store_dir(store), &fs) == 0) {
		buf_add_text(&text, ", ");
		text_add_size(&text, (uint64_t)fs.f_bavail * fs.f_frsize);
		buf_add_text(&text, " free");
	}
	snprintf(result->text, sizeof(result->text), "%.250s", buf_text(&text));
}

static void
find_all(struct findings *f, const char *root)
{
	struct probe_result probes[PROBE_COUNT] = { 0 };
	struct error e = ERROR_INIT;
	autostore struct store *store = store_open(root, 0, &e);

	find_kernel(f);
	probe_all(store != NULL ? store_path(store) : NULL, probes);
	for (size_t i = 0; i < PROBE_COUNT; i++)
		f->items[f->count++] = probes[i];
	find_store(f, store, &e);
}

/* Without these no RUN works. */
static bool
is_needed(const struct probe_result *result)
{
	return result->id == PROBE_USERNS || result->id == PROBE_OVERLAY ||
	       result->id == PROBE_CONTAINER;
}

static bool
can_run(const struct findings *f)
{
	for (size_t i = 0; i < f->count; i++)
		if (is_needed(&f->items[i]) && f->items[i].state == PROBE_NO)
			return false;
	return true;
}

static size_t
count_lacking(const struct findings *f)
{
	size_t count = 0;

	for (size_t i = 0; i < f->count; i++)
		count += f->items[i].state != PROBE_OK;
	return count;
}

/* ---- two ways to show it ---- */

static void
add_finding_lines(struct buf *b, const struct terminal *t, const struct probe_result *r)
{
	static const enum colour colours[] = {
		[PROBE_OK] = COLOUR_GREEN,
		[PROBE_PART] = COLOUR_YELLOW,
		[PROBE_NO] = COLOUR_RED,
	};
	const char *state = probe_state_text(r->state);
	autofree char *text = text_safe(r->text);
	int indent = LABEL_COLUMNS + STATE_COLUMNS + 1;

	buf_printf(b, " %-*s", LABEL_COLUMNS, r->label);
	terminal_add(t, b, colours[r->state], state);
	buf_printf(b, "%*s%s\n", STATE_COLUMNS - (int)strlen(state), "", text);
	if (r->state == PROBE_OK)
		return;
	if (r->lost[0] != '\0')
		buf_printf(b, "%*swithout it: %s\n", indent, "", r->lost);
	if (r->fix[0] != '\0')
		buf_printf(b, "%*sfix: %s\n", indent, "", r->fix);
}

static void
add_text(struct buf *b, const struct findings *f)
{
	size_t lacking = count_lacking(f);
	struct terminal t;

	terminal_init(&t, STDOUT_FILENO);
	for (size_t i = 0; i < f->count; i++)
		add_finding_lines(b, &t, &f->items[i]);
	buf_printf(b, " result: %s. ",
	    can_run(f) ? "tier userns+overlay, all builds work"
		       : "no isolation to be had, builds without RUN work");
	if (lacking == 0)
		buf_add_text(b, "Nothing to improve.\n");
	else
		buf_printf(b, "%zu thing%s to improve.\n", lacking, lacking == 1 ? "" : "s");
}

static void
add_json(struct buf *b, const struct findings *f)
{
	autojson struct json *object = json_new_object();
	struct json *list = json_set(object, "checks", json_new_array());

	for (size_t i = 0; i < f->count; i++) {
		struct json *item = json_append(list, json_new_object());

		json_set_text(item, "name", f->items[i].label);
		json_set_text(item, "state", probe_state_text(f->items[i].state));
		json_set_text(item, "text", f->items[i].text);
		json_set_text(item, "lost", f->items[i].lost);
		json_set_text(item, "fix", f->items[i].fix);
	}
	json_set_text(object, "tier", can_run(f) ? "userns" : "none");
	json_write(object, JSON_INDENT, b);
}

int
doctor_main(int argc, char **argv, const struct command *self)
{
	struct doctor_flags flags = { 0 };
	struct findings findings = { 0 };
	auto(strv) struct strv words = { 0 };
	auto(buf) struct buf b = { 0 };
	struct error e = ERROR_INIT;
	int result = options_parse(self, argc, argv, &flags, &words, &e);
	int printed;

	if (result > 0)
		return 0;
	if (result == 0 && words.count > 0)
		result = error_set(
		    &e, ERR_USAGE, "doctor takes no words, there is '%s'", words.items[0]);
	if (result < 0)
		return command_fail(&e);
	find_all(&findings, flags.root);
	if (flags.json)
		add_json(&b, &findings);
	else
		add_text(&b, &findings);
	printed = show_print(&b);
	e.kind = ERR_HOST;
	return can_run(&findings) ? printed : error_exit_status(&e);
}
