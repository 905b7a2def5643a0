/* SPDX-License-Identifier: Apache-2.0 */
/*
 * parser - a Dockerfile's text as stages of instructions.
 */
#include "builder/dockerfile/parser.h"

#include "builder/dockerfile/check.h"
#include "builder/dockerfile/lexer.h"
#include "builder/dockerfile/words.h"
#include "runtime/base/json.h"
#include "runtime/base/mem.h"
#include "runtime/base/path.h"
#include "runtime/base/text.h"

#include <ctype.h>
#include <string.h>

struct parser {
	struct dockerfile *file;
	struct diagnostics *diagnostics;
	struct lexer *lexer; /* NULL for a trigger */
	char escape;
	/* an unknown instruction in front of the first FROM: perhaps that was meant as one */
	bool lost;
};

void
dockerfile_release(struct dockerfile *f)
{
	for (size_t n = 0; n < f->count; n++)
		instruction_release(&f->instructions[n]);
	for (size_t n = 0; n < f->n_stages; n++)
		free(f->stages[n].name);
	free(f->instructions);
	free(f->stages);
	free(f->lines);
	free(f->text);
	free(f->syntax);
	free(f->check);
	*f = (struct dockerfile){ 0 };
}

const char *
dockerfile_line(const struct dockerfile *f, size_t number, size_t *length)
{
	size_t start, end;

	if (number < 1 || number > f->n_lines)
		return NULL;
	start = f->lines[number - 1];
	end = number < f->n_lines ? f->lines[number] : f->length;
	while (end > start && (f->text[end - 1] == '\n' || f->text[end - 1] == '\r'))
		end--;
	*length = end - start;
	return f->text + start;
}

/** Length of the instruction's word. */
static size_t
keyword_length(const char *text)
{
	return strcspn(text, " \t\v\f\r");
}

static int
unknown_instruction(const struct parser *p, const struct instruction *i, size_t length)
{
	autofree char *word = xstrndup(i->text, length < 40 ? length : 40);
	const char *near = instruction_suggest(word);
	const char *dots = length > 40 ? "..." : "";

	if (text_starts_with(word, "//"))
		return diagnostics_add(p->diagnostics, SEVERITY_ERROR, instruction_location(i),
		    "'//' begins no comment in a Dockerfile: '#' does");
	if (near)
		return diagnostics_add(p->diagnostics, SEVERITY_ERROR, instruction_location(i),
		    "unknown instruction %s%s, did you mean %s?", word, dots, near);
	return diagnostics_add(p->diagnostics, SEVERITY_ERROR, instruction_location(i),
	    "unknown instruction %s%s", word, dots);
}

static int
refuse_heredoc(const struct parser *p, const struct instruction *i, uint32_t offset,
    const char *word, const char *what)
{
	return diagnostics_add(p->diagnostics, SEVERITY_ERROR, instruction_locate(i, offset),
	    "%s: '%s' %s", i->def->name, word, what);
}

/** Is the word from @start to @end a heredoc's, as a whole? Returns 1, 0, or -1 for a part of it. */
static int
covered_by_heredoc(const struct heredocs *h, size_t start, size_t end)
{
	for (size_t n = 0; n < h->count; n++) {
		if (h->items[n].offset >= end || h->items[n].end <= start)
			continue;
		return start >= h->items[n].offset && end <= h->items[n].end ? 1 : -1;
	}
	return 0;
}

/** COPY and ADD: what is left in the words are the sources that are no heredocs, and the destination. */
static int
take_out_heredocs(const struct parser *p, struct instruction *i)
{
	size_t kept = 0, end = 0;
	int result = 0;

	for (size_t n = 0; n < i->n_words; n++) {
		struct word *word = &i->words[n];
		int covered;

		end = word->offset + strlen(word->text);
		covered = covered_by_heredoc(&i->heredocs, word->offset, end);
		if (covered < 0)
			result = refuse_heredoc(p, i, word->offset, word->text,
			    "is a heredoc and something else in one word");
		if (covered == 0)
			i->words[kept++] = *word;
		else
			free(word->text);
	}
	i->n_words = kept;
	if (result == 0 && (kept == 0 || i->words[kept - 1].offset <
					     i->heredocs.items[i->heredocs.count - 1].offset))
		result = refuse_heredoc(p, i, i->heredocs.items[i->heredocs.count - 1].offset,
		    i->heredocs.items[i->heredocs.count - 1].word,
		    "is a heredoc, and the last word is where to copy to");
	return result;
}

