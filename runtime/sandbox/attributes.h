/* SPDX-License-Identifier: Apache-2.0 */
/*
 * attributes - what a process inherits over execve and no namespace holds: scheduling, memory policy, execution domain, labels.
 */
#ifndef CROZE_SANDBOX_ATTRIBUTES_H
#define CROZE_SANDBOX_ATTRIBUTES_H

#include "runtime/base/error.h"

#include <stdbool.h>
#include <stdint.h>

/** All zero: nothing is changed. Texts are borrowed. */
struct attributes {
	bool scheduler;  /* by sched_setattr(2): */
	uint32_t policy; /* SCHED_* */
	int32_t nice;
	uint32_t priority;
	uint64_t scheduler_flags;
	uint64_t runtime, deadline, period; /* nanoseconds */
	int io_class;                       /* 0: unchanged; IOPRIO_CLASS_* */
	int io_priority;
	const char *
	    initial_cpus; /* of a further process, until it is in its cgroup: a list like "0-3,7"; NULL */
	const char *final_cpus; /* and behind that; NULL */
	bool domain;
	unsigned long personality; /* PER_* */
	bool memory;
	int memory_mode;          /* MPOL_*, flags included */
	const char *memory_nodes; /* a list; NULL */
	const char *apparmor;     /* the profile from execve on; NULL */
	const char *selinux;      /* the label from execve on; NULL */
};

/** Is what @a asks for there at all (AppArmor, SELinux)? To be asked where the host's /sys and /proc are. ERR_HOST names the member. */
int attributes_check(const struct attributes *a, struct error *e);
/** Changes the calling process, which still has its capabilities, but for @initial_cpus. ERR_HOST names the member of config.json that was refused. */
int attributes_apply(const struct attributes *a, struct error *e);
/** Moves the calling process to its @initial_cpus, which its children inherit. */
int attributes_apply_initial(const struct attributes *a, struct error *e);
/** Does this kernel run with SELinux? */
bool attributes_selinux_is_on(void);

#endif
