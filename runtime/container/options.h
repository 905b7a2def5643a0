/* SPDX-License-Identifier: Apache-2.0 */
/*
 * options - mount options of config.json (runtime-spec, config.md, "Linux mount options").
 */
#ifndef CROZE_CONTAINER_OPTIONS_H
#define CROZE_CONTAINER_OPTIONS_H

#include "runtime/base/error.h"
#include "runtime/oci/config.h"
#include "runtime/sandbox/container.h"

/**
 * Kind, target and flags of @m; options that are the file system's own go to *@data (to be freed), which @mount points to.
 * @mount keeps pointers into @m. ERR_INPUT or ERR_HOST for a type or option that is not to be had.
 */
int options_of_mount(
    const struct oci_mount *m, struct container_mount *mount, char **data, struct error *e);

#endif
