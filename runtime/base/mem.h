/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mem - allocation that does not fail, and release at the end of a scope.
 *
 * Out of memory ends the program; input that is too large is refused before it is allocated.
 */
#ifndef CROZE_BASE_MEM_H
#define CROZE_BASE_MEM_H

#include <stdarg.h>
#include <stddef.h>

#define NEVER_NULL __attribute__((returns_nonnull))

NEVER_NULL void *xmalloc(size_t size) __attribute__((alloc_size(1)));
NEVER_NULL void *xcalloc(size_t count, size_t size) __attribute__((alloc_size(1, 2)));
/** Checks @count * @size for overflow. */
NEVER_NULL void *xrealloc(void *pointer, size_t count, size_t size)
    __attribute__((alloc_size(2, 3)));
NEVER_NULL char *xstrdup(const char *text);
NEVER_NULL char *xstrndup(const char *text, size_t length);
NEVER_NULL void *xmemdup(const void *bytes, size_t length);
NEVER_NULL char *xasprintf(const char *format, ...) __attribute__((format(printf, 1, 2)));
NEVER_NULL char *xvasprintf(const char *format, va_list arguments);

/**
 * Grows so that the member with index @count fits. @array is the ADDRESS of the pointer to @size-byte members,
 * which is updated (and returned); *@room is its capacity in members.
 */
NEVER_NULL void *xgrow(void *array, size_t count, size_t *room, size_t size);

/* cleanup functions keep errno */
void mem_free_at(void *pointer_to_pointer);

#define autofree __attribute__((cleanup(mem_free_at)))
/** The same for text that nothing in memory may keep: overwritten, then freed. @text: its address; it becomes NULL. */
void mem_free_secret_at(char **text);
#define autosecret __attribute__((cleanup(mem_free_secret_at)))
/** `auto(buf) struct buf b = {0}` calls buf_release(&b) at the end of the scope. */
#define auto(type) __attribute__((cleanup(type##_release)))

#define steal_ptr(pp)                              \
	({                                         \
		__typeof__(*(pp)) stolen_ = *(pp); \
		*(pp) = NULL;                      \
		stolen_;                           \
	})

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

#endif
