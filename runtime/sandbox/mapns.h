/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mapns - a user namespace that nobody lives in, for the ids of a mount (mount_setattr(2), "ID-mapped mounts").
 */
#ifndef CROZE_SANDBOX_MAPNS_H
#define CROZE_SANDBOX_MAPNS_H

#include "runtime/base/error.h"
#include "runtime/sandbox/userns.h"

/** A descriptor of a new user namespace with these maps, in terms of the calling process's ids, which must have the right to write them. */
int mapns_open(const struct id_map *uids, const struct id_map *gids, struct error *e);

#endif
