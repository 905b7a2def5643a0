/* SPDX-License-Identifier: Apache-2.0 */
/*
 * findings - what will go wrong with the image that was built, or should not be in it.
 *
 * Looked for once an image: the answer is kept beside the cached steps, under a key made of the image, the Dockerfile and
 * the version of the rules.
 */
#ifndef CROZE_BUILDER_BUILD_FINDINGS_H
#define CROZE_BUILDER_BUILD_FINDINGS_H

#include "builder/build/final_tree.h"
#include "runtime/sandbox/user.h"

/**
 * Looks at the image of @b->result, warns of what is found, and enforces the policy. ERR_POLICY when the Dockerfile makes
 * errors of findings, or --policy is not kept: the image is there all the same.
 */
int findings_report(struct build *b, struct error *e);

/* ---- for the files that look ---- */

struct finding {
	const char *rule; /* of the table */
	uint32_t line;
	char *text;
	char *fix;
};

struct findings {
	struct finding *items;
	size_t count;
	size_t room;
	bool runs_as_root; /* the final USER is uid 0 */
};

/** While one image is looked at. */
struct look {
	struct build *b;
	struct final_tree tree;
	const struct image_config *config;
	struct findings *found;
	struct user user; /* the final one */
	bool has_user;    /* it is known */
};

/** Adds one; @text and @fix are taken over. */
void findings_add(struct look *l, const char *rule, uint32_t line, char *text, char *fix);
/** Line of the last instruction of that kind in the target or the stages it is based on, else of its FROM. */
uint32_t findings_line(const struct build *b, enum instruction_kind kind);
/** Did a step bring the file at @path (resolved), and not the base image? */
bool findings_is_brought(const struct look *l, const char *path);
/** Line of the step that brought it, else @other. */
uint32_t findings_line_of(const struct look *l, const char *path, uint32_t other);

/* findings_start.c */
/** USER and the program that ENTRYPOINT and CMD start: there, reachable, executable. */
int findings_start(struct look *l, struct error *e);

/* findings_needs.c */
/** What the program at @path (resolved) needs: interpreter, libraries, certificates, time zones. */
int findings_needs(struct look *l, const char *path, struct error *e);
/** TZ names a zone of which there are no data. */
void findings_zone(struct look *l);
/** Does PATH have a directory in which @name is? *@path gets it, to be freed. */
bool findings_in_path(const struct look *l, const char *name, char **path);

/* findings_secrets.c */
/** Private keys and tokens in the layers of the steps, those that a later step removes too. */
int findings_secrets(struct look *l, struct error *e);

#endif
