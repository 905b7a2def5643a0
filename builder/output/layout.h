/* SPDX-License-Identifier: Apache-2.0 */
/*
 * layout - an OCI image layout as a directory.
 */
#ifndef CROZE_OUTPUT_LAYOUT_H
#define CROZE_OUTPUT_LAYOUT_H

#include "builder/output/collect.h"

/** Makes the layout @path, or adds to it: names that are there move. index.json comes last. */
int layout_write(struct store *store, const struct collected *c, const char *path, struct error *e);

#endif
