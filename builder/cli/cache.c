/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cache - croze cache: the cache mounts of RUN --mount=type=cache.
 *
 * An exported one is a tar as a layer is: any tar program reads it, and an import of it gives the same files with their owners.
 */
#include "builder/cli/alone.h"
#include "builder/cli/commands.h"
#include "builder/cli/show.h"
#include "builder/cli/words.h"
#include "builder/layer/apply.h"
#include "builder/layer/diff.h"
#include "builder/layer/writer.h"
#include "builder/output/file.h"
#include "builder/store/mounts.h"
#include "builder/store/prune.h"
#include "runtime/base/fd.h"
#include "runtime/base/mem.h"
#include "runtime/base/path.h"
#include "runtime/base/text.h"

#include <fcntl.h>
#include <stddef.h>
#include <sys/stat.h>
#include <unistd.h>

struct cache_typed {
	const char *root;
	const char *format;
	const char *file;
	const char *output;
	const char *compression;
	const char *until;
	bool all;
	bool dry_run;
};

#define MEMBER(name) offsetof(struct cache_typed, name)

const struct option_def cache_option_table[] = {
	{ .name = "format",
	    .type = OPTION_TEXT,
	    .offset = MEMBER(format),
	    .argument = "FORMAT",
	    .help = "ls: table, json, or a template such as '{{.ID}}'" },
	{ .name = "all",
	    .short_name = 'a',
	    .type = OPTION_FLAG,
	    .offset = MEMBER(all),
	    .help = "prune: all of them" },
	{ .name = "until",
	    .type = OPTION_TEXT,
	    .offset = MEMBER(until),
	    .argument = "TIME",
	    .help = "prune: those that were not used for so long (24h, 30m)" },
	{ .name = "dry-run",
	    .type = OPTION_FLAG,
	    .offset = MEMBER(dry_run),
	    .help = "prune: only say what would be removed" },
	{ .name = "output",
	    .short_name = 'o',
	    .type = OPTION_TEXT,
	    .offset = MEMBER(output),
	    .argument = "FILE",
	    .help = "export: write here (default: the output stream)" },
	{ .name = "compression",
	    .type = OPTION_CHOICE,
	    .offset = MEMBER(compression),
	    .choices = "gzip|zstd|uncompressed",
	    .help = "export: of the archive (default: gzip)" },
	{ .name = "input",
	    .short_name = 'i',
	    .type = OPTION_TEXT,
	    .offset = MEMBER(file),
	    .argument = "FILE",
	    .help = "import: read from here (default: standard input)" },
	ROOT_OPTION,
	{ 0 },
};

/* ---- ls, du ---- */

static struct json *
row_of(const struct store_mount_info *info)
{
	const struct timespec used = { .tv_sec = info->used },
			      created = { .tv_sec = info->created };
	struct json *row = json_new_object();
	auto(buf) struct buf b = { 0 };

	json_set_text(row, "ID", info->id ? info->id : "<damaged>");
	json_set(row, "Number", json_new_u64(info->number));
	json_set(row, "Bytes", json_new_u64(info->bytes));
	text_add_size(&b, info->bytes);
	json_set_text(row, "Size", buf_text(&b));
	buf_clear(&b);
	show_add_age(&b, info->used > 0, &used);
	json_set_text(row, "LastUsed", buf_text(&b));
	buf_clear(&b);
	show_add_age(&b, info->created > 0, &created);
	json_set_text(row, "CreatedSince", buf_text(&b));
	buf_clear(&b);
	if (info->used > 0)
		text_add_rfc3339(&b, &used);
	json_set_text(row, "LastUsedAt", buf_text(&b));
	json_set(row, "InUse", json_new_bool(info->busy));
	json_set_text(row, "Owners", info->recorded ? "recorded" : "kernel");
	json_set_text(row, "Name", info->name);
	return row;
}

static void
add_cells(struct table *table, const struct json *row)
{
	static const char *const cells[] = { "ID", "CreatedSince", "LastUsed", "Size" };

	for (size_t i = 0; i < ARRAY_LEN(cells); i++)
		table_add(table, json_text(json_get(row, cells[i])));
	table_add(table, json_is_true(json_get(row, "InUse")) ? "yes" : "");
}

