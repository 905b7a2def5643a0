/* SPDX-License-Identifier: Apache-2.0 */
/*
 * command - main() of both programs: finding the command, errors on stderr, the exit status.
 */
#include "runtime/base/options.h"

#include "runtime/base/fd.h"
#include "runtime/base/help.h"
#include "runtime/base/mem.h"
#include "runtime/base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

/* Set once, by command_main(), before anything reads it. */
static const char *program_name = "";
static void (*failure_log)(const struct error *e);

const char *
command_program(void)
{
	return program_name;
}

static bool
has_word(const char *words, const char *word)
{
	auto(strv) struct strv list = { 0 };

	strv_split(&list, words ? words : "", ' ');
	return *word != '\0' && strv_has(&list, word);
}

const struct command *
command_find(const struct command *table, const char *name)
{
	for (; table->name; table++) {
		if (strcmp(table->name, name) == 0 || has_word(table->aliases, name))
			return table;
	}
	return NULL;
}

/* Line by line, because an error may have several; all else that a terminal would obey is escaped. */
static void
print_safe(const char *label, const char *text)
{
	auto(buf) struct buf b = { 0 };

	buf_printf(&b, "%s: ", label);
	for (;;) {
		size_t length = strcspn(text, "\n");

		text_add_safe(&b, text, length);
		buf_add_char(&b, '\n');
		if (text[length] == '\0')
			break;
		text += length + 1;
	}
	(void)fputs(buf_text(&b), stderr); /* there is nowhere to tell of it */
}

void
command_log_failures(void (*log)(const struct error *e))
{
	failure_log = log;
}

int
command_fail(const struct error *e)
{
	if (failure_log)
		failure_log(e);
	(void)fflush(stdout); /* command_main() looks at its result */
	print_safe(*program_name ? program_name : "error", e->text);
	if (e->hint[0] != '\0')
		print_safe("hint", e->hint);
	return error_exit_status(e);
}

int
command_print(const struct buf *out)
{
	struct error e = ERROR_INIT;

	if (fd_write_all(STDOUT_FILENO, buf_text(out), out->len, &e) < 0) {
		(void)error_ctx(&e, "cannot write to standard output");
		return command_fail(&e);
	}
	return 0;
}

int
command_perform(const struct command *self, int argc, char **argv, void *flags, command_body *body)
{
	auto(strv) struct strv words = { 0 };
	auto(buf) struct buf out = { 0 };
	struct error e = ERROR_INIT;
	int result = options_parse(self, argc, argv, flags, &words, &e);
	int printed;

	if (result > 0)
		return 0;
	if (result == 0)
		result = body(flags, &words, &out, &e);
	printed = command_print(&out);
	return result < 0 ? command_fail(&e) : printed;
}

/* A closed standard descriptor would be given to the next file that is opened. */
static int
fill_standard(struct error *e)
{
	for (int fd = 0; fd < 3; fd++) {
		if (fcntl(fd, F_GETFD) >= 0)
			continue;
		/* Read-only for stdout, so that a write to it is an error as it would be if it stayed closed. */
		if (open("/dev/null", fd == STDERR_FILENO ? O_WRONLY : O_RDONLY) != fd)
			return error_sys(e, "cannot open '/dev/null'");
	}
	return 0;
}

static int
refuse_setuid(struct error *e)
{
	uid_t real_user, user, saved_user;
	gid_t real_group, group, saved_group;

	if (getresuid(&real_user, &user, &saved_user) < 0 ||
	    getresgid(&real_group, &group, &saved_group) < 0)
		return error_sys(e, "cannot get the user's id");
	if (real_user == user && user == saved_user && real_group == group && group == saved_group)
		return 0;
	error_set(e, ERR_HOST, "%s is installed set-user-ID or set-group-ID, which it must not be",
	    program_name);
	return error_hint(e, "chmod ug-s the program");
}

static int
unknown_command(const struct command *table, const char *name)
{
	struct error e = ERROR_INIT;
	autofree const char **names = NULL;
	const char *nearest;
	size_t n = 0;

	for (const struct command *c = table; c->name; c++)
		n++;
	names = xcalloc(n + 1, sizeof(*names));
	for (size_t i = 0; i < n; i++)
		names[i] = table[i].name;
	nearest = text_suggest(name, names);
	error_set(&e, ERR_USAGE, "unknown command '%s'", name);
	if (nearest)
		error_hint(&e, "did you mean '%s'?", nearest);
	error_hint(&e, "see '%s --help'", program_name);
	return command_fail(&e);
}

static int
print_help(const char *summary, const struct command *table, const char *name)
{
	auto(buf) struct buf text = { 0 };
	const struct command *command = name ? command_find(table, name) : NULL;

	if (name && !command)
		return unknown_command(table, name);
	if (command)
		options_help(program_name, command, &text);
	else
		help_program(program_name, summary, table, &text);
	(void)fputs(buf_text(&text), stdout); /* looked at by finish() */
	return 0;
}

static int
run_command(const char *summary, const struct command *table, int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : "";
	const struct command *command = command_find(table, name);
	struct error e = ERROR_INIT;

	if (command)
		return command->run(argc - 1, argv + 1, command);
	if (argc < 2) {
		error_set(&e, ERR_USAGE, "there is no command");
		error_hint(&e, "see '%s --help'", program_name);
		return command_fail(&e);
	}
	if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0)
		return print_help(summary, table, NULL);
	if (strcmp(name, "help") == 0)
		return print_help(summary, table, argc > 2 ? argv[2] : NULL);
	if (strcmp(name, "--version") == 0 || strcmp(name, "-v") == 0 ||
	    strcmp(name, "version") == 0) {
		(void)printf("%s %s\n", program_name, CROZE_VERSION); /* looked at by finish() */
		return 0;
	}
	if (name[0] == '-') {
		error_set(&e, ERR_USAGE, "unknown option '%s' before the command", name);
		error_hint(&e, "see '%s --help'", program_name);
		return command_fail(&e);
	}
	return unknown_command(table, name);
}

/* What was printed must have arrived: a full disk behind stdout is a failure. */
static int
finish(int status)
{
	struct error e = ERROR_INIT;
	bool failed = ferror(stdout) != 0;

	errno = EIO;
	if (fflush(stdout) == 0 && !failed)
		return status;
	error_sys(&e, "cannot write to the standard output");
	return status ? status : command_fail(&e);
}

void
command_begin(const char *program)
{
	struct error e = ERROR_INIT;

	program_name = program;
	if (fill_standard(&e) < 0 || refuse_setuid(&e) < 0)
		exit(command_fail(&e));
}

int
command_main(
    const char *program, const char *summary, const struct command *table, int argc, char **argv)
{
	command_begin(program);
	return finish(run_command(summary, table, argc, argv));
}
