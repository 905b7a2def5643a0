/* SPDX-License-Identifier: Apache-2.0 */
/*
 * terminal - what the stream that a display writes to can do: colours, UTF-8, size, and the width of text on it.
 *
 * Widths do not come from wcwidth(3): it depends on the locale of this host, and static programs have none. East Asian
 * wide and fullwidth characters and emoji take two columns (Unicode Standard Annex 11), combining marks none.
 */
#include "builder/progress/terminal.h"

#include "runtime/base/mem.h"
#include "runtime/base/text.h"

#include <stdint.h>
#include <strings.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define ESCAPE '\x1b'
#define TAB_STOP 8

static const char *const colour_codes[] = {
	[COLOUR_PLAIN] = "",
	[COLOUR_BOLD] = "\x1b[1m",
	[COLOUR_DIM] = "\x1b[2m",
	[COLOUR_RED] = "\x1b[31m",
	[COLOUR_GREEN] = "\x1b[32m",
	[COLOUR_YELLOW] = "\x1b[33m",
	[COLOUR_BLUE] = "\x1b[34m",
};

static bool
is_set(const char *name)
{
	const char *value = getenv(name);

	return value != NULL && *value != '\0';
}

static bool
locale_is_utf8(void)
{
	static const char *const names[] = { "LC_ALL", "LC_CTYPE", "LANG" };

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		const char *value = getenv(names[i]);

		if (value == NULL || *value == '\0')
			continue;
		return strcasestr(value, "utf-8") != NULL || strcasestr(value, "utf8") != NULL;
	}
	return false;
}

void
terminal_init(struct terminal *t, int fd)
{
	const char *term = getenv("TERM");
	const char *force = getenv("CLICOLOR_FORCE");
	bool dumb = term == NULL || *term == '\0' || strcmp(term, "dumb") == 0;

	*t = (struct terminal){ .fd = fd };
	t->is_tty = isatty(fd) == 1;
	t->utf8 = locale_is_utf8();
	t->colour = t->is_tty && !dumb;
	if (force != NULL && *force != '\0' && strcmp(force, "0") != 0)
		t->colour = true;
	if (is_set("NO_COLOR"))
		t->colour = false;
	terminal_measure(t);
}

static unsigned
size_from_environment(const char *name, unsigned otherwise)
{
	struct error ignored = ERROR_INIT;
	uint64_t value = 0;

	if (!is_set(name) || parse_u64(getenv(name), 1, 10000, name, &value, &ignored) < 0)
		return otherwise;
	return (unsigned)value;
}

void
terminal_measure(struct terminal *t)
{
	struct winsize size = { 0 };

	if (ioctl(t->fd, TIOCGWINSZ, &size) < 0)
		size = (struct winsize){ 0 };
	t->columns = size.ws_col != 0 ? size.ws_col : size_from_environment("COLUMNS", 80);
	t->rows = size.ws_row != 0 ? size.ws_row : size_from_environment("LINES", 24);
}

bool
terminal_can_redraw(const struct terminal *t)
{
	const char *term = getenv("TERM");

	return t->is_tty && term != NULL && *term != '\0' && strcmp(term, "dumb") != 0;
}

const char *
terminal_dot(const struct terminal *t)
{
	return t->utf8 ? " · " : ", ";
}

void
terminal_add(const struct terminal *t, struct buf *b, enum colour colour, const char *text)
{
	bool on = t->colour && colour != COLOUR_PLAIN;

	if (on)
		buf_add_text(b, colour_codes[colour]);
	buf_add_text(b, text);
	if (on)
		buf_add_text(b, "\x1b[0m");
}

/* Decodes one character of text that is known to be UTF-8; a stray byte counts as one. */
static size_t
decode(const unsigned char *text, size_t length, uint32_t *character)
{
	size_t more = 0;

	*character = text[0];
	if (text[0] >= 0xf0)
		more = 3;
	else if (text[0] >= 0xe0)
		more = 2;
	else if (text[0] >= 0xc0)
		more = 1;
	if (more == 0 || more >= length)
		return 1;
	*character = text[0] & (0x3fU >> more);
	for (size_t i = 1; i <= more; i++)
		*character = *character << 6 | (text[i] & 0x3fU);
	return more + 1;
}

