/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lint - the `# check=` directive: which rules are not asked for, and whether a violation is an
 * error.
 */
#ifndef CROZE_DOCKERFILE_LINT_H
#define CROZE_DOCKERFILE_LINT_H

#include "builder/dockerfile/diagnostics.h"

/**
 * Obeys @check ("skip=Rule,...|all;error=BOOL;experimental=Rule,...|all") on what @diagnostics
 * holds by now. What it demands and this version cannot do is said in a note; what it does not know
 * is an error at @at.
 */
void lint_apply(const char *check, struct location at, struct diagnostics *diagnostics);

#endif
