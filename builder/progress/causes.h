/* SPDX-License-Identifier: Apache-2.0 */
/*
 * causes - the usual reasons for which a step fails, recognised by what it said.
 */
#ifndef CROZE_BUILDER_PROGRESS_CAUSES_H
#define CROZE_BUILDER_PROGRESS_CAUSES_H

#include "runtime/base/strv.h"

#include <stdbool.h>

struct causes_input {
	const char *text;   /* of the instruction */
	const char *source; /* of the whole Dockerfile, with a NUL at its end */
	const char *what;   /* the error's text */
	int exit_status;
	const char *user; /* "" or NULL: root */
	bool only_loopback;
	const struct strv *log; /* in any order */
};

/** Appends one sentence a cause, lower case, the most likely first. */
void causes_find(const struct causes_input *input, struct strv *hints);

#endif
