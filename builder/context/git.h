/* SPDX-License-Identifier: Apache-2.0 */
/*
 * git - a repository as files, by the git program.
 *
 * The program runs confined (Landlock): it reads and executes what belongs to the system, writes to the directory it is given,
 * and connects. It gets no configuration but ours: no hooks, no templates, no credential helpers, no file monitor, no
 * transport but http, https, ssh and git, nothing of the user's environment that could name one (SECURITY C3, C4). A
 * repository of this machine (file://) is read when the user's own command line names it, and no other.
 */
#ifndef CROZE_CONTEXT_GIT_H
#define CROZE_CONTEXT_GIT_H

#include "builder/dockerfile/resource.h"
#include "runtime/base/error.h"

#include <stdbool.h>
#include <stdint.h>

#define GIT_COMMIT_MAX 64

struct git_request {
	const struct resource *source; /* RESOURCE_GIT */
	bool keep_git_dir;
	bool is_own; /* the user's own command line names it */
	int dir;     /* an empty directory for it, and its absolute path */
	const char *path;
};

struct git_result {
	char commit[GIT_COMMIT_MAX + 1];
	int64_t time; /* of the commit, seconds */
};

/**
 * Checks it out. Returns the open directory with its files (the subdirectory that was asked for), or -1 with @e: ERR_NETWORK when
 * git says so, ERR_INPUT for a commit that is another one, a directory that is not there or reached through a link,
 * ERR_HOST when there is no git program.
 */
int git_checkout(const struct git_request *request, struct git_result *result, struct error *e);

#endif
