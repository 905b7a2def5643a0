/* SPDX-License-Identifier: Apache-2.0 */
/*
 * glob - file name patterns as Go's filepath.Match knows them, for COPY and ADD sources.
 *
 * '*' and '?' stop at '/'; [a-z] and [^a-z] are the only classes ('!' and "[:alpha:]" mean nothing
 * special); '\' escapes. Unlike fnmatch(3), a pattern can be wrong: "a[", "[]a]", "[a-]".
 */
#ifndef CROZE_DOCKERFILE_GLOB_H
#define CROZE_DOCKERFILE_GLOB_H

#include "runtime/base/buf.h"
#include "runtime/base/error.h"

#include <stdbool.h>
#include <stdint.h>

/** Returns 0, or -1 with @e ERR_INPUT saying what is wrong with @pattern and where. */
int glob_check(const char *pattern, struct error *e);
/**
 * Does the whole of @name match? A wrong pattern matches nothing: glob_check() it first. Time is at
 * most the product of the lengths.
 */
bool glob_match(const char *pattern, const char *name);
/**
 * Can a name below directory @dir match: do its components match the first ones of @pattern? "" is
 * the root: true.
 */
bool glob_may_match_below(const char *pattern, const char *dir);
/**
 * Has @pattern an unescaped '*', '?' or '['? Without one it is a plain path, from glob_unescape().
 */
bool glob_has_wildcard(const char *pattern);
/** A pattern that only @path itself matches; to be freed. */
char *glob_escape(const char *path);
/** Removes escapes; to be freed. */
char *glob_unescape(const char *pattern);

/* Shared with ignore patterns. */
/**
 * Decodes one character of UTF-8 at *@text and moves on; a byte that is none becomes 0x110000 +
 * byte. 0 at the end.
 */
uint32_t glob_next_character(const char **text);
/**
 * Matches @c with the class at *@pattern (which points behind '['), and moves behind its ']'. 1, 0,
 * or -1 for a wrong class.
 */
int glob_match_class(const char **pattern, uint32_t c);

#endif
