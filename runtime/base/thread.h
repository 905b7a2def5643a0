/* SPDX-License-Identifier: Apache-2.0 */
/*
 * thread - a thread that nobody waits for.
 */
#ifndef CROZE_BASE_THREAD_H
#define CROZE_BASE_THREAD_H

#include <stddef.h>

/** Starts it, with @stack bytes. 0 or an errno. */
int thread_start(void *(*main)(void *), void *arg, size_t stack);

#endif
