/* SPDX-License-Identifier: Apache-2.0 */
/*
 * images - the images and named contexts that a Dockerfile's names mean.
 */
#include "builder/plan/planner.h"

#include "builder/image/reference.h"
#include "runtime/base/mem.h"

#include <string.h>
#include <strings.h>

/**
 * Do @a and @b name the same: a stage, or an image ("alpine" and
 * "docker.io/library/alpine:latest")?
 */
static bool
is_same_name(const char *a, const char *b)
{
	auto(reference) struct reference x = { 0 }, y = { 0 };
	struct error ignored = ERROR_INIT;

	if (strcasecmp(a, b) == 0)
		return true;
	return reference_parse(a, &x, &ignored) == 0 && reference_parse(b, &y, &ignored) == 0 &&
	       reference_equal(&x, &y);
}

struct origin
images_context(struct planner *p, const char *name, struct error *e)
{
	for (size_t n = 0; n < p->options->n_contexts; n++) {
		const struct plan_context *context = &p->options->contexts[n];

		if (!is_same_name(context->name, name))
			continue;
		if (context->kind == PLAN_CONTEXT_DIRECTORY)
			return (struct origin){ ORIGIN_CONTEXT, n };
		return images_resolve(p, context->value, name, e);
	}
	return (struct origin){ 0 };
}

struct origin
images_resolve(struct planner *p, const char *reference, const char *name, struct error *e)
{
	struct plan *plan = p->plan;
	struct image_config *config = NULL;
	char *id = NULL;

	for (size_t n = 0; n < plan->n_images; n++)
		if (strcmp(plan->images[n].reference, reference) == 0)
			return (struct origin){ ORIGIN_IMAGE, n };
	if (p->options->resolve(p->options->arg, reference, &config, &id, e) < 0)
		return (struct origin){ 0 };
	(void)xgrow(&plan->images, plan->n_images, &plan->images_room, sizeof(*plan->images));
	plan->images[plan->n_images] = (struct plan_image){
		.reference = xstrdup(reference),
		.name = xstrdup(name),
		.id = id,
		.config = config,
	};
	return (struct origin){ ORIGIN_IMAGE, plan->n_images++ };
}
