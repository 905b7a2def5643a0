/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_run - what RUN of a Dockerfile becomes in the plan: heredocs, flags, mounts.
 */
#include "builder/image/config.h"
#include "builder/plan/plan.h"
#include "tests/unit/table.h"

static struct dockerfile file;
static struct diagnostics diagnostics;
static struct plan plan;
static const char *base_trigger;

static int
resolve(void *arg, const char *reference, const struct platform *wanted,
    struct image_config **config, char **id, struct error *e)
{
	auto(platform) struct platform platform = { 0 };

	(void)arg;
	(void)wanted;
	assert_ok(platform_parse("linux/amd64", &platform, e), e);
	*config = xcalloc(1, sizeof(**config));
	image_config_init_scratch(*config, &platform);
	strv_add(&(*config)->env, "PATH=/bin");
	if (base_trigger)
		strv_add(&(*config)->onbuild, base_trigger);
	*id = xasprintf("id-of-%s", reference);
	return 0;
}

static int
make(const char *text)
{
	auto(strv) struct strv dirs = { 0 };
	struct plan_options options = { .os = "linux",
		.architecture = "amd64",
		.variant = "",
		.resolve = resolve,
		.allowed = PLAN_ALLOW_DEVICES,
		.device_dirs = &dirs };

	strv_printf(&dirs, "%s/tests/data/cdi", getenv("CROZE_SOURCE"));
	diagnostics_init(&diagnostics, "D");
	(void)dockerfile_parse(&file, text, strlen(text), &diagnostics);
	return plan_make(&plan, &file, &options, &diagnostics);
}

static const struct plan_step *
must_make(const char *text)
{
	auto(buf) struct buf shown = { 0 };
	int made = make(text);

	diagnostics_write(&diagnostics, &shown);
	if (made < 0)
		fail_msg("%s", buf_text(&shown));
	return plan.stages[plan.target].steps;
}

static void
must_refuse(const char *text, const char *message)
{
	auto(buf) struct buf shown = { 0 };

	assert_int_equal(make(text), -1);
	diagnostics_write(&diagnostics, &shown);
	if (!strstr(buf_text(&shown), message))
		fail_msg("'%s' is not in: %s", message, buf_text(&shown));
}

static int
release(void **state)
{
	(void)state;
	plan_release(&plan);
	dockerfile_release(&file);
	diagnostics_release(&diagnostics);
	base_trigger = NULL;
	return 0;
}

/* ---- heredocs ---- */

static void
heredoc_alone_is_the_script_of_the_current_shell(void **state)
{
	const struct plan_step *s;

	(void)state;
	s = must_make("FROM a\nSHELL [\"/bin/ash\", \"-ec\"]\nRUN <<EOF\n# first\n\techo "
		      "\"$A\"\ntrue\nEOF\n");
	assert_string_equal(s[1].argv.items[0], "/bin/ash");
	assert_string_equal(s[1].argv.items[2], "# first\n\techo \"$A\"\ntrue\n");
	assert_string_equal(s[1].text, "RUN <<EOF (echo \"$A\"...)");
	assert_string_equal(
	    s[1].created_by, "RUN /bin/ash -ec # first\n\techo \"$A\"\ntrue\n # buildkit");
	assert_int_equal(s[1].line, 3);
	assert_int_equal(s[1].end_line, 7);
	assert_int_equal(s[1].n_files, 0);
}

static void
heredoc_with_an_interpreter_is_a_file_that_is_executed(void **state)
{
	const struct plan_step *s;

	(void)state;
	s = must_make(
	    "FROM a\nRUN <<-\"E F\"\n\t#!/usr/bin/awk -f\n\tBEGIN { }\n\tE F\nRUN next\n");
	assert_string_equal(s[0].argv.items[2], "/dev/pipes/E F");
	assert_int_equal(s[0].n_files, 1);
	assert_string_equal(s[0].files[0].name, "E F");
	assert_string_equal(s[0].files[0].content, "#!/usr/bin/awk -f\nBEGIN { }\n");
	assert_string_equal(s[0].created_by, "RUN /bin/sh -c /dev/pipes/E F # buildkit");
	assert_non_null(strstr(s[0].record, "BEGIN { }"));
	assert_string_equal(s[1].text, "RUN next");
}

