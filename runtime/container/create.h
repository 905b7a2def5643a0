/* SPDX-License-Identifier: Apache-2.0 */
/*
 * create - makes a container from a bundle: create and run (runtime-spec, runtime.md, "Operations").
 */
#ifndef CROZE_CONTAINER_CREATE_H
#define CROZE_CONTAINER_CREATE_H

#include "runtime/base/error.h"

#include <stdbool.h>

struct create_options {
	const char *root; /* of the records; NULL: the user's own (records_open()) */
	const char *bundle;
	const char *id;
	const char *pid_file;       /* gets the pid of the first process, whole; NULL */
	const char *console_socket; /* a terminal's master is sent there; NULL */
	int preserve_fds;           /* so many descriptors from 3 on, which must be open */
	bool no_pivot;              /* enter the rootfs by a move and chroot */
	bool keep_keyring;          /* no new session keyring */
	bool no_cgroup;             /* as if there were no cgroup file system */
	bool detach;                /* run: do not wait */
	bool keep;                  /* run: on record after its end */
};

/**
 * Makes the container, up to the execution of its command, and returns. Its first process has this one's standard streams and is its
 * child; nothing of ours stays between it and whoever reaps this process's children. The calling process, which must have one thread,
 * may be in other namespaces afterwards.
 *
 * ERR_STEP when the command is not there or cannot be executed. After a failure nothing is left, neither process nor record.
 */
int create_container(const struct create_options *options, struct error *e);
/** create_container() and its start; waits for the end unless @detach, with *@status the exit status (128 + n for signal n). */
int run_container(const struct create_options *options, int *status, struct error *e);

#endif