static int
list(const struct cache_typed *typed, const struct strv *words, struct buf *b, struct error *e)
{
	static const char *const headings[] = { "ID", "CREATED", "LAST USED", "SIZE", "IN USE" };
	auto(table) struct table table = { .n_columns = ARRAY_LEN(headings) };
	auto(store_mount_list) struct store_mount_list mounts = { 0 };
	autostore struct store *store = store_open_with_ids(typed->root, 0, e);

	if (words->count > 1)
		return error_set(e, ERR_USAGE, "ls takes no names, there is '%s'", words->items[1]);
	if (!store || store_mounts_list(store, &mounts, e) < 0)
		return -1;
	for (size_t i = 0; i < ARRAY_LEN(headings); i++)
		table_add(&table, headings[i]);
	for (size_t i = 0; i < mounts.count; i++) {
		autojson struct json *row = row_of(&mounts.items[i]);
		int printed = show_format_row(typed->format, row, b, e);

		if (printed < 0)
			return -1;
		if (printed == 0)
			add_cells(&table, row);
	}
	if (!typed->format || strcmp(typed->format, "table") == 0)
		table_write(&table, b);
	return 0;
}

static int
disk_use(const struct cache_typed *typed, const struct strv *words, struct buf *b, struct error *e)
{
	auto(store_mount_list) struct store_mount_list mounts = { 0 };
	autostore struct store *store = store_open_with_ids(typed->root, 0, e);
	auto(table) struct table table = { .n_columns = 2 };
	uint64_t total = 0;

	if (words->count > 1)
		return error_set(e, ERR_USAGE, "du takes no names, there is '%s'", words->items[1]);
	if (!store || store_mounts_list(store, &mounts, e) < 0)
		return -1;
	for (size_t i = 0; i <= mounts.count; i++) {
		bool last = i == mounts.count;
		auto(buf) struct buf size = { 0 };

		text_add_size(&size, last ? total : mounts.items[i].bytes);
		table_add(&table, buf_text(&size));
		table_add(&table, last                 ? "total"
				  : mounts.items[i].id ? mounts.items[i].id
						       : "<damaged>");
		total += last ? 0 : mounts.items[i].bytes;
	}
	table_write(&table, b);
	return 0;
}

/* ---- prune ---- */

static bool
is_wanted(const struct cache_typed *typed, const struct strv *words, int64_t seconds,
    const struct store_mount_info *info)
{
	time_t now = time(NULL);

	if (words->count > 1) {
		for (size_t i = 1; i < words->count; i++)
			if (info->id && strcmp(words->items[i], info->id) == 0)
				return true;
		return false;
	}
	if (typed->all)
		return true;
	return typed->until && now > info->used && now - info->used > seconds;
}

static int
check_ids(const struct strv *words, const struct store_mount_list *mounts, struct error *e)
{
	for (size_t i = 1; i < words->count; i++) {
		bool known = false;

		for (size_t n = 0; n < mounts->count && !known; n++)
			known = mounts->items[n].id &&
			        strcmp(mounts->items[n].id, words->items[i]) == 0;
		if (known)
			continue;
		error_set(e, ERR_NOT_FOUND, "there is no cache mount '%s'", words->items[i]);
		return error_hint(e, "croze cache ls shows those that there are");
	}
	return 0;
}

static int
prune(const struct cache_typed *typed, const struct strv *words, struct buf *b, struct error *e)
{
	auto(store_mount_list) struct store_mount_list mounts = { 0 };
	autostore struct store *store = NULL;
	int64_t nanoseconds = 0;
	uint64_t bytes = 0;

	if (words->count == 1 && !typed->all && !typed->until)
		return error_set(e, ERR_USAGE, "what is to go: name IDs, or give --until or --all");
	if (words->count > 1 && (typed->all || typed->until))
		return error_set(e, ERR_USAGE, "IDs do not go with --until and --all");
	if (typed->until && parse_duration(typed->until, "--until", &nanoseconds, e) < 0)
		return -1;
	store = store_open_alone(typed->root, e);
	if (!store || store_mounts_list(store, &mounts, e) < 0 || check_ids(words, &mounts, e) < 0)
		return -1;
	for (size_t i = 0; i < mounts.count; i++) {
		const struct store_mount_info *info = &mounts.items[i];

		if (!is_wanted(typed, words, nanoseconds / 1000000000, info))
			continue;
		bytes += info->bytes;
		buf_printf(b, "%s\n", info->id ? info->id : info->name);
		if (!typed->dry_run && store_mount_remove(store, info->name, e) < 0)
			return -1;
	}
	buf_add_text(
	    b, typed->dry_run ? "Total that can be reclaimed: " : "Total reclaimed space: ");
	text_add_size(b, bytes);
	buf_add_char(b, '\n');
	return 0;
}

