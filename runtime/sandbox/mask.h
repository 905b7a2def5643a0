/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mask - hides and protects what /proc and /sys tell and take (SECURITY R4, R14, R27).
 */
#ifndef CROZE_SANDBOX_MASK_H
#define CROZE_SANDBOX_MASK_H

#include "runtime/base/error.h"

#include <stdbool.h>

/** What is put in place of hidden paths: made at the first use. */
struct mask {
	int null;
	int empty;
	bool readable_only; /* leave what nobody in the container could open anyway */
};

#define MASK_INIT                       \
	{                               \
		.null = -1, .empty = -1 \
	}

void mask_release(struct mask *m);
/** Covers @path below @root, with an empty folder or with the null device. What is not there is left alone. */
int mask_path(struct mask *m, int root, const char *path, struct error *e);
/** Makes @path below @root read-only. What is not there is left alone. */
int mask_protect(int root, const char *path, struct error *e);
/** The host's /sys, detached and read-only, everything mounted below included. */
int mask_new_sys(struct error *e);
/** Covers in @sys, the root of a /sys, what containers do not see by default: firmware, power, throttling, cgroups. */
int mask_default_sys(struct mask *m, int sys, struct error *e);

#endif
