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
	struct container_rlimit *rlimits;
	struct seccomp_program *seccomp;
	struct container_join joins[OCI_NAMESPACE_TYPES];
	size_t n_joins;
	bool
	    user_joined; /* the user namespace of config.json is the one that this process has entered */
	struct container_clocks clocks;
	struct attributes attributes;
	struct landlock_profile landlock;
	gid_t *groups;
	int rootfs;
};

/** Reads config.json of @bundle. @p needs prepared_release() in every case, as after the calls below. */
int prepare_read(struct prepared *p, const char *bundle, struct error *e);
/** Takes the calling process, which must have one thread, to where the container is made from: namespaces of its own unless it has rights here. */
int prepare_enter(struct prepared *p, struct error *e);
/** Opens what the container is made of, and sets @p->spec but for its standard streams and terminal. After prepare_enter(). */
int prepare_spec(struct prepared *p, struct error *e);
/** What is of the process alone: command, user, capabilities, limits. @spec points into @o and *@rlimits, which is to be freed. */
void prepare_process(
    const struct oci_process *o, struct container_spec *spec, struct container_rlimit **rlimits);
/** What it inherits over execve. Texts are borrowed from @o and @c. ERR_HOST for what is not there on this machine. */
int prepare_attributes(const struct oci_process *o, const struct oci_config *c,
    struct attributes *attributes, struct error *e);
/** The rules of the annotation, in @profile; NULL when there are none. Borrowed from @c. */
const struct landlock_profile *prepare_landlock(
    const struct oci_config *c, struct landlock_profile *profile);
void prepared_release(struct prepared *p);

#endif
