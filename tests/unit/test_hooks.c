/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_hooks - programs of config.json: what they are given, how they fail, and that none outlives its time.
 */
#include "tests/unit/unit.h"

#include "runtime/base/buf.h"
#include "runtime/base/fd.h"
#include "runtime/base/mem.h"
#include "runtime/base/text.h"
#include "runtime/container/hooks.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static char base[] = "/tmp/croze-test-hooks-XXXXXX";
static struct oci_hook items[3];

static int
set_up(void **state)
{
	(void)state;
	return mkdtemp(base) && chdir(base) == 0 ? 0 : -1;
}

static int
tear_down(void **state)
{
	autofree char *command = xasprintf("rm -rf %s", base);

	(void)state;
	return system(command) == 0 ? 0 : -1;
}

/* The n-th hook is a shell with @script. */
static void
shell(size_t n, const char *script)
{
	items[n] = (struct oci_hook){ .path = xstrdup("/bin/sh") };
	strv_add(&items[n].args, "hook-name");
	strv_add(&items[n].args, "-c");
	strv_add(&items[n].args, script);
}

static struct oci_hooks
hooks_of(enum oci_hook_kind kind, size_t n)
{
	struct oci_hooks h = { 0 };

	h.items[kind] = items;
	h.count[kind] = n;
	return h;
}

static void
forget(size_t n)
{
	for (size_t i = 0; i < n; i++) {
		free(items[i].path);
		strv_release(&items[i].args);
		strv_release(&items[i].env);
	}
}

static struct json *
some_state(void)
{
	struct json *j = json_new_object();

	json_set_text(j, "ociVersion", OCI_VERSION);
	json_set_text(j, "id", "one");
	json_set(j, "pid", json_new_u64(4422));
	return j;
}

