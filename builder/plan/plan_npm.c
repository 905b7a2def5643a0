/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plan_npm - the lint rule NpmDevDependencies: a build script that needs what was left out.
 *
 * `npm ci --only=production` and then `npm run build` is right as long as the script is made of
 * nothing but production dependencies. package.json of the build context says whether it is: the
 * words that begin the script's commands are looked for among devDependencies.
 */
#include "builder/plan/plan_npm.h"

#include "runtime/base/json.h"
#include "runtime/base/mem.h"
#include "runtime/base/path.h"
#include "runtime/base/text.h"

#include <ctype.h>
#include <string.h>

#define PACKAGE_FILE "package.json"
#define SCRIPT_DEPTH 5

/** Packages whose program has another name than they have. */
static const struct {
	const char *package, *program;
} programs[] = {
	{ "typescript", "tsc" },
	{ "@angular/cli", "ng" },
	{ "@babel/cli", "babel" },
	{ "@nestjs/cli", "nest" },
	{ "@sveltejs/kit", "svelte-kit" },
	{ "@vue/cli-service", "vue-cli-service" },
	{ "@tailwindcss/cli", "tailwindcss" },
	{ "@swc/cli", "swc" },
	{ "@biomejs/biome", "biome" },
	{ "webpack-cli", "webpack" },
	{ "gulp-cli", "gulp" },
	{ "grunt-cli", "grunt" },
	{ "npm-run-all", "run-s" },
	{ "parcel-bundler", "parcel" },
	{ "vue-tsc", "vue-tsc" },
};

/* ---- commands of a shell text ---- */

/** The words of the simple command at *@at, which moves behind it; false at the end. */
static bool
next_command(const char **at, struct strv *words)
{
	const char *p = *at + strspn(*at, " \t\n;&|()");

	strv_clear(words);
	while (*p != '\0' && !strchr("\n;&|()", *p)) {
		const char *start = p;
		char quote = '\0';

		for (; *p != '\0' && (quote || !strchr(" \t\n;&|()", *p)); p++)
			if (quote ? *p == quote : *p == '"' || *p == '\'')
				quote = quote ? '\0' : *p;
		strv_take(words, xstrndup(start, (size_t)(p - start)));
		p += strspn(p, " \t");
	}
	*at = p;
	return words->count > 0;
}

