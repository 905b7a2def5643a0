/* SPDX-License-Identifier: Apache-2.0 */
/*
 * profile - system call filters ready to be loaded.
 */
#ifndef CROZE_SECCOMP_PROFILE_H
#define CROZE_SECCOMP_PROFILE_H

#include "runtime/base/error.h"

#include <linux/filter.h>
#include <stdbool.h>
#include <stddef.h>

/** A compiled filter (seccomp(2)). */
struct seccomp_program {
	const struct sock_filter *code;
	unsigned short length;
	unsigned int
	    flags;     /* SECCOMP_FILTER_FLAG_* but TSYNC, which is always set, and NEW_LISTENER */
	bool notifies; /* has calls that a listener answers */
};

/** The filter of build steps (seccomp/table.c), made at first use; NULL on an architecture that has no table yet. */
const struct seccomp_program *seccomp_default(void);

/** As seccomp_program_load(), of a program that @notifies. Returns the listener, close-on-exec. */
int seccomp_program_listen(const struct seccomp_program *program, struct error *e);
/** Loads it into the calling thread. Needs CAP_SYS_ADMIN in the user namespace, or no_new_privs. */
int seccomp_program_load(const struct seccomp_program *program, struct error *e);

#endif
