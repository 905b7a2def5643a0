/* SPDX-License-Identifier: Apache-2.0 */
/*
 * commands - the commands of croze-runtime.
 */
#ifndef CROZE_RUNTIME_CLI_COMMANDS_H
#define CROZE_RUNTIME_CLI_COMMANDS_H

#include "runtime/base/options.h"

extern const struct command command_run;
extern const struct command command_spec;

#endif
