/* SPDX-License-Identifier: Apache-2.0 */
/*
 * message - what a stage worker tells the main process: one JSON object a datagram (SOCK_SEQPACKET).
 *
 *	{"type":"started","step":2,"why":"..."}
 *	{"type":"note"|"warning","step":2,"text":"..."}
 *	{"type":"cached"|"done","step":2,"key":"sha256:...","record":{...},"cpu":1.5,...}
 *	{"type":"failed","step":2,"error":{...},"status":2}
 *
 * The output of a command comes through a pipe of the step's own, whose end for reading goes with "started" (unix(7), SCM_RIGHTS), so
 * that it is the step's however late it is read; "done" or "failed" is sent after the last byte was written there.
 */
#ifndef CROZE_BUILDER_BUILD_MESSAGE_H
#define CROZE_BUILDER_BUILD_MESSAGE_H

#include "runtime/base/digest.h"
#include "runtime/base/error.h"
#include "runtime/base/json.h"

#include "builder/step/record.h"

#include <stddef.h>

enum message_type {
	MESSAGE_STARTED,
	MESSAGE_NOTE,
	MESSAGE_WARNING,
	MESSAGE_CACHED,
	MESSAGE_DONE,
	MESSAGE_FAILED,
};

struct message {
	enum message_type type;
	size_t step;
	char *text;   /* NOTE, WARNING; STARTED: why it was not cached, or NULL */
	bool has_log; /* STARTED */
	int log;      /* what the command prints, to be read; close-on-exec */
	bool has_key; /* CACHED, DONE */
	struct digest key;
	bool has_record;
	struct step_record record;
	double cpu_seconds;   /* DONE, FAILED: of the command */
	uint64_t peak_memory; /* bytes */
	struct error error;   /* FAILED */
	int exit_status;      /* FAILED: of the command, 128+n for a signal; 0 when none ran */
	struct json *reached; /* DONE, FAILED: as egress_take(); NULL: not known */
	bool
	    command_ran; /* FAILED: the command itself ended so; the error adds nothing to its status */
};

/** Closes the log, too: whoever keeps it sets @has_log to false. */
void message_release(struct message *m);

/** Sends one; blocks. What is in it stays the caller's. -1 when the other side is gone. */
int message_send(int fd, const struct message *m, struct error *e);
/** Receives one. Returns 1, 0 when the sender is gone, -1; -1 with errno EAGAIN only on a non-blocking @fd: then 2. */
int message_receive(int fd, struct message *m, struct error *e);

#endif
