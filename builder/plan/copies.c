/* SPDX-License-Identifier: Apache-2.0 */
/*
 * copies - COPY and ADD: their flags, sources and destination.
 */
#include "builder/plan/planner.h"

#include "builder/dockerfile/glob.h"
#include "runtime/base/mem.h"
#include "runtime/base/path.h"
#include "runtime/base/text.h"

#include <string.h>

/** One COPY or ADD while it is read. */
struct copying {
	struct building *b;
	const struct instruction *i;
	struct plan_step *step;
	char *chown; /* expanded */
	char *chmod;
	struct buf words; /* sources and destination as the history shows them */
};

static bool
has_flag(const struct instruction *i, const char *name)
{
	const struct flag *flag = instruction_flag(i, name);

	return flag && strcmp(flag->value, "true") == 0;
}

/* ---- flags ---- */

static int
read_chown(struct copying *c)
{
	const struct flag *flag = instruction_flag(c->i, "chown");
	struct error e = ERROR_INIT;

	if (!flag)
		return 0;
	c->chown = planner_expand(c->b, c->i, flag->value, flag->offset);
	if (!c->chown)
		return -1;
	if (c->chown[0] == '\0')
		return 0;
	c->step->has_chown = true;
	if (user_parse(c->chown, &c->step->chown, &e) == 0)
		return 0;
	(void)error_ctx(&e, "%s --chown=%s", c->i->def->name, c->chown);
	return planner_error(c->b, c->i, flag->offset, &e);
}

static int
read_chmod(struct copying *c)
{
	const struct flag *flag = instruction_flag(c->i, "chmod");
	struct error e = ERROR_INIT;

	if (!flag)
		return 0;
	c->chmod = planner_expand(c->b, c->i, flag->value, flag->offset);
	if (!c->chmod)
		return -1;
	if (c->chmod[0] == '\0')
		return 0;
	c->step->has_chmod = true;
	if (mode_parse(c->chmod, &c->step->chmod, &e) == 0)
		return 0;
	(void)error_ctx(&e, "%s --chmod=%s", c->i->def->name, c->chmod);
	return planner_error(c->b, c->i, flag->offset, &e);
}

static int
read_from(struct copying *c)
{
	if (c->i->n_froms == 0)
		return 0;
	return planner_find_source(c->b, c->i, &c->i->froms[0], &c->step->source, &c->step->from);
}

/** --exclude: never expanded. */
static int
read_excludes(struct copying *c)
{
	int result = 0;

	for (size_t n = 0; n < c->i->n_flags; n++) {
		const struct flag *flag = &c->i->flags[n];
		struct error e = ERROR_INIT;

		if (strcmp(flag->def->name, "exclude") != 0)
			continue;
		strv_add(&c->step->exclude_texts, flag->value);
		if (ignore_add(&c->step->exclude, flag->value, &e) == 0)
			continue;
		(void)error_ctx(&e, "%s --exclude=%s", c->i->def->name, flag->value);
		result = planner_error(c->b, c->i, flag->offset, &e);
	}
	return result;
}

/**
 * --link makes a layer that nothing below has a part in; as in the reference builder not with --chmod, which then decides the
 * modes of directories that may be there.
 */
static void
read_link(struct copying *c)
{
	const struct flag *link = instruction_flag(c->i, "link");

	if (!has_flag(c->i, "link"))
		return;
	c->step->is_link = !c->step->has_chmod;
	if (c->step->has_chmod)
		diagnostics_note(c->b->p->diagnostics, instruction_locate(c->i, link->offset),
		    "%s --link has no effect beside --chmod, as with the reference builder",
		    c->i->def->name);
}

static int
read_flags(struct copying *c)
{
	const struct flag *unpack = instruction_flag(c->i, "unpack");
	int result = read_from(c);

	if (read_chown(c) < 0 || read_chmod(c) < 0 || read_excludes(c) < 0)
		result = -1;
	read_link(c);
	c->step->parents = has_flag(c->i, "parents");
	c->step->unpack = c->step->kind == PLAN_ADD;
	if (unpack)
		c->step->unpack = has_flag(c->i, "unpack");
	c->step->unpack_remotes = unpack && c->step->unpack;
	return result;
}

