/* SPDX-License-Identifier: Apache-2.0 */
/*
 * copy - croze copy: an image from anywhere to anywhere, through the store, with its digest.
 */
#include "builder/cli/commands.h"
#include "builder/cli/registry_flags.h"
#include "builder/cli/show.h"
#include "builder/output/output.h"
#include "runtime/base/mem.h"
#include "runtime/base/text.h"

#include <stddef.h>
#include <string.h>
#include <unistd.h>

struct copy_flags {
	struct registry_flags registry;
	const char *from_creds;
	const char *to_creds;
	const char *from_tls;
	const char *to_tls;
	const char *platform;
	bool all;
};

#define MEMBER(name) offsetof(struct copy_flags, name)

const struct option_def copy_option_table[] = {
	{ .name = "all",
	    .short_name = 'a',
	    .type = OPTION_FLAG,
	    .offset = MEMBER(all),
	    .help = "all images of an index, and the index itself" },
	{ .name = "platform",
	    .type = OPTION_TEXT,
	    .offset = MEMBER(platform),
	    .argument = "OS/ARCH",
	    .help = "which image of an index (default: this machine's)" },
	QUIET_OPTION("print the digest only"),
	{ .name = "src-creds",
	    .type = OPTION_TEXT,
	    .offset = MEMBER(from_creds),
	    .argument = "USER:PASSWORD",
	    .group = REGISTRY_GROUP,
	    .help = "for the registry that it comes from" },
	{ .name = "dest-creds",
	    .type = OPTION_TEXT,
	    .offset = MEMBER(to_creds),
	    .argument = "USER:PASSWORD",
	    .group = REGISTRY_GROUP,
	    .help = "for the registry that it goes to" },
	{ .name = "src-tls-verify",
	    .type = OPTION_CHOICE,
	    .offset = MEMBER(from_tls),
	    .argument = "BOOL",
	    .choices = "true|false",
	    .bare = "true",
	    .group = REGISTRY_GROUP,
	    .help = "as --tls-verify, where it comes from" },
	{ .name = "dest-tls-verify",
	    .type = OPTION_CHOICE,
	    .offset = MEMBER(to_tls),
	    .argument = "BOOL",
	    .choices = "true|false",
	    .bare = "true",
	    .group = REGISTRY_GROUP,
	    .help = "as --tls-verify, where it goes to" },
	{ .name = "format", .type = OPTION_REFUSED, .refused = "the manifest goes as it is" },
	{ .name = "preserve-digests", .type = OPTION_REFUSED, .refused = "digests always stay" },
	REGISTRY_OPTIONS,
	ROOT_OPTION,
	{ 0 },
};

static const struct {
	const char *prefix;
	enum output_format format;
	bool directory;
} archives[] = {
	{ "oci:", OUTPUT_OCI, true },
	{ "oci-archive:", OUTPUT_OCI, false },
	{ "docker-archive:", OUTPUT_DOCKER, false },
};

static bool
is_registry(const char *text)
{
	return text_starts_with(text, "docker://");
}

/* The stores of other programs are theirs; each has a way of its own to take an archive. */
static int
refuse_foreign(const char *text, struct error *e)
{
	static const struct {
		const char *prefix;
		const char *instead;
	} foreign[] = {
		{ "containers-storage:",
		    "croze save NAME | podman load; podman save NAME | croze load" },
		{ "docker-daemon:",
		    "croze save NAME | docker load; docker save NAME | croze load" },
		{ "dir:", "oci:DIR keeps the same in a form that more tools read" },
	};

	for (size_t i = 0; i < ARRAY_LEN(foreign); i++) {
		if (!text_starts_with(text, foreign[i].prefix))
			continue;
		error_set(e, ERR_USAGE, "'%s' is not supported", foreign[i].prefix);
		return error_hint(e, "%s", foreign[i].instead);
	}
	return 0;
}

static struct registry *
open_registry(const struct copy_flags *flags, const char *creds, const char *tls,
    struct registry_display *display, struct error *e)
{
	struct registry_flags own = flags->registry;

	if (creds != NULL)
		own.creds = creds;
	if (tls != NULL)
		own.tls_verify = tls;
	return registry_flags_open(&own, display, e);
}

/* Of an index the image for one platform, unless all of it is wanted. */
static int
choose_member(const struct copy_flags *flags, const struct platform *platform, struct store *store,
    struct descriptor *d, struct error *e)
{
	auto(image) struct image image = { 0 };

