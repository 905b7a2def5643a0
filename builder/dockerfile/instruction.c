/* SPDX-License-Identifier: Apache-2.0 */
/*
 * instruction - the instructions of a Dockerfile: what each one may look like, and one as it was
 * read.
 */
#include "builder/dockerfile/instruction.h"

#include "runtime/base/mem.h"
#include "runtime/base/text.h"

#include <string.h>
#include <strings.h>

static const struct flag_def no_flags[] = {
	{ 0 },
};

static const struct flag_def from_flags[] = {
	{ .name = "platform",
	    .type = FLAG_STRING,
	    .expand = true,
	    .help = "platform of the base image" },
	{ 0 },
};

static const struct flag_def run_flags[] = {
	{ .name = "mount",
	    .type = FLAG_LIST,
	    .expand = true,
	    .help = "file system to mount while the command runs" },
	{ .name = "network", .type = FLAG_STRING, .help = "network of the command" },
	{ .name = "security", .type = FLAG_STRING, .help = "how much the command is confined" },
	{ .name = "device", .type = FLAG_LIST, .help = "device that the command gets" },
	{ 0 },
};

static const struct flag_def copy_flags[] = {
	{ .name = "from", .type = FLAG_STRING, .help = "stage, image or context to copy from" },
	{ .name = "chown", .type = FLAG_STRING, .expand = true, .help = "owner of what is copied" },
	{ .name = "chmod", .type = FLAG_STRING, .expand = true, .help = "mode of what is copied" },
	{ .name = "link",
	    .type = FLAG_BOOL,
	    .help = "make a layer that does not depend on those below" },
	{ .name = "parents", .type = FLAG_BOOL, .help = "keep the folders of the source path" },
	{ .name = "exclude", .type = FLAG_LIST, .help = "leave out what matches" },
	{ 0 },
};

static const struct flag_def add_flags[] = {
	{ .name = "chown", .type = FLAG_STRING, .expand = true, .help = "owner of what is added" },
	{ .name = "chmod", .type = FLAG_STRING, .expand = true, .help = "mode of what is added" },
	{ .name = "link",
	    .type = FLAG_BOOL,
	    .help = "make a layer that does not depend on those below" },
	{ .name = "exclude", .type = FLAG_LIST, .help = "leave out what matches" },
	{ .name = "checksum",
	    .type = FLAG_STRING,
	    .expand = true,
	    .help = "digest that the source must have" },
	{ .name = "keep-git-dir",
	    .type = FLAG_BOOL,
	    .help = "keep the .git folder of a repository" },
	{ .name = "unpack", .type = FLAG_BOOL, .help = "whether archives are unpacked" },
	{ 0 },
};

static const struct flag_def healthcheck_flags[] = {
	{ .name = "interval", .type = FLAG_STRING, .help = "time between two checks" },
	{ .name = "timeout", .type = FLAG_STRING, .help = "time after which a check has failed" },
	{ .name = "start-period",
	    .type = FLAG_STRING,
	    .help = "time in which failures do not count" },
	{ .name = "start-interval",
	    .type = FLAG_STRING,
	    .help = "time between checks in that period" },
	{ .name = "retries",
	    .type = FLAG_STRING,
	    .help = "failures in a row that make it unhealthy" },
	{ 0 },
};

