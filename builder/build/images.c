/* SPDX-License-Identifier: Apache-2.0 */
/*
 * images - what a build takes from registries, and sends to them.
 *
 * Nothing is asked for while the Dockerfile has errors: they are told first.
 */
#include "builder/build/images.h"

#include "runtime/base/mem.h"
#include "runtime/base/text.h"

static void
note(void *arg, const char *text)
{
	struct build *b = arg;

	progress_note(b->progress, "%s", text);
}

void
images_access(struct build *b, struct registry_options *how)
{
	const struct build_options *o = b->options;

	*how = (struct registry_options){ .creds = o->creds,
		.authfile = o->authfile,
		.cert_dir = o->cert_dir,
		.tls = !o->tls_given ? REGISTRY_TLS_CONFIGURED
		                     : (o->tls_verify ? REGISTRY_TLS_VERIFY : REGISTRY_TLS_SKIP),
		.attempts = o->attempts,
		.delay = o->retry_delay,
		.note = note,
		.arg = b };
}

static struct registry *
open_registry(struct build *b, struct error *e)
{
	struct registry_options how;

	images_access(b, &how);
	return registry_new(&how, e);
}

static int
pull(struct build *b, const char *reference, const struct platform *platform, struct image *image,
    struct error *e)
{
	autoregistry struct registry *registry = open_registry(b, e);
	struct pull_options options = { .platform = platform };
	struct pull_result result = { 0 };
	auto(buf) struct buf size = { 0 };
	int ok;

	if (!registry)
		return -1;
	ok = registry_pull(registry, b->store, reference, &options, &result, e);
	if (ok == 0)
		ok = image_load(b->store, &result.target.digest, platform, image, e);
	if (ok == 0 && !result.was_there) {
		text_add_size(&size, result.bytes);
		progress_note(b->progress, "pulled %s: %zu blobs, %s", result.name, result.n_blobs,
		    buf_text(&size));
	}
	pull_result_release(&result);
	return ok;
}

int
images_find(struct build *b, const char *reference, const struct platform *platform,
    struct image *image, struct error *e)
{
	bool is_outside = image_is_outside(reference);
	struct error problem = ERROR_INIT;

	if (is_outside || b->options->pull != BUILD_PULL_ALWAYS) {
		if (image_resolve(b->store, reference, platform, image, &problem) == 0)
			return 0;
		if (is_outside || problem.kind != ERR_NOT_FOUND ||
		    b->options->pull == BUILD_PULL_NEVER || b->diagnostics.n_errors > 0) {
			*e = problem;
			return -1;
		}
	}
	if (pull(b, reference, platform, image, &problem) == 0)
		return 0;
	b->registry_failed = problem.kind == ERR_NETWORK;
	if (b->registry_failed)
		problem.kind = ERR_NOT_FOUND;
	if (b->options->pull != BUILD_PULL_ALWAYS)
		(void)error_ctx(&problem, "there is no image '%s' in the store", reference);
	*e = problem;
	return error_hint(e,
	    "without the registry: 'croze import LAYOUT', 'croze load -i FILE', or --build-context "
	    "%.200s=oci-layout://PATH:NAME",
	    reference);
}

/* ---- the way out ---- */

static int
push(struct build *b, struct registry *registry, const char *name, struct strv *lines,
    struct error *e)
{
	auto(descriptor) struct descriptor d = { 0 };
	struct push_result result = { 0 };
	auto(buf) struct buf size = { 0 };
	int ok;

	descriptor_init(
	    &d, b->result->manifest_media_type, &b->result->manifest, b->result->manifest_size);
	ok = registry_push(registry, b->store, &d, name, &result, e);
	if (ok == 0) {
		text_add_size(&size, result.bytes);
		progress_note(b->progress,
		    "pushed %s: %s sent, blobs: %zu sent, %zu mounted, %zu there", result.name,
		    buf_text(&size), result.n_sent, result.n_mounted, result.n_there);
		strv_printf(lines, "docker://%s", result.name);
	}
	push_result_release(&result);
	return ok;
}

static void
add_names(const struct build *b, const struct build_output *output, struct strv *names)
{
	const struct strv *tags = &b->options->tags;
	auto(strv) struct strv own = { 0 };

	if (output && output->name)
		strv_split(&own, output->name, ',');
	else
		strv_copy(&own, tags);
	for (size_t i = 0; i < own.count; i++)
		if (!strv_has(names, own.items[i]))
			strv_add(names, own.items[i]);
}

int
images_push(struct build *b, struct strv *lines, struct error *e)
{
	auto(strv) struct strv names = { 0 };
	autoregistry struct registry *registry = NULL;

	if (b->options->push)
		add_names(b, NULL, &names);
	for (size_t i = 0; i < b->options->n_outputs; i++)
		if (b->options->outputs[i].push)
			add_names(b, &b->options->outputs[i], &names);
	if (names.count == 0 || !b->result->has_image)
		return 0;
	registry = open_registry(b, e);
	if (!registry)
		return -1;
	for (size_t i = 0; i < names.count; i++)
		if (push(b, registry, names.items[i], lines, e) < 0)
			return -1;
	return 0;
}
