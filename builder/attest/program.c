/* SPDX-License-Identifier: Apache-2.0 */
/*
 * program - what a program says of itself: Go's build information and package notes.
 *
 * Go (debug/buildinfo): a head of 32 bytes at an address divisible by 16, in the data of the program, then two texts with
 * their lengths before them (Go 1.18 and later), or in the head the addresses of the two.
 * Notes (UAPI.1, ELF package metadata): an ELF note of type 0xcafe1a7e and owner "FDO" whose content is JSON.
 */
#include "builder/attest/parsers.h"
#include "runtime/base/json.h"
#include "runtime/base/mem.h"
#include "runtime/base/path.h"
#include "runtime/base/text.h"

#include <elf.h>
#include <string.h>

#define WINDOW (1U << 20)
#define SEARCH_MAX (512ULL << 20)
#define INFO_TEXT_MAX (4U << 20)
#define NOTES_SIZE_MAX (1U << 20)
#define NOTE_PACKAGE 0xcafe1a7eU

#define GO_HEAD 32
static const unsigned char go_magic[14] = "\xff Go buildinf:";

struct program {
	const struct file_range *file;
	const struct elf_segments *segments;
	const char *path;
	struct inventory *inv;
};

static uint64_t
number(const struct program *p, const unsigned char *bytes, size_t width)
{
	uint64_t value = 0;

	for (size_t n = 0; n < width; n++)
		value = value << 8 | bytes[p->segments->is_big ? n : width - 1 - n];
	return value;
}

/* ---- Go: the two texts ---- */

/* The head in one segment; UINT64_MAX when it is not in it. */
static uint64_t
find_head(const struct program *p, const struct elf_segment *s)
{
	autofree unsigned char *window = xmalloc(WINDOW + GO_HEAD);
	uint64_t end = s->size < SEARCH_MAX ? s->size : SEARCH_MAX;

	for (uint64_t at = 0; at < end; at += WINDOW) {
		uint64_t rest = end - at;
		size_t length = rest < WINDOW + GO_HEAD ? (size_t)rest : WINDOW + GO_HEAD;
		size_t got = file_range_read(p->file, s->offset + at, window, length);
		const unsigned char *found = window;

		while ((found = memmem(
			    found, got - (size_t)(found - window), go_magic, sizeof(go_magic)))) {
			if ((s->address + at + (size_t)(found - window)) % 16 == 0)
				return s->offset + at + (size_t)(found - window);
			found++;
		}
		if (got < length)
			break;
	}
	return UINT64_MAX;
}

static bool
offset_of(const struct program *p, uint64_t address, uint64_t *offset)
{
	for (size_t n = 0; n < p->segments->count; n++) {
		const struct elf_segment *s = &p->segments->items[n];

		if (s->type != PT_LOAD || address < s->address || address - s->address >= s->size)
			continue;
		*offset = s->offset + (address - s->address);
		return true;
	}
	return false;
}

/* A length in groups of seven bits, and so many bytes. */
static bool
read_counted(const struct program *p, uint64_t *at, struct buf *text)
{
	uint64_t length = 0;

	for (unsigned shift = 0;; shift += 7) {
		unsigned char byte;

		if (shift > 28 || file_range_read(p->file, (*at)++, &byte, 1) != 1)
			return false;
		length |= (uint64_t)(byte & 0x7f) << shift;
		if (!(byte & 0x80))
			break;
	}
	if (length > INFO_TEXT_MAX)
		return false;
	buf_added(text, file_range_read(p->file, *at, buf_reserve(text, length), length));
	*at += length;
	return text->len == length;
}

/* The text that a header at @address points to: an address and a length. */
static bool
read_pointed(const struct program *p, uint64_t address, size_t width, struct buf *text)
{
	unsigned char head[16];
	uint64_t at, length;

	if (!offset_of(p, address, &at) ||
	    file_range_read(p->file, at, head, 2 * width) != 2 * width)
		return false;
	length = number(p, head + width, width);
	if (length > INFO_TEXT_MAX || !offset_of(p, number(p, head, width), &at))
		return length == 0;
	buf_added(text, file_range_read(p->file, at, buf_reserve(text, length), length));
	return text->len == length;
}

static bool
read_go(const struct program *p, uint64_t at, struct buf *version, struct buf *modules)
{
	unsigned char head[GO_HEAD];
	size_t width;

	if (file_range_read(p->file, at, head, sizeof(head)) != sizeof(head))
		return false;
	if (head[15] & 2) {
		at += GO_HEAD;
		return read_counted(p, &at, version) && read_counted(p, &at, modules);
	}
	width = head[14];
	if (width != 4 && width != 8)
		return false;
	return read_pointed(p, number(p, head + 16, width), width, version) &&
	       read_pointed(p, number(p, head + 16 + width, width), width, modules);
}

/* ---- Go: what they say ---- */

/* "path\tversion\tsum"; a development version is none. */
static void
set_module(struct package *p, const char *text, size_t length)
{
	autofree char *line = xstrndup(text, length);
	auto(strv) struct strv parts = { 0 };
	const char *slash;

	strv_split(&parts, line, '\t');
	package_release(p);
	p->type = PACKAGE_GOLANG;
	slash = strrchr(parts.items[0], '/');
	if (slash)
		package_set(&p->space, parts.items[0], (size_t)(slash - parts.items[0]));
	package_set_text(&p->name, slash ? slash + 1 : parts.items[0]);
	if (parts.count > 1 && strcmp(parts.items[1], "(devel)") != 0)
		package_set_text(&p->version, parts.items[1]);
}

