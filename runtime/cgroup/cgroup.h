/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cgroup - the cgroup of a container: made, limited, entered, frozen, emptied, removed.
 *
 * A container without limits runs without a cgroup where none can be made, as its callers expect. A limit that is asked for and cannot be
 * set is refused by its name in config.json. Where it is: linux.cgroupsPath, from the root of the hierarchies for "/path" (and
 * "slice:prefix:name", which is systemd's way to spell one), otherwise beside the calling process.
 *
 * For pause, resume, kill and update: what cgroup_make() has made is found again by its path with cgroup_open().
 */
#ifndef CROZE_CGROUP_CGROUP_H
#define CROZE_CGROUP_CGROUP_H

#include "runtime/base/buf.h"
#include "runtime/base/error.h"
#include "runtime/cgroup/layout.h"
#include "runtime/oci/resources.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/** The cgroup in one hierarchy. */
struct cgroup_place {
	const struct hierarchy *hierarchy; /* in cgroup.layout */
	char *folder;                      /* its path */
	int dir;
	int procs; /* cgroup.procs, opened by whoever made it; -1: opened when it is needed */
	bool made; /* here, and not found */
};

struct cgroup {
	struct layout layout;
	char *path; /* below each hierarchy; NULL: there is none */
	struct cgroup_place *places;
	size_t count;
};

struct cgroup_wish {
	const char *path; /* linux.cgroupsPath; NULL */
	const char *id;   /* of the container, for its name when there is no path */
	const struct oci_resources *resources;
	bool
	    own_users; /* the container is in a user namespace: it cannot make devices, so that their rules hold anyway */
};

#define CGROUP_INIT \
	{           \
		0   \
	}

/**
 * Makes it and sets the limits. To be called before namespaces are entered, with the rights of the caller. On success @c->path is NULL
 * when there is no cgroup and none is needed. ERR_HOST names the limit that cannot be had; ERR_INPUT a cgroup that has processes already,
 * which would end with the container. After a failure what was made is removed.
 */
int cgroup_make(const struct cgroup_wish *wish, struct cgroup *c, struct error *e);
/** One that was made before, at @path; ERR_NOT_FOUND when nothing of it is there. */
int cgroup_open(const char *path, struct cgroup *c, struct error *e);
void cgroup_release(struct cgroup *c);

/** Moves process @pid into it; nothing when there is none. Works from a namespace that was entered since. */
int cgroup_attach(const struct cgroup *c, pid_t pid, struct error *e);
/** Sets what @r asks for, the rest stays as it is (update). */
int cgroup_set(struct cgroup *c, const struct oci_resources *r, struct error *e);
/** Stops all processes in it, or lets them go on. Returns once that is so. ERR_HOST where no hierarchy can. */
int cgroup_freeze(const struct cgroup *c, bool frozen, struct error *e);
/** 1: frozen, 0: not, or no hierarchy can. */
int cgroup_is_frozen(const struct cgroup *c);
/** Sends @signal to every process in it and below. */
int cgroup_signal(const struct cgroup *c, int signal, struct error *e);
/** All processes in it and below, as seen from here; *@pids is to be freed. Returns how many. */
int cgroup_pids(const struct cgroup *c, pid_t **pids, struct error *e);
/** Removes it with all below. Processes in it are killed first. What is not there is no failure. */
int cgroup_remove(struct cgroup *c, struct error *e);
/** Appends the content of @file of @controller ("memory", "memory.current"); -1 with @e when it is not there. */
int cgroup_read(const struct cgroup *c, const char *controller, const char *file, struct buf *text,
    struct error *e);

#endif
