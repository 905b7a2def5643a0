/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ignore - .dockerignore: which paths of a build context stay out of it.
 *
 * A pattern becomes a list of elements, matched as a nondeterministic automaton: the set of
 * elements that may come next is carried along the path, so no pattern can make it go back. A
 * pattern has matched a folder above when its end is reached where the path has a '/'.
 */
#include "builder/dockerfile/ignore.h"

#include "builder/dockerfile/glob.h"
#include "runtime/base/mem.h"
#include "runtime/base/path.h"

#include <ctype.h>
#include <string.h>

enum element_kind {
	ELEMENT_CHARACTER,
	ELEMENT_ANY,     /* ? */
	ELEMENT_CLASS,   /* [...] */
	ELEMENT_STAR,    /* *: any characters but '/' */
	ELEMENT_FOLDERS, /* double star in front of something: nothing, or whatever ends in '/' */
	ELEMENT_REST,    /* double star at the end: whatever follows */
};

struct element {
	enum element_kind kind;
	uint32_t character;
	const char *class; /* behind its '[' in ignore_pattern.clean */
};

struct ignore_pattern {
	char *written;
	char *clean;
	bool negated;
	size_t line;
	struct element *elements;
	size_t count;
	size_t room;
};

static void
pattern_release(struct ignore_pattern *p)
{
	free(p->written);
	free(p->clean);
	free(p->elements);
}

void
ignore_release(struct ignore *ignore)
{
	for (size_t i = 0; i < ignore->count; i++)
		pattern_release(&ignore->patterns[i]);
	free(ignore->patterns);
	*ignore = (struct ignore){ 0 };
}

static void
add_element(struct ignore_pattern *p, enum element_kind kind, uint32_t character, const char *class)
{
	(void)xgrow(&p->elements, p->count, &p->room, sizeof(*p->elements));
	p->elements[p->count++] = (struct element){ kind, character, class };
}

/** Has @text nothing but plain characters? */
static bool
is_plain(const char *text)
{
	return strpbrk(text, "*?[\\") == NULL;
}

/**
 * Two stars at *@at. "**x" with a plain rest is a suffix of any path in the reference
 * implementation, not only of a name; otherwise the stars stand for whole folders.
 */
static const char *
compile_double_star(struct ignore_pattern *p, const char *at)
{
	const char *rest = at + 2;

	if (*rest == '\0' || strcmp(rest, "/") == 0) {
		add_element(p, ELEMENT_REST, 0, NULL);
		return at + strlen(at);
	}
	if (at == p->clean && *rest != '/' && is_plain(rest)) {
		add_element(p, ELEMENT_REST, 0, NULL);
		return rest;
	}
	add_element(p, ELEMENT_FOLDERS, 0, NULL);
	return *rest == '/' ? rest + 1 : rest;
}

static void
compile(struct ignore_pattern *p)
{
	const char *at = p->clean;

	while (*at != '\0') {
		if (at[0] == '*' && at[1] == '*') {
			at = compile_double_star(p, at);
		} else if (*at == '*') {
			add_element(p, ELEMENT_STAR, 0, NULL);
			at++;
		} else if (*at == '?') {
			add_element(p, ELEMENT_ANY, 0, NULL);
			at++;
		} else if (*at == '[') {
			const char *class = ++at;

			(void)glob_match_class(&at, 'a'); /* glob_check() has been here */
			add_element(p, ELEMENT_CLASS, 0, class);
		} else {
			at += *at == '\\';
			add_element(p, ELEMENT_CHARACTER, glob_next_character(&at), NULL);
		}
	}
}

/** A set of elements that may match next; bit n_elements is the end of the pattern. */
struct states {
	uint64_t *bits;
	size_t n_words;
};

static void
states_set(struct states *s, size_t n)
{
	s->bits[n / 64] |= (uint64_t)1 << (n % 64);
}

static bool
states_have(const struct states *s, size_t n)
{
	return s->bits[n / 64] >> (n % 64) & 1;
}

/** Adds @n and all that can come without a character: what stands behind stars. */
static void
enter(const struct ignore_pattern *p, struct states *s, size_t n)
{
	while (!states_have(s, n)) {
		states_set(s, n);
		if (n == p->count || p->elements[n].kind < ELEMENT_STAR)
			return;
		n++;
	}
}

/**
 * Where element @n leads with character @c. @inside: that a folder's name has begun for
 * ELEMENT_FOLDERS.
 */
