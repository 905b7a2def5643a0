/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_manual - every command and every option of croze is in its manual.
 */
#include "unit.h"

#include "builder/cli/commands.h"
#include "runtime/base/fd.h"
#include "runtime/base/mem.h"
#include "runtime/base/path.h"

#include <fcntl.h>

static char *
read_manual(const char *name)
{
	const char *source = getenv("CROZE_SOURCE");
	autofree char *path = xasprintf("%s/man/%s", source != NULL ? source : ".", name);
	auto(buf) struct buf b = { 0 };
	struct error e = ERROR_INIT;
	autofd int fd = path_open_user(path, O_RDONLY, 0, &e);

	assert_ok(fd, &e);
	assert_ok(fd_read_all(fd, &b, 1 << 20, path, &e), &e);
	return buf_steal(&b);
}

/* "Fl -NAME" and then no more of a name. */
static bool
has_option(const char *text, const char *name)
{
	autofree char *wanted = xasprintf("Fl -%s", name);

	for (const char *at = strstr(text, wanted); at != NULL; at = strstr(at + 1, wanted))
		if (strchr(" \n", at[strlen(wanted)]) != NULL)
			return true;
	return false;
}

/* The part of croze.1 that speaks of a command; the build command has a manual of its own. */
static char *
section_of(const char *manual, const char *name)
{
	autofree char *heading = xasprintf("\n.Ss croze %s", name);
	const char *begin = strstr(manual, heading);
	const char *end = begin;

	if (begin == NULL)
		fail_msg("croze.1 has no section for '%s'", name);
	do
		end = strstr(end + 1, "\n.S");
	while (end != NULL && end[3] != 's' && end[3] != 'h');
	return xstrndup(begin, end != NULL ? (size_t)(end - begin) : strlen(begin));
}

static void
check_options(const struct command *command, const char *text)
{
	for (const struct option_def *o = command->options; o != NULL && o->name != NULL; o++) {
		if (strcmp(o->name, "root") == 0 && strcmp(command->name, "build") != 0)
			continue; /* told once, for all commands */
		if (o->type == OPTION_REFUSED && strcmp(command->name, "build") != 0)
			continue; /* the message says all there is */
		if (!has_option(text, o->name))
			fail_msg("the manual of '%s' lacks --%s", command->name, o->name);
	}
}

static void
every_option_is_in_the_manual(void **state)
{
	autofree char *croze = read_manual("croze.1");
	autofree char *build = read_manual("croze-build.1");

	(void)state;
	for (const struct command *c = command_table; c->name != NULL; c++) {
		autofree char *section = section_of(croze, c->name);

		check_options(c, strcmp(c->name, "build") == 0 ? build : section);
	}
}

static void
every_shown_option_has_help_that_fits(void **state)
{
	(void)state;
	for (const struct command *c = command_table; c->name != NULL; c++) {
		for (const struct option_def *o = c->options; o != NULL && o->name != NULL; o++) {
			if (o->type == OPTION_REFUSED)
				assert_non_null(o->refused);
			else if (o->help != NULL)
				assert_true(strlen(o->help) < 140);
		}
	}
}

static void
no_name_or_letter_stands_for_two_options(void **state)
{
	(void)state;
	for (const struct command *c = command_table; c->name != NULL; c++) {
		for (const struct option_def *a = c->options; a != NULL && a->name != NULL; a++) {
			for (const struct option_def *b = a + 1; b->name != NULL; b++) {
				if (strcmp(a->name, b->name) == 0 ||
				    (a->short_name != 0 && a->short_name == b->short_name))
					fail_msg("%s: --%s and --%s", c->name, a->name, b->name);
			}
		}
	}
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(every_option_is_in_the_manual),
	cmocka_unit_test(every_shown_option_has_help_that_fits),
	cmocka_unit_test(no_name_or_letter_stands_for_two_options),
};

UNIT_MAIN(tests);
