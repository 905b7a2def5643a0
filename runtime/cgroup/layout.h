/* SPDX-License-Identifier: Apache-2.0 */
/*
 * layout - which cgroup hierarchies there are, and where the calling process is in them (cgroups(7), proc_pid_mountinfo(5)).
 */
#ifndef CROZE_CGROUP_LAYOUT_H
#define CROZE_CGROUP_LAYOUT_H

#include "runtime/base/error.h"
#include "runtime/base/strv.h"

#include <stdbool.h>
#include <stddef.h>

enum cgroup_kind {
	CGROUP_NONE,   /* no hierarchy is mounted */
	CGROUP_V1,     /* one hierarchy a controller */
	CGROUP_HYBRID, /* the same, and a v2 one beside them with the controllers that are left */
	CGROUP_V2,     /* one hierarchy with all controllers */
};

struct hierarchy {
	bool v2;
	struct strv
	    controllers; /* v1: those that are mounted here, "name=systemd" too; v2: what its root has */
	char *mount; /* where it is mounted */
	char *own;   /* the cgroup of the calling process below @mount: "/", "/user.slice/..." */
};

struct layout {
	enum cgroup_kind kind;
	struct hierarchy *items;
	size_t count;
	size_t room;
};

void layout_release(struct layout *l);
/** Reads /proc/self/mountinfo and /proc/self/cgroup. What cannot be read is as if there were none. */
void layout_read(struct layout *l);
/** Says that there are none, whatever there is (tests, --cgroup-manager disabled). */
void layout_force_none(bool on);

#endif
