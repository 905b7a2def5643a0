/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sources - what a build is made of: contexts, the Dockerfile, the images that it names, and the plan from them.
 */
#include "builder/build/sources.h"

#include "builder/build/images.h"
#include "builder/build/policy.h"
#include "builder/build/remote.h"
#include "builder/image/platform.h"
#include "builder/import/resolve.h"
#include "runtime/base/mem.h"
#include "runtime/base/path.h"

#include <inttypes.h>
#include <unistd.h>

/* ---- reading ---- */

static int
open_context(const struct build_context *from, struct context *context, struct error *e)
{
	if (from->kind == BUILD_CONTEXT_DIR) {
		context_release(context);
		return context_open(context, from->path, e);
	}
	return 0;
}

/* The build context; a URL may be that of a Dockerfile, unless one is named. */
static int
open_main_context(struct build *b, struct error *e)
{
	const struct build_options *options = b->options;
	bool is_named = options->dockerfile || options->dockerfile_text;

	if (!remote_is_context(&options->context))
		return open_context(&options->context, &b->context, e);
	return remote_open_context(
	    b, &options->context, &b->context, is_named ? NULL : &b->dockerfile, e);
}

static int
read_dockerfile(struct build *b, struct error *e)
{
	const struct build_options *options = b->options;

	if (b->dockerfile.path)
		return 0; /* the context was one */
	if (!options->dockerfile_text)
		return context_read_dockerfile(&b->context, options->dockerfile, &b->dockerfile, e);
	b->dockerfile.path = xstrdup(options->dockerfile);
	buf_add(&b->dockerfile.text, options->dockerfile_text, options->dockerfile_length);
	return 0;
}

static int
open_named_contexts(struct build *b, struct error *e)
{
	const struct build_options *options = b->options;

	b->contexts = xcalloc(options->n_contexts + 1, sizeof(*b->contexts));
	for (size_t i = 0; i < options->n_contexts; i++) {
		context_none(&b->contexts[i]);
		if (open_context(&options->contexts[i], &b->contexts[i], e) < 0 ||
		    (options->contexts[i].kind == BUILD_CONTEXT_DIR &&
			context_read_ignore(&b->contexts[i], NULL, NULL, e) < 0))
			return error_ctx(e, "build context '%s'", options->contexts[i].name);
	}
	return 0;
}

int
sources_open(struct build *b, struct error *e)
{
	context_none(&b->context);
	if (open_main_context(b, e) < 0 || read_dockerfile(b, e) < 0 ||
	    context_read_ignore(&b->context, b->dockerfile.path, b->options->ignore_file, e) < 0 ||
	    open_named_contexts(b, e) < 0)
		return -1;
	diagnostics_init(&b->diagnostics, b->dockerfile.path);
	/* What is wrong is reported by sources_plan(), with what is wrong between the stages. */
	(void)dockerfile_parse(
	    &b->file, buf_text(&b->dockerfile.text), b->dockerfile.text.len, &b->diagnostics);
	return 0;
}

/* ---- images ---- */

static struct image_state *
find_image(struct build *b, const char *reference, const struct platform *platform)
{
	for (size_t i = 0; i < b->n_images; i++)
		if (strcmp(b->images[i]->reference, reference) == 0 &&
		    platform_equal(&b->images[i]->platform, platform))
			return b->images[i];
	return NULL;
}

static struct image_state *
add_image(struct build *b, const char *reference, const struct platform *platform,
    const struct image *image, const struct worker *pull)
{
	struct image_state *state = xcalloc(1, sizeof(*state));
	char text[DIGEST_TEXT_LEN + 1];

	state->reference = xstrdup(reference);
	platform_copy(&state->platform, platform);
	state->id = xstrdup(digest_text(&image->descriptor.digest, text));
	manifest_copy(&state->manifest, &image->manifest);
	image_config_copy(&state->config, &image->config);
	state->pull = *pull;
	state->is_arriving = pull->pid > 0;
	b->images = xrealloc(b->images, b->n_images + 1, sizeof(struct image_state *));
	b->images[b->n_images++] = state;
	return state;
}

static int
resolve(void *arg, const char *reference, const struct platform *platform,
    struct image_config **config, char **id, struct error *e)
{
	struct build *b = arg;
	struct image_state *state = find_image(b, reference, platform);
	autofree char *instead = NULL;
	struct worker pull = { .pid = -1, .fd = -1 };
	struct image image = { 0 };

