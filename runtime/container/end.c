/* SPDX-License-Identifier: Apache-2.0 */
/*
 * end - signals to containers, and their removal.
 *
 * A process is held by a pidfd before it is known to be the container's, so that its number cannot come to mean another one in between.
 */
#include "runtime/container/end.h"

#include "runtime/base/fd.h"
#include "runtime/base/mem.h"
#include "runtime/base/process.h"
#include "runtime/base/text.h"
#include "runtime/container/members.h"
#include "runtime/container/points.h"
#include "runtime/container/records.h"
#include "runtime/container/state.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define KILL_WAIT_MS 10000
#define POLL_MS 5

static int
parse_name(const char *name)
{
	for (int i = 1; i < SIGRTMIN; i++) {
		const char *known = sigabbrev_np(i);

		if (known && strcasecmp(known, name) == 0)
			return i;
	}
	if (strcasecmp(name, "IOT") == 0)
		return SIGABRT;
	if (strcasecmp(name, "CLD") == 0)
		return SIGCHLD;
	return 0;
}

static int
parse_real_time(const char *name)
{
	struct error ignored = ERROR_INIT;
	bool from_end = strncasecmp(name, "RTMAX", 5) == 0;
	uint64_t n = 0;
	const char *rest = name + 5;

	if (!from_end && strncasecmp(name, "RTMIN", 5) != 0)
		return 0;
	if (*rest != '\0' && (*rest != (from_end ? '-' : '+') ||
				 parse_u64(rest + 1, 0, 30, "signal", &n, &ignored) < 0))
		return 0;
	return from_end ? SIGRTMAX - (int)n : SIGRTMIN + (int)n;
}

int
signal_parse(const char *text, int *signal, struct error *e)
{
	const char *name = strncasecmp(text, "SIG", 3) == 0 ? text + 3 : text;
	struct error ignored = ERROR_INIT;
	uint64_t number;

	if (parse_u64(text, 0, (uint64_t)SIGRTMAX, "signal", &number, &ignored) == 0) {
		*signal = (int)number;
		return 0;
	}
	*signal = parse_name(name);
	if (*signal == 0)
		*signal = parse_real_time(name);
	if (*signal == 0)
		return error_set(e, ERR_USAGE, "'%s' is no signal", text);
	return 0;
}

static int
not_running(const char *id, struct error *e)
{
	return error_set(
	    e, ERR_INPUT, "container not running: '%s' has no process: no such process", id);
}

/* 0, or an errno. */
static int
send_signal(const struct state *s, int signal)
{
	autofd int fd = process_pidfd(s->pid);
	long result;

	if (fd < 0 && errno != ENOSYS && errno != EPERM)
		return errno;
	if (!state_is_alive(s))
		return ESRCH;
	result =
	    fd >= 0 ? syscall(SYS_pidfd_send_signal, fd, signal, NULL, 0) : kill(s->pid, signal);
	return result < 0 ? errno : 0;
}

/* The cgroup knows them even when the first process has ended and the pid namespace was shared. */
static int
signal_all(const struct state *s, int signal, struct error *e)
{
	struct cgroup c;
	struct error ignored = ERROR_INIT;

	if (s->cgroup && cgroup_open(s->cgroup, &c, &ignored) == 0) {
		int result = cgroup_signal(&c, signal, e);

		cgroup_release(&c);
		return result;
	}
	return state_is_alive(s) ? members_signal(s, signal, e) : 0;
}

static int
signal_state(const struct state *s, int signal, enum end_flags flags, struct error *e)
{
	int failed;

	if (flags & END_ALL)
		return signal_all(s, signal, e);
	failed = send_signal(s, signal);
	if (failed == ESRCH)
		return not_running(s->id, e);
	errno = failed;
	return failed ? error_sys(e, "cannot signal container '%s'", s->id) : 0;
}

