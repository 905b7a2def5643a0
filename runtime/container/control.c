/* SPDX-License-Identifier: Apache-2.0 */
/*
 * control - what is done to a running container through its cgroup: pause, resume, update, statistics.
 */
#include "runtime/container/control.h"

#include "runtime/base/fd.h"
#include "runtime/base/mem.h"
#include "runtime/cgroup/cgroup.h"
#include "runtime/container/records.h"
#include "runtime/container/state.h"

#include <stdlib.h>
#include <string.h>

struct controlled {
	struct state state;
	enum state_status status;
	struct cgroup cgroup;
};

static void
release(struct controlled *c)
{
	cgroup_release(&c->cgroup);
	state_release(&c->state);
}

static int
open_cgroup(struct controlled *c, struct error *e)
{
	if (!c->state.cgroup || cgroup_open(c->state.cgroup, &c->cgroup, e) < 0) {
		error_set(
		    e, ERR_HOST, "container '%s' has no cgroup, which this needs", c->state.id);
		return error_hint(e,
		    "cgroups must be delegated to you: systemd-run --user --scope -p "
		    "Delegate=yes COMMAND");
	}
	return 0;
}

static int
open_container(const char *root, const char *id, struct controlled *c, struct error *e)
{
	autofd int records = records_open(root, e);
	autofd int record = records < 0 ? -1 : record_open(records, id, e);

	*c = (struct controlled){ 0 };
	if (record < 0 || state_read(record, &c->state, e) < 0)
		return -1;
	c->status = state_status(record, &c->state);
	if (c->status == STATE_STOPPED)
		error_set(e, ERR_INPUT, "container not running: '%s' has stopped", id);
	else if (open_cgroup(c, e) == 0)
		return 0;
	release(c);
	return -1;
}

int
control_pause(const char *root, const char *id, bool paused, struct error *e)
{
	struct controlled c;
	int result;

	if (open_container(root, id, &c, e) < 0)
		return -1;
	if (c.status == STATE_CREATED)
		result =
		    error_set(e, ERR_INPUT, "container not running: '%s' has not been started", id);
	else if ((c.status == STATE_PAUSED) == paused)
		result = error_set(e, ERR_INPUT, "container '%s' is %s", id,
		    paused ? "paused already" : "not paused");
	else
		result = cgroup_freeze(&c.cgroup, paused, e);
	release(&c);
	return result;
}

int
control_update(const char *root, const char *id, const struct oci_resources *r, struct error *e)
{
	struct controlled c;
	int result;

	if (open_container(root, id, &c, e) < 0)
		return -1;
	result = cgroup_set(&c.cgroup, r, e);
	release(&c);
	return result;
}

/* The number in @file, behind @key when there is one; false when the file is not there, or has none. */
static bool
read_number(const struct cgroup *c, const char *controller, const char *file, const char *key,
    uint64_t *number)
{
	struct error ignored = ERROR_INIT;
	auto(buf) struct buf text = { 0 };
	const char *at;

	if (cgroup_read(c, controller, file, &text, &ignored) < 0)
		return false;
	at = buf_text(&text);
	if (key) {
		at = strstr(at, key);
		at = at ? at + strlen(key) : "";
	}
	at += strspn(at, " ");
	if (*at < '0' || *at > '9')
		return false; /* "max" */
	*number = strtoull(at, NULL, 10);
	return true;
}

static void
add(struct json *j, const char *key, bool there, uint64_t number)
{
	if (there)
		json_set(j, key, json_new_u64(number));
}

/* v2 counts microseconds and has them all in one file; v1 nanoseconds, a file each. */
static void
add_processor(const struct cgroup *c, struct json *data)
{
	struct json *usage =
	    json_set(json_set(data, "cpu", json_new_object()), "usage", json_new_object());
	uint64_t n = 0;

	if (read_number(c, "cpu", "cpu.stat", "usage_usec", &n) ||
	    read_number(c, "cgroup", "cpu.stat", "usage_usec", &n))
		json_set(usage, "total", json_new_u64(n * 1000));
	else
		add(usage, "total", read_number(c, "cpuacct", "cpuacct.usage", NULL, &n), n);
}

static void
add_memory(const struct cgroup *c, struct json *data)
{
	struct json *usage =
	    json_set(json_set(data, "memory", json_new_object()), "usage", json_new_object());
	uint64_t n = 0;

	add(usage, "usage",
	    read_number(c, "memory", "memory.current", NULL, &n) ||
		read_number(c, "memory", "memory.usage_in_bytes", NULL, &n),
	    n);
	add(usage, "limit",
	    read_number(c, "memory", "memory.max", NULL, &n) ||
		read_number(c, "memory", "memory.limit_in_bytes", NULL, &n),
	    n);
}

struct json *
control_statistics(const char *root, const char *id, struct error *e)
{
	struct controlled c;
	struct json *data, *pids;
	uint64_t n = 0;

	if (open_container(root, id, &c, e) < 0)
		return NULL;
	data = json_new_object();
	add_processor(&c.cgroup, data);
	add_memory(&c.cgroup, data);
	pids = json_set(data, "pids", json_new_object());
	add(pids, "current", read_number(&c.cgroup, "pids", "pids.current", NULL, &n), n);
	add(pids, "limit", read_number(&c.cgroup, "pids", "pids.max", NULL, &n), n);
	release(&c);
	return data;
}
