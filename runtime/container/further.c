/* SPDX-License-Identifier: Apache-2.0 */
/*
 * further - a further process in a container that runs: exec.
 *
 * What the process may do is what the config.json of the creation says of the first one, changed by the caller; nothing inside the
 * container has a say in it. It is held by the same cgroup, filter and Landlock rules, or is not started.
 */
#include "runtime/container/further.h"

#include "runtime/base/fd.h"
#include "runtime/base/mem.h"
#include "runtime/base/path.h"
#include "runtime/base/process.h"
#include "runtime/base/text.h"
#include "runtime/cgroup/cgroup.h"
#include "runtime/container/console.h"
#include "runtime/container/files.h"
#include "runtime/container/prepare.h"
#include "runtime/container/records.h"
#include "runtime/container/state.h"
#include "runtime/sandbox/passfd.h"
#include "seccomp/compile.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#define GROUPS_MAX 65536
#define ID_MAX 4294967294U

struct further {
	const struct further_options *options;
	int record;
	struct state state;
	struct oci_config config; /* as at the creation */
	struct oci_process process;
	bool own_process; /* @process is from a file */
	struct file_place pid_file;
	int console;          /* socket; -1 */
	struct userns userns; /* of the container, as far as it matters */
	struct container_spec spec;
	struct prepared_process parts; /* of @spec */
	struct cgroup cgroup;
	struct container_events events;
	struct container container;
};

static void
release(struct further *f)
{
	if (f->own_process)
		oci_process_release(&f->process);
	oci_config_release(&f->config);
	state_release(&f->state);
	file_release(&f->pid_file);
	prepared_process_release(&f->parts);
	cgroup_release(&f->cgroup);
	fd_close_at(&f->console);
	fd_close_at(&f->record);
}

static int
parse_id(const char *text, const char *what, uint32_t *id, struct error *e)
{
	uint64_t value;

	if (parse_u64(text, 0, ID_MAX, what, &value, e) < 0) {
		e->kind = ERR_USAGE;
		return -1;
	}
	*id = (uint32_t)value;
	return 0;
}

/* Numbers only: what a name means would have to be asked of the container's files (SECURITY R11). */
static int
set_user(struct oci_process *p, const char *user, struct error *e)
{
	const char *colon = strchr(user, ':');
	autofree char *uid = colon ? xstrndup(user, (size_t)(colon - user)) : xstrdup(user);
	uint32_t id;

	if (parse_id(uid, "'--user'", &id, e) < 0)
		return error_hint(e, "give numbers: UID or UID:GID");
	p->uid = id;
	if (!colon)
		return 0;
	if (parse_id(colon + 1, "the group of '--user'", &id, e) < 0)
		return error_hint(e, "give numbers: UID or UID:GID");
	p->gid = id;
	return 0;
}

static int
set_groups(struct oci_process *p, const struct strv *groups, struct error *e)
{
	if (groups->count == 0)
		return 0;
	if (groups->count > GROUPS_MAX)
		return error_set(e, ERR_USAGE, "too many groups");
	p->groups = xrealloc(p->groups, p->n_groups + groups->count, sizeof(p->groups[0]));
	for (size_t i = 0; i < groups->count; i++) {
		uint32_t id;

		if (parse_id(groups->items[i], "'--additional-gids'", &id, e) < 0)
			return -1;
		p->groups[p->n_groups++] = id;
	}
	return 0;
}

/* A user other than root keeps capabilities over execve only as ambient ones (capabilities(7)). */
static int
add_capabilities(struct oci_process *p, const struct strv *names, struct error *e)
{
	for (size_t i = 0; i < names->count; i++) {
		int number;

		if (caps_parse(names->items[i], &number, e) < 0) {
			e->kind = ERR_USAGE;
			return -1;
		}
		p->capabilities.bounding |= CAPS_BIT(number);
		p->capabilities.permitted |= CAPS_BIT(number);
		p->capabilities.effective |= CAPS_BIT(number);
		if (p->uid == 0)
			continue;
		p->capabilities.inheritable |= CAPS_BIT(number);
		p->capabilities.ambient |= CAPS_BIT(number);
	}
	return 0;
}

static int
add_environment(struct oci_process *p, const struct strv *env, struct error *e)
{
	for (size_t i = 0; i < env->count; i++) {
		const char *equals = strchr(env->items[i], '=');
		autofree char *name = NULL;

		if (!equals || equals == env->items[i])
			return error_set(
			    e, ERR_USAGE, "'--env %s' is not NAME=VALUE", env->items[i]);
		name = xstrndup(env->items[i], (size_t)(equals - env->items[i]));
		env_set(&p->env, name, equals + 1);
	}
	return 0;
}

