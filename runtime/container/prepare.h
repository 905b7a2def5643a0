/* SPDX-License-Identifier: Apache-2.0 */
/*
 * prepare - from config.json to what a container is made of.
 */
#ifndef CROZE_CONTAINER_PREPARE_H
#define CROZE_CONTAINER_PREPARE_H

#include "runtime/base/error.h"
#include "runtime/container/mounts.h"
#include "runtime/oci/config.h"
#include "runtime/sandbox/container.h"

/** What the spec of a process points to. All zero: nothing. */
struct prepared_process {
	struct container_rlimit *rlimits;
	gid_t *groups;
	struct attributes attributes;
	struct landlock_profile landlock;
	struct seccomp_program *seccomp;
};

/** A bundle on its way to a container, and all that it holds. */
struct prepared {
	char *path; /* of the bundle, absolute */
	struct oci_config config;
	struct userns userns;       /* from prepare_enter() on */
	struct container_spec spec; /* from prepare_spec() on; points into the rest */
	/* the rest is what @spec points to */
	struct id_map uids;
	struct id_map gids;
	struct mounts mounts;
	struct prepared_process process;
	struct container_join joins[OCI_NAMESPACE_TYPES];
	size_t n_joins;
	bool
	    user_joined; /* the user namespace of config.json is the one that this process has entered */
	struct container_clocks clocks;
	int rootfs;
};

/** Reads config.json of @bundle. @p needs prepared_release() in every case, as after the calls below. */
int prepare_read(struct prepared *p, const char *bundle, struct error *e);
/** Takes the calling process, which must have one thread, to where the container is made from: namespaces of its own unless it has rights here. */
int prepare_enter(struct prepared *p, struct error *e);
/** Opens what the container is made of, and sets @p->spec. After prepare_enter(). */
int prepare_spec(struct prepared *p, struct error *e);
void prepared_release(struct prepared *p);

/**
 * What @spec has of a process of the container, be it the first or a further one: command, user, limits, filter, terminal, and the
 * caller's standard streams; not its execCPUAffinity, which is of further ones alone. @spec, whose userns is set, points into @o, @c and @parts. ERR_INPUT and ERR_HOST name the member; which file
 * it is in is for the caller to say.
 */
int prepare_process(const struct oci_process *o, const struct oci_config *c,
    struct container_spec *spec, struct prepared_process *parts, struct error *e);
void prepared_process_release(struct prepared_process *parts);

#endif
