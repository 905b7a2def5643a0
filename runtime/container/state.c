/* SPDX-License-Identifier: Apache-2.0 */
/*
 * state - what is known of a container from its creation on, and how it is (runtime-spec, runtime.md, "State").
 *
 * Nothing watches a container, so its status is found each time: from its first process, known by number and start time, and
 * from the FIFO that is there until the start.
 */
#include "runtime/container/state.h"

#include "runtime/base/fd.h"
#include "runtime/base/mem.h"
#include "runtime/base/path.h"
#include "runtime/base/text.h"
#include "runtime/cgroup/cgroup.h"
#include "runtime/container/records.h"
#include "runtime/oci/config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define VERSION 1

void
state_release(struct state *s)
{
	free(s->id);
	free(s->bundle);
	free(s->rootfs);
	free(s->created);
	free(s->cgroup);
	json_free(s->annotations);
	*s = (struct state){ 0 };
}

const char *
state_status_name(enum state_status status)
{
	static const char *const names[] = { "creating", "created", "running", "paused",
		"stopped" };

	return names[status];
}

int
state_write(int record, const struct state *s, struct error *e)
{
	autojson struct json *j = json_new_object();
	auto(buf) struct buf text = { 0 };

	json_set(j, "version", json_new_u64(VERSION));
	json_set_text(j, "id", s->id);
	json_set(j, "pid", json_new_i64(s->pid));
	json_set(j, "started", json_new_u64(s->started));
	json_set_text(j, "bundle", s->bundle);
	json_set_text(j, "rootfs", s->rootfs);
	json_set_text(j, "created", s->created);
	json_set(j, "owner", json_new_u64(s->owner));
	json_set(j, "ownPids", json_new_bool(s->own_pids));
	if (s->cgroup)
		json_set_text(j, "cgroup", s->cgroup);
	if (s->annotations)
		json_set(j, "annotations", json_copy(s->annotations));
	json_write(j, JSON_INDENT, &text);
	return path_write_file(record, STATE_FILE, buf_text(&text), text.len, 0600, false, e);
}

static int
read_text(const struct json *j, const char *key, char **text, struct error *e)
{
	const char *value = NULL;

	if (json_read_text(j, key, STATE_FILE, &value, e) < 0)
		return -1;
	if (!value)
		return error_set(e, ERR_INPUT, "'%s' has no '%s'", STATE_FILE, key);
	*text = xstrdup(value);
	return 0;
}

static int
read_members(const struct json *j, struct state *s, struct error *e)
{
	uint64_t version = 0;
	int64_t pid = 0;
	uint64_t owner = 0;
	const char *cgroup = NULL;

	if (json_read_u64(j, "version", STATE_FILE, &version, e) < 0 ||
	    json_read_i64(j, "pid", STATE_FILE, &pid, e) < 0 ||
	    json_read_u64(j, "started", STATE_FILE, &s->started, e) < 0 ||
	    json_read_u64(j, "owner", STATE_FILE, &owner, e) < 0 ||
	    json_read_bool(j, "ownPids", STATE_FILE, &s->own_pids, e) < 0 ||
	    json_read_text(j, "cgroup", STATE_FILE, &cgroup, e) < 0)
		return -1;
	if (version != VERSION)
		return error_set(e, ERR_INPUT, "'%s' is of version %llu, not %d", STATE_FILE,
		    (unsigned long long)version, VERSION);
	if (pid <= 0 || pid > INT32_MAX)
		return error_set(e, ERR_INPUT, "'%s' has no pid", STATE_FILE);
	s->pid = (pid_t)pid;
	s->owner = (uid_t)owner;
	s->cgroup = cgroup ? xstrdup(cgroup) : NULL;
	if (json_type(json_get(j, "annotations")) == JSON_OBJECT)
		s->annotations = json_copy(json_get(j, "annotations"));
	if (read_text(j, "id", &s->id, e) < 0 || read_text(j, "bundle", &s->bundle, e) < 0 ||
	    read_text(j, "rootfs", &s->rootfs, e) < 0)
		return -1;
	return read_text(j, "created", &s->created, e);
}

int
state_read(int record, struct state *s, struct error *e)
{
	auto(buf) struct buf text = { 0 };
	autojson struct json *j = NULL;

	*s = (struct state){ 0 };
	if (path_read_file(record, STATE_FILE, &text, JSON_MAX_BYTES, e) < 0) {
		if (e->sys == ENOENT && record_is_locked(record))
			return error_set(e, ERR_TEMPORARY, "the container is being created");
		return error_ctx(e, "the record of the container is damaged");
	}
	j = json_parse(buf_text(&text), text.len, e);
	if (j && read_members(j, s, e) == 0)
		return 0;
	state_release(s);
	return error_ctx(e, "the record of the container is damaged");
}

uint64_t
state_start_time(pid_t pid)
{
	struct error ignored = ERROR_INIT;
	auto(buf) struct buf text = { 0 };
	autofd int fd = -1;
	char path[32];
	const char *at;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fd_read_all(fd, &text, 4096, path, &ignored) < 0)
		return 0;
	/* the name of the program, in parentheses, may hold anything; field 3 stands behind it */
	at = strrchr(buf_text(&text), ')');
	if (!at || at[1] != ' ' || at[2] == 'Z' || at[2] == 'X')
		return 0;
	at += 1;
	for (int field = 3; field < 22 && at; field++)
		at = strchr(at + 1, ' ');
	return at ? strtoull(at + 1, NULL, 10) : 0;
}

bool
state_is_alive(const struct state *s)
{
	return s->pid > 0 && s->started != 0 && state_start_time(s->pid) == s->started;
}

static bool
is_paused(const struct state *s)
{
	struct cgroup c = CGROUP_INIT;
	struct error ignored = ERROR_INIT;
	bool frozen;

	if (!s->cgroup || cgroup_open(s->cgroup, &c, &ignored) < 0)
		return false;
	frozen = cgroup_is_frozen(&c) == 1;
	cgroup_release(&c);
	return frozen;
}

enum state_status
state_status(int record, const struct state *s)
{
	if (!state_is_alive(s))
		return STATE_STOPPED;
	if (faccessat(record, STATE_START_FIFO, F_OK, 0) == 0)
		return STATE_CREATED;
	return is_paused(s) ? STATE_PAUSED : STATE_RUNNING;
}

struct json *
state_document(const struct state *s, enum state_status status)
{
	struct json *j = json_new_object();

	json_set_text(j, "ociVersion", OCI_VERSION);
	json_set_text(j, "id", s->id);
	json_set(j, "pid", json_new_i64(status == STATE_STOPPED ? 0 : s->pid));
	json_set_text(j, "status", state_status_name(status));
	json_set_text(j, "bundle", s->bundle);
	json_set_text(j, "rootfs", s->rootfs);
	json_set_text(j, "created", s->created);
	if (s->annotations)
		json_set(j, "annotations", json_copy(s->annotations));
	return j;
}
