/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pattern - the patterns of ${name#p}, ${name%p} and ${name/p/r}: '*', '?' and plain characters.
 *
 * The stars divide a pattern into pieces. The first piece has to match in its place, each further
 * one is taken as early as it comes, the last one as late as possible where the longest match is
 * wanted. So there is no going back, and a pattern that fails behind its first star fails for all
 * later places as well.
 */
#include "builder/dockerfile/pattern.h"

#include "builder/dockerfile/expand.h"
#include "builder/dockerfile/glob.h"
#include "runtime/base/mem.h"

#include <string.h>

#define ELEMENT_STAR 0xfffffffeU
#define ELEMENT_ANY 0xffffffffU

void
characters_release(struct characters *c)
{
	free(c->items);
	*c = (struct characters){ 0 };
}

static void
add(struct characters *c, uint32_t item)
{
	(void)xgrow(&c->items, c->count, &c->room, sizeof(*c->items));
	c->items[c->count++] = item;
}

void
characters_decode(struct characters *c, const char *text, size_t length)
{
	const char *end = text + length;

	while (text < end)
		add(c, glob_next_character(&text));
}

static size_t
character_bytes(uint32_t c)
{
	if (c < 0x80 || c >= 0x110000)
		return 1;
	return c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
}

size_t
characters_bytes(const struct characters *c, size_t from, size_t count)
{
	size_t bytes = 0;

	for (size_t i = from; i < from + count; i++)
		bytes += character_bytes(c->items[i]);
	return bytes;
}

void
characters_reverse(struct characters *c)
{
	for (size_t i = 0; i < c->count / 2; i++) {
		uint32_t swap = c->items[i];

		c->items[i] = c->items[c->count - 1 - i];
		c->items[c->count - 1 - i] = swap;
	}
}

int
pattern_compile(struct characters *pattern, const char *text, struct error *e)
{
	/* Room at once: the pieces of an empty pattern point somewhere, too. */
	(void)xgrow(&pattern->items, 0, &pattern->room, sizeof(*pattern->items));
	while (*text != '\0') {
		if (*text == '\\') {
			text++;
			if (*text == '\0' || !strchr("*?\\}/", *text))
				return error_set(
				    e, ERR_INPUT, "'\\%.1s' in a pattern means nothing", text);
			add(pattern, (unsigned char)*text++);
		} else if (*text == '*' || *text == '?') {
			add(pattern, *text++ == '*' ? ELEMENT_STAR : ELEMENT_ANY);
		} else {
			add(pattern, glob_next_character(&text));
		}
		if (pattern->count > EXPAND_MAX_PATTERN)
			return error_set(e, ERR_INPUT, "a pattern of more than %d characters",
			    EXPAND_MAX_PATTERN);
	}
	return 0;
}

/** A part of a pattern without stars. */
struct piece {
	const uint32_t *items;
	size_t count;
};

static bool
piece_is_at(struct piece p, const struct characters *text, size_t at)
{
	if (at + p.count > text->count)
		return false;
	for (size_t i = 0; i < p.count; i++)
		if (p.items[i] != text->items[at + i] && p.items[i] != ELEMENT_ANY)
			return false;
	return true;
}

static bool
piece_first(struct piece p, const struct characters *text, size_t from, size_t *at)
{
	for (size_t i = from; i + p.count <= text->count; i++) {
		if (piece_is_at(p, text, i)) {
			*at = i;
			return true;
		}
	}
	return false;
}

static bool
piece_last(struct piece p, const struct characters *text, size_t from, size_t *at)
{
	if (p.count > text->count)
		return false;
	for (size_t i = text->count - p.count + 1; i > from; i--) {
		if (piece_is_at(p, text, i - 1)) {
			*at = i - 1;
			return true;
		}
	}
	return false;
}

/** The piece of @pattern that begins at *@from; moves *@from to the star behind it or the end. */
static struct piece
next_piece(const struct characters *pattern, size_t *from)
{
	struct piece p = { pattern->items + *from, 0 };

	while (*from < pattern->count && pattern->items[*from] != ELEMENT_STAR) {
		p.count++;
		(*from)++;
	}
	return p;
}

/**
 * What follows the first piece, which has matched up to @at. Returns whether it matches, with the
 * end in *@end.
 */
static bool
match_rest(const struct characters *pattern, size_t next, const struct characters *text, size_t at,
    enum pattern_length length, size_t *end)
{
	while (next < pattern->count) {
		struct piece p;
		bool found;

		next++; /* the star */
		p = next_piece(pattern, &next);
		if (next == pattern->count && length == PATTERN_LONGEST)
			found = piece_last(p, text, at, &at);
		else
			found = piece_first(p, text, at, &at);
		if (!found)
			return false;
		at += p.count;
	}
	*end = at;
	return true;
}

bool
pattern_match_start(const struct characters *pattern, const struct characters *text,
    enum pattern_length length, size_t *count)
{
	size_t next = 0;
	struct piece first = next_piece(pattern, &next);

	return piece_is_at(first, text, 0) &&
	       match_rest(pattern, next, text, first.count, length, count);
}

bool
pattern_find(const struct characters *pattern, const struct characters *text, size_t from,
    size_t *start, size_t *end)
{
	size_t next = 0;
	struct piece first = next_piece(pattern, &next);

	return piece_first(first, text, from, start) &&
	       match_rest(pattern, next, text, *start + first.count, PATTERN_LONGEST, end);
}
