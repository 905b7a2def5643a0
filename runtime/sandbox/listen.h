/* SPDX-License-Identifier: Apache-2.0 */
/*
 * listen - a filter whose calls another process answers, loaded by a process that cannot make one of them before it has told that process.
 */
#ifndef CROZE_SANDBOX_LISTEN_H
#define CROZE_SANDBOX_LISTEN_H

#include "runtime/base/error.h"

#include <stdbool.h>

struct listen_job {
	void *arg;
	int (*load)(void *arg, struct error *e); /* loads the filter and returns its listener */
	int (*pass)(void *arg, int listener, struct error *e); /* passes it on */
	bool
	    yields; /* the filter lets sched_yield(2) through, so that waiting costs no time of others */
};

/**
 * @load is called in the calling thread, @pass in another one, which is not under the filter and is gone afterwards; until then the calling
 * one makes no call. The calling process must have one thread. 0 or -1 with @e.
 */
int listen_load(const struct listen_job *job, struct error *e);

#endif
