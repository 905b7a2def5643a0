/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mem - allocation that does not fail, and release at the end of a scope.
 */
#include "runtime/base/mem.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

static _Noreturn void
out_of_memory(void)
{
	static const char text[] = "out of memory\n";

	(void)!write(STDERR_FILENO, text, sizeof(text) - 1); /* the end comes either way */
	_exit(75);
}

static void *
checked(void *pointer)
{
	if (!pointer)
		out_of_memory();
	return pointer;
}

void *
xmalloc(size_t size)
{
	return checked(malloc(size ? size : 1));
}

void *
xcalloc(size_t count, size_t size)
{
	return checked(calloc(count ? count : 1, size ? size : 1));
}

void *
xrealloc(void *pointer, size_t count, size_t size)
{
	size_t bytes;

	if (__builtin_mul_overflow(count, size, &bytes))
		out_of_memory();
	return checked(realloc(pointer, bytes ? bytes : 1));
}

char *
xstrdup(const char *text)
{
	return xmemdup(text, strlen(text) + 1);
}

char *
xstrndup(const char *text, size_t length)
{
	return checked(strndup(text, length));
}

void *
xmemdup(const void *bytes, size_t length)
{
	void *copy = xmalloc(length);

	if (length > 0)
		memcpy(copy, bytes, length);
	return copy;
}

char *
xasprintf(const char *format, ...)
{
	va_list arguments;
	char *text;

	va_start(arguments, format);
	text = xvasprintf(format, arguments);
	va_end(arguments);
	return text;
}

char *
xvasprintf(const char *format, va_list arguments)
{
	char *text = NULL;

	if (vasprintf(&text, format, arguments) < 0)
		out_of_memory();
	return text;
}

void *
xgrow(void *array, size_t count, size_t *room, size_t size)
{
	char *grown = *(void **)array;
	size_t more;

	if (count < *room)
		return grown;
	if (__builtin_add_overflow(count, count / 2 + 8, &more))
		out_of_memory();
	grown = xrealloc(grown, more, size);
	*room = more;
	*(void **)array = grown;
	return grown;
}

void
mem_free_at(void *pointer_to_pointer)
{
	int saved = errno;

	free(*(void **)pointer_to_pointer);
	errno = saved;
}

void
mem_free_secret_at(char **text)
{
	if (*text)
		explicit_bzero(*text, strlen(*text));
	mem_free_at(text);
	*text = NULL;
}
