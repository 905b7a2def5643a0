/* SPDX-License-Identifier: Apache-2.0 */
/*
 * findings_start - the final user, and whether the program of ENTRYPOINT and CMD can be started by that user.
 */
#include "builder/build/findings.h"

#include "runtime/base/mem.h"
#include "runtime/base/path.h"
#include "runtime/base/text.h"

#include <string.h>
#include <sys/stat.h>

/* ---- the user ---- */

static int
find_user(struct look *l, struct error *e)
{
	const char *spec = l->config->user ? l->config->user : "";
	struct user_files files = { 0 };
	struct error unknown = ERROR_INIT;
	int ok = 0;

	/* a number alone takes its group from passwd, too */
	if (*spec != '\0' &&
	    (final_tree_text(&l->tree, "etc/passwd", USER_FILE_MAX, &files.passwd, e) < 0 ||
		final_tree_text(&l->tree, "etc/group", USER_FILE_MAX, &files.group, e) < 0))
		ok = -1;
	if (ok == 0)
		l->has_user = user_resolve(&files, spec, &l->user, &unknown) == 0;
	user_files_release(&files);
	if (ok < 0)
		return -1;
	l->found->runs_as_root = l->has_user && l->user.uid == 0;
	if (!l->has_user)
		findings_add(l, "UnknownUser", findings_line(l->b, INSTRUCTION_USER),
		    xasprintf("the image cannot be started as USER %s: %s", spec, unknown.text),
		    xstrdup(
			"name a user that /etc/passwd of the last stage has, make one there, or "
			"write a number: USER 65532:65532"));
	return 0;
}

static bool
in_group(const struct user *u, gid_t gid)
{
	for (size_t n = 0; n < u->n_groups; n++)
		if (u->groups[n] == gid)
			return true;
	return u->gid == gid;
}

static bool
may_execute(const struct user *u, const struct tree_item *item)
{
	if (u->uid == 0)
		return S_ISDIR(item->mode) || item->mode & 0111;
	if (u->uid == item->uid)
		return item->mode & 0100;
	return item->mode & (in_group(u, item->gid) ? 0010 : 0001);
}

