/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json - reading untrusted JSON into a tree, building and writing it.
 *
 * yajl's streaming parser is used; depth, size, duplicate keys, NUL in strings and lone surrogates are refused here
 * (RFC 8259; image-spec, canonicalization.md). Numbers keep their text, members their order, so that what is not
 * understood can be written back as it was.
 */
#ifndef CROZE_BASE_JSON_H
#define CROZE_BASE_JSON_H

#include "runtime/base/buf.h"
#include "runtime/base/error.h"
#include "runtime/base/strv.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum json_type { JSON_NULL, JSON_BOOL, JSON_NUMBER, JSON_STRING, JSON_ARRAY, JSON_OBJECT };

struct json; /* one value with all below it */

#define JSON_MAX_BYTES (4U << 20)
#define JSON_MAX_DEPTH 64

/** Parses exactly one value. ERR_INPUT with line and column. NULL on failure. */
struct json *json_parse(const char *text, size_t length, struct error *e);
void json_free(struct json *j);
void json_free_at(struct json **j);
#define autojson __attribute__((cleanup(json_free_at)))
struct json *json_copy(const struct json *j);

enum json_type json_type(const struct json *j); /* JSON_NULL for NULL, so look-ups can be chained */
size_t json_count(const struct json *j);        /* members of an array or object, else 0 */
const struct json *json_at(const struct json *j, size_t index); /* value; NULL when out of range */
const char *json_key_at(const struct json *j, size_t index);
/** NULL when @key is not there, or @j is no object. */
const struct json *json_get(const struct json *j, const char *key);
struct json *json_get_mutable(struct json *j, const char *key);
const char *json_text(const struct json *j);   /* NULL when not a string */
const char *json_number(const struct json *j); /* text of a number; NULL when not one */
bool json_is_true(const struct json *j);

/* Typed members with a clear error ("'config.User' must be a string"); @path names the object. A missing or null member: 0 and *value untouched. */
int json_read_text(
    const struct json *j, const char *key, const char *path, const char **value, struct error *e);
int json_read_u64(
    const struct json *j, const char *key, const char *path, uint64_t *value, struct error *e);
int json_read_i64(
    const struct json *j, const char *key, const char *path, int64_t *value, struct error *e);
int json_read_bool(
    const struct json *j, const char *key, const char *path, bool *value, struct error *e);
int json_read_strv(
    const struct json *j, const char *key, const char *path, struct strv *value, struct error *e);

struct json *json_new_object(void);
struct json *json_new_array(void);
struct json *json_new_text(const char *text);
struct json *json_new_text_n(const char *text, size_t length);
struct json *json_new_i64(int64_t value);
struct json *json_new_u64(uint64_t value);
struct json *json_new_number(const char *text); /* as it stands */
struct json *json_new_bool(bool value);
struct json *json_new_null(void);
struct json *json_new_strv(const struct strv *v);
/** Sets or replaces a member; takes @value over; returns it. */
struct json *json_set(struct json *object, const char *key, struct json *value);
void json_set_text(struct json *object, const char *key, const char *value);
void json_remove(struct json *object, const char *key);
struct json *json_append(struct json *array, struct json *value);
bool json_equal(const struct json *a, const struct json *b);

enum json_write_flags {
	JSON_INDENT = 1 << 0, /* two blanks a level, newline at the end */
	JSON_SORTED = 1 << 1, /* members by key, bytewise: for keys and digests */
};
void json_write(const struct json *j, enum json_write_flags flags, struct buf *b);

#endif
