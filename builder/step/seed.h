/* SPDX-License-Identifier: Apache-2.0 */
/*
 * seed - copies files of a stage, image or context into a directory, as they are.
 */
#ifndef CROZE_BUILDER_STEP_SEED_H
#define CROZE_BUILDER_STEP_SEED_H

#include "runtime/base/error.h"

/**
 * Copies what is in directory @path of the root filesystem @root into the empty directory @to: owners, modes, times, links and
 * attributes are kept. @name: of @root, for messages. ERR_USAGE when @path is not there or no directory.
 */
int seed_directory(int root, const char *path, const char *name, int to, struct error *e);

#endif