/* ---- export, import ---- */

static void
tell_waiting(void *arg)
{
	fprintf(stderr, "waiting for the cache mount '%s', which a step uses\n", (const char *)arg);
}

static int
one_id(const struct strv *words, struct error *e)
{
	if (words->count == 2)
		return 0;
	return error_set(
	    e, ERR_USAGE, "%s takes one ID, as croze cache ls shows it", words->items[0]);
}

static int
write_archive(int files, int out, const char *compression, struct error *e)
{
	static const struct {
		const char *name;
		enum compression value;
	} names[] = {
		{ "gzip", COMPRESSION_GZIP },
		{ "zstd", COMPRESSION_ZSTD },
		{ "uncompressed", COMPRESSION_NONE },
	};
	const struct diff_options diff = { .upper = files, .lower = -1, .upper_is_mount = true };
	struct layer_options options = { .compression = COMPRESSION_GZIP };
	struct layer_writer *writer = NULL;
	struct layer_result result;
	struct diff_stats stats = { 0 };

	for (size_t i = 0; compression && i < ARRAY_LEN(names); i++)
		if (strcmp(compression, names[i].name) == 0)
			options.compression = names[i].value;
	if (layer_writer_open(out, &options, NULL, &writer, e) < 0)
		return -1;
	if (diff_upper(&diff, layer_writer_add, writer, &stats, e) < 0) {
		layer_writer_abort(writer);
		return -1;
	}
	return layer_writer_finish(writer, &result, e);
}

/* The file is there whole or not at all. */
static int
write_file(int files, const struct cache_typed *typed, struct error *e)
{
	const struct output_target target = { .dest = typed->output ? typed->output : "-",
		.stream = STDOUT_FILENO };
	auto(out_file) struct out_file file = OUT_FILE_INIT;

	if (out_file_open(&file, &target, e) < 0 ||
	    write_archive(files, file.fd, typed->compression, e) < 0)
		return -1;
	return out_file_commit(&file, e);
}

static int
export_to(struct store *store, const struct cache_typed *typed, const char *id, struct error *e)
{
	struct store_mount m = STORE_MOUNT_INIT;
	int ok;

	if (store_mount_open(
		store, id, STORE_MOUNT_LOCKED, tell_waiting, (void *)(uintptr_t)id, &m, e) < 0)
		return -1;
	if (m.fresh) {
		store_mount_close(&m);
		error_set(e, ERR_NOT_FOUND, "there is no cache mount '%s'", id);
		return error_hint(e, "croze cache ls shows those that there are");
	}
	ok = write_file(m.fs, typed, e);
	store_mount_close(&m);
	return ok;
}

static int
export_one(
    const struct cache_typed *typed, const struct strv *words, struct buf *b, struct error *e)
{
	autostore struct store *store = NULL;
	bool to_stream = !typed->output || strcmp(typed->output, "-") == 0;

	(void)b; /* what goes to the standard output is no text */
	if (one_id(words, e) < 0)
		return -1;
	if (to_stream && isatty(STDOUT_FILENO) == 1)
		return error_set(
		    e, ERR_USAGE, "an archive is not for a terminal: give --output FILE");
	store = store_open_with_ids(typed->root, 0, e);
	if (!store)
		return -1;
	return export_to(store, typed, words->items[1], e) < 0
	           ? error_ctx(e, "cannot export '%s'", words->items[1])
	           : 0;
}

