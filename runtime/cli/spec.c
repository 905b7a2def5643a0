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
write_spec(const struct spec_flags *flags, struct error *e)
{
	autofd int dir = path_open_user(flags->bundle, O_RDONLY | O_DIRECTORY, 0, e);
	autojson struct json *j = NULL;
	auto(buf) struct buf text = { 0 };
	struct stat st;

	if (dir < 0)
		return -1;
	if (fstatat(dir, "config.json", &st, AT_SYMLINK_NOFOLLOW) == 0)
		return error_set(e, ERR_USAGE, "'%s/config.json' is there already", flags->bundle);
	j = oci_config_default(flags->rootless, geteuid(), getegid());
	json_write(j, JSON_INDENT, &text);
	return path_write_file(dir, "config.json", buf_text(&text), text.len, 0644, false, e);
}

static int
spec(int argc, char **argv, const struct command *self)
{
	struct spec_flags flags = { .bundle = "." };
	auto(strv) struct strv words = { 0 };
	struct error e = ERROR_INIT;
	int parsed = options_parse(self, argc, argv, &flags, &words, &e);

	if (parsed != 0)
		return parsed > 0 ? 0 : command_fail(&e);
	if (words.count > 0)
		error_set(&e, ERR_USAGE, "spec takes no arguments");
	else if (write_spec(&flags, &e) == 0)
		return 0;
	return command_fail(&e);
}

const struct command command_spec = {
	.name = "spec",
	.arguments = "[OPTIONS]",
	.summary = "write a config.json to start from",
	.options = options,
	.run = spec,
};