/** ADD --checksum: of one source that is fetched. */
static int
read_checksum(struct copying *c)
{
	const struct flag *flag = instruction_flag(c->i, "checksum");
	struct plan_remote *remote = c->step->n_remotes > 0 ? &c->step->remotes[0] : NULL;
	size_t count = c->i->n_words - 1 + c->i->heredocs.count;
	autofree char *text = NULL;
	struct error e = ERROR_INIT;

	if (!flag)
		return 0;
	text = planner_expand(c->b, c->i, flag->value, flag->offset);
	if (!text)
		return -1;
	if (count != 1)
		(void)error_set(
		    &e, ERR_INPUT, "ADD --checksum is for one source, and there are %zu", count);
	else if (!remote)
		(void)error_set(&e, ERR_INPUT,
		    "ADD --checksum is for what is fetched by HTTP or git, and not for %s",
		    c->i->n_words > 1 ? "a local path" : "a heredoc");
	else if (remote->source.kind == RESOURCE_HTTP &&
		 digest_parse(text, &remote->digest, &e) == 0)
		remote->has_digest = true;
	else if (remote->source.kind == RESOURCE_GIT)
		(void)resource_set_checksum(&remote->source, text, &e);
	if (e.kind == ERR_NONE)
		return 0;
	if (remote && count == 1)
		(void)error_ctx(&e, "ADD --checksum=%s", text);
	return planner_error(c->b, c->i, flag->offset, &e);
}

/** ADD --keep-git-dir, which what a URL says must not contradict. */
static int
read_keep_git_dir(struct copying *c)
{
	const struct flag *flag = instruction_flag(c->i, "keep-git-dir");
	struct error e = ERROR_INIT;
	bool has_repository = false;

	c->step->keep_git_dir = has_flag(c->i, "keep-git-dir");
	for (size_t n = 0; flag && n < c->step->n_remotes; n++) {
		enum resource_choice said = c->step->remotes[n].source.keep_git_dir;

		if (c->step->remotes[n].source.kind == RESOURCE_GIT)
			has_repository = true;
		if (said == RESOURCE_UNSAID || (said == RESOURCE_YES) == c->step->keep_git_dir)
			continue;
		(void)error_set(&e, ERR_INPUT, "ADD --keep-git-dir=%s, and '%s' says otherwise",
		    flag->value, c->step->remotes[n].text);
		return planner_error(c->b, c->i, flag->offset, &e);
	}
	if (c->step->keep_git_dir && !has_repository)
		(void)diagnostics_add(c->b->p->diagnostics, SEVERITY_WARNING,
		    instruction_locate(c->i, flag->offset),
		    "ADD --keep-git-dir has no effect: no source is a repository, as a URL whose "
		    "path ends in .git is");
	return 0;
}

/* ---- sources and destination ---- */

static int
check_source(struct error *e, const struct instruction *i, const char *source)
{
	if (source[0] == '\0')
		return error_set(e, ERR_INPUT, "a source is empty once variables are replaced");
	if (resource_is_remote(source) && i->def->kind == INSTRUCTION_COPY)
		return error_set(e, ERR_INPUT, "COPY takes no URL: '%s'", source);
	return glob_check(source, e);
}

/** Adds @source as seen from the root: clean, without '/' in front, "." for the root itself. */
static void
add_source(struct plan_step *step, const char *source)
{
	const char *pivot = step->parents ? strstr(source, "/./") : NULL;
	autofree char *before = xstrndup(source, pivot ? (size_t)(pivot - source) : 0);
	autofree char *base = path_absolute(before);
	autofree char *path = path_absolute(pivot ? pivot + 2 : source);
	const char *relative = path[1] == '\0' ? "." : path + 1;

	if (base[1] == '\0')
		strv_add(&step->sources, relative);
	else
		strv_printf(&step->sources, "%s/./%s", base + 1, relative);
}

/** Something to be fetched. */
static int
add_remote(struct plan_step *step, const char *text, struct error *e)
{
	struct plan_remote remote = { .position = step->sources.count };

	if (resource_parse(text, &remote.source, e) < 0)
		return -1;
	remote.text = xstrdup(text);
	step->remotes = xrealloc(step->remotes, step->n_remotes + 1, sizeof(*step->remotes));
	step->remotes[step->n_remotes++] = remote;
	return 0;
}

