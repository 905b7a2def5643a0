/* SPDX-License-Identifier: Apache-2.0 */
/*
 * provenance - how an image was made, as SLSA provenance v1.
 */
#include "builder/build/provenance.h"

#include "builder/attest/package.h"
#include "builder/build/mask.h"
#include "builder/dockerfile/lint.h"
#include "builder/dockerfile/resource.h"
#include "builder/image/reference.h"
#include "runtime/base/fd.h"
#include "runtime/base/mem.h"
#include "runtime/base/text.h"

#include <fcntl.h>
#include <string.h>
#include <time.h>

static bool
is_max(const struct build *b)
{
	return b->options->provenance == BUILD_PROVENANCE_MAX;
}

/* ---- what was fetched ---- */

/* Without user and password; of a file by HTTP without the query too, in which tokens are given. */
static char *
address(const char *url)
{
	char *shown = resource_shown(url);

	if (text_starts_with(shown, "http"))
		shown[strcspn(shown, "?")] = '\0';
	return shown;
}

void
provenance_note(struct build *b, const char *url, const char *algorithm, const char *digest)
{
	autofree char *uri = address(url);
	struct json *item;

	if (b->options->provenance == BUILD_PROVENANCE_NONE)
		return;
	if (!b->materials)
		b->materials = json_new_array();
	for (size_t n = 0; n < json_count(b->materials); n++)
		if (strcmp(json_text(json_get(json_at(b->materials, n), "uri")), uri) == 0)
			return;
	item = json_append(b->materials, json_new_object());
	json_set_text(item, "uri", uri);
	if (digest)
		json_set_text(json_set(item, "digest", json_new_object()), algorithm, digest);
}

void
provenance_note_file(struct build *b, const char *url, int dir, const char *name)
{
	struct error ignored = ERROR_INIT; /* whoever reads the file next says so */
	struct digest digest;
	char hex[DIGEST_HEX_LEN + 1];
	autofd int fd = -1;

	if (b->options->provenance == BUILD_PROVENANCE_NONE)
		return;
	fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd >= 0 && digest_of_fd(fd, &digest, NULL, &ignored) == 0)
		provenance_note(b, url, "sha256", digest_hex(&digest, hex));
	else
		provenance_note(b, url, NULL, NULL);
}

/* ---- text that may hold what must not leave ---- */

/* "://user:password@" */
static void
hide_users(const char *text, struct buf *b)
{
	const char *at;

	while ((at = strstr(text, "://"))) {
		size_t length = strcspn(at + 3, "/ \t\r\n\"'<>");
		const char *end = NULL;

		for (const char *c = at + 3; c < at + 3 + length; c++)
			end = *c == '@' ? c : end;
		buf_add(b, text, (size_t)(at + 3 - text));
		if (end)
			buf_add_text(b, MASK_TEXT);
		text = end ? end : at + 3;
	}
	buf_add_text(b, text);
}

/* Queries of what is fetched by HTTP. */
static void
mask_queries(const struct plan *plan, struct mask *mask)
{
	for (size_t s = 0; s < plan->n_stages; s++) {
		for (size_t i = 0; i < plan->stages[s].n_steps; i++) {
			const struct plan_step *step = &plan->stages[s].steps[i];

			for (size_t n = 0; n < step->n_remotes; n++) {
				const struct resource *source = &step->remotes[n].source;
				const char *query = strchr(source->url, '?');

				if (source->kind == RESOURCE_HTTP && query)
					mask_add(mask, query + 1, strlen(query + 1));
			}
		}
	}
}

static struct mask *
make_mask(const struct build *b)
{
	struct mask *mask = mask_new();

	for (size_t n = 0; n < b->options->n_secrets; n++)
		mask_add(mask, b->options->secrets[n].bytes, b->options->secrets[n].length);
	for (size_t n = 0; n < b->options->build_args.count; n++) {
		const char *text = b->options->build_args.items[n];
		autofree char *name = xstrndup(text, strcspn(text, "="));

		if (lint_names_secret(name) && text[strlen(name)] == '=')
			mask_add(mask, text + strlen(name) + 1, strlen(text + strlen(name) + 1));
	}
	mask_queries(&b->plan, mask);
	return mask;
}

