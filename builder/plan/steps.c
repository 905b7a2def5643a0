/* SPDX-License-Identifier: Apache-2.0 */
/*
 * steps - RUN, COPY, ADD and WORKDIR: what makes a layer.
 */
#include "builder/plan/planner.h"

#include "builder/dockerfile/glob.h"
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
		.is_trigger = b->is_trigger,
		.line = i ? i->line : stage->line,
		.end_line = i ? i->end_line : stage->end_line,
		.empty_layer = kind == PLAN_METADATA,
	};
	return step;
}

static const char *
current_workdir(const struct building *b)
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

static void
add_file(struct plan_step *step, const char *name, char *content)
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
	add_file(step, i->heredocs.items[0].word, content);
	return xasprintf(PLAN_SCRIPTS "/%s", i->heredocs.items[0].word);
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
		step->text = xasprintf("RUN %s", whole ? summary : instruction_arguments(i));
		return;
	}
	for (size_t n = 0; n < i->n_words; n++)
		strv_add(&step->argv, i->words[n].text);
	step->text = xasprintf("RUN %s", instruction_arguments(i));
}

static int
apply_run(struct building *b, const struct instruction *i)
{
	struct plan_step *step = steps_add(b, PLAN_RUN, i);
	auto(buf) struct buf text = { 0 };
	autofree char *joined = NULL;

	set_command(b, i, step);
	make_environment(b, &step->env);
	if (planner_count(b, i, environment_bytes(&step->env)) < 0)
		return -1;
	step->workdir = xstrdup(current_workdir(b));
	step->user = xstrdup(b->config->user ? b->config->user : "");
	joined = strv_join(&step->argv, " ");
	buf_add_text(&text, "RUN ");
	history_add_arguments(&text, b);
	buf_printf(&text, "%s # buildkit", joined);
	step->created_by = buf_steal(&text);
	record_run(step);
	return 0;
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
	joined = path_join(current_workdir(b), text);
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

/** Is @source something to be fetched? */
static bool
is_remote(const char *source)
{
	static const char *const prefixes[] = { "http://", "https://", "git://", "ssh://", "git@" };

	for (size_t n = 0; n < ARRAY_LEN(prefixes); n++)
		if (text_starts_with(source, prefixes[n]))
			return true;
	return false;
}

static int
check_source(struct error *e, const struct instruction *i, const char *source)
{
	if (source[0] == '\0')
		return error_set(e, ERR_INPUT, "a source is empty once variables are replaced");
	if (is_remote(source) && i->def->kind == INSTRUCTION_COPY)
		return error_set(e, ERR_INPUT, "COPY takes no URL: '%s'", source);
	if (is_remote(source))
		return error_set(e, ERR_INPUT,
		    "ADD of the URL '%s' is not supported by this version of croze", source);
	return glob_check(source, e);
}

/** Adds @source as seen from the root: clean, without '/' in front, "." for the root itself. */
static void
add_source(struct plan_step *step, const char *source)
{
	autofree char *path = path_absolute(source);

	strv_add(&step->sources, path[1] == '\0' ? "." : path + 1);
}

/** Absolute and clean; a slash at the end says that it is a folder. */
static char *
make_destination(const struct building *b, const char *text)
{
	autofree char *joined = path_join(current_workdir(b), text[0] == '\0' ? "." : text);
	char *path = path_absolute(joined);
	size_t length = strlen(text);
	char *slashed;

	if (path[1] == '\0' || (length > 0 && strcmp(text, ".") != 0 && text[length - 1] != '/'))
		return path;
	slashed = xasprintf("%s/", path);
	free(path);
	return slashed;
}

/** --chown and --chmod. The texts are to be freed. */
struct owner_texts {
	char *chown;
	char *chmod;
};

static int
read_chown(struct building *b, const struct instruction *i, struct plan_step *step, char **text)
{
	const struct flag *flag = instruction_flag(i, "chown");
	struct error e = ERROR_INIT;

	if (!flag)
		return 0;
	*text = planner_expand(b, i, flag->value, flag->offset);
	if (!*text)
		return -1;
	if ((*text)[0] == '\0')
		return 0;
	step->has_chown = true;
	if (user_parse(*text, &step->chown, &e) == 0)
		return 0;
	(void)error_ctx(&e, "%s --chown=%s", i->def->name, *text);
	return planner_error(b, i, flag->offset, &e);
}

static int
read_chmod(struct building *b, const struct instruction *i, struct plan_step *step, char **text)
{
	const struct flag *flag = instruction_flag(i, "chmod");
	struct error e = ERROR_INIT;

	if (!flag)
		return 0;
	*text = planner_expand(b, i, flag->value, flag->offset);
	if (!*text)
		return -1;
	if ((*text)[0] == '\0')
		return 0;
	step->has_chmod = true;
	if (mode_parse(*text, &step->chmod, &e) == 0)
		return 0;
	(void)error_ctx(&e, "%s --chmod=%s", i->def->name, *text);
	return planner_error(b, i, flag->offset, &e);
}

static int
read_source(struct building *b, const struct instruction *i, struct plan_step *step)
{
	const struct flag *from = instruction_flag(i, "from");
	struct origin origin;

	if (!from)
		return 0;
	origin = stages_origin(b->p, i, from, b->number);
	if (origin.kind == ORIGIN_NONE)
		return -1;
	step->from = origin.index;
	if (origin.kind == ORIGIN_CONTEXT)
		step->source = PLAN_FROM_NAMED_CONTEXT;
	if (origin.kind == ORIGIN_IMAGE)
		step->source = PLAN_FROM_IMAGE;
	if (origin.kind != ORIGIN_STAGE)
		return 0;
	step->source = PLAN_FROM_STAGE;
	step->from = b->p->nodes[origin.index].planned;
	return b->p->nodes[origin.index].is_planned ? 0 : -1;
}

/** Sources and destination; appends them to @text as they are shown. */
static int
read_paths(
    struct building *b, const struct instruction *i, struct plan_step *step, struct buf *text)
{
	int result = 0;

	for (size_t n = 0; n < i->n_words; n++) {
		autofree char *word = planner_expand(b, i, i->words[n].text, i->words[n].offset);
		struct error e = ERROR_INIT;

		if (!word) {
			result = -1;
			continue;
		}
		buf_printf(text, " %s", word);
		if (n + 1 == i->n_words) {
			step->destination = make_destination(b, word);
			continue;
		}
		add_source(step, word);
		if (check_source(&e, i, word) < 0)
			result = planner_error(b, i, i->words[n].offset, &e);
	}
	return result;
}

/** Sources that stand in the Dockerfile itself. */
static int
read_files(
    struct building *b, const struct instruction *i, struct plan_step *step, struct buf *text)
{
	struct error e = ERROR_INIT;

	for (size_t n = 0; n < i->heredocs.count; n++) {
		const struct heredoc *doc = &i->heredocs.items[n];
		char *content = planner_expand_body(b, i, doc);

		if (!content)
			return -1;
		add_file(step, doc->word, content);
		buf_printf(text, " <<%s", doc->word);
	}
	if (step->n_files == 0)
		return 0;
	(void)error_set(&e, ERR_INPUT,
	    "the heredoc '%s' of %s is not supported by this version of croze", step->files[0].name,
	    i->def->name);
	return planner_error(b, i, i->heredocs.items[0].offset, &e);
}

static int
apply_copy(struct building *b, const struct instruction *i)
{
	bool is_add = i->def->kind == INSTRUCTION_ADD;
	struct plan_step *step = steps_add(b, is_add ? PLAN_ADD : PLAN_COPY, i);
	const struct flag *from = instruction_flag(i, "from");
	autofree char *chown = NULL, *chmod = NULL;
	auto(buf) struct buf flags = { 0 }, paths = { 0 };
	int result = 0;

	if (read_source(b, i, step) < 0)
		result = -1;
	if (read_chown(b, i, step, &chown) < 0 || read_chmod(b, i, step, &chmod) < 0)
		result = -1;
	if (read_files(b, i, step, &paths) < 0 || read_paths(b, i, step, &paths) < 0)
		result = -1;
	step->workdir = xstrdup(current_workdir(b));
	if (step->has_chown)
		buf_printf(&flags, " --chown=%s", chown);
	if (step->has_chmod)
		buf_printf(&flags, " --chmod=%s", chmod);
	step->text = xasprintf("%s%s%s%s%s", i->def->name, from ? " --from=" : "",
	    from ? from->value : "", buf_text(&flags), buf_text(&paths));
	step->created_by =
	    xasprintf("%s%s%s # buildkit", i->def->name, buf_text(&flags), buf_text(&paths));
	if (result == 0)
		record_copy(step, chown, chmod);
	return result;
}

void
steps_add_context(struct building *b, size_t context)
{
	struct plan_step *step = steps_add(b, PLAN_COPY, NULL);

	step->source = PLAN_FROM_NAMED_CONTEXT;
	step->from = context;
	strv_add(&step->sources, ".");
	step->destination = xstrdup("/");
	step->workdir = xstrdup("/");
	step->text = xstrdup("COPY . /");
	step->created_by = xstrdup("COPY . / # buildkit");
	record_copy(step, NULL, NULL);
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
		return apply_copy(b, i);
	case INSTRUCTION_ARG:
		return arguments_apply(b, i);
	default:
		return metadata_apply(b, i);
	}
}
