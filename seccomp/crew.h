/* SPDX-License-Identifier: Apache-2.0 */
/*
 * crew - the threads that answer the calls of one listener.
 *
 * The kernel wakes every thread that waits for a call, and one of them gets it. So one waits there, the leader; the others
 * help when more calls wait than it can take, and one of them takes its place when it is long about one.
 */
#ifndef CROZE_SECCOMP_CREW_H
#define CROZE_SECCOMP_CREW_H

#include "runtime/base/error.h"

#include <linux/seccomp.h>

#define CREW_MAX 8

struct crew;

struct crew_options {
	int listener;
	unsigned int threads; /* 1 to CREW_MAX */
	int (*begin)(void *
		arg); /* in each thread, before all else; NULL. Where it gives -1, nobody serves any more */
	void (*serve)(void *arg,
	    const struct seccomp_notif *request); /* answers, or sees to it that another does */
	void *arg;
};

/** Starts the threads, which serve until nobody can call any more. NULL with @e. */
struct crew *crew_start(const struct crew_options *options, struct error *e);
/** Waits for their end, and frees. -1: @begin failed in one of them (nothing is in an error). */
int crew_finish(struct crew *crew);

#endif