	if (flags->all || media_class(d->media_type) != MEDIA_INDEX)
		return 0;
	if (image_load(store, &d->digest, platform, &image, e) < 0)
		return -1;
	descriptor_copy(d, &image.descriptor);
	return 0;
}

static int
take(const struct copy_flags *flags, const char *from, struct store *store, struct descriptor *d,
    struct registry_display *display, struct error *e)
{
	auto(platform) struct platform platform = { 0 };
	auto(pull_result) struct pull_result result = { 0 };
	struct pull_options options = { .all_platforms = flags->all, .no_names = true };
	autoregistry struct registry *registry = NULL;

	if (flags->platform != NULL) {
		if (platform_parse(flags->platform, &platform, e) < 0)
			return error_ctx(e, "--platform");
		options.platform = &platform;
	}
	if (!is_registry(from)) {
		if (image_find_target(store, from, d, e) < 0)
			return -1;
		return choose_member(flags, options.platform, store, d, e);
	}
	registry = open_registry(flags, flags->from_creds, flags->from_tls, display, e);
	if (registry == NULL || registry_pull(registry, store, from, &options, &result, e) < 0)
		return -1;
	descriptor_copy(d, &result.target);
	return choose_member(flags, options.platform, store, d, e);
}

static int
give_archive(
    size_t kind, const char *to, struct store *store, const struct descriptor *d, struct error *e)
{
	autofree char *path = xstrdup(to + strlen(archives[kind].prefix));
	struct output_image image = { .digest = d->digest };
	struct output_target target = {
		.dest = path, .stream = STDOUT_FILENO, .directory = archives[kind].directory
	};
	char *colon = strchr(path, ':');
	int result;

	if (colon != NULL) {
		*colon = '\0';
		if (colon[1] != '\0')
			strv_add(&image.names, colon + 1);
	}
	if (*path == '\0')
		return error_set(e, ERR_USAGE, "'%s' has no path", to);
	result = output_images(store, archives[kind].format, &image, 1, &target, e);
	output_image_release(&image);
	return result;
}

static int
give_name(const char *to, struct store *store, const struct descriptor *d, struct error *e)
{
	auto(reference) struct reference r = { 0 };
	autofree char *whole = NULL;
	autofree char *familiar = NULL;

	if (reference_parse(to, &r, e) < 0)
		return -1;
	if (r.digest != NULL)
		return error_set(
		    e, ERR_USAGE, "'%s' has a digest; a name in the store has none", to);
	whole = reference_text(&r);
	familiar = reference_short(&r);
	return store_name_set(store,
	    &(struct store_name){ .name = whole,
		.short_name = familiar,
		.media_type = d->media_type,
		.digest = d->digest,
		.size = d->size },
	    e);
}

static int
give(const struct copy_flags *flags, const char *to, struct store *store,
    const struct descriptor *d, struct registry_display *display, struct error *e)
{
	auto(push_result) struct push_result result = { 0 };
	autoregistry struct registry *registry = NULL;

	for (size_t i = 0; i < ARRAY_LEN(archives); i++)
		if (text_starts_with(to, archives[i].prefix))
			return give_archive(i, to, store, d, e);
	if (!is_registry(to))
		return give_name(to, store, d, e);
	registry = open_registry(flags, flags->to_creds, flags->to_tls, display, e);
	if (registry == NULL)
		return -1;
	return registry_push(registry, store, d, to, &result, e);
}

static int
copy(void *arg, const struct strv *words, struct buf *b, struct error *e)
{
	const struct copy_flags *flags = arg;
	autodisplay struct registry_display display = { 0 };
	auto(descriptor) struct descriptor d = { 0 };
	autostore struct store *store = NULL;
	char text[DIGEST_TEXT_LEN + 1];

	if (words->count != 2)
		return error_set(e, ERR_USAGE, "two names are wanted: SOURCE and DESTINATION");
	for (size_t i = 0; i < 2; i++)
		if (refuse_foreign(words->items[i], e) < 0)
			return -1;
	store = store_open(flags->registry.root, 0, e);
	if (store == NULL || take(flags, words->items[0], store, &d, &display, e) < 0 ||
	    give(flags, words->items[1], store, &d, &display, e) < 0)
		return -1;
	digest_text(&d.digest, text);
	if (flags->registry.quiet)
		buf_printf(b, "%s\n", text);
	else
		buf_printf(b, "%s  %s\n", words->items[1], text);
	return 0;
}

int
copy_main(int argc, char **argv, const struct command *self)
{
	struct copy_flags flags = { .registry = REGISTRY_FLAGS_INIT };

	return command_perform(self, argc, argv, &flags, copy);
}
