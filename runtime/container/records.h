/* SPDX-License-Identifier: Apache-2.0 */
/*
 * records - where containers are on record: one folder each, in a folder of the user's own.
 *
 * A container's folder holds state.json (state.h), config.json as it was when it was created, and until its start two FIFOs. Whoever
 * changes it holds a lock on the folder itself, which disappears with it.
 */
#ifndef CROZE_CONTAINER_RECORDS_H
#define CROZE_CONTAINER_RECORDS_H

#include "runtime/base/error.h"
#include "runtime/base/strv.h"

#include <stdbool.h>

/**
 * Opens the folder of all records: @given, or croze-runtime in $XDG_RUNTIME_DIR, /run/user/UID or, for root, /run; where there is none of
 * them, /tmp/croze-runtime-UID. It is made, 0700, when it is not there; one that belongs to somebody else or that others may write is
 * refused (SECURITY S3).
 */
int records_open(const char *given, struct error *e);
/** The names of all containers, sorted. */
int records_list(int records, struct strv *ids, struct error *e);

/** A new folder, locked. One that a crash has left without a state is used again. ERR_INPUT when the container exists. */
int record_make(int records, const char *id, struct error *e);
/** ERR_NOT_FOUND ("container 'x' does not exist"). */
int record_open(int records, const char *id, struct error *e);
/** Waits for the lock. */
int record_lock(int record, struct error *e);
/** Gives the lock back. Closing @record alone would not while a child has a copy of it. */
void record_unlock(int record);
/** Is somebody changing it right now? */
bool record_is_locked(int record);
/** With all that is in it, whatever that is. */
int record_remove(int records, const char *id, struct error *e);

#endif
