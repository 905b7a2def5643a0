/* SPDX-License-Identifier: Apache-2.0 */
/*
 * result - the outputs of a build, and what is told at its end.
 */
#ifndef CROZE_BUILDER_BUILD_RESULT_H
#define CROZE_BUILDER_BUILD_RESULT_H

#include "builder/build/state.h"

/** Writes all outputs, then the summary. */
int result_write(struct build *b, struct error *e);

#endif
