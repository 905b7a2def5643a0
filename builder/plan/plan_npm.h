/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plan_npm - the lint rule NpmDevDependencies: a build script that needs what was left out.
 */
#ifndef CROZE_PLAN_PLAN_NPM_H
#define CROZE_PLAN_PLAN_NPM_H

#include "builder/plan/planner.h"

/** COPY or ADD of @source from the context: the folder of package.json is remembered. */
void plan_npm_source(struct building *b, const char *source);
/** RUN: installs without the dev dependencies, or runs a script that wants one. */
void plan_npm_run(struct building *b, const struct instruction *i);

#endif
