/* SPDX-License-Identifier: Apache-2.0 */
/*
 * signals - names of signals, for STOPSIGNAL.
 */
#ifndef CROZE_PLAN_SIGNALS_H
#define CROZE_PLAN_SIGNALS_H

#include <stdbool.h>

/** Is @text a signal: 1 to 64, or a name with or without SIG ("TERM", "SIGRTMIN+3")? */
bool signal_is_valid(const char *text);
/** The nearest name to a mistyped one; NULL. */
const char *signal_suggest(const char *text);

#endif
