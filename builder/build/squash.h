/* SPDX-License-Identifier: Apache-2.0 */
/*
 * squash - one layer in the place of several.
 */
#ifndef CROZE_BUILDER_BUILD_SQUASH_H
#define CROZE_BUILDER_BUILD_SQUASH_H

#include "builder/build/state.h"

/**
 * Replaces the layers of @manifest and the diff IDs of @config from the @first on, which are those of the build or, for
 * --squash-all, all of them, by one layer that has the same effect. Its rows of history stay; all but the last that has a layer
 * become empty ones. One layer or none is left as it is.
 */
int squash_layers(struct build *b, struct image_config *config, struct manifest *manifest,
    size_t first, struct error *e);

#endif
