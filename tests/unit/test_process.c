/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_process - programs and workers: what they get, how they end, what is told of it.
 */
#include "runtime/base/process.h"

#include "tests/unit/unit.h"

#include "runtime/base/fd.h"
#include "runtime/base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static int
run_shell(const char *script, struct buf *out, const int *keep, size_t n_keep, struct error *e)
{
	char shell[] = "sh";
	char flag[] = "-c";
	autofree char *text = xstrdup(script);
	char *argv[] = { shell, flag, text, NULL };
	struct process_spec spec = { .path = "sh",
		.argv = argv,
		.in = -1,
		.out = -1,
		.err = -1,
		.keep = keep,
		.n_keep = n_keep };

	return process_run(&spec, out, 10000, e);
}

static void
gives_output_and_status(void **state)
{
	auto(buf) struct buf out = { 0 };
	struct error e = ERROR_INIT;

	(void)state;
	assert_int_equal(run_shell("echo hello; cat; exit 3", &out, NULL, 0, &e), 3);
	assert_string_equal(buf_text(&out), "hello\n");
	assert_int_equal(run_shell("kill -TERM $$", NULL, NULL, 0, &e), 128 + SIGTERM);
}

static void
too_much_output_is_refused(void **state)
{
	auto(buf) struct buf out = { 0 };
	struct error e = ERROR_INIT;

	(void)state;
	assert_int_equal(
	    run_shell("while :; do echo xxxxxxxxxxxxxxxxxxxx; done", &out, NULL, 0, &e), -1);
	assert_string_equal(e.text, "cannot run 'sh': its output is larger than 10000 bytes");
}

static void
r1_only_named_descriptors_are_inherited(void **state)
{
	auto(buf) struct buf out = { 0 };
	struct error e = ERROR_INIT;
	int kept = open("/", O_RDONLY | O_CLOEXEC);
	int leaky = fcntl(kept, F_DUPFD, 50); /* not close-on-exec, and no number that ls takes */
	auto(strv) struct strv seen = { 0 };
	autofree char *number = xasprintf("%d", kept);
	autofree char *other = xasprintf("%d", leaky);

	(void)state;
	assert_true(kept >= 3 && leaky > kept);
	assert_int_equal(run_shell("exec ls /proc/self/fd", &out, &kept, 1, &e), 0);
	strv_split(&seen, buf_text(&out), '\n');
	assert_true(strv_has(&seen, number));
	assert_false(strv_has(&seen, other));
	assert_int_equal(
	    seen.count, 6); /* three, the kept one, that of ls, and the end of the last line */
	assert_int_equal(fcntl(kept, F_GETFD), FD_CLOEXEC);
	close(kept);
	close(leaky);
}

static void
signals_are_as_after_login(void **state)
{
	auto(buf) struct buf out = { 0 };
	struct error e = ERROR_INIT;
	sigset_t set;
	sigset_t before;

	(void)state;
	sigfillset(&set);
	sigprocmask(SIG_SETMASK, &set, &before);
	(void)signal(SIGPIPE, SIG_IGN);
	assert_int_equal(
	    run_shell("grep -E 'Sig(Blk|Ign)' /proc/self/status", &out, NULL, 0, &e), 0);
	(void)signal(SIGPIPE, SIG_DFL);
	sigprocmask(SIG_SETMASK, &before, NULL);
	assert_string_equal(
	    buf_text(&out), "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n");
}

static void
what_cannot_be_started_is_told(void **state)
{
	char name[] = "x";
	char *argv[] = { name, NULL };
	struct process_spec spec = {
		.path = "no-such-program", .argv = argv, .in = -1, .out = -1, .err = -1
	};
	struct error e = ERROR_INIT;

	(void)state;
	assert_int_equal(process_spawn(&spec, &e), -1);
	assert_string_equal(e.text, "there is no program 'no-such-program' in PATH");
	assert_int_equal(e.kind, ERR_NOT_FOUND);
	spec.path = "/etc/passwd";
	assert_int_equal(process_spawn(&spec, &e), -1);
	assert_string_equal(
	    e.text, "cannot start '/etc/passwd': cannot execute it: Permission denied");
	spec.path = "/no/such";
	assert_int_equal(process_spawn(&spec, &e), -1);
	assert_int_equal(e.sys, ENOENT);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); /* nothing is left */
}

