/* SPDX-License-Identifier: Apache-2.0 */
/*
 * spec - croze-runtime spec: a config.json to start from.
 */
#include "runtime/base/fd.h"
#include "runtime/base/json.h"
#include "runtime/base/mem.h"
#include "runtime/base/path.h"
#include "runtime/cli/commands.h"
#include "runtime/oci/config.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

struct spec_flags {
	const char *bundle;
	bool rootless;
};

static const struct option_def options[] = {
	{ .name = "bundle",
	    .short_name = 'b',
	    .type = OPTION_TEXT,
	    .offset = offsetof(struct spec_flags, bundle),
	    .argument = "DIR",
	    .help = "folder to write it to (default: the current one)" },
	{ .name = "rootless",
	    .type = OPTION_FLAG,
	    .offset = offsetof(struct spec_flags, rootless),
	    .help = "for a user without rights: a user namespace in which root is the caller" },
	{ 0 },
};

static int
spec(void *arg, const struct strv *words, struct buf *b, struct error *e)
{
	const struct spec_flags *flags = arg;
	autofd int dir = -1;
	autojson struct json *j = NULL;
	auto(buf) struct buf text = { 0 };
	struct stat st;

	(void)b; /* nothing is printed */
	if (words->count > 0)
		return error_set(e, ERR_USAGE, "spec takes no arguments");
	dir = path_open_user(flags->bundle, O_RDONLY | O_DIRECTORY, 0, e);
	if (dir < 0)
		return -1;
	if (fstatat(dir, "config.json", &st, AT_SYMLINK_NOFOLLOW) == 0)
		return error_set(e, ERR_USAGE, "'%s/config.json' is there already", flags->bundle);
	j = oci_config_default(flags->rootless, geteuid(), getegid());
	json_write(j, JSON_INDENT, &text);
	return path_write_file(dir, "config.json", buf_text(&text), text.len, 0644, false, e);
}

static int
run_spec(int argc, char **argv, const struct command *self)
{
	struct spec_flags flags = { .bundle = "." };

	return command_perform(self, argc, argv, &flags, spec);
}

const struct command command_spec = {
	.name = "spec",
	.arguments = "[OPTIONS]",
	.summary = "write a config.json to start from",
	.options = options,
	.run = run_spec,
};
