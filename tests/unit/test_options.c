/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_options - command lines are read as their tables say; what is wrong is told by name.
 */
#include "runtime/base/options.h"

#include "tests/unit/unit.h"

#include "runtime/base/fd.h"
#include "runtime/base/mem.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

struct target {
	bool pull, quiet;
	const char *file;
	struct strv tags;
	uint64_t jobs;
	const char *progress;
	int level;
	bool called;
};

static int
set_level(void *target, const char *value, struct error *e)
{
	struct target *t = target;

	if (strlen(value) != 1)
		return error_set(e, ERR_USAGE, "'--level' is one digit");
	t->level = value[0] - '0';
	return 0;
}

static int
set_called(void *target, const char *value, struct error *e)
{
	(void)e;
	assert_null(value);
	((struct target *)target)->called = true;
	return 0;
}

static const struct option_def options[] = {
	{ .name = "file",
	    .short_name = 'f',
	    .type = OPTION_TEXT,
	    .offset = offsetof(struct target, file),
	    .argument = "FILE",
	    .group = "Input",
	    .help = "the Dockerfile (default: Dockerfile in the context)" },
	{ .name = "pull",
	    .short_name = 'p',
	    .type = OPTION_FLAG,
	    .offset = offsetof(struct target, pull),
	    .group = "Input",
	    .help = "ask for newer images" },
	{ .name = "tag",
	    .short_name = 't',
	    .type = OPTION_LIST,
	    .offset = offsetof(struct target, tags),
	    .argument = "NAME",
	    .group = "Output",
	    .help = "a name for the image that has a rather long explanation which does not fit "
		    "one line" },
	{ .name = "quiet",
	    .short_name = 'q',
	    .type = OPTION_FLAG,
	    .offset = offsetof(struct target, quiet),
	    .group = "Output",
	    .help = "print the image's digest alone" },
	{ .name = "jobs",
	    .type = OPTION_U64,
	    .offset = offsetof(struct target, jobs),
	    .help = "how many at once" },
	{ .name = "progress",
	    .type = OPTION_CHOICE,
	    .offset = offsetof(struct target, progress),
	    .choices = "auto|plain|tty",
	    .help = "how progress is shown" },
	{ .name = "level", .type = OPTION_FN, .argument = "N", .fn = set_level, .help = "a digit" },
	{ .name = "call",
	    .short_name = 'c',
	    .type = OPTION_FN,
	    .fn = set_called,
	    .help = "takes no value" },
	{ .name = "secret", .type = OPTION_REFUSED, .refused = "mount a file of the context" },
	{ .name = "dockerfile", .short_name = 'F', .alias_of = "file" },
	{ .name = "a-name-that-is-really-long",
	    .type = OPTION_TEXT,
	    .argument = "VALUE",
	    .offset = offsetof(struct target, file),
	    .help = "on its own line" },
	{ 0 },
};

static const struct command build = {
	.name = "build",
	.aliases = "b bud",
	.arguments = "[OPTIONS] PATH",
	.summary = "builds an image",
	.examples = "croze build .\ncroze build -t name .",
	.options = options,
};

static int
parse(const struct command *command, struct target *t, struct strv *words, struct error *e,
    const char *line)
{
	static struct strv argv; /* what is parsed points into it */

	strv_clear(&argv);
	strv_split(&argv, line, ' ');
	return options_parse(command, (int)argv.count, argv.items, t, words, e);
}

static void
assert_refused(const char *line, const char *text, const char *hint)
{
	auto(strv) struct strv words = { 0 };
	struct error e = ERROR_INIT;
	struct target t = { 0 };

	assert_int_equal(parse(&build, &t, &words, &e, line), -1);
	strv_release(&t.tags);
	assert_int_equal(e.kind, ERR_USAGE);
	assert_string_equal(e.text, text);
	assert_string_equal(e.hint, hint);
}

static void
every_spelling_is_understood(void **state)
{
	auto(strv) struct strv words = { 0 };
	struct error e = ERROR_INIT;
	struct target t = { .quiet = true };

	(void)state;
	assert_ok(parse(&build, &t, &words, &e,
		      "build -pf a --tag=x . -ty -t=z --jobs 4 --progress plain --quiet=false "
		      "--level=3 -c -- -f"),
	    &e);
	assert_true(t.pull);
	assert_false(t.quiet);
	assert_string_equal(t.file, "a");
	assert_int_equal(t.tags.count, 3);
	assert_string_equal(t.tags.items[0], "x");
	assert_string_equal(t.tags.items[1], "y");
	assert_string_equal(t.tags.items[2], "z");
	assert_int_equal(t.jobs, 4);
	assert_string_equal(t.progress, "plain");
	assert_int_equal(t.level, 3);
	assert_true(t.called);
	assert_int_equal(words.count, 2);
	assert_string_equal(words.items[0], ".");
	assert_string_equal(words.items[1], "-f");
	strv_release(&t.tags);
}

