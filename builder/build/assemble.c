/* SPDX-License-Identifier: Apache-2.0 */
/*
 * assemble - the image from its parts: the base's layers and history, and those of the steps.
 *
 * Instructions that change only the config get a row of history without layer, with the time of the first
 * layer that follows, else of the last one (as the reference builder has it). A fixed timestamp replaces all times but
 * those of the base.
 */
#include "builder/build/exchange.h"
#include "builder/build/squash.h"
#include "builder/build/state.h"

#include "runtime/base/mem.h"

#define HISTORY_COMMENT "buildkit.dockerfile.v0"

struct assembly {
	struct build *build;
	struct image_config config;
	struct manifest manifest;
	struct platform platform; /* that the image is for */
	struct timespec last;     /* of the layer made last */
	size_t *waiting;          /* rows of history that wait for a time */
	size_t n_waiting;
};

static void
assembly_release(struct assembly *a)
{
	image_config_release(&a->config);
	manifest_release(&a->manifest);
	platform_release(&a->platform);
	free(a->waiting);
}

/* The same blob in terms of the image-spec, for images that came from docker. */
static const char *
oci_layer_type(const char *media_type)
{
	if (strcmp(media_type, MEDIA_DOCKER_LAYER_GZIP) == 0)
		return MEDIA_OCI_LAYER_GZIP;
	if (strcmp(media_type, MEDIA_DOCKER_LAYER) == 0)
		return MEDIA_OCI_LAYER;
	return media_type;
}

static void
add_layer(struct assembly *a, const char *media_type, const struct digest *digest, uint64_t size)
{
	struct descriptor layer = { 0 };

	descriptor_init(&layer, oci_layer_type(media_type), digest, size);
	manifest_add_layer(&a->manifest, &layer);
	descriptor_release(&layer);
}

static void
add_base_image(struct assembly *a, const struct image_state *image)
{
	for (size_t i = 0; i < image->manifest.n_layers; i++) {
		const struct descriptor *layer = &image->manifest.layers[i];

		add_layer(a, layer->media_type, &layer->digest, layer->size);
	}
	image_config_align_history(&a->config);
}

static void
date_waiting(struct assembly *a, const struct timespec *time)
{
	for (size_t i = 0; i < a->n_waiting; i++)
		a->config.history[a->waiting[i]].created = *time;
	a->n_waiting = 0;
}

static void
add_row(struct assembly *a, const struct plan_step *step, const struct timespec *time)
{
	struct history row = { .has_created = true,
		.created_by = step->created_by,
		.comment = (char *)(uintptr_t)HISTORY_COMMENT,
		.empty_layer = step->empty_layer };

	if (time)
		row.created = *time;
	image_config_add_history(&a->config, &row);
	if (time)
		return;
	a->waiting = xrealloc(a->waiting, a->n_waiting + 1, sizeof(*a->waiting));
	a->waiting[a->n_waiting++] = a->config.n_history - 1;
}

static int
add_step(struct assembly *a, const struct plan_step *step, const struct step_state *state,
    struct error *e)
{
	const struct build *b = a->build;
	const struct layer_record *layer;

	if (!step_makes_layer(step)) {
		if (step->created_by)
			add_row(a, step, NULL);
		return 0;
	}
	layer = step_record_layer(&state->record, b->variant);
	if (!layer)
		return error_set(e, ERR_SYSTEM, "%s: its layer was not made", step->text);
	a->last =
	    b->has_timestamp ? (struct timespec){ .tv_sec = b->timestamp } : state->record.created;
	date_waiting(a, &a->last);
	add_row(a, step, &a->last);
	add_layer(a, layer->media_type, &layer->digest, layer->size);
	image_config_add_diff_id(&a->config, &layer->diff_id);
	return 0;
}

static int
add_stage(struct assembly *a, const struct stage_state *stage, struct error *e)
{
	const struct plan_stage *plan = state_plan(a->build, stage);

	if (plan->base_kind == PLAN_BASE_STAGE &&
	    add_stage(a, &a->build->stages[plan->base], e) < 0)
		return -1;
	if (plan->base_kind == PLAN_BASE_IMAGE)
		add_base_image(a, state_image(a->build, plan->base));
	for (size_t i = 0; i < plan->n_steps; i++)
		if (add_step(a, &plan->steps[i], &stage->steps[i], e) < 0)
			return -1;
	return 0;
}

