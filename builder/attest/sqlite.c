/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sqlite - the rows of one table of an SQLite database, read as "Database File Format" describes it.
 *
 * No more than that is understood: tables that are b-trees by row number, of which one column of bytes is wanted. Pages
 * that are visited are counted, so that a tree that bites its tail ends. What stands in a write-ahead log is not seen.
 */
#include "builder/attest/parsers.h"
#include "runtime/base/mem.h"

#include <string.h>

#define HEAD 100
#define PAYLOAD_MAX (256U << 20)
#define DEPTH_MAX 20
#define COLUMNS_MAX 100

enum page_type {
	PAGE_INTERIOR = 5,
	PAGE_LEAF = 13,
};

struct database {
	const struct file_range *file;
	uint32_t page_size;
	uint32_t usable; /* of a page */
	uint64_t n_pages;
	uint64_t visited;
	struct error *e;
};

typedef int row_fn(void *arg, struct database *db, const unsigned char *row, size_t length);

static int
damaged(struct database *db, const char *what)
{
	return error_set(db->e, ERR_INPUT, "a damaged SQLite database: %s", what);
}

static uint32_t
number(const unsigned char *bytes, size_t width)
{
	uint32_t value = 0;

	for (size_t n = 0; n < width; n++)
		value = value << 8 | bytes[n];
	return value;
}

/* A number of one to nine bytes, seven bits in each but the ninth; how many, 0 when it does not end. */
static size_t
varint(const unsigned char *bytes, size_t left, uint64_t *value)
{
	*value = 0;
	for (size_t n = 0; n < 9 && n < left; n++) {
		if (n == 8) {
			*value = *value << 8 | bytes[n];
			return 9;
		}
		*value = *value << 7 | (bytes[n] & 0x7f);
		if (!(bytes[n] & 0x80))
			return n + 1;
	}
	return 0;
}

static int
read_page(struct database *db, uint64_t page, unsigned char *bytes)
{
	if (page == 0 || page > db->n_pages)
		return damaged(db, "a page that is not there");
	if (++db->visited > 2 * db->n_pages + DEPTH_MAX)
		return damaged(db, "its pages go in a circle");
	if (file_range_read(db->file, (page - 1) * db->page_size, bytes, db->page_size) !=
	    db->page_size)
		return damaged(db, "it ends within a page");
	return 0;
}

/* ---- one row ---- */

/* How many bytes of @size stand in the leaf itself. */
static uint64_t
local_size(const struct database *db, uint64_t size)
{
	uint64_t least = (db->usable - 12) * 32 / 255 - 23, most = db->usable - 35;
	uint64_t size_of_rest;

	if (size <= most)
		return size;
	size_of_rest = least + (size - least) % (db->usable - 4);
	return size_of_rest <= most ? size_of_rest : least;
}

/* The rest of a row, in a chain of pages. */
static int
read_overflow(struct database *db, uint64_t page, unsigned char *to, uint64_t left)
{
	autofree unsigned char *bytes = xmalloc(db->page_size);

	while (left > 0) {
		uint64_t part = left < db->usable - 4 ? left : db->usable - 4;

		if (read_page(db, page, bytes) < 0)
			return -1;
		memcpy(to, bytes + 4, part);
		to += part;
		left -= part;
		page = number(bytes, 4);
	}
	return 0;
}

static int
read_cell(struct database *db, const unsigned char *page, size_t at, row_fn *fn, void *arg)
{
	autofree unsigned char *row = NULL;
	uint64_t size, id, local;
	size_t n, m;

	n = varint(page + at, db->usable - at, &size);
	m = n ? varint(page + at + n, db->usable - at - n, &id) : 0;
	if (m == 0 || size > PAYLOAD_MAX || size > db->file->size)
		return damaged(db, "a row that cannot be");
	at += n + m;
	local = local_size(db, size);
	if (local > db->usable - at || (local < size && local + 4 > db->usable - at))
		return damaged(db, "a row that leaves its page");
	row = xmalloc(size + 1);
	memcpy(row, page + at, local);
	if (local < size &&
	    read_overflow(db, number(page + at + local, 4), row + local, size - local) < 0)
		return -1;
	return fn(arg, db, row, (size_t)size);
}

/* ---- a tree ---- */