static void
advance(const struct ignore_pattern *p, size_t n, uint32_t c, struct states *next, bool *skipping)
{
	const struct element *x = &p->elements[n];
	const char *class = x->class;

	switch (x->kind) {
	case ELEMENT_CHARACTER:
		if (x->character == c)
			enter(p, next, n + 1);
		break;
	case ELEMENT_ANY:
		if (c != '/')
			enter(p, next, n + 1);
		break;
	case ELEMENT_CLASS:
		if (glob_match_class(&class, c) == 1)
			enter(p, next, n + 1);
		break;
	case ELEMENT_STAR:
		if (c != '/')
			enter(p, next, n);
		break;
	case ELEMENT_FOLDERS:
		skipping[n] = true;
		if (c == '/')
			enter(p, next, n + 1);
		break;
	case ELEMENT_REST:
		enter(p, next, n);
		break;
	}
}

enum walk_result {
	WALK_DEAD,    /* nothing more can match */
	WALK_ALIVE,   /* the path alone does not match; a longer one could */
	WALK_MATCHED, /* the path or a folder above it matches */
};

struct walk {
	struct states now, next;
	bool *skipping; /* elements of ELEMENT_FOLDERS that are passing over characters */
};

/** Moves all states by one character; returns whether any is left. */
static bool
step(const struct ignore_pattern *p, struct walk *w, uint32_t c)
{
	struct states swap = w->now;
	bool alive = false;

	memset(w->next.bits, 0, w->next.n_words * sizeof(uint64_t));
	for (size_t i = 0; i < w->now.n_words; i++) {
		uint64_t bits = w->now.bits[i];

		while (bits) {
			size_t n = i * 64 + (size_t)__builtin_ctzll(bits);

			bits &= bits - 1;
			if (n < p->count)
				advance(p, n, c, &w->next, w->skipping);
		}
	}
	for (size_t n = 0; n < p->count; n++) {
		if (!w->skipping[n])
			continue;
		alive = true;
		if (c == '/')
			enter(p, &w->next, n + 1);
	}
	for (size_t i = 0; i < w->next.n_words; i++)
		alive = alive || w->next.bits[i] != 0;
	w->now = w->next;
	w->next = swap;
	return alive;
}

static enum walk_result
walk_states(const struct ignore_pattern *p, struct walk *w, const char *path)
{
	const char *at = path;

	enter(p, &w->now, 0);
	while (*at != '\0') {
		bool boundary = *at == '/' && at != path;
		uint32_t c;

		if (boundary && states_have(&w->now, p->count))
			return WALK_MATCHED;
		c = glob_next_character(&at);
		if (!step(p, w, c))
			return WALK_DEAD;
	}
	return states_have(&w->now, p->count) ? WALK_MATCHED : WALK_ALIVE;
}

#define SMALL_PATTERN 127

static enum walk_result
walk(const struct ignore_pattern *p, const char *path)
{
	uint64_t small_states[2][(SMALL_PATTERN + 1) / 64] = { 0 };
	bool small_skipping[SMALL_PATTERN] = { false };
	size_t n_words = p->count / 64 + 1;
	autofree uint64_t *states = NULL;
	autofree bool *skipping = NULL;
	struct walk w = {
		.now = { small_states[0], n_words },
		.next = { small_states[1], n_words },
		.skipping = small_skipping,
	};

	if (p->count > SMALL_PATTERN) {
		states = xcalloc(2 * n_words, sizeof(*states));
		skipping = xcalloc(p->count, sizeof(*skipping));
		w.now.bits = states;
		w.next.bits = states + n_words;
		w.skipping = skipping;
	}
	return walk_states(p, &w, path);
}

/** Index of the pattern that decides for @path; -1 when none matches. */
static ssize_t
deciding(const struct ignore *ignore, const char *path)
{
	for (size_t i = ignore->count; i > 0; i--)
		if (walk(&ignore->patterns[i - 1], path) == WALK_MATCHED)
			return (ssize_t)i - 1;
	return -1;
}

bool
ignore_match(const struct ignore *ignore, const char *path, bool is_dir)
{
	ssize_t n = deciding(ignore, path);

	(void)is_dir;
	return n >= 0 && !ignore->patterns[n].negated;
}

bool
ignore_may_reinclude_below(const struct ignore *ignore, const char *dir)
{
	autofree char *below = NULL;
	ssize_t n;

	if (!ignore->has_negation)
		return false;
	n = deciding(ignore, dir);
	below = xasprintf("%s/", dir);
	for (size_t i = (size_t)(n + 1); i < ignore->count; i++)
		if (ignore->patterns[i].negated && walk(&ignore->patterns[i], below) != WALK_DEAD)
			return true;
	return n < 0;
}

