/* SPDX-License-Identifier: Apache-2.0 */
/*
 * start - sets a created container off.
 *
 * A byte in the first FIFO; then the second one is read until the first process has closed it, which execve does.
 */
#include "runtime/container/start.h"

#include "runtime/base/fd.h"
#include "runtime/base/mem.h"
#include "runtime/container/points.h"
#include "runtime/container/records.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static int
has_ended(struct error *e)
{
	return error_set(e, ERR_INPUT, "container not running: its first process has ended");
}

/* Nothing is success; a struct error its failure. */
static int
await_result(int fd, struct error *e)
{
	struct error told;
	struct error ignored = ERROR_INIT;

	if (fcntl(fd, F_SETFL, 0) < 0)
		return error_sys(e, "cannot wait for the container");
	switch (fd_read_exact(fd, &told, sizeof(told), &ignored)) {
	case 0:
		return 0;
	case 1:
		told.text[sizeof(told.text) - 1] = '\0';
		told.hint[sizeof(told.hint) - 1] = '\0';
		*e = told;
		return -1;
	default:
		return has_ended(e);
	}
}

int
start_record(int record, const struct state *s, struct error *e)
{
	/* opened before anything is said: it must have a reader when the process writes */
	autofd int result =
	    openat(record, STATE_RESULT_FIFO, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW);
	autofd int start =
	    openat(record, STATE_START_FIFO, O_WRONLY | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW);

	if (result < 0 || start < 0)
		return errno == ENXIO ? has_ended(e) : error_sys(e, "cannot start the container");
	if (!state_is_alive(s))
		return has_ended(e);
	/* from here on it is no longer created, whatever comes */
	if (unlinkat(record, STATE_START_FIFO, 0) < 0)
		return error_sys(e, "cannot start the container");
	if (write(start, "s", 1) != 1)
		return error_sys(e, "cannot start the container");
	(void)unlinkat(record, STATE_RESULT_FIFO, 0); /* nobody will look for it */
	return await_result(result, e);
}

static int
start_and_tell(int record, const struct state *s, struct error *e)
{
	autojson struct json *document = NULL;
	struct oci_config config;

	/* before anything is started: a record that cannot be read is no container to start */
	if (oci_config_read(record, &config, e) < 0)
		return error_ctx(e, "the record of the container is damaged");
	if (start_record(record, s, e) < 0) {
		oci_config_release(&config);
		return -1;
	}
	document = state_document(s, STATE_RUNNING);
	points_warn(&config.hooks, OCI_POSTSTART, document);
	oci_config_release(&config);
	return 0;
}

int
start_container(const char *root, const char *id, struct error *e)
{
	autofd int records = records_open(root, e);
	autofd int record = -1;
	struct state s = { 0 };
	enum state_status status;
	int result = -1;

	if (records < 0)
		return -1;
	record = record_open(records, id, e);
	if (record < 0 || record_lock(record, e) < 0 || state_read(record, &s, e) < 0)
		return -1;
	status = state_status(record, &s);
	if (status == STATE_CREATED)
		result = start_and_tell(record, &s, e);
	else if (status == STATE_STOPPED)
		result = has_ended(e);
	else
		result =
		    error_set(e, ERR_INPUT, "container '%s' has been started already: it is %s", id,
			state_status_name(status));
	state_release(&s);
	return result;
}
