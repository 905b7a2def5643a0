/* SPDX-License-Identifier: Apache-2.0 */
/*
 * settings - limits of config.json as files of a cgroup (kernel: admin-guide/cgroup-v2.rst, admin-guide/cgroup-v1).
 */
#ifndef CROZE_CGROUP_SETTINGS_H
#define CROZE_CGROUP_SETTINGS_H

#include "runtime/base/error.h"
#include "runtime/oci/resources.h"

#include <stdbool.h>
#include <stddef.h>

/** One file that is written. */
struct setting {
	const char *member;     /* of linux.resources, for errors: "memory.limit" */
	const char *controller; /* that has the file */
	char *file;             /* "memory.max" */
	char *other_file;       /* where that is not there; NULL */
	char *value;
};

struct settings {
	struct setting *items; /* in the order of writing */
	size_t count;
	size_t room;
};

void settings_release(struct settings *s);
/** What @r asks for, as files of cgroup v2 or v1. ERR_HOST names a member that this version has no file for. */
int settings_of(const struct oci_resources *r, bool v2, struct settings *s, struct error *e);

#endif
