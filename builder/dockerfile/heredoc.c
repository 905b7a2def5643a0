/* SPDX-License-Identifier: Apache-2.0 */
/*
 * heredoc - finding << words in an instruction (Dockerfile reference, "Here-Documents").
 *
 * A heredoc begins a word: what stands inside quotes, $((...)) or behind another word's characters
 * is left alone, as is the shell's <<<.
 */
#include "builder/dockerfile/heredoc.h"

#include "runtime/base/buf.h"
#include "runtime/base/mem.h"

#include <ctype.h>
#include <string.h>

void
heredocs_release(struct heredocs *h)
{
	for (size_t i = 0; i < h->count; i++) {
		free(h->items[i].word);
		free(h->items[i].body);
	}
	free(h->items);
	*h = (struct heredocs){ 0 };
}

/** Behind a quoted string that begins at @p; the end of the text when it is not closed. */
static const char *
skip_quoted(const char *p, char escape)
{
	char quote = *p++;

	for (; *p != '\0' && *p != quote; p++)
		if (quote == '"' && *p == escape && p[1] != '\0')
			p++;
	return *p == '\0' ? p : p + 1;
}

/** Behind the "))" that ends arithmetic whose "((" has been read. */
static const char *
skip_arithmetic(const char *p)
{
	int depth = 2;

	for (; *p != '\0' && depth > 0; p++)
		depth += (*p == '(') - (*p == ')');
	return p;
}

/** Reads the delimiter at @p into @doc; quotes are removed. Returns where it ends. */
static const char *
read_delimiter(const char *p, char escape, struct heredoc *doc)
{
	struct buf word = { 0 };

	doc->expand = true;
	while (*p != '\0' && !isspace((unsigned char)*p) && !strchr(";|&()<>", *p)) {
		if (*p == '\'' || *p == '"') {
			const char *end = skip_quoted(p, escape);
			size_t closed = end > p + 1 && end[-1] == *p;

			buf_add(&word, p + 1, (size_t)(end - p) - 1 - closed);
			doc->expand = false;
			p = end;
			continue;
		}
		if (*p == escape && p[1] != '\0') {
			doc->expand = false;
			p++;
		}
		buf_add_char(&word, *p++);
	}
	doc->word = buf_steal(&word);
	return p;
}

/** At the start of a word. Returns where to go on; NULL when no heredoc begins here. */
static const char *
try_heredoc(struct heredocs *h, const char *p, uint32_t offset, char escape)
{
	struct heredoc doc = { .offset = offset, .has_number = isdigit((unsigned char)*p) != 0 };
	const char *start = p;

	while (isdigit((unsigned char)*p))
		p++;
	if (p[0] != '<' || p[1] != '<' || p[2] == '<')
		return NULL;
	p += 2;
	doc.strip_tabs = *p == '-';
	p += doc.strip_tabs;
	while (*p == ' ' || *p == '\t')
		p++;
	p = read_delimiter(p, escape, &doc);
	if (doc.word[0] == '\0') {
		free(doc.word);
		return p;
	}
	doc.end = offset + (uint32_t)(p - start);
	(void)xgrow(&h->items, h->count, &h->room, sizeof(*h->items));
	h->items[h->count++] = doc;
	return p;
}

void
heredocs_find(struct heredocs *h, const char *text, uint32_t base, char escape)
{
	const char *p = text;
	bool at_word = true;

	while (*p != '\0') {
		const char *next = NULL;

		if (at_word && *p == '#')
			return;
		if (at_word)
			next = try_heredoc(h, p, base + (uint32_t)(p - text), escape);
		if (!next && (*p == '\'' || *p == '"'))
			next = skip_quoted(p, escape);
		if (!next && p[0] == '(' && p[1] == '(')
			next = skip_arithmetic(p + 2);
		if (!next && *p == escape && p[1] != '\0')
			next = p + 2;
		at_word = !next && (isspace((unsigned char)*p) || strchr(";|&()", *p));
		p = next ? next : p + 1;
	}
}

bool
heredoc_ends(const struct heredoc *h, const char *line, size_t length)
{
	while (h->strip_tabs && length > 0 && *line == '\t') {
		line++;
		length--;
	}
	return length == strlen(h->word) && memcmp(line, h->word, length) == 0;
}

char *
heredoc_content(const struct heredoc *h)
{
	struct buf content = { 0 };
	const char *line = h->body ? h->body : "";

	if (!h->strip_tabs)
		return xstrdup(line);
	while (*line != '\0') {
		size_t length;

		line += strspn(line, "\t");
		length = strcspn(line, "\n");
		length += line[length] == '\n';
		buf_add(&content, line, length);
		line += length;
	}
	return buf_steal(&content);
}

bool
heredoc_is_whole(const struct heredocs *h, const char *text, uint32_t base)
{
	const char *behind;

	if (h->count != 1 || h->items[0].offset != base || h->items[0].has_number)
		return false;
	behind = text + (h->items[0].end - base);
	return behind[strspn(behind, " \t\r\n")] == '\0';
}

char *
heredocs_join(const struct heredocs *h, const char *text)
{
	struct buf joined = { 0 };

	buf_add_text(&joined, text);
	for (size_t i = 0; i < h->count; i++)
		buf_printf(
		    &joined, "\n%s%s", h->items[i].body ? h->items[i].body : "", h->items[i].word);
	return buf_steal(&joined);
}
