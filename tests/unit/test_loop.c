/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_loop - descriptors, children, timers and signals reach their functions; sources may go at any time.
 */
#include "runtime/base/loop.h"

#include "tests/unit/unit.h"

#include "runtime/base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/wait.h>
#include <unistd.h>

struct seen {
	struct loop *loop;
	int n;
	int stop_at;
	int last;
	struct loop_source *source;
	struct loop_source *other;
};

static void
count(struct seen *s, int value)
{
	s->n++;
	s->last = value;
	if (s->n == s->stop_at)
		loop_stop(s->loop);
}

static int
on_fd(void *arg, int fd, uint32_t events, struct error *e)
{
	char byte;

	(void)e;
	assert_true((events & EPOLLIN) != 0);
	assert_int_equal(read(fd, &byte, 1), 1);
	count(arg, byte);
	return 0;
}

static int
on_child(void *arg, pid_t pid, int status, struct error *e)
{
	(void)e;
	assert_true(pid > 0);
	count(arg, status);
	return 0;
}

static int
on_timer(void *arg, struct error *e)
{
	(void)e;
	count(arg, 0);
	return 0;
}

static int
on_signal(void *arg, int number, struct error *e)
{
	(void)e;
	count(arg, number);
	return 0;
}

static int
give_up(void *arg, struct error *e)
{
	(void)arg;
	return error_set(e, ERR_POLICY, "enough");
}

static int
remove_both(void *arg, int fd, uint32_t events, struct error *e)
{
	struct seen *s = arg;

	(void)fd;
	(void)events;
	(void)e;
	loop_remove(s->source);
	loop_remove(s->other);
	loop_remove(s->other);
	count(s, 1);
	return 0;
}

static struct loop *
make_loop(void)
{
	struct error e = ERROR_INIT;
	struct loop *loop = loop_new(&e);

	assert_non_null(loop);
	return loop;
}

static void
descriptors_are_watched_until_removed(void **state)
{
	struct error e = ERROR_INIT;
	struct seen s = { .loop = make_loop(), .stop_at = 3 };
	int ends[2];

	(void)state;
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	assert_int_equal(write(ends[1], "abc", 3), 3);
	s.source = loop_add_fd(s.loop, ends[0], EPOLLIN, on_fd, &s, &e);
	assert_non_null(s.source);
	assert_null(loop_add_fd(s.loop, ends[0], EPOLLIN, on_fd, &s, &e));
	assert_int_equal(e.sys, EEXIST);
	assert_ok(loop_run(s.loop, &e), &e);
	assert_int_equal(s.n, 3);
	assert_int_equal(s.last, 'c');
	assert_int_equal(write(ends[1], "d", 1), 1);
	loop_set_events(s.source, 0);
	loop_add_timer(s.loop, 5, 0, on_timer, &s, &e);
	s.stop_at = 4;
	assert_ok(loop_run(s.loop, &e), &e);
	assert_int_equal(s.last, 0); /* the timer, not the descriptor */
	loop_remove(s.source);
	loop_free(s.loop);
	close(ends[0]);
	close(ends[1]);
}

static void
a_source_removed_by_another_is_not_called(void **state)
{
	struct error e = ERROR_INIT;
	struct seen s = { .loop = make_loop() };
	int a[2], b[2];

	(void)state;
	assert_int_equal(pipe2(a, O_CLOEXEC), 0);
	assert_int_equal(pipe2(b, O_CLOEXEC), 0);
	assert_int_equal(write(a[1], "x", 1), 1);
	assert_int_equal(write(b[1], "x", 1), 1);
	s.source = loop_add_fd(s.loop, a[0], EPOLLIN, remove_both, &s, &e);
	s.other = loop_add_fd(s.loop, b[0], EPOLLIN, remove_both, &s, &e);
	loop_add_timer(s.loop, 20, 0, give_up, NULL, &e);
	assert_int_equal(loop_run(s.loop, &e), -1);
	assert_string_equal(e.text, "enough");
	assert_int_equal(s.n, 1);
	loop_free(s.loop);
	close(a[0]);
	close(a[1]);
	close(b[0]);
	close(b[1]);
}

static void
children_are_reaped_with_their_status(void **state)
{
	struct error e = ERROR_INIT;
	struct seen s = { .loop = make_loop(), .stop_at = 3 };

	(void)state;
	for (int i = 0; i < 3; i++) {
		pid_t pid = fork();

		if (pid == 0) {
			usleep((useconds_t)i * 5000);
			_exit(i);
		}
		if (i == 0)
			usleep(20000); /* it has ended before it is watched */
		assert_non_null(loop_add_child(s.loop, pid, on_child, &s, &e));
	}
	assert_ok(loop_run(s.loop, &e), &e);
	assert_int_equal(s.n, 3);
	assert_true(WIFEXITED(s.last));
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_null(loop_add_child(s.loop, 0x3fffffff, on_child, &s, &e));
	assert_int_equal(e.kind, ERR_SYSTEM);
	loop_free(s.loop);
}

static void
timers_fire_once_or_again_and_again(void **state)
{
	struct error e = ERROR_INIT;
	struct seen once = { .loop = make_loop() };
	struct seen often = { .loop = once.loop, .stop_at = 5 };

	(void)state;
	assert_non_null(loop_add_timer(once.loop, 0, 0, on_timer, &once, &e));
	assert_non_null(loop_add_timer(once.loop, 5, 3, on_timer, &often, &e));
	assert_ok(loop_run(once.loop, &e), &e);
	assert_int_equal(once.n, 1);
	assert_int_equal(often.n, 5);
	loop_free(once.loop);
}

static void
signals_are_delivered_and_the_mask_restored(void **state)
{
	struct error e = ERROR_INIT;
	struct seen s = { .loop = make_loop(), .stop_at = 2 };
	sigset_t mask;

	(void)state;
	assert_non_null(loop_add_signal(s.loop, SIGUSR1, on_signal, &s, &e));
	assert_non_null(loop_add_signal(s.loop, SIGUSR2, on_signal, &s, &e));
	(void)raise(SIGUSR1);
	(void)raise(SIGUSR2);
	assert_ok(loop_run(s.loop, &e), &e);
	assert_int_equal(s.n, 2);
	sigprocmask(SIG_BLOCK, NULL, &mask);
	assert_int_equal(sigismember(&mask, SIGUSR1), 1);
	loop_free(s.loop);
	sigprocmask(SIG_BLOCK, NULL, &mask);
	assert_int_equal(sigismember(&mask, SIGUSR1), 0);
	loop_remove(NULL);
	loop_free(NULL);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(descriptors_are_watched_until_removed),
	cmocka_unit_test(a_source_removed_by_another_is_not_called),
	cmocka_unit_test(children_are_reaped_with_their_status),
	cmocka_unit_test(timers_fire_once_or_again_and_again),
	cmocka_unit_test(signals_are_delivered_and_the_mask_restored),
};

UNIT_MAIN(tests)
