/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lint - what can be said against a Dockerfile that is not wrong, and which of it is wanted.
 *
 * lint_file() looks at the text; what needs values, images or the context is found by others
 * (diagnostics_lint() takes it). When all of that is there, lint_apply() drops what the file does
 * not want to hear: `# check=` at the top, in the comment right above an instruction, and in that
 * above FROM for its stage.
 */
#ifndef CROZE_DOCKERFILE_LINT_H
#define CROZE_DOCKERFILE_LINT_H

#include "builder/dockerfile/parser.h"

/** Adds what rules that need the text alone find. */
void lint_file(const struct dockerfile *f, struct diagnostics *diagnostics);

/**
 * Obeys "skip=Rule,...|all;error=BOOL;experimental=Rule,...|all" on what @diagnostics holds by now.
 * @given (may be NULL) stands for the directive of the file when it is not NULL. What is not
 * understood is an error at its place; a rule that there is not is a warning.
 */
void lint_apply(const struct dockerfile *f, const char *given, struct diagnostics *diagnostics);

/** Is a finding of @rule at @line wanted? The same question for findings that come after the build. */
bool lint_wants(
    const struct dockerfile *f, const char *given, const char *rule, uint32_t line, bool *as_error);

/** Has a variable of that name a value that is better not seen (rule SecretsUsedInArgOrEnv)? */
bool lint_names_secret(const char *name);

#endif