static void
command_with_heredocs_is_put_together_again(void **state)
{
	const struct plan_step *s;

	(void)state;
	s = must_make(
	    "FROM a\nRUN cat <<A - 3<<-'B' | \\\n  tr a b\none\nA\n\ttwo $x\n\tB\nRUN c\n");
	assert_string_equal(
	    s[0].argv.items[2], "cat <<A - 3<<-'B' |   tr a b\none\nA\n\ttwo $x\nB");
	assert_string_equal(s[0].text, "RUN cat <<A - 3<<-'B' |   tr a b");
	assert_int_equal(s[0].end_line, 7);
}

static void
heredoc_for_another_descriptor_goes_to_the_shell_untouched(void **state)
{
	const struct plan_step *s;

	(void)state;
	s = must_make("FROM a\nRUN 3<<B\n#!/bin/x\nB\nRUN <<A <<B\n1\nA\n2\nB\n");
	assert_string_equal(s[0].argv.items[2], "3<<B\n#!/bin/x\nB");
	assert_int_equal(s[0].n_files, 0);
	assert_string_equal(s[1].argv.items[2], "<<A <<B\n1\nA\n2\nB");
}

static void
heredoc_tabs_go_only_with_the_dash(void **state)
{
	const struct plan_step *s;

	(void)state;
	s = must_make(
	    "FROM a\nRUN <<EOF\n\techo\n\tEOF\nEOF\nRUN <<-EOF\n\t\techo \"\n\tx\"\n\tEOF\n");
	assert_string_equal(s[0].argv.items[2], "\techo\n\tEOF\n");
	assert_string_equal(s[1].argv.items[2], "echo \"\nx\"\n");
}

static void
heredoc_is_not_in_quotes_arithmetic_or_json(void **state)
{
	const struct plan_step *s;

	(void)state;
	s = must_make(
	    "FROM a\nRUN echo $((1<<2)) \"<<a\" '<<b' <<<word\nRUN [\"cat\", \"<<EOF\"]\n");
	assert_string_equal(s[0].argv.items[2], "echo $((1<<2)) \"<<a\" '<<b' <<<word");
	assert_string_equal(s[1].argv.items[1], "<<EOF");
}

static void
heredoc_bodies_keep_their_line_ends_and_end_without_them(void **state)
{
	const struct plan_step *s;

	(void)state;
	s = must_make("FROM a\r\nRUN <<EOF\r\nx\r\nEOF\r\nRUN <<EOF\ny\nEOF");
	assert_string_equal(s[0].argv.items[2], "x\r\n");
	assert_string_equal(s[1].argv.items[2], "y\n");
}

static void
heredoc_of_onbuild_is_stored_whole_and_fires(void **state)
{
	const struct plan_step *s;

	(void)state;
	s = must_make("FROM a AS b\nONBUILD RUN <<-EOF\n\techo \"hi\"\n\tEOF\nFROM b\nRUN x\n");
	assert_string_equal(s[0].argv.items[2], "echo \"hi\"\n");
	assert_ptr_equal(s[0].instruction, file.instructions[1].trigger);
	assert_string_equal(
	    plan.stages[0].config->onbuild.items[0], "RUN <<-EOF\n\techo \"hi\"\nEOF");
}

static void
heredoc_in_a_trigger_of_a_base_image_fires(void **state)
{
	const struct plan_step *s;

	(void)state;
	base_trigger = "RUN <<EOF\necho 1\nEOF";
	s = must_make("FROM a\nRUN x\n");
	assert_string_equal(s[0].argv.items[2], "echo 1\n");
	assert_int_equal(s[0].line, 1);
	assert_int_equal(s[0].end_line, 1);
	assert_string_equal(s[1].argv.items[2], "x");
}

