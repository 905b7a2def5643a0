/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pattern - the patterns of ${name#p}, ${name%p} and ${name/p/r}: '*', '?' and plain characters.
 *
 * A '?' is one character of UTF-8, not one byte. '\' may stand before * ? \ } and /.
 */
#ifndef CROZE_DOCKERFILE_PATTERN_H
#define CROZE_DOCKERFILE_PATTERN_H

#include "runtime/base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Characters, or elements of a pattern. */
struct characters {
	uint32_t *items;
	size_t count;
	size_t room;
};

void characters_release(struct characters *c);
/** Decodes @text of @length bytes; what is no UTF-8 is kept byte by byte. */
void characters_decode(struct characters *c, const char *text, size_t length);
/** Bytes that @count characters from @from on take. */
size_t characters_bytes(const struct characters *c, size_t from, size_t count);
void characters_reverse(struct characters *c);

enum pattern_length {
	PATTERN_SHORTEST,
	PATTERN_LONGEST,
};

/** Returns 0, or -1 with @e for an escape that means nothing or a pattern that is too long. */
int pattern_compile(struct characters *pattern, const char *text, struct error *e);
/**
 * Matches from the start of @text. Returns false when it does not; else *@count characters match.
 */
bool pattern_match_start(const struct characters *pattern, const struct characters *text,
    enum pattern_length length, size_t *count);
/** Finds the first place at or behind @from that matches, as long as possible: *@start to *@end. */
bool pattern_find(const struct characters *pattern, const struct characters *text, size_t from,
    size_t *start, size_t *end);

#endif