static char *
fit_to_leave(const struct build *b, const char *text, size_t length)
{
	struct mask *mask = make_mask(b);
	auto(buf) struct buf masked = { 0 };
	struct buf out = { 0 };

	mask_feed(mask, text, length, &masked);
	mask_flush(mask, &masked);
	mask_free(mask);
	hide_users(buf_text(&masked), &out);
	return buf_steal(&out);
}

/* ---- external parameters ---- */

static bool
is_proxy(const char *name)
{
	return text_ends_with(name, "_PROXY") || text_ends_with(name, "_proxy");
}

static void
add_arguments(const struct build *b, struct json *args)
{
	for (size_t n = 0; n < b->options->build_args.count; n++) {
		const char *text = b->options->build_args.items[n];
		size_t length = strcspn(text, "=");
		autofree char *name = xstrndup(text, length);
		autofree char *key = xasprintf("build-arg:%s", name);
		autofree char *value = NULL;

		if (is_proxy(name))
			continue;
		value = lint_names_secret(name)
		            ? xstrdup(MASK_TEXT)
		            : fit_to_leave(b, text + length + 1, strlen(text + length + 1));
		json_set_text(args, key, value);
	}
}

/* Only what they are called: their content is nowhere. */
static void
add_names(struct json *request, const char *key, size_t count, const char *const *ids)
{
	struct json *list;

	if (count == 0)
		return;
	list = json_set(request, key, json_new_array());
	for (size_t n = 0; n < count; n++)
		json_set_text(json_append(list, json_new_object()), "id", ids[n]);
}

static void
add_given(const struct build *b, struct json *request)
{
	const struct build_options *o = b->options;
	autofree const char **ids = xcalloc(o->n_secrets + o->n_agents + 1, sizeof(*ids));

	for (size_t n = 0; n < o->n_secrets; n++)
		ids[n] = o->secrets[n].id;
	add_names(request, "secrets", o->n_secrets, ids);
	for (size_t n = 0; n < o->n_agents; n++)
		ids[n] = o->agents[n].id;
	add_names(request, "ssh", o->n_agents, ids);
}

static struct json *
make_request(const struct build *b)
{
	static const char *const networks[] = { [BUILD_NETWORK_DEFAULT] = "default",
		[BUILD_NETWORK_NONE] = "none",
		[BUILD_NETWORK_HOST] = "host" };
	const struct build_options *o = b->options;
	struct json *request = json_new_object(), *args, *locals;

	json_set_text(request, "frontend", "dockerfile.v0");
	args = json_set(request, "args", json_new_object());
	if (o->target)
		json_set_text(args, "target", o->target);
	if (o->no_cache)
		json_set_text(args, "no-cache", "");
	if (o->network != BUILD_NETWORK_DEFAULT)
		json_set_text(args, "force-network-mode", networks[o->network]);
	if (is_max(b)) {
		add_arguments(b, args);
		add_given(b, request);
	}
	locals = json_set(request, "locals", json_new_array());
	if (o->context.kind == BUILD_CONTEXT_DIR)
		json_set_text(json_append(locals, json_new_object()), "name", "context");
	for (size_t n = 0; n < o->n_contexts; n++)
		if (o->contexts[n].kind == BUILD_CONTEXT_DIR)
			json_set_text(
			    json_append(locals, json_new_object()), "name", o->contexts[n].name);
	return request;
}

static struct json *
make_external(const struct build *b)
{
	const struct build_context *context = &b->options->context;
	struct json *external = json_new_object(), *source;
	char hex[DIGEST_HEX_LEN + 1];
	struct digest digest;

	source = json_set(external, "configSource", json_new_object());
	if (context->kind == BUILD_CONTEXT_GIT || context->kind == BUILD_CONTEXT_HTTP) {
		autofree char *uri = address(context->path);

		json_set_text(source, "uri", uri);
	}
	json_set_text(source, "path", b->dockerfile.path);
	if (b->file.text) {
		digest_of(b->file.text, b->file.length, &digest);
		json_set_text(json_set(source, "digest", json_new_object()), "sha256",
		    digest_hex(&digest, hex));
	}
	json_set(external, "request", make_request(b));
	return external;
}

