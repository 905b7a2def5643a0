/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_lexer - lines of a Dockerfile: directives, comments, continuations, heredocs.
 */
#include "builder/dockerfile/lexer.h"
#include "tests/unit/table.h"

static struct dockerfile file;
static struct diagnostics diagnostics;

static void
parse(const char *text)
{
	diagnostics_init(&diagnostics, "D");
	(void)dockerfile_parse(&file, text, strlen(text), &diagnostics);
}

static int
release(void **state)
{
	(void)state;
	dockerfile_release(&file);
	diagnostics_release(&diagnostics);
	return 0;
}

static const char *
arguments(size_t n)
{
	assert_true(n < file.count);
	return instruction_arguments(&file.instructions[n]);
}

static void
byte_order_mark_is_dropped(void **state)
{
	(void)state;
	parse("\xef\xbb\xbf# escape=`\nFROM a`\nb\n");
	assert_int_equal(diagnostics.count, 0);
	assert_int_equal(file.escape, '`');
	assert_string_equal(arguments(0), "ab");
}

static void
line_ends_of_other_systems_are_read(void **state)
{
	(void)state;
	parse("FROM a\r\nRUN b \\\r\n  c\r\n");
	assert_string_equal(arguments(1), "b   c");
}

static void
t2_t3_text_of_run_is_verbatim_and_continuations_keep_their_blanks(void **state)
{
	(void)state;
	parse("FROM a\n  RUN echo \"a\\nb\"  \\ \t\n    \t$X \\\\\n");
	assert_string_equal(arguments(1), "echo \"a\\nb\"      \t$X \\\\");
	assert_int_equal(file.count, 2);
}

static void
t4_comments_and_blank_lines_inside_disappear(void **state)
{
	(void)state;
	parse("FROM a\nRUN b && \\\n  # comment \\\n\n \\\n  c # text\nRUN d\n");
	assert_string_equal(arguments(1), "b &&    c # text");
	assert_int_equal(file.instructions[1].line, 2);
	assert_int_equal(file.instructions[1].end_line, 6);
	assert_int_equal(file.instructions[2].line, 7);
	assert_int_equal(diagnostics.n_warnings, 1);
}

static void
doubled_escape_does_not_continue(void **state)
{
	(void)state;
	parse("FROM a\nRUN b \\\\\nRUN c\n");
	assert_int_equal(file.count, 3);
}

static void
line_with_only_the_escape_continues(void **state)
{
	(void)state;
	parse("FROM a\n\\\nRUN c\n");
	assert_int_equal(file.count, 2);
	assert_string_equal(arguments(1), "c");
	assert_int_equal(instruction_location(&file.instructions[1]).line, 3);
}

static void
continuation_at_the_end_of_the_file_ends(void **state)
{
	(void)state;
	parse("FROM a\nRUN b \\");
	assert_int_equal(diagnostics.count, 0);
	assert_string_equal(arguments(1), "b");
}

static void
places_are_those_in_the_file(void **state)
{
	struct location at;

	(void)state;
	parse("FROM a\n  COPY  \\\n   one \\\n# c\n two\n");
	at = instruction_locate(&file.instructions[1], file.instructions[1].words[0].offset);
	assert_int_equal(at.line, 3);
	assert_int_equal(at.column, 4);
	at = instruction_locate(&file.instructions[1], file.instructions[1].words[1].offset);
	assert_int_equal(at.line, 5);
	assert_int_equal(at.column, 2);
	at = instruction_location(&file.instructions[1]);
	assert_int_equal(at.line, 2);
	assert_int_equal(at.column, 3);
}

static void
directives_stand_at_the_top_only(void **state)
{
	(void)state;
	parse("# Syntax = docker/dockerfile:1.4\n#escape=`\n# other=x\n# escape=\\\nFROM a\n");
	assert_string_equal(file.syntax, "docker/dockerfile:1.4");
	assert_int_equal(file.escape, '`');
	assert_int_equal(diagnostics.count, 0);
	release(NULL);
	parse("# a comment\n# escape=`\nFROM a\n");
	assert_int_equal(file.escape, '\\');
	release(NULL);
	parse("\n# escape=`\nFROM a\n");
	assert_int_equal(file.escape, '\\');
}

