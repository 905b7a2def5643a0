/* SPDX-License-Identifier: Apache-2.0 */
/*
 * copyup - fills a new file system with what is below the place where it will be mounted (mount option tmpcopyup).
 */
#ifndef CROZE_SANDBOX_COPYUP_H
#define CROZE_SANDBOX_COPYUP_H

#include "runtime/base/error.h"

/**
 * Copies everything in the folder @from into the folder @to, with owners, modes, times and extended attributes, and gives @to those of
 * @from. Links and device nodes are copied as such; what cannot be one in a container (a device) is ERR_HOST, what grows beyond @to its
 * own error. Other file systems mounted below @from are not entered.
 */
int copyup(int from, int to, struct error *e);

#endif
