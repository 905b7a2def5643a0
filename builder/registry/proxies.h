/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxies - those that docker's config.json names ("proxies", "default"), as variables of the environment.
 */
#ifndef CROZE_REGISTRY_PROXIES_H
#define CROZE_REGISTRY_PROXIES_H

#include "runtime/base/error.h"

/**
 * Sets the variables of proxies, in small and in capital letters, as docker's configuration says; those that are set in either form
 * stay. ERR_INPUT when the file cannot be understood: nothing is set then.
 */
int proxies_from_docker(struct error *e);

#endif
