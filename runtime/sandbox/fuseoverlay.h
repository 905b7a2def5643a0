/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuseoverlay - file trees from stacked directories by the program fuse-overlayfs, where the kernel refuses an overlay of its own.
 *
 * What the program leaves in an upper directory is brought into the form that the kernel's overlay has there, so that who reads
 * snapshots knows one form only.
 */
#ifndef CROZE_SANDBOX_FUSEOVERLAY_H
#define CROZE_SANDBOX_FUSEOVERLAY_H

#include "runtime/sandbox/overlay.h"

/** Is there a chance? 0, or -1 with @e ERR_HOST: the program is missing, or /dev/fuse cannot be opened. */
int fuseoverlay_check(struct error *e);

/** Tries it in the empty directory @dir, as probe_stack_in() and probe_kept_in() do; ERR_HOST with a hint where an image could be another one. */
int fuseoverlay_probe(int dir, struct error *e);

/**
 * As overlay_mount(), for the same callers and with the same result. The program that serves the mount ends when the last descriptor
 * and container that uses it does.
 */
int fuseoverlay_mount(const struct overlay_spec *spec, struct error *e);

/** Brings @upper, which nothing writes to any more through @mount, into the form of the kernel's overlay. */
int fuseoverlay_settle(int upper, int mount, struct error *e);

#endif
