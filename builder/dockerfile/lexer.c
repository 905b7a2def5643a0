/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lexer - a Dockerfile's lines: directives, comments, continuations, heredoc bodies.
 *
 * The file is kept whole; its lines are found once. A logical line remembers where each piece of it
 * came from, so that messages name the place that the user sees in an editor.
 */
#include "builder/dockerfile/lexer.h"

#include "runtime/base/mem.h"
#include "runtime/base/text.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

/** A physical line without its end. */
struct line {
	const char *text;
	size_t length;
};

void
logical_line_release(struct logical_line *l)
{
	free(l->text);
	free(l->segments);
	free(l->comment);
	*l = (struct logical_line){ 0 };
}

static void
find_lines(struct dockerfile *f)
{
	const char *at = f->text, *end = f->text + f->length;
	size_t room = 0;

	while (at < end) {
		const char *newline = memchr(at, '\n', (size_t)(end - at));

		(void)xgrow(&f->lines, f->n_lines, &room, sizeof(*f->lines));
		f->lines[f->n_lines++] = (size_t)(at - f->text);
		at = newline ? newline + 1 : end;
	}
}

static struct line
get_line(const struct lexer *x, size_t n)
{
	struct line l;

	l.text = dockerfile_line(x->file, n + 1, &l.length);
	return l;
}

static struct line
skip_blanks(struct line l)
{
	while (l.length > 0 && isspace((unsigned char)*l.text)) {
		l.text++;
		l.length--;
	}
	return l;
}

static struct line
trim(struct line l)
{
	l = skip_blanks(l);
	while (l.length > 0 && isspace((unsigned char)l.text[l.length - 1]))
		l.length--;
	return l;
}

static struct location
place(const struct lexer *x, const char *at)
{
	const char *start = x->file->text + x->file->lines[x->next];

	return (struct location){ (uint32_t)x->next + 1, (uint32_t)(at - start) + 1 };
}

static void
set_escape(struct lexer *x, const char *value, struct location at)
{
	if (strcmp(value, "\\") == 0 || strcmp(value, "`") == 0)
		x->file->escape = value[0];
	else
		(void)diagnostics_add(x->diagnostics, SEVERITY_ERROR, at,
		    "the escape character is '%s', and can only be \\ or `", value);
}

static void
set_syntax(struct lexer *x, const char *value, struct location at)
{
	x->file->syntax = xstrdup(value);
	x->file->syntax_at = at;
}

static void
set_check(struct lexer *x, const char *value, struct location at)
{
	x->file->check = xstrdup(value);
	x->file->check_at = at;
}

struct directive {
	const char *name;
	void (*set)(struct lexer *x, const char *value, struct location at);
};

static const struct directive directives[] = {
	{ "syntax", set_syntax },
	{ "escape", set_escape },
	{ "check", set_check },
};

/** Takes "key = value" apart. Returns the directive, NULL when the comment is none. */
static const struct directive *
parse_directive(struct line comment, struct line *value)
{
	struct line rest = trim(comment);
	size_t n = 0;

	while (n < rest.length && isalnum((unsigned char)rest.text[n]))
		n++;
	*value = (struct line){ rest.text + n, rest.length - n };
	*value = skip_blanks(*value);
	if (n == 0 || value->length == 0 || value->text[0] != '=')
		return NULL;
	*value = skip_blanks((struct line){ value->text + 1, value->length - 1 });
	for (size_t i = 0; i < ARRAY_LEN(directives); i++)
		if (strlen(directives[i].name) == n &&
		    strncasecmp(directives[i].name, rest.text, n) == 0)
			return &directives[i];
	return NULL;
}

/** The directives: comments at the very top, up to the first line that is none. */
static void
read_directives(struct lexer *x)
{
	bool seen[ARRAY_LEN(directives)] = { false };

	for (; x->next < x->file->n_lines; x->next++) {
		struct line line = skip_blanks(get_line(x, x->next)), value;
		const struct directive *d;
		autofree char *text = NULL;

		if (x->next == 0 && line.length > 1 && memcmp(line.text, "#!", 2) == 0)
			continue;
		if (line.length == 0 || *line.text != '#')
			return;
		d = parse_directive((struct line){ line.text + 1, line.length - 1 }, &value);
		if (!d)
			return;
		text = xstrndup(value.text, value.length);
		if (seen[d - directives])
			(void)diagnostics_add(x->diagnostics, SEVERITY_ERROR, place(x, line.text),
			    "the directive '%s' is given twice", d->name);
		else
			d->set(x, text, place(x, value.text));
		seen[d - directives] = true;
	}
}

/** "// syntax=..." at the top: of no use to a Dockerfile, but it names a frontend. */
static void
read_slashes(struct lexer *x)
{
	size_t n = x->next;
	struct line line, value;
	const struct directive *d;

	if (n >= x->file->n_lines || x->file->syntax)
		return;
	line = skip_blanks(get_line(x, n));
	if (line.length < 2 || memcmp(line.text, "//", 2) != 0)
		return;
	d = parse_directive((struct line){ line.text + 2, line.length - 2 }, &value);
	if (d != &directives[0])
		return;
	x->file->syntax = xstrndup(value.text, value.length);
	x->file->syntax_at = place(x, value.text);
}

void
lexer_init(struct lexer *x, struct dockerfile *file, struct diagnostics *diagnostics)
{
	*x = (struct lexer){ .file = file, .diagnostics = diagnostics };
	file->escape = '\\';
	find_lines(file);
	read_directives(x);
	read_slashes(x);
}

