/* SPDX-License-Identifier: Apache-2.0 */
/*
 * thread - a thread that nobody waits for.
 */
#include "runtime/base/thread.h"

#include <pthread.h>

int
thread_start(void *(*main)(void *), void *arg, size_t stack)
{
	pthread_attr_t attributes;
	pthread_t thread;
	int failed = pthread_attr_init(&attributes);

	if (failed)
		return failed;
	failed = pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	if (!failed)
		failed = pthread_attr_setstacksize(&attributes, stack);
	if (!failed)
		failed = pthread_create(&thread, &attributes, main, arg);
	(void)pthread_attr_destroy(&attributes); /* cannot fail */
	return failed;
}