int
kill_container(const char *root, const char *id, int signal, enum end_flags flags, struct error *e)
{
	autofd int records = records_open(root, e);
	autofd int record = -1;
	struct state s;
	int result;

	if (records < 0)
		return -1;
	record = record_open(records, id, e);
	if (record < 0 || state_read(record, &s, e) < 0)
		return -1;
	result = signal_state(&s, signal, flags, e);
	state_release(&s);
	return result;
}

static int
await_end(const struct state *s, struct error *e)
{
	autofd int fd = process_pidfd(s->pid);
	struct pollfd p = { .fd = fd, .events = POLLIN };
	const struct timespec pause = { .tv_nsec = POLL_MS * 1000000L };

	if (fd >= 0 && state_is_alive(s))
		(void)poll(&p, 1, KILL_WAIT_MS); /* the result is looked at below */
	for (int i = 0; fd < 0 && state_is_alive(s) && i < KILL_WAIT_MS / POLL_MS; i++)
		(void)nanosleep(&pause, NULL); /* a signal only shortens it */
	if (state_is_alive(s))
		return error_set(e, ERR_TEMPORARY,
		    "container '%s' does not end: process %d is still there", s->id, (int)s->pid);
	return 0;
}

/* All processes; those of a shared pid namespace have nobody who ends them with the first one. */
static int
end_processes(const struct state *s, struct error *e)
{
	int failed;

	if (!state_is_alive(s))
		return 0;
	if (!s->own_pids && members_signal(s, SIGKILL, e) < 0)
		return -1;
	failed = send_signal(s, SIGKILL);
	errno = failed;
	if (failed != 0 && failed != ESRCH)
		return error_sys(e, "cannot end container '%s'", s->id);
	return await_end(s, e);
}

static int
delete_state(int record, const struct state *s, enum end_flags flags, struct error *e)
{
	enum state_status status = state_status(record, s);

	if (status != STATE_STOPPED && status != STATE_CREATED && !(flags & END_FORCE)) {
		error_set(e, ERR_INPUT, "cannot delete container '%s' that is not stopped: %s",
		    s->id, state_status_name(status));
		return error_hint(e, "croze-runtime delete --force %s", s->id);
	}
	return end_processes(s, e);
}

/* The cgroup, the record, and then the hooks, which find nothing of it any more. */
static int
remove_all(int records, int record, const struct state *s, struct error *e)
{
	autojson struct json *document = state_document(s, STATE_STOPPED);
	struct error ignored = ERROR_INIT;
	struct oci_config config;
	struct cgroup cgroup;
	bool known = oci_config_read(record, &config, &ignored) == 0;
	int result = 0;

	if (s->cgroup && cgroup_open(s->cgroup, &cgroup, &ignored) == 0) {
		result = cgroup_remove(&cgroup, e);
		cgroup_release(&cgroup);
	}
	if (result == 0)
		result = record_remove(records, s->id, e);
	json_remove(document, "pid");
	if (known && result == 0)
		points_warn(&config.hooks, OCI_POSTSTOP, document);
	if (known)
		oci_config_release(&config);
	return result;
}

int
delete_container(const char *root, const char *id, enum end_flags flags, struct error *e)
{
	autofd int records = records_open(root, e);
	autofd int record = -1;
	struct state s;
	int result;

	if (records < 0)
		return -1;
	record = record_open(records, id, e);
	if (record < 0)
		return e->kind == ERR_NOT_FOUND && flags & END_FORCE ? 0 : -1;
	if (record_lock(record, e) < 0)
		return -1;
	result = state_read(record, &s, e);
	if (result == 0) {
		result = delete_state(record, &s, flags, e);
		if (result == 0)
			result = remove_all(records, record, &s, e);
		state_release(&s);
		return result;
	} else if (flags & END_FORCE) {
		result = 0; /* who its processes were is lost; the record goes */
	} else {
		(void)error_hint(e, "croze-runtime delete --force %s", id);
	}
	return result < 0 ? -1 : record_remove(records, id, e);
}
