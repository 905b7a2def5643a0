/* SPDX-License-Identifier: Apache-2.0 */
/*
 * profile - system call filters ready to be loaded.
 */
#ifndef CROZE_SECCOMP_PROFILE_H
#define CROZE_SECCOMP_PROFILE_H

#include "runtime/base/buf.h"
#include "runtime/base/error.h"
#include "seccomp/notify.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

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
/**
 * Puts that filter in front of @program, as one that asks: what it refuses is notified, and to be answered with what seccomp_refuses() says;
 * what it allows is @program's. Not asked is what is newer than the table, or missing (CALL_MISSING): that is refused at once.
 * Nothing is put there where there is no table.
 */
void seccomp_default_asking(struct notify_program *program);

/** A call that the filter of build steps refuses. */
struct seccomp_refusal {
	int error_number;
	const char *name; /* NULL: it is made by the numbers of another architecture */
	int argument;     /* the one that decided; -1: none did */
	uint32_t value;   /* its lower 32 bits */
};

/** Is @data of a call that seccomp_default_asking() asks for? */
bool seccomp_refuses(const struct seccomp_data *data, struct seccomp_refusal *refusal);
/** Appends "keyctl", "socket with 0x26 as argument 1". */
void seccomp_refusal_text(const struct seccomp_refusal *refusal, struct buf *text);

/** The errno with which @program refuses call @number whose arguments are 0; 0 when it does something else with it. */
int seccomp_program_errno(const struct seccomp_program *program, int number);
/** As seccomp_program_load(), of a program that @notifies. Returns the listener, close-on-exec. */
int seccomp_program_listen(const struct seccomp_program *program, struct error *e);
/** Loads it into the calling thread. Needs CAP_SYS_ADMIN in the user namespace, or no_new_privs. */
int seccomp_program_load(const struct seccomp_program *program, struct error *e);

#endif
