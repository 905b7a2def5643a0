/* SPDX-License-Identifier: Apache-2.0 */
/*
 * attest - what is attached to the images of a build: the software in them, and how they were made.
 */
#ifndef CROZE_BUILDER_BUILD_ATTEST_H
#define CROZE_BUILDER_BUILD_ATTEST_H

#include "builder/build/state.h"

/** Attaches what was asked for to the product's image @index, the current one of the plan. */
int attest_image(struct build *b, size_t index, struct error *e);

#endif