static void
a_child_dies_with_its_parent(void **state)
{
	struct error e = ERROR_INIT;
	int ends[2];
	int status;
	char byte;
	pid_t pid;

	(void)state;
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	pid = fork();
	if (pid == 0) {
		char program[] = "sleep";
		char time[] = "1000";
		char *argv[] = { program, time, NULL };
		struct process_spec spec = {
			.path = "sleep", .argv = argv, .in = -1, .out = ends[1], .err = -1
		};

		_exit(process_spawn(&spec, &e) < 0);
	}
	close(ends[1]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(read(ends[0], &byte, 1), 0); /* ends when sleep does */
	close(ends[0]);
}

static int
answer(void *arg, struct buf *result, struct error *e)
{
	const char *what = arg;

	if (strcmp(what, "fail") == 0) {
		error_set(e, ERR_INPUT, "it is wrong");
		return error_hint(e, "mend it");
	}
	if (strcmp(what, "die") == 0)
		(void)raise(SIGKILL);
	if (strcmp(what, "exit") == 0)
		_exit(9);
	if (strcmp(what, "sleep") == 0)
		(void)pause();
	if (strcmp(what, "large") == 0) {
		for (int i = 0; i < 100000; i++)
			buf_add(result, "0123456789", 10);
	}
	buf_add_text(result, what);
	return 0;
}

static int
ask(const char *what, struct buf *result, struct error *e)
{
	autofree char *copy = xstrdup(what);
	struct worker w;

	assert_ok(worker_start(&w, answer, copy, e), e);
	return worker_finish(&w, result, e);
}

static void
workers_answer_or_fail(void **state)
{
	auto(buf) struct buf result = { 0 };
	struct error e = ERROR_INIT;

	(void)state;
	assert_ok(ask("text", &result, &e), &e);
	assert_string_equal(buf_text(&result), "text");
	assert_ok(ask("large", &result, &e), &e);
	assert_int_equal(result.len, 4 + 1000000 + 5);
	assert_ok(ask("", NULL, &e), &e);
	assert_int_equal(ask("fail", NULL, &e), -1);
	assert_int_equal(e.kind, ERR_INPUT);
	assert_string_equal(e.text, "it is wrong");
	assert_string_equal(e.hint, "mend it");
	assert_int_equal(ask("die", NULL, &e), -1);
	assert_string_equal(e.text, "a worker ended without an answer: killed by SIGKILL");
	assert_int_equal(ask("exit", NULL, &e), -1);
	assert_string_equal(e.text, "a worker ended without an answer: exit status 9");
}

static void
workers_can_be_killed(void **state)
{
	char what[] = "sleep";
	struct error e = ERROR_INIT;
	struct worker w;

	(void)state;
	assert_ok(worker_start(&w, answer, what, &e), &e);
	worker_kill(&w);
	worker_kill(&w);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
}

static void
an_end_has_a_text(void **state)
{
	auto(buf) struct buf b = { 0 };

	(void)state;
	process_status_text(2 << 8, &b);
	buf_add_char(&b, ' ');
	process_status_text(SIGSEGV | 0x80, &b);
	assert_string_equal(buf_text(&b), "exit status 2 killed by SIGSEGV");
}

static void
programs_are_found_in_absolute_folders_only(void **state)
{
	autofree char *shell = process_find("sh");
	autofree char *saved = xstrdup(getenv("PATH"));
	char folder[] = "/tmp/test_process.XXXXXX";
	autofree char *here = NULL;

	(void)state;
	assert_non_null(shell);
	assert_non_null(mkdtemp(folder));
	assert_int_equal(chdir(folder), 0);
	close(open("only-here", O_WRONLY | O_CREAT | O_CLOEXEC, 0755));
	setenv("PATH", ":.:relative", 1);
	here = process_find("only-here");
	assert_null(here);
	setenv("PATH", saved, 1);
	unlink("only-here");
	assert_int_equal(chdir("/"), 0);
	rmdir(folder);
}

static void
helpers_are_looked_for_in_order(void **state)
{
	autofree char *installed = NULL;
	autofree char *named = NULL;
	autofree char *beside = NULL;

	(void)state;
	unsetenv("CROZE_LIBEXEC");
	installed = process_helper("croze-no-such");
	assert_string_equal(installed, CROZE_LIBEXECDIR "/croze-no-such");
	beside = process_helper("test_process");
	assert_non_null(strstr(beside, "/tests/unit/test_process"));
	setenv("CROZE_LIBEXEC", "/some/where", 1);
	named = process_helper("x");
	assert_string_equal(named, "/some/where/x");
	unsetenv("CROZE_LIBEXEC");
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(gives_output_and_status),
	cmocka_unit_test(too_much_output_is_refused),
	cmocka_unit_test(r1_only_named_descriptors_are_inherited),
	cmocka_unit_test(signals_are_as_after_login),
	cmocka_unit_test(what_cannot_be_started_is_told),
	cmocka_unit_test(a_child_dies_with_its_parent),
	cmocka_unit_test(workers_answer_or_fail),
	cmocka_unit_test(workers_can_be_killed),
	cmocka_unit_test(an_end_has_a_text),
	cmocka_unit_test(programs_are_found_in_absolute_folders_only),
	cmocka_unit_test(helpers_are_looked_for_in_order),
};

UNIT_MAIN(tests)
