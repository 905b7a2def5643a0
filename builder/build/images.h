/* SPDX-License-Identifier: Apache-2.0 */
/*
 * images - what a build takes from registries, and sends to them.
 */
#ifndef CROZE_BUILDER_BUILD_IMAGES_H
#define CROZE_BUILDER_BUILD_IMAGES_H

#include "builder/build/state.h"
#include "builder/import/resolve.h"
#include "builder/registry/registry.h"
#include "runtime/base/strv.h"

/** How the options want registries to be reached. */
void images_access(struct build *b, struct registry_options *how);
/**
 * The image that @reference names: from the store, or from its registry as --pull says. ERR_NOT_FOUND when neither has it or
 * the registry cannot be asked; b->registry_failed is then set. Of one from a registry the layers may still be on their way:
 * @pull is then the process that brings them, and the caller's.
 */
int images_find(struct build *b, const char *reference, const struct platform *platform,
    struct image *image, struct worker *pull, struct error *e);
/** A process that brought layers has ended well: tells of what its answer says came. */
int images_arrived(struct build *b, const struct buf *answer, struct error *e);
/** One has failed with @e: adds how @reference is had where no registry can be asked. Returns -1. */
int images_stayed_away(const char *reference, struct error *e);
/** Sends the image that was made to where --push and --output say; @lines get the names it has there. */
int images_push(struct build *b, struct strv *lines, struct error *e);

#endif
