/* SPDX-License-Identifier: Apache-2.0 */
/*
 * device - the value of RUN --device: a name of the Container Device Interface, "vendor.com/class=name".
 */
#ifndef CROZE_DOCKERFILE_DEVICE_H
#define CROZE_DOCKERFILE_DEVICE_H

#include "runtime/base/error.h"

#include <stdbool.h>

struct device {
	char *name;
	bool required;
};

void device_release(struct device *device);
/** Reads "NAME", "name=NAME" and "required[=BOOL]" as a CSV record. To be released in both cases. */
int device_parse(const char *text, struct device *device, struct error *e);

#endif
