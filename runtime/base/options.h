/* SPDX-License-Identifier: Apache-2.0 */
/*
 * options - command lines as tables: the parser, the help, the completion and the check of the manuals read the same rows.
 */
#ifndef CROZE_BASE_OPTIONS_H
#define CROZE_BASE_OPTIONS_H

#include "runtime/base/buf.h"
#include "runtime/base/error.h"
#include "runtime/base/strv.h"

#include <stdbool.h>
#include <stddef.h>

enum option_type {
	OPTION_FLAG,    /* bool *: --x, --x=true, --x=false, --no-x is not implied */
	OPTION_TEXT,    /* const char **: --x VALUE or --x=VALUE; the last one wins */
	OPTION_LIST,    /* struct strv *: may be repeated */
	OPTION_U64,     /* uint64_t * */
	OPTION_CHOICE,  /* const char **: one of @choices, '|' between */
	OPTION_FN,      /* @fn called with the value (NULL when @argument is NULL: takes none) */
	OPTION_REFUSED, /* known from other tools and not built: @refused says what to use instead; --x VALUE or --x=VALUE */
};

struct option_def {
	const char *name; /* without dashes; NULL ends the table */
	char short_name;  /* 0: none */
	enum option_type type;
	size_t offset;        /* of the member in the struct that options_parse() fills */
	const char *argument; /* name of the value in the help ("DIR"); NULL for flags */
	const char *choices;  /* OPTION_CHOICE */
	const char *
	    bare; /* OPTION_CHOICE: the value of --x alone; another is then given as --x=VALUE only */
	const char *group; /* heading in the help; rows of one group stand together */
	const char *help;  /* lower case, no full stop; NULL: recognised, not shown */
	int (*fn)(void *target, const char *value, struct error *e);
	const char *refused; /* OPTION_REFUSED: what to do instead */
	const char *
	    alias_of; /* another spelling of that row; only name, short_name and alias_of are read */
};

struct command {
	const char *name;      /* NULL ends a table of commands */
	const char *aliases;   /* blank-separated, may be NULL */
	const char *arguments; /* as the usage line shows them: "[OPTIONS] PATH" */
	const char *summary;
	const char *examples;             /* lines for the end of the help, may be NULL */
	const struct option_def *options; /* may be NULL */
	bool
	    options_first; /* the first word that is no option ends the options (run IMAGE CMD...) */
	int (*run)(
	    int argc, char **argv, const struct command *self); /* the program's exit status */
};

/**
 * Parses argv[1..] into @target; words that are no options go to @words. "--" ends the options. Short options may be joined (-it).
 * --help prints the help to stdout and returns 1. Unknown options are errors with a suggestion (ERR_USAGE).
 */
int options_parse(const struct command *command, int argc, char **argv, void *target,
    struct strv *words, struct error *e);
void options_help(const char *program, const struct command *command, struct buf *b);
/** Finds a command by name or alias; NULL. */
const struct command *command_find(const struct command *table, const char *name);
/** main() of both programs: finds the command, prints errors, gives the exit status. @summary heads the help. */
int command_main(
    const char *program, const char *summary, const struct command *table, int argc, char **argv);
/**
 * What a command does between its command line and its output. @flags is the struct that options_parse() has filled, @out what is to be
 * printed. Returns 0 or -1.
 */
typedef int command_body(void *flags, const struct strv *words, struct buf *out, struct error *e);
/**
 * The whole of most commands: reads the command line into @flags, calls @body, prints @out and what went wrong. What was done before a
 * failure is printed too. Returns the exit status.
 */
int command_perform(
    const struct command *self, int argc, char **argv, void *flags, command_body *body);
/** Writes to the standard output. Returns the exit status: 0, or that of the error, which is printed. */
int command_print(const struct buf *out);
/** Prints @e to stderr in the form that all commands use ("croze: ...", then "hint: ..."), returns its exit status. */
int command_fail(const struct error *e);
/** For a program that does something before command_main(): its name, standard descriptors and rights, as command_main() has them. Ends it on failure. */
void command_begin(const char *program);
/** @log is called by command_fail() before it prints. */
void command_log_failures(void (*log)(const struct error *e));
/** The program's name as given to command_main(). */
const char *command_program(void);

#endif
