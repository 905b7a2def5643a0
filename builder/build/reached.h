/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reached - what steps have reached over the network, for people, for the record and for programs.
 */
#ifndef CROZE_BUILDER_BUILD_REACHED_H
#define CROZE_BUILDER_BUILD_REACHED_H

#include "builder/build/state.h"

/** "mirror.example:80, 192.0.2.1:443" of those that were @allowed, or of those that were not; "" for none. @list as egress_take(). */
void reached_add_text(struct buf *b, const struct json *list, bool allowed);
/** "reached A, B; refused C", NULL when nothing was. To be freed. */
char *reached_text(const struct json *list);
/**
 * Puts it into the result, and with that into network.json of the build's record, as
 * [{"stage": NAME, "step": N, "line": N, "reached": @list}]. A record that cannot be written is told of.
 */
void reached_keep(
    struct build *b, const struct stage_state *stage, size_t step, const struct json *list);

#endif