/** Does the heredoc's word have to name a file, and cannot? */
static int
check_names(const struct parser *p, const struct instruction *i)
{
	bool named = i->def->kind != INSTRUCTION_RUN ||
	             (heredoc_is_whole(&i->heredocs, instruction_arguments(i), i->arguments) &&
			 text_starts_with(i->heredocs.items[0].body, "#!"));
	int result = 0;

	for (size_t n = 0; named && n < i->heredocs.count; n++) {
		const struct heredoc *doc = &i->heredocs.items[n];

		if (!path_is_name(doc->word))
			result = refuse_heredoc(p, i, doc->offset, doc->word,
			    "is a heredoc that becomes a file, and cannot be the name of one");
	}
	return result;
}

/** Finds the heredocs of @i and reads their bodies, which are no instructions. */
static int
read_heredocs(const struct parser *p, struct instruction *i)
{
	bool json = i->words && i->form == FORM_EXEC;
	size_t n_errors = p->diagnostics->n_errors;

	if (!(i->def->properties & INSTRUCTION_HEREDOCS) || json)
		return 0;
	heredocs_find(&i->heredocs, instruction_arguments(i), i->arguments, '\\');
	if (i->heredocs.count == 0)
		return 0;
	if (!p->lexer)
		return refuse_heredoc(p, i, i->heredocs.items[0].offset, i->heredocs.items[0].word,
		    "is a heredoc without lines behind it");
	i->end_line = lexer_read_heredocs(p->lexer, i);
	if (i->def->kind != INSTRUCTION_RUN && i->n_words > 1 && take_out_heredocs(p, i) < 0)
		return -1;
	if (check_names(p, i) < 0 || p->diagnostics->n_errors > n_errors)
		return -1;
	return 0;
}

static int parse_instruction(struct parser *p, struct instruction *i, bool is_trigger);

/** The instruction behind ONBUILD, with the places of its text. */
static struct instruction *
make_trigger(const struct instruction *outer)
{
	struct instruction *i = xcalloc(1, sizeof(*i));
	uint32_t start = outer->arguments;

	i->text = xstrdup(outer->text + start);
	i->line = outer->line;
	i->end_line = outer->end_line;
	if (outer->n_segments == 0)
		return i;
	i->segments = xcalloc(outer->n_segments + 1, sizeof(*i->segments));
	i->segments[i->n_segments++] = (struct segment){ 0, instruction_locate(outer, start) };
	for (size_t n = 0; n < outer->n_segments; n++)
		if (outer->segments[n].offset > start)
			i->segments[i->n_segments++] =
			    (struct segment){ outer->segments[n].offset - start,
				    outer->segments[n].at };
	return i;
}

static int
parse_onbuild(struct parser *p, struct instruction *i)
{
	int result;

	if (instruction_arguments(i)[0] == '\0')
		return diagnostics_add(p->diagnostics, SEVERITY_ERROR, instruction_location(i),
		    "ONBUILD needs an argument: %s", i->def->usage);
	i->trigger = make_trigger(i);
	result = parse_instruction(p, i->trigger, true);
	if (i->trigger->end_line > i->end_line)
		i->end_line = i->trigger->end_line;
	return result;
}

/** Reads @i, of which the text and its places are set. */
static int
parse_instruction(struct parser *p, struct instruction *i, bool is_trigger)
{
	struct reading r = { i, p->diagnostics, p->escape };
	size_t length = keyword_length(i->text);
	int flags, arguments;

	i->def = instruction_find(i->text, length);
	if (!i->def)
		return unknown_instruction(p, i, length);
	if (is_trigger && i->def->properties & INSTRUCTION_NO_TRIGGER)
		return diagnostics_add(p->diagnostics, SEVERITY_ERROR, instruction_location(i),
		    "%s cannot be a trigger of ONBUILD", i->def->name);
	flags = words_read_flags(&r, (uint32_t)length);
	if (i->def->kind == INSTRUCTION_ONBUILD)
		return flags < 0 ? -1 : parse_onbuild(p, i);
	arguments = words_read_arguments(&r);
	if (read_heredocs(p, i) < 0 || arguments < 0 || check_instruction(&r) < 0)
		return -1;
	return flags;
}

