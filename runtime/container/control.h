/* SPDX-License-Identifier: Apache-2.0 */
/*
 * control - what is done to a running container through its cgroup: pause, resume, update, statistics.
 */
#ifndef CROZE_CONTAINER_CONTROL_H
#define CROZE_CONTAINER_CONTROL_H

#include "runtime/base/error.h"
#include "runtime/base/json.h"
#include "runtime/oci/resources.h"

#include <stdbool.h>

/** ERR_HOST when the container has no cgroup or that cannot stop it; ERR_INPUT when it does not run, or is paused (not paused) already. */
int control_pause(const char *root, const char *id, bool paused, struct error *e);
/** Sets the limits of @r that are given. ERR_HOST names one that cannot be had. */
int control_update(
    const char *root, const char *id, const struct oci_resources *r, struct error *e);
/** What the container has used, as runc prints it ("cpu", "memory", "pids"); to be freed. NULL with ERR_NOT_FOUND once it has stopped. */
struct json *control_statistics(const char *root, const char *id, struct error *e);

#endif
