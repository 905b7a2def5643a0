/* SPDX-License-Identifier: Apache-2.0 */
/*
 * create - makes a container from a bundle: create and run (runtime-spec, runtime.md, "Operations").
 *
 * What is opened by the caller's paths (bundle, pid file, sockets, records) is opened before namespaces are entered. The pid file and
 * the state are written once the first process is ready and before it is let go: who finds a pid file finds a container, and a crash
 * before that ends the process, whose only tie to the world is our socket.
 */
#include "runtime/container/create.h"

#include "runtime/base/fd.h"
#include "runtime/base/mem.h"
#include "runtime/base/path.h"
#include "runtime/base/process.h"
#include "runtime/base/text.h"
#include "runtime/container/console.h"
#include "runtime/container/files.h"
#include "runtime/container/points.h"
#include "runtime/container/prepare.h"
#include "runtime/container/records.h"
#include "runtime/container/start.h"
#include "runtime/container/state.h"
#include "runtime/sandbox/passfd.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

struct making {
	const struct create_options *options;
	uid_t owner;
	int records;
	int record;
	struct file_place pid_file;
	int console; /* socket that gets the terminal; -1 */
	int hold_read, hold_write;
	bool read; /* @prepared is to be released */
	struct prepared prepared;
	bool pointed; /* @points is to be ended */
	bool
	    begun; /* the container has begun to be made, so that what was made for it is to be undone */
	struct points points;
	struct container container;
	struct state state;
};

static void
fill_state(struct making *m)
{
	const struct json *annotations = json_get(m->prepared.config.json, "annotations");
	auto(buf) struct buf now = { 0 };
	struct timespec time;

	(void)clock_gettime(CLOCK_REALTIME, &time); /* cannot fail */
	text_add_rfc3339(&now, &time);
	m->state = (struct state){
		.id = xstrdup(m->options->id),
		.bundle = xstrdup(m->prepared.path),
		.rootfs = path_join(m->prepared.path, m->prepared.config.root_path),
		.created = buf_steal(&now),
		.owner = m->owner,
		.own_pids = (m->prepared.spec.namespaces & CLONE_NEWPID) != 0,
		.annotations = json_count(annotations) > 0 ? json_copy(annotations) : NULL,
	};
}

/* The file as it is now; what is done later (exec, hooks) goes by what the container was made of. */
static int
keep_config(struct making *m, struct error *e)
{
	auto(buf) struct buf text = { 0 };

	json_write(m->prepared.config.json, JSON_INDENT, &text);
	return path_write_file(m->record, "config.json", buf_text(&text), text.len, 0600, false, e);
}

