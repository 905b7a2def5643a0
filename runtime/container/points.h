/* SPDX-License-Identifier: Apache-2.0 */
/*
 * points - what config.json has done while a container is made: its cgroup, hooks, the listener of its filter.
 *
 *	points_begin()	before prepare_enter()
 *	points_set()	after prepare_spec(), before container_start()
 *	points_end()	once the container runs by itself, has ended, or has failed
 */
#ifndef CROZE_CONTAINER_POINTS_H
#define CROZE_CONTAINER_POINTS_H

#include "runtime/base/error.h"
#include "runtime/base/json.h"
#include "runtime/cgroup/cgroup.h"
#include "runtime/container/hooks.h"
#include "runtime/oci/config.h"
#include "runtime/sandbox/container.h"

#include <sys/types.h>

/** The state that hooks are told: a new document with @status, and with @pid unless it is 0. */
typedef struct json *points_state_fn(void *arg, const char *status, pid_t pid);

struct points {
	const struct oci_config *config;
	points_state_fn *state;
	void *arg;
	struct hook_runner runner;
	struct cgroup
	    cgroup; /* cgroup.path is what cgroup_open() finds it by; NULL: there is none */
	struct container_events events;
	int listener; /* connected to linux.seccomp.listenerPath; -1 */
};

enum points_flags {
	POINTS_NO_CGROUP = 1 << 0, /* as if there were no cgroup file system */
};

/** Makes the cgroup and what has to stay in the caller's namespaces. @c and @arg must stay as they are until points_end(). */
int points_begin(struct points *p, const struct oci_config *c, const char *id, unsigned int flags,
    points_state_fn *state, void *arg, struct error *e);
void points_set(struct points *p, struct container_spec *spec);
/** For a container that its maker waits for. A failure is a warning on standard error. */
void points_started(struct points *p, pid_t pid); /* its command is executing: poststart */
void points_stopped(
    struct points *p); /* it has ended, or was never whole: its cgroup goes, then poststop */
/** poststart and poststop in the namespaces of the calling process, for start and delete. A failure is a warning on standard error. */
void points_warn(const struct oci_hooks *h, enum oci_hook_kind kind, const struct json *state);
/** @keep_cgroup: it is the container's from now on; otherwise it is removed. */
void points_end(struct points *p, bool keep_cgroup);

#endif