static void
add_stage(struct dockerfile *f, const struct instruction *from)
{
	struct stage *s;

	(void)xgrow(&f->stages, f->n_stages, &f->stages_room, sizeof(*f->stages));
	s = &f->stages[f->n_stages++];
	*s = (struct stage){ .from = f->count - 1, .first = f->count };
	if (from->n_words != 3)
		return;
	s->name = xstrdup(from->words[2].text);
	for (char *c = s->name; *c != '\0'; c++)
		*c = (char)tolower((unsigned char)*c);
}

/** Puts the instruction that was read last into its stage. */
static int
place_instruction(struct parser *p)
{
	struct dockerfile *f = p->file;
	const struct instruction *i = &f->instructions[f->count - 1];

	if (i->def->kind == INSTRUCTION_FROM) {
		add_stage(f, i);
		return 0;
	}
	if (f->n_stages > 0) {
		f->stages[f->n_stages - 1].count++;
		return 0;
	}
	f->n_global++;
	if (i->def->properties & INSTRUCTION_BEFORE_FROM || p->lost)
		return 0;
	p->lost = true;
	return diagnostics_add(p->diagnostics, SEVERITY_ERROR, instruction_location(i),
	    "%s stands before the first FROM, where only ARG may stand", i->def->name);
}

static void
parse_line(struct parser *p, struct logical_line *line)
{
	struct dockerfile *f = p->file;
	struct instruction *i;

	(void)xgrow(&f->instructions, f->count, &f->room, sizeof(*f->instructions));
	i = &f->instructions[f->count];
	*i = (struct instruction){
		.text = steal_ptr(&line->text),
		.segments = steal_ptr(&line->segments),
		.n_segments = line->n_segments,
		.line = line->line,
		.end_line = line->end_line,
		.comment = steal_ptr(&line->comment),
	};
	(void)parse_instruction(p, i, false);
	if (!i->def) {
		p->lost = p->lost || f->n_stages == 0;
		instruction_release(i);
		return;
	}
	f->count++;
	(void)place_instruction(p);
}

static bool
is_blank(const struct dockerfile *f)
{
	for (size_t n = 0; n < f->length; n++)
		if (!isspace((unsigned char)f->text[n]))
			return false;
	return true;
}

/** Takes the text over without its byte order mark. NUL bytes are reported, and read as blanks. */
static void
take_text(struct dockerfile *f, const char *text, size_t length, struct diagnostics *diagnostics)
{
	struct location at = { 1, 1 };
	size_t n_errors = diagnostics->n_errors;

	if (length >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) {
		text += 3;
		length -= 3;
	}
	f->text = xmalloc(length + 1);
	memcpy(f->text, text, length);
	f->text[length] = '\0';
	f->length = length;
	if (!memchr(f->text, '\0', length))
		return;
	for (size_t n = 0; n < length; n++) {
		if (f->text[n] == '\0') {
			f->text[n] = ' ';
			if (diagnostics->n_errors == n_errors)
				(void)diagnostics_add(diagnostics, SEVERITY_ERROR, at,
				    "a NUL byte: this is no text file");
		}
		at.column = f->text[n] == '\n' ? 1 : at.column + 1;
		at.line += f->text[n] == '\n';
	}
}

/** {"syntax":"..."}: an input of another frontend (section 2 of its rules). */
static bool
take_object(struct dockerfile *f)
{
	const char *text = f->text + strspn(f->text, " \t\r\n");
	struct error ignored = ERROR_INIT;
	autojson struct json *object = NULL;
	const char *syntax;

	if (*text != '{')
		return false;
	object = json_parse(text, f->length - (size_t)(text - f->text), &ignored);
	syntax = json_text(json_get(object, "syntax"));
	if (!syntax)
		return false;
	f->syntax = xstrdup(syntax);
	f->syntax_at = (struct location){ 1, 1 };
	f->is_object = true;
	return true;
}