static int
walk(struct database *db, uint64_t page, int depth, row_fn *fn, void *arg)
{
	autofree unsigned char *bytes = xmalloc(db->page_size);
	size_t start = page == 1 ? HEAD : 0, head, count;

	if (depth > DEPTH_MAX)
		return damaged(db, "its trees are too deep");
	if (read_page(db, page, bytes) < 0)
		return -1;
	if (bytes[start] != PAGE_INTERIOR && bytes[start] != PAGE_LEAF)
		return damaged(db, "a page of an unknown type");
	head = bytes[start] == PAGE_INTERIOR ? 12 : 8;
	count = number(bytes + start + 3, 2);
	if (start + head + 2 * count > db->usable)
		return damaged(db, "a page with too many rows");
	for (size_t n = 0; n < count; n++) {
		size_t at = number(bytes + start + head + 2 * n, 2);

		if (at + 4 > db->usable)
			return damaged(db, "a row outside its page");
		if (bytes[start] == PAGE_LEAF
			? read_cell(db, bytes, at, fn, arg) < 0
			: walk(db, number(bytes + at, 4), depth + 1, fn, arg) < 0)
			return -1;
	}
	return head == 12 ? walk(db, number(bytes + start + 8, 4), depth + 1, fn, arg) : 0;
}

/* ---- columns ---- */

struct column {
	const unsigned char *bytes;
	size_t length;
	uint64_t type;
};

/* How long a value is, by its serial type. */
static uint64_t
value_size(uint64_t type)
{
	static const uint8_t sizes[12] = { 0, 1, 2, 3, 4, 6, 8, 8, 0, 0, 0, 0 };

	return type < 12 ? sizes[type] : (type - 12) / 2;
}

/* The columns of a row, at most @max; how many, 0 for a damaged row. */
static size_t
split_row(const unsigned char *row, size_t length, struct column *columns, size_t max)
{
	uint64_t head;
	size_t at = varint(row, length, &head), value, count = 0;

	if (at == 0 || head > length || head < at)
		return 0;
	value = (size_t)head;
	while (at < head && count < max) {
		struct column *c = &columns[count++];
		size_t n = varint(row + at, (size_t)head - at, &c->type);

		if (n == 0 || value_size(c->type) > length - value)
			return 0;
		at += n;
		c->bytes = row + value;
		c->length = (size_t)value_size(c->type);
		value += c->length;
	}
	return count;
}

static bool
is_text(const struct column *c, const char *text)
{
	return c->length == strlen(text) && memcmp(c->bytes, text, c->length) == 0;
}

struct search {
	const char *table;
	uint64_t root; /* 0: not found */
};

/* sqlite_schema: type, name, tbl_name, rootpage, sql */
static int
find_table(void *arg, struct database *db, const unsigned char *row, size_t length)
{
	struct search *search = arg;
	struct column columns[5];

	(void)db;
	if (split_row(row, length, columns, 5) < 4 || !is_text(&columns[0], "table") ||
	    !is_text(&columns[1], search->table) || columns[3].length > 4)
		return 0;
	search->root = number(columns[3].bytes, columns[3].length);
	return 0;
}

struct blobs {
	void (*fn)(void *arg, const unsigned char *bytes, size_t length);
	void *arg;
};

/* The first column of bytes is the one. */
static int
give_blob(void *arg, struct database *db, const unsigned char *row, size_t length)
{
	const struct blobs *blobs = arg;
	struct column columns[COLUMNS_MAX];
	size_t count = split_row(row, length, columns, COLUMNS_MAX);

	if (count == 0)
		return damaged(db, "a row without columns");
	for (size_t n = 0; n < count; n++) {
		if (columns[n].type < 12 || columns[n].type % 2 != 0)
			continue;
		blobs->fn(blobs->arg, columns[n].bytes, columns[n].length);
		return 0;
	}
	return 0;
}

int
sqlite_each_blob(const struct file_range *file, const char *table,
    void (*fn)(void *arg, const unsigned char *bytes, size_t length), void *arg, struct error *e)
{
	struct database db = { .file = file, .e = e };
	struct blobs blobs = { fn, arg };
	struct search search = { .table = table };
	unsigned char head[HEAD];

	if (file_range_read(file, 0, head, HEAD) != HEAD ||
	    memcmp(head, "SQLite format 3", 16) != 0)
		return error_set(e, ERR_INPUT, "it is no SQLite database");
	db.page_size = number(head + 16, 2);
	if (db.page_size == 1)
		db.page_size = 65536;
	if (db.page_size < 512 || (db.page_size & (db.page_size - 1)) != 0 || head[20] > 32)
		return damaged(&db, "its pages have no size");
	db.usable = db.page_size - head[20];
	db.n_pages = file->size / db.page_size;
	if (walk(&db, 1, 0, find_table, &search) < 0)
		return -1;
	if (search.root == 0)
		return error_set(e, ERR_INPUT, "it has no table '%s'", table);
	return walk(&db, search.root, 0, give_blob, &blobs);
}
