/* SPDX-License-Identifier: Apache-2.0 */
/*
 * source_policy - rules that allow, deny or replace what a build takes from elsewhere: images, files by HTTP, repositories.
 */
#include "builder/dockerfile/source_policy.h"

#include "runtime/base/digest.h"
#include "runtime/base/json.h"
#include "runtime/base/mem.h"
#include "runtime/base/text.h"

#include <ctype.h>
#include <regex.h>
#include <stdlib.h>
#include <string.h>

/* A rule may replace what another one has put there; two that go round end here. */
#define ROUNDS_MAX 20
#define STARS_MAX 16
#define CHECKSUM_KEY "http.checksum"

enum action { ACTION_ALLOW, ACTION_DENY, ACTION_CONVERT };
enum match { MATCH_WILDCARD, MATCH_EXACT, MATCH_REGEX };
enum condition { CONDITION_EQUAL, CONDITION_NOT_EQUAL, CONDITION_MATCHES };

struct constraint {
	char *key;
	char *value;
	enum condition condition;
	regex_t regex; /* CONDITION_MATCHES */
};

struct rule {
	size_t number; /* in the file, from 1 */
	enum action action;
	enum match match;
	char *identifier;
	regex_t regex; /* MATCH_REGEX */
	struct constraint *constraints;
	size_t n_constraints;
	char *instead;  /* ACTION_CONVERT; NULL: stays */
	char *checksum; /* ACTION_CONVERT; NULL */
};

struct source_policy {
	char *name;
	struct rule *rules;
	size_t n_rules;
};

static void
rule_release(struct rule *r)
{
	if (r->match == MATCH_REGEX)
		regfree(&r->regex);
	for (size_t n = 0; n < r->n_constraints; n++) {
		if (r->constraints[n].condition == CONDITION_MATCHES)
			regfree(&r->constraints[n].regex);
		free(r->constraints[n].key);
		free(r->constraints[n].value);
	}
	free(r->constraints);
	free(r->identifier);
	free(r->instead);
	free(r->checksum);
}

void
source_policy_free(struct source_policy *p)
{
	for (size_t n = 0; p && n < p->n_rules; n++)
		rule_release(&p->rules[n]);
	if (p) {
		free(p->rules);
		free(p->name);
	}
	free(p);
}

void
source_decision_release(struct source_decision *d)
{
	free(d->instead);
	free(d->checksum);
	*d = (struct source_decision){ 0 };
}

/* ---- reading ---- */

struct word {
	const char *name;
	unsigned value;
};

static const struct word actions[] = {
	{ "ALLOW", ACTION_ALLOW },
	{ "DENY", ACTION_DENY },
	{ "CONVERT", ACTION_CONVERT },
	{ 0 },
};
static const struct word matches[] = {
	{ "WILDCARD", MATCH_WILDCARD },
	{ "EXACT", MATCH_EXACT },
	{ "REGEX", MATCH_REGEX },
	{ 0 },
};
static const struct word conditions[] = {
	{ "EQUAL", CONDITION_EQUAL },
	{ "NOTEQUAL", CONDITION_NOT_EQUAL },
	{ "MATCHES", CONDITION_MATCHES },
	{ 0 },
};

/** Member @key of @j as a word of @table; the first one when it is not there. */
static int
read_word(const struct json *j, const char *key, const struct word *table, const char *path,
    unsigned *value, struct error *e)
{
	auto(buf) struct buf list = { 0 };
	const char *text = NULL;

	if (json_read_text(j, key, path, &text, e) < 0)
		return -1;
	*value = table[0].value;
	if (!text)
		return 0;
	for (size_t n = 0; table[n].name; n++) {
		*value = table[n].value;
		if (strcmp(table[n].name, text) == 0)
			return 0;
		buf_printf(&list, "%s%s", n > 0 ? ", " : "", table[n].name);
	}
	return error_set(
	    e, ERR_INPUT, "'%s.%s' is '%s'; there are %s", path, key, text, buf_text(&list));
}

/** Rules are written for another library: what this one reads otherwise is refused, and never means something else. */
static int
compile(const char *text, const char *path, regex_t *regex, struct error *e)
{
	char message[256];
	int failed;

	for (const char *c = text; *c != '\0'; c++) {
		bool refused = c[0] == '(' && c[1] == '?';

		if (c[0] == '\\' && c[1] != '\0')
			refused = isalnum((unsigned char)*++c) && !strchr("wWsSbB", *c);
		if (refused)
			return error_set(e, ERR_INPUT,
			    "'%s' has '%.2s', which is not understood here", path,
			    *c == '(' ? c : c - 1);
	}
	failed = regcomp(regex, text, REG_EXTENDED | REG_NOSUB);
	if (failed == 0)
		return 0;
	(void)regerror(failed, regex, message, sizeof(message));
	return error_set(e, ERR_INPUT, "'%s' is no regular expression: %s", path, message);
}

