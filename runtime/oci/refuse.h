/* SPDX-License-Identifier: Apache-2.0 */
/*
 * refuse - members of config.json that ask for something which is not done here.
 */
#ifndef CROZE_OCI_REFUSE_H
#define CROZE_OCI_REFUSE_H

#include "runtime/base/error.h"
#include "runtime/base/json.h"

/** -1 with @e ERR_HOST naming the first such member that is there and not empty. */
int refuse_members(const struct json *root, struct error *e);

#endif