/* The container's own process object, which f->config goes on owning, with the caller's changes. */
static int
change_process(struct further *f, struct error *e)
{
	const struct further_options *o = f->options;
	struct oci_process *p = &f->config.process;

	if (o->args->count == 0)
		return error_set(e, ERR_USAGE, "exec needs a command, or --process");
	strv_copy(&p->args, o->args);
	if (o->cwd) {
		if (o->cwd[0] != '/')
			return error_set(e, ERR_USAGE, "'--cwd %s' is not absolute", o->cwd);
		free(p->cwd);
		p->cwd = xstrdup(o->cwd);
	}
	p->terminal = o->terminal;
	p->no_new_privileges = p->no_new_privileges || o->no_new_privs;
	if ((o->user && set_user(p, o->user, e) < 0) || set_groups(p, o->groups, e) < 0)
		return -1;
	return add_capabilities(p, o->capabilities, e) < 0 ? -1 : add_environment(p, o->env, e);
}

/* The file says all of it, so that what is said twice would be lost. */
static int
refuse_beside_process(const struct further_options *o, struct error *e)
{
	const struct {
		bool given;
		const char *what;
	} twice[] = {
		{ o->args->count > 0, "a command" },
		{ o->cwd != NULL, "--cwd" },
		{ o->user != NULL, "--user" },
		{ o->groups->count > 0, "--additional-gids" },
		{ o->env->count > 0, "--env" },
		{ o->capabilities->count > 0, "--cap" },
		{ o->no_new_privs, "--no-new-privs" },
	};

	for (size_t i = 0; i < ARRAY_LEN(twice); i++)
		if (twice[i].given)
			return error_set(e, ERR_USAGE,
			    "there is %s and --process: give one of them", twice[i].what);
	return 0;
}

static int
read_process(struct further *f, struct error *e)
{
	autofd int fd = path_open_user(f->options->process, O_RDONLY | O_NONBLOCK, 0, e);
	auto(buf) struct buf text = { 0 };
	autojson struct json *j = NULL;

	if (refuse_beside_process(f->options, e) < 0)
		return -1;
	if (fd < 0 || fd_read_all(fd, &text, JSON_MAX_BYTES, f->options->process, e) < 0)
		return -1;
	j = json_parse(buf_text(&text), text.len, e);
	f->own_process = true;
	if (!j || oci_process_read(j, "", &f->process, e) < 0)
		return error_ctx(e, "%s", f->options->process);
	if (f->options->terminal && !f->process.terminal)
		return error_set(e, ERR_USAGE, "%s: 'terminal' is not true, and there is --tty",
		    f->options->process);
	return 0;
}

static int
open_container(struct further *f, struct error *e)
{
	const struct further_options *o = f->options;
	autofd int records = records_open(o->root, e);
	enum state_status status;

	if (records < 0)
		return -1;
	f->record = record_open(records, o->id, e);
	if (f->record < 0 || state_read(f->record, &f->state, e) < 0)
		return -1;
	status = state_status(f->record, &f->state);
	if (status == STATE_STOPPED)
		return error_set(e, ERR_INPUT, "container not running: '%s' has stopped", o->id);
	if (status == STATE_CREATED)
		return error_set(
		    e, ERR_INPUT, "container not running: '%s' has not been started", o->id);
	if (status == STATE_PAUSED && !o->ignore_paused) {
		error_set(e, ERR_INPUT, "container '%s' is paused", o->id);
		return error_hint(e, "croze-runtime resume %s", o->id);
	}
	return oci_config_read(f->record, &f->config, e);
}

static int
on_created(void *arg, pid_t pid, struct error *e)
{
	return cgroup_attach(arg, pid, e);
}

/* The limits are the container's: a process outside of its cgroup would be under none. */
static int
find_cgroup(struct further *f, struct error *e)
{
	if (!f->state.cgroup)
		return 0;
	if (cgroup_open(f->state.cgroup, &f->cgroup, e) < 0)
		return error_ctx(e, "the cgroup of the container");
	f->events = (struct container_events){ .arg = &f->cgroup, .created = on_created };
	f->spec.events = &f->events;
	return 0;
}

static int
check_filter(const struct further *f, struct error *e)
{
	if (!f->spec.seccomp || !f->spec.seccomp->notifies)
		return 0;
	return error_set(e, ERR_HOST,
	    "config.json: 'linux.seccomp': a filter with SCMP_ACT_NOTIFY cannot be given to a "
	    "further process yet");
}

