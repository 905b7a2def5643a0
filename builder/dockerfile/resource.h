/* SPDX-License-Identifier: Apache-2.0 */
/*
 * resource - what a source of ADD, or a build context, names: a path, something to be fetched by HTTP, or a repository.
 *
 * A repository is ssh://, git:// and USER@HOST:PATH, and http:// or https:// where the path ends in ".git". What is wanted of
 * it stands behind '#' as REF:SUBDIR, or as keys of a query: ref, branch, tag, subdir, checksum (or commit), keep-git-dir,
 * submodules, mtime (checkout or commit), fetch-by-commit.
 *
 * Strangers write these texts, and a program will be given parts of them: nothing that could be an option, a command or
 * another transport passes (SECURITY C2, C3).
 */
#ifndef CROZE_DOCKERFILE_RESOURCE_H
#define CROZE_DOCKERFILE_RESOURCE_H

#include "runtime/base/error.h"

#include <stdbool.h>
#include <stddef.h>

enum resource_kind {
	RESOURCE_PATH,
	RESOURCE_HTTP,
	RESOURCE_GIT,
};

enum resource_choice {
	RESOURCE_UNSAID,
	RESOURCE_NO,
	RESOURCE_YES,
};

struct resource {
	enum resource_kind kind;
	char *url;      /* of a repository without query and fragment; else the whole text */
	char *ref;      /* branch, tag, commit; NULL: what the repository has as its own */
	char *subdir;   /* clean, relative; NULL: all of it */
	char *checksum; /* the first digits of a commit, lower case; NULL */
	enum resource_choice keep_git_dir;
	enum resource_choice submodules;
	bool mtime_of_commit; /* files get the time of the commit */
	/* @checksum is what is fetched, and @ref is not asked for */
	bool by_commit;
};

void resource_release(struct resource *s);
/** Is @text something to be fetched? */
bool resource_is_remote(const char *text);
/**
 * Takes @text apart. For RESOURCE_PATH only the kind is set. ERR_INPUT with what is wrong; @s is released then.
 * "github.com/..." without a scheme is a path here.
 */
int resource_parse(const char *text, struct resource *s, struct error *e);
/** The same for what the user's own command line names: file:// repositories and "github.com/OWNER/NAME" too. */
int resource_parse_own(const char *text, struct resource *s, struct error *e);
/** Sets the commit that the repository must be at: 7 to 64 hexadecimal digits. */
int resource_set_checksum(struct resource *s, const char *checksum, struct error *e);
/**
 * The name that a file fetched from @url gets in a directory: the last component of its path, decoded; "__unnamed__" when that
 * is none or could be anything but a name. To be freed.
 */
char *resource_file_name(const char *url);
/** @url without user and password, for messages and records. To be freed. */
char *resource_shown(const char *url);
/** The host of @url, with ":port" where one is written. To be freed; NULL for none. */
char *resource_host(const char *url);

#endif
