/* SPDX-License-Identifier: Apache-2.0 */
/*
 * schedule - who works on what, and when.
 */
#ifndef CROZE_BUILDER_BUILD_SCHEDULE_H
#define CROZE_BUILDER_BUILD_SCHEDULE_H

#include "builder/build/state.h"

/**
 * Does everything that needs.c found: unpacks, runs, packs, at most options->jobs steps at a time. When a step fails, the
 * others are stopped, progress_fail() is called, and @e is what the step's worker said. ERR_INTERRUPTED for a signal.
 */
int schedule_run(struct build *b, struct error *e);

#endif
