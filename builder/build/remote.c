/* SPDX-License-Identifier: Apache-2.0 */
/*
 * remote - what has to be brought here before it can be copied: archives as build context, repositories, files by HTTP.
 */
#include "builder/build/remote.h"

#include "builder/build/download.h"
#include "builder/build/policy.h"
#include "builder/build/provenance.h"
#include "builder/context/git.h"
#include "builder/context/traverse.h"
#include "builder/layer/apply.h"
#include "runtime/base/fd.h"
#include "runtime/base/mem.h"
#include "runtime/base/text.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define FETCHED "fetched" /* a file that came, beside what is made of it */

bool
remote_is_context(const struct build_context *from)
{
	return from->kind == BUILD_CONTEXT_STREAM || from->kind == BUILD_CONTEXT_GIT ||
	       from->kind == BUILD_CONTEXT_HTTP;
}

/* A new directory, and its path. */
static int
make_dir(struct build *b, char **path, struct error *e)
{
	if (!b->store)
		b->store = store_open(b->options->root, 0, e);
	return b->store ? store_tmp_dir(b->store, path, e) : -1;
}

/* ---- archives ---- */

static int
take_newest(void *arg, const struct traverse_item *item, uint32_t *token, struct error *e)
{
	int64_t *newest = arg;

	(void)e; /* comparing cannot fail */
	*token = 0;
	if (S_ISREG(item->stat->st_mode) && item->stat->st_mtim.tv_sec > *newest)
		*newest = item->stat->st_mtim.tv_sec;
	return 1;
}

/* The time of the newest file. */
static int
set_newest(struct context *context, struct error *e)
{
	struct traverse walk = {
		.root = context->dir, .start = ".", .visit = take_newest, .arg = &context->time
	};

	context->has_time = true;
	context->time = 0;
	return traverse_run(&walk, e);
}

/* Unpacks the archive @fd; everything in it belongs to the user, as files of a directory of his would. */
static int
unpack(struct build *b, int fd, struct context *context, struct error *e)
{
	struct archive_options options = { .dest = "/",
		.dest_uid = geteuid(),
		.dest_gid = getegid(),
		.chown = true,
		.uid = geteuid(),
		.gid = getegid() };
	struct apply_result result = { 0 };
	int ok;

	context->dir = make_dir(b, NULL, e);
	if (context->dir < 0)
		return -1;
	ok = archive_apply(fd, &(struct apply_root){ context->dir, NULL }, &options, &result, e);
	for (size_t i = 0; ok == 0 && b->progress && i < result.notes.count; i++)
		progress_note(b->progress, "%s", result.notes.items[i]);
	apply_result_release(&result);
	return ok < 0 ? -1 : set_newest(context, e);
}

/* Standard input, of which the beginning was read to see what it is. */
static int
open_stream(
    struct build *b, const struct build_context *from, struct context *context, struct error *e)
{
	autofd int file = -1;
	uint64_t copied = 0;

	if (!b->store)
		b->store = store_open(b->options->root, 0, e);
	file = b->store ? store_tmp_file(b->store, e) : -1;
	if (file < 0 || fd_write_all(file, from->head, from->head_length, e) < 0 ||
	    fd_copy(STDIN_FILENO, file, UINT64_MAX, &copied, e) < 0)
		return -1;
	if (lseek(file, 0, SEEK_SET) < 0)
		return error_sys(e, "cannot read standard input again");
	if (unpack(b, file, context, e) == 0)
		return 0;
	return error_ctx(e, "the build context from standard input");
}

/* ---- repositories ---- */

static bool
keeps_git_dir(const struct build *b, const struct resource *source)
{
	const char *given = env_get(&b->options->build_args, "BUILDKIT_CONTEXT_KEEP_GIT_DIR");

	if (source->keep_git_dir != RESOURCE_UNSAID)
		return source->keep_git_dir == RESOURCE_YES;
	return given && (strcmp(given, "1") == 0 || strcasecmp(given, "true") == 0);
}

static int
open_git(struct build *b, const struct resource *resource, bool is_own, struct context *context,
    struct error *e)
{
	autofree char *path = NULL;
	autofd int dir = make_dir(b, &path, e);
	struct git_request request = { .source = resource,
		.keep_git_dir = keeps_git_dir(b, resource),
		.is_own = is_own,
		.dir = dir,
		.path = path };
	struct git_result result;

	if (dir < 0 || policy_git(b, resource, e) < 0)
		return -1;
	context->dir = git_checkout(&request, &result, e);
	if (context->dir < 0)
		return -1;
	provenance_note(b, resource->url, "sha1", result.commit);
	context->has_time = true;
	context->time = result.time;
	return 0;
}

static int
open_own_git(struct build *b, const char *url, struct context *context, struct error *e)
{
	struct resource resource;
	int ok;

	if (resource_parse_own(url, &resource, e) < 0)
		return -1;
	ok = open_git(b, &resource, true, context, e);
	resource_release(&resource);
	return ok;
}

