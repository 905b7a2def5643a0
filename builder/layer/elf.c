/* SPDX-License-Identifier: Apache-2.0 */
/*
 * elf - what a program needs to be started.
 */
#include "builder/layer/elf.h"

#include "runtime/base/mem.h"

#include <elf.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#define HEADERS_MAX 1024
#define DYNAMIC_MAX 4096
#define TEXT_MAX 4096
#define NEEDED_MAX 1000
#define WINDOW (1U << 20)
#define SEARCH_MAX 256

void
elf_release(struct elf *elf)
{
	free(elf->interpreter);
	strv_release(&elf->needed);
	strv_release(&elf->runpath);
	*elf = (struct elf){ 0 };
}

size_t
file_range_read(const struct file_range *r, uint64_t at, void *bytes, size_t length)
{
	size_t done = 0;

	if (at >= r->size)
		return 0;
	if (length > r->size - at)
		length = (size_t)(r->size - at);
	while (done < length) {
		ssize_t got = pread(
		    r->fd, (char *)bytes + done, length - done, (off_t)(r->offset + at + done));

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			break;
		done += (size_t)got;
	}
	return done;
}

uint32_t
file_range_search(const struct file_range *r, const struct file_text *texts)
{
	autofree char *window = xmalloc(WINDOW + SEARCH_MAX);
	uint32_t found = 0;
	uint64_t at = 0;
	size_t got;

	/* Windows overlap, so that a text across two of them is found. */
	while ((got = file_range_read(r, at, window, WINDOW + SEARCH_MAX)) > 0) {
		for (size_t n = 0; texts[n].bytes; n++)
			if (!(found & 1U << n) &&
			    memmem(window, got, texts[n].bytes, texts[n].length))
				found |= 1U << n;
		at += WINDOW;
	}
	return found;
}

/* ---- numbers, in the order and width of the file ---- */

struct reader {
	const struct file_range *file;
	bool is_64;
	bool is_big; /* most significant byte first */
};

static uint64_t
number(const struct reader *r, const unsigned char *bytes, size_t width)
{
	uint64_t value = 0;

	for (size_t n = 0; n < width; n++)
		value = value << 8 | bytes[r->is_big ? n : width - 1 - n];
	return value;
}

/* Members of the structures that are used, for 32 and 64 bits. */
struct member {
	size_t at32, width32, at64, width64;
};

