/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hooks - programs that config.json has run as the life of a container goes on (runtime-spec, config.md, "POSIX-platform Hooks").
 *
 * When each kind is due (runtime-spec, runtime.md, "Lifecycle"), and who calls:
 *
 *	prestart, createRuntime	the file tree is whole, not entered: container_events.mounted, by hook_runner_run()
 *	createContainer		right after, in the container's process: container_events.entering, by hooks_run()
 *	startContainer		the container is started, before its command: container_events.starting, by hooks_run()
 *	poststart		its command is executing, before start returns: by hooks_run() in the caller's namespaces
 *	poststop		everything of it is gone, before delete returns: by hooks_run() in the caller's namespaces
 *
 * A failure of the first four ends the container; the state is "creating", and "created" for startContainer. A failure of the others is a
 * warning, and all of them are run; their state is "running" and "stopped".
 */
#ifndef CROZE_CONTAINER_HOOKS_H
#define CROZE_CONTAINER_HOOKS_H

#include "runtime/base/error.h"
#include "runtime/base/json.h"
#include "runtime/oci/config.h"

#include <sys/types.h>

/**
 * Runs those of @kind, in order, in the namespaces of the calling process, each with @state on its standard input and with the
 * environment that config.json gives it (otherwise the caller's). Their output is kept for the message of a failure and dropped else.
 *
 * -1 with @e naming the first that failed: could not be executed, ended with another status than 0, or not within its timeout, when it
 * is killed with its process group. The ones behind it are not run, but for poststart and poststop.
 */
int hooks_run(
    const struct oci_hooks *h, enum oci_hook_kind kind, const struct json *state, struct error *e);

/** A process that stays in the caller's namespaces when the caller goes elsewhere, and runs hooks there. */
struct hook_runner {
	pid_t pid;
	int socket;
};

#define HOOK_RUNNER_INIT     \
	{                    \
		.socket = -1 \
	}

/** Makes the process, unless @h has only hooks of the container's own process. @h must stay as it is until hook_runner_end(). */
int hook_runner_start(const struct oci_hooks *h, struct hook_runner *r, struct error *e);
/** As hooks_run(), in the namespaces where hook_runner_start() was called. */
int hook_runner_run(
    struct hook_runner *r, enum oci_hook_kind kind, const struct json *state, struct error *e);
/** Ends and reaps the process. */
void hook_runner_end(struct hook_runner *r);

#endif
