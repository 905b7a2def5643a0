/* SPDX-License-Identifier: Apache-2.0 */
/*
 * devices - the devices of RUN --device, opened before the command starts.
 */
#ifndef CROZE_BUILDER_STEP_DEVICES_H
#define CROZE_BUILDER_STEP_DEVICES_H

#include "builder/plan/plan.h"
#include "runtime/sandbox/container.h"

#include <stddef.h>

/** For the container, valid until devices_close(). */
struct devices {
	struct container_mount *mounts;
	size_t n_mounts;
};

/** Opens nodes and files of @step's devices. ERR_HOST names what is not there or is something else than its description says. */
int devices_open_all(const struct plan_step *step, struct devices *d, struct error *e);
void devices_release(struct devices *d);
/** Sets the variables of @step's devices. */
void devices_set_environment(const struct plan_step *step, struct strv *env);

#endif
