/* SPDX-License-Identifier: Apache-2.0 */
/*
 * init - the life of a container's first process, from clone to execve.
 */
#ifndef CROZE_SANDBOX_INIT_H
#define CROZE_SANDBOX_INIT_H

#include "runtime/base/error.h"
#include "runtime/sandbox/container.h"
#include "runtime/sandbox/rootfs.h"

/** Sent by the parent once the ids are mapped. */
#define INIT_GO 'g'

struct init {
	const struct container_spec *spec;
	struct rootfs rootfs;
	int socket; /* to the parent: INIT_GO comes in; a terminal's descriptor and a struct error go out; closed by execve */
};

/** Never returns: becomes the command, or sends the error and exits. */
_Noreturn void init_main(struct init *init);

#endif
