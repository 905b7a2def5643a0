/* SPDX-License-Identifier: Apache-2.0 */
/*
 * text - numbers, times, sizes and safe display of text from outside.
 */
#ifndef CROZE_BASE_TEXT_H
#define CROZE_BASE_TEXT_H

#include "runtime/base/buf.h"
#include "runtime/base/error.h"

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

/** Decimal digits only, in [@min, @max]. Returns 0 or -1 with @e ERR_INPUT naming @what. */
int parse_u64(const char *text, uint64_t min, uint64_t max, const char *what, uint64_t *value,
    struct error *e);
/** Optional leading '-'. */
int parse_i64(
    const char *text, int64_t min, int64_t max, const char *what, int64_t *value, struct error *e);
/** Octal digits, at most @max (07777). */
int parse_octal(const char *text, uint32_t max, const char *what, uint32_t *value, struct error *e);
/** "512", "64k", "2m", "1g", with optional "b" or "ib" behind: powers of 1024. */
int parse_size(const char *text, const char *what, uint64_t *bytes, struct error *e);
/** Go's duration syntax ("1h2m3.5s", "300ms"); nanoseconds. */
int parse_duration(const char *text, const char *what, int64_t *nanoseconds, struct error *e);
/** RFC 3339 with optional fraction; UTC offset allowed. */
int parse_rfc3339(const char *text, struct timespec *time, struct error *e);
/** Appends RFC 3339 in UTC ("2024-05-01T10:00:00Z"; nanoseconds without trailing zeros when not 0, as Go does). */
void text_add_rfc3339(struct buf *b, const struct timespec *time);
/** Appends "18.7 MB" (powers of 1000, as docker shows sizes). */
void text_add_size(struct buf *b, uint64_t bytes);
/** Appends "0.412 s", "14.2 s", "2m 03 s". */
void text_add_seconds(struct buf *b, double seconds);
/**
 * Appends @text so that a terminal can be shown it: control bytes, DEL, invalid UTF-8, bidirectional controls and
 * other invisible format characters become \xNN or \u{NNNN}; a newline becomes \n. (SECURITY P8, P9)
 */
void text_add_safe(struct buf *b, const char *text, size_t length);
/** The same, as a new string. */
char *text_safe(const char *text);

bool text_starts_with(const char *text, const char *prefix);
bool text_ends_with(const char *text, const char *suffix);
/** Damerau-Levenshtein distance, for suggestions; @limit + 1 when it is more than @limit. */
size_t text_distance(const char *a, const char *b, size_t limit);
/** The nearest of @names (NULL-terminated) to @word, case-insensitive; NULL when none is near enough to suggest. */
const char *text_suggest(const char *word, const char *const *names);

void text_add_base64(struct buf *b, const void *bytes, size_t length);
int text_parse_base64(const char *text, struct buf *bytes, struct error *e);

#endif