#define MEMBER(type, name)                                                          \
	{                                                                           \
		offsetof(Elf32_##type, name), sizeof(((Elf32_##type *)0)->name),    \
		    offsetof(Elf64_##type, name), sizeof(((Elf64_##type *)0)->name) \
	}

static const struct member ehdr_machine = MEMBER(Ehdr, e_machine);
static const struct member ehdr_phoff = MEMBER(Ehdr, e_phoff);
static const struct member ehdr_phentsize = MEMBER(Ehdr, e_phentsize);
static const struct member ehdr_phnum = MEMBER(Ehdr, e_phnum);
static const struct member phdr_type = MEMBER(Phdr, p_type);
static const struct member phdr_offset = MEMBER(Phdr, p_offset);
static const struct member phdr_vaddr = MEMBER(Phdr, p_vaddr);
static const struct member phdr_filesz = MEMBER(Phdr, p_filesz);
static const struct member phdr_flags = MEMBER(Phdr, p_flags);
static const struct member dyn_tag = MEMBER(Dyn, d_tag);
static const struct member dyn_val = MEMBER(Dyn, d_un.d_val);

static uint64_t
member(const struct reader *r, const unsigned char *structure, const struct member *m)
{
	return r->is_64 ? number(r, structure + m->at64, m->width64)
	                : number(r, structure + m->at32, m->width32);
}

static int
damaged(struct error *e, const char *what)
{
	return error_set(e, ERR_INPUT, "a damaged ELF file: %s", what);
}

/* ---- program headers ---- */

struct segments {
	unsigned char *bytes;
	size_t count;
	size_t size; /* of one */
};

static const unsigned char *
segment(const struct segments *s, size_t n)
{
	return s->bytes + n * s->size;
}

static int
read_segments(
    const struct reader *r, const unsigned char *head, struct segments *s, struct error *e)
{
	size_t wanted = r->is_64 ? sizeof(Elf64_Phdr) : sizeof(Elf32_Phdr);

	s->count = (size_t)member(r, head, &ehdr_phnum);
	s->size = (size_t)member(r, head, &ehdr_phentsize);
	if (s->count == 0)
		return 0;
	if (s->count > HEADERS_MAX || s->size < wanted || s->size > 1024)
		return damaged(e, "its program headers cannot be");
	s->bytes = xmalloc(s->count * s->size);
	if (file_range_read(r->file, member(r, head, &ehdr_phoff), s->bytes, s->count * s->size) !=
	    s->count * s->size)
		return damaged(e, "it ends within the program headers");
	return 0;
}

/* Where the bytes of address @address stand in the file; false when nowhere. */
static bool
offset_of(const struct reader *r, const struct segments *s, uint64_t address, uint64_t *offset)
{
	for (size_t n = 0; n < s->count; n++) {
		const unsigned char *p = segment(s, n);
		uint64_t start = member(r, p, &phdr_vaddr);

		if (member(r, p, &phdr_type) != PT_LOAD || address < start ||
		    address - start >= member(r, p, &phdr_filesz))
			continue;
		*offset = member(r, p, &phdr_offset) + (address - start);
		return true;
	}
	return false;
}

/* The text at @at, up to its NUL; NULL when it has none within @length bytes. To be freed. */
static char *
read_text(const struct reader *r, uint64_t at, uint64_t length)
{
	autofree char *text = xmalloc(TEXT_MAX);
	size_t got =
	    file_range_read(r->file, at, text, length < TEXT_MAX ? (size_t)length : TEXT_MAX);

	return memchr(text, '\0', got) ? xstrdup(text) : NULL;
}

/* ---- the dynamic section ---- */

struct dynamic {
	uint64_t strings; /* offset in the file */
	uint64_t strings_size;
	uint64_t address;
	uint64_t runpath, rpath; /* offsets in the strings; UINT64_MAX: none */
	uint64_t needed[NEEDED_MAX];
	size_t n_needed;
};

static void
take_entry(struct dynamic *d, uint64_t tag, uint64_t value)
{
	switch (tag) {
	case DT_STRTAB:
		d->address = value;
		break;
	case DT_STRSZ:
		d->strings_size = value;
		break;
	case DT_RUNPATH:
		d->runpath = value;
		break;
	case DT_RPATH:
		d->rpath = value;
		break;
	case DT_NEEDED:
		if (d->n_needed < NEEDED_MAX)
			d->needed[d->n_needed++] = value;
		break;
	default:
		break;
	}
}

static void
read_entries(const struct reader *r, const unsigned char *segment_head, struct dynamic *d)
{
	size_t size = r->is_64 ? sizeof(Elf64_Dyn) : sizeof(Elf32_Dyn);
	uint64_t at = member(r, segment_head, &phdr_offset);
	uint64_t count = member(r, segment_head, &phdr_filesz) / size;

	for (uint64_t n = 0; n < count && n < DYNAMIC_MAX; n++) {
		unsigned char entry[sizeof(Elf64_Dyn)];
		uint64_t tag;

		if (file_range_read(r->file, at + n * size, entry, size) != size)
			return;
		tag = member(r, entry, &dyn_tag);
		if (tag == DT_NULL)
			return;
		take_entry(d, tag, member(r, entry, &dyn_val));
	}
}

static char *
dynamic_text(const struct reader *r, const struct dynamic *d, uint64_t at)
{
	if (at >= d->strings_size)
		return NULL;
	return read_text(r, d->strings + at, d->strings_size - at);
}

static int
read_dynamic(const struct reader *r, const struct segments *s, const unsigned char *head,
    struct elf *elf, struct error *e)
{
	autofree struct dynamic *d = xcalloc(1, sizeof(*d));
	autofree char *path = NULL;

	d->runpath = UINT64_MAX;
	d->rpath = UINT64_MAX;
	read_entries(r, head, d);
	if (d->n_needed == 0 && d->runpath == UINT64_MAX && d->rpath == UINT64_MAX)
		return 0;
	if (!offset_of(r, s, d->address, &d->strings))
		return damaged(e, "the names of its libraries are nowhere");
	for (size_t n = 0; n < d->n_needed; n++) {
		char *name = dynamic_text(r, d, d->needed[n]);

		if (!name)
			return damaged(e, "the name of a library does not end");
		strv_take(&elf->needed, name);
	}
	path = dynamic_text(r, d, d->runpath != UINT64_MAX ? d->runpath : d->rpath);
	if (path)
		strv_split(&elf->runpath, path, ':');
	return 0;
}

static int
read_parts(const struct reader *r, const struct segments *s, struct elf *elf, struct error *e)
{
	for (size_t n = 0; n < s->count; n++) {
		const unsigned char *p = segment(s, n);
		uint64_t type = member(r, p, &phdr_type);

		if (type == PT_INTERP && !elf->interpreter) {
			elf->interpreter =
			    read_text(r, member(r, p, &phdr_offset), member(r, p, &phdr_filesz));
			if (!elf->interpreter)
				return damaged(e, "the name of its interpreter does not end");
		}
		if (type == PT_DYNAMIC && elf->needed.count == 0 &&
		    read_dynamic(r, s, p, elf, e) < 0)
			return -1;
	}
	return 0;
}

/* 1, 0 when it is no ELF file, -1. */
static int
read_head(const struct file_range *file, struct reader *r, unsigned char *head, struct error *e)
{
	size_t got = file_range_read(file, 0, head, sizeof(Elf64_Ehdr));

	*r = (struct reader){ .file = file };
	if (got < SELFMAG || memcmp(head, ELFMAG, SELFMAG) != 0)
		return 0;
	if (got < EI_NIDENT)
		return damaged(e, "its header cannot be");
	r->is_64 = head[EI_CLASS] == ELFCLASS64;
	r->is_big = head[EI_DATA] == ELFDATA2MSB;
	if ((!r->is_64 && head[EI_CLASS] != ELFCLASS32) ||
	    (!r->is_big && head[EI_DATA] != ELFDATA2LSB) ||
	    got < (r->is_64 ? sizeof(Elf64_Ehdr) : sizeof(Elf32_Ehdr)))
		return damaged(e, "its header cannot be");
	return 1;
}

/* Returns 1 with @segments, whose bytes are to be freed; 0 when it is no ELF file; -1. */
static int
read_begin(const struct file_range *file, struct reader *r, unsigned char *head,
    struct segments *segments, struct error *e)
{
	int ok = read_head(file, r, head, e);

	if (ok <= 0)
		return ok;
	if (read_segments(r, head, segments, e) == 0)
		return 1;
	free(segments->bytes);
	return -1;
}

int
elf_read(const struct file_range *file, struct elf *elf, struct error *e)
{
	unsigned char head[sizeof(Elf64_Ehdr)] = { 0 };
	struct segments segments = { 0 };
	struct reader r;
	int ok = read_begin(file, &r, head, &segments, e);

	*elf = (struct elf){ 0 };
	if (ok <= 0)
		return ok;
	elf->is_64 = r.is_64;
	elf->machine = (uint16_t)member(&r, head, &ehdr_machine);
	ok = read_parts(&r, &segments, elf, e);
	free(segments.bytes);
	if (ok < 0)
		elf_release(elf);
	return ok < 0 ? -1 : 1;
}

void
elf_segments_release(struct elf_segments *s)
{
	free(s->items);
	*s = (struct elf_segments){ 0 };
}

int
elf_read_segments(const struct file_range *file, struct elf_segments *s, struct error *e)
{
	unsigned char head[sizeof(Elf64_Ehdr)] = { 0 };
	struct segments segments = { 0 };
	struct reader r;
	int ok = read_begin(file, &r, head, &segments, e);

	*s = (struct elf_segments){ 0 };
	if (ok <= 0)
		return ok;
	s->is_64 = r.is_64;
	s->is_big = r.is_big;
	s->items = xcalloc(segments.count + 1, sizeof(*s->items));
	for (; s->count < segments.count; s->count++) {
		const unsigned char *p = segment(&segments, s->count);

		s->items[s->count] = (struct elf_segment){
			.type = (uint32_t)member(&r, p, &phdr_type),
			.flags = (uint32_t)member(&r, p, &phdr_flags),
			.offset = member(&r, p, &phdr_offset),
			.address = member(&r, p, &phdr_vaddr),
			.size = member(&r, p, &phdr_filesz),
		};
	}
	free(segments.bytes);
	return 1;
}

const char *
elf_architecture(const struct elf *elf)
{
	static const struct {
		uint16_t machine;
		bool is_64;
		const char *name;
	} known[] = {
		{ EM_X86_64, true, "amd64" },
		{ EM_386, false, "386" },
		{ EM_AARCH64, true, "arm64" },
		{ EM_ARM, false, "arm" },
		{ EM_PPC64, true, "ppc64le" },
		{ EM_S390, true, "s390x" },
		{ EM_RISCV, true, "riscv64" },
		{ EM_MIPS, true, "mips64le" },
	};

	for (size_t n = 0; n < ARRAY_LEN(known); n++)
		if (known[n].machine == elf->machine && known[n].is_64 == elf->is_64)
			return known[n].name;
	return NULL;
}
