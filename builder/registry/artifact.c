/* SPDX-License-Identifier: Apache-2.0 */
/*
 * artifact - manifests that stand for no image: their config, and single blobs of a repository.
 *
 * What is asked for is named by its user, blob by blob: one that does not come is told, and the others come all the same.
 */
#include "builder/registry/blobs.h"

#include "builder/image/index.h"
#include "builder/image/manifest.h"
#include "builder/registry/policy.h"
#include "runtime/base/mem.h"
#include "runtime/base/text.h"

#include <string.h>

/* ---- where it is ---- */

typedef int with_remote_fn(
    void *arg, struct remote *remote, const struct reference *name, struct error *e);

struct asked {
	struct registry *registry;
	with_remote_fn *fn;
	void *arg;
};

static int
ask_endpoint(const struct asked *a, const struct endpoint *endpoint, const struct reference *name,
    struct error *e)
{
	auto(remote) struct remote remote = { 0 };

	if (remote_open(&remote, a->registry, endpoint, e) < 0)
		return -1;
	return a->fn(a->arg, &remote, name, e);
}

/* Mirrors in their order, then the registry itself. */
static int
ask_named(void *arg, const struct reference *name, struct error *e)
{
	const struct asked *a = arg;
	auto(endpoints) struct endpoints endpoints = { 0 };
	int result = -1;

	if (policy_check(name, e) < 0 ||
	    registries_endpoints(&a->registry->registries, name, false, &endpoints, e) < 0)
		return -1;
	for (size_t i = 0; result < 0 && i < endpoints.count; i++) {
		struct error problem = ERROR_INIT;

		result = ask_endpoint(a, &endpoints.items[i], name, &problem);
		if (result < 0)
			*e = problem;
	}
	return result;
}

/* ---- a config ---- */

struct config_asked {
	const struct platform *platform;
	uint64_t max;
	char **media_type;
	struct buf *config;
};

/* The manifest that @name stands for, chosen from an index if it is one. */
static int
find_manifest(struct remote *remote, const struct reference *name, const struct platform *platform,
    struct manifest *m, struct error *e)
{
	auto(platform) struct platform native = { 0 };
	auto(descriptor) struct descriptor d = { 0 };
	auto(index) struct index index = { 0 };
	auto(buf) struct buf body = { 0 };
	const struct descriptor *member;
	struct digest digest;
	char text[DIGEST_TEXT_LEN + 1];

	if (remote_target(remote, name, &body, &d, e) < 0)
		return -1;
	if (media_class(d.media_type) == MEDIA_INDEX) {
		platform_native(&native);
		if (index_parse(buf_text(&body), body.len, d.media_type, &index, e) < 0)
			return -1;
		member = index_choose(&index, platform ? platform : &native);
		if (!member)
			return error_set(e, ERR_NOT_FOUND, "it has nothing for this platform");
		digest = member->digest;
		if (remote_manifest(remote, digest_text(&digest, text), &digest, &body, &d, e) < 0)
			return -1;
	}
	return manifest_parse(buf_text(&body), body.len, d.media_type, m, e);
}

static int
read_config(void *arg, struct remote *remote, const struct reference *name, struct error *e)
{
	const struct config_asked *a = arg;
	auto(manifest) struct manifest m = { 0 };
	autofree char *scope = remote_scope(remote, "pull");
	autofree char *url = NULL;
	struct fetch_request request = { .method = "GET" };
	struct fetch_response response = { 0 };
	char text[DIGEST_TEXT_LEN + 1];
	struct digest found;

	if (find_manifest(remote, name, a->platform, &m, e) < 0)
		return -1;
	if (m.config.size > a->max)
		return error_set(e, ERR_POLICY, "its config has %llu bytes, more than %llu",
		    (unsigned long long)m.config.size, (unsigned long long)a->max);
	url = remote_url(remote, "blobs/%s", digest_text(&m.config.digest, text));
	request.url = url;
	request.digest = &m.config.digest;
	buf_clear(a->config);
	if (remote_read(remote, &request, scope, a->max, a->config, &response, e) < 0)
		return -1;
	fetch_response_release(&response);
	digest_of(a->config->data ? a->config->data : "", a->config->len, &found);
	if (!digest_equal(&found, &m.config.digest))
		return error_set(e, ERR_NETWORK, "its config is not %s", text);
	*a->media_type = xstrdup(m.config.media_type);
	return 0;
}

int
registry_read_config(struct registry *registry, const char *name, const struct platform *platform,
    uint64_t max, char **media_type, struct buf *config, struct error *e)
{
	struct config_asked how = { platform, max, media_type, config };
	struct asked a = { registry, read_config, &how };

	return registry_each_name(registry, name, ask_named, &a, e);
}

/* ---- blobs ---- */

struct blobs_asked {
	struct store *store;
	struct registry_blob *blobs;
	size_t n_blobs;
};

static int
fetch_blobs(void *arg, struct remote *remote, const struct reference *name, struct error *e)
{
	const struct blobs_asked *asked = arg;
	auto(blobs) struct blobs blobs = { 0 };
	int result;

	(void)name; /* the repository is the remote's */
	for (size_t i = 0; i < asked->n_blobs; i++)
		blobs_add(&blobs, &asked->blobs[i].digest, asked->blobs[i].size);
	result = blobs_take(&blobs, remote, asked->store, 0, e);
	for (size_t i = 0; i < asked->n_blobs; i++)
		for (size_t k = 0; k < blobs.count; k++)
			if (digest_equal(&asked->blobs[i].digest, &blobs.items[k].digest))
				asked->blobs[i].error = blobs.items[k].error;
	return result;
}

int
registry_fetch_blobs(struct registry *registry, struct store *store, const char *name,
    struct registry_blob *blobs, size_t n_blobs, struct error *e)
{
	struct blobs_asked how = { store, blobs, n_blobs };
	struct asked a = { registry, fetch_blobs, &how };

	return registry_each_name(registry, name, ask_named, &a, e);
}
