/* SPDX-License-Identifier: Apache-2.0 */
/*
 * check - what single instructions demand of their arguments, beyond their syntax, as far as it can
 * be told from the text alone.
 *
 * Used by the parser only.
 */
#ifndef CROZE_DOCKERFILE_CHECK_H
#define CROZE_DOCKERFILE_CHECK_H

#include "builder/dockerfile/words.h"

/** Returns 0 or -1. */
int check_instruction(struct reading *r);

#endif
