/* SPDX-License-Identifier: Apache-2.0 */
/*
 * flags - the words that begin with -- in front of an instruction's arguments.
 */
#include "builder/dockerfile/words.h"

#include "runtime/base/buf.h"
#include "runtime/base/mem.h"
#include "runtime/base/text.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

static const struct flag_def *
find_flag(const struct flag_def *table, const char *name, size_t length)
{
	for (const struct flag_def *f = table; f->name; f++)
		if (strlen(f->name) == length && strncmp(f->name, name, length) == 0)
			return f;
	return NULL;
}

static int
unknown_flag(const struct reading *r, const char *name, uint32_t offset)
{
	const char *names[16] = { NULL }, *near;
	size_t n = 0;

	for (const struct flag_def *f = r->i->def->flags; f->name && n + 1 < ARRAY_LEN(names); f++)
		names[n++] = f->name;
	near = text_suggest(name, names);
	if (near)
		return reading_error(r, offset, "%s has no flag --%s, did you mean --%s?",
		    r->i->def->name, name, near);
	if (n == 0)
		return reading_error(
		    r, offset, "%s has no flags, --%s is unknown", r->i->def->name, name);
	return reading_error(r, offset, "%s has no flag --%s", r->i->def->name, name);
}

static int
bool_value(const struct reading *r, const struct flag_def *def, const char *value, uint32_t offset)
{
	if (!value || strcasecmp(value, "true") == 0 || strcasecmp(value, "false") == 0)
		return 0;
	return reading_error(
	    r, offset, "%s --%s is true or false, not '%s'", r->i->def->name, def->name, value);
}

/** Adds the flag @word ("--name=value", unquoted). */
static int
add_flag(struct reading *r, const char *word, uint32_t offset)
{
	struct instruction *i = r->i;
	const char *name = word + 2, *equals = strchr(name, '='),
		   *value = equals ? equals + 1 : NULL;
	size_t length = equals ? (size_t)(equals - name) : strlen(name);
	const struct flag_def *def = find_flag(i->def->flags, name, length);
	autofree char *plain = xstrndup(name, length);

	if (!def)
		return unknown_flag(r, plain, offset);
	if (def->type == FLAG_BOOL && bool_value(r, def, value, offset) < 0)
		return -1;
	if (def->type != FLAG_BOOL && !value)
		return reading_error(r, offset, "%s --%s needs a value: --%s=...", i->def->name,
		    def->name, def->name);
	if (def->type != FLAG_LIST && instruction_flag(i, def->name))
		return reading_error(r, offset, "%s --%s is given twice", i->def->name, def->name);
	if (def->type == FLAG_BOOL)
		value = value && strcasecmp(value, "false") == 0 ? "false" : "true";
	i->flags = xrealloc(i->flags, i->n_flags + 1, sizeof(*i->flags));
	i->flags[i->n_flags++] = (struct flag){ def, xstrdup(value), offset };
	return 0;
}

/** Reads the word at @p, removing quotes and escapes. Returns where it ends. */
static const char *
read_word(const struct reading *r, const char *p, struct buf *word)
{
	char quote = '\0';

	for (; *p != '\0' && (quote || !isspace((unsigned char)*p)); p++) {
		if (*p == r->escape) {
			if (p[1] == '\0')
				return p + 1;
			buf_add_char(word, *++p);
		} else if (quote ? *p == quote : *p == '\'' || *p == '"') {
			quote = quote ? '\0' : *p;
		} else {
			buf_add_char(word, *p);
		}
	}
	return p;
}

int
words_read_flags(struct reading *r, uint32_t at)
{
	const char *text = r->i->text, *p = text + at;
	int result = 0;

	for (;;) {
		auto(buf) struct buf word = { 0 };
		const char *start;

		while (isspace((unsigned char)*p))
			p++;
		r->i->arguments = (uint32_t)(p - text);
		if (p[0] != '-' || p[1] != '-')
			return result;
		start = p;
		p = read_word(r, p, &word);
		if (word.len <= 2) {
			while (isspace((unsigned char)*p))
				p++;
			r->i->arguments = (uint32_t)(p - text);
			return result;
		}
		if (add_flag(r, buf_text(&word), (uint32_t)(start - text)) < 0)
			result = -1;
	}
}
