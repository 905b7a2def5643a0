/* SPDX-License-Identifier: Apache-2.0 */
/*
 * devices - the /dev of a container (runtime-spec, config-linux.md, "Default Devices" and "Dev symbolic links").
 */
#ifndef CROZE_SANDBOX_DEVICES_H
#define CROZE_SANDBOX_DEVICES_H

#include "runtime/base/error.h"

#include <stdint.h>

#define DEVICES_SHM_SIZE (64ULL << 20)

/** A character device that every container has. */
struct device_node {
	const char *name;
	unsigned int major;
	unsigned int minor;
};

#define DEVICES_NODES 6
extern const struct device_node devices_usual[DEVICES_NODES];

/** A new, detached tmpfs for /dev, empty. */
int devices_new(struct error *e);
/**
 * Fills the folder @dev (of devices_new(), attached or not, or any other tmpfs): null, zero, full, random, urandom and tty of the
 * host, each checked to be that device; pts with an instance of its own; shm of @shm_size bytes (0: DEVICES_SHM_SIZE); links.
 */
int devices_fill(int dev, uint64_t shm_size, struct error *e);
/** The nodes and links alone, into a folder that has mounts of its own for the rest. */
int devices_nodes(int dev, struct error *e);
/** The links alone. */
int devices_links(int dev, struct error *e);
/** A new devpts instance, detached; @more: further options, "" for none. */
int devices_new_pts(const char *more, struct error *e);
/** A new tmpfs for /dev/shm, detached. */
int devices_new_shm(uint64_t size, struct error *e);
/** Opens host device @name ("null") by O_PATH, checked to be what it says. */
int devices_open(const char *name, struct error *e);
/** A terminal from instance @pts (its folder): @master is set, the other side returned. */
int devices_open_terminal(
    int pts, unsigned short rows, unsigned short columns, int *master, struct error *e);

#endif
