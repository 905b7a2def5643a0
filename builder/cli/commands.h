/* SPDX-License-Identifier: Apache-2.0 */
/*
 * commands - the commands of croze: one file each, one row each in the table.
 */
#ifndef CROZE_BUILDER_CLI_COMMANDS_H
#define CROZE_BUILDER_CLI_COMMANDS_H

#include "runtime/base/options.h"

extern const struct command command_table[];

extern const struct option_def check_option_table[];
extern const struct option_def outline_option_table[];
extern const struct option_def dump_option_table[];
extern const struct option_def run_option_table[];
extern const struct option_def images_option_table[];
extern const struct option_def index_option_table[];
extern const struct option_def inspect_option_table[];
extern const struct option_def history_option_table[];
extern const struct option_def rmi_option_table[];
extern const struct option_def load_option_table[];
extern const struct option_def sbom_option_table[];
extern const struct option_def save_option_table[];
extern const struct option_def import_option_table[];
extern const struct option_def pull_option_table[];
extern const struct option_def push_option_table[];
extern const struct option_def copy_option_table[];
extern const struct option_def login_option_table[];
extern const struct option_def logout_option_table[];
extern const struct option_def prune_option_table[];
extern const struct option_def cache_option_table[];
extern const struct option_def doctor_option_table[];
extern const struct option_def store_option_table[];
extern const struct option_def root_option_table[]; /* --root alone */

int build_main(int argc, char **argv, const struct command *self);
int check_main(int argc, char **argv, const struct command *self);
int outline_main(int argc, char **argv, const struct command *self);
int targets_main(int argc, char **argv, const struct command *self);
int dump_main(int argc, char **argv, const struct command *self);
int run_main(int argc, char **argv, const struct command *self);
int images_main(int argc, char **argv, const struct command *self);
int index_main(int argc, char **argv, const struct command *self);
int inspect_main(int argc, char **argv, const struct command *self);
int history_main(int argc, char **argv, const struct command *self);
int tag_main(int argc, char **argv, const struct command *self);
int rmi_main(int argc, char **argv, const struct command *self);
int load_main(int argc, char **argv, const struct command *self);
int sbom_main(int argc, char **argv, const struct command *self);
int save_main(int argc, char **argv, const struct command *self);
int import_main(int argc, char **argv, const struct command *self);
int pull_main(int argc, char **argv, const struct command *self);
int push_main(int argc, char **argv, const struct command *self);
int copy_main(int argc, char **argv, const struct command *self);
int login_main(int argc, char **argv, const struct command *self);
int logout_main(int argc, char **argv, const struct command *self);
int prune_main(int argc, char **argv, const struct command *self);
int cache_main(int argc, char **argv, const struct command *self);
int doctor_main(int argc, char **argv, const struct command *self);
int store_main(int argc, char **argv, const struct command *self);
int version_main(int argc, char **argv, const struct command *self);
int completion_main(int argc, char **argv, const struct command *self);

#endif
