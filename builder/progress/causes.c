/* SPDX-License-Identifier: Apache-2.0 */
/*
 * causes - the usual reasons for which a step fails, recognised by what it said.
 *
 * A row names texts that programs print for one cause. A wrong guess costs the reader more than none, so the texts are
 * those that say one thing only, and a condition besides them must hold where they could say another.
 */
#include "builder/progress/causes.h"

#include "runtime/base/mem.h"

#include <string.h>

enum condition {
	ALWAYS,
	WHEN_USER,       /* the step does not run as root */
	WHEN_PRODUCTION, /* packages needed for building were left out before */
};

struct cause {
	const char *const texts[8]; /* any of them, in the log or in the error */
	int exit_status;            /* or this one; 0: none */
	enum condition condition;
	const char *hint;
};

static const struct cause causes[] = {
	{
	    .texts = { "No space left on device", "ENOSPC" },
	    .hint = "the disk of the store is full: croze prune frees what no image needs",
	},
	{
	    .texts = { "Exec format error", "exec format error" },
	    .hint = "a program in this stage is for another processor architecture: take the base "
		    "image for this platform",
	},
	{
	    .exit_status = 137,
	    .hint = "the command was killed by SIGKILL; when nobody did that, memory was short",
	},
	{
	    .texts = { "tsc: not found", "vite: not found", "webpack: not found", "next: not found",
		"esbuild: not found", "rollup: not found" },
	    .condition = WHEN_PRODUCTION,
	    .hint =
		"the dependencies for building were left out by an earlier npm ci: install them "
		"all in this stage, and only those for production in the last one",
	},
	{
	    .texts = { "Network unreachable", "Network is unreachable", "ENETUNREACH" },
	    .hint =
		"the network was unreachable: with --network=none, of the command line or of the "
		"RUN, a step has its loopback and nothing else",
	},
	{
	    .texts = { "Permission denied", "permission denied", "EACCES" },
	    .condition = WHEN_USER,
	    .hint = "files that COPY and ADD bring belong to root unless --chown says otherwise",
	},
	{
	    .exit_status = 127,
	    .hint =
		"a command was not found: it is in none of the folders of PATH of this stage, or "
		"the interpreter it names is missing",
	},
	{
	    .exit_status = 126,
	    .hint =
		"a file was found but cannot be executed: look at its mode, its first line and the "
		"libraries it needs",
	},
};

static bool
says(const struct causes_input *input, const char *text)
{
	if (input->what != NULL && strstr(input->what, text) != NULL)
		return true;
	for (size_t i = 0; i < input->log->count; i++)
		if (strstr(input->log->items[i], text) != NULL)
			return true;
	return false;
}

static bool
user_is_root(const char *user)
{
	return user == NULL || *user == '\0' || strcmp(user, "0") == 0 ||
	       strcmp(user, "root") == 0 || strncmp(user, "0:", 2) == 0 ||
	       strncmp(user, "root:", 5) == 0;
}

static bool
holds(const struct causes_input *input, enum condition condition)
{
	switch (condition) {
	case ALWAYS:
		return true;
	case WHEN_USER:
		return !user_is_root(input->user);
	case WHEN_PRODUCTION:
		return strstr(input->source, "--only=production") != NULL ||
		       strstr(input->source, "--omit=dev") != NULL ||
		       strstr(input->source, "--production") != NULL ||
		       strstr(input->source, "NODE_ENV=production") != NULL;
	}
	return false;
}

static bool
applies(const struct causes_input *input, const struct cause *cause)
{
	if (!holds(input, cause->condition))
		return false;
	if (cause->exit_status != 0 && input->exit_status == cause->exit_status)
		return true;
	for (size_t i = 0; i < ARRAY_LEN(cause->texts) && cause->texts[i] != NULL; i++)
		if (says(input, cause->texts[i]))
			return true;
	return false;
}

void
causes_find(const struct causes_input *input, struct strv *hints)
{
	if (input->only_loopback)
		strv_add(hints,
		    "the step had no network but loopback; --network=host gives it the network of "
		    "the host, croze doctor says what stands in the way of its own");
	for (size_t i = 0; i < ARRAY_LEN(causes); i++) {
		if (!applies(input, &causes[i]))
			continue;
		strv_add(hints, causes[i].hint);
		/* One guess from the log; the rows above are nearer to the point than those below. */
		return;
	}
}
