/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sources - what a build is made of: contexts, the Dockerfile, the images that it names, and the plan from them.
 */
#ifndef CROZE_BUILDER_BUILD_SOURCES_H
#define CROZE_BUILDER_BUILD_SOURCES_H

#include "builder/build/state.h"

/** Opens the contexts, reads and parses the Dockerfile. What is wrong with it is in b->diagnostics. */
int sources_open(struct build *b, struct error *e);
/** Finds the images and makes the plan. */
int sources_plan(struct build *b, struct error *e);
/**
 * The plan for a check (PLAN_ALL in @flags: of all stages when there is no target). Images are looked up in the store when there is one, and need
 * not be there. What is wrong is in b->diagnostics.
 */
void sources_check(struct build *b, enum plan_flags flags);
void sources_release(struct build *b);
/** Writes the errors and warnings to stderr. */
void sources_show_diagnostics(struct build *b);

#endif
