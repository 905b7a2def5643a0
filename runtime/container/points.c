/* SPDX-License-Identifier: Apache-2.0 */
/*
 * points - what config.json has done while a container is made: its cgroup, network devices, hooks, the listener of its filter.
 */
#include "runtime/container/points.h"

#include "runtime/base/fd.h"
#include "runtime/base/mem.h"
#include "runtime/base/path.h"
#include "runtime/sandbox/netdev.h"
#include "runtime/sandbox/userns.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

static int
on_created(void *arg, pid_t pid, struct error *e)
{
	struct points *p = arg;

	if (p->cgroup.path && cgroup_attach(&p->cgroup, pid, e) < 0)
		return -1;
	for (size_t i = 0; i < p->config->n_net_devices; i++) {
		const struct oci_net_device *d = &p->config->net_devices[i];

		if (netdev_move(d->name, d->container, pid, e) < 0)
			return error_ctx(e, "config.json: 'linux.netDevices.%s'", d->name);
	}
	return 0;
}

static int
on_mounted(void *arg, pid_t pid, struct error *e)
{
	struct points *p = arg;
	autojson struct json *state = p->state(p->arg, "creating", pid);

	if (hook_runner_run(&p->runner, OCI_PRESTART, state, e) < 0)
		return -1;
	return hook_runner_run(&p->runner, OCI_CREATE_RUNTIME, state, e);
}

static int
on_entering(void *arg, pid_t pid, struct error *e)
{
	struct points *p = arg;
	autojson struct json *state = p->state(p->arg, "creating", pid);

	return hooks_run(&p->config->hooks, OCI_CREATE_CONTAINER, state, e);
}

static int
on_starting(void *arg, pid_t pid, struct error *e)
{
	struct points *p = arg;
	autojson struct json *state = p->state(p->arg, "created", pid);

	return hooks_run(&p->config->hooks, OCI_START_CONTAINER, state, e);
}

/* No descriptor of a socket is opened for it in the container: the parent passes the listener on. */
static int
connect_listener(const char *path, struct error *e)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	autofd int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (path[0] != '/' || strlen(path) >= sizeof(address.sun_path))
		return error_set(e, ERR_INPUT,
		    "config.json: 'linux.seccomp.listenerPath' must be an absolute path of at most "
		    "%zu "
		    "bytes",
		    sizeof(address.sun_path) - 1);
	memcpy(address.sun_path, path, strlen(path) + 1);
	if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
		error_sys(
		    e, "config.json: 'linux.seccomp.listenerPath': cannot connect to '%s'", path);
		e->kind = ERR_HOST;
		return -1;
	}
	return steal_fd(&fd);
}

/* runtime-spec, config-linux.md, "The Container Process State". */
static int
on_listener(void *arg, pid_t pid, int listener, struct error *e)
{
	struct points *p = arg;
	autojson struct json *document = json_new_object();
	const char *metadata = json_text(json_get(p->config->seccomp, "listenerMetadata"));
	auto(buf) struct buf text = { 0 };
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	struct iovec bytes;
	struct msghdr message = { .msg_iov = &bytes,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control) };

	json_set_text(document, "ociVersion", OCI_VERSION);
	json_append(json_set(document, "fds", json_new_array()), json_new_text("seccompFd"));
	json_set(document, "pid", json_new_u64((uint64_t)pid));
	if (metadata)
		json_set_text(document, "metadata", metadata);
	json_set(document, "state", p->state(p->arg, "creating", pid));
	json_write(document, 0, &text);
	bytes = (struct iovec){ text.data, text.len };
	control.header.cmsg_level = SOL_SOCKET;
	control.header.cmsg_type = SCM_RIGHTS;
	control.header.cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(&control.header), &listener, sizeof(listener));
	if (sendmsg(p->listener, &message, MSG_NOSIGNAL) != (ssize_t)text.len)
		return error_sys(e, "cannot pass the listener of the seccomp filter on");
	return 0;
}

/* Of config.json, of an engine, or the one that this process is going to enter. */
static bool
has_user_namespace(const struct oci_config *c)
{
	return c->namespaces & OCI_USER || !userns_is_root() || userns_is_nested();
}

int
points_begin(struct points *p, const struct oci_config *c, const char *id, unsigned int flags,
    points_state_fn *state, void *arg, struct error *e)
{
	const char *path = json_text(json_get(c->seccomp, "listenerPath"));

	*p = (struct points){
		.config = c, .state = state, .arg = arg, .runner = HOOK_RUNNER_INIT, .listener = -1
	};
	if (c->n_net_devices > 0 && !userns_is_root()) {
		error_set(e, ERR_HOST,
		    "config.json: 'linux.netDevices': devices of this network cannot be "
		    "moved by an ordinary user");
		return error_hint(e,
		    "run it as root, or as root of a user namespace that has a network of its own");
	}
	if (path && *path) {
		p->listener = connect_listener(path, e);
		if (p->listener < 0)
			return -1;
	}
	if (flags & POINTS_NO_CGROUP)
		layout_force_none(true);
	if (cgroup_make(&(struct cgroup_wish){ .path = c->cgroups_path,
			    .id = id,
			    .resources = &c->resources,
			    .own_users = has_user_namespace(c) },
		&p->cgroup, e) < 0)
		return -1;
	return hook_runner_start(&c->hooks, &p->runner, e);
}

void
points_set(struct points *p, struct container_spec *spec)
{
	const size_t *hooks = p->config->hooks.count;

	p->events = (struct container_events){
		.arg = p,
		.created = p->cgroup.path || p->config->n_net_devices > 0 ? on_created : NULL,
		.mounted = hooks[OCI_PRESTART] || hooks[OCI_CREATE_RUNTIME] ? on_mounted : NULL,
		.entering = hooks[OCI_CREATE_CONTAINER] ? on_entering : NULL,
		.starting = hooks[OCI_START_CONTAINER] ? on_starting : NULL,
		.listener = p->listener >= 0 ? on_listener : NULL,
	};
	spec->events = &p->events;
}

static void
warn(const struct error *e)
{
	fprintf(stderr, "croze-runtime: warning: %s\n", e->text);
	if (e->hint[0])
		fprintf(stderr, "hint: %s\n", e->hint);
}

void
points_started(struct points *p, pid_t pid)
{
	autojson struct json *state = p->state(p->arg, "running", pid);
	struct error e = ERROR_INIT;

	if (hook_runner_run(&p->runner, OCI_POSTSTART, state, &e) < 0)
		warn(&e);
}

void
points_stopped(struct points *p)
{
	autojson struct json *state = p->state(p->arg, "stopped", 0);
	struct error e = ERROR_INIT;

	if (cgroup_remove(&p->cgroup, &e) < 0)
		warn(&e);
	if (hook_runner_run(&p->runner, OCI_POSTSTOP, state, &e) < 0)
		warn(&e);
}

void
points_warn(const struct oci_hooks *h, enum oci_hook_kind kind, const struct json *state)
{
	struct error e = ERROR_INIT;

	if (hooks_run(h, kind, state, &e) < 0)
		warn(&e);
}

void
points_end(struct points *p, bool keep_cgroup)
{
	struct error e = ERROR_INIT;

	hook_runner_end(&p->runner);
	if (!keep_cgroup && cgroup_remove(&p->cgroup, &e) < 0)
		warn(&e);
	cgroup_release(&p->cgroup);
	fd_close_at(&p->listener);
}
