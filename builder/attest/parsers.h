/* SPDX-License-Identifier: Apache-2.0 */
/*
 * parsers - the files that say what is installed, one reader for each kind.
 *
 * Each is given a stranger's file and adds what it finds to the list; what it cannot read it notes there. None of them
 * opens a file: they run in a process that could not.
 */
#ifndef CROZE_ATTEST_PARSERS_H
#define CROZE_ATTEST_PARSERS_H

#include "builder/attest/package.h"
#include "builder/layer/elf.h"

/** @path is where it was found, without leading '/'. */
typedef void parse_fn(const struct file_range *file, const char *path, struct inventory *inv);

parse_fn dpkg_parse;     /* var/lib/dpkg/status, or a file of status.d (dpkg's deb-control(5)) */
parse_fn apk_parse;      /* lib/apk/db/installed (apk-package(5)) */
parse_fn rpm_parse;      /* rpmdb.sqlite */
parse_fn rpm_refuse;     /* other forms of rpm's database: noted, not read */
parse_fn npm_parse;      /* package.json of an installed package */
parse_fn npm_parse_lock; /* package-lock.json, node_modules/.package-lock.json */
parse_fn python_parse;   /* METADATA or PKG-INFO (core metadata) */
parse_fn program_parse;  /* an ELF file: Go's build information, package notes */
parse_fn os_release_parse;

/** rpm.c: one header of rpm's database, as it stands there. @location is the database's. */
void rpm_parse_header(
    const unsigned char *bytes, size_t length, const char *location, struct inventory *inv);

/**
 * Calls @fn with the value of the column "blob" of each row of table @table of an SQLite database (file format 3).
 * ERR_INPUT for what is none.
 */
int sqlite_each_blob(const struct file_range *file, const char *table,
    void (*fn)(void *arg, const unsigned char *bytes, size_t length), void *arg, struct error *e);

/** Appends the whole file; false, with a note, when it has more than @max bytes. */
bool parse_whole(const struct file_range *file, const char *path, size_t max, struct buf *text,
    struct inventory *inv);

/** A line without its end. */
struct text_line {
	const char *text;
	size_t length;
};
/** The lines of a whole file, one after the other. */
struct text_lines {
	struct buf text;
	const char *at;
	size_t left;
};
void text_lines_release(struct text_lines *l);
/** As parse_whole(). */
bool text_lines_open(struct text_lines *l, const struct file_range *file, const char *path,
    size_t max, struct inventory *inv);
bool text_lines_next(struct text_lines *l, struct text_line *line);
/** The next line of the text at *@at, of which *@left bytes are left; false at the end. */
bool text_line_next(const char **at, size_t *left, struct text_line *line);
/** Is @line "NAME: value", in any case of letters? @value gets what follows the colon. */
bool text_line_field(const struct text_line *line, const char *name, struct text_line *value);

#endif
