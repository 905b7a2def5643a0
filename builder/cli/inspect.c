/* SPDX-License-Identifier: Apache-2.0 */
/*
 * inspect - croze inspect: all that is known of images, in the members docker image inspect has.
 */
#include "builder/cli/commands.h"
#include "builder/cli/show.h"
#include "builder/image/reference.h"
#include "runtime/base/mem.h"
#include "runtime/base/text.h"

#include <stddef.h>

struct inspect_flags {
	const char *root;
	const char *format;
	const char *platform;
};

const struct option_def inspect_option_table[] = {
	{ .name = "format",
	    .short_name = 'f',
	    .type = OPTION_TEXT,
	    .offset = offsetof(struct inspect_flags, format),
	    .argument = "FORMAT",
	    .help = "json, or a template such as '{{json .Config}}'" },
	{ .name = "platform",
	    .type = OPTION_TEXT,
	    .offset = offsetof(struct inspect_flags, platform),
	    .argument = "OS/ARCH[/VARIANT]",
	    .help = "which image of an index (default: this machine's, else the first)" },
	{ .name = "type", .type = OPTION_REFUSED, .refused = "not needed: there are only images" },
	{ .name = "size",
	    .short_name = 's',
	    .type = OPTION_REFUSED,
	    .refused = "not needed: the size is always there" },
	ROOT_OPTION,
	{ 0 },
};

static bool
has_text(const struct json *array, const char *text)
{
	for (size_t i = 0; i < json_count(array); i++)
		if (strcmp(json_text(json_at(array, i)), text) == 0)
			return true;
	return false;
}

/* Names that stand for the image; with digests, as docker's RepoDigests. */
static void
add_names(struct store *store, const struct image *image, struct json *object)
{
	struct json *tags = json_set(object, "RepoTags", json_new_array());
	struct json *digests = json_set(object, "RepoDigests", json_new_array());
	struct error ignored = ERROR_INIT;
	auto(store_names) struct store_names names = { 0 };
	char text[DIGEST_TEXT_LEN + 1];

	if (store_names_list(store, &names, &ignored) < 0)
		return;
	for (size_t i = 0; i < names.count; i++) {
		auto(reference) struct reference r = { 0 };
		autofree char *name = NULL;
		autofree char *pinned = NULL;

		if (names.items[i].name == NULL || !show_name_is(store, &names.items[i], image) ||
		    reference_parse(names.items[i].name, &r, &ignored) < 0)
			continue;
		name = reference_short(&r);
		json_append(tags, json_new_text(name));
		free(r.tag);
		r.tag = NULL;
		free(r.digest);
		r.digest = xstrdup(digest_text(&image->descriptor.digest, text));
		pinned = reference_short(&r);
		if (!has_text(digests, pinned))
			json_append(digests, json_new_text(pinned));
	}
}

/* The members of the config file that docker shows at the top. */
static int
add_config(const struct image *image, struct json *object, struct error *e)
{
	static const struct {
		const char *from, *to;
	} members[] = {
		{ "created", "Created" },
		{ "author", "Author" },
		{ "config", "Config" },
		{ "architecture", "Architecture" },
		{ "variant", "Variant" },
		{ "os", "Os" },
	};
	auto(buf) struct buf text = { 0 };
	autojson struct json *config = NULL;

	image_config_write(&image->config, &text);
	config = json_parse(buf_text(&text), text.len, e);
	if (config == NULL)
		return -1;
	for (size_t i = 0; i < ARRAY_LEN(members); i++) {
		const struct json *value = json_get(config, members[i].from);

		if (value != NULL)
			json_set(object, members[i].to, json_copy(value));
	}
	return 0;
}

static void
add_layers(const struct image *image, struct json *object)
{
	struct json *rootfs = json_set(object, "RootFS", json_new_object());
	struct json *layers;
	char text[DIGEST_TEXT_LEN + 1];

	json_set_text(rootfs, "Type", "layers");
	layers = json_set(rootfs, "Layers", json_new_array());
	for (size_t i = 0; i < image->config.n_diff_ids; i++)
		json_append(layers, json_new_text(digest_text(&image->config.diff_ids[i], text)));
}

static struct json *
describe(struct store *store, const struct image *image, struct error *e)
{
	autojson struct json *object = json_new_object();
	char text[DIGEST_TEXT_LEN + 1];
	struct show_size size;

	json_set_text(object, "Id", digest_text(&image->manifest.config.digest, text));
	add_names(store, image, object);
	if (add_config(image, object, e) < 0)
		return NULL;
	show_image_size(store, image, &size);
	json_set(object, "Size", json_new_u64(size.complete ? size.unpacked : size.packed));
	json_set(object, "CompressedSize", json_new_u64(size.packed));
	add_layers(image, object);
	json_set(object, "Descriptor", descriptor_write(&image->descriptor));
	return steal_ptr(&object);
}

/* The index that @text stands for, and what it has; nothing when it is an image. */
static int
add_index(struct store *store, const char *text, struct json *object, struct error *e)
{
	auto(descriptor) struct descriptor d = { 0 };
	auto(strv) struct strv platforms = { 0 };

	if (image_find_target(store, text, &d, e) < 0)
		return -1;
	if (media_class(d.media_type) != MEDIA_INDEX)
		return 0;
	show_platforms(store, &d.digest, &platforms);
	json_set(object, "Index", descriptor_write(&d));
	json_set(object, "Platforms", json_new_strv(&platforms));
	return 0;
}

static int
find(struct store *store, const struct inspect_flags *flags, const char *text, struct image *image,
    struct error *e)
{
	auto(platform) struct platform wanted = { 0 };
	auto(descriptor) struct descriptor d = { 0 };

	if (image_is_outside(text)) {
		error_set(e, ERR_USAGE, "'%s' is not in the store", text);
		return error_hint(e, "croze copy %s NAME, or skopeo inspect", text);
	}
	if (flags->platform == NULL)
		return image_find_target(store, text, &d, e) < 0
		           ? -1
		           : image_load_any(store, &d.digest, image, e);
	if (platform_parse(flags->platform, &wanted, e) < 0)
		return error_ctx(e, "--platform");
	if (image_resolve(store, text, &wanted, image, e) < 0)
		return -1;
	if (image_check_platform(image, &wanted, e) < 0)
		return error_ctx(e, "'%s'", text);
	return 0;
}

static int
inspect(void *arg, const struct strv *words, struct buf *b, struct error *e)
{
	const struct inspect_flags *flags = arg;
	bool as_json = flags->format == NULL || strcmp(flags->format, "json") == 0;
	autostore struct store *store = NULL;
	autojson struct json *all = json_new_array();

	if (words->count == 0)
		return error_set(e, ERR_USAGE, "name an image");
	store = store_open(flags->root, STORE_READ_ONLY, e);
	if (store == NULL)
		return -1;
	for (size_t i = 0; i < words->count; i++) {
		auto(image) struct image image = { 0 };
		struct json *object;

		if (find(store, flags, words->items[i], &image, e) < 0)
			return -1;
		object = describe(store, &image, e);
		if (object == NULL)
			return -1;
		if (add_index(store, words->items[i], object, e) < 0) {
			json_free(object);
			return -1;
		}
		json_append(all, object);
		if (as_json)
			continue;
		if (show_template(flags->format, object, b, e) < 0)
			return -1;
		buf_add_char(b, '\n');
	}
	if (as_json)
		json_write(all, JSON_INDENT, b);
	return 0;
}

int
inspect_main(int argc, char **argv, const struct command *self)
{
	struct inspect_flags flags = { 0 };

	return command_perform(self, argc, argv, &flags, inspect);
}