static int
check_console(const struct further *f, struct error *e)
{
	bool terminal = f->spec.terminal;

	if (terminal && f->options->detach && f->console < 0) {
		error_set(
		    e, ERR_USAGE, "the process has a terminal, and there is nobody to give it to");
		return error_hint(e, "give --console-socket");
	}
	if (!terminal && f->console >= 0) {
		error_set(
		    e, ERR_USAGE, "--console-socket is of no use: the process has no terminal");
		return error_hint(e, "give --tty, or leave it out");
	}
	return 0;
}

/* An empty list is none. */
static const char *
given(const char *list)
{
	return list && *list ? list : NULL;
}

static int
prepare(struct further *f, struct error *e)
{
	const struct further_options *o = f->options;
	struct oci_process *p = f->own_process ? &f->process : &f->config.process;
	char *own_pid = file_add_activation(&p->env, o->preserve_fds);

	container_spec_init(&f->spec);
	f->spec.own_pid = own_pid;
	f->userns.own_id_only = userns_groups_denied(f->state.pid);
	f->spec.userns = &f->userns;
	if (prepare_process(p, &f->config, &f->spec, &f->parts, e) < 0)
		return error_ctx(e, "container '%s'", o->id);
	f->parts.attributes.initial_cpus = given(p->initial_cpus);
	f->parts.attributes.final_cpus = given(p->final_cpus);
	f->spec.new_keyring = true;
	f->spec.preserve_fds = o->preserve_fds;
	f->spec.outlives = o->detach;
	if (find_cgroup(f, e) < 0 || check_console(f, e) < 0)
		return -1;
	return check_filter(f, e);
}

static int
start(struct further *f, struct error *e)
{
	if (container_enter(&f->spec, f->state.pid, &f->container, e) < 0) {
		/* namespaces of a process that has ended cannot be opened, and say so in their own way */
		if (e->kind != ERR_STEP && !state_is_alive(&f->state))
			return error_set(e, ERR_INPUT, "container not running: '%s' has stopped",
			    f->options->id);
		return -1;
	}
	if (f->console >= 0 && f->container.console >= 0 &&
	    passfd_send(f->console, f->container.console, e) < 0)
		return error_ctx(e, "console socket");
	if (!state_is_alive(&f->state)) /* then it may have been another container's number */
		return error_set(
		    e, ERR_INPUT, "container not running: '%s' has stopped", f->options->id);
	return file_write_pid(&f->pid_file, f->container.pid, e);
}

static int
attend(struct further *f, int *status, struct error *e)
{
	struct console console = CONSOLE_INIT;
	enum console_flags flags = CONSOLE_INPUT;
	int result;

	if (f->spec.terminal && f->console < 0)
		flags |= CONSOLE_TERMINAL;
	if (f->spec.terminal && f->console >= 0)
		return start(f, e) < 0 ? -1 : container_wait(&f->container, status, e);
	result = console_open(&console, flags, &f->spec, e);
	if (result == 0)
		result = start(f, e);
	if (result == 0)
		result = console_run(&console, &f->container, status, e);
	if (result == 0)
		f->container.pid = 0; /* reaped */
	console_close(&console);
	return result;
}

static int
run(struct further *f, int *status, struct error *e)
{
	struct error ignored = ERROR_INIT;
	int result = f->options->detach ? start(f, e) : attend(f, status, e);

	if (result == 0 && f->options->detach)
		f->container.pid = 0;                    /* whoever reaps our children has it now */
	(void)container_finish(&f->container, &ignored); /* the first failure counts */
	return result;
}

int
further_process(const struct further_options *options, int *status, struct error *e)
{
	struct further f = { .options = options,
		.record = -1,
		.pid_file = FILE_PLACE_INIT,
		.console = -1,
		.container = CONTAINER_INIT };
	int result = file_check_preserved(options->preserve_fds, e);

	*status = 0;
	if (result == 0)
		result = file_find(options->pid_file, &f.pid_file, e);
	if (result == 0 && options->console_socket) {
		f.console = file_connect(options->console_socket, e);
		result = f.console < 0 ? error_ctx(e, "console socket") : 0;
	}
	if (result == 0)
		result = open_container(&f, e);
	if (result == 0)
		result = options->process ? read_process(&f, e) : change_process(&f, e);
	if (result == 0)
		result = prepare(&f, e);
	if (result == 0)
		result = run(&f, status, e);
	release(&f);
	if (result == 0)
		*status = process_exit_status(*status);
	return result;
}
