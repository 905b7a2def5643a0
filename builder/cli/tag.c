/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tag - croze tag: another name for an image.
 */
#include "builder/cli/commands.h"
#include "builder/cli/show.h"
#include "builder/image/reference.h"
#include "runtime/base/mem.h"

struct tag_flags {
	const char *root;
};

const struct option_def root_option_table[] = {
	ROOT_OPTION,
	{ 0 },
};

/* What SOURCE stands for: an index stays one, so that no platform is lost. */
static int
find_source(struct store *store, const char *text, struct store_name *found, struct error *e)
{
	struct error ignored = ERROR_INIT;
	auto(reference) struct reference r = { 0 };
	auto(image) struct image image = { 0 };

	if (!image_is_outside(text) && reference_parse(text, &r, &ignored) == 0 &&
	    r.digest == NULL) {
		autofree char *name = reference_text(&r);
		int there = store_name_get(store, name, found, e);

		if (there != 0)
			return there < 0 ? -1 : 0;
	}
	if (image_resolve(store, text, NULL, &image, e) < 0)
		return -1;
	found->media_type = xstrdup(image.descriptor.media_type);
	found->digest = image.descriptor.digest;
	found->size = image.descriptor.size;
	return 0;
}

static int
tag(void *arg, const struct strv *words, struct buf *b, struct error *e)
{
	const struct tag_flags *flags = arg;
	auto(store_name) struct store_name entry = { 0 };
	auto(reference) struct reference target = { 0 };
	autostore struct store *store = NULL;

	(void)b; /* nothing is printed */
	if (words->count != 2)
		return error_set(e, ERR_USAGE, "two names are wanted: SOURCE and TARGET");
	if (reference_parse(words->items[1], &target, e) < 0)
		return -1;
	if (target.digest != NULL)
		return error_set(
		    e, ERR_USAGE, "'%s' has a digest; a tag has none", words->items[1]);
	store = store_open(flags->root, 0, e);
	if (store == NULL || find_source(store, words->items[0], &entry, e) < 0)
		return -1;
	free(entry.name);
	free(entry.short_name);
	entry.name = reference_text(&target);
	entry.short_name = reference_short(&target);
	return store_name_set(store, &entry, e);
}

int
tag_main(int argc, char **argv, const struct command *self)
{
	struct tag_flags flags = { 0 };

	return command_perform(self, argc, argv, &flags, tag);
}