/* ---- what it was made of ---- */

static void
add_image(const struct image_state *image, struct json *list)
{
	auto(reference) struct reference r = { 0 };
	struct error ignored = ERROR_INIT; /* of a layout: no name that others know */
	auto(buf) struct buf uri = { 0 };
	auto(buf) struct buf platform = { 0 };
	struct json *item;

	if (!text_starts_with(image->id, "sha256:"))
		return;
	item = json_append(list, json_new_object());
	platform_add_text(&platform, &image->config.platform);
	if (reference_parse(image->reference, &r, &ignored) == 0) {
		autofree char *tag = steal_ptr(&r.tag);
		autofree char *name = reference_short(&r);

		buf_printf(&uri, "pkg:docker/%.*s", (int)strcspn(name, "@"), name);
		buf_printf(&uri, "%s%s", tag ? "@" : "", tag ? tag : "");
		buf_add_text(&uri, "?platform=");
		purl_add(&uri, buf_text(&platform));
	} else {
		buf_printf(&uri, "pkg:oci/image?platform=");
		purl_add(&uri, buf_text(&platform));
	}
	json_set_text(item, "uri", buf_text(&uri));
	json_set_text(
	    json_set(item, "digest", json_new_object()), "sha256", image->id + strlen("sha256:"));
}

static bool
is_of_main_context(const struct plan_step *step)
{
	return (step->kind == PLAN_COPY || step->kind == PLAN_ADD) &&
	       step->source == PLAN_FROM_CONTEXT && step->sources.count > 0;
}

/* Of a directory of this machine: what was copied, as the steps' digests of content, mode and owner. */
static void
add_context(const struct build *b, struct json *list)
{
	autohash struct hash *hash = hash_new();
	struct digest digest;
	char hex[DIGEST_HEX_LEN + 1];
	size_t count = 0;
	struct json *item;

	for (size_t s = 0; s < b->plan.n_stages; s++) {
		for (size_t i = 0; b->stages[s].needed && i < b->plan.stages[s].n_steps; i++) {
			if (!is_of_main_context(&b->plan.stages[s].steps[i]))
				continue;
			hash_add(hash, b->stages[s].steps[i].content.bytes, DIGEST_SIZE);
			count++;
		}
	}
	if (count == 0)
		return;
	hash_finish(hash, &digest);
	item = json_append(list, json_new_object());
	json_set_text(item, "name", "context");
	json_set_text(
	    json_set(item, "digest", json_new_object()), "crozeContent", digest_hex(&digest, hex));
}

static struct json *
make_dependencies(const struct build *b)
{
	struct json *list = json_new_array();

	for (size_t n = 0; n < b->n_images; n++)
		add_image(b->images[n], list);
	for (size_t n = 0; n < json_count(b->materials); n++)
		json_append(list, json_copy(json_at(b->materials, n)));
	add_context(b, list);
	return list;
}

/* ---- internal parameters ---- */

static struct json *
make_step(const struct build *b, const struct plan_step *step, const struct step_state *state)
{
	const struct layer_record *layer = step_record_layer(&state->record, b->variant);
	struct json *item = json_new_object();
	char hex[DIGEST_HEX_LEN + 1], text[DIGEST_TEXT_LEN + 1];

	json_set_text(
	    item, "instruction", step->instruction ? step->instruction->def->name : "FROM");
	json_set(item, "line", json_new_u64(step->line));
	if (state->has_key)
		json_set_text(json_set(item, "digest", json_new_object()), "sha256",
		    digest_hex(&state->key, hex));
	if (layer)
		json_set_text(item, "layer", digest_text(&layer->digest, text));
	return item;
}

