/* SPDX-License-Identifier: Apache-2.0 */
/*
 * merge - the plans for several platforms as one.
 *
 * A stage that says FROM --platform=$BUILDPLATFORM and uses nothing of the target's platform comes out the same for each of
 * them: it is kept once, and so it is run once. Two stages are the same when they stand on the same base, have the same steps
 * that read the same sources, and end with the same config.
 */
#include "builder/plan/planner.h"

#include "runtime/base/mem.h"

#include <string.h>

/** Where the images and stages of the plan that is added are now. */
struct places {
	size_t *images;
	size_t *stages;
};

static size_t
merge_image(struct plan *plan, struct plan_image *image)
{
	for (size_t n = 0; n < plan->n_images; n++) {
		const struct plan_image *have = &plan->images[n];

		/* for another platform it may be the same image all the same: one that is no index */
		if (strcmp(have->reference, image->reference) == 0 &&
		    platform_equal(&have->platform, &image->platform))
			return n;
	}
	(void)xgrow(&plan->images, plan->n_images, &plan->images_room, sizeof(*plan->images));
	plan->images[plan->n_images] = *image;
	*image = (struct plan_image){ 0 };
	return plan->n_images++;
}

static void
move_source(const struct places *places, enum plan_source source, size_t *from)
{
	if (source == PLAN_FROM_STAGE)
		*from = places->stages[*from];
	if (source == PLAN_FROM_IMAGE)
		*from = places->images[*from];
}

/** Makes @stage name what it reads by its place in the whole plan. */
static void
move_references(const struct places *places, struct plan_stage *stage)
{
	if (stage->base_kind == PLAN_BASE_STAGE)
		stage->base = places->stages[stage->base];
	if (stage->base_kind == PLAN_BASE_IMAGE)
		stage->base = places->images[stage->base];
	for (size_t n = 0; n < stage->n_steps; n++) {
		struct plan_step *step = &stage->steps[n];

		move_source(places, step->source, &step->from);
		for (size_t m = 0; m < step->n_mounts; m++)
			if (step->mounts[m].has_files)
				move_source(places, step->mounts[m].source, &step->mounts[m].from);
	}
}

static bool
same_text(const char *a, const char *b)
{
	return strcmp(a ? a : "", b ? b : "") == 0 && !a == !b;
}

static bool
same_step(const struct plan_step *a, const struct plan_step *b)
{
	if (a->kind != b->kind || a->line != b->line || a->source != b->source ||
	    a->from != b->from || a->n_mounts != b->n_mounts || !same_text(a->text, b->text) ||
	    !same_text(a->created_by, b->created_by) || !same_text(a->record, b->record))
		return false;
	for (size_t n = 0; n < a->n_mounts; n++)
		if (a->mounts[n].has_files != b->mounts[n].has_files ||
		    a->mounts[n].source != b->mounts[n].source ||
		    a->mounts[n].from != b->mounts[n].from)
			return false;
	return true;
}

static bool
same_config(const struct image_config *a, const struct image_config *b)
{
	auto(buf) struct buf x = { 0 }, y = { 0 };

	image_config_write(a, &x);
	image_config_write(b, &y);
	return x.len == y.len && memcmp(x.data, y.data, x.len) == 0;
}

static bool
same_stage(const struct plan_stage *a, const struct plan_stage *b)
{
	if (a->number != b->number || a->base_kind != b->base_kind || a->base != b->base ||
	    a->n_steps != b->n_steps || !same_text(a->text, b->text) ||
	    !same_text(a->author, b->author))
		return false;
	for (size_t n = 0; n < a->n_steps; n++)
		if (!same_step(&a->steps[n], &b->steps[n]))
			return false;
	return same_config(a->config, b->config);
}

static size_t
merge_stage(struct plan *plan, struct plan_stage *stage)
{
	for (size_t n = 0; n < plan->n_stages; n++)
		if (same_stage(&plan->stages[n], stage))
			return n;
	(void)xgrow(&plan->stages, plan->n_stages, &plan->stages_room, sizeof(*plan->stages));
	plan->stages[plan->n_stages] = *stage;
	*stage = (struct plan_stage){ 0 };
	return plan->n_stages++;
}

/** Steps may borrow the triggers. */
static void
merge_triggers(struct plan *plan, struct plan *one)
{
	for (size_t n = 0; n < one->n_triggers; n++) {
		(void)xgrow(&plan->triggers, plan->n_triggers, &plan->triggers_room,
		    sizeof(*plan->triggers));
		plan->triggers[plan->n_triggers++] = one->triggers[n];
	}
	one->n_triggers = 0;
}

static void
merge_targets(struct plan *plan, struct plan *one, const struct places *places)
{
	for (size_t n = 0; n < one->n_targets; n++) {
		plan->targets =
		    xrealloc(plan->targets, plan->n_targets + 1, sizeof(*plan->targets));
		plan->targets[plan->n_targets] = one->targets[n];
		/* after errors the target may not be planned */
		if (one->targets[n].stage < one->n_stages)
			plan->targets[plan->n_targets].stage =
			    places->stages[one->targets[n].stage];
		plan->n_targets++;
		one->targets[n] = (struct plan_target){ 0 };
	}
}

void
plan_merge(struct plan *plan, struct plan *one)
{
	struct places places;

	if (plan->n_targets == 0) {
		plan_release(plan);
		*plan = *one;
		*one = (struct plan){ 0 };
		return;
	}
	places.images = xcalloc(one->n_images + 1, sizeof(*places.images));
	places.stages = xcalloc(one->n_stages + 1, sizeof(*places.stages));
	for (size_t n = 0; n < one->n_images; n++)
		places.images[n] = merge_image(plan, &one->images[n]);
	for (size_t n = 0; n < one->n_stages; n++) {
		move_references(&places, &one->stages[n]);
		places.stages[n] = merge_stage(plan, &one->stages[n]);
	}
	merge_triggers(plan, one);
	merge_targets(plan, one, &places);
	free(places.images);
	free(places.stages);
	plan_release(one);
}
