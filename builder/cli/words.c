/* SPDX-License-Identifier: Apache-2.0 */
/*
 * words - commands with another word behind their name ("croze cache prune"), whose options are not for all of these words.
 */
#include "builder/cli/words.h"

int
words_check(const struct word_option *options, size_t n_options, unsigned accepted,
    const char *word, struct error *e)
{
	for (size_t i = 0; i < n_options; i++)
		if (options[i].given && !(options[i].bit & accepted))
			return error_set(
			    e, ERR_USAGE, "'--%s' does not go with %s", options[i].name, word);
	return 0;
}
