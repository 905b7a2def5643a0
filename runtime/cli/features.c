/* SPDX-License-Identifier: Apache-2.0 */
/*
 * features - croze-runtime features: what config.json may ask for, as JSON (runtime-spec, features.md).
 */
#include "runtime/container/features.h"
#include "runtime/base/json.h"
#include "runtime/base/mem.h"
#include "runtime/cli/commands.h"

#include <stdio.h>

static int
run_features(int argc, char **argv, const struct command *self)
{
	auto(strv) struct strv words = { 0 };
	auto(buf) struct buf text = { 0 };
	autojson struct json *j = NULL;
	struct error e = ERROR_INIT;
	int parsed = options_parse(self, argc, argv, NULL, &words, &e);

	if (parsed != 0)
		return parsed > 0 ? 0 : command_fail(&e);
	if (words.count > 0) {
		error_set(&e, ERR_USAGE, "features takes no arguments");
		return command_fail(&e);
	}
	j = features_document();
	json_write(j, JSON_INDENT, &text);
	(void)fputs(buf_text(&text), stdout); /* command_main() looks at its result */
	return 0;
}

const struct command command_features = {
	.name = "features",
	.summary = "print what config.json may ask for, as JSON",
	.run = run_features,
};
