/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json_write - JSON text from a tree.
 *
 * Only what RFC 8259 demands is escaped, so that equal trees make equal bytes; bytes that are no UTF-8 become
 * U+FFFD, because the text must be readable again.
 */
#include "runtime/base/json_tree.h"

#include "runtime/base/mem.h"
#include "runtime/base/unicode.h"

static void
write_escape(struct buf *b, unsigned char c)
{
	static const char named[] = "\"\\\b\f\n\r\t";
	static const char letters[] = "\"\\bfnrt";
	const char *at = c ? strchr(named, c) : NULL;

	if (at)
		buf_printf(b, "\\%c", letters[at - named]);
	else
		buf_printf(b, "\\u%04x", (unsigned int)c);
}

static bool
is_plain(unsigned char c)
{
	return c >= 0x20 && c < 0x80 && c != '"' && c != '\\';
}

static void
write_text(struct buf *b, const char *text)
{
	size_t length = strlen(text);
	size_t at = 0;
	uint32_t code;

	buf_add_char(b, '"');
	while (at < length) {
		size_t n = 0;

		while (at + n < length && is_plain((unsigned char)text[at + n]))
			n++;
		buf_add(b, text + at, n);
		at += n;
		if (at == length)
			break;
		n = unicode_decode(text + at, length - at, &code);
		if (n == 0)
			buf_add_text(b, "\xef\xbf\xbd");
		else if (n == 1)
			write_escape(b, (unsigned char)text[at]);
		else
			buf_add(b, text + at, n);
		at += n ? n : 1;
	}
	buf_add_char(b, '"');
}

static int
compare_items(const void *a, const void *b)
{
	const struct json_item *const *first = a;
	const struct json_item *const *second = b;

	return strcmp((*first)->key, (*second)->key);
}

static void
new_line(struct buf *b, enum json_write_flags flags, unsigned int level)
{
	if ((flags & JSON_INDENT) != 0)
		buf_printf(b, "\n%*s", (int)(2 * level), "");
}

static void write_value(
    const struct json *j, enum json_write_flags flags, unsigned int level, struct buf *b);

static void
write_items(const struct json *j, enum json_write_flags flags, unsigned int level, struct buf *b)
{
	autofree const struct json_item **items = xcalloc(j->count, sizeof(*items));

	for (size_t i = 0; i < j->count; i++)
		items[i] = &j->items[i];
	if (j->type == JSON_OBJECT && (flags & JSON_SORTED) != 0 && j->count > 1)
		qsort(items, j->count, sizeof(*items), compare_items);
	for (size_t i = 0; i < j->count; i++) {
		if (i > 0)
			buf_add_char(b, ',');
		new_line(b, flags, level + 1);
		if (items[i]->key) {
			write_text(b, items[i]->key);
			buf_add_text(b, (flags & JSON_INDENT) != 0 ? ": " : ":");
		}
		write_value(items[i]->value, flags, level + 1, b);
	}
	if (j->count > 0)
		new_line(b, flags, level);
}

static void
write_value(const struct json *j, enum json_write_flags flags, unsigned int level, struct buf *b)
{
	switch (json_type(j)) {
	case JSON_NULL:
		buf_add_text(b, "null");
		break;
	case JSON_BOOL:
		buf_add_text(b, j->truth ? "true" : "false");
		break;
	case JSON_NUMBER:
		buf_add_text(b, j->text);
		break;
	case JSON_STRING:
		write_text(b, j->text);
		break;
	case JSON_ARRAY:
	case JSON_OBJECT:
		buf_add_char(b, j->type == JSON_ARRAY ? '[' : '{');
		write_items(j, flags, level, b);
		buf_add_char(b, j->type == JSON_ARRAY ? ']' : '}');
		break;
	}
}

void
json_write(const struct json *j, enum json_write_flags flags, struct buf *b)
{
	write_value(j, flags, 0, b);
	if ((flags & JSON_INDENT) != 0)
		buf_add_char(b, '\n');
}
