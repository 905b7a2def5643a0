/* SPDX-License-Identifier: Apache-2.0 */
/*
 * state - what is known of a container from its creation on, and how it is (runtime-spec, runtime.md, "State").
 */
#ifndef CROZE_CONTAINER_STATE_H
#define CROZE_CONTAINER_STATE_H

#include "runtime/base/error.h"
#include "runtime/base/json.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define STATE_FILE "state.json"
/** In a record until the container is started: a byte in the first sets it off, the second brings its failure. */
#define STATE_START_FIFO "start"
#define STATE_RESULT_FIFO "result"

struct state {
	char *id;
	pid_t pid; /* of the first process; as seen from where the container was created */
	uint64_t
	    started; /* field 22 of its /proc/PID/stat: with the number it is that process and no later one */
	char *bundle; /* absolute */
	char *rootfs;
	char *created;            /* RFC 3339 */
	uid_t owner;              /* who created it, as he was called there */
	bool own_pids;            /* it has a pid namespace of its own */
	struct json *annotations; /* object; NULL */
	char *cgroup;             /* folder of its cgroup; NULL */
};

void state_release(struct state *s);

enum state_status {
	STATE_CREATING,
	STATE_CREATED,
	STATE_RUNNING,
	STATE_PAUSED,
	STATE_STOPPED,
};

const char *state_status_name(enum state_status status);

/** Whole or not at all. */
int state_write(int record, const struct state *s, struct error *e);
/** ERR_INPUT when it is damaged; ERR_TEMPORARY while the container is still being created. */
int state_read(int record, struct state *s, struct error *e);
/** How the container is right now. */
enum state_status state_status(int record, const struct state *s);
/** Is the first process still that one, and not a zombie? */
bool state_is_alive(const struct state *s);
/** The document that callers and hooks read; to be freed. A stopped container has no pid. */
struct json *state_document(const struct state *s, enum state_status status);

/** Field 22 of /proc/PID/stat; 0 when there is no such process or it is a zombie. */
uint64_t state_start_time(pid_t pid);

#endif
