/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tier - how far a build's commands can be kept apart here, from most to least.
 */
#ifndef CROZE_SANDBOX_TIER_H
#define CROZE_SANDBOX_TIER_H

#include "runtime/base/error.h"
#include "runtime/sandbox/userns.h"

#include <stdbool.h>

enum tier {
	TIER_AUTO,          /* the first of those below that is to be had */
	TIER_USERNS,        /* all namespaces; a range of ids, kept by the kernel */
	TIER_USERNS_SINGLE, /* all namespaces; one id, all others recorded (seccomp/ids.h) */
	TIER_CHROOT,        /* root of a container without the right to make namespaces */
	TIER_EMULATE, /* anybody where processes can be traced: paths are looked up and ids recorded by a supervisor (emulate.h) */
	TIER_NONE,    /* no command can be run; builds without RUN work */
};

/** "userns-single" */
const char *tier_name(enum tier tier);
/** Can mounts be made in it? */
bool tier_mounts(enum tier tier);
/** Are owners records in it (seccomp/owner.h)? */
bool tier_records(enum tier tier);
/** All names, as an option lists them. */
#define TIER_CHOICES "auto|userns|userns-single|chroot|emulate|none"
/** A name out of TIER_CHOICES. */
enum tier tier_named(const char *name);

/**
 * Settles on a tier. For TIER_AUTO what can be found out cheaply decides, without entering anything, and @why (may be NULL) says what
 * the next better one lacks ("" when nothing). Any other is checked likewise: ERR_HOST with what would mend it.
 */
int tier_choose(enum tier wanted, enum tier *tier, struct error *why, struct error *e);
/** Enters the namespaces of the tier, of which TIER_CHROOT and TIER_EMULATE have none. Not for TIER_NONE. As userns_enter(). */
int tier_enter(enum tier tier, struct userns *u, struct error *e);

#endif