/* ---- HTTP ---- */

/* A secret of the command line, without the line end that files have; NULL. To be freed. */
static char *
find_secret(const struct build *b, const char *prefix, const char *host)
{
	autofree char *id = xasprintf("%s%s", prefix, host);

	for (size_t i = 0; i < b->options->n_secrets; i++) {
		const struct build_secret *secret = &b->options->secrets[i];
		size_t length = secret->length;

		if (strcmp(secret->id, id) != 0)
			continue;
		while (length > 0 && strchr("\r\n", secret->bytes[length - 1]))
			length--;
		return xstrndup(secret->bytes, length);
	}
	return NULL;
}

/* HTTP_AUTH_HEADER_<host> is the header, HTTP_AUTH_TOKEN_<host> a bearer's token; with or without the port. */
static char *
authorization(const struct build *b, const char *url)
{
	autofree char *host = resource_host(url);
	size_t length = host ? strcspn(host, ":") : 0;
	char *found = NULL;

	for (int i = 0; !found && host && i < 2; i++) {
		autosecret char *token = NULL;

		found = find_secret(b, "HTTP_AUTH_HEADER_", host);
		token = found ? NULL : find_secret(b, "HTTP_AUTH_TOKEN_", host);
		if (token)
			found = xasprintf("Bearer %s", token);
		host[length] = '\0';
	}
	return found;
}

/* A file alone: that is a Dockerfile where one may come. */
static int
take_file(int dir, const char *name, struct context *context, struct context_dockerfile *dockerfile,
    struct error *e)
{
	autofd int file = -1;

	if (!dockerfile) {
		context->dir = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		return context->dir < 0 ? error_sys(e, "cannot open what was fetched") : 0;
	}
	file = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (file < 0)
		return error_sys(e, "cannot open what was fetched");
	return context_read_dockerfile_stream(file, dockerfile, e);
}

/* Each reader opens it anew: the helper programs share the position of a descriptor, and end when they like. */
static int
is_archive(int dir, const char *name, struct error *e)
{
	autofd int file = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);

	return file < 0 ? error_sys(e, "cannot open what was fetched") : archive_detect(file, e);
}

static int
unpack_file(struct build *b, int dir, const char *name, struct context *context, struct error *e)
{
	autofd int file = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);

	return file < 0 ? error_sys(e, "cannot open what was fetched")
	                : unpack(b, file, context, e);
}

static int
open_http(struct build *b, const struct build_context *from, struct context *context,
    struct context_dockerfile *dockerfile, struct error *e)
{
	autofd int dir = make_dir(b, NULL, e);
	autofree char *name = dockerfile ? xstrdup(FETCHED) : resource_file_name(from->path);
	auto(policy_url) struct policy_url policy = { 0 };
	autosecret char *header = NULL;
	struct http_request request = { .dir = dir, .name = name };
	struct http_result result;
	int archive;

	if (dir < 0 || policy_http(b, from->path, NULL, &policy, e) < 0)
		return -1;
	header = authorization(b, policy.url);
	request.url = policy.url;
	request.authorization = header;
	request.digest = policy.has_digest ? &policy.digest : NULL;
	if (download(b, &request, &result, e) < 0)
		return -1;
	provenance_note_file(b, policy.url, dir, name);
	archive = is_archive(dir, name, e);
	if (archive < 0)
		return -1;
	if ((archive ? unpack_file(b, dir, name, context, e)
		     : take_file(dir, name, context, dockerfile, e)) < 0)
		return -1;
	if (result.has_time) {
		context->has_time = true;
		context->time = result.time;
	}
	return 0;
}

/* ---- contexts ---- */

int
remote_open_context(struct build *b, const struct build_context *from, struct context *context,
    struct context_dockerfile *dockerfile, struct error *e)
{
	autofree char *shown = from->path ? resource_shown(from->path) : xstrdup("-");
	int ok = 0;

	context_release(context);
	context_none(context);
	context->is_foreign = true;
	free(context->path);
	context->path = xstrdup(shown);
	if (from->kind == BUILD_CONTEXT_STREAM)
		return open_stream(b, from, context, e);
	ok = from->kind == BUILD_CONTEXT_GIT ? open_own_git(b, from->path, context, e)
	                                     : open_http(b, from, context, dockerfile, e);
	return ok < 0 ? error_ctx(e, "build context '%s'", shown) : 0;
}

/* ---- sources of ADD ---- */

static int
fetch_git(struct build *b, const struct plan_step *step, const struct plan_remote *remote,
    struct step_remote *to, struct error *e)
{
	struct git_result result;
	struct git_request request = { .source = &remote->source };
	autofree char *path = NULL;
	autofd int dir = make_dir(b, &path, e);

