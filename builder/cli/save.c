/* SPDX-License-Identifier: Apache-2.0 */
/*
 * save - croze save: images as an archive that docker load, skopeo and podman read, or as an OCI layout.
 */
#include "builder/cli/commands.h"
#include "builder/cli/show.h"
#include "builder/import/resolve.h"
#include "builder/output/output.h"
#include "runtime/base/mem.h"
#include "runtime/base/text.h"

#include <stddef.h>
#include <unistd.h>

struct save_flags {
	const char *root;
	const char *output;
	const char *format;
};

#define MEMBER(name) offsetof(struct save_flags, name)

const struct option_def save_option_table[] = {
	{ .name = "output",
	    .short_name = 'o',
	    .type = OPTION_TEXT,
	    .offset = MEMBER(output),
	    .argument = "PATH",
	    .help = "where to (default: standard output)" },
	{ .name = "format",
	    .type = OPTION_CHOICE,
	    .offset = MEMBER(format),
	    .choices = "hybrid|oci-archive|docker-archive|oci-dir",
	    .help = "hybrid, the default, is read by all that read archives" },
	{ .name = "compress", .type = OPTION_REFUSED, .refused = "layers are compressed already" },
	{ .name = "multi-image-archive",
	    .short_name = 'm',
	    .type = OPTION_REFUSED,
	    .refused = "not needed: several images go into one archive" },
	{ .name = "platform",
	    .type = OPTION_REFUSED,
	    .refused = "not needed: a name is saved with all its platforms" },
	{ .name = "quiet",
	    .short_name = 'q',
	    .type = OPTION_REFUSED,
	    .refused = "not needed: nothing is printed" },
	ROOT_OPTION,
	{ 0 },
};

static const struct {
	const char *name;
	enum output_format format;
	bool directory;
} formats[] = {
	{ "hybrid", OUTPUT_HYBRID, false },
	{ "oci-archive", OUTPUT_OCI, false },
	{ "docker-archive", OUTPUT_DOCKER, false },
	{ "oci-dir", OUTPUT_OCI, true },
};

/* The target of a name as it is, with all its platforms; anything else that names an image has one. */
static int
find_image(struct store *store, const char *text, struct output_image *image, struct error *e)
{
	struct error ignored = ERROR_INIT;
	auto(reference) struct reference r = { 0 };
	auto(store_name) struct store_name entry = { 0 };
	auto(image) struct image found = { 0 };
	autofree char *name = NULL;

	if (!image_is_outside(text) && reference_parse(text, &r, &ignored) == 0 &&
	    r.digest == NULL) {
		int there;

		name = reference_text(&r);
		there = store_name_get(store, name, &entry, e);
		if (there < 0)
			return -1;
		if (there > 0) {
			image->digest = entry.digest;
			strv_add(&image->names, name);
			return 0;
		}
	}
	if (image_resolve(store, text, NULL, &found, e) < 0)
		return -1;
	image->digest = found.descriptor.digest;
	return 0;
}

static int
set_target(const struct save_flags *flags, struct output_target *target, enum output_format *format,
    struct error *e)
{
	size_t i = 0;

	while (flags->format != NULL && strcmp(flags->format, formats[i].name) != 0)
		i++;
	*format = formats[i].format;
	target->directory = formats[i].directory;
	target->dest = flags->output != NULL ? flags->output : "-";
	target->stream = STDOUT_FILENO;
	if (strcmp(target->dest, "-") != 0)
		return 0;
	if (target->directory)
		return error_set(e, ERR_USAGE, "--format=oci-dir needs a directory: --output DIR");
	if (isatty(STDOUT_FILENO) == 1)
		return error_set(e, ERR_USAGE,
		    "an archive is not written to a terminal; add --output FILE or redirect it");
	return 0;
}

static int
save(void *arg, const struct strv *words, struct buf *b, struct error *e)
{
	const struct save_flags *flags = arg;
	autofree struct output_image *images = xcalloc(words->count + 1, sizeof(*images));
	struct output_target target = { 0 };
	enum output_format format;
	autostore struct store *store = NULL;
	int result = 0;

	(void)b; /* what goes to the standard output is no text */
	if (words->count == 0)
		return error_set(e, ERR_USAGE, "name an image");
	if (set_target(flags, &target, &format, e) < 0)
		return -1;
	store = store_open(flags->root, STORE_READ_ONLY, e);
	if (store == NULL)
		return -1;
	for (size_t i = 0; i < words->count && result == 0; i++)
		result = find_image(store, words->items[i], &images[i], e);
	if (result == 0)
		result = output_images(store, format, images, words->count, &target, e);
	for (size_t i = 0; i < words->count; i++)
		output_image_release(&images[i]);
	return result;
}

int
save_main(int argc, char **argv, const struct command *self)
{
	struct save_flags flags = { 0 };

	return command_perform(self, argc, argv, &flags, save);
}
