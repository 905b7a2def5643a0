/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ignore - .dockerignore: which paths of a build context stay out of it.
 *
 * The last pattern that matches a path or a folder above it decides; '!' takes a path back in.
 * Matching is by a set of states, so its time is the product of the lengths of pattern and path and
 * never more.
 */
#ifndef CROZE_DOCKERFILE_IGNORE_H
#define CROZE_DOCKERFILE_IGNORE_H

#include "runtime/base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ignore_pattern;

struct ignore {
	struct ignore_pattern *patterns;
	size_t count;
	size_t room;
	bool has_negation;
};

#define IGNORE_MAX_BYTES (1U << 20)

/**
 * Parses an ignore file. @file names it in errors ("FILE:3: ..."). On success @ignore is to be
 * released.
 * Returns 0 or -1 with @e ERR_INPUT for a wrong pattern.
 */
int ignore_parse(
    struct ignore *ignore, const char *text, size_t length, const char *file, struct error *e);
/** Adds one pattern as a line of an ignore file would; an empty one is ERR_INPUT. */
int ignore_add(struct ignore *ignore, const char *pattern, struct error *e);
/** The same for the path or pattern of something to be found: a '!' in front has no meaning. */
int ignore_add_plain(struct ignore *ignore, const char *pattern, struct error *e);
void ignore_release(struct ignore *ignore);

/**
 * Is @path (relative, clean, "a/b") left out? Patterns that match a folder cover all below it.
 * @is_dir changes nothing, as no pattern asks for it.
 */
bool ignore_match(const struct ignore *ignore, const char *path, bool is_dir);
/**
 * Can anything below the ignored folder @dir be taken back in? When not, a walk need not enter it.
 */
bool ignore_may_reinclude_below(const struct ignore *ignore, const char *dir);
/** Can a path below folder @dir match any pattern? */
bool ignore_may_match_below(const struct ignore *ignore, const char *dir);
/** The pattern (as written) and line that decided for @path; NULL when none matches. */
const char *ignore_reason(const struct ignore *ignore, const char *path, size_t *line);

/** Canonical text of all patterns. To be freed. */
char *ignore_text(const struct ignore *ignore);

#endif
