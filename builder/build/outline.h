/* SPDX-License-Identifier: Apache-2.0 */
/*
 * outline - what a Dockerfile offers: its targets, and what each can be given.
 *
 * The members of the JSON are those of the reference frontend's outline and targets calls.
 */
#ifndef CROZE_BUILDER_BUILD_OUTLINE_H
#define CROZE_BUILDER_BUILD_OUTLINE_H

#include "builder/build/state.h"

struct json *outline_json(const struct build *b);
void outline_text(const struct build *b, struct buf *out);
struct json *targets_json(const struct build *b);
void targets_text(const struct build *b, struct buf *out);

#endif
