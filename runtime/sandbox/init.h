/* SPDX-License-Identifier: Apache-2.0 */
/*
 * init - the life of a container's first process, from clone to execve.
 */
#ifndef CROZE_SANDBOX_INIT_H
#define CROZE_SANDBOX_INIT_H

#include "runtime/base/error.h"
#include "runtime/sandbox/container.h"
#include "runtime/sandbox/rootfs.h"

/** Sent by the parent once the ids are mapped, and again as the answer to INIT_MOUNTED. */
struct init_go {
	pid_t pid; /* the container's, as the parent knows it */
};

/** One byte from the container's process: what it has come to. A struct error is a failure, the end of the connection success. */
enum init_word {
	INIT_CONSOLE = 'f', /* with the terminal's descriptor (passfd_send()) */
	INIT_READY =
	    'r', /* all is done but execve; waits for another init_go, and then for its start */
	INIT_LISTENER =
	    'l', /* a filter is about to be loaded; its listener follows (passfd_send()) */
	INIT_MOUNTED =
	    'm', /* waits for another init_go; said only when the parent has something to do then */
};

struct init {
	const struct container_spec *spec;
	struct rootfs rootfs;
	bool cgroup_namespace; /* to be made here, once in the right cgroup */
	pid_t pid;             /* told by the parent */
	int ids;               /* to the supervisor of the container's ids; -1 */
	int socket; /* to the parent: init_go comes in, words and a struct error go out; closed by execve */
};

/** The parent's side: sends init_go and hears how it goes, until the command is executed or ready to be. */
int init_await(const struct container_spec *spec, int socket, struct container *c, struct error *e);
/** Never returns: becomes the command, or sends the error and exits. */
_Noreturn void init_main(struct init *init);

#endif