static bool
is_assignment(const char *word)
{
	size_t n = strspn(word, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_");

	return n > 0 && word[n] == '=';
}

/** Drops VARIABLE=value and what only starts another command. */
static void
drop_prefixes(struct strv *words)
{
	static const char *const starters[] = { "cross-env", "npx", "exec", "env", "time" };

	while (words->count > 1) {
		bool drop = is_assignment(words->items[0]);

		for (size_t n = 0; n < ARRAY_LEN(starters) && !drop; n++)
			drop = strcmp(words->items[0], starters[n]) == 0;
		if (!drop)
			return;
		strv_remove(words, 0);
	}
}

static bool
is_word(const struct strv *words, size_t n, const char *text)
{
	return n < words->count && strcmp(words->items[n], text) == 0;
}

/** Does this command install packages without the dev dependencies? */
static bool
installs_production(const struct strv *words, bool production_env)
{
	static const char *const flags[] = { "--only=production", "--only=prod", "--omit=dev",
		"--production", "--production=true", "--prod", "-P" };
	bool npm =
	    is_word(words, 0, "npm") || is_word(words, 0, "yarn") || is_word(words, 0, "pnpm");
	bool install = is_word(words, 1, "ci") || is_word(words, 1, "install") ||
	               is_word(words, 1, "i") || is_word(words, 1, "clean-install");

	if (!npm || !install)
		return false;
	for (size_t n = 2; n < words->count; n++)
		for (size_t m = 0; m < ARRAY_LEN(flags); m++)
			if (strcmp(words->items[n], flags[m]) == 0)
				return true;
	return production_env && !strv_has(words, "--include=dev") &&
	       !strv_has(words, "--production=false");
}

static bool
installs_all(const struct strv *words)
{
	bool npm =
	    is_word(words, 0, "npm") || is_word(words, 0, "yarn") || is_word(words, 0, "pnpm");

	return npm && (is_word(words, 1, "ci") || is_word(words, 1, "install") ||
			  is_word(words, 1, "i") || is_word(words, 1, "clean-install"));
}

/** The script that a command runs ("npm run build", "npm test", "yarn build"); NULL. */
static const char *
script_of(const struct strv *words)
{
	bool manager =
	    is_word(words, 0, "npm") || is_word(words, 0, "yarn") || is_word(words, 0, "pnpm");

	if (!manager || words->count < 2)
		return NULL;
	if (is_word(words, 1, "run") || is_word(words, 1, "run-script"))
		return words->count > 2 ? words->items[2] : NULL;
	if (is_word(words, 1, "test") || is_word(words, 1, "t"))
		return "test";
	return is_word(words, 0, "npm") ? NULL : words->items[1];
}

/* ---- package.json ---- */

/** The dev dependency whose program is @command, and that no other list has; NULL. */
static const char *
dev_package(const struct json *package, const char *command)
{
	const struct json *dev = json_get(package, "devDependencies");
	const char *name = NULL;

	if (json_get(dev, command))
		name = command;
	for (size_t n = 0; n < ARRAY_LEN(programs) && !name; n++)
		if (strcmp(programs[n].program, command) == 0 && json_get(dev, programs[n].package))
			name = programs[n].package;
	return name && !json_get(json_get(package, "dependencies"), name) ? name : NULL;
}

/** What a text of commands needs and only devDependencies has. */
struct needed {
	char package[128];
	char command[64];
};

static bool needs_dev(
    const struct json *package, const char *text, unsigned depth, struct needed *needed);

static bool
script_needs_dev(
    const struct json *package, const char *script, unsigned depth, struct needed *needed)
{
	const char *text = json_text(json_get(json_get(package, "scripts"), script));

	return text && depth < SCRIPT_DEPTH && needs_dev(package, text, depth + 1, needed);
}

static bool
needs_dev(const struct json *package, const char *text, unsigned depth, struct needed *needed)
{
	auto(strv) struct strv words = { 0 };

	while (next_command(&text, &words)) {
		const char *script, *name;

		drop_prefixes(&words);
		script = script_of(&words);
		if (script && script_needs_dev(package, script, depth, needed))
			return true;
		name = dev_package(package, words.items[0]);
		if (!name)
			continue;
		snprintf(needed->package, sizeof(needed->package), "%s", name);
		snprintf(needed->command, sizeof(needed->command), "%s", words.items[0]);
		return true;
	}
	return false;
}

static struct json *
read_package(const struct building *b)
{
	const struct plan_options *o = b->p->options;
	autofree char *path =
	    xasprintf("%s%s" PACKAGE_FILE, b->lint.folder, b->lint.folder[0] ? "/" : "");
	struct error ignored = ERROR_INIT; /* npm will say it better */
	auto(buf) struct buf text = { 0 };

	if (o->read_file(o->arg, path, &text) != 1)
		return NULL;
	return json_parse(buf_text(&text), text.len, &ignored);
}

static void
report(struct building *b, const struct instruction *i, const char *script,
    const struct needed *needed)
{
	const struct instruction *install = b->lint.production;

	diagnostics_lint(b->p->diagnostics, "NpmDevDependencies", instruction_location(i),
	    "the script '%s' runs '%s' of the dev dependency '%s', which the installation at line "
	    "%u leaves out",
	    script, needed->command, needed->package, (unsigned)install->line);
	diagnostics_note(b->p->diagnostics, instruction_location(install),
	    "this installs the production dependencies only");
}

static void
check_script(struct building *b, const struct instruction *i, const char *script)
{
	autojson struct json *package = read_package(b);
	struct needed needed = { 0 };

	if (package && script_needs_dev(package, script, 0, &needed))
		report(b, i, script, &needed);
}

void
plan_npm_source(struct building *b, const char *source)
{
	const char *base = path_base(source);

	if (!text_starts_with(base, "package"))
		return;
	snprintf(b->lint.folder, sizeof(b->lint.folder), "%.*s", (int)(base - source), source);
	while (b->lint.folder[0] != '\0' && b->lint.folder[strlen(b->lint.folder) - 1] == '/')
		b->lint.folder[strlen(b->lint.folder) - 1] = '\0';
	if (strcmp(b->lint.folder, ".") == 0)
		b->lint.folder[0] = '\0';
}

void
plan_npm_run(struct building *b, const struct instruction *i)
{
	const char *mode = env_get(&b->config->env, "NODE_ENV"), *text;
	auto(strv) struct strv words = { 0 };
	bool production = mode && strcmp(mode, "production") == 0;

	if (i->n_words == 0 || i->form != FORM_SHELL)
		return;
	text = i->words[0].text;
	while (next_command(&text, &words)) {
		const char *script;

		drop_prefixes(&words);
		script = script_of(&words);
		if (installs_production(&words, production))
			b->lint.production = i;
		else if (installs_all(&words))
			b->lint.production = NULL;
		else if (script && b->lint.production)
			check_script(b, i, script);
	}
}
