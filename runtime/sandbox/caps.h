/* SPDX-License-Identifier: Apache-2.0 */
/*
 * caps - capability sets as masks (capabilities(7)).
 */
#ifndef CROZE_SANDBOX_CAPS_H
#define CROZE_SANDBOX_CAPS_H

#include "runtime/base/error.h"

#include <stdint.h>

#define CAPS_BIT(n) (1ULL << (n))

/** The five sets of a process; bit n is capability n. */
struct caps {
	uint64_t bounding;
	uint64_t permitted;
	uint64_t effective;
	uint64_t inheritable;
	uint64_t ambient;
};

/** What containers get by default: the 14 of docker and podman's older default (KILL, CHOWN, SETUID, NET_RAW, ...). */
extern const uint64_t caps_default;

/** Bounding, permitted and effective @mask, the others empty. */
void caps_set_mask(struct caps *c, uint64_t mask);
/** "CAP_CHOWN", any case, with or without the prefix. ERR_INPUT when unknown. */
int caps_parse(const char *name, int *number, struct error *e);
/** Drops the bounding set of the calling process to @mask and empties the ambient set. */
int caps_bound(uint64_t mask, struct error *e);
/** Sets permitted, effective, inheritable and ambient of the calling process. */
int caps_apply(const struct caps *c, struct error *e);

#endif
