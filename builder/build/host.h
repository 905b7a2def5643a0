/* SPDX-License-Identifier: Apache-2.0 */
/*
 * host - what of this machine a build is made with.
 *
 * Each is tried before it is chosen, and what is worse than the best is told to the user (progress_note()) or, when it
 * was asked for by name, refused with the cause.
 */
#ifndef CROZE_BUILDER_BUILD_HOST_H
#define CROZE_BUILDER_BUILD_HOST_H

#include "builder/build/state.h"

/** Chooses @b->tier, which @b->options may name. The store is open. */
int host_choose_tier(struct build *b, struct error *e);

/**
 * Enters the tier and chooses how snapshots are stacked, when files are to be made; else the process stays as it is. What a
 * killed build left behind is removed from the store.
 */
int host_open(struct build *b, bool needs_namespace, struct error *e);

/** Makes what the commands of RUN have: network, limits, platforms, secrets and agents. Nothing when there is none to run. */
int host_open_environment(struct build *b, struct error *e);

#endif
