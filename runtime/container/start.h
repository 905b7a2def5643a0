/* SPDX-License-Identifier: Apache-2.0 */
/*
 * start - sets a created container off.
 */
#ifndef CROZE_CONTAINER_START_H
#define CROZE_CONTAINER_START_H

#include "runtime/base/error.h"
#include "runtime/container/state.h"

/** ERR_INPUT unless the container is created and not started; otherwise as start_record(). */
int start_container(const char *root, const char *id, struct error *e);
/**
 * @record is locked and the container waits. Returns once its command is executing; ERR_STEP when it cannot be, and the container
 * has then stopped.
 */
int start_record(int record, const struct state *s, struct error *e);

#endif
