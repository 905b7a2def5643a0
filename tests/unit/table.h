/* SPDX-License-Identifier: Apache-2.0 */
/*
 * table - tests whose cases are the lines of a file: fields between tabs, ";;" begins a comment.
 */
#ifndef CROZE_TESTS_TABLE_H
#define CROZE_TESTS_TABLE_H

#include "runtime/base/buf.h"
#include "runtime/base/fd.h"
#include "runtime/base/mem.h"
#include "runtime/base/strv.h"
#include "runtime/base/text.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/unit.h"

/** Reads tests/data/@name into @b. */
static inline void
data_read(const char *name, struct buf *b)
{
	const char *source = getenv("CROZE_SOURCE");
	autofree char *path = xasprintf("%s/tests/data/%s", source ? source : ".", name);
	struct error e = ERROR_INIT;
	autofd int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		fail_msg("cannot open %s (is CROZE_SOURCE the top of the source?)", path);
	assert_ok(fd_read_all(fd, b, 64U << 20, path, &e), &e);
}

/**
 * Calls @check for each case of tests/data/@name, or when @section is not NULL for those below the comment that begins with it.
 * It gets at least @n_fields fields; missing ones are empty. Returns how many there were.
 */
static inline size_t
table_run_section(const char *name, const char *section, size_t n_fields,
    void (*check)(char *const *fields, size_t line))
{
	autofree char *heading = section ? xasprintf(";; %s ", section) : NULL;
	bool in_it = !section;
	auto(buf) struct buf b = { 0 };
	auto(strv) struct strv lines = { 0 };
	size_t count = 0;

	data_read(name, &b);
	strv_split(&lines, buf_text(&b), '\n');
	for (size_t n = 0; n < lines.count; n++) {
		auto(strv) struct strv fields = { 0 };

		if (heading && text_starts_with(lines.items[n], ";;"))
			in_it = text_starts_with(lines.items[n], heading);
		if (!in_it || lines.items[n][0] == '\0' || text_starts_with(lines.items[n], ";;"))
			continue;
		strv_split(&fields, lines.items[n], '\t');
		while (fields.count < n_fields)
			strv_add(&fields, "");
		check(strv_array(&fields), n + 1);
		count++;
	}
	return count;
}

/** table_run_section() of all sections */
static inline size_t
table_run(const char *name, size_t n_fields, void (*check)(char *const *fields, size_t line))
{
	return table_run_section(name, NULL, n_fields, check);
}

#endif
