/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lint - the `# check=` directive: which rules are not asked for, and whether a violation is an
 * error.
 */
#include "builder/dockerfile/lint.h"

#include "runtime/base/mem.h"
#include "runtime/base/strv.h"

#include <string.h>
#include <strings.h>

enum truth {
	TRUTH_NO,
	TRUTH_YES,
	TRUTH_UNKNOWN,
};

static enum truth
parse_truth(const char *text)
{
	if (strcasecmp(text, "true") == 0 || strcmp(text, "1") == 0)
		return TRUTH_YES;
	return strcasecmp(text, "false") == 0 || strcmp(text, "0") == 0 ? TRUTH_NO : TRUTH_UNKNOWN;
}

static bool
has_rule(const struct strv *rules, const char *rule)
{
	for (size_t n = 0; n < rules->count; n++)
		if (strcasecmp(rules->items[n], rule) == 0 ||
		    strcasecmp(rules->items[n], "all") == 0)
			return true;
	return false;
}

static void
skip_rules(struct diagnostics *d, const char *list)
{
	auto(strv) struct strv rules = { 0 };
	size_t kept = 0;

	strv_split(&rules, list, ',');
	for (size_t n = 0; n < d->count; n++) {
		if (d->items[n].rule && has_rule(&rules, d->items[n].rule)) {
			free(d->items[n].text);
			d->n_warnings--;
			continue;
		}
		d->items[kept++] = d->items[n];
	}
	d->count = kept;
}

static void
make_errors(struct diagnostics *d, struct location at)
{
	for (size_t n = 0; n < d->count; n++) {
		if (!d->items[n].rule || d->items[n].severity != SEVERITY_WARNING)
			continue;
		d->items[n].severity = SEVERITY_ERROR;
		d->n_warnings--;
		d->n_errors++;
	}
	diagnostics_note(
	    d, at, "'error=true': of the lint rules, this version checks NoEmptyContinuation only");
}

static void
apply_option(struct diagnostics *d, const char *option, struct location at)
{
	const char *equals = strchr(option, '=');
	size_t length = equals ? (size_t)(equals - option) : strlen(option);
	enum truth error = TRUTH_UNKNOWN;

	if (equals && length == 4 && strncasecmp(option, "skip", length) == 0) {
		skip_rules(d, equals + 1);
		return;
	}
	if (equals && length == 5 && strncasecmp(option, "error", length) == 0) {
		error = parse_truth(equals + 1);
		if (error == TRUTH_UNKNOWN)
			(void)diagnostics_add(d, SEVERITY_ERROR, at,
			    "'# check=' error is true or false, not '%s'", equals + 1);
		if (error == TRUTH_YES)
			make_errors(d, at);
		return;
	}
	if (equals && length == 12 && strncasecmp(option, "experimental", length) == 0) {
		diagnostics_note(d, at,
		    "'experimental=%s': this version has no experimental lint rules", equals + 1);
		return;
	}
	(void)diagnostics_add(d, SEVERITY_ERROR, at,
	    "'# check=' knows skip=RULES, error=BOOL and experimental=RULES, not '%s'", option);
}

void
lint_apply(const char *check, struct location at, struct diagnostics *diagnostics)
{
	auto(strv) struct strv options = { 0 };

	strv_split(&options, check, ';');
	for (size_t n = 0; n < options.count; n++)
		if (options.items[n][0] != '\0')
			apply_option(diagnostics, options.items[n], at);
}
