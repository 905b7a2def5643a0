/* SPDX-License-Identifier: Apache-2.0 */
/*
 * images - croze images: what is in the store, as docker images lists it.
 */
#include "builder/cli/commands.h"
#include "builder/cli/show.h"
#include "builder/image/reference.h"
#include "runtime/base/mem.h"
#include "runtime/base/text.h"

#include <fnmatch.h>
#include <stddef.h>

struct images_flags {
	const char *root;
	const char *format;
	struct strv filters;
	bool all;
	bool digests;
	bool quiet;
	bool no_trunc;
};

#define MEMBER(name) offsetof(struct images_flags, name)

const struct option_def images_option_table[] = {
	{ .name = "all",
	    .short_name = 'a',
	    .type = OPTION_FLAG,
	    .offset = MEMBER(all),
	    .help = "images without a name too" },
	{ .name = "digests",
	    .type = OPTION_FLAG,
	    .offset = MEMBER(digests),
	    .help = "show digests of manifests" },
	{ .name = "filter",
	    .short_name = 'f',
	    .type = OPTION_LIST,
	    .offset = MEMBER(filters),
	    .argument = "KEY=VALUE",
	    .help = "dangling=true|false, reference=PATTERN, label=KEY[=VALUE]" },
	{ .name = "format",
	    .type = OPTION_TEXT,
	    .offset = MEMBER(format),
	    .argument = "FORMAT",
	    .help = "table, json, or a template such as '{{.Repository}}:{{.Tag}}'" },
	{ .name = "no-trunc",
	    .type = OPTION_FLAG,
	    .offset = MEMBER(no_trunc),
	    .help = "show whole IDs" },
	{ .name = "quiet",
	    .short_name = 'q',
	    .type = OPTION_FLAG,
	    .offset = MEMBER(quiet),
	    .help = "show IDs only" },
	ROOT_OPTION,
	{ 0 },
};

struct row {
	const struct store_name *name;
	char *repository;
	char *tag;
	struct image image;
	bool
	    loaded; /* @image is valid; of an index it is the one for this machine, else the first */
};

static void
row_release(struct row *row)
{
	free(row->repository);
	free(row->tag);
	if (row->loaded)
		image_release(&row->image);
}

static void
row_name(struct row *row)
{
	struct error ignored = ERROR_INIT;
	auto(reference) struct reference r = { 0 };
	autofree char *text = NULL;
	char *colon;

	row->repository = xstrdup("<none>");
	row->tag = xstrdup("<none>");
	if (row->name->name == NULL)
		return;
	free(row->repository);
	if (reference_parse(row->name->name, &r, &ignored) < 0 || r.tag == NULL) {
		row->repository = xstrdup(row->name->name);
		return;
	}
	text = reference_short(&r);
	colon = strrchr(text, ':');
	row->repository = colon != NULL ? xstrndup(text, (size_t)(colon - text)) : xstrdup(text);
	free(row->tag);
	row->tag = xstrdup(r.tag);
}

/* ---- filters ---- */

static bool
label_matches(const struct row *row, const char *wanted)
{
	const char *equals = strchr(wanted, '=');
	autofree char *key =
	    equals != NULL ? xstrndup(wanted, (size_t)(equals - wanted)) : xstrdup(wanted);
	const char *value = row->loaded ? image_config_label(&row->image.config, key) : NULL;

	return value != NULL && (equals == NULL || strcmp(value, equals + 1) == 0);
}

static bool
reference_matches(const struct row *row, const char *pattern)
{
	autofree char *text = xasprintf("%s:%s", row->repository, row->tag);

	return fnmatch(pattern, text, 0) == 0 || fnmatch(pattern, row->repository, 0) == 0;
}

/* Returns 1 when @row is to be shown, 0, or -1. */
static int
passes(const struct images_flags *flags, const struct row *row, struct error *e)
{
	bool show = true;

	for (size_t i = 0; i < flags->filters.count; i++) {
		const char *filter = flags->filters.items[i];

		if (strcmp(filter, "dangling=true") == 0)
			show = show && row->name->name == NULL;
		else if (strcmp(filter, "dangling=false") == 0)
			show = show && row->name->name != NULL;
		else if (text_starts_with(filter, "reference="))
			show = show && reference_matches(row, filter + strlen("reference="));
		else if (text_starts_with(filter, "label="))
			show = show && label_matches(row, filter + strlen("label="));
		else
			return error_set(e, ERR_USAGE,
			    "--filter: '%s' is not supported; there are dangling, reference, label",
			    filter);
	}
	return show;
}

/* A word limits the list to one repository, or one name, or a pattern of them. */
static bool
wanted(const struct row *row, const struct strv *words)
{
	for (size_t i = 0; i < words->count; i++)
		if (reference_matches(row, words->items[i]))
			return true;
	return words->count == 0;
}

/* ---- rows ---- */