static struct json *
make_stages(const struct build *b)
{
	struct json *stages = json_new_array();

	for (size_t s = 0; s < b->plan.n_stages; s++) {
		const struct plan_stage *plan = &b->plan.stages[s];
		struct json *stage, *steps;

		if (!b->stages[s].needed && s != b->plan.target)
			continue;
		stage = json_append(stages, json_new_object());
		json_set_text(stage, "name", plan->name);
		json_set(stage, "line", json_new_u64(plan->line));
		steps = json_set(stage, "steps", json_new_array());
		for (size_t i = 0; i < plan->n_steps; i++)
			json_append(steps, make_step(b, &plan->steps[i], &b->stages[s].steps[i]));
	}
	return stages;
}

static struct json *
make_internal(const struct build *b)
{
	auto(platform) struct platform native = { 0 };
	auto(buf) struct buf text = { 0 };
	struct json *internal = json_new_object();

	platform_native(&native);
	platform_add_text(&text, &native);
	json_set_text(internal, "builderPlatform", buf_text(&text));
	if (is_max(b)) {
		json_set_text(internal, "isolation", tier_name(b->tier));
		json_set(
		    json_set(internal, "buildConfig", json_new_object()), "stages", make_stages(b));
	}
	return internal;
}

/* ---- the run ---- */

static void
set_time(struct json *metadata, const char *key, const struct timespec *time)
{
	auto(buf) struct buf text = { 0 };

	text_add_rfc3339(&text, time);
	json_set_text(metadata, key, buf_text(&text));
}

/* The Dockerfile itself. */
static struct json *
make_source(const struct build *b)
{
	autofree char *text = fit_to_leave(b, b->file.text, b->file.length);
	struct json *source = json_new_object(), *info;
	auto(buf) struct buf encoded = { 0 };

	info = json_append(json_set(source, "infos", json_new_array()), json_new_object());
	text_add_base64(&encoded, text, strlen(text));
	json_set_text(info, "filename", b->dockerfile.path);
	json_set_text(info, "language", "Dockerfile");
	json_set_text(info, "data", buf_text(&encoded));
	return source;
}

static struct json *
make_metadata(const struct build *b)
{
	struct json *metadata = json_new_object(), *completeness;
	struct timespec fixed = { .tv_sec = b->timestamp }, now;

	(void)clock_gettime(CLOCK_REALTIME, &now); /* cannot fail */
	if (!b->has_timestamp && b->build_id)
		json_set_text(metadata, "invocationId", b->build_id);
	set_time(metadata, "startedOn", b->has_timestamp ? &fixed : &b->started);
	set_time(metadata, "finishedOn", b->has_timestamp ? &fixed : &now);
	if (is_max(b) && b->file.text)
		json_set(json_set(metadata, "buildkit_metadata", json_new_object()), "source",
		    make_source(b));
	completeness = json_set(metadata, "buildkit_completeness", json_new_object());
	json_set(completeness, "request", json_new_bool(is_max(b)));
	/* what a RUN fetches is not known */
	json_set(completeness, "resolvedDependencies", json_new_bool(false));
	return metadata;
}

struct json *
provenance_make(const struct build *b)
{
	const char *id = b->options->builder_id ? b->options->builder_id : PROVENANCE_BUILDER;
	struct json *predicate = json_new_object(), *definition, *details, *builder;

	definition = json_set(predicate, "buildDefinition", json_new_object());
	json_set_text(definition, "buildType", PROVENANCE_BUILD_TYPE);
	json_set(definition, "externalParameters", make_external(b));
	json_set(definition, "internalParameters", make_internal(b));
	json_set(definition, "resolvedDependencies", make_dependencies(b));
	details = json_set(predicate, "runDetails", json_new_object());
	builder = json_set(details, "builder", json_new_object());
	json_set_text(builder, "id", id);
	json_set_text(json_set(builder, "version", json_new_object()), "croze", CROZE_VERSION);
	json_set(details, "metadata", make_metadata(b));
	return predicate;
}