const struct instruction_def instruction_table[] = {
	{
	    .name = "ADD",
	    .kind = INSTRUCTION_ADD,
	    .syntax = ARGUMENTS_LIST,
	    .properties = INSTRUCTION_MAKES_LAYER | INSTRUCTION_EXPANDS | INSTRUCTION_HEREDOCS,
	    .min_arguments = 2,
	    .flags = add_flags,
	    .usage = "ADD [FLAGS] SOURCE... DESTINATION",
	},
	{
	    .name = "ARG",
	    .kind = INSTRUCTION_ARG,
	    .syntax = ARGUMENTS_NAMES,
	    .properties = INSTRUCTION_EXPANDS | INSTRUCTION_BEFORE_FROM,
	    .min_arguments = 1,
	    .flags = no_flags,
	    .usage = "ARG NAME[=DEFAULT]...",
	},
	{
	    .name = "CMD",
	    .kind = INSTRUCTION_CMD,
	    .syntax = ARGUMENTS_COMMAND,
	    .flags = no_flags,
	    .usage = "CMD [\"PROGRAM\", \"ARGUMENT\"...] or CMD COMMAND",
	},
	{
	    .name = "COPY",
	    .kind = INSTRUCTION_COPY,
	    .syntax = ARGUMENTS_LIST,
	    .properties = INSTRUCTION_MAKES_LAYER | INSTRUCTION_EXPANDS | INSTRUCTION_HEREDOCS,
	    .min_arguments = 2,
	    .flags = copy_flags,
	    .usage = "COPY [FLAGS] SOURCE... DESTINATION",
	},
	{
	    .name = "ENTRYPOINT",
	    .kind = INSTRUCTION_ENTRYPOINT,
	    .syntax = ARGUMENTS_COMMAND,
	    .flags = no_flags,
	    .usage = "ENTRYPOINT [\"PROGRAM\", \"ARGUMENT\"...] or ENTRYPOINT COMMAND",
	},
	{
	    .name = "ENV",
	    .kind = INSTRUCTION_ENV,
	    .syntax = ARGUMENTS_PAIRS,
	    .properties = INSTRUCTION_EXPANDS,
	    .min_arguments = 1,
	    .flags = no_flags,
	    .usage = "ENV NAME=VALUE...",
	},
	{
	    .name = "EXPOSE",
	    .kind = INSTRUCTION_EXPOSE,
	    .syntax = ARGUMENTS_WORDS,
	    .properties = INSTRUCTION_EXPANDS,
	    .min_arguments = 1,
	    .flags = no_flags,
	    .usage = "EXPOSE PORT[-PORT][/PROTOCOL]...",
	},
	{
	    .name = "FROM",
	    .kind = INSTRUCTION_FROM,
	    .syntax = ARGUMENTS_WORDS,
	    .properties = INSTRUCTION_EXPANDS | INSTRUCTION_NO_TRIGGER | INSTRUCTION_BEFORE_FROM,
	    .min_arguments = 1,
	    .max_arguments = 3,
	    .flags = from_flags,
	    .usage = "FROM [--platform=PLATFORM] IMAGE [AS NAME]",
	},
	{
	    .name = "HEALTHCHECK",
	    .kind = INSTRUCTION_HEALTHCHECK,
	    .syntax = ARGUMENTS_HEALTHCHECK,
	    .min_arguments = 1,
	    .flags = healthcheck_flags,
	    .usage = "HEALTHCHECK [FLAGS] CMD COMMAND or HEALTHCHECK NONE",
	},
	{
	    .name = "LABEL",
	    .kind = INSTRUCTION_LABEL,
	    .syntax = ARGUMENTS_PAIRS,
	    .properties = INSTRUCTION_EXPANDS,
	    .min_arguments = 1,
	    .flags = no_flags,
	    .usage = "LABEL NAME=VALUE...",
	},
	{
	    .name = "MAINTAINER",
	    .kind = INSTRUCTION_MAINTAINER,
	    .syntax = ARGUMENTS_TEXT,
	    .properties = INSTRUCTION_NO_TRIGGER,
	    .min_arguments = 1,
	    .flags = no_flags,
	    .usage = "MAINTAINER NAME",
	},
	{
	    .name = "ONBUILD",
	    .kind = INSTRUCTION_ONBUILD,
	    .syntax = ARGUMENTS_INSTRUCTION,
	    .properties = INSTRUCTION_NO_TRIGGER,
	    .flags = no_flags,
	    .usage = "ONBUILD INSTRUCTION",
	},
	{
	    .name = "RUN",
	    .kind = INSTRUCTION_RUN,
	    .syntax = ARGUMENTS_COMMAND,
	    .properties = INSTRUCTION_MAKES_LAYER | INSTRUCTION_HEREDOCS,
	    .min_arguments = 1,
	    .flags = run_flags,
	    .usage = "RUN COMMAND or RUN [\"PROGRAM\", \"ARGUMENT\"...]",
	},
	{
	    .name = "SHELL",
	    .kind = INSTRUCTION_SHELL,
	    .syntax = ARGUMENTS_JSON,
	    .min_arguments = 1,
	    .flags = no_flags,
	    .usage = "SHELL [\"PROGRAM\", \"ARGUMENT\"...]",
	},
	{
	    .name = "STOPSIGNAL",
	    .kind = INSTRUCTION_STOPSIGNAL,
	    .syntax = ARGUMENTS_TEXT,
	    .properties = INSTRUCTION_EXPANDS,
	    .min_arguments = 1,
	    .flags = no_flags,
	    .usage = "STOPSIGNAL SIGNAL",
	},
	{
	    .name = "USER",
	    .kind = INSTRUCTION_USER,
	    .syntax = ARGUMENTS_TEXT,
	    .properties = INSTRUCTION_EXPANDS,
	    .min_arguments = 1,
	    .flags = no_flags,
	    .usage = "USER USER[:GROUP]",
	},
	{
	    .name = "VOLUME",
	    .kind = INSTRUCTION_VOLUME,
	    .syntax = ARGUMENTS_LIST,
	    .properties = INSTRUCTION_EXPANDS,
	    .min_arguments = 1,
	    .flags = no_flags,
	    .usage = "VOLUME PATH... or VOLUME [\"PATH\"...]",
	},
	{
	    .name = "WORKDIR",
	    .kind = INSTRUCTION_WORKDIR,
	    .syntax = ARGUMENTS_TEXT,
	    .properties = INSTRUCTION_MAKES_LAYER | INSTRUCTION_EXPANDS,
	    .min_arguments = 1,
	    .flags = no_flags,
	    .usage = "WORKDIR PATH",
	},
	{ 0 },
};

