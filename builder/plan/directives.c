/* SPDX-License-Identifier: Apache-2.0 */
/*
 * directives - `# syntax=` and `# check=`, or the build arguments that replace them.
 */
#include "builder/dockerfile/lint.h"
#include "builder/plan/planner.h"

#include "runtime/base/mem.h"
#include "runtime/base/text.h"

#include <string.h>

bool
directives_syntax_is_builtin(const char *name)
{
	static const char *const names[] = { "docker/dockerfile", "docker/dockerfile-upstream",
		"dockerfile.v0" };

	if (text_starts_with(name, "docker.io/"))
		name += strlen("docker.io/");
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		size_t n = strlen(names[i]);

		if (strncmp(name, names[i], n) == 0 &&
		    (name[n] == '\0' || name[n] == ':' || name[n] == '@' || name[n] == ' '))
			return true;
	}
	return false;
}

static const char *
given(const struct planner *p, const char *name)
{
	return p->options->build_args ? env_get(p->options->build_args, name) : NULL;
}

static void
check_syntax(struct planner *p)
{
	const char *replaced = given(p, "BUILDKIT_SYNTAX");
	const char *name = replaced ? replaced : p->f->syntax;
	struct location at = replaced ? (struct location){ 0 } : p->f->syntax_at;

	if (p->f->is_object && (!name || directives_syntax_is_builtin(name)))
		(void)diagnostics_add(p->diagnostics, SEVERITY_ERROR, at,
		    "the file is a JSON object, which is no Dockerfile");
	if (!name || directives_syntax_is_builtin(name))
		return;
	(void)diagnostics_add(p->diagnostics, SEVERITY_ERROR, at,
	    "the external frontend '%s' cannot be run: only the built-in language is there", name);
	diagnostics_note(p->diagnostics, at,
	    "'docker/dockerfile:1' means the built-in one; --build-arg "
	    "BUILDKIT_SYNTAX=dockerfile.v0 takes it whatever the file says");
}

void
directives_obey(struct planner *p)
{
	const char *replaced = given(p, "BUILDKIT_DOCKERFILE_CHECK");

	check_syntax(p);
	lint_apply(p->f, replaced, p->diagnostics);
}
