/* SPDX-License-Identifier: Apache-2.0 */
/*
 * show - what commands have in common when they print: tables, ages, sizes and JSON rows.
 */
#include "builder/cli/show.h"

#include "builder/image/index.h"

#include "builder/layer/listing.h"
#include "builder/progress/terminal.h"
#include "runtime/base/fd.h"
#include "runtime/base/mem.h"
#include "runtime/base/options.h"
#include "runtime/base/text.h"

#include <sys/stat.h>
#include <unistd.h>

#define GAP 3

/* ---- tables ---- */

void
table_release(struct table *t)
{
	strv_release(&t->cells);
}

void
table_add(struct table *t, const char *text)
{
	strv_take(&t->cells, text_safe(text));
}

static unsigned
column_width(const struct table *t, size_t column)
{
	unsigned widest = 0;

	for (size_t i = column; i < t->cells.count; i += t->n_columns) {
		unsigned columns = text_columns(t->cells.items[i], strlen(t->cells.items[i]));

		if (columns > widest)
			widest = columns;
	}
	return widest;
}

void
table_write(const struct table *t, struct buf *b)
{
	autofree unsigned *widths = xcalloc(t->n_columns, sizeof(*widths));

	for (size_t i = 0; i < t->n_columns; i++)
		widths[i] = column_width(t, i);
	for (size_t i = 0; i < t->cells.count; i++) {
		const char *text = t->cells.items[i];
		size_t column = i % t->n_columns;

		buf_add_text(b, text);
		if (column + 1 == t->n_columns)
			buf_add_char(b, '\n');
		else
			buf_printf(b, "%*s",
			    (int)(widths[column] - text_columns(text, strlen(text)) + GAP), "");
	}
}

/* ---- ages and ids ---- */

void
show_add_age(struct buf *b, bool known, const struct timespec *time_of)
{
	static const struct {
		int64_t below, unit;
		const char *name;
	} steps[] = {
		{ 2 * 60, 1, "second" },
		{ 2 * 3600, 60, "minute" },
		{ 2 * 86400, 3600, "hour" },
		{ 14 * 86400, 86400, "day" },
		{ 62 * 86400, 7 * 86400, "week" },
		{ 730 * 86400LL, 30 * 86400, "month" },
		{ INT64_MAX, 365 * 86400, "year" },
	};
	int64_t age = (int64_t)time(NULL) - (int64_t)time_of->tv_sec;
	size_t i = 0;

	if (!known) {
		buf_add_text(b, "N/A");
		return;
	}
	if (age < 1) {
		buf_add_text(b, "Less than a second ago");
		return;
	}
	while (age >= steps[i].below)
		i++;
	age /= steps[i].unit;
	buf_printf(b, "%jd %s%s ago", (intmax_t)age, steps[i].name, age == 1 ? "" : "s");
}

const char *
show_short_id(const struct digest *d, char text[DIGEST_TEXT_LEN + 1])
{
	digest_hex(d, text);
	text[12] = '\0';
	return text;
}

static void
add_platform(const struct platform *platform, struct strv *platforms)
{
	auto(buf) struct buf text = { 0 };

	platform_add_text(&text, platform);
	if (text.len > 0)
		strv_add(platforms, buf_text(&text));
}

void
show_platforms(struct store *store, const struct digest *digest, struct strv *platforms)
{
	struct error ignored = ERROR_INIT; /* what cannot be read has none */
	auto(descriptor) struct descriptor d = { 0 };
	auto(image) struct image image = { 0 };
	auto(index) struct index index = { 0 };
	auto(buf) struct buf text = { 0 };

	if (image_describe(store, digest, &d, &ignored) < 0)
		return;
	if (media_class(d.media_type) != MEDIA_INDEX) {
		if (image_load(store, digest, NULL, &image, &ignored) == 0)
			add_platform(&image.config.platform, platforms);
		return;
	}
	if (store_blob_read(store, digest, JSON_MAX_BYTES, &text, &ignored) < 0 ||
	    index_parse(buf_text(&text), text.len, d.media_type, &index, &ignored) < 0)
		return;
	for (size_t i = 0; i < index.n_manifests; i++)
		if (!index_is_attestation(&index.manifests[i]) &&
		    store_blob_has(store, &index.manifests[i].digest))
			add_platform(&index.manifests[i].platform, platforms);
}

bool
show_name_is(struct store *store, const struct store_name *name, const struct image *image)
{
	struct error ignored = ERROR_INIT;
	auto(image) struct image other = { 0 };

	if (digest_equal(&name->digest, &image->descriptor.digest))
		return true;
	if (media_class(name->media_type) != MEDIA_INDEX ||
	    image_load_any(store, &name->digest, &other, &ignored) < 0)
		return false;
	return digest_equal(&other.descriptor.digest, &image->descriptor.digest);
}

/* ---- sizes ---- */

/* What the files of a layer take, from its listing. */
static bool
listed_size(struct store *store, const struct digest *diff_id, uint64_t *size)
{
	struct error ignored = ERROR_INIT;
	auto(buf) struct buf bytes = { 0 };
	autolisting struct listing *listing = NULL;

	if (store_listing_get(store, diff_id, &bytes, &ignored) != 1)
		return false;
	listing = listing_take(&bytes, &ignored);
	if (listing == NULL)
		return false;
	for (size_t i = 0; i < listing_count(listing); i++) {
		struct listing_item item;

		listing_at(listing, i, &item);
		if (S_ISREG(item.mode) && (item.flags & (LISTING_HARDLINK | LISTING_REMOVES)) == 0)
			*size += item.size;
	}
	return true;
}

void
show_layer_size(
    struct store *store, const struct image *image, size_t layer, struct show_size *size)
{
	*size = (struct show_size){ 0 };
	if (layer >= image->manifest.n_layers)
		return;
	size->packed = image->manifest.layers[layer].size;
	if (layer < image->config.n_diff_ids)
		size->complete =
		    listed_size(store, &image->config.diff_ids[layer], &size->unpacked);
}

void
show_image_size(struct store *store, const struct image *image, struct show_size *size)
{
	*size = (struct show_size){ .complete = true };
	for (size_t i = 0; i < image->manifest.n_layers; i++) {
		struct show_size one;

		show_layer_size(store, image, i, &one);
		size->packed += one.packed;
		size->unpacked += one.unpacked;
		size->complete = size->complete && one.complete;
	}
}

void
show_add_size(struct buf *b, const struct show_size *size)
{
	text_add_size(b, size->complete ? size->unpacked : size->packed);
	if (!size->complete)
		buf_add_text(b, " packed");
}

/* ---- output ---- */

int
show_format_row(const char *format, const struct json *row, struct buf *b, struct error *e)
{
	if (format == NULL || strcmp(format, "table") == 0)
		return 0;
	if (strcmp(format, "json") == 0)
		json_write(row, 0, b);
	else if (show_template(format, row, b, e) < 0)
		return -1;
	buf_add_char(b, '\n');
	return 1;
}
