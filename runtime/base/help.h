/* SPDX-License-Identifier: Apache-2.0 */
/*
 * help - the help of a whole program; that of a command is options_help().
 */
#ifndef CROZE_BASE_HELP_H
#define CROZE_BASE_HELP_H

#include "runtime/base/options.h"

/** Appends usage, @summary and the commands of @table; those without a summary are not shown. */
void help_program(
    const char *program, const char *summary, const struct command *table, struct buf *b);

#endif