/** Absolute and clean; a slash at the end says that it is a folder. */
static char *
make_destination(const struct building *b, const char *text)
{
	autofree char *joined = path_join(steps_workdir(b), text[0] == '\0' ? "." : text);
	char *path = path_absolute(joined);
	size_t length = strlen(text);
	char *slashed;

	if (path[1] == '\0' || (length > 0 && strcmp(text, ".") != 0 && text[length - 1] != '/'))
		return path;
	slashed = xasprintf("%s/", path);
	free(path);
	return slashed;
}

/** Sources that stand in the Dockerfile itself; they come behind the others. */
static int
read_files(struct copying *c)
{
	for (size_t n = 0; n < c->i->heredocs.count; n++) {
		const struct heredoc *doc = &c->i->heredocs.items[n];
		char *content = planner_expand_body(c->b, c->i, doc);

		if (!content)
			return -1;
		steps_add_file(c->step, doc->word, content);
		buf_printf(&c->words, " <<%s", doc->word);
	}
	return 0;
}

/** A password in a URL is for the server alone. */
static void
add_shown(struct copying *c, const char *text)
{
	autofree char *shown = resource_is_remote(text) ? resource_shown(text) : xstrdup(text);

	buf_printf(&c->words, " %s", shown);
}

static int
read_word(struct copying *c, size_t n)
{
	const struct word *word = &c->i->words[n];
	autofree char *text = planner_expand(c->b, c->i, word->text, word->offset);
	struct error e = ERROR_INIT;

	if (!text || (n + 1 == c->i->n_words && read_files(c) < 0))
		return -1;
	add_shown(c, text);
	if (n + 1 == c->i->n_words) {
		c->step->destination = make_destination(c->b, text);
		return 0;
	}
	if (resource_is_remote(text) && c->step->kind == PLAN_ADD)
		return add_remote(c->step, text, &e) < 0
		           ? planner_error(c->b, c->i, word->offset, &e)
		           : 0;
	add_source(c->step, text);
	plan_lint_source(c->b, c->i, word, text);
	return check_source(&e, c->i, text) < 0 ? planner_error(c->b, c->i, word->offset, &e) : 0;
}

/* ---- the step ---- */

/** What it is called in the display and in the history. */
static void
name_step(struct copying *c)
{
	const struct flag *from = instruction_flag(c->i, "from");
	struct plan_step *step = c->step;
	auto(buf) struct buf shown = { 0 }, flags = { 0 };

	if (from)
		buf_printf(&shown, " --from=%s", from->value);
	if (step->is_link)
		buf_add_text(&shown, " --link");
	for (size_t n = 0; n < step->exclude_texts.count; n++)
		buf_printf(&shown, " --exclude=%s", step->exclude_texts.items[n]);
	if (step->parents)
		buf_add_text(&flags, " --parents");
	if (step->has_chown)
		buf_printf(&flags, " --chown=%s", c->chown);
	if (step->has_chmod)
		buf_printf(&flags, " --chmod=%s", c->chmod);
	step->text = xasprintf(
	    "%s%s%s%s", c->i->def->name, buf_text(&shown), buf_text(&flags), buf_text(&c->words));
	step->created_by =
	    xasprintf("%s%s%s # buildkit", c->i->def->name, buf_text(&flags), buf_text(&c->words));
}

int
copies_apply(struct building *b, const struct instruction *i)
{
	struct copying c = { .b = b, .i = i };
	int result;

	c.step = steps_add(b, i->def->kind == INSTRUCTION_ADD ? PLAN_ADD : PLAN_COPY, i);
	result = read_flags(&c);
	for (size_t n = 0; n < i->n_words; n++)
		if (read_word(&c, n) < 0)
			result = -1;
	if (read_checksum(&c) < 0 || read_keep_git_dir(&c) < 0)
		result = -1;
	c.step->workdir = xstrdup(steps_workdir(b));
	name_step(&c);
	if (result == 0)
		record_copy(c.step, c.chown, c.chmod);
	free(c.chown);
	free(c.chmod);
	buf_release(&c.words);
	return result;
}

void
copies_add_context(struct building *b, size_t context)
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
