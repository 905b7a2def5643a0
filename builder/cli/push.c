/* SPDX-License-Identifier: Apache-2.0 */
/*
 * push - croze push: an image of the store to a registry.
 */
#include "builder/cli/commands.h"
#include "builder/cli/registry_flags.h"
#include "builder/cli/show.h"
#include "runtime/base/fd.h"
#include "runtime/base/mem.h"
#include "runtime/base/path.h"
#include "runtime/base/text.h"

#include <fcntl.h>
#include <stddef.h>
#include <string.h>

struct push_flags {
	struct registry_flags registry;
	const char *digest_file;
};

#define MEMBER(name) offsetof(struct push_flags, name)

const struct option_def push_option_table[] = {
	{ .name = "digestfile",
	    .type = OPTION_TEXT,
	    .offset = MEMBER(digest_file),
	    .argument = "FILE",
	    .help = "write the digest to a file" },
	QUIET_OPTION("print the digest only"),
	{ .name = "all-tags",
	    .short_name = 'a',
	    .type = OPTION_REFUSED,
	    .refused = "name each: croze push NAME:TAG" },
	{ .name = "all",
	    .type = OPTION_REFUSED,
	    .refused = "not needed: an index goes with all its members" },
	{ .name = "platform",
	    .type = OPTION_REFUSED,
	    .refused = "an index goes with all its members; an image's digest names one of them" },
	{ .name = "compression-format",
	    .type = OPTION_REFUSED,
	    .refused = "layers go as they are, so that the digest stays; croze build has "
		       "--compression" },
	{ .name = "compression-level",
	    .type = OPTION_REFUSED,
	    .refused = "layers go as they are, so that the digest stays; croze build has "
		       "--compression-level" },
	{ .name = "force-compression",
	    .type = OPTION_REFUSED,
	    .refused = "layers go as they are, so that the digest stays" },
	{ .name = "format", .type = OPTION_REFUSED, .refused = "the manifest goes as it is" },
	{ .name = "remove-signatures",
	    .type = OPTION_REFUSED,
	    .refused = "signatures stay behind" },
	{ .name = "sign-by",
	    .type = OPTION_REFUSED,
	    .refused = "sign the digest that is printed: cosign sign NAME@DIGEST" },
	{ .name = "disable-content-trust",
	    .type = OPTION_REFUSED,
	    .refused = "nothing is signed here" },
	CREDS_OPTION,
	REGISTRY_OPTIONS,
	ROOT_OPTION,
	{ 0 },
};

static void
show_pushed(const struct push_flags *flags, const struct push_result *result,
    const struct digest *digest, struct buf *b)
{
	char text[DIGEST_TEXT_LEN + 1];

	digest_text(digest, text);
	if (flags->registry.quiet) {
		buf_printf(b, "%s\n", text);
		return;
	}
	buf_printf(b, "%s@%s  ", result->name, text);
	text_add_size(b, result->bytes);
	buf_printf(b, " sent, blobs: %zu sent, %zu mounted, %zu there\n", result->n_sent,
	    result->n_mounted, result->n_there);
}

static int
write_digest(const char *path, const struct digest *digest, struct error *e)
{
	char text[DIGEST_TEXT_LEN + 1];
	autofd int fd = path_open_user(path, O_WRONLY | O_CREAT | O_TRUNC, 0644, e);

	if (fd < 0 || fd_write_all(fd, digest_text(digest, text), DIGEST_TEXT_LEN, e) < 0)
		return error_ctx(e, "--digestfile");
	return 0;
}

static int
push(void *arg, const struct strv *words, struct buf *b, struct error *e)
{
	const struct push_flags *flags = arg;
	autodisplay struct registry_display display = { 0 };
	auto(descriptor) struct descriptor d = { 0 };
	auto(push_result) struct push_result result = { 0 };
	autoregistry struct registry *registry = NULL;
	autostore struct store *store = NULL;
	const char *to;

	if (words->count < 1 || words->count > 2)
		return error_set(
		    e, ERR_USAGE, "name an image, and where it goes if under another name");
	to = words->items[words->count - 1];
	if (image_is_outside(to)) {
		error_set(e, ERR_USAGE, "'%s' is not in a registry", to);
		return error_hint(e, "croze copy %s %s", words->items[0], to);
	}
	registry = registry_flags_open(&flags->registry, &display, e);
	if (registry == NULL)
		return -1;
	store = store_open(flags->registry.root, 0, e);
	if (store == NULL || image_find_target(store, words->items[0], &d, e) < 0 ||
	    registry_push(registry, store, &d, to, &result, e) < 0)
		return -1;
	if (flags->digest_file != NULL && write_digest(flags->digest_file, &d.digest, e) < 0)
		return -1;
	show_pushed(flags, &result, &d.digest, b);
	return 0;
}

int
push_main(int argc, char **argv, const struct command *self)
{
	struct push_flags flags = { .registry = REGISTRY_FLAGS_INIT };

	return command_perform(self, argc, argv, &flags, push);
}
