/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store - croze store: checking the store, and what it takes.
 */
#include "builder/store/store.h"

#include "builder/cli/alone.h"
#include "builder/cli/commands.h"
#include "builder/cli/show.h"
#include "builder/store/prune.h"
#include "runtime/base/mem.h"
#include "runtime/base/text.h"

#include <stddef.h>
#include <stdio.h>
#include <unistd.h>

struct store_typed {
	const char *root;
	bool repair;
	bool force;
};

const struct option_def store_option_table[] = {
	{ .name = "repair",
	    .type = OPTION_FLAG,
	    .offset = offsetof(struct store_typed, repair),
	    .help = "check: remove what is damaged, so that a build makes it anew" },
	{ .name = "force",
	    .short_name = 'f',
	    .type = OPTION_FLAG,
	    .offset = offsetof(struct store_typed, force),
	    .help = "reset: do not ask" },
	ROOT_OPTION,
	{ 0 },
};

static int
check(const struct store_typed *typed, struct buf *b, struct error *e)
{
	autostore struct store *store =
	    typed->repair ? store_open_alone(typed->root, e) : store_open(typed->root, 0, e);
	auto(strv) struct strv findings = { 0 };
	int found;

	if (store == NULL)
		return -1;
	found = store_check(store, typed->repair, &findings, e);
	if (found < 0)
		return -1;
	for (size_t i = 0; i < findings.count; i++) {
		text_add_safe(b, findings.items[i], strlen(findings.items[i]));
		buf_add_char(b, '\n');
	}
	buf_printf(b, "%s: ", store_path(store));
	if (found == 0)
		buf_add_text(b, "ok\n");
	else
		buf_printf(b, "%d damaged%s\n", found, typed->repair ? ", removed" : "");
	if (found == 0 || typed->repair)
		return 0;
	error_set(e, ERR_POLICY, "the store is damaged");
	return error_hint(e, "croze store check --repair removes what is damaged");
}

static int
usage(const struct store_typed *typed, struct buf *b, struct error *e)
{
	autostore struct store *store = store_open(typed->root, STORE_READ_ONLY, e);
	struct store_usage use = { 0 };

	if (typed->repair)
		return error_set(e, ERR_USAGE, "'--repair' does not go with usage");
	if (store == NULL || store_usage(store, &use, e) < 0)
		return -1;
	buf_printf(b, "%s\n", store_path(store));
	buf_printf(
	    b, "%8zu names\n%8zu cached steps\n%8zu blobs      ", use.names, use.steps, use.blobs);
	text_add_size(b, use.blob_bytes);
	buf_printf(b, "\n%8zu snapshots  ", use.snapshots);
	text_add_size(b, use.snapshot_bytes);
	buf_printf(b, "\n%8zu mounts     ", use.mounts);
	text_add_size(b, use.mount_bytes);
	buf_add_text(b, "\n         other      ");
	text_add_size(b, use.other_bytes);
	buf_add_char(b, '\n');
	return 0;
}

/* Asks a person, and only where there is one. */
static bool
confirm(const struct store_typed *typed)
{
	char answer[16] = "";

	if (typed->force || isatty(STDIN_FILENO) != 1)
		return true;
	fprintf(stderr, "This removes all images, and the whole cache. Continue? [y/N] ");
	if (fgets(answer, sizeof(answer), stdin) == NULL)
		return false;
	return answer[0] == 'y' || answer[0] == 'Y';
}

static int
reset(const struct store_typed *typed, struct buf *b, struct error *e)
{
	autostore struct store *store = NULL;

	if (typed->repair)
		return error_set(e, ERR_USAGE, "'--repair' does not go with reset");
	if (!confirm(typed))
		return 0;
	store = store_open_alone(typed->root, e);
	if (store == NULL || store_reset(store, e) < 0)
		return -1;
	buf_printf(b, "%s: empty\n", store_path(store));
	return 0;
}

static int
run_word(void *arg, const struct strv *words, struct buf *b, struct error *e)
{
	const struct store_typed *typed = arg;
	static const struct {
		const char *name;
		int (*run)(const struct store_typed *, struct buf *, struct error *);
	} actions[] = {
		{ "check", check },
		{ "usage", usage },
		{ "reset", reset },
	};

	for (size_t i = 0; words->count == 1 && i < ARRAY_LEN(actions); i++)
		if (strcmp(words->items[0], actions[i].name) == 0)
			return actions[i].run(typed, b, e);
	return error_set(e, ERR_USAGE, "one of these is wanted: check, usage, reset");
}

int
store_main(int argc, char **argv, const struct command *self)
{
	struct store_typed typed = { 0 };

	return command_perform(self, argc, argv, &typed, run_word);
}