static char *
content(const char *name)
{
	auto(buf) struct buf b = { 0 };
	struct error e = ERROR_INIT;
	autofd int fd = open(name, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return xstrdup("(none)");
	assert_ok(fd_read_all(fd, &b, 65536, name, &e), &e);
	return buf_steal(&b);
}

static void
a_hook_gets_the_state_its_arguments_and_its_environment_alone(void **state)
{
	struct oci_hooks h = hooks_of(OCI_PRESTART, 1);
	autojson struct json *j = some_state();
	struct error e = ERROR_INIT;
	autofree char *got = NULL;

	(void)state;
	shell(0, "echo \"$0 $A ${HOME-none}\" >got; cat >>got");
	items[0].env_given = true;
	strv_add(&items[0].env, "A=b");
	strv_add(&items[0].env, "PATH=/bin:/usr/bin");
	assert_ok(hooks_run(&h, OCI_PRESTART, j, &e), &e);
	got = content("got");
	assert_string_equal(got,
	    "hook-name b none\n{\"ociVersion\":\"" OCI_VERSION "\",\"id\":\"one\",\"pid\":4422}");
	forget(1);
}

static void
a_hook_that_fails_is_named_with_what_it_said_and_stops_the_others(void **state)
{
	struct oci_hooks h = hooks_of(OCI_CREATE_RUNTIME, 2);
	autojson struct json *j = some_state();
	struct error e = ERROR_INIT;

	(void)state;
	(void)unlink("second");
	shell(0, "echo no such network >&2; exit 3");
	shell(1, "touch second");
	assert_int_equal(hooks_run(&h, OCI_CREATE_RUNTIME, j, &e), -1);
	assert_string_equal(
	    e.text, "config.json: hook 'hooks.createRuntime[0]' ('/bin/sh'): exit status 3");
	assert_string_equal(e.hint, "it said: no such network");
	assert_int_equal(access("second", F_OK), -1);
	forget(2);
}

static void
a_failure_after_the_end_is_told_and_the_others_run(void **state)
{
	struct oci_hooks h = hooks_of(OCI_POSTSTOP, 2);
	autojson struct json *j = some_state();
	struct error e = ERROR_INIT;

	(void)state;
	shell(0, "exit 3");
	shell(1, "touch third");
	assert_int_equal(hooks_run(&h, OCI_POSTSTOP, j, &e), -1);
	assert_non_null(strstr(e.text, "'hooks.poststop[0]'"));
	assert_int_equal(access("third", F_OK), 0);
	forget(2);
}

static void
a_hook_that_is_late_is_killed_with_what_it_started(void **state)
{
	struct oci_hooks h = hooks_of(OCI_PRESTART, 1);
	autojson struct json *j = some_state();
	struct error e = ERROR_INIT;
	autofree char *pid = NULL;
	struct timespec pause = { 0, 10000000 };
	int left = 300;

	(void)state;
	shell(0, "sleep 1000 & echo $! >child; sleep 1000");
	items[0].timeout = 1;
	assert_int_equal(hooks_run(&h, OCI_PRESTART, j, &e), -1);
	assert_non_null(strstr(e.text, "did not end within 1 s"));
	pid = content("child");
	while (left > 0 && kill((pid_t)strtol(pid, NULL, 10), 0) == 0) {
		nanosleep(&pause, NULL);
		left--;
	}
	assert_true(left > 0);
	forget(1);
}

static void
one_that_is_not_there_or_says_much_or_reads_nothing_is_no_trouble(void **state)
{
	struct oci_hooks h = hooks_of(OCI_PRESTART, 1);
	autojson struct json *j = some_state();
	autofree char *big = xmalloc(300001);
	struct error e = ERROR_INIT;

	(void)state;
	shell(0, "");
	free(items[0].path);
	items[0].path = xstrdup("/no/such/hook");
	assert_int_equal(hooks_run(&h, OCI_PRESTART, j, &e), -1);
	assert_non_null(strstr(e.text, "No such file or directory"));
	forget(1);
	shell(0, "i=0; while [ $i -lt 3000 ]; do echo "
		 "0123456789012345678901234567890123456789012345678901234567890123456789; "
		 "i=$((i+1)); done");
	memset(big, 'x', 300000);
	big[300000] = '\0';
	json_set_text(j, "bundle", big);
	assert_ok(hooks_run(&h, OCI_PRESTART, j, &e), &e);
	forget(1);
}

static void
the_runner_stays_where_it_was_made(void **state)
{
	struct oci_hooks h = hooks_of(OCI_PRESTART, 1);
	autojson struct json *j = some_state();
	struct error e = ERROR_INIT;
	struct hook_runner r;
	autofree char *got = NULL;

	(void)state;
	shell(0, "pwd >where; exit 0");
	assert_ok(hook_runner_start(&h, &r, &e), &e);
	assert_int_equal(chdir("/"), 0);
	assert_ok(hook_runner_run(&r, OCI_PRESTART, j, &e), &e);
	assert_int_equal(chdir(base), 0);
	got = content("where");
	got[strcspn(got, "\n")] = '\0';
	assert_string_equal(got, base);
	free(items[0].args.items[2]);
	items[0].args.items[2] = xstrdup("exit 9");
	hook_runner_end(&r);
	assert_ok(hook_runner_start(&h, &r, &e), &e);
	assert_int_equal(hook_runner_run(&r, OCI_PRESTART, j, &e), -1);
	assert_non_null(strstr(e.text, "exit status 9"));
	hook_runner_end(&r);
	forget(1);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(a_hook_gets_the_state_its_arguments_and_its_environment_alone),
	cmocka_unit_test(a_hook_that_fails_is_named_with_what_it_said_and_stops_the_others),
	cmocka_unit_test(a_failure_after_the_end_is_told_and_the_others_run),
	cmocka_unit_test(a_hook_that_is_late_is_killed_with_what_it_started),
	cmocka_unit_test(one_that_is_not_there_or_says_much_or_reads_nothing_is_no_trouble),
	cmocka_unit_test(the_runner_stays_where_it_was_made),
};

int
main(int argc, char **argv)
{
	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
