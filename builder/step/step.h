/* SPDX-License-Identifier: Apache-2.0 */
/*
 * step - what a stage worker gives to the step it runs, and what it gets back.
 *
 * The worker has the files before the step as a tree, and, when something will read the result, a
 * mount of them with a fresh upper directory. A step writes there, or a layer, or both, as it is
 * asked; the worker makes the snapshot of the upper directory and keeps the record.
 */
#ifndef CROZE_STEP_STEP_H
#define CROZE_STEP_STEP_H

#include "builder/layer/writer.h"
#include "builder/step/copy_plan.h"
#include "builder/step/tree.h"
#include "builder/store/store.h"

struct step_context {
	struct store *store;
	struct tree *parent; /* files before the step */
	/* mount of them, to be written to; -1: no files are wanted */
	int root;
	const struct inodes
	    *shared; /* files of @root that are not to be changed (chain_shared()); NULL */
	const struct layer_options *layer; /* NULL: no layer is wanted */
	struct timespec now;
};

/** What became of it. */
struct step_result {
	/* no path was changed: the snapshot can be dropped, the layer has no entry */
	bool is_empty;
	bool has_layer; /* the blob and its listing are in the store */
	struct layer_result layer;
};
void step_result_release(struct step_result *result);

/**
 * COPY and ADD. @uid:@gid count with COPY_CHOWN. A plan with archives needs @root; its layer is
 * then made from the upper directory by the caller.
 */
int step_copy(const struct step_context *context, struct copy_plan *plan, uid_t uid, gid_t gid,
    struct step_result *result, struct error *e);
/**
 * WORKDIR: makes @path (absolute) where it is not there, 0755, owned by @uid:@gid as are the
 * parents that are made.
 */
int step_workdir(const struct step_context *context, const char *path, uid_t uid, gid_t gid,
    struct step_result *result, struct error *e);

#endif
