/* SPDX-License-Identifier: Apache-2.0 */
/*
 * help - croze version and croze completion: what the tables say.
 */
#include "builder/cli/commands.h"
#include "builder/cli/show.h"
#include "runtime/base/mem.h"

/* ---- version ---- */

static int
print_version(void *flags, const struct strv *words, struct buf *b, struct error *e)
{
	(void)flags; /* there are none */
	if (words->count > 0)
		return error_set(
		    e, ERR_USAGE, "version takes no words, there is '%s'", words->items[0]);
	buf_printf(b, "croze %s\n", CROZE_VERSION);
	return 0;
}

int
version_main(int argc, char **argv, const struct command *self)
{
	return command_perform(self, argc, argv, NULL, print_version);
}

/* ---- completion ---- */

static void
add_option_words(struct buf *b, const struct command *command)
{
	buf_add_text(b, "--help");
	for (const struct option_def *o = command->options; o != NULL && o->name != NULL; o++) {
		if (o->type == OPTION_REFUSED || o->alias_of != NULL || o->help == NULL)
			continue;
		buf_printf(b, " --%s", o->name);
	}
}

/* Words for a value: the choices of an option. */
static void
add_choices(struct buf *b, const struct command *command)
{
	for (const struct option_def *o = command->options; o != NULL && o->name != NULL; o++) {
		if (o->type != OPTION_CHOICE || o->choices == NULL)
			continue;
		buf_printf(b, "\t%s:--%s) words='", command->name, o->name);
		for (const char *at = o->choices; *at != '\0'; at++)
			buf_add_char(b, *at == '|' ? ' ' : *at);
		buf_add_text(b, "' ;;\n");
	}
}

static bool
takes_images(const struct command *command)
{
	static const char *const names[] = { "run", "inspect", "history", "tag", "rmi", "save",
		"images" };

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (strcmp(command->name, names[i]) == 0)
			return true;
	return false;
}

static void
add_bash(struct buf *b)
{
	buf_add_text(b,
	    "_croze()\n{\n"
	    "\tlocal word=${COMP_WORDS[COMP_CWORD]} last=${COMP_WORDS[COMP_CWORD-1]} words=\n"
	    "\tlocal command=${COMP_WORDS[1]}\n"
	    "\tif [ \"$COMP_CWORD\" -eq 1 ]; then\n\t\twords='");
	for (const struct command *c = command_table; c->name != NULL; c++)
		buf_printf(b, "%s%s", c == command_table ? "" : " ", c->name);
	buf_add_text(b,
	    "'\n\t\tCOMPREPLY=($(compgen -W \"$words\" -- \"$word\"))\n\t\treturn\n\tfi\n"
	    "\tcase $command:$last in\n");
	for (const struct command *c = command_table; c->name != NULL; c++)
		add_choices(b, c);
	buf_add_text(b, "\tesac\n\tif [ -n \"$words\" ]; then\n"
			"\t\tCOMPREPLY=($(compgen -W \"$words\" -- \"$word\"))\n\t\treturn\n\tfi\n"
			"\tcase $command:$word in\n");
	for (const struct command *c = command_table; c->name != NULL; c++) {
		buf_printf(b, "\t%s:-*) words='", c->name);
		add_option_words(b, c);
		buf_add_text(b, "' ;;\n");
		if (takes_images(c))
			buf_printf(b,
			    "\t%s:*) words=$(croze images --format '{{.Repository}}:{{.Tag}}' "
			    "2>/dev/null) ;;\n",
			    c->name);
	}
	buf_add_text(b, "\tesac\n\tif [ -n \"$words\" ]; then\n"
			"\t\tCOMPREPLY=($(compgen -W \"$words\" -- \"$word\"))\n"
			"\t\t[ \"$(type -t __ltrim_colon_completions)\" = function ] && "
			"__ltrim_colon_completions \"$word\"\n"
			"\t\treturn 0\n\tfi\n\tCOMPREPLY=($(compgen -f -- \"$word\"))\n}\n"
			"complete -o filenames -F _croze croze\n");
}

static int
print_completion(void *flags, const struct strv *words, struct buf *b, struct error *e)
{
	(void)flags; /* there are none */
	if (words->count != 1 || strcmp(words->items[0], "bash") != 0)
		return error_set(e, ERR_USAGE, "name the shell: bash");
	add_bash(b);
	return 0;
}

int
completion_main(int argc, char **argv, const struct command *self)
{
	return command_perform(self, argc, argv, NULL, print_completion);
}
