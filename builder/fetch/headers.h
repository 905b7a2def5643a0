/* SPDX-License-Identifier: Apache-2.0 */
/*
 * headers - the header fields of a response, and the values of those that steer a transfer (RFC 9110).
 */
#ifndef CROZE_FETCH_HEADERS_H
#define CROZE_FETCH_HEADERS_H

#include "runtime/base/strv.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

/**
 * Adds the line "Name: value" of @length bytes as "name: value", when it is a field that anything here reads; others are
 * dropped, as is one with bytes that are not printable. At most 64 are kept, of 8 KiB each.
 */
void headers_add(struct strv *headers, const char *line, size_t length);
/** Value of the first field @name (lower case); NULL. */
const char *headers_get(const struct strv *headers, const char *name);

/** "bytes FIRST-LAST/TOTAL" (TOTAL may be '*', then UINT64_MAX). */
bool headers_content_range(const char *text, uint64_t *first, uint64_t *last, uint64_t *total);
/** A date in one of the forms of RFC 9110, 5.6.7 (Last-Modified). */
bool headers_date(const char *text, time_t *time);
/** Retry-After: seconds, or a date in one of the forms of RFC 9110, 5.6.7; *@seconds is counted from @now, 0 for the past. */
bool headers_retry_after(const char *text, time_t now, uint64_t *seconds);

#endif
