/* SPDX-License-Identifier: Apache-2.0 */
/*
 * report - what was found in a Dockerfile, in the forms that tools read.
 */
#include "builder/dockerfile/report.h"

#include "builder/dockerfile/rules.h"
#include "runtime/base/mem.h"
#include "runtime/base/text.h"

#include <string.h>

#define SARIF_SCHEMA "https://json.schemastore.org/sarif-2.1.0.json"

static struct json *
position(uint32_t line, uint32_t character)
{
	struct json *object = json_new_object();

	json_set(object, "line", json_new_u64(line));
	json_set(object, "character", json_new_u64(character));
	return object;
}

struct json *
report_location(struct location at, uint32_t end_line)
{
	uint32_t character = at.column > 0 ? at.column - 1 : 0;
	struct json *object = json_new_object(), *ranges, *range;

	json_set(object, "sourceIndex", json_new_u64(0));
	ranges = json_set(object, "ranges", json_new_array());
	if (at.line == 0)
		return object;
	range = json_append(ranges, json_new_object());
	json_set(range, "start", position(at.line, character));
	json_set(range, "end", position(end_line, end_line == at.line ? character : 0));
	return object;
}

struct json *
report_source(const struct dockerfile *f, const char *file)
{
	struct json *object = json_new_object();
	auto(buf) struct buf data = { 0 };

	text_add_base64(&data, f->text ? f->text : "", f->length);
	json_set_text(object, "filename", file);
	json_set_text(object, "language", "Dockerfile");
	json_set_text(object, "data", buf_text(&data));
	return object;
}

static struct json *
warning(const struct diagnostic *item)
{
	const struct rule_def *rule = item->rule ? rule_find(item->rule) : NULL;
	struct json *object = json_new_object();
	auto(buf) struct buf url = { 0 };

	json_set_text(object, "ruleName", item->rule ? item->rule : "");
	if (rule)
		json_set_text(object, "description", rule->description);
	if (rule)
		rule_add_url(&url, rule);
	if (url.len > 0)
		json_set_text(object, "url", buf_text(&url));
	json_set_text(object, "detail", item->text);
	if (rule)
		json_set_text(object, "help", rule->help);
	json_set(object, "location", report_location(item->at, item->at.line));
	return object;
}

static struct json *
error_object(const struct diagnostic *item)
{
	struct json *object = json_new_object();

	json_set_text(object, "message", item->text);
	if (item->rule)
		json_set_text(object, "ruleName", item->rule);
	json_set(object, "location", report_location(item->at, item->at.line));
	return object;
}

struct json *
report_json(const struct dockerfile *f, struct diagnostics *d)
{
	struct json *object = json_new_object();
	struct json *warnings = json_set(object, "warnings", json_new_array());
	struct json *errors = NULL;

	diagnostics_sort(d);
	json_append(json_set(object, "sources", json_new_array()), report_source(f, d->file));
	for (size_t n = 0; n < d->count; n++) {
		const struct diagnostic *item = &d->items[n];

		/* with error=true a finding is both: it is still a rule's */
		if (item->severity == SEVERITY_WARNING ||
		    (item->severity == SEVERITY_ERROR && item->rule))
			json_append(warnings, warning(item));
		if (item->severity != SEVERITY_ERROR)
			continue;
		if (!errors) {
			json_set(object, "buildError", error_object(item));
			errors = json_set(object, "errors", json_new_array());
		}
		json_append(errors, error_object(item));
	}
	return object;
}

/* ---- SARIF ---- */

static struct json *
message(const char *text)
{
	struct json *object = json_new_object();

	json_set_text(object, "text", text);
	return object;
}

static struct json *
sarif_rules(void)
{
	struct json *rules = json_new_array();

	for (const struct rule_def *r = rule_table; r->name; r++) {
		struct json *rule = json_append(rules, json_new_object());
		struct json *how = json_new_object();
		auto(buf) struct buf url = { 0 };

		rule_add_url(&url, r);
		json_set_text(rule, "id", r->name);
		json_set(rule, "shortDescription", message(r->description));
		json_set(rule, "help", message(r->help));
		if (url.len > 0)
			json_set_text(rule, "helpUri", buf_text(&url));
		json_set_text(how, "level", "warning");
		json_set(how, "enabled", json_new_bool(!(r->flags & RULE_EXPERIMENTAL)));
		json_set(rule, "defaultConfiguration", how);
	}
	return rules;
}

/** Column @column in bytes as one in UTF-16 code units, which is what SARIF counts unless told. */
static uint64_t
utf16_column(const struct dockerfile *f, struct location at)
{
	size_t length = 0;
	const char *line = dockerfile_line(f, at.line, &length);
	uint64_t units = 1;

	for (size_t n = 0; line && n < length && n + 1 < at.column; n++) {
		unsigned char c = (unsigned char)line[n];

		units += (c & 0xc0) != 0x80; /* a continuation byte is no character */
		units += c >= 0xf0;          /* beyond the first plane: a pair */
	}
	return units;
}

static struct json *
sarif_location(const struct dockerfile *f, const char *file, struct location at)
{
	struct json *object = json_new_object(), *physical, *region;

	physical = json_set(object, "physicalLocation", json_new_object());
	json_set_text(json_set(physical, "artifactLocation", json_new_object()), "uri", file);
	if (at.line == 0)
		return object;
	region = json_set(physical, "region", json_new_object());
	json_set(region, "startLine", json_new_u64(at.line));
	if (at.column > 0)
		json_set(region, "startColumn", json_new_u64(utf16_column(f, at)));
	return object;
}

static struct json *
sarif_result(const struct dockerfile *f, const char *file, const struct diagnostic *item)
{
	struct json *object = json_new_object();
	const struct rule_def *rule = item->rule ? rule_find(item->rule) : NULL;

	if (rule) {
		json_set_text(object, "ruleId", rule->name);
		json_set(object, "ruleIndex", json_new_u64((uint64_t)(rule - rule_table)));
	}
	json_set_text(object, "level", item->severity == SEVERITY_ERROR ? "error" : "warning");
	json_set(object, "message", message(item->text));
	json_append(
	    json_set(object, "locations", json_new_array()), sarif_location(f, file, item->at));
	return object;
}

/** Notes belong to the result before them. */
static void
add_related(struct json *result, const struct dockerfile *f, const char *file,
    const struct diagnostic *note)
{
	struct json *related = json_get_mutable(result, "relatedLocations"), *place;

	if (!related)
		related = json_set(result, "relatedLocations", json_new_array());
	place = json_append(related, sarif_location(f, file, note->at));
	json_set(place, "message", message(note->text));
}

struct json *
report_sarif(const struct dockerfile *f, struct diagnostics *d)
{
	struct json *log = json_new_object(), *run, *driver, *results, *last = NULL;

	diagnostics_sort(d);
	json_set_text(log, "$schema", SARIF_SCHEMA);
	json_set_text(log, "version", "2.1.0");
	run = json_append(json_set(log, "runs", json_new_array()), json_new_object());
	driver = json_set(json_set(run, "tool", json_new_object()), "driver", json_new_object());
	json_set_text(driver, "name", "croze");
	json_set_text(driver, "version", CROZE_VERSION);
	json_set(driver, "rules", sarif_rules());
	json_set_text(run, "columnKind", "utf16CodeUnits");
	results = json_set(run, "results", json_new_array());
	for (size_t n = 0; n < d->count; n++) {
		const struct diagnostic *item = &d->items[n];

		if (item->severity != SEVERITY_NOTE)
			last = json_append(results, sarif_result(f, d->file, item));
		else if (last)
			add_related(last, f, d->file, item);
	}
	return log;
}
