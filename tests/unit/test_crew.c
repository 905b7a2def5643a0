/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_crew - threads that answer calls: every caller gets its own answer, and none waits for another's.
 */
#include "seccomp/crew.h"

#include "runtime/base/fd.h"
#include "seccomp/notify.h"
#include "tests/unit/unit.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define CALLERS 4
#define CALLS 2000
#define LONG 1000000 /* the answer to this and more takes a second */
#define LONG_MS 1000

static int listener;

static void
wait_ms(long ms)
{
	(void)nanosleep(&(struct timespec){ ms / 1000, ms % 1000 * 1000000 }, NULL);
}

static void
serve(void *arg, const struct seccomp_notif *request)
{
	atomic_int *served = arg;

	if (request->data.args[0] >= LONG)
		wait_ms(LONG_MS);
	atomic_fetch_add(served, 1);
	notify_answer(listener, request->id, (int64_t)request->data.args[0] + 1, 0);
}

static long
ask(long number)
{
	return syscall(SYS_sched_get_priority_max, number);
}

/* A thread of callers: it and those that it starts are under the filter, the others are not. */
struct callers {
	void *(*main)(void *arg);
	pthread_t thread;
	atomic_int loaded; /* -1: not to be had */
	atomic_bool started;
	atomic_int wrong;
	atomic_bool long_is_over;
	atomic_int in_time;
};

static void *
callers_main(void *arg)
{
	static const struct notify_call call = { SYS_sched_get_priority_max, 0, NOTIFY_ALWAYS, 0 };
	struct callers *c = arg;
	struct notify_program program = { 0 };
	struct error e = ERROR_INIT;

	notify_compile(&program, &call, 1, NOTIFY_FOREIGN_PASS);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0)
		listener = notify_load(&program, &e);
	atomic_store(&c->loaded, listener < 0 ? -1 : 1);
	while (listener >= 0 && !atomic_load(&c->started))
		wait_ms(1);
	return listener < 0 ? NULL : c->main(arg);
}

/* Runs @main and a crew of @threads; the number of calls that it answered. */
static int
run(struct callers *c, unsigned int threads)
{
	struct crew_options o = { .threads = threads, .serve = serve };
	struct error e = ERROR_INIT;
	atomic_int served = 0;
	struct crew *crew;

	listener = -1;
	o.arg = &served;
	assert_int_equal(pthread_create(&c->thread, NULL, callers_main, c), 0);
	while (atomic_load(&c->loaded) == 0)
		wait_ms(1);
	if (atomic_load(&c->loaded) < 0) {
		(void)pthread_join(c->thread, NULL);
		skip_because("a filter that notifies cannot be loaded here");
	}
	o.listener = listener;
	crew = crew_start(&o, &e);
	assert_ok(crew ? 0 : -1, &e);
	atomic_store(&c->started, true);
	(void)pthread_join(c->thread, NULL);
	assert_int_equal(crew_finish(crew), 0);
	fd_close_at(&listener);
	return atomic_load(&served);
}

static void *
ask_often(void *arg)
{
	struct callers *c = arg;

	for (long i = 0; i < CALLS; i++)
		if (ask(i) != i + 1)
			atomic_fetch_add(&c->wrong, 1);
	return NULL;
}

static void *
many(void *arg)
{
	pthread_t threads[CALLERS];

	for (int i = 0; i < CALLERS; i++)
		(void)pthread_create(&threads[i], NULL, ask_often, arg);
	for (int i = 0; i < CALLERS; i++)
		(void)pthread_join(threads[i], NULL);
	return NULL;
}

static void
each_caller_gets_its_own_answer(void **state)
{
	(void)state;
	for (unsigned int threads = 1; threads <= 4; threads++) {
		struct callers c = { .main = many };

		assert_int_equal(run(&c, threads), CALLERS * CALLS);
		assert_int_equal(c.wrong, 0);
	}
}

static void *
ask_long(void *arg)
{
	struct callers *c = arg;

	if (ask(LONG) != LONG + 1)
		atomic_fetch_add(&c->wrong, 1);
	atomic_store(&c->long_is_over, true);
	return NULL;
}

static void *
two_long_and_many_short(void *arg)
{
	struct callers *c = arg;
	pthread_t threads[2];

	(void)pthread_create(&threads[0], NULL, ask_long, arg);
	wait_ms(50);
	(void)pthread_create(&threads[1], NULL, ask_long, arg);
	wait_ms(50);
	for (long i = 0; i < 20; i++)
		if (ask(i) == i + 1 && !atomic_load(&c->long_is_over))
			atomic_fetch_add(&c->in_time, 1);
	(void)pthread_join(threads[0], NULL);
	(void)pthread_join(threads[1], NULL);
	return NULL;
}

static void
a_call_that_takes_long_holds_up_no_other(void **state)
{
	struct callers c = { .main = two_long_and_many_short };

	(void)state;
	assert_int_equal(run(&c, 3), 22);
	assert_int_equal(c.wrong, 0);
	assert_int_equal(c.in_time, 20);
}

static void *
after_a_pause(void *arg)
{
	struct callers *c = arg;

	for (long i = 0; i < 3; i++) {
		wait_ms(60);
		if (ask(i) != i + 1)
			atomic_fetch_add(&c->wrong, 1);
	}
	return many(arg);
}

static void
those_who_slept_are_there_again(void **state)
{
	struct callers c = { .main = after_a_pause };

	(void)state;
	assert_int_equal(run(&c, 3), 3 + CALLERS * CALLS);
	assert_int_equal(c.wrong, 0);
}

static int
fail_to_begin(void *arg)
{
	(void)arg;
	return -1;
}

static void
one_that_cannot_begin_ends_all(void **state)
{
	struct crew_options o = {
		.listener = -1, .threads = 3, .begin = fail_to_begin, .serve = serve
	};
	struct error e = ERROR_INIT;
	struct crew *crew = crew_start(&o, &e);

	(void)state;
	assert_ok(crew ? 0 : -1, &e);
	assert_int_equal(crew_finish(crew), -1);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(each_caller_gets_its_own_answer),
	cmocka_unit_test(a_call_that_takes_long_holds_up_no_other),
	cmocka_unit_test(those_who_slept_are_there_again),
	cmocka_unit_test(one_that_cannot_begin_ends_all),
};

UNIT_MAIN(tests)
