/* SPDX-License-Identifier: Apache-2.0 */
/*
 * seal - a running program that a container cannot overwrite.
 */
#ifndef CROZE_SANDBOX_SEAL_H
#define CROZE_SANDBOX_SEAL_H

#include "runtime/base/error.h"

/**
 * /proc/PID/exe of a process that enters a container leads to this program's file (SECURITY R3). Where that belongs to the caller, whom a
 * container's root may be, the program goes on as a copy of itself that cannot be written, or that nobody else runs; this does not
 * return then. To be called before anything else is done. 0 when nothing is needed.
 */
int seal_program(char **argv, struct error *e);

#endif
