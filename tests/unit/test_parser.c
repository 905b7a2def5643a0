/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_parser - instructions: flags, words, lists, pairs, stages.
 */
#include "builder/dockerfile/parser.h"
#include "tests/unit/table.h"

#include <sys/resource.h>
#include <time.h>

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

/** The instruction @n as "FORM flag=value ... [word] {name=value}". */
static char *
shown(size_t n)
{
	const struct instruction *i = &file.instructions[n];
	struct buf b = { 0 };

	buf_printf(&b, "%s", i->def->name);
	for (size_t m = 0; m < i->n_flags; m++)
		buf_printf(&b, " %s=%s", i->flags[m].def->name, i->flags[m].value);
	buf_add_text(&b, i->form == FORM_EXEC ? " exec" : "");
	for (size_t m = 0; m < i->n_words; m++)
		buf_printf(&b, " [%s]", i->words[m].text);
	for (size_t m = 0; m < i->n_pairs; m++)
		buf_printf(&b, " {%s|%s}", i->pairs[m].name,
		    i->pairs[m].value ? i->pairs[m].value : "none");
	return buf_steal(&b);
}

/** Parses "FROM a" and one more line, which must be without errors and read as @expected. */
static void
reads_as(const char *line, const char *expected)
{
	autofree char *text = xasprintf("FROM a\n%s\n", line);
	autofree char *result = NULL;

	parse(text);
	if (diagnostics.n_errors > 0)
		fail_msg("%s: %s", line, diagnostics.items[0].text);
	assert_int_equal(file.count, 2);
	result = shown(1);
	assert_string_equal(result, expected);
	release(NULL);
}

static void
commands_have_two_forms(void **state)
{
	(void)state;
	reads_as("RUN a  'b'", "RUN [a  'b']");
	reads_as("run [\"a\", \"b c\"]", "RUN exec [a] [b c]");
	reads_as("RUN [\"a\" x]", "RUN [[\"a\" x]]");
	reads_as("RUN [\"a\"] # c", "RUN [[\"a\"] # c]");
	reads_as("RUN ['a']", "RUN [['a']]");
	reads_as("RUN [ -f x ] && y", "RUN [[ -f x ] && y]");
	reads_as("CMD []", "CMD exec");
	reads_as("ENTRYPOINT []", "ENTRYPOINT exec");
	reads_as("CMD [\"\\u0041\\n\"]", "CMD exec [A\n]");
	reads_as("SHELL [\"a\"]", "SHELL exec [a]");
	reads_as("HEALTHCHECK NONE", "HEALTHCHECK [NONE]");
	reads_as("HEALTHCHECK --interval=0 --retries=2 cmd [\"a\", \"b\"]",
	    "HEALTHCHECK interval=0 retries=2 exec [CMD] [a] [b]");
	reads_as("HEALTHCHECK CMD a b", "HEALTHCHECK [CMD] [a b]");
}

static void
words_are_divided_at_blanks(void **state)
{
	(void)state;
	reads_as("COPY a\tb   c/", "COPY [a] [b] [c/]");
	reads_as("COPY [\"a b\", \"c\"]", "COPY exec [a b] [c]");
	reads_as("COPY [a] b", "COPY [[a]] [b]");
	reads_as("EXPOSE 80 $P/udp", "EXPOSE [80] [$P/udp]");
	reads_as("VOLUME /a /b", "VOLUME [/a] [/b]");
	reads_as("WORKDIR /a b", "WORKDIR [/a b]");
	reads_as("USER a:b", "USER [a:b]");
	reads_as("STOPSIGNAL  9 ", "STOPSIGNAL [9]");
	reads_as("MAINTAINER A <a@b>", "MAINTAINER [A <a@b>]");
}

static void
pairs_keep_quotes_for_the_expansion(void **state)
{
	(void)state;
	reads_as("ENV a=b c=\"d e\" f=g\\ h", "ENV {a|b} {c|\"d e\"} {f|g\\ h}");
	reads_as("ENV a b=c", "ENV {a|b=c}");
	reads_as("ENV a  b  c ", "ENV {a|b  c}");
	reads_as("ENV a=", "ENV {a|}");
	reads_as("ENV a='x y'z", "ENV {a|'x y'z}");
	reads_as("LABEL \"a b\"=c", "LABEL {\"a b\"|c}");
	reads_as("ARG a b=c d=", "ARG {a|none} {b|c} {d|}");
	reads_as("ENV a==b=", "ENV {a|=b=}");
}

