/* SPDX-License-Identifier: Apache-2.0 */
/*
 * prune - croze prune: gives back the disk that nothing in the store needs.
 */
#include "builder/store/prune.h"

#include "builder/cli/alone.h"
#include "builder/cli/commands.h"
#include "builder/cli/show.h"
#include "runtime/base/mem.h"
#include "runtime/base/text.h"

#include <stddef.h>
#include <unistd.h>

struct prune_typed {
	const char *root;
	const char *keep;
	struct strv filters;
	bool all;
	bool force;
	bool dry_run;
};

#define MEMBER(name) offsetof(struct prune_typed, name)

const struct option_def prune_option_table[] = {
	{ .name = "all",
	    .short_name = 'a',
	    .type = OPTION_FLAG,
	    .offset = MEMBER(all),
	    .help = "the whole cache, and images without a name" },
	{ .name = "dry-run",
	    .type = OPTION_FLAG,
	    .offset = MEMBER(dry_run),
	    .help = "only say what would be removed" },
	{ .name = "filter",
	    .type = OPTION_LIST,
	    .offset = MEMBER(filters),
	    .argument = "until=TIME",
	    .help = "steps that were not used for so long (24h, 30m)" },
	{ .name = "force",
	    .short_name = 'f',
	    .type = OPTION_FLAG,
	    .offset = MEMBER(force),
	    .help = "do not ask" },
	{ .name = "keep-storage",
	    .type = OPTION_TEXT,
	    .offset = MEMBER(keep),
	    .argument = "SIZE",
	    .help = "remove steps, the least used first, until the store is no larger" },
	{ .name = "max-used-space", .alias_of = "keep-storage" },
	{ .name = "min-free-space", .type = OPTION_REFUSED, .refused = "use --keep-storage" },
	{ .name = "reserved-space", .type = OPTION_REFUSED, .refused = "use --keep-storage" },
	{ .name = "volumes", .type = OPTION_REFUSED, .refused = "there are no volumes" },
	{ .name = "verbose", .type = OPTION_REFUSED, .refused = "use --dry-run" },
	ROOT_OPTION,
	{ 0 },
};

static int
make_options(const struct prune_typed *typed, struct prune_options *options, struct error *e)
{
	*options = (struct prune_options){ .keep_bytes = UINT64_MAX, .keep_seconds = UINT64_MAX };
	if (typed->all)
		options->flags |= PRUNE_CACHE | PRUNE_UNNAMED;
	if (typed->dry_run)
		options->flags |= PRUNE_DRY_RUN;
	if (typed->keep != NULL &&
	    parse_size(typed->keep, "--keep-storage", &options->keep_bytes, e) < 0)
		return -1;
	for (size_t i = 0; i < typed->filters.count; i++) {
		const char *filter = typed->filters.items[i];
		int64_t nanoseconds = 0;

		if (!text_starts_with(filter, "until="))
			return error_set(e, ERR_USAGE,
			    "--filter: '%s' is not supported; there is until=TIME", filter);
		if (parse_duration(filter + strlen("until="), "--filter until", &nanoseconds, e) <
		    0)
			return -1;
		if (nanoseconds < 0)
			return error_set(e, ERR_USAGE, "--filter: '%s' is in the future", filter);
		options->keep_seconds = (uint64_t)(nanoseconds / 1000000000);
	}
	return 0;
}

/* Asks a person, and only where there is one: a script that says --all means it. */
static bool
confirm(const struct prune_typed *typed)
{
	char answer[16] = "";

	if (!typed->all || typed->force || typed->dry_run || isatty(STDIN_FILENO) != 1)
		return true;
	fprintf(
	    stderr, "This removes the whole cache and all images without a name. Continue? [y/N] ");
	if (fgets(answer, sizeof(answer), stdin) == NULL)
		return false;
	return answer[0] == 'y' || answer[0] == 'Y';
}

static void
add_count(struct buf *b, size_t count, const char *what)
{
	if (count > 0)
		buf_printf(b, "%8zu %s%s\n", count, what, count == 1 ? "" : "s");
}

static void
report(const struct prune_result *result, bool dry_run, struct buf *b)
{
	add_count(b, result->images, "image without a name");
	add_count(b, result->steps, "cached step");
	add_count(b, result->mounts, "cache mount");
	add_count(b, result->snapshots, "snapshot");
	add_count(b, result->listings, "listing");
	add_count(b, result->blobs, "blob");
	add_count(b, result->builds, "build record");
	buf_add_text(b, dry_run ? "Total that can be reclaimed: " : "Total reclaimed space: ");
	text_add_size(b, result->bytes);
	buf_add_char(b, '\n');
}

static int
prune(void *arg, const struct strv *words, struct buf *b, struct error *e)
{
	const struct prune_typed *typed = arg;
	struct prune_options options;
	struct prune_result result = { 0 };
	autostore struct store *store = NULL;

	if (words->count > 0)
		return error_set(
		    e, ERR_USAGE, "prune takes no words, there is '%s'", words->items[0]);
	if (make_options(typed, &options, e) < 0)
		return -1;
	if (!confirm(typed))
		return 0;
	store = store_open_alone(typed->root, e);
	if (store == NULL || store_prune(store, &options, &result, e) < 0)
		return -1;
	report(&result, typed->dry_run, b);
	return 0;
}

int
prune_main(int argc, char **argv, const struct command *self)
{
	struct prune_typed typed = { 0 };
	int status = command_perform(self, argc, argv, &typed, prune);

	strv_release(&typed.filters);
	return status;
}
