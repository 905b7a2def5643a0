/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rmi - croze rmi: takes names away; what no name leads to any more is removed by croze prune.
 */
#include "builder/cli/commands.h"
#include "builder/cli/show.h"
#include "builder/image/reference.h"
#include "runtime/base/mem.h"
#include "runtime/base/text.h"

#include <stddef.h>

struct rmi_flags {
	const char *root;
	bool force;
};

const struct option_def rmi_option_table[] = {
	{ .name = "force",
	    .short_name = 'f',
	    .type = OPTION_FLAG,
	    .offset = offsetof(struct rmi_flags, force),
	    .help = "remove an image with several names; an image that is not there is no error" },
	{ .name = "no-prune",
	    .type = OPTION_REFUSED,
	    .refused = "not needed: layers stay until croze prune" },
	{ .name = "all",
	    .short_name = 'a',
	    .type = OPTION_REFUSED,
	    .refused = "use croze rmi $(croze images -q)" },
	ROOT_OPTION,
	{ 0 },
};

static void
add_untagged(struct buf *b, const char *name)
{
	struct error ignored = ERROR_INIT;
	auto(reference) struct reference r = { 0 };
	autofree char *text = NULL;

	if (reference_parse(name, &r, &ignored) == 0)
		text = reference_short(&r);
	buf_printf(b, "Untagged: %s\n", text != NULL ? text : name);
}

static size_t
count_names(struct store *store, const struct digest *digest)
{
	struct error ignored = ERROR_INIT;
	auto(store_names) struct store_names names = { 0 };
	size_t count = 0;

	if (store_names_list(store, &names, &ignored) < 0)
		return 0;
	for (size_t i = 0; i < names.count; i++)
		count += digest_equal(&names.items[i].digest, digest);
	return count;
}

static void
add_deleted(struct store *store, struct buf *b, const struct digest *digest)
{
	struct error ignored = ERROR_INIT;
	char text[DIGEST_TEXT_LEN + 1];
	auto(image) struct image image = { 0 };
	const struct digest *id = digest;

	if (count_names(store, digest) > 0)
		return;
	if (image_load_any(store, digest, &image, &ignored) == 0)
		id = &image.manifest.config.digest;
	buf_printf(b, "Deleted: %s\n", digest_text(id, text));
}

/* Returns 1 when @text was a name, 0 when it is none, -1. */
static int
remove_name(struct store *store, const char *text, struct buf *b, struct error *e)
{
	struct error ignored = ERROR_INIT;
	auto(reference) struct reference r = { 0 };
	auto(store_name) struct store_name entry = { 0 };
	autofree char *name = NULL;
	int there;

	if (reference_parse(text, &r, &ignored) < 0 || r.digest != NULL)
		return 0;
	name = reference_text(&r);
	there = store_name_get(store, name, &entry, e);
	if (there <= 0)
		return there;
	there = store_name_remove(store, name, e);
	if (there <= 0)
		return there;
	add_untagged(b, name);
	add_deleted(store, b, &entry.digest);
	return 1;
}

/* All entries that stand for @image go; what they stand for may be an index with other platforms. */
static int
remove_entries(struct store *store, const struct store_names *names, const struct image *image,
    struct buf *b, struct error *e)
{
	for (size_t i = 0; i < names->count; i++) {
		const struct store_name *entry = &names->items[i];
		auto(store_names) struct store_names removed = { 0 };

		if (!show_name_is(store, entry, image))
			continue;
		if (store_digest_remove(store, &entry->digest, &removed, e) < 0)
			return -1;
		for (size_t k = 0; k < removed.count; k++)
			if (removed.items[k].name != NULL)
				add_untagged(b, removed.items[k].name);
		if (removed.count > 0)
			add_deleted(store, b, &entry->digest);
	}
	return 0;
}

static int
remove_image(struct store *store, const char *text, bool force, struct buf *b, struct error *e)
{
	auto(image) struct image image = { 0 };
	auto(store_names) struct store_names names = { 0 };
	size_t count = 0;

	if (image_is_outside(text))
		return error_set(e, ERR_USAGE, "'%s' is not in the store", text);
	if (image_resolve(store, text, NULL, &image, e) < 0 ||
	    store_names_list(store, &names, e) < 0)
		return -1;
	for (size_t i = 0; i < names.count; i++)
		count += show_name_is(store, &names.items[i], &image);
	if (count == 0)
		return error_set(e, ERR_NOT_FOUND, "no name stands for '%s' alone", text);
	if (!force && count > 1) {
		error_set(e, ERR_USAGE, "'%s' has several names", text);
		return error_hint(e, "remove the names, or all of them with --force");
	}
	return remove_entries(store, &names, &image, b, e);
}

static int
remove_one(struct store *store, const char *text, bool force, struct buf *b, struct error *e)
{
	int result = remove_name(store, text, b, e);

	if (result == 0)
		result = remove_image(store, text, force, b, e);
	if (result < 0 && force && e->kind == ERR_NOT_FOUND) {
		error_clear(e);
		return 0;
	}
	return result < 0 ? -1 : 0;
}

/* All of them, as docker does, whatever happens to one; the exit status is that of the last error. */
static int
remove_all(const struct rmi_flags *flags, const struct strv *words)
{
	struct error e = ERROR_INIT;
	auto(buf) struct buf b = { 0 };
	autostore struct store *store = store_open(flags->root, 0, &e);
	int status = 0;

	if (store == NULL)
		return command_fail(&e);
	for (size_t i = 0; i < words->count; i++)
		if (remove_one(store, words->items[i], flags->force, &b, &e) < 0)
			status = command_fail(&e);
	if (command_print(&b) != 0 && status == 0)
		status = 1;
	return status;
}

int
rmi_main(int argc, char **argv, const struct command *self)
{
	struct rmi_flags flags = { 0 };
	auto(strv) struct strv words = { 0 };
	struct error e = ERROR_INIT;
	int result = options_parse(self, argc, argv, &flags, &words, &e);

	if (result > 0)
		return 0;
	if (result == 0 && words.count == 0)
		result = error_set(&e, ERR_USAGE, "name an image");
	return result < 0 ? command_fail(&e) : remove_all(&flags, &words);
}
