/* SPDX-License-Identifier: Apache-2.0 */
/*
 * join - entering namespaces that are there already (setns(2)).
 */
#ifndef CROZE_SANDBOX_JOIN_H
#define CROZE_SANDBOX_JOIN_H

#include "runtime/base/error.h"
#include "runtime/sandbox/container.h"

#include <stddef.h>

/** Enters all of them, in whatever order works. NULL, or the type ("network") of one that cannot be entered, with errno. Async-signal-safe. */
const char *join_all(const struct container_join *joins, size_t n);

/** All types; index of the arrays below. */
#define JOIN_TYPES 8

/**
 * Opens the namespaces of process @pid that are not the caller's own too. @joins has room for JOIN_TYPES; to be closed by join_close().
 * Returns how many.
 */
int join_open(pid_t pid, struct container_join *joins, struct error *e);
void join_close(struct container_join *joins, size_t n);

#endif