static int
read_constraint(const struct json *j, const char *path, struct constraint *c, struct error *e)
{
	autofree char *where = xasprintf("%s.value", path);
	const char *key = NULL, *value = NULL;
	unsigned condition = 0;

	if (json_read_text(j, "key", path, &key, e) < 0 ||
	    json_read_text(j, "value", path, &value, e) < 0 ||
	    read_word(j, "condition", conditions, path, &condition, e) < 0)
		return -1;
	if (!key || strcmp(key, CHECKSUM_KEY) != 0)
		return error_set(
		    e, ERR_INPUT, "'%s.key' is '%s'; there is " CHECKSUM_KEY, path, key ? key : "");
	if (condition == CONDITION_MATCHES && compile(value ? value : "", where, &c->regex, e) < 0)
		return -1;
	c->condition = condition;
	c->key = xstrdup(key);
	c->value = xstrdup(value ? value : "");
	return 0;
}

static int
read_selector(const struct json *rule, const char *path, struct rule *r, struct error *e)
{
	const struct json *selector = json_get(rule, "selector");
	const struct json *list = json_get(selector, "constraints");
	autofree char *where = xasprintf("%s.selector", path);
	autofree char *identifier = xasprintf("%s.identifier", where);
	const char *text = NULL;
	unsigned match = MATCH_WILDCARD;

	if (json_read_text(selector, "identifier", where, &text, e) < 0 ||
	    read_word(selector, "matchType", matches, where, &match, e) < 0)
		return -1;
	if (!text || !*text)
		return error_set(e, ERR_INPUT, "'%s' is missing", identifier);
	if (match == MATCH_REGEX && compile(text, identifier, &r->regex, e) < 0)
		return -1;
	r->match = match;
	r->identifier = xstrdup(text);
	if (list && json_type(list) != JSON_ARRAY)
		return error_set(e, ERR_INPUT, "'%s.constraints' must be an array", where);
	r->constraints = xcalloc(json_count(list) + 1, sizeof(*r->constraints));
	for (size_t n = 0; n < json_count(list); n++) {
		autofree char *item = xasprintf("%s.constraints[%zu]", where, n);

		if (read_constraint(json_at(list, n), item, &r->constraints[r->n_constraints], e) <
		    0)
			return -1;
		r->n_constraints++;
	}
	return 0;
}

static int
read_updates(const struct json *rule, const char *path, struct rule *r, struct error *e)
{
	const struct json *updates = json_get(rule, "updates"), *attrs = json_get(updates, "attrs");
	autofree char *where = xasprintf("%s.updates", path);
	const char *instead = NULL, *checksum = NULL;
	struct digest digest;

	if (r->action != ACTION_CONVERT)
		return 0;
	if (json_read_text(updates, "identifier", where, &instead, e) < 0 ||
	    json_read_text(attrs, CHECKSUM_KEY, where, &checksum, e) < 0)
		return -1;
	if (json_count(attrs) > (checksum ? 1 : 0))
		return error_set(e, ERR_INPUT, "'%s.attrs' may have " CHECKSUM_KEY, where);
	if (checksum && digest_parse(checksum, &digest, e) < 0)
		return error_ctx(e, "'%s.attrs." CHECKSUM_KEY "'", where);
	if (text_starts_with(r->identifier, "git://") ||
	    (instead && text_starts_with(instead, "git://")))
		return error_set(e, ERR_INPUT,
		    "'%s': a repository can be allowed and denied, and not replaced", where);
	r->instead = instead && *instead ? xstrdup(instead) : NULL;
	r->checksum = checksum ? xstrdup(checksum) : NULL;
	return 0;
}

static int
read_rules(const struct json *file, struct source_policy *p, struct error *e)
{
	const struct json *list = json_get(file, "rules");

	if (json_type(list) != JSON_ARRAY)
		return error_set(e, ERR_INPUT, "'rules' must be an array");
	p->rules = xcalloc(json_count(list) + 1, sizeof(*p->rules));
	for (size_t n = 0; n < json_count(list); n++) {
		autofree char *path = xasprintf("rules[%zu]", n);
		struct rule *r = &p->rules[p->n_rules++];
		unsigned action = ACTION_ALLOW;

		r->number = n + 1;
		if (read_word(json_at(list, n), "action", actions, path, &action, e) < 0)
			return -1;
		r->action = action;
		if (read_selector(json_at(list, n), path, r, e) < 0 ||
		    read_updates(json_at(list, n), path, r, e) < 0)
			return -1;
	}
	return 0;
}

struct source_policy *
source_policy_parse(const char *name, const struct buf *text, struct error *e)
{
	autojson struct json *file = json_parse(buf_text(text), text->len, e);
	struct source_policy *p = xcalloc(1, sizeof(*p));

	p->name = xstrdup(name);
	if (file && read_rules(file, p, e) == 0)
		return p;
	source_policy_free(p);
	e->kind = ERR_USAGE;
	(void)error_ctx(e, "'%s'", name);
	return NULL;
}

/* ---- asking ---- */

/** What the stars of a pattern stood for. */
struct captured {
	const char *start[STARS_MAX];
	size_t length[STARS_MAX];
	size_t count;
};

