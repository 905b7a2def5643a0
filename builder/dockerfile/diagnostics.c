/* SPDX-License-Identifier: Apache-2.0 */
/*
 * diagnostics - everything that is wrong with a Dockerfile, gathered before anything runs.
 */
#include "builder/dockerfile/diagnostics.h"

#include "runtime/base/mem.h"
#include "runtime/base/text.h"

#include <inttypes.h>
#include <string.h>

void
diagnostics_init(struct diagnostics *d, const char *file)
{
	*d = (struct diagnostics){ .file = text_safe(file) };
}

void
diagnostics_release(struct diagnostics *d)
{
	for (size_t i = 0; i < d->count; i++)
		free(d->items[i].text);
	free(d->items);
	free(d->file);
	*d = (struct diagnostics){ 0 };
}

static struct diagnostic *
append(struct diagnostics *d, enum severity severity, struct location at, const char *text)
{
	auto(buf) struct buf safe = { 0 };
	struct diagnostic *item;

	if (d->count >= DIAGNOSTICS_MAX)
		return NULL;
	(void)xgrow(&d->items, d->count, &d->room, sizeof(*d->items));
	item = &d->items[d->count];
	text_add_safe(&safe, text, strlen(text));
	*item = (struct diagnostic){
		.severity = severity,
		.at = at,
		.group = at,
		.order = d->count,
		.suborder = d->count,
		.text = buf_steal(&safe),
	};
	d->count++;
	return item;
}

static void
count_one(struct diagnostics *d, enum severity severity)
{
	if (severity == SEVERITY_ERROR)
		d->n_errors++;
	else if (severity == SEVERITY_WARNING)
		d->n_warnings++;
}

int
diagnostics_add(
    struct diagnostics *d, enum severity severity, struct location at, const char *format, ...)
{
	autofree char *text = NULL;
	va_list arguments;

	va_start(arguments, format);
	text = xvasprintf(format, arguments);
	va_end(arguments);
	count_one(d, severity);
	(void)append(d, severity, at, text);
	return -1;
}

void
diagnostics_lint(
    struct diagnostics *d, const char *rule, struct location at, const char *format, ...)
{
	autofree char *text = NULL;
	struct diagnostic *item;
	va_list arguments;

	va_start(arguments, format);
	text = xvasprintf(format, arguments);
	va_end(arguments);
	count_one(d, SEVERITY_WARNING);
	item = append(d, SEVERITY_WARNING, at, text);
	if (item)
		item->rule = rule;
}

/** What a note that is added now belongs to: the last item that is no note; NULL. */
static const struct diagnostic *
last_subject(const struct diagnostics *d)
{
	for (size_t i = d->count; i > 0; i--)
		if (d->items[i - 1].severity != SEVERITY_NOTE)
			return &d->items[i - 1];
	return NULL;
}

void
diagnostics_note(struct diagnostics *d, struct location at, const char *format, ...)
{
	const struct diagnostic *found = last_subject(d);
	struct diagnostic subject = { 0 }, *item;
	autofree char *text = NULL;
	va_list arguments;

	if (found)
		subject = *found;
	va_start(arguments, format);
	text = xvasprintf(format, arguments);
	va_end(arguments);
	item = append(d, SEVERITY_NOTE, at, text);
	if (!item || !found)
		return;
	item->group = subject.group;
	item->order = subject.order;
}

int
diagnostics_error(struct diagnostics *d, struct location at, const struct error *e)
{
	(void)diagnostics_add(d, SEVERITY_ERROR, at, "%s", e->text);
	if (e->hint[0] != '\0')
		diagnostics_note(d, at, "%s", e->hint);
	return -1;
}

static bool
is_repeated(const struct diagnostics *d, size_t first, const struct diagnostic *item)
{
	for (size_t i = 0; i < first; i++)
		if (d->items[i].severity == item->severity &&
		    d->items[i].at.line == item->at.line &&
		    d->items[i].at.column == item->at.column &&
		    strcmp(d->items[i].text, item->text) == 0)
			return true;
	return false;
}

void
diagnostics_drop_repeated(struct diagnostics *d, size_t first)
{
	size_t kept = first;

	for (size_t i = first; i < d->count; i++) {
		struct diagnostic *item = &d->items[i];

		if (!is_repeated(d, first, item)) {
			d->items[kept++] = *item;
			continue;
		}
		d->n_errors -= item->severity == SEVERITY_ERROR;
		d->n_warnings -= item->severity == SEVERITY_WARNING;
		free(item->text);
	}
	d->count = kept;
}

static int
compare(const void *a, const void *b)
{
	const struct diagnostic *x = a, *y = b;

	if (x->group.line != y->group.line)
		return x->group.line < y->group.line ? -1 : 1;
	if (x->group.column != y->group.column)
		return x->group.column < y->group.column ? -1 : 1;
	if (x->order != y->order)
		return x->order < y->order ? -1 : 1;
	return x->suborder < y->suborder ? -1 : x->suborder > y->suborder;
}

void
diagnostics_sort(struct diagnostics *d)
{
	if (d->count > 1)
		qsort(d->items, d->count, sizeof(*d->items), compare);
}

void
diagnostics_write_one(const struct diagnostics *d, const struct diagnostic *item, struct buf *b)
{
	static const char *const names[] = { "error", "warning", "note" };

	buf_add_text(b, d->file);
	if (item->at.line > 0)
		buf_printf(b, ":%" PRIu32, item->at.line);
	if (item->at.line > 0 && item->at.column > 0)
		buf_printf(b, ":%" PRIu32, item->at.column);
	buf_printf(b, ": %s: %s", names[item->severity], item->text);
	if (item->rule)
		buf_printf(b, " (%s)", item->rule);
	buf_add_char(b, '\n');
}

void
diagnostics_write(struct diagnostics *d, struct buf *b)
{
	size_t kept_errors = 0;

	diagnostics_sort(d);
	for (size_t i = 0; i < d->count; i++) {
		diagnostics_write_one(d, &d->items[i], b);
		kept_errors += d->items[i].severity == SEVERITY_ERROR;
	}
	if (d->n_errors == 0)
		return;
	if (kept_errors < d->n_errors)
		buf_printf(b, "%zu further errors are not shown.\n", d->n_errors - kept_errors);
	buf_printf(b, "%zu error%s, nothing was run.\n", d->n_errors, d->n_errors == 1 ? "" : "s");
}

static const struct diagnostic *
first_error(const struct diagnostics *d)
{
	for (size_t i = 0; i < d->count; i++)
		if (d->items[i].severity == SEVERITY_ERROR)
			return &d->items[i];
	return NULL;
}

int
diagnostics_check(struct diagnostics *d, struct error *e)
{
	const struct diagnostic *first;

	if (d->n_errors == 0)
		return 0;
	diagnostics_sort(d);
	first = first_error(d);
	if (!first)
		return error_set(e, ERR_INPUT, "%s: %zu errors", d->file, d->n_errors);
	(void)error_set(e, ERR_INPUT, "%s", first->text);
	if (first->at.line > 0)
		(void)error_ctx(
		    e, "%s:%" PRIu32 ":%" PRIu32, d->file, first->at.line, first->at.column);
	else
		(void)error_ctx(e, "%s", d->file);
	if (d->n_errors > 1)
		(void)error_hint(e, "%zu further error%s in the same file", d->n_errors - 1,
		    d->n_errors == 2 ? "" : "s");
	return -1;
}
