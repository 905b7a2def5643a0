/* SPDX-License-Identifier: Apache-2.0 */
/*
 * agents - the ssh agents of a build: those of the user, and ones that are started for key files.
 */
#ifndef CROZE_BUILDER_BUILD_AGENTS_H
#define CROZE_BUILDER_BUILD_AGENTS_H

#include "builder/build/state.h"

struct agents;

/** Does a step that runs mount an agent that was given? */
bool agents_wanted(const struct build *b);
/**
 * Starts an ssh-agent with the keys of each of @given that has no socket; ERR_HOST when the program is not there, ERR_USAGE for a key
 * that it does not take (one with a passphrase). They end with agents_stop() and with this process.
 */
struct agents *agents_start(
    struct store *store, const struct build_agent *given, size_t count, struct error *e);
/** As many as were given; valid until agents_stop(). */
const struct run_agent *agents_list(const struct agents *a, size_t *count);
/** NULL is fine. */
void agents_stop(struct agents *a);

#endif
