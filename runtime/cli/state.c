/* SPDX-License-Identifier: Apache-2.0 */
/*
 * state - croze-runtime state: how a container is, as JSON (runtime-spec, runtime.md, "Query State").
 */
#include "runtime/container/state.h"

#include "runtime/base/fd.h"
#include "runtime/base/mem.h"
#include "runtime/cli/commands.h"
#include "runtime/cli/global.h"
#include "runtime/container/records.h"

/* Before there is a state there is only the name. */
static struct json *
being_created(const char *id)
{
	struct state s = { .id = (char *)(uintptr_t)id,
		.bundle = (char[]){ "" },
		.rootfs = (char[]){ "" },
		.created = (char[]){ "" } };

	return state_document(&s, STATE_CREATING);
}

static struct json *
find_state(const char *id, struct error *e)
{
	autofd int records = records_open(global_options()->root, e);
	autofd int record = records < 0 ? -1 : record_open(records, id, e);
	struct state s;
	struct json *j;

	if (record < 0)
		return NULL;
	if (state_read(record, &s, e) < 0)
		return e->kind == ERR_TEMPORARY ? being_created(id) : NULL;
	j = state_document(&s, state_status(record, &s));
	state_release(&s);
	return j;
}

static int
state(void *flags, const struct strv *words, struct buf *b, struct error *e)
{
	const char *id = command_id("state", words, e);
	autojson struct json *j = id ? find_state(id, e) : NULL;

	(void)flags; /* there are none */
	if (!j)
		return -1;
	json_write(j, JSON_INDENT, b);
	return 0;
}

static int
run_state(int argc, char **argv, const struct command *self)
{
	return command_perform(self, argc, argv, NULL, state);
}

const struct command command_state = {
	.name = "state",
	.arguments = "NAME",
	.summary = "print how a container is, as JSON",
	.run = run_state,
};