static void
parse_lines(struct parser *p)
{
	const struct dockerfile *f = p->file;
	struct logical_line line;

	while (lexer_next(p->lexer, &line)) {
		if (f->count >= DOCKERFILE_MAX_INSTRUCTIONS ||
		    f->n_stages > DOCKERFILE_MAX_STAGES) {
			(void)diagnostics_add(p->diagnostics, SEVERITY_ERROR,
			    (struct location){ line.line, 1 },
			    "more than %d instructions or %d stages", DOCKERFILE_MAX_INSTRUCTIONS,
			    DOCKERFILE_MAX_STAGES);
			logical_line_release(&line);
			return;
		}
		parse_line(p, &line);
		logical_line_release(&line);
	}
}

int
dockerfile_parse(
    struct dockerfile *f, const char *text, size_t length, struct diagnostics *diagnostics)
{
	struct parser p = { .file = f, .diagnostics = diagnostics };
	size_t n_errors = diagnostics->n_errors;
	struct lexer lexer;

	*f = (struct dockerfile){ 0 };
	if (length > DOCKERFILE_MAX_BYTES)
		return diagnostics_add(diagnostics, SEVERITY_ERROR, (struct location){ 0 },
		    "the file has %zu bytes; at most %u are allowed", length, DOCKERFILE_MAX_BYTES);
	take_text(f, text, length, diagnostics);
	if (take_object(f))
		return 0; /* whoever looks at the frontend says so */
	if (is_blank(f))
		return diagnostics_add(
		    diagnostics, SEVERITY_ERROR, (struct location){ 0 }, "the file is empty");
	lexer_init(&lexer, f, diagnostics);
	p.lexer = &lexer;
	p.escape = f->escape;
	parse_lines(&p);
	if (f->n_stages == 0 && !p.lost)
		(void)diagnostics_add(diagnostics, SEVERITY_ERROR, (struct location){ 0 },
		    "there are no stages: the file has no FROM");
	return diagnostics->n_errors > n_errors ? -1 : 0;
}

/** Has the trigger lines behind its first that belong to a heredoc? */
static bool
has_bodies(const char *text)
{
	const char *newline = strchr(text, '\n');
	const char *mark = strstr(text, "<<");

	return newline && mark && mark < newline;
}

/** Parses a trigger whose first line is the instruction and whose others are bodies. */
static int
parse_with_bodies(struct parser *p, struct instruction *i, const char *text, struct location at)
{
	struct dockerfile lines = { .text = xstrdup(text), .length = strlen(text) };
	struct lexer lexer;
	int result;

	lexer_init(&lexer, &lines, p->diagnostics);
	lexer.next = 1;
	p->lexer = &lexer;
	i->text = xstrndup(text, strcspn(text, "\r\n"));
	result = parse_instruction(p, i, true);
	i->end_line = at.line;
	for (size_t n = 0; n < i->heredocs.count; n++)
		i->heredocs.items[n].line = at.line;
	while (lexer.next < lines.n_lines && result == 0) {
		size_t length = 0;
		const char *rest = dockerfile_line(&lines, ++lexer.next, &length);

		while (rest && length > 0 && isspace((unsigned char)*rest)) {
			rest++;
			length--;
		}
		if (rest && length > 0)
			result = diagnostics_add(p->diagnostics, SEVERITY_ERROR, at,
			    "a trigger is one instruction, and this has '%.*s' behind it",
			    length < 40 ? (int)length : 40, rest);
	}
	dockerfile_release(&lines);
	p->lexer = NULL;
	return result;
}

int
dockerfile_parse_trigger(
    struct instruction *i, const char *text, struct location at, struct diagnostics *diagnostics)
{
	struct parser p = { .diagnostics = diagnostics, .escape = '\\' };
	int result;

	while (isspace((unsigned char)*text))
		text++;
	*i = (struct instruction){ .line = at.line, .end_line = at.line };
	if (has_bodies(text)) {
		result = parse_with_bodies(&p, i, text, at);
	} else {
		i->text = xstrdup(text);
		result = parse_instruction(&p, i, true);
	}
	if (result == 0)
		return 0;
	diagnostics_note(diagnostics, at, "in the ONBUILD trigger '%s' of the base image", text);
	return -1;
}