	if (!state) {
		const char *name = reference;

		if (policy_image(b, reference, &instead, e) < 0)
			return -1;
		name = instead ? instead : name;
		if (!b->store || (b->checking && image_is_outside(name)))
			return error_set(e, ERR_NOT_FOUND, "it is not in the store");
		/* a check fetches nothing */
		if ((b->checking ? image_resolve(b->store, name, platform, &image, e)
				 : images_find(b, name, platform, &image, &pull, e)) < 0)
			return -1;
		state = add_image(b, reference, platform, &image, &pull);
		image_release(&image);
	}
	*config = xcalloc(1, sizeof(**config));
	image_config_copy(*config, &state->config);
	*id = xstrdup(state->id);
	return 0;
}

static bool
is_stored(void *arg, const char *reference)
{
	struct build *b = arg;
	autofree char *instead = NULL;
	struct image image = { 0 };
	struct error ignored =
	    ERROR_INIT; /* whatever is wrong with it: it cannot be had from there */

	if (policy_image(b, reference, &instead, &ignored) < 0)
		return true; /* who asks for it is told */
	reference = instead ? instead : reference;
	if (!b->store || image_resolve(b->store, reference, NULL, &image, &ignored) < 0)
		return false;
	image_release(&image);
	return true;
}

/* ---- the plan ---- */

/* How image_resolve() is asked for a named context that is an image. */
static char *
context_value(const struct build_context *context)
{
	if (context->kind != BUILD_CONTEXT_LAYOUT)
		return xstrdup(context->path);
	return xasprintf("oci:%s%s%s%s%s", context->path, context->ref ? ":" : "",
	    context->ref ? context->ref : "", context->digest ? "@" : "",
	    context->digest ? context->digest : "");
}

static void
make_contexts(
    const struct build_options *options, struct plan_context *contexts, struct strv *values)
{
	for (size_t i = 0; i < options->n_contexts; i++) {
		strv_take(values, context_value(&options->contexts[i]));
		contexts[i] = (struct plan_context){ .name = options->contexts[i].name,
			.kind = options->contexts[i].kind == BUILD_CONTEXT_IMAGE ||
			                options->contexts[i].kind == BUILD_CONTEXT_LAYOUT
			            ? PLAN_CONTEXT_IMAGE
			            : PLAN_CONTEXT_DIRECTORY,
			.value = values->items[i],
			.platform = options->contexts[i].platform };
	}
}

static void
copy_environment(struct strv *environment)
{
	for (char **item = environ; item && *item; item++)
		strv_add(environment, *item);
}

/* What the Dockerfile is warned of, when nothing is wrong with it. */
static void
show_warnings(struct build *b)
{
	diagnostics_sort(&b->diagnostics);
	for (size_t i = 0; i < b->diagnostics.count; i++) {
		const struct diagnostic *d = &b->diagnostics.items[i];
		autofree char *place =
		    d->at.line > 0 ? xasprintf("%s:%u", b->diagnostics.file, (unsigned)d->at.line)
				   : xstrdup(b->diagnostics.file);

		if (d->rule)
			progress_warn(b->progress, "%s: %s (%s)", place, d->text, d->rule);
		else if (d->severity == SEVERITY_WARNING)
			progress_warn(b->progress, "%s: %s", place, d->text);
		else
			progress_note(b->progress, "%s: %s", place, d->text);
	}
}

/* Whoever gives all RUNs the network of the host has nothing left to deny to one of them. */
static unsigned
allowed(const struct build_options *options)
{
	unsigned allowed = 0;

	if (options->allowed & BUILD_ALLOW_NETWORK_HOST || options->network == BUILD_NETWORK_HOST)
		allowed |= PLAN_ALLOW_NETWORK_HOST;
	if (options->allowed & BUILD_ALLOW_INSECURE)
		allowed |= PLAN_ALLOW_INSECURE;
	if (options->allowed & BUILD_ALLOW_DEVICES)
		allowed |= PLAN_ALLOW_DEVICES;
	return allowed;
}

/* ---- what lint rules ask ---- */

static bool
is_ignored(void *arg, const char *path)
{
	const struct build *b = arg;

	return b->context.ignore_file && !b->context.ignore.has_negation &&
	       ignore_match(&b->context.ignore, path, false);
}

#define LINT_FILE_MAX (1U << 20)

static int
read_context_file(void *arg, const char *path, struct buf *text)
{
	const struct build *b = arg;
	struct error ignored = ERROR_INIT; /* a rule that cannot look says nothing */

	return b->context.dir >= 0 &&
	       path_read_file(b->context.dir, path, text, LINT_FILE_MAX, &ignored) == 0;
}

/* ---- SOURCE_DATE_EPOCH ---- */

