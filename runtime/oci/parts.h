/* SPDX-License-Identifier: Apache-2.0 */
/*
 * parts - the readers of the parts of config.json, for config.c alone.
 */
#ifndef CROZE_OCI_PARTS_H
#define CROZE_OCI_PARTS_H

#include "runtime/oci/config.h"

int oci_mounts_read(const struct json *root, struct oci_config *c, struct error *e);
void oci_mounts_release(struct oci_config *c);
/** Member @key of the object @above, which stands at @path. */
int oci_mappings_read(const struct json *above, const char *key, const char *path,
    struct oci_id_mappings *m, struct error *e);
int oci_linux_read(const struct json *root, struct oci_config *c, struct error *e);
void oci_linux_release(struct oci_config *c);
int oci_hooks_read(const struct json *root, struct oci_hooks *h, struct error *e);
void oci_hooks_release(struct oci_hooks *h);
int oci_landlock_read(const struct json *annotations, struct oci_landlock *l, struct error *e);
void oci_landlock_release(struct oci_landlock *l);
/** Does every parameter belong to a namespace of the container? */
int oci_sysctl_check(const struct oci_config *c, struct error *e);
/** Adds to @e, whose text begins with a path in quotes, the section of the specification that is about it. */
void oci_section(struct error *e);

#endif
