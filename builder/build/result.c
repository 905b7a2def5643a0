/* SPDX-License-Identifier: Apache-2.0 */
/*
 * result - the outputs of a build, and what is told at its end.
 */
#include "builder/build/result.h"

#include "builder/build/images.h"
#include "builder/output/output.h"
#include "builder/step/chain.h"
#include "runtime/base/fd.h"
#include "runtime/base/mem.h"

#include <unistd.h>

/* What the image takes unpacked; 0 when that is not known, as of a base image or of layers that became one. */
static uint64_t
unpacked_size(const struct build *b)
{
	uint64_t uncompressed = 0;

	if (b->options->squash != BUILD_SQUASH_NONE)
		return 0;
	for (size_t s = b->plan.target;; s = b->plan.stages[s].base) {
		const struct plan_stage *plan = &b->plan.stages[s];

		for (size_t i = 0; i < plan->n_steps; i++) {
			const struct layer_record *layer =
			    step_record_layer(&b->stages[s].steps[i].record, b->variant);

			if (layer && step_makes_layer(&plan->steps[i]))
				uncompressed += layer->uncompressed;
		}
		if (plan->base_kind == PLAN_BASE_SCRATCH)
			return uncompressed;
		if (plan->base_kind == PLAN_BASE_IMAGE)
			return 0;
	}
}

static void
show_summary(struct build *b, const struct strv *outputs)
{
	char manifest[DIGEST_TEXT_LEN + 1], config[DIGEST_TEXT_LEN + 1];
	struct progress_summary summary = { .outputs = outputs };
	const struct product_image *image = b->product.images;

	if (b->result->has_image) {
		summary.name = b->options->tags.count ? b->options->tags.items[0] : NULL;
		summary.digest = digest_text(&b->result->manifest, manifest);
		summary.image_id = digest_text(&b->result->config, config);
		if (b->product.n_images > 1)
			summary.platforms = b->options->platform;
		for (size_t i = 0; i < b->product.n_images; i++)
			summary.compressed_size += image[i].packed_size;
		if (b->product.n_images == 1) {
			summary.size = unpacked_size(b);
			summary.n_layers = image->n_layers;
		}
	}
	progress_finish(b->progress, &summary);
}

/* ---- outputs ---- */

static const enum output_format formats[] = {
	[BUILD_OUTPUT_HYBRID] = OUTPUT_HYBRID,
	[BUILD_OUTPUT_OCI] = OUTPUT_OCI,
	[BUILD_OUTPUT_DOCKER] = OUTPUT_DOCKER,
};

static int
write_image(struct build *b, const struct build_output *output, const struct output_target *target,
    struct error *e)
{
	struct output_image image = { .digest = b->result->manifest };
	int ok;

	if (output->name)
		strv_add(&image.names, output->name);
	else
		strv_copy(&image.names, &b->options->tags);
	ok = output_images(b->store, formats[output->kind], &image, 1, target, e);
	output_image_release(&image);
	return ok;
}

/* "linux_amd64": the folder of one platform. */
static char *
folder_of(const struct platform *platform)
{
	auto(buf) struct buf text = { 0 };
	char *folder;

	platform_add_text(&text, platform);
	folder = buf_steal(&text);
	for (char *at = folder; *at; at++)
		if (*at == '/')
			*at = '_';
	return folder;
}

static int
open_tree(struct build *b, const struct build_output *output, size_t target,
    struct output_tree *tree, struct error *e)
{
	const struct stage_state *stage = &b->stages[b->plan.targets[target].stage];
	auto(chain) struct chain chain = { 0 };

	state_chain(b, stage, state_plan(b, stage)->n_steps, &chain);
	tree->rootfs = chain_open(b->store, &chain, e);
	if (product_is_split(b) && !output->not_split)
		tree->folder = folder_of(&b->plan.targets[target].platform);
	return tree->rootfs < 0 ? -1 : 0;
}

static int
write_trees(struct build *b, const struct build_output *output, const struct output_target *target,
    const struct output_tree *trees, struct error *e)
{
	const struct output_times times = {
		.layers = &b->layers, .note = state_note, .note_arg = b
	};

	if (output->kind == BUILD_OUTPUT_TAR)
		return output_tar(trees, b->plan.n_targets, target, &times, e);
	for (size_t i = 0; i < b->plan.n_targets; i++)
		if (output_local(&trees[i], output->dest, &times, e) < 0)
			return -1;
	return 0;
}

static int
write_files(struct build *b, const struct build_output *output, const struct output_target *target,
    struct error *e)
{
	struct output_tree *trees = xcalloc(b->plan.n_targets, sizeof(*trees));
	size_t n_open = 0;
	int ok = 0;

	while (ok == 0 && n_open < b->plan.n_targets) {
		ok = open_tree(b, output, n_open, &trees[n_open], e);
		n_open++;
	}
	if (ok == 0)
		ok = write_trees(b, output, target, trees, e);
	for (size_t i = 0; i < n_open; i++) {
		fd_close_at(&trees[i].rootfs);
		free((void *)(uintptr_t)trees[i].folder);
	}
	free(trees);
	return ok;
}

static int
write_output(struct build *b, const struct build_output *output, struct error *e)
{
	struct output_target target = { .dest = output->dest,
		.stream = STDOUT_FILENO,
		.directory = output->directory,
		.time = { .tv_sec = b->has_timestamp ? b->timestamp : 0 } };

	switch (output->kind) {
	case BUILD_OUTPUT_HYBRID:
	case BUILD_OUTPUT_OCI:
	case BUILD_OUTPUT_DOCKER:
		return write_image(b, output, &target, e);
	case BUILD_OUTPUT_LOCAL:
	case BUILD_OUTPUT_TAR:
		return write_files(b, output, &target, e);
	case BUILD_OUTPUT_STORE:
	case BUILD_OUTPUT_NONE:
		return 0;
	}
	return 0;
}

int
result_write(struct build *b, struct error *e)
{
	auto(strv) struct strv lines = { 0 };

	for (size_t i = 0; i < b->options->n_outputs; i++) {
		const struct build_output *output = &b->options->outputs[i];

		if (write_output(b, output, e) < 0)
			return error_ctx(e, "output '%s'", output->dest ? output->dest : "image");
		if (output->dest && strcmp(output->dest, "-") != 0)
			strv_add(&lines, output->dest);
	}
	if (images_push(b, &lines, e) < 0)
		return -1;
	show_summary(b, &lines);
	return 0;
}