static int
time_of(void *arg, const struct plan_time_of *what, bool *has_time, int64_t *time, struct error *e)
{
	struct build *b = arg;
	const struct context *context = &b->context;

	if (what->resource)
		return remote_time(b, what->resource, has_time, time, e);
	if (what->context != PLAN_MAIN_CONTEXT) {
		if (remote_fetch_context(b, what->context, e) < 0)
			return -1;
		context = &b->contexts[what->context];
	}
	*has_time = context->has_time;
	*time = context->time;
	return 0;
}

/* ---- making it ---- */

static void
make_plan(struct build *b, enum plan_flags flags)
{
	const struct build_options *options = b->options;
	autofree struct plan_context *contexts =
	    xcalloc(options->n_contexts + 1, sizeof(*contexts));
	auto(strv) struct strv values = { 0 };
	static const char *const network_names[] = {
		[BUILD_NETWORK_DEFAULT] = "default",
		[BUILD_NETWORK_NONE] = "none",
		[BUILD_NETWORK_HOST] = "host",
	};
	auto(strv) struct strv environment = { 0 }, hosts = { 0 }, limits = { 0 };
	auto(platform) struct platform platform = { 0 };
	struct plan_options request = { .flags = flags,
		.target = options->target,
		.build_args = &options->build_args,
		.environment = &environment,
		.labels = &options->labels,
		.from = options->from,
		.env = &options->env,
		.unset_env = &options->unset_env,
		.unset_labels = &options->unset_labels,
		.contexts = contexts,
		.n_contexts = options->n_contexts,
		.platforms = options->platforms,
		.n_platforms = options->n_platforms,
		.resolve = resolve,
		.is_stored = is_stored,
		.tell = flags & PLAN_CHECK ? NULL : state_note,
		.time_of = flags & PLAN_CHECK ? NULL : time_of,
		.is_ignored = is_ignored,
		.read_file = read_context_file,
		.arg = b,
		.allowed = allowed(options),
		.allowed_devices = &options->allowed_devices,
		.device_dirs = &options->device_dirs,
		.network = network_names[options->network],
		.hosts = &hosts,
		.limits = &limits };

	for (size_t i = 0; i < options->n_hosts; i++)
		strv_printf(&hosts, "%s:%s", options->hosts[i].name, options->hosts[i].address);
	for (size_t i = 0; i < options->n_ulimits; i++)
		strv_printf(&limits, "%s=%" PRIu64 ":%" PRIu64, options->ulimits[i].name,
		    options->ulimits[i].soft, options->ulimits[i].hard);
	if (options->shm_size > 0)
		strv_printf(&limits, "shm=%" PRIu64, options->shm_size);
	make_contexts(options, contexts, &values);
	copy_environment(&environment);
	platform_native(&platform);
	request.os = platform.os;
	request.architecture = platform.architecture;
	request.variant = platform.variant ? platform.variant : "";
	(void)plan_make(&b->plan, &b->file, &request, &b->diagnostics);
}

int
sources_plan(struct build *b, struct error *e)
{
	make_plan(b, 0);
	if (b->diagnostics.n_errors > 0) {
		(void)diagnostics_check(&b->diagnostics, e);
		if (b->registry_failed)
			e->kind = ERR_NETWORK;
		return -1;
	}
	if (b->plan.has_epoch && !b->has_timestamp) {
		b->has_timestamp = true;
		b->timestamp = b->plan.epoch;
	}
	show_warnings(b);
	return 0;
}

void
sources_check(struct build *b, enum plan_flags flags)
{
	b->checking = true;
	make_plan(b, flags | PLAN_CHECK);
}

/* ---- the end ---- */

void
sources_show_diagnostics(struct build *b)
{
	auto(buf) struct buf text = { 0 };

	diagnostics_write(&b->diagnostics, &text);
	(void)fwrite(text.data, 1, text.len, stderr); /* nowhere else to tell it */
}

static void
image_state_free(struct image_state *image)
{
	worker_kill(&image->pull);
	free(image->reference);
	platform_release(&image->platform);
	free(image->id);
	manifest_release(&image->manifest);
	image_config_release(&image->config);
	free(image);
}

void
sources_release(struct build *b)
{
	fetch_free(b->fetch);
	for (size_t i = 0; i < b->n_images; i++)
		image_state_free(b->images[i]);
	free(b->images);
	plan_release(&b->plan);
	dockerfile_release(&b->file);
	diagnostics_release(&b->diagnostics);
	context_dockerfile_release(&b->dockerfile);
	for (size_t i = 0; b->contexts && i < b->options->n_contexts; i++)
		context_release(&b->contexts[i]);
	free(b->contexts);
	context_release(&b->context);
}