/** Checks the length of line x->next. A line that is too long is reported and read as empty. */
static struct line
next_line(struct lexer *x)
{
	struct line l = get_line(x, x->next);

	if (l.length <= DOCKERFILE_MAX_LINE)
		return l;
	(void)diagnostics_add(x->diagnostics, SEVERITY_ERROR, place(x, l.text),
	    "the line has %zu bytes; at most %d are allowed", l.length, DOCKERFILE_MAX_LINE);
	l.length = 0;
	return l;
}

/**
 * Does the line go on in the next one? Then *@length is that of what stands before the escape
 * character.
 */
static bool
is_continued(const struct lexer *x, struct line l, size_t *length)
{
	while (l.length > 0 && (l.text[l.length - 1] == ' ' || l.text[l.length - 1] == '\t'))
		l.length--;
	if (l.length == 0 || l.text[l.length - 1] != x->file->escape)
		return false;
	if (l.length > 1 && l.text[l.length - 2] == x->file->escape)
		return false;
	*length = l.length - 1;
	return true;
}

static void
add_segment(const struct lexer *x, struct logical_line *l, const char *at, uint32_t offset)
{
	(void)xgrow(&l->segments, l->n_segments, &l->room, sizeof(*l->segments));
	l->segments[l->n_segments++] = (struct segment){ offset, place(x, at) };
}

/** The lines behind one that is continued. */
static void
read_continuation(struct lexer *x, struct logical_line *l, struct buf *text)
{
	bool warned = false;

	while (x->next < x->file->n_lines) {
		struct line line = next_line(x), bare = skip_blanks(line);
		size_t length = line.length;
		bool goes_on;

		if (bare.length == 0 && !warned)
			diagnostics_lint(x->diagnostics, "NoEmptyContinuation", place(x, line.text),
			    "an empty line inside of an instruction: later versions may end it "
			    "here");
		warned = warned || bare.length == 0;
		if (bare.length == 0 || *bare.text == '#') {
			x->next++;
			continue;
		}
		goes_on = is_continued(x, line, &length);
		add_segment(x, l, line.text, (uint32_t)text->len);
		buf_add(text, line.text, length);
		x->next++;
		l->end_line = (uint32_t)x->next;
		if (!goes_on)
			return;
	}
}

/** Removes blanks at both ends of the joined text, which moves the segments. */
static void
finish(struct logical_line *l, const struct buf *text)
{
	struct line joined = { buf_text(text), text->len }, bare = trim(joined);
	uint32_t moved = (uint32_t)(bare.text - joined.text);
	size_t first = 0;

	l->text = xstrndup(bare.text, bare.length);
	while (first + 1 < l->n_segments && l->segments[first + 1].offset <= moved)
		first++;
	if (first > 0)
		memmove(l->segments, l->segments + first,
		    (l->n_segments - first) * sizeof(*l->segments));
	l->n_segments -= first;
	for (size_t i = 0; i < l->n_segments; i++) {
		struct segment *s = &l->segments[i];

		if (s->offset < moved) {
			s->at.column += moved - s->offset;
			s->offset = moved;
		}
		s->offset -= moved;
	}
	if (l->n_segments > 0)
		l->line = l->segments[0].at.line;
}

/** Skips blank lines and comments; gathers the comment directly above the next instruction. */
static void
skip_to_instruction(struct lexer *x, struct buf *comment)
{
	for (; x->next < x->file->n_lines; x->next++) {
		struct line bare = trim(next_line(x));

		if (bare.length > 0 && *bare.text != '#')
			return;
		if (bare.length == 0) {
			buf_clear(comment);
			continue;
		}
		buf_add(comment, bare.text + 1, bare.length - 1);
		buf_add_char(comment, '\n');
	}
}

bool
lexer_next(struct lexer *x, struct logical_line *l)
{
	auto(buf) struct buf comment = { 0 };
	auto(buf) struct buf text = { 0 };
	struct line line;
	size_t length;
	bool goes_on;

	*l = (struct logical_line){ 0 };
	skip_to_instruction(x, &comment);
	if (x->next >= x->file->n_lines)
		return false;
	line = skip_blanks(get_line(x, x->next));
	length = line.length;
	goes_on = is_continued(x, line, &length);
	l->line = (uint32_t)x->next + 1;
	l->end_line = l->line;
	add_segment(x, l, line.text, 0);
	buf_add(&text, line.text, length);
	x->next++;
	if (goes_on)
		read_continuation(x, l, &text);
	finish(l, &text);
	if (comment.len > 0)
		l->comment = buf_steal(&comment);
	return true;
}

/** Reads one body. Returns whether the line that ends it was found. */
static bool
read_body(struct lexer *x, struct heredoc *doc)
{
	const struct dockerfile *f = x->file;
	struct buf body = { 0 };
	bool ended = false;

	doc->line = (uint32_t)x->next + 1;
	while (!ended && x->next < f->n_lines) {
		struct line l = next_line(x);
		size_t start = f->lines[x->next++];
		size_t end = x->next < f->n_lines ? f->lines[x->next] : f->length;

		ended = heredoc_ends(doc, l.text, l.length);
		if (!ended)
			buf_add(&body, f->text + start, end - start);
	}
	doc->body = buf_steal(&body);
	return ended;
}

uint32_t
lexer_read_heredocs(struct lexer *x, struct instruction *i)
{
	for (size_t n = 0; n < i->heredocs.count; n++) {
		struct heredoc *doc = &i->heredocs.items[n];

		if (!read_body(x, doc))
			(void)diagnostics_add(x->diagnostics, SEVERITY_ERROR,
			    instruction_locate(i, doc->offset),
			    "the heredoc '%s' is not ended by a line '%s'", doc->word, doc->word);
	}
	return (uint32_t)x->next;
}
