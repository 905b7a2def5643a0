/* SPDX-License-Identifier: Apache-2.0 */
/*
 * create_options - what create and run have in common on the command line.
 */
#ifndef CROZE_RUNTIME_CLI_CREATE_OPTIONS_H
#define CROZE_RUNTIME_CLI_CREATE_OPTIONS_H

#include "runtime/base/options.h"
#include "runtime/container/create.h"

#include <stdbool.h>
#include <stdint.h>

struct create_flags {
	const char *bundle;
	const char *pid_file;
	const char *console_socket;
	uint64_t preserve_fds;
	bool no_pivot;
	bool no_new_keyring;
	bool detach;
	bool keep;
	char *id; /* of the words */
};

#define CREATE_OPTIONS                                                                          \
	{ .name = "bundle",                                                                     \
		.short_name = 'b',                                                              \
		.type = OPTION_TEXT,                                                            \
		.offset = offsetof(struct create_flags, bundle),                                \
		.argument = "DIR",                                                              \
		.help = "folder with config.json (default: the current one)" },                 \
	    { .name = "pid-file",                                                               \
		    .type = OPTION_TEXT,                                                        \
		    .offset = offsetof(struct create_flags, pid_file),                          \
		    .argument = "FILE",                                                         \
		    .help = "write the pid of the first process there" },                       \
	    { .name = "console-socket",                                                         \
		    .type = OPTION_TEXT,                                                        \
		    .offset = offsetof(struct create_flags, console_socket),                    \
		    .argument = "SOCKET",                                                       \
		    .help = "send the master of the container's terminal there" },              \
	    { .name = "preserve-fds",                                                           \
		    .type = OPTION_U64,                                                         \
		    .offset = offsetof(struct create_flags, preserve_fds),                      \
		    .help = "so many descriptors from 3 on are the container's too" },          \
	    { .name = "no-pivot",                                                               \
		    .type = OPTION_FLAG,                                                        \
		    .offset = offsetof(struct create_flags, no_pivot),                          \
		    .help = "enter the rootfs by a move and chroot: for a host on a ramdisk" }, \
	{                                                                                       \
		.name = "no-new-keyring", .type = OPTION_FLAG,                                  \
		.offset = offsetof(struct create_flags, no_new_keyring),                        \
		.help = "keep the caller's session keyring"                                     \
	}

/** Parses into @flags and, from there, @o, which points into both; 1 when the help was printed. */
int create_flags_parse(const struct command *self, int argc, char **argv,
    struct create_flags *flags, struct create_options *o, struct error *e);
/** Prints @e and gives the exit status: that of a command that cannot be executed, or else the error's. */
int create_fail(const struct error *e);

#endif
