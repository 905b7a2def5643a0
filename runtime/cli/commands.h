/* SPDX-License-Identifier: Apache-2.0 */
/*
 * commands - the commands of croze-runtime: one file each.
 */
#ifndef CROZE_RUNTIME_CLI_COMMANDS_H
#define CROZE_RUNTIME_CLI_COMMANDS_H

#include "runtime/base/options.h"

extern const struct command command_create;
extern const struct command command_delete;
extern const struct command command_events;
extern const struct command command_exec;
extern const struct command command_features;
extern const struct command command_kill;
extern const struct command command_list;
extern const struct command command_pause;
extern const struct command command_ps;
extern const struct command command_resume;
extern const struct command command_run;
extern const struct command command_spec;
extern const struct command command_start;
extern const struct command command_state;
extern const struct command command_update;

/** The one word that @words must hold, a container's name; NULL with @e, which names @command. */
const char *command_id(const char *command, const struct strv *words, struct error *e);

#endif
