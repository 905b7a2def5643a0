/* SPDX-License-Identifier: Apache-2.0 */
/*
 * diagnose - why a host refuses user namespaces or ids, in words that lead to the remedy.
 *
 * Called only after something was tried and refused; reads the settings that explain it.
 */
#ifndef CROZE_SANDBOX_DIAGNOSE_H
#define CROZE_SANDBOX_DIAGNOSE_H

#include "runtime/base/error.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/** unshare(CLONE_NEWUSER) failed with @error_number. Always returns -1. */
int diagnose_unshare(int error_number, struct error *e);
/**
 * Writing a uid_map directly failed, @e says how: makes it ERR_HOST and adds the hint. @caps: diagnose_status("CapEff") of the
 * process before it made the namespace, in which it has them all.
 */
void diagnose_map(uid_t uid, int64_t caps, struct error *e);
/** newuidmap or newgidmap at @program failed, @e holds its words: adds the hint. */
void diagnose_helper(const char *program, struct error *e);
/** There are no subordinate ids. Always returns -1. */
int diagnose_no_ranges(uid_t uid, bool users, struct error *e);
/** Would newuidmap at @program be refused for a reason that can be seen beforehand? -1 with @e. */
int diagnose_before(const char *program, struct error *e);
/** A number in a file below /proc; @otherwise when it cannot be read. */
int64_t diagnose_number(const char *path, int64_t otherwise);
/** The value of a line "Name:\tvalue" of /proc/self/status as a number; -1 when it is not there. */
int64_t diagnose_status(const char *name);

#endif
