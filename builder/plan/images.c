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

static struct origin
add_image(struct plan *plan, const struct plan_image *image)
{
	(void)xgrow(&plan->images, plan->n_images, &plan->images_room, sizeof(*plan->images));
	plan->images[plan->n_images] = *image;
	return (struct origin){ ORIGIN_IMAGE, plan->n_images++ };
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
	return add_image(plan, &(struct plan_image){ .reference = xstrdup(reference),
				   .name = xstrdup(name),
				   .id = id,
				   .config = config });
}

struct origin
images_unknown(struct planner *p, const char *reference, const char *name, const struct error *e)
{
	struct image_config *config;

	if (!(p->options->flags & PLAN_CHECK) ||
	    (e->kind != ERR_NOT_FOUND && e->kind != ERR_NETWORK))
		return (struct origin){ 0 };
	config = xcalloc(1, sizeof(*config));
	config->platform.os = xstrdup(p->options->os);
	config->platform.architecture = xstrdup(p->options->architecture);
	return add_image(p->plan, &(struct plan_image){ .reference = xstrdup(reference),
				      .name = xstrdup(name),
				      .id = xstrdup(""),
				      .config = config,
				      .unknown = true });
}
