/* SPDX-License-Identifier: Apache-2.0 */
/*
 * unicode - reading UTF-8, and showing text from outside so that a terminal is safe (text_add_safe).
 */
#include "runtime/base/unicode.h"

#include "runtime/base/mem.h"
#include "runtime/base/text.h"

size_t
unicode_decode(const char *text, size_t length, uint32_t *code)
{
	static const uint32_t smallest[] = { 0, 0, 0x80, 0x800, 0x10000 };
	unsigned char first = (unsigned char)text[0];
	size_t n = first < 0x80   ? 1
	           : first < 0xc2 ? 0
	           : first < 0xe0 ? 2
	           : first < 0xf0 ? 3
	           : first < 0xf5 ? 4
	                          : 0;
	uint32_t value;

	if (n == 0 || n > length)
		return 0;
	value = n == 1 ? first : first & (0x7fU >> n);
	for (size_t i = 1; i < n; i++) {
		unsigned char next = (unsigned char)text[i];

		if ((next & 0xc0) != 0x80)
			return 0;
		value = value << 6 | (next & 0x3f);
	}
	if (value < smallest[n] || value > 0x10ffff || (value >= 0xd800 && value <= 0xdfff))
		return 0;
	*code = value;
	return n;
}

size_t
unicode_check(const char *text, size_t length)
{
	uint32_t code;
	size_t at = 0;

	while (at < length) {
		size_t n = (unsigned char)text[at] < 0x80
		               ? 1
		               : unicode_decode(text + at, length - at, &code);

		if (n == 0)
			break;
		at += n;
	}
	return at;
}

/* Characters that change how their neighbours are shown, or that cannot be seen. */
static bool
is_invisible(uint32_t code)
{
	static const struct {
		uint32_t first, last;
	} ranges[] = {
		{ 0x80, 0x9f },       /* C1 controls */
		{ 0xad, 0xad },       /* soft hyphen */
		{ 0x61c, 0x61c },     /* arabic letter mark */
		{ 0x115f, 0x1160 },   /* hangul fillers */
		{ 0x180e, 0x180e },   /* mongolian vowel separator */
		{ 0x200b, 0x200f },   /* zero width, direction marks */
		{ 0x2028, 0x202e },   /* line separators, bidirectional embeddings and overrides */
		{ 0x2060, 0x206f },   /* word joiner, bidirectional isolates, deprecated controls */
		{ 0x3164, 0x3164 },   /* hangul filler */
		{ 0xfeff, 0xfeff },   /* byte order mark */
		{ 0xffa0, 0xffa0 },   /* halfwidth hangul filler */
		{ 0xfff0, 0xfffb },   /* interlinear annotation */
		{ 0xe0000, 0xe0fff }, /* tags, variation selectors */
	};

	for (size_t i = 0; i < ARRAY_LEN(ranges); i++) {
		if (code <= ranges[i].last)
			return code >= ranges[i].first;
	}
	return false;
}

void
text_add_safe(struct buf *b, const char *text, size_t length)
{
	uint32_t code = 0;

	for (size_t at = 0; at < length;) {
		size_t n = unicode_decode(text + at, length - at, &code);

		if (n == 1 && code == '\n')
			buf_add_text(b, "\\n");
		else if (n == 0 || code < 0x20 || code == 0x7f)
			buf_printf(b, "\\x%02x", (unsigned int)(unsigned char)text[at]);
		else if (is_invisible(code))
			buf_printf(b, "\\u{%04x}", code);
		else
			buf_add(b, text + at, n);
		at += n ? n : 1;
	}
}

char *
text_safe(const char *text)
{
	struct buf b = { 0 };

	text_add_safe(&b, text, strlen(text));
	return buf_steal(&b);
}
