/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pull - croze pull: images from registries into the store.
 */
#include "builder/cli/commands.h"
#include "builder/cli/registry_flags.h"
#include "builder/cli/show.h"
#include "runtime/base/mem.h"
#include "runtime/base/text.h"

#include <stddef.h>
#include <string.h>

struct pull_flags {
	struct registry_flags registry;
	const char *platform;
	bool all_platforms;
	bool all_tags;
};

#define MEMBER(name) offsetof(struct pull_flags, name)

const struct option_def pull_option_table[] = {
	{ .name = "platform",
	    .type = OPTION_TEXT,
	    .offset = MEMBER(platform),
	    .argument = "OS/ARCH",
	    .help = "which image of several (default: this machine's)" },
	{ .name = "all-platforms",
	    .type = OPTION_FLAG,
	    .offset = MEMBER(all_platforms),
	    .help = "bring the images for all platforms" },
	{ .name = "all-tags",
	    .short_name = 'a',
	    .type = OPTION_FLAG,
	    .offset = MEMBER(all_tags),
	    .help = "NAME is a repository: bring all its tags" },
	QUIET_OPTION("print the name only"),
	{ .name = "disable-content-trust",
	    .type = OPTION_REFUSED,
	    .refused = "policy.json says what may be pulled" },
	{ .name = "policy",
	    .type = OPTION_REFUSED,
	    .refused = "pull always asks the registry; what is there already is not sent again" },
	{ .name = "arch", .type = OPTION_REFUSED, .refused = "use --platform" },
	{ .name = "os", .type = OPTION_REFUSED, .refused = "use --platform" },
	{ .name = "variant", .type = OPTION_REFUSED, .refused = "use --platform" },
	CREDS_OPTION,
	REGISTRY_OPTIONS,
	ROOT_OPTION,
	{ 0 },
};

static void
show_pulled(const struct pull_flags *flags, const struct pull_result *result, struct buf *b)
{
	char text[DIGEST_TEXT_LEN + 1];

	if (flags->registry.quiet) {
		buf_printf(b, "%s\n", result->name);
		return;
	}
	buf_printf(b, "%s  %s", result->name, digest_text(&result->target.digest, text));
	if (result->was_there) {
		buf_add_text(b, "  was there\n");
		return;
	}
	buf_printf(b, "  %zu blobs, ", result->n_blobs);
	text_add_size(b, result->bytes);
	buf_add_char(b, '\n');
}

static int
pull_one(const struct pull_flags *flags, struct registry *registry, struct store *store,
    const char *name, const struct pull_options *options, struct buf *b, struct error *e)
{
	auto(pull_result) struct pull_result result = { 0 };

	if (image_is_outside(name)) {
		error_set(e, ERR_USAGE, "'%s' is not in a registry", name);
		return error_hint(e, "croze copy %s NAME", name);
	}
	if (registry_pull(registry, store, name, options, &result, e) < 0)
		return -1;
	show_pulled(flags, &result, b);
	return 0;
}

static int
pull_all_tags(const struct pull_flags *flags, struct registry *registry, struct store *store,
    const char *name, const struct pull_options *options, struct buf *b, struct error *e)
{
	auto(strv) struct strv tags = { 0 };
	auto(reference) struct reference r = { 0 };
	autofree char *repository = NULL;

	if (reference_parse(name, &r, e) < 0)
		return -1;
	repository = reference_repository(&r);
	if (registry_tags(registry, repository, &tags, e) < 0)
		return -1;
	for (size_t i = 0; i < tags.count; i++) {
		autofree char *one = xasprintf("%s:%s", repository, tags.items[i]);

		if (pull_one(flags, registry, store, one, options, b, e) < 0)
			return -1;
	}
	return 0;
}

static int
pull(void *arg, const struct strv *words, struct buf *b, struct error *e)
{
	const struct pull_flags *flags = arg;
	autodisplay struct registry_display display = { 0 };
	auto(platform) struct platform platform = { 0 };
	struct pull_options options = { .all_platforms = flags->all_platforms };
	autoregistry struct registry *registry = NULL;
	autostore struct store *store = NULL;
	int (*const pull_word)(const struct pull_flags *, struct registry *, struct store *,
	    const char *, const struct pull_options *, struct buf *, struct error *) =
	    flags->all_tags ? pull_all_tags : pull_one;

	if (words->count == 0)
		return error_set(e, ERR_USAGE, "name an image");
	if (flags->platform != NULL) {
		if (platform_parse(flags->platform, &platform, e) < 0)
			return error_ctx(e, "--platform");
		options.platform = &platform;
	}
	registry = registry_flags_open(&flags->registry, &display, e);
	if (registry == NULL)
		return -1;
	store = store_open(flags->registry.root, 0, e);
	if (store == NULL)
		return -1;
	for (size_t i = 0; i < words->count; i++)
		if (pull_word(flags, registry, store, words->items[i], &options, b, e) < 0)
			return -1;
	return 0;
}

int
pull_main(int argc, char **argv, const struct command *self)
{
	struct pull_flags flags = { .registry = REGISTRY_FLAGS_INIT };

	return command_perform(self, argc, argv, &flags, pull);
}
