/* SPDX-License-Identifier: Apache-2.0 */
/*
 * limits - how much of the machine the command of a step may take.
 *
 * Each command has a cgroup of its own, where one can be made and limited. Elsewhere memory and processes are limited by rlimits, which hold
 * for each process and for each user; the others are refused. Without any wish the number of processes has a bound all the same, so that
 * a fork bomb ends the step and not the machine.
 */
#ifndef CROZE_BUILDER_STEP_LIMITS_H
#define CROZE_BUILDER_STEP_LIMITS_H

#include "runtime/base/error.h"
#include "runtime/cgroup/cgroup.h"
#include "runtime/sandbox/container.h"

#include <stdbool.h>
#include <stdint.h>

#define LIMITS_PROCESSES 8192 /* of each user of a step, when nothing is said */

struct limits {
	const struct oci_resources *resources; /* what was asked for */
	const char
	    *parent; /* cgroup that those of the commands are made in; NULL: beside this process */
	bool by_cgroup;
	struct container_rlimit
	    *rlimits; /* those asked for, and those that stand for a cgroup; owned */
	size_t n_rlimits;
	char note[512]; /* what does not hold as it was asked for; "" */
};

/**
 * Finds out how @resources can be had, by trying; they and @parent are borrowed, @rlimits are copied. ERR_HOST names what cannot. To be
 * called once a build, and released in both cases.
 */
int limits_open(const struct oci_resources *resources, const char *parent,
    const struct container_rlimit *rlimits, size_t n_rlimits, struct limits *limits,
    struct error *e);
void limits_release(struct limits *limits);

/** The cgroup of one command. */
struct limits_group {
	struct cgroup cgroup;
	struct container_events events;
	bool made;
};

/** Makes it; @spec gets what it needs, and borrows @group. */
int limits_begin(const struct limits *limits, struct limits_group *group,
    struct container_spec *spec, struct error *e);
/** Has the kernel ended a process of it because its memory was used up? */
bool limits_ran_out(const struct limits_group *group);
/** Removes it, with the processes that are left. */
void limits_end(struct limits_group *group);

#endif
