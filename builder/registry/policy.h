/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy - policy.json: whether an image may be pulled (containers-policy.json(5)).
 *
 * ${XDG_CONFIG_HOME:-~/.config}/containers/policy.json, else /etc/containers/policy.json, else everything may. Signatures are
 * not checked here: where one is demanded, and for whatever is not understood, the answer is no.
 */
#ifndef CROZE_REGISTRY_POLICY_H
#define CROZE_REGISTRY_POLICY_H

#include "builder/image/reference.h"
#include "runtime/base/error.h"

/** 0 when @r may be pulled from a registry; ERR_POLICY says what forbids it, ERR_INPUT what in the file is wrong. */
int policy_check(const struct reference *r, struct error *e);

#endif