static void
comment_directly_above_is_kept(void **state)
{
	(void)state;
	parse("# far\n\n# check=skip=all\n# near\nFROM a\nRUN x\n");
	assert_string_equal(file.instructions[0].comment, " check=skip=all\n near\n");
	assert_null(file.instructions[1].comment);
}

static size_t
count_heredocs(const char *text)
{
	struct heredocs h = { 0 };
	size_t count;

	heredocs_find(&h, text, 0, '\\');
	count = h.count;
	heredocs_release(&h);
	return count;
}

static void
heredocs_are_found_where_the_shell_finds_them(void **state)
{
	(void)state;
	assert_int_equal(count_heredocs("cat <<EOF"), 1);
	assert_int_equal(count_heredocs("cat << EOF > x"), 1);
	assert_int_equal(count_heredocs("3<<-EOF cat <<'B C'"), 2);
	assert_int_equal(count_heredocs("cat <<EOF && (<<\"X\" cat)"), 2);
	assert_int_equal(count_heredocs("echo $((1 << 2))"), 0);
	assert_int_equal(count_heredocs("echo $((1<<(2+1))) x"), 0);
	assert_int_equal(count_heredocs("echo '<<A' \"<<B\" \\<<C a<<D"), 0);
	assert_int_equal(count_heredocs("cat <<<word"), 0);
	assert_int_equal(count_heredocs("x # <<A"), 0);
}

static void
heredoc_bodies_are_no_instructions_and_count_as_lines(void **state)
{
	(void)state;
	parse("FROM a\nRUN cat <<-A <<'B'\n\tWORKDR x\n\tA\n A\nB\nRUN c\n");
	assert_int_equal(file.count, 3);
	assert_string_equal(file.instructions[1].heredocs.items[0].body, "\tWORKDR x\n");
	assert_true(file.instructions[1].heredocs.items[0].expand);
	assert_string_equal(file.instructions[1].heredocs.items[1].body, " A\n");
	assert_false(file.instructions[1].heredocs.items[1].expand);
	assert_int_equal(file.instructions[1].end_line, 6);
	assert_int_equal(file.instructions[2].line, 7);
	assert_int_equal(diagnostics.n_errors, 0);
}

static void
lines_can_be_shown(void **state)
{
	size_t length = 0;

	(void)state;
	parse("FROM a\r\nRUN b\n\nRUN c");
	assert_memory_equal(dockerfile_line(&file, 1, &length), "FROM a", 6);
	assert_int_equal(length, 6);
	assert_non_null(dockerfile_line(&file, 3, &length));
	assert_int_equal(length, 0);
	assert_memory_equal(dockerfile_line(&file, 4, &length), "RUN c", 5);
	assert_null(dockerfile_line(&file, 5, &length));
	assert_null(dockerfile_line(&file, 0, &length));
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test_teardown(byte_order_mark_is_dropped, release),
	cmocka_unit_test_teardown(line_ends_of_other_systems_are_read, release),
	cmocka_unit_test_teardown(
	    t2_t3_text_of_run_is_verbatim_and_continuations_keep_their_blanks, release),
	cmocka_unit_test_teardown(t4_comments_and_blank_lines_inside_disappear, release),
	cmocka_unit_test_teardown(doubled_escape_does_not_continue, release),
	cmocka_unit_test_teardown(line_with_only_the_escape_continues, release),
	cmocka_unit_test_teardown(continuation_at_the_end_of_the_file_ends, release),
	cmocka_unit_test_teardown(places_are_those_in_the_file, release),
	cmocka_unit_test_teardown(directives_stand_at_the_top_only, release),
	cmocka_unit_test_teardown(comment_directly_above_is_kept, release),
	cmocka_unit_test(heredocs_are_found_where_the_shell_finds_them),
	cmocka_unit_test_teardown(heredoc_bodies_are_no_instructions_and_count_as_lines, release),
	cmocka_unit_test_teardown(lines_can_be_shown, release),
};

UNIT_MAIN(tests)
