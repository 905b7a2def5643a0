/* SPDX-License-Identifier: Apache-2.0 */
/*
 * list - croze-runtime list: all containers on record.
 */
#include "runtime/base/fd.h"
#include "runtime/base/json.h"
#include "runtime/base/mem.h"
#include "runtime/base/text.h"
#include "runtime/cli/commands.h"
#include "runtime/cli/global.h"
#include "runtime/container/records.h"
#include "runtime/container/state.h"

#include <pwd.h>
#include <string.h>

struct list_flags {
	const char *format;
	bool quiet;
};

static const struct option_def options[] = {
	{ .name = "format",
	    .short_name = 'f',
	    .type = OPTION_CHOICE,
	    .offset = offsetof(struct list_flags, format),
	    .choices = "table|json",
	    .help = "how to print it (default: table)" },
	{ .name = "quiet",
	    .short_name = 'q',
	    .type = OPTION_FLAG,
	    .offset = offsetof(struct list_flags, quiet),
	    .help = "names only" },
	{ 0 },
};

static char *
login_name(uid_t uid)
{
	const struct passwd *p = getpwuid(uid);

	return p ? xstrdup(p->pw_name) : xasprintf("%u", (unsigned int)uid);
}

/* One that is being made or is damaged is on the list by its name: it is there, and delete --force removes it. */
static void
add_container(int records, const char *id, struct json *list)
{
	struct error e = ERROR_INIT;
	autofd int record = record_open(records, id, &e);
	struct state s;
	struct json *j;
	autofree char *owner = NULL;

	if (record < 0)
		return; /* gone meanwhile */
	if (state_read(record, &s, &e) < 0) {
		j = json_append(list, json_new_object());
		json_set_text(j, "id", id);
		json_set_text(j, "status", e.kind == ERR_TEMPORARY ? "creating" : "damaged");
		return;
	}
	j = json_append(list, state_document(&s, state_status(record, &s)));
	owner = login_name(s.owner);
	json_set_text(j, "owner", owner);
	state_release(&s);
}

static const char *
column(const struct json *j, const char *key)
{
	const struct json *v = json_get(j, key);

	if (json_number(v))
		return json_number(v);
	return json_text(v) ? json_text(v) : "-";
}

static void
print_table(const struct json *list, struct buf *b)
{
	static const char *const keys[] = { "id", "pid", "status", "bundle", "created", "owner" };
	static const char *const heads[] = { "ID", "PID", "STATUS", "BUNDLE", "CREATED", "OWNER" };
	int widths[ARRAY_LEN(keys)];

	for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
		widths[i] = (int)strlen(heads[i]);
		for (size_t n = 0; n < json_count(list); n++) {
			int width = (int)strlen(column(json_at(list, n), keys[i]));

			widths[i] = width > widths[i] ? width : widths[i];
		}
	}
	for (size_t i = 0; i < ARRAY_LEN(keys); i++)
		buf_printf(b, "%-*s%s", i + 1 < ARRAY_LEN(keys) ? widths[i] : 0, heads[i],
		    i + 1 < ARRAY_LEN(keys) ? "  " : "\n");
	for (size_t n = 0; n < json_count(list); n++)
		for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
			autofree char *safe = text_safe(column(json_at(list, n), keys[i]));

			buf_printf(b, "%-*s%s", i + 1 < ARRAY_LEN(keys) ? widths[i] : 0, safe,
			    i + 1 < ARRAY_LEN(keys) ? "  " : "\n");
		}
}

static int
list(void *arg, const struct strv *words, struct buf *b, struct error *e)
{
	const struct list_flags *flags = arg;
	autofd int records = -1;
	auto(strv) struct strv ids = { 0 };
	autojson struct json *all = json_new_array();

	if (words->count > 0)
		return error_set(e, ERR_USAGE, "list takes no arguments");
	records = records_open(global_options()->root, e);
	if (records < 0 || records_list(records, &ids, e) < 0)
		return -1;
	for (size_t i = 0; i < ids.count; i++) {
		if (flags->quiet)
			buf_printf(b, "%s\n", ids.items[i]);
		else
			add_container(records, ids.items[i], all);
	}
	if (flags->quiet)
		return 0;
	if (flags->format && strcmp(flags->format, "json") == 0) {
		json_write(all, 0, b);
		buf_add_char(b, '\n');
	} else {
		print_table(all, b);
	}
	return 0;
}

static int
run_list(int argc, char **argv, const struct command *self)
{
	struct list_flags flags = { 0 };

	return command_perform(self, argc, argv, &flags, list);
}

const struct command command_list = {
	.name = "list",
	.arguments = "[OPTIONS]",
	.summary = "list the containers on record",
	.options = options,
	.run = run_list,
};
