/* SPDX-License-Identifier: Apache-2.0 */
/*
 * options - mount options of config.json (runtime-spec, config.md, "Linux mount options").
 */
#ifndef CROZE_CONTAINER_OPTIONS_H
#define CROZE_CONTAINER_OPTIONS_H

#include "runtime/base/error.h"
#include "runtime/base/strv.h"
#include "runtime/oci/config.h"
#include "runtime/sandbox/container.h"

/** One of the mounts; whoever keeps it sets @mount.extra to @extra, @mount.options to @data and @mount.source. */
struct mount_options {
	struct container_mount mount;
	struct container_mount_extra extra;
	char *data;       /* options of the file system's own; to be freed */
	bool source_link; /* a link as the source is bound itself */
	bool map_ids;     /* by the mappings of the mount, or else of the container */
	bool map_below;
};

/**
 * Kind, target and attributes of @m. @o keeps pointers into @m. ERR_INPUT for an option that is wrong, ERR_HOST for one that is not to be
 * had.
 */
int options_of_mount(const struct oci_mount *m, struct mount_options *o, struct error *e);
/** Appends the names of all options that are no file system's own. */
size_t options_names(struct strv *names);

#endif