const struct instruction_def *
instruction_find(const char *name, size_t length)
{
	for (const struct instruction_def *d = instruction_table; d->name; d++)
		if (strlen(d->name) == length && strncasecmp(d->name, name, length) == 0)
			return d;
	return NULL;
}

const char *
instruction_suggest(const char *name)
{
	const char *names[INSTRUCTION_KINDS + 1] = { NULL };

	for (size_t i = 0; i < INSTRUCTION_KINDS; i++)
		names[i] = instruction_table[i].name;
	return text_suggest(name, names);
}

void
instruction_release(struct instruction *i)
{
	for (size_t n = 0; n < i->n_flags; n++)
		free(i->flags[n].value);
	for (size_t n = 0; n < i->n_words; n++)
		free(i->words[n].text);
	for (size_t n = 0; n < i->n_froms; n++)
		free(i->froms[n].text);
	for (size_t n = 0; n < i->n_pairs; n++) {
		free(i->pairs[n].name);
		free(i->pairs[n].value);
	}
	if (i->trigger)
		instruction_release(i->trigger);
	free(i->trigger);
	free(i->froms);
	free(i->flags);
	free(i->words);
	free(i->pairs);
	free(i->segments);
	free(i->text);
	free(i->comment);
	heredocs_release(&i->heredocs);
	*i = (struct instruction){ 0 };
}

struct location
instruction_locate(const struct instruction *i, uint32_t offset)
{
	const struct segment *s;
	size_t low = 0, high = i->n_segments;

	if (i->n_segments == 0)
		return (struct location){ i->line, 0 };
	while (high - low > 1) {
		size_t middle = low + (high - low) / 2;

		if (i->segments[middle].offset <= offset)
			low = middle;
		else
			high = middle;
	}
	s = &i->segments[low];
	return (struct location){ s->at.line, s->at.column + (offset - s->offset) };
}

struct location
instruction_location(const struct instruction *i)
{
	return instruction_locate(i, 0);
}

void
instruction_add_from(struct instruction *i, const char *name, uint32_t offset)
{
	i->froms = xrealloc(i->froms, i->n_froms + 1, sizeof(*i->froms));
	i->froms[i->n_froms++] = (struct word){ xstrdup(name), offset };
}

const char *
instruction_from_spelling(const struct instruction *i)
{
	return i->def->kind == INSTRUCTION_RUN ? "RUN --mount from" : "COPY --from";
}

const char *
instruction_arguments(const struct instruction *i)
{
	return i->text + i->arguments;
}

char *
instruction_description(const struct instruction *i, const char *name)
{
	const char *at = i->comment;
	size_t n = strlen(name);

	while (at && *at != '\0') {
		const char *line = at + strspn(at, " \t");
		size_t length = strcspn(line, "\n");

		if (length > n && strncasecmp(line, name, n) == 0 && line[n] == ' ')
			return xstrndup(line + n + 1, length - n - 1);
		at = line[length] == '\0' ? NULL : line + length + 1;
	}
	return NULL;
}

const struct flag *
instruction_flag(const struct instruction *i, const char *name)
{
	for (size_t n = i->n_flags; n > 0; n--)
		if (strcmp(i->flags[n - 1].def->name, name) == 0)
			return &i->flags[n - 1];
	return NULL;
}