	if (dir < 0 || policy_git(b, &remote->source, e) < 0)
		return -1;
	request.dir = dir;
	request.path = path;
	request.keep_git_dir = step->keep_git_dir || remote->source.keep_git_dir == RESOURCE_YES;
	to->dir = git_checkout(&request, &result, e);
	if (to->dir < 0)
		return -1;
	provenance_note(b, remote->source.url, "sha1", result.commit);
	to->path = xstrdup(".");
	to->name = xstrdup(remote->text);
	to->has_time = true;
	to->time = result.time;
	return 0;
}

static int
fetch_http(
    struct build *b, const struct plan_remote *remote, struct step_remote *to, struct error *e)
{
	const struct digest *wanted = remote->has_digest ? &remote->digest : NULL;
	auto(policy_url) struct policy_url policy = { 0 };
	autosecret char *header = NULL;
	struct http_request request = { 0 };
	struct http_result result;

	if (policy_http(b, remote->source.url, wanted, &policy, e) < 0)
		return -1;
	header = authorization(b, policy.url);
	request.url = policy.url;
	request.authorization = header;
	request.digest = policy.has_digest ? &policy.digest : NULL;
	to->dir = make_dir(b, NULL, e);
	if (to->dir < 0)
		return -1;
	to->path = resource_file_name(remote->source.url);
	to->name = xstrdup(to->path);
	request.dir = to->dir;
	request.name = to->path;
	if (download(b, &request, &result, e) < 0)
		return -1;
	provenance_note_file(b, policy.url, to->dir, to->path);
	to->has_time = result.has_time;
	to->time = result.time;
	return 0;
}

static int
fetch_step(struct build *b, const struct plan_step *step, struct step_state *state, struct error *e)
{
	state->remotes = xcalloc(step->n_remotes, sizeof(*state->remotes));
	state->n_remotes = step->n_remotes;
	for (size_t i = 0; i < step->n_remotes; i++)
		state->remotes[i].dir = -1;
	for (size_t i = 0; i < step->n_remotes; i++) {
		const struct plan_remote *remote = &step->remotes[i];
		int ok = remote->source.kind == RESOURCE_GIT
		             ? fetch_git(b, step, remote, &state->remotes[i], e)
		             : fetch_http(b, remote, &state->remotes[i], e);

		if (ok < 0 && remote->source.kind == RESOURCE_GIT) {
			autofree char *shown = resource_shown(remote->text);

			return error_ctx(e, "'%s'", shown);
		}
		if (ok < 0)
			return -1;
	}
	return 0;
}

int
remote_fetch_context(struct build *b, size_t index, struct error *e)
{
	const struct build_context *from = &b->options->contexts[index];

	if (!remote_is_context(from) || b->contexts[index].dir >= 0)
		return 0;
	if (remote_open_context(b, from, &b->contexts[index], NULL, e) == 0)
		return 0;
	return error_ctx(e, "--build-context %s", from->name);
}

static int
fetch_for(struct build *b, const struct plan_step *step, struct step_state *state, struct error *e)
{
	struct error problem = ERROR_INIT;

	for (size_t i = 0; i < step->n_mounts; i++)
		if (step->mounts[i].has_files &&
		    step->mounts[i].source == PLAN_FROM_NAMED_CONTEXT &&
		    remote_fetch_context(b, step->mounts[i].from, e) < 0)
			return -1;
	if (step->kind != PLAN_COPY && step->kind != PLAN_ADD)
		return 0;
	if (step->source == PLAN_FROM_NAMED_CONTEXT && remote_fetch_context(b, step->from, e) < 0)
		return -1;
	if (step->n_remotes == 0 || fetch_step(b, step, state, &problem) == 0)
		return 0;
	if (problem.kind != ERR_INPUT && problem.kind != ERR_NOT_FOUND) {
		*e = problem;
		return error_ctx(e, "%s:%u: %s", b->dockerfile.path, step->line, step->text);
	}
	diagnostics_error(&b->diagnostics, (struct location){ .line = step->line }, &problem);
	return 0;
}

int
remote_time(struct build *b, const struct resource *resource, bool *has_time, int64_t *time,
    struct error *e)
{
	struct build_context from = { .kind = resource->kind == RESOURCE_GIT ? BUILD_CONTEXT_GIT
		                                                             : BUILD_CONTEXT_HTTP,
		.path = resource->url };
	struct context context = { .dir = -1 };
	int ok;

	context_none(&context);
	ok = resource->kind == RESOURCE_GIT ? open_git(b, resource, false, &context, e)
	                                    : open_http(b, &from, &context, NULL, e);
	*has_time = ok == 0 && context.has_time;
	*time = context.time;
	context_release(&context);
	return ok;
}

int
remote_fetch_all(struct build *b, struct error *e)
{
	int ok = 0;

	for (size_t s = 0; ok == 0 && s < b->plan.n_stages; s++)
		for (size_t i = 0; ok == 0 && i < b->plan.stages[s].n_steps; i++)
			ok = fetch_for(b, &b->plan.stages[s].steps[i], &b->stages[s].steps[i], e);
	fetch_free(b->fetch);
	b->fetch = NULL;
	return ok < 0 ? -1 : diagnostics_check(&b->diagnostics, e);
}