static void
flags_are_unquoted(void **state)
{
	(void)state;
	reads_as("COPY --from=x --chown=\"a\":'b' y z", "COPY from=x chown=a:b [y] [z]");
	reads_as("COPY \"--from=x\" y", "COPY [\"--from=x\"] [y]");
	reads_as("COPY -- --from=x y", "COPY [--from=x] [y]");
	reads_as("COPY a --from=x", "COPY [a] [--from=x]");
	reads_as("COPY --chmod=u\\=x a b", "COPY chmod=u=x [a] [b]");
	reads_as("RUN echo --mount=x", "RUN [echo --mount=x]");
}

static void
stages_are_cut_at_from(void **state)
{
	(void)state;
	parse("ARG A\nARG B\nFROM x AS One\nRUN a\nFROM y\nRUN b\nRUN c\nfrom --platform=$P one as "
	      "two.3-x_\n");
	assert_int_equal(diagnostics.n_errors, 0);
	assert_int_equal(file.n_global, 2);
	assert_int_equal(file.n_stages, 3);
	assert_string_equal(file.stages[0].name, "one");
	assert_int_equal(file.stages[0].first, 3);
	assert_int_equal(file.stages[0].count, 1);
	assert_null(file.stages[1].name);
	assert_int_equal(file.stages[1].count, 2);
	assert_string_equal(file.stages[2].name, "two.3-x_");
	assert_int_equal(file.stages[2].count, 0);
}

static void
onbuild_holds_an_instruction_with_its_place(void **state)
{
	const struct instruction *i;
	struct location at;

	(void)state;
	parse("FROM a\nONBUILD  COPY \\\n  x y\n");
	assert_int_equal(diagnostics.n_errors, 0);
	assert_string_equal(instruction_arguments(&file.instructions[1]), "COPY   x y");
	i = file.instructions[1].trigger;
	assert_int_equal(i->def->kind, INSTRUCTION_COPY);
	at = instruction_location(i);
	assert_int_equal(at.column, 10);
	at = instruction_locate(i, i->words[1].offset);
	assert_int_equal(at.line, 3);
	assert_int_equal(at.column, 5);
}

static void
table_is_in_the_order_of_the_kinds(void **state)
{
	(void)state;
	for (size_t n = 0; n < INSTRUCTION_KINDS; n++) {
		assert_int_equal(instruction_table[n].kind, n);
		assert_non_null(instruction_table[n].usage);
		assert_non_null(instruction_table[n].flags);
	}
	assert_null(instruction_table[INSTRUCTION_KINDS].name);
	assert_string_equal(instruction_suggest("COYP"), "COPY");
	assert_null(instruction_suggest("XYZZY"));
}

static void
a_large_file_is_read_in_little_time_and_memory(void **state)
{
	auto(buf) struct buf text = { 0 };
	struct timespec begin, end;
	struct rusage before, after;

	(void)state;
	for (size_t stage = 0; stage < 1000; stage++) {
		buf_printf(&text, "FROM a AS s%zu\n", stage);
		for (size_t n = 0; n < 9; n++)
			buf_printf(&text, "RUN echo %01100d \\\n  # comment\n  x\n", (int)n);
	}
	(void)getrusage(RUSAGE_SELF, &before);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &begin);
	parse(buf_text(&text));
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &end);
	(void)getrusage(RUSAGE_SELF, &after);
	assert_int_equal(file.count, 10000);
	assert_int_equal(file.n_stages, 1000);
	assert_true(end.tv_sec - begin.tv_sec < 10);
	assert_true(after.ru_maxrss - before.ru_maxrss < 100 * 1024);
}

static void
files_that_are_too_large_are_refused(void **state)
{
	autofree char *text = xcalloc(1, DOCKERFILE_MAX_BYTES + 2);

	(void)state;
	memset(text, '\n', DOCKERFILE_MAX_BYTES + 1);
	parse(text);
	assert_int_equal(diagnostics.n_errors, 1);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(commands_have_two_forms),
	cmocka_unit_test(words_are_divided_at_blanks),
	cmocka_unit_test(pairs_keep_quotes_for_the_expansion),
	cmocka_unit_test(flags_are_unquoted),
	cmocka_unit_test_teardown(stages_are_cut_at_from, release),
	cmocka_unit_test_teardown(onbuild_holds_an_instruction_with_its_place, release),
	cmocka_unit_test(table_is_in_the_order_of_the_kinds),
	cmocka_unit_test_teardown(a_large_file_is_read_in_little_time_and_memory, release),
	cmocka_unit_test_teardown(files_that_are_too_large_are_refused, release),
};

UNIT_MAIN(tests)
