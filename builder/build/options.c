/* SPDX-License-Identifier: Apache-2.0 */
/*
 * options - everything that the command line, and only it, decides about a build.
 */
#include "builder/build/options.h"

#include "runtime/base/mem.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static const char *const snapshots_names[] = {
	[BUILD_SNAPSHOTS_AUTO] = "auto",
	[BUILD_SNAPSHOTS_OVERLAY] = "overlay",
	[BUILD_SNAPSHOTS_FUSE] = "fuse-overlayfs",
	[BUILD_SNAPSHOTS_COPY] = "copy",
};

const char *
build_snapshots_name(enum build_snapshots snapshots)
{
	return snapshots_names[snapshots];
}

enum build_snapshots
build_snapshots_named(const char *name)
{
	size_t i = 0;

	while (i < ARRAY_LEN(snapshots_names) && strcmp(snapshots_names[i], name) != 0)
		i++;
	assert(i < ARRAY_LEN(snapshots_names));
	return (enum build_snapshots)i;
}

void
build_context_release(struct build_context *context)
{
	free(context->name);
	free(context->path);
	free(context->ref);
	free(context->digest);
	free(context->platform);
	free(context->head);
}

static void
annotations_release(struct build_options *o)
{
	for (size_t i = 0; i < o->n_annotations; i++) {
		free(o->annotations[i].platform);
		free(o->annotations[i].key);
		free(o->annotations[i].value);
	}
	free(o->annotations);
}

static void
release_caches(struct build_options *o)
{
	for (size_t i = 0; i < o->n_cache_from; i++)
		cache_place_release(&o->cache_from[i]);
	for (size_t i = 0; i < o->n_cache_to; i++)
		cache_place_release(&o->cache_to[i]);
	free(o->cache_from);
	free(o->cache_to);
}

/* What the Dockerfile and its commands may have. */
static void
release_rules(struct build_options *o)
{
	strv_release(&o->allowed_devices);
	strv_release(&o->device_dirs);
	source_policy_free(o->source_policy);
	oci_resources_release(&o->limits);
	free(o->cgroup_parent);
	for (size_t i = 0; i < o->n_egress; i++)
		free(o->egress[i].host);
	free(o->egress);
}

void
build_options_release(struct build_options *o)
{
	build_context_release(&o->context);
	for (size_t i = 0; i < o->n_contexts; i++)
		build_context_release(&o->contexts[i]);
	for (size_t i = 0; i < o->n_outputs; i++) {
		free(o->outputs[i].dest);
		free(o->outputs[i].name);
	}
	for (size_t i = 0; i < o->n_hosts; i++) {
		free(o->hosts[i].name);
		free(o->hosts[i].address);
	}
	for (size_t i = 0; i < o->n_ulimits; i++)
		free(o->ulimits[i].name);
	for (size_t i = 0; i < o->n_secrets; i++) {
		explicit_bzero(o->secrets[i].bytes, o->secrets[i].length);
		free(o->secrets[i].bytes);
		free(o->secrets[i].id);
	}
	for (size_t i = 0; i < o->n_agents; i++) {
		free(o->agents[i].id);
		free(o->agents[i].socket);
		strv_release(&o->agents[i].keys);
	}
	release_rules(o);
	release_caches(o);
	free(o->secrets);
	free(o->agents);
	free(o->contexts);
	free(o->outputs);
	free(o->hosts);
	free(o->ulimits);
	free(o->dockerfile);
	free(o->ignore_file);
	free(o->dockerfile_text);
	free(o->from);
	free(o->target);
	free(o->platform);
	for (size_t i = 0; i < o->n_platforms; i++)
		platform_release(&o->platforms[i]);
	free(o->platforms);
	if (o->creds)
		explicit_bzero(o->creds, strlen(o->creds));
	free(o->creds);
	free(o->authfile);
	free(o->cert_dir);
	free(o->root);
	free(o->iidfile);
	free(o->metadata_file);
	free(o->builder_id);
	strv_release(&o->tags);
	strv_release(&o->build_args);
	strv_release(&o->labels);
	strv_release(&o->env);
	strv_release(&o->unset_env);
	strv_release(&o->unset_labels);
	annotations_release(o);
	*o = (struct build_options){ 0 };
}

void
build_result_release(struct build_result *result)
{
	json_free(result->network);
	free(result->manifest_media_type);
	free(result->build_id);
	*result = (struct build_result){ 0 };
}