static void
add_id(struct buf *b, const struct images_flags *flags, const struct row *row)
{
	const struct digest *id =
	    row->loaded ? &row->image.manifest.config.digest : &row->name->digest;
	char text[DIGEST_TEXT_LEN + 1];

	buf_add_text(b, flags->no_trunc ? digest_text(id, text) : show_short_id(id, text));
}

static struct json *
row_json(struct store *store, const struct images_flags *flags, const struct row *row)
{
	struct json *object = json_new_object();
	char text[DIGEST_TEXT_LEN + 1];
	auto(buf) struct buf b = { 0 };
	struct show_size size = { 0 };
	auto(strv) struct strv platforms = { 0 };

	json_set_text(object, "Repository", row->repository);
	json_set_text(object, "Tag", row->tag);
	add_id(&b, flags, row);
	json_set_text(object, "ID", buf_text(&b));
	json_set_text(object, "Digest", digest_text(&row->name->digest, text));
	buf_clear(&b);
	show_add_age(&b, row->loaded && row->image.config.has_created, &row->image.config.created);
	json_set_text(object, "CreatedSince", buf_text(&b));
	buf_clear(&b);
	if (row->loaded && row->image.config.has_created)
		text_add_rfc3339(&b, &row->image.config.created);
	json_set_text(object, "CreatedAt", buf_text(&b));
	buf_clear(&b);
	if (row->loaded)
		show_image_size(store, &row->image, &size);
	show_add_size(&b, &size);
	json_set_text(object, "Size", row->loaded ? buf_text(&b) : "N/A");
	show_platforms(store, &row->name->digest, &platforms);
	json_set(object, "Platforms", json_new_strv(&platforms));
	return object;
}

static void
add_cells(struct table *table, const struct images_flags *flags, const struct json *row)
{
	table_add(table, json_text(json_get(row, "Repository")));
	table_add(table, json_text(json_get(row, "Tag")));
	if (flags->digests)
		table_add(table, json_text(json_get(row, "Digest")));
	table_add(table, json_text(json_get(row, "ID")));
	table_add(table, json_text(json_get(row, "CreatedSince")));
	table_add(table, json_text(json_get(row, "Size")));
}

static void
add_headings(struct table *table, const struct images_flags *flags)
{
	static const char *const headings[] = { "REPOSITORY", "TAG", "DIGEST", "IMAGE ID",
		"CREATED", "SIZE" };

	table->n_columns = flags->digests ? 6 : 5;
	for (size_t i = 0; i < ARRAY_LEN(headings); i++)
		if (flags->digests || strcmp(headings[i], "DIGEST") != 0)
			table_add(table, headings[i]);
}

static int
show_row(struct store *store, const struct images_flags *flags, const struct row *row,
    struct table *table, struct buf *b, struct error *e)
{
	autojson struct json *object = row_json(store, flags, row);
	int printed;

	if (flags->quiet) {
		buf_printf(b, "%s\n", json_text(json_get(object, "ID")));
		return 0;
	}
	printed = show_format_row(flags->format, object, b, e);
	if (printed == 0)
		add_cells(table, flags, object);
	return printed < 0 ? -1 : 0;
}

static int
show_name(struct store *store, const struct images_flags *flags, const struct strv *words,
    const struct store_name *name, struct table *table, struct buf *b, struct error *e)
{
	struct row row = { .name = name };
	struct error ignored = ERROR_INIT;
	int result;

	row_name(&row);
	row.loaded = image_load_any(store, &name->digest, &row.image, &ignored) == 0;
	result = wanted(&row, words) ? passes(flags, &row, e) : 0;
	if (result > 0)
		result = show_row(store, flags, &row, table, b, e);
	row_release(&row);
	return result;
}

static int
list(void *arg, const struct strv *words, struct buf *b, struct error *e)
{
	const struct images_flags *flags = arg;
	auto(table) struct table table = { 0 };
	auto(store_names) struct store_names names = { 0 };
	autostore struct store *store = store_open(flags->root, STORE_READ_ONLY, e);
	bool as_table =
	    !flags->quiet && (flags->format == NULL || strcmp(flags->format, "table") == 0);

	/* A store that was never made has no images. */
	if (store == NULL && e->kind != ERR_NOT_FOUND)
		return -1;
	if (store != NULL && store_names_list(store, &names, e) < 0)
		return -1;
	add_headings(&table, flags);
	for (size_t i = 0; i < names.count; i++) {
		if (names.items[i].name == NULL && !flags->all && flags->filters.count == 0)
			continue;
		if (show_name(store, flags, words, &names.items[i], &table, b, e) < 0)
			return -1;
	}
	if (as_table)
		table_write(&table, b);
	return 0;
}

int
images_main(int argc, char **argv, const struct command *self)
{
	struct images_flags flags = { 0 };
	int status = command_perform(self, argc, argv, &flags, list);

	strv_release(&flags.filters);
	return status;
}
