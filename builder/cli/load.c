/* SPDX-License-Identifier: Apache-2.0 */
/*
 * load - croze load and croze import: images from archives and layouts into the store.
 */
#include "builder/cli/commands.h"
#include "builder/cli/show.h"
#include "builder/image/reference.h"
#include "runtime/base/fd.h"
#include "runtime/base/mem.h"
#include "runtime/base/path.h"

#include <fcntl.h>
#include <stddef.h>
#include <sys/stat.h>
#include <unistd.h>

struct load_flags {
	const char *root;
	const char *input;
	bool quiet;
};

const struct option_def load_option_table[] = {
	{ .name = "input",
	    .short_name = 'i',
	    .type = OPTION_TEXT,
	    .offset = offsetof(struct load_flags, input),
	    .argument = "FILE",
	    .help = "the archive (default: standard input)" },
	{ .name = "quiet",
	    .short_name = 'q',
	    .type = OPTION_FLAG,
	    .offset = offsetof(struct load_flags, quiet),
	    .help = "print nothing" },
	{ .name = "platform",
	    .type = OPTION_REFUSED,
	    .refused = "not needed: all platforms in the archive are loaded" },
	ROOT_OPTION,
	{ 0 },
};

struct import_flags_typed {
	const char *root;
	bool replace;
	bool quiet;
};

const struct option_def import_option_table[] = {
	{ .name = "replace",
	    .type = OPTION_FLAG,
	    .offset = offsetof(struct import_flags_typed, replace),
	    .help = "names that stand for other images are moved" },
	{ .name = "quiet",
	    .short_name = 'q',
	    .type = OPTION_FLAG,
	    .offset = offsetof(struct import_flags_typed, quiet),
	    .help = "print nothing" },
	{ .name = "change",
	    .short_name = 'c',
	    .type = OPTION_REFUSED,
	    .refused = "write a Dockerfile: FROM scratch, ADD rootfs.tar /, and the changes" },
	{ .name = "message",
	    .short_name = 'm',
	    .type = OPTION_REFUSED,
	    .refused = "write a Dockerfile: FROM scratch, ADD rootfs.tar /" },
	{ .name = "platform",
	    .type = OPTION_REFUSED,
	    .refused = "not needed: all platforms in the layout are imported" },
	ROOT_OPTION,
	{ 0 },
};

static char *
shown_name(const char *name)
{
	struct error ignored = ERROR_INIT;
	auto(reference) struct reference r = { 0 };

	return reference_parse(name, &r, &ignored) == 0 ? reference_short(&r) : xstrdup(name);
}

static void
add_loaded(struct buf *b, const struct import_result *result, bool quiet)
{
	char text[DIGEST_TEXT_LEN + 1];

	for (size_t i = 0; i < result->count; i++) {
		const struct imported *item = &result->items[i];
		autofree char *name = item->name != NULL ? shown_name(item->name) : NULL;

		/* a name is never moved without saying so (SECURITY G14) */
		if (name != NULL && item->replaced)
			fprintf(stderr, "note: %s stood for another image so far: %s\n", name,
			    digest_text(&item->previous, text));
		if (name != NULL && !quiet)
			buf_printf(b, "Loaded image: %s\n", name);
		else if (!quiet)
			buf_printf(
			    b, "Loaded image ID: %s\n", digest_text(&item->target.digest, text));
	}
}

static int
load(void *arg, const struct strv *words, struct buf *b, struct error *e)
{
	const struct load_flags *flags = arg;
	autofd int opened = -1;
	autostore struct store *store = NULL;
	struct import_result result = { 0 };
	int fd = STDIN_FILENO;

	if (words->count > 0)
		return error_set(e, ERR_USAGE, "load takes no words: --input %s", words->items[0]);
	if (flags->input != NULL) {
		opened = path_open_user(flags->input, O_RDONLY, 0, e);
		if (opened < 0)
			return -1;
		fd = opened;
	} else if (isatty(fd) == 1) {
		return error_set(
		    e, ERR_USAGE, "standard input is a terminal; name a file: --input FILE");
	}
	store = store_open(flags->root, 0, e);
	if (store == NULL ||
	    import_archive(store, fd, flags->input != NULL ? flags->input : "standard input",
		IMPORT_REPLACE, &result, e) < 0)
		return -1;
	add_loaded(b, &result, flags->quiet);
	import_result_release(&result);
	return 0;
}

int
load_main(int argc, char **argv, const struct command *self)
{
	struct load_flags flags = { 0 };

	return command_perform(self, argc, argv, &flags, load);
}

/* ---- import ---- */

static void
add_imported(struct buf *b, const struct import_result *result)
{
	auto(table) struct table table = { .n_columns = 2 };
	char text[DIGEST_TEXT_LEN + 1];

	for (size_t i = 0; i < result->count; i++) {
		const struct imported *item = &result->items[i];
		autofree char *name = item->name != NULL ? shown_name(item->name) : NULL;

		table_add(&table, name != NULL ? name : "<none>");
		table_add(&table, digest_text(&item->target.digest, text));
	}
	table_write(&table, b);
}

static int
import_path(struct store *store, const char *path, enum import_flags flags,
    struct import_result *result, struct error *e)
{
	autofd int fd = -1;
	struct stat st;

	if (fstatat(AT_FDCWD, path, &st, 0) < 0)
		return error_sys(e, "cannot read '%s'", path);
	if (S_ISDIR(st.st_mode))
		return import_layout(store, path, flags, result, e);
	fd = path_open_user(path, O_RDONLY, 0, e);
	if (fd < 0)
		return -1;
	return import_archive(store, fd, path, flags, result, e);
}

/* The flag is nearer than what the library knows. */
static int
name_flag(struct error *e)
{
	if (e->kind != ERR_POLICY)
		return -1;
	e->hint[0] = '\0';
	return error_hint(
	    e, "--replace moves such names; or croze tag keeps the image under another");
}

static int
import(void *arg, const struct strv *words, struct buf *b, struct error *e)
{
	const struct import_flags_typed *flags = arg;
	autostore struct store *store = NULL;

	if (words->count == 0)
		return error_set(e, ERR_USAGE, "name an OCI layout directory or an image archive");
	store = store_open(flags->root, 0, e);
	if (store == NULL)
		return -1;
	for (size_t i = 0; i < words->count; i++) {
		struct import_result result = { 0 };

		if (import_path(store, words->items[i], flags->replace ? IMPORT_REPLACE : 0,
			&result, e) < 0)
			return name_flag(e);
		if (!flags->quiet)
			add_imported(b, &result);
		import_result_release(&result);
	}
	return 0;
}

int
import_main(int argc, char **argv, const struct command *self)
{
	struct import_flags_typed flags = { 0 };

	return command_perform(self, argc, argv, &flags, import);
}
