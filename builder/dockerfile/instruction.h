/* SPDX-License-Identifier: Apache-2.0 */
/*
 * instruction - the instructions of a Dockerfile: what each one may look like, and one as it was
 * read.
 *
 * The table is the only place that knows an instruction by name: lexer, parser, messages,
 * completion and manual read its rows.
 */
#ifndef CROZE_DOCKERFILE_INSTRUCTION_H
#define CROZE_DOCKERFILE_INSTRUCTION_H

#include "builder/dockerfile/diagnostics.h"
#include "builder/dockerfile/heredoc.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum instruction_kind {
	INSTRUCTION_ADD,
	INSTRUCTION_ARG,
	INSTRUCTION_CMD,
	INSTRUCTION_COPY,
	INSTRUCTION_ENTRYPOINT,
	INSTRUCTION_ENV,
	INSTRUCTION_EXPOSE,
	INSTRUCTION_FROM,
	INSTRUCTION_HEALTHCHECK,
	INSTRUCTION_LABEL,
	INSTRUCTION_MAINTAINER,
	INSTRUCTION_ONBUILD,
	INSTRUCTION_RUN,
	INSTRUCTION_SHELL,
	INSTRUCTION_STOPSIGNAL,
	INSTRUCTION_USER,
	INSTRUCTION_VOLUME,
	INSTRUCTION_WORKDIR,
};
#define INSTRUCTION_KINDS (INSTRUCTION_WORKDIR + 1)

/** How the text behind the flags is taken apart. */
enum argument_syntax {
	ARGUMENTS_COMMAND,     /* JSON list of strings, else one text for the shell */
	ARGUMENTS_JSON,        /* JSON list of strings only */
	ARGUMENTS_WORDS,       /* at blanks; quotes mean nothing here */
	ARGUMENTS_LIST,        /* JSON list of strings, else words */
	ARGUMENTS_PAIRS,       /* name=value ..., or one "name rest of line" */
	ARGUMENTS_NAMES,       /* name[=value] ... */
	ARGUMENTS_TEXT,        /* the whole rest is one argument */
	ARGUMENTS_HEALTHCHECK, /* NONE, or CMD and a command */
	ARGUMENTS_INSTRUCTION, /* another instruction */
};

enum flag_type {
	FLAG_BOOL,   /* --x, --x=true, --x=false */
	FLAG_STRING, /* --x=value, once */
	FLAG_LIST,   /* --x=value, repeatable */
};

struct flag_def {
	const char *name; /* NULL ends a table */
	enum flag_type type;
	bool expand; /* the value sees $variables */
	const char *help;
};

enum instruction_properties {
	INSTRUCTION_MAKES_LAYER = 1 << 0,
	INSTRUCTION_EXPANDS = 1 << 1,     /* its arguments see $variables */
	INSTRUCTION_HEREDOCS = 1 << 2,    /* << in its text begins a heredoc */
	INSTRUCTION_NO_TRIGGER = 1 << 3,  /* may not stand behind ONBUILD */
	INSTRUCTION_BEFORE_FROM = 1 << 4, /* may stand before the first FROM */
};

struct instruction_def {
	const char *name; /* upper case; NULL ends the table */
	enum instruction_kind kind;
	enum argument_syntax syntax;
	enum instruction_properties properties;
	size_t min_arguments; /* words, pairs or names */
	size_t max_arguments; /* 0: any number */
	const struct flag_def *flags;
	const char *usage; /* "COPY [FLAGS] SOURCE... DESTINATION" */
};

/** All instructions, in the order of enum instruction_kind. */
extern const struct instruction_def instruction_table[];

/** Finds one by name, whatever its case; NULL. */
const struct instruction_def *instruction_find(const char *name, size_t length);
/** The nearest name to a mistyped one; NULL. */
const char *instruction_suggest(const char *name);

/** A part of an instruction; @offset is into its text. */
struct word {
	char *text;
	uint32_t offset;
};

/** name=value of ENV, LABEL and ARG, still as written, quotes and all. */
struct pair {
	char *name;
	char *value;     /* NULL: an ARG without default */
	uint32_t offset; /* of the name */
	uint32_t value_offset;
};

struct flag {
	const struct flag_def *def;
	char *value; /* quotes and escapes removed; "true" or "false" for FLAG_BOOL */
	uint32_t offset;
};

/** Where a piece of the joined text stands in the file. */
struct segment {
	uint32_t offset;
	struct location at;
};

enum command_form {
	FORM_SHELL,
	FORM_EXEC, /* a JSON list */
};

enum pair_form {
	PAIRS_EQUALS,
	PAIRS_LEGACY, /* ENV name value */
};

struct instruction {
	const struct instruction_def *def;
	/*
	 * the logical line: continuations joined, comments inside dropped, blanks around it
	 * trimmed
	 */
	char *text;
	uint32_t arguments; /* offset of what follows the flags; strlen(text) when nothing does */
	uint32_t line;      /* first and last line in the file, heredocs included */
	uint32_t end_line;
	struct segment *segments;
	size_t n_segments;

	struct flag *flags;
	size_t n_flags;
	enum command_form form;
	struct word *words; /* exec form: the list; shell form: one text; else the arguments */
	size_t n_words;
	enum pair_form pair_form;
	struct pair *pairs;
	size_t n_pairs;
	struct heredocs heredocs;
	/* COPY --from and from= of RUN --mount, in the order of the flags; offset of the flag */
	struct word *froms;
	size_t n_froms;
	struct instruction *trigger; /* ONBUILD: what it holds */
	char *comment; /* the comment lines directly above, without '#'; NULL for none */
};

void instruction_release(struct instruction *i);
/** The place of byte @offset of its text. */
struct location instruction_locate(const struct instruction *i, uint32_t offset);
/** Where it begins. */
struct location instruction_location(const struct instruction *i);
/** Remembers that it reads from stage, image or context @name. */
void instruction_add_from(struct instruction *i, const char *name, uint32_t offset);
/** How an error about one of its froms begins: "COPY --from". */
const char *instruction_from_spelling(const struct instruction *i);
/** What follows the flags, verbatim. */
const char *instruction_arguments(const struct instruction *i);
/**
 * What the comment right above says of @name: the rest of its line that begins with the name. NULL
 * when there is none. To be freed.
 */
char *instruction_description(const struct instruction *i, const char *name);
/** A flag's value, the last for lists; NULL when it was not given. */
const struct flag *instruction_flag(const struct instruction *i, const char *name);

#endif
