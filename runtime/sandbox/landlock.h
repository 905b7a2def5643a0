/* SPDX-License-Identifier: Apache-2.0 */
/*
 * landlock - takes away from the calling process what its task does not need.
 *
 * For our own parsers of outside bytes: after both calls a taken-over parser can touch the named folders and nothing else.
 */
#ifndef CROZE_SANDBOX_LANDLOCK_H
#define CROZE_SANDBOX_LANDLOCK_H

#include "runtime/base/error.h"

#include <stdbool.h>
#include <stddef.h>

enum landlock_access {
	LANDLOCK_READ,    /* read files, list folders */
	LANDLOCK_EXECUTE, /* and execute what is there */
	LANDLOCK_ALL,     /* whatever there is */
	LANDLOCK_WRITE, /* read, and make, change, remove everything below, device nodes included */
};

struct landlock_rule {
	int fd; /* an open directory or file (O_PATH will do) */
	enum landlock_access access;
};

/** The kernel's ABI version; 0 when Landlock is not there. */
int landlock_abi(void);

/**
 * Restricts the process to the given trees; no network by TCP where the kernel can say so. Sets no_new_privs.
 * A kernel without Landlock is no failure (returns 1: the caller may say so); 0 when in force.
 */
int landlock_restrict(const struct landlock_rule *rules, size_t n_rules, struct error *e);
/** As landlock_restrict(), but connections by TCP stay possible; listening does not. */
int landlock_restrict_client(const struct landlock_rule *rules, size_t n_rules, struct error *e);

/** As landlock_restrict(), without a word on TCP. */
int landlock_restrict_files(const struct landlock_rule *rules, size_t n_rules, struct error *e);

/** Can TCP be restricted? */
bool landlock_knows_tcp(void);
/** Does it keep processes from abstract sockets (unix(7)) of others (ABI 6)? All of landlock_restrict...() then do. */
bool landlock_scopes(void);
/** No socket of the process is bound or connected by TCP, by itself. Needs CAP_SYS_ADMIN or no_new_privs, neither of which is seen to here. */
int landlock_forbid_tcp(struct error *e);

/** What the command of a container may reach; lists of absolute paths, ended by NULL. */
struct landlock_profile {
	char *const *read;
	char *const *execute; /* read and execute */
	char *const *write;   /* read, make, change and remove everything below */
	bool no_tcp;
	bool scoped; /* no signals and no abstract sockets to what is outside */
};

/**
 * Puts it in force for the calling process and all that it becomes. Needs CAP_SYS_ADMIN or no_new_privs, neither of which is seen to
 * here. ERR_HOST for what this kernel cannot restrict, and for a path that is not there.
 */
int landlock_apply(const struct landlock_profile *p, struct error *e);

/** What a process of ours does for the rest of its life. */
enum strict_role {
	STRICT_PARSE,  /* reads and writes open descriptors, allocates memory, exits */
	STRICT_UNPACK, /* and makes, changes and removes files below open folders */
	STRICT_FETCH,  /* connects, reads files, resolves names in threads; makes no process */
};

/** Loads the list of system calls of @role; others kill the process. No execve, ptrace or namespace in any, a socket in
 * STRICT_FETCH alone. Sets no_new_privs. */
int strict_filter(enum strict_role role, struct error *e);
/** For a process that parses what strangers wrote: no file, no network, and STRICT_PARSE. */
int strict_parse(struct error *e);

#endif