/* The time of an image without a single new layer: that of the base, or now. */
static struct timespec
fallback_time(const struct assembly *a)
{
	if (a->build->has_timestamp)
		return (struct timespec){ .tv_sec = a->build->timestamp };
	if (a->last.tv_sec || a->last.tv_nsec)
		return a->last;
	return a->config.has_created ? a->config.created : a->build->started;
}

static void
add_annotations(struct assembly *a)
{
	for (size_t i = 0; i < a->build->options->n_annotations; i++) {
		const struct build_annotation *annotation = &a->build->options->annotations[i];

		if (!product_is_annotated(annotation, BUILD_ANNOTATE_MANIFEST, &a->platform))
			continue;
		if (!a->manifest.annotations)
			a->manifest.annotations = json_new_object();
		json_set_text(a->manifest.annotations, annotation->key, annotation->value);
	}
}

/* Writes the blobs; @image is what was made of them. */
static int
put_image(struct assembly *a, struct product_image *image, struct error *e)
{
	struct store *store = a->build->store;
	auto(buf) struct buf config = { 0 };
	auto(buf) struct buf manifest = { 0 };
	struct digest digest;

	image_config_write(&a->config, &config);
	if (store_blob_put(store, config.data, config.len, &image->config, e) < 0)
		return -1;
	descriptor_init(&a->manifest.config, MEDIA_OCI_CONFIG, &image->config, config.len);
	manifest_write(&a->manifest, &manifest);
	if (store_blob_put(store, manifest.data, manifest.len, &digest, e) < 0)
		return -1;
	descriptor_init(&image->manifest, MEDIA_OCI_MANIFEST, &digest, manifest.len);
	platform_copy(&image->manifest.platform, &a->platform);
	return 0;
}

/* How many layers the base image has. */
static size_t
count_base(const struct build *b)
{
	const struct plan_stage *plan = &b->plan.stages[b->plan.target];

	while (plan->base_kind == PLAN_BASE_STAGE)
		plan = &b->plan.stages[plan->base];
	return plan->base_kind == PLAN_BASE_IMAGE ? state_image(b, plan->base)->manifest.n_layers
	                                          : 0;
}

static int
squash(struct assembly *a, struct error *e)
{
	enum build_squash how = a->build->options->squash;

	if (how == BUILD_SQUASH_NONE)
		return 0;
	return squash_layers(a->build, &a->config, &a->manifest,
	    how == BUILD_SQUASH_ALL ? 0 : count_base(a->build), e);
}

/* For what is told at the end. */
static void
count_layers(const struct assembly *a, struct product_image *image)
{
	image->n_layers = a->manifest.n_layers;
	for (size_t i = 0; i < a->manifest.n_layers; i++)
		image->packed_size += a->manifest.layers[i].size;
}

static int
assemble(struct assembly *a, struct product_image *image, struct error *e)
{
	const struct stage_state *target = &a->build->stages[a->build->plan.target];
	struct timespec time;

	if (add_stage(a, target, e) < 0)
		return -1;
	time = fallback_time(a);
	date_waiting(a, &time);
	a->config.has_created = true;
	a->config.created = time;
	if (state_plan(a->build, target)->author)
		image_config_set_text(&a->config.author, state_plan(a->build, target)->author);
	add_annotations(a);
	if (squash(a, e) < 0)
		return -1;
	if (a->build->options->omit_history)
		image_config_clear_history(&a->config);
	exchange_set_inline(a->build, &a->config);
	count_layers(a, image);
	return put_image(a, image, e);
}

int
assemble_image(struct build *b, struct error *e)
{
	struct assembly a = { .build = b };
	struct product_image image = { 0 };
	const struct plan_target *target = &b->plan.targets[b->plan.current];
	int ok;

	image_config_copy(&a.config, b->plan.stages[b->plan.target].config);
	if (target->is_explicit)
		platform_copy(&a.config.platform, &target->platform);
	platform_copy(&a.platform, &target->platform);
	image.stage = target->stage;
	a.manifest.media_type = xstrdup(MEDIA_OCI_MANIFEST);
	ok = assemble(&a, &image, e);
	if (ok == 0)
		product_add_image(b, &image);
	descriptor_release(&image.manifest);
	assembly_release(&a);
	return ok;
}