static bool
capture(struct captured *c, const char *start, size_t length)
{
	if (c->count == STARS_MAX)
		return false;
	c->start[c->count] = start;
	c->length[c->count++] = length;
	return true;
}

/** '*' is any text, and the shortest that fits but for the last; all else is itself. No going back: that takes linear time. */
static bool
match_stars(const char *pattern, const char *text, struct captured *c)
{
	size_t plain = strcspn(pattern, "*");

	if (strncmp(pattern, text, plain) != 0)
		return false;
	pattern += plain;
	text += plain;
	while (*pattern == '*') {
		autofree char *part = NULL;
		const char *found;

		plain = strcspn(++pattern, "*");
		part = xstrndup(pattern, plain);
		pattern += plain;
		if (*pattern == '\0')
			found = text_ends_with(text, part) ? text + strlen(text) - plain : NULL;
		else
			found = strstr(text, part);
		if (!found || !capture(c, text, (size_t)(found - text)))
			return false;
		text = found + plain;
	}
	return *text == '\0';
}

static bool
holds(const struct constraint *c, const char *checksum)
{
	const char *value = checksum ? checksum : "";

	switch (c->condition) {
	case CONDITION_EQUAL:
		return strcmp(c->value, value) == 0;
	case CONDITION_NOT_EQUAL:
		return strcmp(c->value, value) != 0;
	case CONDITION_MATCHES:
		return regexec(&c->regex, value, 0, NULL, 0) == 0;
	}
	return false;
}

static bool
matches_rule(const struct rule *r, const char *identifier, const char *checksum, struct captured *c)
{
	bool found = false;

	switch (r->match) {
	case MATCH_WILDCARD:
		found = match_stars(r->identifier, identifier, c);
		break;
	case MATCH_EXACT:
		found = strcmp(r->identifier, identifier) == 0;
		break;
	case MATCH_REGEX:
		found = regexec(&r->regex, identifier, 0, NULL, 0) == 0;
		break;
	}
	for (size_t n = 0; found && n < r->n_constraints; n++)
		found = holds(&r->constraints[n], checksum);
	return found;
}

/** ${1} is what the first star stood for. */
static char *
fill_in(const char *text, const struct captured *c)
{
	struct buf b = { 0 };

	while (*text != '\0') {
		size_t plain = strcspn(text, "$");
		size_t digits, number;

		buf_add(&b, text, plain);
		text += plain;
		digits = text[0] == '$' && text[1] == '{' ? strspn(text + 2, "0123456789") : 0;
		number = digits > 0 && digits < 3 ? strtoul(text + 2, NULL, 10) : 0;
		if (number >= 1 && number <= c->count && text[2 + digits] == '}') {
			buf_add(&b, c->start[number - 1], c->length[number - 1]);
			text += digits + 3;
		} else if (*text != '\0') {
			buf_add_char(&b, *text++);
		}
	}
	return buf_steal(&b);
}

/** Does the rule change anything of what is taken now? */
static bool
convert(const struct rule *r, const struct captured *c, const char *identifier,
    struct source_decision *d)
{
	autofree char *instead = fill_in(r->instead ? r->instead : identifier, c);
	bool changed = false;

	if (r->checksum && (!d->checksum || strcmp(d->checksum, r->checksum) != 0)) {
		free(d->checksum);
		d->checksum = xstrdup(r->checksum);
		changed = true;
	}
	if (strcmp(instead, identifier) == 0)
		return changed;
	free(d->instead);
	d->instead = steal_ptr(&instead);
	return true;
}

/** Returns 1 when something was replaced, so that the rules are to be asked again. */
static int
ask_once(const struct source_policy *p, const char *identifier, const char *checksum,
    struct source_decision *d, struct error *e)
{
	const struct rule *denied = NULL;

	for (size_t n = 0; n < p->n_rules; n++) {
		const struct rule *r = &p->rules[n];
		struct captured c = { 0 };

		if (!matches_rule(r, identifier, d->checksum ? d->checksum : checksum, &c))
			continue;
		if (r->action == ACTION_CONVERT && convert(r, &c, identifier, d))
			return 1;
		if (r->action != ACTION_CONVERT)
			denied = r->action == ACTION_DENY ? r : NULL;
	}
	if (!denied)
		return 0;
	return error_set(e, ERR_POLICY, "'%s' is denied by rule %zu of the source policy '%s'",
	    identifier, denied->number, p->name);
}

int
source_policy_ask(const struct source_policy *p, const char *identifier, const char *checksum,
    struct source_decision *d, struct error *e)
{
	*d = (struct source_decision){ 0 };
	for (int round = 0; p && round < ROUNDS_MAX; round++) {
		autofree char *now = xstrdup(d->instead ? d->instead : identifier);
		int again = ask_once(p, now, checksum, d, e);

		if (again == 0)
			return 0;
		if (again < 0) {
			source_decision_release(d);
			return -1;
		}
	}
	if (!p)
		return 0;
	source_decision_release(d);
	return error_set(e, ERR_POLICY,
	    "the rules of the source policy '%s' replace '%s' by each other without end", p->name,
	    identifier);
}
