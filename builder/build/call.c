/* SPDX-License-Identifier: Apache-2.0 */
/*
 * call - questions about a Dockerfile that are answered without building it.
 */
#include "builder/build/call.h"

#include "builder/build/outline.h"
#include "builder/build/sources.h"
#include "builder/build/state.h"
#include "builder/dockerfile/dump.h"
#include "builder/dockerfile/report.h"
#include "builder/dockerfile/rules.h"
#include "runtime/base/mem.h"

#include <string.h>

/* Behind the first finding of a rule, and its notes: what to do about it. */
static void
add_help(const struct diagnostics *d, size_t index, struct buf *out)
{
	const char *name = d->items[index].rule;
	const struct rule_def *rule = name ? rule_find(name) : NULL;

	for (size_t n = 0; n < index; n++)
		if (d->items[n].rule && name && strcmp(d->items[n].rule, name) == 0)
			return; /* said already */
	if (rule)
		buf_printf(out, "    %s\n", rule->help);
}

static void
check_text(struct build *b, struct buf *out)
{
	struct diagnostics *d = &b->diagnostics;

	size_t subject = 0; /* of the notes */

	diagnostics_sort(d);
	for (size_t n = 0; n < d->count; n++) {
		if (d->items[n].severity != SEVERITY_NOTE)
			subject = n;
		diagnostics_write_one(d, &d->items[n], out);
		if (n + 1 == d->count || d->items[n + 1].severity != SEVERITY_NOTE)
			add_help(d, subject, out);
	}
	if (d->n_errors > 0)
		buf_printf(out, "%zu error%s, ", d->n_errors, d->n_errors == 1 ? "" : "s");
	if (d->n_warnings > 0 || d->n_errors > 0)
		buf_printf(out, "%zu warning%s\n", d->n_warnings, d->n_warnings == 1 ? "" : "s");
	else
		buf_printf(out, "%s: no warnings\n", d->file);
}

static void
add_json(struct json *json, struct buf *out)
{
	json_write(json, JSON_INDENT, out);
	json_free(json);
}

static void
answer(struct build *b, enum build_call call, enum build_call_format format, struct buf *out)
{
	bool wrong = b->diagnostics.n_errors > 0;

	if (call == BUILD_CALL_DUMP)
		add_json(dump_dockerfile(&b->file, &b->diagnostics), out);
	else if (call == BUILD_CALL_CHECK && format == BUILD_CALL_SARIF)
		add_json(report_sarif(&b->file, &b->diagnostics), out);
	else if (format == BUILD_CALL_JSON && (wrong || call == BUILD_CALL_CHECK))
		add_json(report_json(&b->file, &b->diagnostics), out);
	else if (wrong || call == BUILD_CALL_CHECK)
		check_text(b, out);
	else if (call == BUILD_CALL_OUTLINE && format == BUILD_CALL_JSON)
		add_json(outline_json(b), out);
	else if (call == BUILD_CALL_OUTLINE)
		outline_text(b, out);
	else if (format == BUILD_CALL_JSON)
		add_json(targets_json(b), out);
	else
		targets_text(b, out);
}

static int
run(struct build *b, enum build_call call, enum build_call_format format, struct buf *out,
    bool *found, struct error *e)
{
	struct error no_store = ERROR_INIT;

	if (sources_open(b, e) < 0)
		return -1;
	if (call != BUILD_CALL_DUMP) {
		if (!b->store)
			b->store = store_open(b->options->root, STORE_READ_ONLY, &no_store);
		sources_check(b, call == BUILD_CALL_OUTLINE ? 0 : PLAN_ALL);
	}
	*found = b->diagnostics.n_errors > 0 ||
	         (call == BUILD_CALL_CHECK && b->diagnostics.n_warnings > 0);
	answer(b, call, format, out);
	return 0;
}

int
build_call(const struct build_options *options, enum build_call call, enum build_call_format format,
    struct buf *out, bool *found, struct error *e)
{
	struct build b = { .options = options, .record_dir = -1 };
	int ok = run(&b, call, format, out, found, e);

	sources_release(&b);
	store_close(b.store);
	return ok;
}
