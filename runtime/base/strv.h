/* SPDX-License-Identifier: Apache-2.0 */
/*
 * strv - a list of strings, each owned by the list, NULL-terminated for execve().
 */
#ifndef CROZE_BASE_STRV_H
#define CROZE_BASE_STRV_H

#include <stdbool.h>
#include <stddef.h>

struct strv {
	char **
	    items; /* items[count] == NULL; items itself is NULL while the list was never added to */
	size_t count;
	size_t room;
};

void strv_release(struct strv *v);
void strv_clear(struct strv *v);
void strv_add(struct strv *v, const char *text); /* copies */
void strv_take(struct strv *v, char *text);      /* takes over */
void strv_printf(struct strv *v, const char *format, ...) __attribute__((format(printf, 2, 3)));
void strv_copy(struct strv *to, const struct strv *from); /* replaces what @to held */
void strv_append(struct strv *to, const struct strv *from);
void strv_remove(struct strv *v, size_t index);
bool strv_has(const struct strv *v, const char *text);
bool strv_equal(const struct strv *a, const struct strv *b);
void strv_sort(struct strv *v); /* bytewise */
/** Splits at every @separator; empty parts are kept. */
void strv_split(struct strv *v, const char *text, char separator);
/** All items with @separator between; to be freed. */
char *strv_join(const struct strv *v, const char *separator);
/** The items as a NULL-terminated array, never NULL. */
char *const *strv_array(const struct strv *v);

/* "NAME=value" lists (environments): unique names, a replaced value keeps its place. */
const char *env_get(const struct strv *v, const char *name); /* NULL when not set */
void env_set(struct strv *v, const char *name, const char *value);
void env_unset(struct strv *v, const char *name);

#endif