static void
the_last_one_wins_and_aliases_are_the_same(void **state)
{
	auto(strv) struct strv words = { 0 };
	struct error e = ERROR_INIT;
	struct target t = { 0 };

	(void)state;
	assert_ok(parse(&build, &t, &words, &e, "build -f a --dockerfile b -Fc -"), &e);
	assert_string_equal(t.file, "c");
	assert_string_equal(words.items[0], "-");
	assert_ok(parse(&build, &t, &words, &e, "build --file= -p"), &e);
	assert_string_equal(t.file, "");
}

static void
options_first_leaves_the_rest_alone(void **state)
{
	struct command run = build;
	auto(strv) struct strv words = { 0 };
	struct error e = ERROR_INIT;
	struct target t = { 0 };

	(void)state;
	run.options_first = true;
	assert_ok(parse(&run, &t, &words, &e, "run -p image -f --unknown"), &e);
	assert_int_equal(words.count, 3);
	assert_null(t.file);
}

static void
mistakes_are_named(void **state)
{
	(void)state;
	assert_refused("build --fil x", "unknown option '--fil'", "did you mean '--file'?");
	assert_refused("build --xyzxyz", "unknown option '--xyzxyz'", "see 'build --help'");
	assert_refused("build -x", "unknown option '-x'", "see 'build --help'");
	assert_refused("build -pf", "option '--file' needs a value", "see 'build --help'");
	assert_refused("build --jobs x", "'--jobs': 'x' is not a number", "see 'build --help'");
	assert_refused("build --progress ttty", "'--progress' is one of auto|plain|tty, not 'ttty'",
	    "did you mean 'tty'?");
	assert_refused(
	    "build --pull=maybe", "'--pull' is true or false, not 'maybe'", "see 'build --help'");
	assert_refused("build --call=x", "option '--call' takes no value", "see 'build --help'");
	assert_refused("build --level 12", "'--level' is one digit", "see 'build --help'");
	assert_refused("build --secret id=x", "option '--secret' is not supported",
	    "mount a file of the context");
}

static void
words_are_refused_where_none_are_taken(void **state)
{
	struct error e = ERROR_INIT;
	struct target t = { 0 };

	(void)state;
	assert_int_equal(parse(&build, &t, NULL, &e, "build word"), -1);
	assert_string_equal(e.text, "unexpected argument 'word'");
}

static void
help_fits_80_columns_in_groups(void **state)
{
	auto(buf) struct buf b = { 0 };
	auto(strv) struct strv lines = { 0 };

	(void)state;
	options_help("croze", &build, &b);
	assert_string_equal(buf_text(&b),
	    "Usage: croze build [OPTIONS] PATH\n"
	    "\n"
	    "builds an image\n"
	    "\n"
	    "Also called: b bud\n"
	    "\n"
	    "Input:\n"
	    "  -f, --file FILE  the Dockerfile (default: Dockerfile in the context)\n"
	    "  -p, --pull       ask for newer images\n"
	    "\n"
	    "Output:\n"
	    "  -t, --tag NAME   a name for the image that has a rather long explanation which\n"
	    "                   does not fit one line\n"
	    "  -q, --quiet      print the image's digest alone\n"
	    "\n"
	    "Options:\n"
	    "      --jobs N     how many at once\n"
	    "      --progress auto|plain|tty\n"
	    "                   how progress is shown\n"
	    "      --level N    a digit\n"
	    "  -c, --call       takes no value\n"
	    "      --a-name-that-is-really-long VALUE\n"
	    "                   on its own line\n"
	    "\n"
	    "Examples:\n"
	    "  croze build .\n"
	    "  croze build -t name .\n");
	strv_split(&lines, buf_text(&b), '\n');
	for (size_t i = 0; i < lines.count; i++)
		assert_true(strlen(lines.items[i]) <= 80);
}

/* Programs: each runs in a child with its output in a pipe. */

static int
run_hello(int argc, char **argv, const struct command *self)
{
	(void)self;
	printf("hello");
	for (int i = 0; i < argc; i++)
		printf(" %s", argv[i]);
	printf("\n");
	return 7;
}

