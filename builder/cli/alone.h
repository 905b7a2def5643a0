/* SPDX-License-Identifier: Apache-2.0 */
/*
 * alone - having the store to oneself, with the rights that removing snapshots needs.
 */
#ifndef CROZE_BUILDER_CLI_ALONE_H
#define CROZE_BUILDER_CLI_ALONE_H

#include "builder/store/store.h"

/**
 * Enters the user namespace where there is one to be had, because the store holds files of subordinate ids, and opens it. NULL on
 * failure.
 */
struct store *store_open_with_ids(const char *root, enum store_flags flags, struct error *e);
/** The same with STORE_EXCLUSIVE. */
struct store *store_open_alone(const char *root, struct error *e);

#endif
