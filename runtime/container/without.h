/* SPDX-License-Identifier: Apache-2.0 */
/*
 * without - does without something that this host has, so that what is done in its place can be tested.
 */
#ifndef CROZE_CONTAINER_WITHOUT_H
#define CROZE_CONTAINER_WITHOUT_H

#include "runtime/base/error.h"

/**
 * @words, separated by commas, of: openat2 (paths are walked in user space), cgroup (there is no cgroup file system), newuidmap (the
 * helpers are not installed). ERR_USAGE for any other.
 */
int without(const char *words, struct error *e);

#endif
