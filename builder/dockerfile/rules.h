/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rules - the lint rules: names, what they are about, what to do.
 *
 * The table is the only list of them: the checks, `# check=`, the output for tools and the help read
 * its rows. Those of the reference frontend have its names; a row of ours looks at the context or at
 * the image that was built.
 */
#ifndef CROZE_DOCKERFILE_RULES_H
#define CROZE_DOCKERFILE_RULES_H

#include "runtime/base/buf.h"

#include <stddef.h>

enum rule_flags {
	RULE_EXPERIMENTAL = 1 << 0, /* only when `# check=experimental=` names it */
	RULE_OWN = 1 << 1,          /* not one of the reference frontend's */
	RULE_IMAGE = 1 << 2,        /* looks at the image that was built */
};

struct rule_def {
	const char *name; /* NULL ends the table */
	enum rule_flags flags;
	const char *description; /* what is wished, one clause */
	const char *help;        /* what to do about it */
};

extern const struct rule_def rule_table[];

/** Whatever its case; NULL. */
const struct rule_def *rule_find(const char *name);
/** The nearest name; NULL. */
const char *rule_suggest(const char *name);
/** Appends where the rule is explained; nothing for one of ours, which the manual explains. */
void rule_add_url(struct buf *b, const struct rule_def *rule);

#endif
