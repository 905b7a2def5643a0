/* SPDX-License-Identifier: Apache-2.0 */
/*
 * file - a file of the user's that appears whole: written without a name, or under another one, and renamed.
 */
#ifndef CROZE_OUTPUT_FILE_H
#define CROZE_OUTPUT_FILE_H

#include "builder/output/output.h"

struct out_file {
	int fd; /* write here; the target's stream for "-" */
	bool is_stream;
	int dir;            /* of the folder it will be in */
	char *base;         /* its name there */
	char temporary[48]; /* "" while it has none */
};

#define OUT_FILE_INIT               \
	{                           \
		.fd = -1, .dir = -1 \
	}

/** ERR_USAGE when what is there already is no regular file. */
int out_file_open(struct out_file *f, const struct output_target *target, struct error *e);
/** Gives it its name. */
int out_file_commit(struct out_file *f, struct error *e);
/** Removes what has no name yet. */
void out_file_release(struct out_file *f);

/** Opens the user's directory @path, making it when it is not there (0755). A link in its place is ERR_USAGE. */
int out_directory_open(const char *path, struct error *e);

#endif