bool
ignore_may_match_below(const struct ignore *ignore, const char *dir)
{
	autofree char *below = xasprintf("%s/", dir);

	for (size_t i = 0; i < ignore->count; i++)
		if (walk(&ignore->patterns[i], below) != WALK_DEAD)
			return true;
	return false;
}

const char *
ignore_reason(const struct ignore *ignore, const char *path, size_t *line)
{
	ssize_t n = deciding(ignore, path);

	if (n < 0)
		return NULL;
	*line = ignore->patterns[n].line;
	return ignore->patterns[n].written;
}

char *
ignore_text(const struct ignore *ignore)
{
	struct buf b = { 0 };

	for (size_t i = 0; i < ignore->count; i++)
		buf_printf(&b, "%s%s\n", ignore->patterns[i].negated ? "!" : "",
		    ignore->patterns[i].clean);
	return buf_steal(&b);
}

/** @line without the blanks around it. */
static char *
trimmed(const char *line, size_t length)
{
	while (length > 0 && isspace((unsigned char)line[length - 1]))
		length--;
	while (length > 0 && isspace((unsigned char)*line)) {
		line++;
		length--;
	}
	return xstrndup(line, length);
}

/** Takes @bare, a pattern without its '!', which was written as @written. */
static int
add_pattern(struct ignore *ignore, const char *written, const char *bare, bool negated,
    size_t number, struct error *e)
{
	struct ignore_pattern p = { .line = number, .negated = negated };
	autofree char *clean = NULL;

	if (glob_check(bare, e) < 0)
		return -1;
	clean = path_clean(bare);
	p.clean = xstrdup(clean[0] == '/' && clean[1] != '\0' ? clean + 1 : clean);
	p.written = xstrdup(written);
	if (glob_check(p.clean, e) < 0) {
		pattern_release(&p);
		return -1;
	}
	compile(&p);
	(void)xgrow(&ignore->patterns, ignore->count, &ignore->room, sizeof(*ignore->patterns));
	ignore->patterns[ignore->count++] = p;
	ignore->has_negation = ignore->has_negation || p.negated;
	return 0;
}

static int
add_line(struct ignore *ignore, const char *line, size_t length, size_t number, struct error *e)
{
	autofree char *text = trimmed(line, length);
	bool negated = text[0] == '!';
	autofree char *bare = trimmed(text + negated, strlen(text) - negated);

	if (bare[0] == '\0' && !negated)
		return 0;
	if (bare[0] == '\0')
		return error_set(e, ERR_INPUT, "nothing follows the '!'");
	return add_pattern(ignore, text, bare, negated, number, e);
}

int
ignore_add(struct ignore *ignore, const char *pattern, struct error *e)
{
	size_t before = ignore->count;

	if (add_line(ignore, pattern, strlen(pattern), before + 1, e) < 0)
		return -1;
	if (ignore->count == before)
		return error_set(e, ERR_INPUT, "the pattern is empty");
	return 0;
}

int
ignore_add_plain(struct ignore *ignore, const char *pattern, struct error *e)
{
	return add_pattern(ignore, pattern, pattern, false, ignore->count + 1, e);
}

static int
parse_lines(
    struct ignore *ignore, const char *text, size_t length, const char *file, struct error *e)
{
	const char *end = text + length;
	size_t number = 1;

	if (length >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
		text += 3;
	for (; text < end; number++) {
		const char *newline = memchr(text, '\n', (size_t)(end - text));
		size_t n = (size_t)((newline ? newline : end) - text);

		if (*text != '#' && add_line(ignore, text, n, number, e) < 0)
			return error_ctx(e, "%s:%zu", file, number);
		text += n + 1;
	}
	return 0;
}

int
ignore_parse(
    struct ignore *ignore, const char *text, size_t length, const char *file, struct error *e)
{
	*ignore = (struct ignore){ 0 };
	if (length > IGNORE_MAX_BYTES)
		return error_set(e, ERR_INPUT, "%s: larger than %u bytes", file, IGNORE_MAX_BYTES);
	if (memchr(text, '\0', length))
		return error_set(e, ERR_INPUT, "%s: a NUL byte in a text file", file);
	if (parse_lines(ignore, text, length, file, e) == 0)
		return 0;
	ignore_release(ignore);
	return -1;
}
