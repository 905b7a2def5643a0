/* SPDX-License-Identifier: Apache-2.0 */
/*
 * words - commands with another word behind their name ("croze cache prune"), whose options are not for all of these words.
 */
#ifndef CROZE_BUILDER_CLI_WORDS_H
#define CROZE_BUILDER_CLI_WORDS_H

#include "runtime/base/error.h"

#include <stdbool.h>
#include <stddef.h>

struct word_option {
	bool given;
	unsigned bit; /* of an enum of the command's */
	const char *name;
};

/** ERR_USAGE when an option is given whose bit is not in @accepted: it would do nothing. */
int words_check(const struct word_option *options, size_t n_options, unsigned accepted,
    const char *word, struct error *e);

#endif
