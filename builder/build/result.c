/* SPDX-License-Identifier: Apache-2.0 */
/*
 * result - the outputs of a build, and what is told at its end.
 */
#include "builder/build/result.h"

#include "builder/image/reference.h"
#include "runtime/base/mem.h"

/* Bytes in stages whose files were read, and that do not enter the image themselves. */
static uint64_t
image_sizes(const struct build *b, struct progress_summary *summary)
{
	size_t s = b->plan.target;
	uint64_t uncompressed = 0;

	for (;;) {
		const struct plan_stage *plan = &b->plan.stages[s];

		for (size_t i = 0; i < plan->n_steps; i++) {
			const struct layer_record *layer =
			    step_record_layer(&b->stages[s].steps[i].record, b->variant);

			if (!layer || !step_makes_layer(&plan->steps[i]))
				continue;
			summary->n_layers++;
			summary->compressed_size += layer->size;
			uncompressed += layer->uncompressed;
		}
		if (plan->base_kind == PLAN_BASE_STAGE) {
			s = plan->base;
			continue;
		}
		if (plan->base_kind == PLAN_BASE_SCRATCH)
			return uncompressed;
		break;
	}
	const struct image_state *image = state_image(b, b->plan.stages[s].base);

	for (size_t i = 0; i < image->manifest.n_layers; i++) {
		summary->n_layers++;
		summary->compressed_size += image->manifest.layers[i].size;
	}
	return 0; /* how large the base is unpacked is not known */
}

static void
show_summary(struct build *b, const struct strv *outputs)
{
	char manifest[DIGEST_TEXT_LEN + 1], config[DIGEST_TEXT_LEN + 1];
	struct progress_summary summary = { .outputs = outputs };

	if (b->result->has_image) {
		summary.name = b->options->tags.count ? b->options->tags.items[0] : NULL;
		summary.digest = digest_text(&b->result->manifest, manifest);
		summary.image_id = digest_text(&b->result->config, config);
		summary.size = image_sizes(b, &summary);
	}
	progress_finish(b->progress, &summary);
}

int
result_write(struct build *b, struct error *e)
{
	auto(strv) struct strv outputs = { 0 };

	(void)e;
	show_summary(b, &outputs);
	return 0;
}
