/* SPDX-License-Identifier: Apache-2.0 */
/*
 * error - what went wrong, as a plain value.
 */
#include "runtime/base/error.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>

static_assert(sizeof(struct error) < PIPE_BUF, "an error is sent in one write()");

/* Writes as much as fits; text that was cut ends in "...". */
static __attribute__((format(printf, 3, 0))) void
print_cut(char *text, size_t room, const char *format, va_list arguments)
{
	int n = vsnprintf(text, room, format, arguments);

	if (n < 0)
		text[0] = '\0';
	else if ((size_t)n >= room)
		memcpy(text + room - 4, "...", 4);
}

int
error_set(struct error *e, enum error_kind kind, const char *format, ...)
{
	va_list arguments;

	e->kind = kind;
	e->sys = 0;
	e->hint[0] = '\0';
	va_start(arguments, format);
	print_cut(e->text, sizeof(e->text), format, arguments);
	va_end(arguments);
	return -1;
}

int
error_sys(struct error *e, const char *format, ...)
{
	int number = errno;
	va_list arguments;
	size_t length;

	e->kind = number == ENOSPC || number == EDQUOT ? ERR_TEMPORARY : ERR_SYSTEM;
	e->sys = number;
	e->hint[0] = '\0';
	va_start(arguments, format);
	print_cut(e->text, sizeof(e->text), format, arguments);
	va_end(arguments);
	length = strlen(e->text);
	snprintf(e->text + length, sizeof(e->text) - length, ": %s", strerror(number));
	errno = number;
	return -1;
}

int
error_ctx(struct error *e, const char *format, ...)
{
	char below[ERROR_TEXT_MAX];
	va_list arguments;
	size_t length;

	memcpy(below, e->text, sizeof(below));
	va_start(arguments, format);
	print_cut(e->text, sizeof(e->text), format, arguments);
	va_end(arguments);
	length = strlen(e->text);
	if ((size_t)snprintf(e->text + length, sizeof(e->text) - length, ": %s", below) >=
	    sizeof(e->text) - length)
		memcpy(e->text + sizeof(e->text) - 4, "...", 4);
	return -1;
}

int
error_hint(struct error *e, const char *format, ...)
{
	va_list arguments;

	if (e->hint[0] != '\0')
		return -1;
	va_start(arguments, format);
	print_cut(e->hint, sizeof(e->hint), format, arguments);
	va_end(arguments);
	return -1;
}

int
error_exit_status(const struct error *e)
{
	static const int status[] = {
		[ERR_NONE] = 0,
		[ERR_SYSTEM] = 1,
		[ERR_INPUT] = 2,
		[ERR_USAGE] = 2,
		[ERR_NOT_FOUND] = 2,
		[ERR_STEP] = 1,
		[ERR_HOST] = 3,
		[ERR_NETWORK] = 4,
		[ERR_POLICY] = 5,
		[ERR_TEMPORARY] = 75,
	};

	if (e->kind == ERR_INTERRUPTED)
		return 128 + (e->sys > 0 && e->sys < NSIG ? e->sys : SIGINT);
	return status[e->kind];
}

void
error_clear(struct error *e)
{
	e->kind = ERR_NONE;
	e->sys = 0;
	e->text[0] = '\0';
	e->hint[0] = '\0';
}