static void
trigger_is_one_instruction(void **state)
{
	(void)state;
	base_trigger = "RUN <<EOF\necho 1\nEOF\nRUN two";
	must_refuse("FROM a\n", "a trigger is one instruction, and this has 'RUN two' behind it");
	(void)release(NULL);
	base_trigger = "RUN <<EOF\necho 1\n";
	must_refuse("FROM a\n", "the heredoc 'EOF' is not ended");
}

/* ---- the record of the key ---- */

static char *
record_of(const char *text)
{
	char *record = xstrdup(must_make(text)[0].record);

	(void)release(NULL);
	return record;
}

static void
s1_records_differ_where_the_command_sees_a_difference(void **state)
{
	static const char *const commands[] = { "RUN x", "RUN y", "RUN [\"x\"]", "RUN \xff",
		"RUN \xfe", "RUN <<E\n#!a\nE", "RUN <<E\n#!b\nE", "RUN <<F\n#!a\nF",
		"RUN --network=none x", "RUN --mount=target=/a x", "RUN --mount=target=/b x",
		"RUN --mount=target=/a,rw x", "RUN --mount=target=/a,source=s x",
		"RUN --mount=type=cache,target=/a x", "RUN --mount=type=cache,target=/a,id=i x",
		"RUN --mount=type=cache,target=/a,sharing=locked x",
		"RUN --mount=type=cache,target=/a,uid=1 x",
		"RUN --mount=type=cache,target=/a,gid=1 x",
		"RUN --mount=type=cache,target=/a,mode=1 x",
		"RUN --mount=type=cache,target=/a,ro x", "RUN --mount=type=tmpfs,target=/a x",
		"RUN --mount=type=tmpfs,target=/a,size=1 x", "RUN --mount=type=secret,id=a x",
		"RUN --mount=type=secret,id=b x", "RUN --mount=type=secret,id=a,env=A x",
		"RUN --mount=type=secret,id=a,target=/a x", "RUN --mount=type=ssh x",
		"RUN --mount=type=ssh,id=b x", "RUN --device=example.com/x=one x",
		"RUN --device=example.com/x=two x", "RUN --device=example.com/x=* x" };
	char *records[ARRAY_LEN(commands)];

	(void)state;
	for (size_t n = 0; n < ARRAY_LEN(commands); n++) {
		autofree char *text = xasprintf("FROM a\n%s\n", commands[n]);

		records[n] = record_of(text);
		for (size_t m = 0; m < n; m++)
			if (strcmp(records[m], records[n]) == 0)
				fail_msg("'%s' and '%s' have one record", commands[m], commands[n]);
	}
	for (size_t n = 0; n < ARRAY_LEN(commands); n++)
		free(records[n]);
}

static void
t36_records_do_not_tell_whether_a_secret_is_required(void **state)
{
	autofree char *a = NULL, *b = NULL;

	(void)state;
	a = record_of("FROM a\nRUN --mount=type=secret,id=a x\n");
	b = record_of("FROM a\nRUN --mount=type=secret,id=a,required x\n");
	assert_string_equal(a, b);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(s1_records_differ_where_the_command_sees_a_difference),
	cmocka_unit_test(t36_records_do_not_tell_whether_a_secret_is_required),
	cmocka_unit_test_teardown(heredoc_alone_is_the_script_of_the_current_shell, release),
	cmocka_unit_test_teardown(heredoc_with_an_interpreter_is_a_file_that_is_executed, release),
	cmocka_unit_test_teardown(command_with_heredocs_is_put_together_again, release),
	cmocka_unit_test_teardown(
	    heredoc_for_another_descriptor_goes_to_the_shell_untouched, release),
	cmocka_unit_test_teardown(heredoc_tabs_go_only_with_the_dash, release),
	cmocka_unit_test_teardown(heredoc_is_not_in_quotes_arithmetic_or_json, release),
	cmocka_unit_test_teardown(
	    heredoc_bodies_keep_their_line_ends_and_end_without_them, release),
	cmocka_unit_test_teardown(heredoc_of_onbuild_is_stored_whole_and_fires, release),
	cmocka_unit_test_teardown(heredoc_in_a_trigger_of_a_base_image_fires, release),
	cmocka_unit_test_teardown(trigger_is_one_instruction, release),
};

UNIT_MAIN(tests)