static int
import_from(struct store *store, int file, const char *id, struct buf *b, struct error *e)
{
	struct store_mount m = STORE_MOUNT_INIT;
	struct layer_source source = { .fd = file };
	struct apply_result result = { 0 };
	int ok;

	if (store_mount_open(
		store, id, STORE_MOUNT_LOCKED, tell_waiting, (void *)(uintptr_t)id, &m, e) < 0)
		return -1;
	if (!m.fresh) {
		store_mount_close(&m);
		error_set(e, ERR_USAGE, "there is a cache mount '%s' already", id);
		return error_hint(e, "remove it first: croze cache prune '%s'", id);
	}
	ok = layer_apply(&source, &(struct apply_root){ m.fs, NULL }, NULL, NULL, &result, e);
	for (size_t i = 0; ok == 0 && i < result.notes.count; i++)
		fprintf(stderr, "note: %s\n", result.notes.items[i]);
	if (ok == 0)
		buf_printf(b, "%s: %llu entries\n", id, (unsigned long long)result.n_entries);
	apply_result_release(&result);
	if (ok == 0 && store_mount_commit(&m, e) != 0)
		ok = e->kind != ERR_NONE
		         ? -1
		         : error_set(e, ERR_TEMPORARY, "another process has made it meanwhile");
	store_mount_close(&m);
	return ok;
}

static int
import_one(
    const struct cache_typed *typed, const struct strv *words, struct buf *b, struct error *e)
{
	autostore struct store *store = NULL;
	autofd int file = -1;

	if (one_id(words, e) < 0)
		return -1;
	if (typed->file && strcmp(typed->file, "-") != 0) {
		file = path_open_user(typed->file, O_RDONLY, 0, e);
		if (file < 0)
			return -1;
	}
	store = store_open_with_ids(typed->root, 0, e);
	if (!store)
		return -1;
	return import_from(store, file >= 0 ? file : STDIN_FILENO, words->items[1], b, e) < 0
	           ? error_ctx(e, "cannot import '%s'", words->items[1])
	           : 0;
}

/* ---- the command ---- */

enum typed_options {
	TYPED_FORMAT = 1 << 0,
	TYPED_CHOICE = 1 << 1, /* --all, --until */
	TYPED_DRY_RUN = 1 << 2,
	TYPED_OUTPUT = 1 << 3,
	TYPED_COMPRESSION = 1 << 4,
	TYPED_INPUT = 1 << 5,
};

static int
run_word(void *arg, const struct strv *words, struct buf *b, struct error *e)
{
	const struct cache_typed *typed = arg;
	static const struct {
		const char *name;
		int (*run)(
		    const struct cache_typed *, const struct strv *, struct buf *, struct error *);
		unsigned accepted; /* of enum typed_options */
	} actions[] = {
		{ "ls", list, TYPED_FORMAT },
		{ "du", disk_use, 0 },
		{ "prune", prune, TYPED_CHOICE | TYPED_DRY_RUN },
		{ "export", export_one, TYPED_OUTPUT | TYPED_COMPRESSION },
		{ "import", import_one, TYPED_INPUT },
	};
	const struct word_option options[] = {
		{ typed->format != NULL, TYPED_FORMAT, "format" },
		{ typed->all, TYPED_CHOICE, "all" },
		{ typed->until != NULL, TYPED_CHOICE, "until" },
		{ typed->dry_run, TYPED_DRY_RUN, "dry-run" },
		{ typed->output != NULL, TYPED_OUTPUT, "output" },
		{ typed->compression != NULL, TYPED_COMPRESSION, "compression" },
		{ typed->file != NULL, TYPED_INPUT, "input" },
	};

	for (size_t i = 0; words->count > 0 && i < ARRAY_LEN(actions); i++) {
		if (strcmp(words->items[0], actions[i].name) != 0)
			continue;
		if (words_check(
			options, ARRAY_LEN(options), actions[i].accepted, actions[i].name, e) < 0)
			return -1;
		return actions[i].run(typed, words, b, e);
	}
	return error_set(e, ERR_USAGE, "one of these is wanted: ls, du, prune, export, import");
}

int
cache_main(int argc, char **argv, const struct command *self)
{
	struct cache_typed typed = { 0 };

	return command_perform(self, argc, argv, &typed, run_word);
}
