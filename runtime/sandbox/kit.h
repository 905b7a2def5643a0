/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kit - parts of a container that are made ahead, while nobody waits for them.
 *
 * A /dev and a /sys cost a third of the time from the start of a step to its command. Who runs containers one after another keeps a kit in
 * container_spec.kit: each start uses it up and makes the next one once the command is running. Nothing in it is shared
 * between containers.
 */
#ifndef CROZE_SANDBOX_KIT_H
#define CROZE_SANDBOX_KIT_H

#include <stdbool.h>

struct container_kit {
	int dev; /* a filled /dev, detached; -1 */
	int sys; /* a masked, read-only /sys, detached; -1 */
	bool
	    refused; /* before Linux 6.15 nothing can be mounted in what is not attached: do not try again */
};

#define CONTAINER_KIT_INIT           \
	{                            \
		.dev = -1, .sys = -1 \
	}

/** Makes what is not there. In the namespaces of userns_enter(). A failure is none: what is missing is made when it is needed. */
void container_kit_prepare(struct container_kit *kit);
void container_kit_release(struct container_kit *kit);

#endif
