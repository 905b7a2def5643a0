/* SPDX-License-Identifier: Apache-2.0 */
/*
 * features - croze-runtime features: what config.json may ask for, as JSON (runtime-spec, features.md).
 */
#include "runtime/container/features.h"
#include "runtime/base/json.h"
#include "runtime/base/mem.h"
#include "runtime/cli/commands.h"

static int
features(void *flags, const struct strv *words, struct buf *b, struct error *e)
{
	autojson struct json *j = NULL;

	(void)flags; /* there are none */
	if (words->count > 0)
		return error_set(e, ERR_USAGE, "features takes no arguments");
	j = features_document();
	json_write(j, JSON_INDENT, b);
	return 0;
}

static int
run_features(int argc, char **argv, const struct command *self)
{
	return command_perform(self, argc, argv, NULL, features);
}

const struct command command_features = {
	.name = "features",
	.summary = "print what config.json may ask for, as JSON",
	.run = run_features,
};