static int
run_fail(int argc, char **argv, const struct command *self)
{
	struct error e = ERROR_INIT;

	(void)argc;
	(void)argv;
	(void)self;
	error_set(&e, ERR_HOST, "no \x1b[31mway\nsecond line");
	error_hint(&e, "try again");
	return command_fail(&e);
}

static const struct command table[] = {
	{ .name = "hello", .aliases = "hi hallo", .summary = "says it", .run = run_hello },
	{ .name = "fail", .summary = "does not work", .run = run_fail },
	{ 0 },
};

/* Exit status; @out gets stdout and stderr. @to: what becomes stdout instead, "-" to close it, or NULL. */
static int
run_program(const char *line, const char *to, struct buf *out)
{
	struct error e = ERROR_INIT;
	auto(strv) struct strv argv = { 0 };
	int ends[2];
	int status;
	pid_t pid;

	strv_split(&argv, line, ' ');
	assert_int_equal(pipe(ends), 0);
	(void)fflush(stdout);
	pid = fork();
	if (pid == 0) {
		int fd = to && strcmp(to, "-") != 0 ? open(to, O_WRONLY | O_CLOEXEC) : -1;

		dup2(ends[1], STDERR_FILENO);
		dup2(fd >= 0 ? fd : ends[1], STDOUT_FILENO);
		if (to && strcmp(to, "-") == 0)
			close(STDOUT_FILENO);
		status = command_main("prog", "does things", table, (int)argv.count, argv.items);
		(void)fflush(stdout);
		_exit(status);
	}
	close(ends[1]);
	assert_ok(fd_read_all(ends[0], out, 100000, "output", &e), &e);
	close(ends[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void
assert_program(const char *line, const char *to, int status, const char *output)
{
	auto(buf) struct buf out = { 0 };

	assert_int_equal(run_program(line, to, &out), status);
	assert_string_equal(buf_text(&out), output);
}

static void
commands_are_found_and_their_status_returned(void **state)
{
	(void)state;
	assert_program("prog hello a b", NULL, 7, "hello hello a b\n");
	assert_program("prog hallo", NULL, 7, "hello hallo\n");
	assert_program("prog --version", NULL, 0, "prog " CROZE_VERSION "\n");
	assert_program("prog", NULL, 2, "prog: there is no command\nhint: see 'prog --help'\n");
	assert_program(
	    "prog hullo", NULL, 2, "prog: unknown command 'hullo'\nhint: did you mean 'hello'?\n");
	assert_program("prog -x", NULL, 2,
	    "prog: unknown option '-x' before the command\nhint: see 'prog --help'\n");
	assert_program("prog help fial", NULL, 2,
	    "prog: unknown command 'fial'\nhint: did you mean 'fail'?\n");
	assert_program(
	    "prog help hello", NULL, 0, "Usage: prog hello\n\nsays it\n\nAlso called: hi hallo\n");
	assert_program("prog --help", NULL, 0,
	    "Usage: prog COMMAND [OPTIONS] [ARGUMENTS]\n\ndoes things\n\nCommands:\n  hello  says "
	    "it\n"
	    "  fail   does not work\n\n'prog help COMMAND' tells more of a command; 'prog "
	    "--version' the version.\n");
}

static void
errors_are_printed_safely(void **state)
{
	(void)state;
	assert_program(
	    "prog fail", NULL, 3, "prog: no \\x1b[31mway\nsecond line\nhint: try again\n");
}

static void
output_that_cannot_be_written_is_an_error(void **state)
{
	(void)state;
	assert_program("prog --version", "/dev/full", 75,
	    "prog: cannot write to the standard output: No space left on device\n");
	assert_program("prog --version", "-", 1,
	    "prog: cannot write to the standard output: Bad file descriptor\n");
	assert_program("prog hello", "/dev/full", 7, "");
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(every_spelling_is_understood),
	cmocka_unit_test(the_last_one_wins_and_aliases_are_the_same),
	cmocka_unit_test(options_first_leaves_the_rest_alone),
	cmocka_unit_test(mistakes_are_named),
	cmocka_unit_test(words_are_refused_where_none_are_taken),
	cmocka_unit_test(help_fits_80_columns_in_groups),
	cmocka_unit_test(commands_are_found_and_their_status_returned),
	cmocka_unit_test(errors_are_printed_safely),
	cmocka_unit_test(output_that_cannot_be_written_is_an_error),
};

UNIT_MAIN(tests)
