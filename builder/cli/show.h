/* SPDX-License-Identifier: Apache-2.0 */
/*
 * show - what commands have in common when they print: tables, ages, sizes, JSON rows and Go's templates.
 */
#ifndef CROZE_BUILDER_CLI_SHOW_H
#define CROZE_BUILDER_CLI_SHOW_H

#include "builder/import/resolve.h"
#include "runtime/base/buf.h"
#include "runtime/base/json.h"
#include "runtime/base/strv.h"

#include <time.h>

/** A table as docker prints it: columns as wide as their widest cell, three blanks between. */
struct table {
	size_t n_columns;
	struct strv cells; /* row by row, the headings first */
};

void table_release(struct table *t);
/** Adds a cell that is made safe for terminals. */
void table_add(struct table *t, const char *text);
void table_write(const struct table *t, struct buf *b);

/** "3 hours ago", "2 weeks ago"; "N/A" without a time. */
void show_add_age(struct buf *b, bool known, const struct timespec *time);
/** First 12 hexadecimal digits. */
const char *show_short_id(const struct digest *d, char text[DIGEST_TEXT_LEN + 1]);

/** Appends a text for each image of @digest that is in the store: "linux/amd64"; attestations are none. */
void show_platforms(struct store *store, const struct digest *digest, struct strv *platforms);
/** Does @name stand for @image, directly or as the one for this machine among several platforms? */
bool show_name_is(struct store *store, const struct store_name *name, const struct image *image);

/** Sizes of an image, or of one layer of it. */
struct show_size {
	uint64_t packed;   /* of the blobs */
	uint64_t unpacked; /* of the files, as far as the store knows what the layers hold */
	bool complete;     /* @unpacked is of all layers */
};

void show_image_size(struct store *store, const struct image *image, struct show_size *size);
void show_layer_size(
    struct store *store, const struct image *image, size_t layer, struct show_size *size);
/** The size of the files, or "9.4 MB packed" when that is not known. */
void show_add_size(struct buf *b, const struct show_size *size);

/**
 * --format of listings. "table" or NULL: 0; "json": prints @row as one line; else a template: prints it. Returns 1 when printed.
 * ERR_USAGE for a template that is not understood.
 */
int show_format_row(const char *format, const struct json *row, struct buf *b, struct error *e);
/**
 * A template of Go's: text, {{.Name.Name}}, {{json .Name}}, {{index .Name "key"}}, and \t and \n. The rest of that language is
 * ERR_USAGE.
 */
int show_template(const char *format, const struct json *value, struct buf *b, struct error *e);

/* The option that all commands with a store have. Their structs begin with `const char *root`. */
#define ROOT_OPTION                                                                             \
	{                                                                                       \
		.name = "root", .type = OPTION_TEXT, .offset = 0, .argument = "DIR",            \
		.group = "Store",                                                               \
		.help = "of images and cache (default: $CROZE_ROOT, else ~/.local/share/croze)" \
	}

#endif
