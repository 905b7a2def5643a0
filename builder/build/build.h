/* SPDX-License-Identifier: Apache-2.0 */
/*
 * build - a whole build, from the Dockerfile to the image in the store and its outputs.
 */
#ifndef CROZE_BUILDER_BUILD_BUILD_H
#define CROZE_BUILDER_BUILD_BUILD_H

#include "builder/build/options.h"
#include "builder/progress/progress.h"
#include "runtime/base/error.h"

/**
 * Builds. Everything is read and checked before anything runs; errors in the Dockerfile are written to stderr
 * as a list, and @result->failure_shown is then set, as it is when a step failed and the display has shown it.
 *
 * The process may be in a user namespace afterwards, in which it is uid 0 and still the same user outside.
 * Must be called by a process of one thread. @result is to be released in both cases.
 *
 * ERR_INPUT and ERR_USAGE: nothing was run. ERR_STEP: a step failed; those before it are in the cache.
 */
int build_run(const struct build_options *options, struct progress *progress,
    struct build_result *result, struct error *e);

#endif
