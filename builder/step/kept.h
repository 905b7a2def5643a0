/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kept - whether a step has left a secret in its files.
 */
#ifndef CROZE_BUILDER_STEP_KEPT_H
#define CROZE_BUILDER_STEP_KEPT_H

#include "builder/step/mounts.h"
#include "runtime/base/error.h"
#include "runtime/base/strv.h"

/** Shorter ones are in any file by chance, and are not looked for. */
#define KEPT_MIN 8
/** Most files that are told. */
#define KEPT_MAX 10

/**
 * Looks for the bytes of @secrets in the files of @upper, an overlay upper directory at rest. @found gets a sentence for each file that
 * has one. Encodings of a secret are not found.
 */
int kept_find(int upper, const struct run_secret *secrets, size_t n_secrets, struct strv *found,
    struct error *e);

#endif
