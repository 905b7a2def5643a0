/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mounts - mounts and devices of config.json, opened for a container.
 */
#ifndef CROZE_CONTAINER_MOUNTS_H
#define CROZE_CONTAINER_MOUNTS_H

#include "runtime/base/error.h"
#include "runtime/container/options.h"
#include "runtime/oci/config.h"
#include "runtime/sandbox/container.h"

struct mounts {
	struct mount_options *options;
	struct container_mount *items;
	size_t count;
	struct container_device *devices;
	size_t n_devices;
};

void mounts_release(struct mounts *m);
/** Does any mount, or the rootfs, want to hear of what is mounted on the host? To be known before namespaces are entered. */
bool mounts_want_slaves(const struct oci_config *c);
/** From host ids to those of the calling process, for ids of mounts. @key is named in errors. */
typedef int mounts_translate_fn(void *arg, const struct oci_id_mappings *m, bool groups,
    struct id_map *map, const char *key, struct error *e);
/** Opens sources, relative ones below @bundle, and devices. @translate is called for id-mapped mounts only. */
int mounts_init(const struct oci_config *c, const char *bundle, mounts_translate_fn *translate,
    void *arg, struct mounts *m, struct error *e);
/** linux.rootfsPropagation, in @spec. */
void mounts_set_root(const struct oci_config *c, struct container_spec *spec);

#endif
