/* SPDX-License-Identifier: Apache-2.0 */
/*
 * buf - bytes that grow.
 *
 * @data is always followed by a NUL that @len does not count (and is "" for an empty buffer that was
 * never written to through buf_text()), so text can be read from it directly.
 */
#ifndef CROZE_BASE_BUF_H
#define CROZE_BASE_BUF_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

struct buf {
	char *data;
	size_t len;
	size_t room;
};

void buf_release(struct buf *b);
void buf_clear(struct buf *b);
void buf_add(struct buf *b, const void *bytes, size_t length);
void buf_add_char(struct buf *b, char c);
void buf_add_text(struct buf *b, const char *text);
void buf_printf(struct buf *b, const char *format, ...) __attribute__((format(printf, 2, 3)));
void buf_vprintf(struct buf *b, const char *format, va_list arguments);
/** Room for at least @length more bytes; returns where they go. Add to b->len (and keep the NUL) with buf_added(). */
char *buf_reserve(struct buf *b, size_t length);
void buf_added(struct buf *b, size_t length);
/** Cuts to @length bytes. */
void buf_truncate(struct buf *b, size_t length);
/** The text, never NULL; valid until the next change. */
const char *buf_text(const struct buf *b);
/** Gives the text away (never NULL, to be freed); @b is empty afterwards. */
char *buf_steal(struct buf *b);

#endif
