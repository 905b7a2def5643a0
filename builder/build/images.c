/* SPDX-License-Identifier: Apache-2.0 */
/*
 * images - what a build takes from registries, and sends to them.
 *
 * Nothing is asked for while the Dockerfile has errors: they are told first. What is wrong with an image by its name, manifest and
 * config is told of its FROM; what is wrong with its layers is found out while the build goes on.
 */
#include "builder/build/images.h"

#include "runtime/base/fd.h"
#include "runtime/base/json.h"
#include "runtime/base/mem.h"
#include "runtime/base/text.h"

#include <fcntl.h>
#include <unistd.h>

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
		.note = state_note,
		.arg = b };
}

static struct registry *
open_registry(struct build *b, struct error *e)
{
	struct registry_options how;

	images_access(b, &how);
	return registry_new(&how, e);
}

/* ---- the way in ---- */

/*
 * A process of its own brings an image: what it is is known when the manifest and config are there (and told through a pipe), and
 * the build goes on with that while the layers come.
 */
struct puller {
	struct build *b;
	const char *reference;
	const struct platform *platform;
	struct strv notes;
	int ends[2]; /* of the pipe */
	int turn;    /* two processes do not bring a layer that their images have in common twice */
};

static void
keep_note(void *arg, const char *text)
{
	struct puller *p = arg;

	strv_add(&p->notes, text);
}

static int
tell_documents(void *arg, const struct pull_result *result, struct error *e)
{
	struct puller *p = arg;

	if (fd_write_all(p->ends[1], &result->target.digest, sizeof(struct digest), e) < 0)
		return -1;
	fd_close_at(&p->ends[1]);
	p->turn = store_tmp_lock(p->b->store, "pull", e);
	return p->turn < 0 ? -1 : 0;
}

static void
write_answer(const struct puller *p, const struct pull_result *result, struct buf *answer)
{
	autojson struct json *j = json_new_object();

	json_set(j, "notes", json_new_strv(&p->notes));
	if (!result->was_there)
		json_set_text(j, "name", result->name);
	json_set(j, "blobs", json_new_u64(result->n_blobs));
	json_set(j, "bytes", json_new_u64(result->bytes));
	json_write(j, 0, answer);
}

static int
pull_main(void *arg, struct buf *answer, struct error *e)
{
	struct puller *p = arg;
	struct pull_options options = {
		.platform = p->platform, .documents = tell_documents, .arg = p
	};
	auto(pull_result) struct pull_result result = { 0 };
	autoregistry struct registry *registry = NULL;
	struct registry_options how;

	fd_close_at(&p->ends[0]);
	images_access(p->b, &how);
	how.note = keep_note;
	how.arg = p;
	registry = registry_new(&how, e);
	if (!registry ||
	    registry_pull(registry, p->b->store, p->reference, &options, &result, e) < 0)
		return -1;
	write_answer(p, &result, answer);
	return 0;
}

static int
hint(const char *reference, struct error *e)
{
	return error_hint(e,
	    "without the registry: 'croze import LAYOUT', 'croze load -i FILE', or --build-context "
	    "%.200s=oci-layout://PATH:NAME",
	    reference);
}

int
images_stayed_away(const char *reference, struct error *e)
{
	/* of a name that is there, something is not: the registry's fault, not the Dockerfile's */
	if (e->kind == ERR_NOT_FOUND)
		e->kind = ERR_NETWORK;
	return hint(reference, e);
}

int
images_arrived(struct build *b, const struct buf *answer, struct error *e)
{
	autojson struct json *j = json_parse(buf_text(answer), answer->len, e);
	const char *name = json_text(json_get(j, "name"));
	auto(buf) struct buf size = { 0 };
	auto(strv) struct strv notes = { 0 };
	uint64_t blobs = 0, bytes = 0;

	if (!j || json_read_strv(j, "notes", "pull", &notes, e) < 0 ||
	    json_read_u64(j, "blobs", "pull", &blobs, e) < 0 ||
	    json_read_u64(j, "bytes", "pull", &bytes, e) < 0)
		return -1;
	for (size_t i = 0; i < notes.count; i++)
		progress_note(b->progress, "%s", notes.items[i]);
	if (!name)
		return 0;
	text_add_size(&size, bytes);
	progress_note(b->progress, "pulled %s: %llu blobs, %s", name, (unsigned long long)blobs,
	    buf_text(&size));
	return 0;
}

/* What the image is. It is told, or why not in the process's answer. */
static int
await_documents(struct worker *pull, int fd, struct digest *target, struct error *e)
{
	struct error problem = ERROR_INIT;

	if (fd_read_exact(fd, target, sizeof(*target), &problem) == 1)
		return 0;
	if (worker_finish(pull, NULL, e) < 0)
		return -1;
	return error_set(e, ERR_SYSTEM, "a worker brought an image and did not say which");
}

static int
start_pull(struct puller *p, struct worker *pull, struct digest *target, struct error *e)
{
	int ok;

	if (store_tmp_prepare(p->b->store, e) < 0)
		return -1;
	if (pipe2(p->ends, O_CLOEXEC) < 0)
		return error_sys(e, "cannot make a pipe");
	ok = worker_start(pull, pull_main, p, e);
	(void)close(p->ends[1]); /* the worker's */
	if (ok == 0)
		ok = await_documents(pull, p->ends[0], target, e);
	(void)close(p->ends[0]); /* only read */
	return ok;
}

/* How much is to come, before that takes its time. */
static void
tell_coming(struct build *b, const char *reference, const struct image *image)
{
	auto(buf) struct buf size = { 0 };
	uint64_t bytes = 0;

	for (size_t i = 0; i < image->manifest.n_layers; i++)
		if (!store_blob_has(b->store, &image->manifest.layers[i].digest))
			bytes += image->manifest.layers[i].size;
	if (bytes == 0)
		return;
	text_add_size(&size, bytes);
	progress_note(b->progress, "pulling %s: %s", reference, buf_text(&size));
}

static int
pull_image(struct build *b, const char *reference, const struct platform *platform,
    struct image *image, struct worker *pull, struct error *e)
{
	struct puller puller = { .b = b, .reference = reference, .platform = platform, .turn = -1 };
	struct digest target;

	if (start_pull(&puller, pull, &target, e) < 0 ||
	    image_load(b->store, &target, platform, image, e) < 0) {
		worker_kill(pull);
		return -1;
	}
	tell_coming(b, reference, image);
	return 0;
}

int
images_find(struct build *b, const char *reference, const struct platform *platform,
    struct image *image, struct worker *pull, struct error *e)
{
	bool is_outside = image_is_outside(reference);
	struct error problem = ERROR_INIT;

	*pull = (struct worker){ .pid = -1, .fd = -1 };
	if (is_outside || b->options->pull != BUILD_PULL_ALWAYS) {
		if (image_resolve(b->store, reference, platform, image, &problem) == 0)
			return 0;
		if (is_outside || problem.kind != ERR_NOT_FOUND ||
		    b->options->pull == BUILD_PULL_NEVER || b->diagnostics.n_errors > 0) {
			*e = problem;
			return -1;
		}
	}
	if (pull_image(b, reference, platform, image, pull, &problem) == 0)
		return 0;
	b->registry_failed = problem.kind == ERR_NETWORK;
	if (b->registry_failed)
		problem.kind = ERR_NOT_FOUND;
	if (b->options->pull != BUILD_PULL_ALWAYS)
		(void)error_ctx(&problem, "there is no image '%s' in the store", reference);
	*e = problem;
	return hint(reference, e);
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