/* The first directory on the way to @path (resolved) that the user may not enter; NULL. To be freed. */
static char *
closed_directory(const struct look *l, const char *path, struct tree_item *item)
{
	autofree char *parent = xstrdup(path);
	struct error ignored = ERROR_INIT; /* what is not there is no obstacle */

	for (char *slash = strchr(parent, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (tree_lookup(l->tree.tree, parent, item, &ignored) == 1 &&
		    !may_execute(&l->user, item))
			return xstrdup(parent);
		*slash = '/';
	}
	return NULL;
}

/* ---- the program ---- */

/* Where ENTRYPOINT or CMD, whichever names the program, stands. */
struct start {
	const char *program; /* as written */
	const char *what;    /* "ENTRYPOINT" */
	uint32_t line;
	const struct strv *command;
};

static bool
find_start(const struct look *l, struct start *s)
{
	bool entrypoint = l->config->entrypoint.count > 0;

	s->command = entrypoint ? &l->config->entrypoint : &l->config->cmd;
	if (s->command->count == 0 || s->command->items[0][0] == '\0')
		return false;
	s->program = s->command->items[0];
	s->what = entrypoint ? "ENTRYPOINT" : "CMD";
	s->line = findings_line(l->b, entrypoint ? INSTRUCTION_ENTRYPOINT : INSTRUCTION_CMD);
	return true;
}

/* PATH as execvp() has it; each directory absolute. */
static void
path_directories(const struct look *l, struct strv *directories)
{
	const char *path = env_get(&l->config->env, "PATH");
	const char *workdir = l->config->workdir ? l->config->workdir : "/";
	auto(strv) struct strv parts = { 0 };

	strv_split(&parts, path ? path : PLAN_DEFAULT_PATH, ':');
	for (size_t n = 0; n < parts.count; n++)
		strv_take(directories, path_join(workdir, parts.items[n]));
}

bool
findings_in_path(const struct look *l, const char *name, char **path)
{
	auto(strv) struct strv directories = { 0 };

	path_directories(l, &directories);
	for (size_t n = 0; n < directories.count; n++) {
		autofree char *file = path_join(directories.items[n], name);

		if (final_tree_has(&l->tree, file, path))
			return true;
	}
	return false;
}

/* "; near it: '/app/server'", or nothing. To be freed. */
static char *
near_text(const struct look *l, const char *path)
{
	auto(strv) struct strv near = { 0 };
	struct buf b = { 0 };

	tree_suggest(l->tree.tree, path, 3, &near);
	for (size_t n = 0; n < near.count; n++)
		buf_printf(&b, "%s'%s%s'", n == 0 ? "; there is " : ", ",
		    near.items[n][0] == '/' ? "" : "/", near.items[n]);
	return buf_steal(&b);
}

static void
add_missing(struct look *l, const struct start *s, const char *path)
{
	autofree char *near = near_text(l, path);
	bool is_shell = s->command->count > 1 && strcmp(s->command->items[1], "-c") == 0 &&
	                strcmp(s->program, "/bin/sh") == 0;

	if (is_shell)
		findings_add(l, "EntrypointMissing", s->line,
		    xasprintf("%s is in shell form and needs '/bin/sh', which the image does not "
			      "have",
			s->what),
		    xasprintf("write it as JSON list: %s [\"program\", \"argument\"]", s->what));
	else if (strchr(s->program, '/'))
		findings_add(l, "EntrypointMissing", s->line,
		    xasprintf("%s starts '%s', which the image does not have%s", s->what,
			s->program, near),
		    xstrdup(
			"check where COPY --from takes it from and puts it; --target STAGE shows "
			"the stage that makes it"));
	else
		findings_add(l, "EntrypointMissing", s->line,
		    xasprintf("%s starts '%s', which is in no directory of PATH%s", s->what,
			s->program, near),
		    xstrdup("name it with its path, or put it into a directory of PATH"));
}

static void
add_closed(struct look *l, const struct start *s, const char *path, const char *directory,
    const struct tree_item *item)
{
	findings_add(l, "EntrypointNotReachable", s->line,
	    xasprintf(
		"USER %s cannot enter '/%s' (mode %04o, owner %u:%u) on the way to '/%s', which "
		"%s starts",
		l->config->user, directory, (unsigned)(item->mode & 07777), (unsigned)item->uid,
		(unsigned)item->gid, path, s->what),
	    xstrdup(
		"copy it to a directory that everybody may enter, such as /app or /usr/local/bin, "
		"or COPY --chown=USER it"));
}

static void
add_not_executable(
    struct look *l, const struct start *s, const char *path, const struct tree_item *item)
{
	const char *user = l->config->user && *l->config->user ? l->config->user : "root";

	findings_add(l, "EntrypointNotExecutable", findings_line_of(l, path, s->line),
	    xasprintf("USER %s cannot execute '/%s' (mode %04o, owner %u:%u), which %s at line %u "
		      "starts",
		user, path, (unsigned)(item->mode & 07777), (unsigned)item->uid,
		(unsigned)item->gid, s->what, (unsigned)s->line),
	    xasprintf(item->mode & 0111 ? "copy it with COPY --chown=%s, or --chmod=0755"
					: "copy it with COPY --chmod=0755, or chmod +x it before",
		user));
}

/* Can the user start the file at @path? Adds why not. 1 when all is well. */
static int
check_access(struct look *l, const struct start *s, const char *path, struct error *e)
{
	struct tree_item item;
	autofree char *closed = closed_directory(l, path, &item);
	int found;

	if (closed) {
		add_closed(l, s, path, closed, &item);
		return 0;
	}
	found = tree_lookup(l->tree.tree, path, &item, e);
	if (found < 0)
		return -1;
	if (S_ISDIR(item.mode)) {
		findings_add(l, "EntrypointNotExecutable", s->line,
		    xasprintf("%s starts '/%s', which is a directory", s->what, path),
		    xstrdup("name the program in it"));
		return 0;
	}
	if (may_execute(&l->user, &item))
		return 1;
	add_not_executable(l, s, path, &item);
	return 0;
}

/* In PATH the first file that the user can start counts, as for execvp(); else the first that is there. */
static bool
choose_in_path(const struct look *l, const char *name, char **path)
{
	auto(strv) struct strv directories = { 0 };
	autofree char *first = NULL;

	path_directories(l, &directories);
	for (size_t n = 0; n < directories.count; n++) {
		autofree char *file = path_join(directories.items[n], name);
		autofree char *resolved = NULL, *closed = NULL;
		struct error ignored = ERROR_INIT;
		struct tree_item item;

		if (!final_tree_has(&l->tree, file, &resolved))
			continue;
		closed = closed_directory(l, resolved, &item);
		if (!closed && tree_lookup(l->tree.tree, resolved, &item, &ignored) == 1 &&
		    !S_ISDIR(item.mode) && may_execute(&l->user, &item)) {
			*path = steal_ptr(&resolved);
			return true;
		}
		if (!first)
			first = steal_ptr(&resolved);
	}
	*path = steal_ptr(&first);
	return *path != NULL;
}

static bool
find_program(const struct look *l, const char *program, char **path, char **asked)
{
	const char *workdir = l->config->workdir ? l->config->workdir : "/";

	if (!strchr(program, '/')) {
		*asked = xstrdup(program);
		return choose_in_path(l, program, path);
	}
	*asked = path_join(workdir, program);
	return final_tree_has(&l->tree, *asked, path);
}

static int
check_program(struct look *l, const struct start *s, struct error *e)
{
	autofree char *path = NULL, *asked = NULL;
	int ok;

	if (!find_program(l, s->program, &path, &asked)) {
		add_missing(l, s, asked[0] == '/' ? asked + 1 : asked);
		return 0;
	}
	ok = check_access(l, s, path, e);
	return ok == 1 ? findings_needs(l, path, e) : ok;
}

/* The program that a shell form starts, when it is one word with a path; NULL. To be freed. */
static char *
program_of_shell(const struct start *s)
{
	const char *text;
	size_t length;

	if (s->command->count != 3 || strcmp(s->command->items[1], "-c") != 0)
		return NULL;
	text = s->command->items[2];
	if (text_starts_with(text, "exec "))
		text += strlen("exec ");
	text += strspn(text, " ");
	length = strcspn(text, " ");
	if (text[0] != '/' || strcspn(text, "$`\\\"'*?[;&|<>(){}~=") < length)
		return NULL;
	return xstrndup(text, length);
}

int
findings_start(struct look *l, struct error *e)
{
	struct start s;
	autofree char *inner = NULL;
	size_t before;

	if (find_user(l, e) < 0)
		return -1;
	if (!l->has_user || !find_start(l, &s))
		return 0;
	before = l->found->count;
	if (check_program(l, &s, e) < 0)
		return -1;
	inner = program_of_shell(&s);
	if (!inner || l->found->count > before)
		return 0;
	s.program = inner;
	return check_program(l, &s, e);
}
