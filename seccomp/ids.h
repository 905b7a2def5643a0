/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ids - users, owners and devices for a container in whose user namespace there is one id only.
 *
 * A process of its own, the supervisor, answers the calls that have to do with ids: every file has a recorded owner (owner.h), every
 * process recorded credentials with the rules of credentials(7) and capabilities(7). The kernel sees one user, who owns all files; what
 * another user may not read, write or search is refused here.
 *
 * It is there so that programs work and files come out as with real ids. It is no boundary: what separates the container from the host
 * is its namespaces.
 */
#ifndef CROZE_SECCOMP_IDS_H
#define CROZE_SECCOMP_IDS_H

#include "runtime/base/error.h"
#include "seccomp/notify.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/** The filter of a container's processes; with the calls of seccomp/network.h. */
void ids_compile(struct notify_program *program);

struct ids_options {
	int listener; /* of ids_compile(), loaded by the container's first process before it changes its user */
	int root;   /* the container's root directory */
	int mounts; /* its mount namespace, where a filter around it refuses chroot(2); -1 */
	int proc;   /* procfs of the caller's pid namespace */
	/* who the first process is when it executes its command */
	uid_t uid;
	gid_t gid;
	const gid_t *groups;
	size_t n_groups;
	uint64_t capabilities; /* that root has; the bounding set */
	/* is asked, by all threads, before what is answered here, and after that about the calls of seccomp/network.h; true: sees to the answer. NULL */
	bool (*forward)(void *arg, const struct seccomp_notif *request);
	void *forward_arg;
};

/**
 * Serves until nobody can call any more. The calling process must be alone (no other threads), hold every capability over the container's
 * user namespace, and be prepared to lose its root and working directory. -1 when it cannot be begun.
 */
int ids_serve(const struct ids_options *options, struct error *e);

#endif
