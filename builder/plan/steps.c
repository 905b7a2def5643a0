/* SPDX-License-Identifier: Apache-2.0 */
/*
 * steps - RUN and WORKDIR; COPY and ADD, which make layers too, are in copies.c.
 */
#include "builder/plan/planner.h"

#include "runtime/base/mem.h"
#include "runtime/base/path.h"
#include "runtime/base/text.h"

#include <string.h>

struct plan_step *
steps_add(struct building *b, enum plan_step_kind kind, const struct instruction *i)
{
	struct plan_stage *stage = &b->p->plan->stages[b->index];
	struct plan_step *step;

	(void)xgrow(&stage->steps, stage->n_steps, &stage->steps_room, sizeof(*stage->steps));
	step = &stage->steps[stage->n_steps++];
	*step = (struct plan_step){
		.kind = kind,
		.instruction = i,
		.line = i ? i->line : stage->line,
		.end_line = i ? i->end_line : stage->end_line,
		.empty_layer = kind == PLAN_METADATA,
	};
	return step;
}

const char *
steps_workdir(const struct building *b)
{
	return b->config->workdir && b->config->workdir[0] ? b->config->workdir : "/";
}

/** The environment of a RUN: ENV, then the ARGs that no ENV hides. */
static void
make_environment(const struct building *b, struct strv *env)
{
	strv_copy(env, &b->config->env);
	for (size_t n = 0; n < b->arguments.count; n++) {
		const struct argument *a = &b->arguments.items[n];

		if (a->value && !env_get(&b->config->env, a->name) &&
		    !text_starts_with(a->name, "BUILDKIT_SBOM_"))
			env_set(env, a->name, a->value);
	}
	if (!env_get(env, "PATH"))
		env_set(env, "PATH", PLAN_DEFAULT_PATH);
}

static size_t
environment_bytes(const struct strv *env)
{
	size_t bytes = 0;

	for (size_t n = 0; n < env->count; n++)
		bytes += strlen(env->items[n]) + sizeof(char *);
	return bytes;
}

void
steps_add_file(struct plan_step *step, const char *name, char *content)
{
	step->files = xrealloc(step->files, step->n_files + 1, sizeof(*step->files));
	step->files[step->n_files++] = (struct plan_file){ xstrdup(name), content };
}

/** "<<EOF (make)": the first line of the script with something in it. To be freed. */
static char *
summarize(const struct heredoc *doc)
{
	const char *line = doc->body;
	size_t length = 0;
	bool more;

	while (*line != '\0') {
		line += strspn(line, " \t");
		length = strcspn(line, "\r\n");
		if (length > 0 && *line != '#')
			break;
		line += length + (line[length] != '\0');
		length = 0;
	}
	if (length == 0) {
		line = doc->body;
		length = strcspn(line, "\r\n");
	}
	more = length > 0 && line[length] != '\0' && line[length + 1] != '\0';
	return xasprintf("<<%s (%.*s%s)", doc->word, (int)length, line, more ? "..." : "");
}

/**
 * The command of a shell form with heredocs: a script of the current shell, a file that is executed,
 * or the text with all bodies, which the shell feeds to where it says.
 */
static char *
heredoc_command(struct plan_step *step, const struct instruction *i)
{
	const char *text = instruction_arguments(i);
	char *content;

	if (!heredoc_is_whole(&i->heredocs, text, i->arguments))
		return heredocs_join(&i->heredocs, text);
	content = heredoc_content(&i->heredocs.items[0]);
	if (!text_starts_with(content, "#!"))
		return content;
	steps_add_file(step, i->heredocs.items[0].word, content);
	return xasprintf(PLAN_SCRIPTS "/%s", i->heredocs.items[0].word);
}

/** "RUN --mount=... command" in one line. To be freed. */
static char *
shown_run(const struct instruction *i, const char *command)
{
	struct buf b = { 0 };

	buf_add_text(&b, "RUN ");
	for (size_t n = 0; n < i->n_flags; n++)
		buf_printf(&b, "--%s=%s ", i->flags[n].def->name, i->flags[n].value);
	buf_add_text(&b, command);
	return buf_steal(&b);
}

static void
set_command(struct building *b, const struct instruction *i, struct plan_step *step)
{
	if (i->form == FORM_SHELL)
		strv_append(&step->argv, &b->config->shell);
	if (i->form == FORM_SHELL && b->config->shell.count == 0) {
		strv_add(&step->argv, "/bin/sh");
		strv_add(&step->argv, "-c");
	}
	if (i->heredocs.count > 0) {
		autofree char *summary = summarize(&i->heredocs.items[0]);
		bool whole = heredoc_is_whole(&i->heredocs, instruction_arguments(i), i->arguments);

		strv_take(&step->argv, heredoc_command(step, i));
		step->text = shown_run(i, whole ? summary : instruction_arguments(i));
		return;
	}
	for (size_t n = 0; n < i->n_words; n++)
		strv_add(&step->argv, i->words[n].text);
	step->text = shown_run(i, instruction_arguments(i));
}

static int
apply_run(struct building *b, const struct instruction *i)
{
	struct plan_step *step = steps_add(b, PLAN_RUN, i);
	int result;
	auto(buf) struct buf text = { 0 };
	autofree char *joined = NULL;

	set_command(b, i, step);
	make_environment(b, &step->env);
	if (planner_count(b, i, environment_bytes(&step->env)) < 0)
		return -1;
	step->workdir = xstrdup(steps_workdir(b));
	step->user = xstrdup(b->config->user ? b->config->user : "");
	joined = strv_join(&step->argv, " ");
	buf_add_text(&text, "RUN ");
	history_add_arguments(&text, b);
	buf_printf(&text, "%s # buildkit", joined);
	step->created_by = buf_steal(&text);
	result = mounts_apply(b, i, step);
	if (result == 0)
		record_run(b->p->options, &b->config->platform, step);
	return result;
}

static int
apply_workdir(struct building *b, const struct instruction *i)
{
	autofree char *text = planner_expand(b, i, i->words[0].text, i->words[0].offset);
	autofree char *joined = NULL, *path = NULL;
	struct plan_step *step;
	struct error e = ERROR_INIT;

	if (!text)
		return -1;
	if (text[0] == '\0') {
		(void)error_set(&e, ERR_INPUT, "WORKDIR is empty once variables are replaced");
		return planner_error(b, i, i->words[0].offset, &e);
	}
	plan_lint_workdir(b, i, text);
	joined = path_join(steps_workdir(b), text);
	path = path_absolute(joined);
	image_config_set_text(&b->config->workdir, path);
	step = steps_add(b, strcmp(path, "/") == 0 ? PLAN_METADATA : PLAN_WORKDIR, i);
	step->text = xasprintf("WORKDIR %s", path);
	step->created_by = xstrdup(step->text);
	if (step->kind == PLAN_METADATA)
		return 0;
	step->workdir = xstrdup(path);
	step->user = xstrdup(b->config->user ? b->config->user : "");
	record_workdir(step);
	return 0;
}

int
steps_apply(struct building *b, const struct instruction *i)
{
	switch (i->def->kind) {
	case INSTRUCTION_RUN:
		return apply_run(b, i);
	case INSTRUCTION_WORKDIR:
		return apply_workdir(b, i);
	case INSTRUCTION_COPY:
	case INSTRUCTION_ADD:
		return copies_apply(b, i);
	case INSTRUCTION_ARG:
		return arguments_apply(b, i);
	default:
		return metadata_apply(b, i);
	}
}
