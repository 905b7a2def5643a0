/* SPDX-License-Identifier: Apache-2.0 */
/*
 * buf - bytes that grow.
 */
#include "runtime/base/buf.h"

#include "runtime/base/mem.h"

#include <assert.h>
#include <stdint.h>

void
buf_release(struct buf *b)
{
	mem_free_at(&b->data);
	*b = (struct buf){ 0 };
}

void
buf_clear(struct buf *b)
{
	buf_truncate(b, 0);
}

char *
buf_reserve(struct buf *b, size_t length)
{
	size_t needed = 0;
	bool overflow = __builtin_add_overflow(b->len, length, &needed);

	overflow |= __builtin_add_overflow(needed, 1, &needed);
	if (overflow)
		needed = SIZE_MAX; /* ends the program below */
	if (needed > b->room) {
		size_t room = b->room + b->room / 2;

		room = room < needed ? needed : room;
		b->data = xrealloc(b->data, room < 64 ? 64 : room, 1);
		b->room = room < 64 ? 64 : room;
		b->data[b->len] = '\0';
	}
	return b->data + b->len;
}

void
buf_added(struct buf *b, size_t length)
{
	assert(b->len + length < b->room);
	b->len += length;
	b->data[b->len] = '\0';
}

void
buf_add(struct buf *b, const void *bytes, size_t length)
{
	char *to = buf_reserve(b, length);

	if (length > 0)
		memcpy(to, bytes, length);
	buf_added(b, length);
}

void
buf_add_char(struct buf *b, char c)
{
	buf_add(b, &c, 1);
}

void
buf_add_text(struct buf *b, const char *text)
{
	buf_add(b, text, strlen(text));
}

void
buf_printf(struct buf *b, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	buf_vprintf(b, format, arguments);
	va_end(arguments);
}

void
buf_vprintf(struct buf *b, const char *format, va_list arguments)
{
	va_list again;
	char *to = buf_reserve(b, 64);
	int length;

	va_copy(again, arguments);
	length = vsnprintf(to, b->room - b->len, format, arguments);
	assert(length >= 0);
	if ((size_t)length >= b->room - b->len) {
		to = buf_reserve(b, (size_t)length);
		(void)vsnprintf(to, (size_t)length + 1, format, again); /* the same length */
	}
	va_end(again);
	buf_added(b, (size_t)length);
}

void
buf_truncate(struct buf *b, size_t length)
{
	assert(length <= b->len);
	b->len = length;
	if (b->data)
		b->data[length] = '\0';
}

const char *
buf_text(const struct buf *b)
{
	return b->data ? b->data : "";
}

char *
buf_steal(struct buf *b)
{
	char *text = b->data ? b->data : xstrdup("");

	*b = (struct buf){ 0 };
	return text;
}
