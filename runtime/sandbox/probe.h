/* SPDX-License-Identifier: Apache-2.0 */
/*
 * probe - what this host or pod lets us do, found out by doing it.
 *
 * Every mechanism is tried in a child process, so that the caller stays as it is.
 */
#ifndef CROZE_SANDBOX_PROBE_H
#define CROZE_SANDBOX_PROBE_H

#include "runtime/base/error.h"

#include <stdbool.h>
#include <stddef.h>

enum probe_state { PROBE_OK, PROBE_PART, PROBE_NO };

enum probe_id {
	PROBE_USERNS,    /* "user namespaces" */
	PROBE_SUBIDS,    /* "subordinate ids" */
	PROBE_OVERLAY,   /* "overlay on the store" */
	PROBE_FUSE,      /* "fuse-overlayfs": the program, where there is no overlay */
	PROBE_CONTAINER, /* "containers" : pid, mount, ipc, uts namespaces, fresh /proc */
	PROBE_NETWORK,   /* "network for RUN" */
	PROBE_CGROUP,    /* "cgroup delegation" */
	PROBE_SECCOMP,   /* "seccomp" */
	PROBE_NOTIFY,    /* "recorded owners": a supervisor answers for ids */
	PROBE_CHROOT,    /* "chroot" */
	PROBE_EMULATE,   /* "emulation" */
	PROBE_LANDLOCK,  /* "Landlock" */
	PROBE_FOREIGN,   /* "other architectures": their programs run, through qemu */
	PROBE_OPENAT2,   /* "openat2" */
	PROBE_MOUNT_API, /* "new mount calls" */
	PROBE_COUNT,
};

struct probe_result {
	enum probe_id id;
	const char *label; /* as quoted above */
	enum probe_state state;
	char text[256]; /* what was found: "63000 allowed", "100000:65536, newuidmap setuid" */
	char lost[256]; /* what is lost without it; "" when ok */
	char fix[512];  /* one command or setting that mends it; "" when there is none */
};

/**
 * Tries them all, in the order of enum probe_id. @store: path of a directory in which a scratch folder may be made (the store's
 * root, or where it will be), NULL to leave the file system out. Never fails: what goes wrong is a result.
 */
void probe_all(const char *store, struct probe_result results[PROBE_COUNT]);
/** One of them. */
void probe_one(enum probe_id id, const char *store, struct probe_result *result);

/* The following are in the caller's own namespaces, in the empty directory @dir, which is left with what was made. 0 or -1 with @e. */

/** Stacks folders with @stack: a whiteout, an opaque folder, a file that is executed. */
struct overlay_spec;
int probe_stack_in(
    int dir, int (*stack)(const struct overlay_spec *spec, struct error *e), struct error *e);
/**
 * Does what is made, and what is copied up, in such a stack become what it is in the kernel's overlay? Tried is what fuse-overlayfs 1.10 does
 * otherwise by itself: groups of set-group-ID folders, set-id bits, times of links, what is neither file nor folder.
 */
int probe_kept_in(
    int dir, int (*stack)(const struct overlay_spec *spec, struct error *e), struct error *e);
/** What snapshots need of a file system where nothing is stacked: attributes, modes, links, owners (or their records, @recorded). */
int probe_copies_in(int dir, bool recorded, struct error *e);
/** "ok", "part", "no" */
const char *probe_state_text(enum probe_state state);

#endif
