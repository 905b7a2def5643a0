/* SPDX-License-Identifier: Apache-2.0 */
/*
 * message - what a stage worker tells the main process.
 */
#include "builder/build/message.h"

#include "runtime/base/buf.h"
#include "runtime/base/mem.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#define MESSAGE_MAX (128U << 10)

static const char *const type_names[] = {
	[MESSAGE_STARTED] = "started",
	[MESSAGE_NOTE] = "note",
	[MESSAGE_WARNING] = "warning",
	[MESSAGE_CACHED] = "cached",
	[MESSAGE_DONE] = "done",
	[MESSAGE_FAILED] = "failed",
};

union control {
	struct cmsghdr header;
	char room[CMSG_SPACE(sizeof(int))];
};

void
message_release(struct message *m)
{
	if (m->has_log)
		(void)close(m->log); /* it is read from */
	free(m->text);
	json_free(m->reached);
	if (m->has_record)
		step_record_release(&m->record);
	memset(m, 0, sizeof(*m));
}

static struct json *
error_to_json(const struct error *error)
{
	struct json *json = json_new_object();

	json_set(json, "kind", json_new_u64(error->kind));
	json_set(json, "errno", json_new_i64(error->sys));
	json_set_text(json, "text", error->text);
	json_set_text(json, "hint", error->hint);
	return json;
}

static int
error_from_json(const struct json *json, struct error *error, struct error *e)
{
	const char *text = "", *hint = "";
	uint64_t kind = ERR_SYSTEM;
	int64_t sys = 0;

	if (json_read_u64(json, "kind", "error", &kind, e) < 0 ||
	    json_read_i64(json, "errno", "error", &sys, e) < 0 ||
	    json_read_text(json, "text", "error", &text, e) < 0 ||
	    json_read_text(json, "hint", "error", &hint, e) < 0)
		return -1;
	(void)error_set(error, (enum error_kind)kind, "%s", text);
	if (*hint)
		(void)error_hint(error, "%s", hint);
	error->sys = (int)sys;
	return 0;
}

static struct json *
message_to_json(const struct message *m)
{
	struct json *json = json_new_object();
	char text[DIGEST_TEXT_LEN + 1];

	json_set_text(json, "type", type_names[m->type]);
	json_set(json, "step", json_new_u64(m->step));
	if (m->text)
		json_set_text(json, "text", m->text);
	if (m->has_key)
		json_set_text(json, "key", digest_text(&m->key, text));
	if (m->has_record)
		json_set(json, "record", step_record_to_json(&m->record));
	json_set(json, "cpuMicroseconds", json_new_u64((uint64_t)(m->cpu_seconds * 1e6)));
	json_set(json, "peakMemory", json_new_u64(m->peak_memory));
	if (m->type == MESSAGE_FAILED)
		json_set(json, "error", error_to_json(&m->error));
	if (m->reached)
		json_set(json, "reached", json_copy(m->reached));
	json_set(json, "status", json_new_i64(m->exit_status));
	json_set(json, "commandRan", json_new_bool(m->command_ran));
	return json;
}

int
message_send(int fd, const struct message *m, struct error *e)
{
	auto(buf) struct buf b = { 0 };
	autojson struct json *json = message_to_json(m);
	union control control = { 0 };
	struct iovec bytes = { 0 };
	struct msghdr header = { .msg_iov = &bytes, .msg_iovlen = 1 };

	json_write(json, 0, &b);
	bytes = (struct iovec){ b.data, b.len };
	if (m->has_log) {
		header.msg_control = &control;
		header.msg_controllen = sizeof(control);
		control.header.cmsg_level = SOL_SOCKET;
		control.header.cmsg_type = SCM_RIGHTS;
		control.header.cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(&control.header), &m->log, sizeof(m->log));
	}
	while (sendmsg(fd, &header, MSG_NOSIGNAL) < 0)
		if (errno != EINTR)
			return error_sys(e, "cannot report to the main process");
	return 0;
}

static int
read_type(const struct json *json, enum message_type *type, struct error *e)
{
	const char *name = json_text(json_get(json, "type"));

	for (size_t i = 0; name && i < ARRAY_LEN(type_names); i++) {
		if (strcmp(name, type_names[i]) == 0) {
			*type = (enum message_type)i;
			return 0;
		}
	}
	return error_set(e, ERR_INPUT, "unknown message of a stage worker");
}

static int
message_from_json(const struct json *json, struct message *m, struct error *e)
{
	const char *text = NULL, *key = NULL;
	uint64_t step = 0, cpu = 0;
	int64_t status = 0;

	if (read_type(json, &m->type, e) < 0 ||
	    json_read_u64(json, "step", "message", &step, e) < 0 ||
	    json_read_text(json, "text", "message", &text, e) < 0 ||
	    json_read_text(json, "key", "message", &key, e) < 0 ||
	    json_read_u64(json, "cpuMicroseconds", "message", &cpu, e) < 0 ||
	    json_read_u64(json, "peakMemory", "message", &m->peak_memory, e) < 0 ||
	    json_read_i64(json, "status", "message", &status, e) < 0 ||
	    json_read_bool(json, "commandRan", "message", &m->command_ran, e) < 0)
		return -1;
	m->step = step;
	m->cpu_seconds = (double)cpu / 1e6;
	m->exit_status = (int)status;
	m->text = text ? xstrdup(text) : NULL;
	if (json_get(json, "reached"))
		m->reached = json_copy(json_get(json, "reached"));
	if (key) {
		m->has_key = true;
		if (digest_parse(key, &m->key, e) < 0)
			return -1;
	}
	if (json_get(json, "record")) {
		if (step_record_from_json(json_get(json, "record"), &m->record, e) < 0)
			return -1;
		m->has_record = true;
	}
	if (m->type == MESSAGE_FAILED)
		return error_from_json(json_get(json, "error"), &m->error, e);
	return 0;
}

/* As recv(2); a log that comes along is put into @m. */
static ssize_t
receive(int fd, struct buf *b, struct message *m)
{
	union control control = { 0 };
	struct iovec bytes = { buf_reserve(b, MESSAGE_MAX), MESSAGE_MAX };
	struct msghdr header = { .msg_iov = &bytes,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control) };
	const struct cmsghdr *passed;
	ssize_t n;

	do
		n = recvmsg(fd, &header, MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	passed = n > 0 ? CMSG_FIRSTHDR(&header) : NULL;
	if (passed && passed->cmsg_level == SOL_SOCKET && passed->cmsg_type == SCM_RIGHTS) {
		memcpy(&m->log, CMSG_DATA(passed), sizeof(m->log));
		m->has_log = true;
	}
	return n;
}

int
message_receive(int fd, struct message *m, struct error *e)
{
	auto(buf) struct buf b = { 0 };
	autojson struct json *json = NULL;
	ssize_t n;

	memset(m, 0, sizeof(*m));
	n = receive(fd, &b, m);
	if (n < 0 && errno == EAGAIN)
		return 2;
	if (n < 0 && errno != ECONNRESET)
		return error_sys(e, "cannot hear a stage worker");
	if (n <= 0)
		return 0;
	buf_added(&b, (size_t)n);
	json = json_parse(b.data, b.len, e);
	if (json && message_from_json(json, m, e) == 0)
		return 1;
	message_release(m);
	return -1;
}
