/* SPDX-License-Identifier: Apache-2.0 */
/*
 * history - croze history: the instructions an image was made by, the latest first.
 */
#include "builder/cli/commands.h"
#include "builder/cli/show.h"
#include "builder/progress/terminal.h"
#include "runtime/base/mem.h"
#include "runtime/base/text.h"

#include <stddef.h>
#include <unistd.h>

#define CREATED_BY_COLUMNS 45

struct history_flags {
	const char *root;
	const char *format;
	bool no_trunc;
	bool quiet;
};

#define MEMBER(name) offsetof(struct history_flags, name)

const struct option_def history_option_table[] = {
	{ .name = "format",
	    .type = OPTION_TEXT,
	    .offset = MEMBER(format),
	    .argument = "FORMAT",
	    .help = "table, json, or a template such as '{{.CreatedBy}}'" },
	{ .name = "no-trunc",
	    .type = OPTION_FLAG,
	    .offset = MEMBER(no_trunc),
	    .help = "show whole instructions and IDs" },
	{ .name = "quiet",
	    .short_name = 'q',
	    .type = OPTION_FLAG,
	    .offset = MEMBER(quiet),
	    .help = "show IDs only" },
	{ .name = "human",
	    .short_name = 'H',
	    .type = OPTION_REFUSED,
	    .refused = "not needed: sizes are for people; --format json for programs" },
	ROOT_OPTION,
	{ 0 },
};

static struct json *
row_json(struct store *store, const struct history_flags *flags, const struct image *image,
    const struct history *row, size_t layer, const char *id)
{
	struct json *object = json_new_object();
	auto(buf) struct buf b = { 0 };
	auto(buf) struct buf short_text = { 0 };
	struct terminal terminal;
	struct show_size size = { .complete = true };

	terminal_init(&terminal, STDOUT_FILENO);
	json_set_text(object, "ID", id);
	show_add_age(&b, row->has_created, &row->created);
	json_set_text(object, "CreatedSince", buf_text(&b));
	buf_clear(&b);
	if (row->has_created)
		text_add_rfc3339(&b, &row->created);
	json_set_text(object, "CreatedAt", buf_text(&b));
	buf_clear(&b);
	if (row->created_by != NULL)
		text_add_safe(&b, row->created_by, strlen(row->created_by));
	text_add_clipped(&short_text, buf_text(&b),
	    flags->no_trunc ? (unsigned)b.len : CREATED_BY_COLUMNS, &terminal);
	json_set_text(object, "CreatedBy", buf_text(&short_text));
	buf_clear(&b);
	if (!row->empty_layer)
		show_layer_size(store, image, layer, &size);
	show_add_size(&b, &size);
	json_set_text(object, "Size", buf_text(&b));
	json_set_text(object, "Comment", row->comment != NULL ? row->comment : "");
	return object;
}

static int
show_row(const struct history_flags *flags, const struct json *row, struct table *table,
    struct buf *b, struct error *e)
{
	static const char *const members[] = { "ID", "CreatedSince", "CreatedBy", "Size",
		"Comment" };
	int printed;

	if (flags->quiet) {
		buf_printf(b, "%s\n", json_text(json_get(row, "ID")));
		return 0;
	}
	printed = show_format_row(flags->format, row, b, e);
	if (printed != 0)
		return printed < 0 ? -1 : 0;
	for (size_t i = 0; i < ARRAY_LEN(members); i++)
		table_add(table, json_text(json_get(row, members[i])));
	return 0;
}

static int
show_image(struct store *store, const struct history_flags *flags, const struct image *image,
    struct buf *b, struct error *e)
{
	static const char *const headings[] = { "IMAGE", "CREATED", "CREATED BY", "SIZE",
		"COMMENT" };
	const struct digest *digest = &image->manifest.config.digest;
	auto(table) struct table table = { .n_columns = ARRAY_LEN(headings) };
	size_t layer = image->manifest.n_layers;
	char text[DIGEST_TEXT_LEN + 1];
	const char *id = flags->no_trunc ? digest_text(digest, text) : show_short_id(digest, text);

	for (size_t i = 0; i < ARRAY_LEN(headings); i++)
		table_add(&table, headings[i]);
	for (size_t i = image->config.n_history; i-- > 0;) {
		const struct history *row = &image->config.history[i];
		autojson struct json *object = NULL;

		if (!row->empty_layer && layer > 0)
			layer--;
		object = row_json(store, flags, image, row, layer, id);
		if (show_row(flags, object, &table, b, e) < 0)
			return -1;
		id = "<missing>";
	}
	if (!flags->quiet && (flags->format == NULL || strcmp(flags->format, "table") == 0))
		table_write(&table, b);
	return 0;
}

static int
history(void *arg, const struct strv *words, struct buf *b, struct error *e)
{
	const struct history_flags *flags = arg;
	auto(image) struct image image = { 0 };
	autostore struct store *store = NULL;

	if (words->count != 1)
		return error_set(e, ERR_USAGE, "name one image");
	store = store_open(flags->root, STORE_READ_ONLY, e);
	if (store == NULL || image_resolve(store, words->items[0], NULL, &image, e) < 0)
		return -1;
	image_config_align_history(&image.config);
	return show_image(store, flags, &image, b, e);
}

int
history_main(int argc, char **argv, const struct command *self)
{
	struct history_flags flags = { 0 };

	return command_perform(self, argc, argv, &flags, history);
}
