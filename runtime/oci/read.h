/* SPDX-License-Identifier: Apache-2.0 */
/*
 * read - members of config.json with their types, ranges and words; what is wrong is named by its path in the file.
 */
#ifndef CROZE_OCI_READ_H
#define CROZE_OCI_READ_H

#include "runtime/base/error.h"
#include "runtime/base/json.h"
#include "runtime/base/strv.h"

#include <stdint.h>

/** A word of the specification and what it stands for; a table ends with a NULL name. */
struct oci_word {
	const char *name;
	uint64_t value;
};

/** Member @key, an object or an array (@type) when it is there and not null; *@value is NULL when it is not. */
int read_member(const struct json *j, const char *key, const char *path, enum json_type type,
    const struct json **value, struct error *e);
/** @path, the path of an array, with an index: "mounts[3]". To be freed. The member must be an object. */
char *read_item(const struct json *list, size_t n, const char *path, struct error *e);
/** A user or group id, which is never -1. Untouched when it is not there, as the values of those below. */
int read_id(const struct json *j, const char *key, const char *path, uint32_t *id, struct error *e);
int read_u64(const struct json *j, const char *key, const char *path, uint64_t min, uint64_t max,
    uint64_t *value, struct error *e);
int read_i64(const struct json *j, const char *key, const char *path, int64_t min, int64_t max,
    int64_t *value, struct error *e);
/** A copy of text; *@value is freed first. */
int read_text(
    const struct json *j, const char *key, const char *path, char **value, struct error *e);
/** The value of @word; ERR_INPUT lists the words that there are. @path names the member. */
int read_word(const struct oci_word *table, const char *word, const char *path, uint64_t *value,
    struct error *e);
/** Member @key as a word of @table. */
int read_word_member(const struct oci_word *table, const struct json *j, const char *key,
    const char *path, uint64_t *value, struct error *e);
/** Member @key, an array of words, or-ed together. */
int read_words(const struct oci_word *table, const struct json *j, const char *key,
    const char *path, uint64_t *value, struct error *e);
/** Member @key, an object of strings, as "name=value" items. */
int read_pairs(
    const struct json *j, const char *key, const char *path, struct strv *pairs, struct error *e);
/** Member @key, an array of absolute paths, which are added to @paths. */
int read_paths(
    const struct json *j, const char *key, const char *path, struct strv *paths, struct error *e);
/** Is @list a list of numbers as for CPUs and memory nodes ("0-3,7")? The member @key of @path. */
int read_check_list(const char *list, const char *key, const char *path, struct error *e);
/** "'path' must be an object" and so on. Always -1. */
int read_wrong_type(const char *path, const char *what, struct error *e);

#endif
