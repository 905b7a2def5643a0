/* SPDX-License-Identifier: Apache-2.0 */
/*
 * update - croze-runtime update: limits of a running container.
 */
#include "runtime/base/fd.h"
#include "runtime/base/json.h"
#include "runtime/base/mem.h"
#include "runtime/base/path.h"
#include "runtime/cli/commands.h"
#include "runtime/cli/global.h"
#include "runtime/container/control.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

struct update_flags {
	const char *resources;
};

static const struct option_def options[] = {
	{ .name = "resources",
	    .short_name = 'r',
	    .type = OPTION_TEXT,
	    .offset = offsetof(struct update_flags, resources),
	    .argument = "FILE",
	    .help = "a 'linux.resources' object with what is to be changed; - is standard input" },
	{ 0 },
};

static struct json *
read_resources(const char *path, struct error *e)
{
	bool standard = strcmp(path, "-") == 0;
	autofd int file = standard ? -1 : path_open_user(path, O_RDONLY | O_NONBLOCK, 0, e);
	const char *what = standard ? "standard input" : path;
	auto(buf) struct buf text = { 0 };
	struct json *j;

	if (!standard && file < 0)
		return NULL;
	if (fd_read_all(standard ? STDIN_FILENO : file, &text, JSON_MAX_BYTES, what, e) < 0)
		return NULL;
	j = json_parse(buf_text(&text), text.len, e);
	if (!j)
		error_ctx(e, "%s", what);
	return j;
}

static int
update(void *arg, const struct strv *words, struct buf *b, struct error *e)
{
	const struct update_flags *flags = arg;
	const char *id = command_id("update", words, e);
	autojson struct json *j = NULL;
	struct oci_resources r;
	int result;

	(void)b; /* nothing is printed */
	if (!id)
		return -1;
	if (!flags->resources) {
		error_set(e, ERR_USAGE, "there is nothing to change");
		return error_hint(e, "give --resources FILE");
	}
	j = read_resources(flags->resources, e);
	if (!j)
		return -1;
	oci_resources_init(&r);
	result = oci_resources_read(j, "", &r, e);
	if (result == 0)
		result = control_update(global_options()->root, id, &r, e);
	oci_resources_release(&r);
	return result;
}

static int
run_update(int argc, char **argv, const struct command *self)
{
	struct update_flags flags = { 0 };

	return command_perform(self, argc, argv, &flags, update);
}

const struct command command_update = {
	.name = "update",
	.arguments = "--resources FILE NAME",
	.summary = "change the limits of a running container",
	.options = options,
	.run = run_update,
};