static unsigned
character_columns(uint32_t c)
{
	static const struct {
		uint32_t first, last;
		unsigned columns;
	} ranges[] = {
		{ 0x0300, 0x036f, 0 },
		{ 0x1100, 0x115f, 2 },
		{ 0x1ab0, 0x1aff, 0 },
		{ 0x1dc0, 0x1dff, 0 },
		{ 0x20d0, 0x20ff, 0 },
		{ 0x2e80, 0x303e, 2 },
		{ 0x3041, 0xa4cf, 2 },
		{ 0xac00, 0xd7a3, 2 },
		{ 0xf900, 0xfaff, 2 },
		{ 0xfe00, 0xfe0f, 0 },
		{ 0xfe20, 0xfe2f, 0 },
		{ 0xfe30, 0xfe6f, 2 },
		{ 0xff00, 0xff60, 2 },
		{ 0xffe0, 0xffe6, 2 },
		{ 0x1f300, 0x1f64f, 2 },
		{ 0x1f680, 0x1f6ff, 2 },
		{ 0x1f900, 0x1f9ff, 2 },
		{ 0x20000, 0x3fffd, 2 },
	};

	for (size_t i = 0; i < ARRAY_LEN(ranges); i++)
		if (c >= ranges[i].first && c <= ranges[i].last)
			return ranges[i].columns;
	return 1;
}

unsigned
text_columns(const char *text, size_t length)
{
	const unsigned char *at = (const unsigned char *)text;
	const unsigned char *end = at + length;
	unsigned columns = 0;
	uint32_t c = 0;

	while (at < end) {
		at += decode(at, (size_t)(end - at), &c);
		columns += character_columns(c);
	}
	return columns;
}

/* The bytes of @text that fit in @columns. */
static size_t
fitting_length(const char *text, size_t length, unsigned columns, unsigned *taken)
{
	size_t at = 0;
	unsigned used = 0;

	while (at < length) {
		uint32_t c = 0;
		size_t step = decode((const unsigned char *)text + at, length - at, &c);
		unsigned width = character_columns(c);

		if (used + width > columns)
			break;
		used += width;
		at += step;
	}
	*taken = used;
	return at;
}

unsigned
text_add_clipped(struct buf *b, const char *text, unsigned columns, const struct terminal *t)
{
	const char *mark = t->utf8 ? "…" : "...";
	unsigned mark_columns = t->utf8 ? 1 : 3;
	size_t length = strlen(text);
	unsigned taken = 0;

	if (fitting_length(text, length, columns, &taken) == length) {
		buf_add(b, text, length);
		return taken;
	}
	if (columns < mark_columns)
		return 0;
	length = fitting_length(text, length, columns - mark_columns, &taken);
	buf_add(b, text, length);
	buf_add_text(b, mark);
	return taken + mark_columns;
}

/* How many bytes the escape sequence at @text takes (ECMA-48: CSI, OSC and the other string forms, two-byte ones). */
static size_t
escape_length(const char *text, size_t length)
{
	size_t at = 2;

	if (length < 2)
		return length;
	if (text[1] == '[') {
		while (at < length && (text[at] < 0x40 || text[at] > 0x7e))
			at++;
		return at < length ? at + 1 : length;
	}
	if (strchr("]PX^_", text[1]) != NULL) {
		while (at < length && text[at] != '\a' && text[at] != ESCAPE)
			at++;
		if (at < length && text[at] == ESCAPE)
			at++;
		return at < length ? at + 1 : length;
	}
	while (at - 1 < length && text[at - 1] >= 0x20 && text[at - 1] <= 0x2f)
		at++;
	return at < length ? at : length;
}

static void
add_without_escapes(struct buf *b, const char *line, size_t length)
{
	size_t at = 0;

	while (at < length) {
		if (line[at] == ESCAPE) {
			at += escape_length(line + at, length - at);
		} else if (line[at] == '\t') {
			unsigned column = text_columns(buf_text(b), b->len);

			buf_printf(b, "%*s", (int)(TAB_STOP - column % TAB_STOP), "");
			at++;
		} else {
			buf_add_char(b, line[at++]);
		}
	}
}

void
text_add_log_line(struct buf *b, const char *line, size_t length)
{
	auto(buf) struct buf clean = { 0 };
	const char *last;

	while (length > 0 && line[length - 1] == '\r')
		length--;
	last = memrchr(line, '\r', length);
	if (last != NULL) {
		length -= (size_t)(last + 1 - line);
		line = last + 1;
	}
	add_without_escapes(&clean, line, length);
	text_add_safe(b, buf_text(&clean), clean.len);
}
