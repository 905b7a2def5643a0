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

/** Is the context there for @platform; and if @exactly, for that alone? */
static bool
serves(const struct plan_context *context, const struct platform *platform, bool exactly)
{
	auto(buf) struct buf text = { 0 };

	if (!context->platform)
		return !exactly;
	platform_add_text(&text, platform);
	return exactly && strcmp(context->platform, buf_text(&text)) == 0;
}

bool
images_has_context(const struct planner *p, const char *name)
{
	for (size_t n = 0; n < p->options->n_contexts; n++) {
		const struct plan_context *context = &p->options->contexts[n];

		if (strcasecmp(context->name, name) == 0 &&
		    serves(context, &p->wanted, context->platform))
			return true;
	}
	return false;
}

static const struct plan_context *
find_context(const struct planner *p, const char *name, const struct platform *platform)
{
	const struct plan_options *o = p->options;

	for (size_t n = 0; n < o->n_contexts; n++)
		if (is_same_name(o->contexts[n].name, name) &&
		    serves(&o->contexts[n], platform, true))
			return &o->contexts[n];
	for (size_t n = 0; n < o->n_contexts; n++)
		if (is_same_name(o->contexts[n].name, name) &&
		    serves(&o->contexts[n], platform, false))
			return &o->contexts[n];
	return NULL;
}

struct origin
images_context(
    struct planner *p, const char *name, const struct platform *platform, struct error *e)
{
	const struct plan_context *context = find_context(p, name, platform);

	if (!context)
		return (struct origin){ 0 };
	if (context->kind == PLAN_CONTEXT_DIRECTORY)
		return (struct origin){ ORIGIN_CONTEXT, (size_t)(context - p->options->contexts) };
	return images_resolve(p, context->value, name, platform, e);
}

/** Takes @image over. */
static struct origin
add_image(struct plan *plan, const struct plan_image *image)
{
	(void)xgrow(&plan->images, plan->n_images, &plan->images_room, sizeof(*plan->images));
	plan->images[plan->n_images] = *image;
	return (struct origin){ ORIGIN_IMAGE, plan->n_images++ };
}

struct origin
images_resolve(struct planner *p, const char *reference, const char *name,
    const struct platform *platform, struct error *e)
{
	struct plan *plan = p->plan;
	struct plan_image image = { 0 };

	for (size_t n = 0; n < plan->n_images; n++)
		if (strcmp(plan->images[n].reference, reference) == 0 &&
		    platform_equal(&plan->images[n].platform, platform))
			return (struct origin){ ORIGIN_IMAGE, n };
	if (p->options->resolve(p->options->arg, reference, platform, &image.config, &image.id, e) <
	    0)
		return (struct origin){ 0 };
	image.reference = xstrdup(reference);
	image.name = xstrdup(name);
	platform_copy(&image.platform, platform);
	return add_image(plan, &image);
}

struct origin
images_unknown(
    struct planner *p, const char *name, const struct platform *platform, const struct error *e)
{
	struct plan_image image = { .unknown = true };

	if (!(p->options->flags & PLAN_CHECK) ||
	    (e->kind != ERR_NOT_FOUND && e->kind != ERR_NETWORK))
		return (struct origin){ 0 };
	image.config = xcalloc(1, sizeof(*image.config));
	platform_copy(&image.config->platform, platform);
	image.reference = xstrdup(name);
	image.name = xstrdup(name);
	image.id = xstrdup("");
	platform_copy(&image.platform, platform);
	return add_image(p->plan, &image);
}