static int
make_fifo(int record, const char *name, int *both, struct error *e)
{
	if (unlinkat(record, name, 0) < 0 && errno != ENOENT)
		return error_sys(e, "cannot remove '%s'", name);
	if (mkfifoat(record, name, 0600) < 0)
		return error_sys(e, "cannot make '%s'", name);
	*both = openat(record, name, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	return *both < 0 ? error_sys(e, "cannot open '%s'", name) : 0;
}

/* The result is open for writing alone in the end, so that its reader sees that the command is executed. */
static int
make_hold(struct making *m, struct error *e)
{
	autofd int both = -1;

	if (make_fifo(m->record, STATE_START_FIFO, &m->hold_read, e) < 0 ||
	    make_fifo(m->record, STATE_RESULT_FIFO, &both, e) < 0)
		return -1;
	m->hold_write = openat(m->record, STATE_RESULT_FIFO, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
	if (m->hold_write < 0)
		return error_sys(e, "cannot open '%s'", STATE_RESULT_FIFO);
	m->prepared.spec.hold_read = m->hold_read;
	m->prepared.spec.hold_write = m->hold_write;
	m->prepared.spec.outlives = true;
	return 0;
}

static int
check_console(const struct making *m, struct error *e)
{
	bool terminal = m->prepared.config.process.terminal;

	if (terminal && m->console < 0) {
		error_set(e, ERR_USAGE,
		    "the container has a terminal, and there is nobody to give it to");
		return error_hint(e, "give --console-socket, or set 'process.terminal' to false");
	}
	if (!terminal && m->console >= 0) {
		error_set(
		    e, ERR_USAGE, "--console-socket is of no use: the container has no terminal");
		return error_hint(e, "set 'process.terminal' to true in config.json");
	}
	return 0;
}

static int
put_on_record(struct making *m, struct error *e)
{
	m->state.pid = m->container.pid;
	m->state.started = state_start_time(m->container.pid);
	if (state_write(m->record, &m->state, e) < 0)
		return -1;
	return file_write_pid(&m->pid_file, m->container.pid, e);
}

static int
open_all(struct making *m, struct error *e)
{
	const struct create_options *o = m->options;

	if (oci_check_id(o->id, e) < 0 || file_check_preserved(o->preserve_fds, e) < 0 ||
	    file_find(o->pid_file, &m->pid_file, e) < 0)
		return -1;
	if (o->console_socket) {
		m->console = file_connect(o->console_socket, e);
		if (m->console < 0)
			return error_ctx(e, "console socket");
	}
	m->records = records_open(o->root, e);
	return m->records < 0 ? -1 : 0;
}

/* What hooks are told. */
static struct json *
document_of(void *arg, const char *status, pid_t pid)
{
	struct making *m = arg;
	struct json *j;

	m->state.pid = pid;
	j = state_document(&m->state, STATE_CREATING);
	json_set_text(j, "status", status);
	if (pid == 0)
		json_remove(j, "pid");
	return j;
}

static int
prepare(struct making *m, struct error *e)
{
	struct prepared *p = &m->prepared;
	char *own_pid;

	m->read = true;
	if (prepare_read(p, m->options->bundle, e) < 0 || keep_config(m, e) < 0)
		return -1;
	own_pid = file_add_activation(&p->config.process.env, m->options->preserve_fds);
	m->pointed = true;
	if (points_begin(&m->points, &p->config, m->options->id,
		m->options->no_cgroup ? POINTS_NO_CGROUP : 0, document_of, m, e) < 0 ||
	    prepare_enter(p, e) < 0 || prepare_spec(p, e) < 0)
		return -1;
	points_set(&m->points, &p->spec);
	m->begun = true;
	p->spec.own_pid = own_pid;
	p->spec.preserve_fds = m->options->preserve_fds;
	p->spec.no_pivot = m->options->no_pivot;
	p->spec.new_keyring = !m->options->keep_keyring;
	fill_state(m);
	m->state.cgroup = m->points.cgroup.path ? xstrdup(m->points.cgroup.path) : NULL;
	return 0;
}

/* A container that goes on by itself. On success its first process waits for its start. */
static int
create(struct making *m, struct error *e)
{
	if (prepare(m, e) < 0 || check_console(m, e) < 0 || make_hold(m, e) < 0)
		return -1;
	if (container_start(&m->prepared.spec, &m->container, e) < 0)
		return -1;
	if (m->console >= 0 && passfd_send(m->console, m->container.console, e) < 0)
		return error_ctx(e, "console socket");
	if (put_on_record(m, e) < 0)
		return -1;
	return container_let_go(&m->container, e);
}

static void
forget(struct making *m)
{
	struct error ignored = ERROR_INIT;

	file_remove(&m->pid_file);
	(void)record_remove(m->records, m->options->id, &ignored); /* the first failure counts */
}

/* @made: the container has come to be and is left alone. */
static void
release(struct making *m, bool made)
{
	struct error ignored = ERROR_INIT;

	if (made) { /* its mount points stay in the rootfs as long as it does */
		stubs_release(&m->container.stubs);
		m->container.pid = 0;
	}
	(void)container_finish(&m->container, &ignored); /* the first failure counts */
	if (!made && m->record >= 0)
		forget(m);
	if (!made && m->begun)
		points_stopped(&m->points);
	if (m->pointed)
		points_end(&m->points, made);
	if (m->read)
		prepared_release(&m->prepared);
	state_release(&m->state);
	file_release(&m->pid_file);
	fd_close_at(&m->console);
	fd_close_at(&m->hold_read);
	fd_close_at(&m->hold_write);
	record_unlock(m->record);
	fd_close_at(&m->record);
	fd_close_at(&m->records);
}

static void
init(struct making *m, const struct create_options *options)
{
	*m = (struct making){ .options = options,
		.owner = getuid(),
		.records = -1,
		.record = -1,
		.pid_file = FILE_PLACE_INIT,
		.console = -1,
		.hold_read = -1,
		.hold_write = -1,
		.container = CONTAINER_INIT };
}

static int
begin(struct making *m, const struct create_options *options, struct error *e)
{
	init(m, options);
	if (open_all(m, e) < 0)
		return -1;
	m->record = record_make(m->records, options->id, e);
	return m->record < 0 ? -1 : 0;
}

int
create_container(const struct create_options *options, struct error *e)
{
	struct making m;
	int result = begin(&m, options, e);

	if (result == 0)
		result = create(&m, e);
	release(&m, result == 0);
	return result;
}

static int
run_detached(struct making *m, struct error *e)
{
	if (create(m, e) < 0)
		return -1;
	/* ours would keep the reader of the result waiting */
	fd_close_at(&m->hold_read);
	fd_close_at(&m->hold_write);
	if (start_record(m->record, &m->state, e) < 0)
		return -1;
	points_started(&m->points, m->state.pid);
	return 0;
}

static int
run_attached(struct making *m, int *status, struct error *e)
{
	struct console console = CONSOLE_INIT;
	struct container *c = &m->container;
	int result = prepare(m, e);

	if (result == 0 && m->console >= 0) {
		error_set(e, ERR_USAGE, "--console-socket is of no use without --detach");
		result = error_hint(e, "the terminal is relayed by croze-runtime itself");
	}
	if (result == 0)
		result = console_open(&console,
		    m->prepared.config.process.terminal ? CONSOLE_TERMINAL | CONSOLE_INPUT
							: CONSOLE_INPUT,
		    &m->prepared.spec, e);
	if (result == 0)
		result = container_start(&m->prepared.spec, c, e);
	if (result == 0)
		result = put_on_record(m, e);
	if (result == 0) {
		points_started(&m->points, c->pid);
		record_unlock(m->record); /* others may act on it now */
		result = console_run(&console, c, status, e);
	}
	if (result == 0)
		c->pid = 0; /* reaped */
	if (container_finish(c, result < 0 ? &(struct error){ 0 } : e) < 0)
		result = -1;
	console_close(&console);
	return result;
}

int
run_container(const struct create_options *options, int *status, struct error *e)
{
	struct making m;
	int result = begin(&m, options, e);

	*status = 0;
	if (result == 0)
		result = options->detach ? run_detached(&m, e) : run_attached(&m, status, e);
	if (result == 0 && !options->detach && !options->keep) {
		forget(&m);
		points_stopped(&m.points);
	}
	release(&m, result == 0);
	if (result == 0)
		*status = process_exit_status(*status);
	return result;
}
