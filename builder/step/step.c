/* SPDX-License-Identifier: Apache-2.0 */
/*
 * step - COPY, ADD and WORKDIR: one plan, written to a layer, to files, or to both.
 */
#include "builder/step/step.h"

#include "builder/step/pack.h"
#include "runtime/base/mem.h"

void
step_result_release(struct step_result *result)
{
	*result = (struct step_result){ 0 };
}

static int
write_layer(const struct step_context *context, struct copy_plan *plan, struct step_result *result,
    struct error *e)
{
	struct layer_record record = { 0 };
	struct layer_sink sink;

	if (layer_sink_open(&sink, context->store, context->layer, e) < 0)
		return -1;
	if (copy_plan_write(plan, sink.writer, e) < 0) {
		layer_sink_abort(&sink);
		return -1;
	}
	if (layer_sink_finish(&sink, context->layer, &record, e) < 0)
		return -1;
	result->has_layer = true;
	result->layer = (struct layer_result){ .diff_id = record.diff_id,
		.digest = record.digest,
		.size = record.size,
		.tar_size = record.uncompressed };
	layer_record_release(&record);
	return 0;
}

/* Files first: they need a fork for archives, and the writer of layers may have threads. */
static int
carry_out(const struct step_context *context, struct copy_plan *plan, struct step_result *result,
    struct error *e)
{
	struct copy_stats stats;

	copy_plan_stats(plan, &stats);
	result->is_empty = copy_plan_is_empty(plan);
	if (stats.n_archives > 0 && context->root < 0)
		return error_set(
		    e, ERR_SYSTEM, "an archive cannot be unpacked into a layer without files");
	if (context->root >= 0 &&
	    copy_plan_materialise(plan, &(struct apply_root){ context->root, context->shared }, e) <
		0)
		return -1;
	if (context->layer && stats.n_archives == 0)
		return write_layer(context, plan, result, e);
	return 0;
}

int
step_copy(const struct step_context *context, struct copy_plan *plan, uid_t uid, gid_t gid,
    struct step_result *result, struct error *e)
{
	struct copy_placement placement = {
		.tree = context->parent, .uid = uid, .gid = gid, .now = context->now
	};

	*result = (struct step_result){ 0 };
	if (copy_plan_place(plan, &placement, e) < 0)
		return -1;
	return carry_out(context, plan, result, e);
}

int
step_workdir(const struct step_context *context, const char *path, uid_t uid, gid_t gid,
    struct step_result *result, struct error *e)
{
	autoplan struct copy_plan *plan = copy_plan_directory(path, uid, gid);

	return step_copy(context, plan, uid, gid, result, e);
}