static bool
begins(const struct text_line *line, const char *word, struct text_line *rest)
{
	size_t length = strlen(word);

	if (line->length < length || memcmp(line->text, word, length) != 0)
		return false;
	*rest = (struct text_line){ line->text + length, line->length - length };
	return true;
}

/* A module is added when the line after it does not replace it. */
static void
add_modules(const struct program *p, const struct buf *text)
{
	struct package module = { 0 };
	struct text_line line, rest;
	const char *at = buf_text(text);
	size_t left = text->len;

	if (left < 32) /* 16 bytes before and behind mark the text in memory */
		return;
	at += 16;
	left -= 32;
	while (text_line_next(&at, &left, &line)) {
		if (begins(&line, "mod\t", &rest) || begins(&line, "dep\t", &rest)) {
			inventory_add(p->inv, &module, p->path);
			set_module(&module, rest.text, rest.length);
		} else if (begins(&line, "=>\t", &rest) && rest.length > 0 && rest.text[0] != '.' &&
			   rest.text[0] != '/') {
			set_module(&module, rest.text, rest.length);
		}
	}
	inventory_add(p->inv, &module, p->path);
}

static void
add_go(const struct program *p, uint64_t at)
{
	struct package library = { .type = PACKAGE_GOLANG };
	auto(buf) struct buf version = { 0 };
	auto(buf) struct buf modules = { 0 };
	const char *text;

	if (!read_go(p, at, &version, &modules)) {
		inventory_note(p->inv, "%s: its Go build information cannot be read", p->path);
		return;
	}
	text = buf_text(&version);
	if (text_starts_with(text, "go1")) {
		package_set_text(&library.name, "stdlib");
		/* a version may be followed by the experiments it was built with */
		package_set(&library.version, text + 2, strcspn(text + 2, " "));
		package_set_text(&library.licence, "BSD-3-Clause");
		inventory_add(p->inv, &library, p->path);
	}
	add_modules(p, &modules);
}

static void
look_for_go(const struct program *p)
{
	for (size_t n = 0; n < p->segments->count; n++) {
		const struct elf_segment *s = &p->segments->items[n];
		uint64_t at;

		if (s->type != PT_LOAD || !(s->flags & PF_W))
			continue;
		at = find_head(p, s);
		if (at == UINT64_MAX)
			continue;
		add_go(p, at);
		return;
	}
}

/* ---- notes ---- */

static enum package_type
note_type(const char *text)
{
	static const enum package_type known[] = { PACKAGE_DEB, PACKAGE_APK, PACKAGE_RPM };

	for (size_t n = 0; text && n < ARRAY_LEN(known); n++)
		if (strcmp(text, package_type_name(known[n])) == 0)
			return known[n];
	return PACKAGE_GENERIC;
}

static void
take_note(const struct program *p, const unsigned char *bytes, size_t length)
{
	const char *text = (const char *)bytes;
	struct error problem = ERROR_INIT;
	autojson struct json *j = json_parse(text, strnlen(text, length), &problem);
	struct package package = { 0 };

	if (!j) {
		inventory_note(p->inv, "%s: its package note: %s", p->path, problem.text);
		return;
	}
	package.is_note = true;
	package.type = note_type(json_text(json_get(j, "type")));
	package_set_text(&package.space, json_text(json_get(j, "os")));
	package_set_text(&package.name, json_text(json_get(j, "name")));
	package_set_text(&package.version, json_text(json_get(j, "version")));
	package_set_text(&package.arch, json_text(json_get(j, "architecture")));
	inventory_add(p->inv, &package, p->path);
}

static size_t
padded(size_t length)
{
	return (length + 3) & ~(size_t)3;
}

static void
read_notes(const struct program *p, const struct elf_segment *s)
{
	size_t size = s->size < NOTES_SIZE_MAX ? (size_t)s->size : NOTES_SIZE_MAX;
	autofree unsigned char *bytes = xmalloc(size + 1);
	size_t left = file_range_read(p->file, s->offset, bytes, size);
	const unsigned char *at = bytes;

	while (left >= sizeof(Elf64_Nhdr)) {
		uint64_t name = number(p, at, 4), content = number(p, at + 4, 4);
		uint64_t type = number(p, at + 8, 4);
		uint64_t whole = 12 + padded((size_t)name);

		if (whole > left || content > left - whole)
			return;
		if (type == NOTE_PACKAGE && name == 4 && memcmp(at + 12, "FDO", 4) == 0)
			take_note(p, at + whole, (size_t)content);
		whole += padded((size_t)content);
		if (whole > left)
			return;
		at += whole;
		left -= whole;
	}
}

void
program_parse(const struct file_range *file, const char *path, struct inventory *inv)
{
	auto(elf_segments) struct elf_segments segments = { 0 };
	struct error ignored = ERROR_INIT; /* a damaged program says nothing of packages */
	struct program p = { .file = file, .segments = &segments, .path = path, .inv = inv };

	if (elf_read_segments(file, &segments, &ignored) <= 0)
		return;
	look_for_go(&p);
	for (size_t n = 0; n < segments.count; n++)
		if (segments.items[n].type == PT_NOTE)
			read_notes(&p, &segments.items[n]);
}
