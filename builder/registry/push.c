/* SPDX-License-Identifier: Apache-2.0 */
/*
 * push - an image of the store to a registry (distribution-spec, "Pushing").
 *
 * Blobs several at a time: is it there (HEAD), has another repository of the registry it (POST with mount), else it is sent:
 * small ones in one PUT, larger ones in pieces, so that a connection that breaks costs one piece. What was lost on the way is
 * found out from the registry (GET of the upload) and sent again. Manifests follow, those of members before their index. A
 * registry that does not say that it has noted what a manifest refers to gets the list of referrers under its tag.
 */
#include "builder/registry/remote.h"

#include "builder/fetch/headers.h"
#include "builder/image/index.h"
#include "builder/image/manifest.h"
#include "builder/registry/referrers.h"
#include "runtime/base/fd.h"
#include "runtime/base/mem.h"
#include "runtime/base/text.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define WHOLE_MAX (16ULL << 20) /* up to this in one PUT */
#define PIECE_SIZE (64ULL << 20)
#define SESSIONS_MAX 4 /* uploads begun anew */
#define RESUMES_MAX 6  /* pieces sent again */
#define NESTING_MAX 4
#define PUT_IDLE 300 /* seconds that a registry may take to digest what it got */

enum upload_state {
	UPLOAD_ASK,    /* HEAD */
	UPLOAD_BEGIN,  /* POST, with mount when there is a source */
	UPLOAD_WHOLE,  /* PUT with all bytes */
	UPLOAD_PIECE,  /* PATCH */
	UPLOAD_STATUS, /* GET: how much is there? */
	UPLOAD_FINISH, /* PUT without bytes */
	UPLOAD_DONE,
};

struct upload {
	struct digest digest;
	uint64_t size;
	int fd;
	enum upload_state state;
	char *source;   /* repository to mount from; NULL */
	char *location; /* of the session */
	uint64_t at;    /* bytes that the registry has */
	uint64_t piece; /* bytes under way */
	uint64_t gone;  /* so many of them have left */
	uint64_t id;
	bool was_renewed;
	bool in_one; /* the registry takes no pieces */
	unsigned sessions, resumes;
};

struct push {
	struct remote *remote;
	struct store *store;
	struct upload *uploads;
	size_t n_uploads;
	size_t room;
	char *scope;
	bool is_noted;   /* the registry knows what the manifest sent last refers to */
	bool is_offered; /* some upload has got a source since this was cleared */
	uint64_t total;
	struct push_result *result;
};

void
push_result_release(struct push_result *r)
{
	free(r->name);
	*r = (struct push_result){ 0 };
}

static void
push_release(struct push *p)
{
	for (size_t i = 0; i < p->n_uploads; i++) {
		fd_close_at(&p->uploads[i].fd);
		free(p->uploads[i].source);
		free(p->uploads[i].location);
	}
	free(p->uploads);
	free(p->scope);
}

/* ---- what has to go ---- */

static int
add_blob(struct push *p, const struct descriptor *d, struct error *e)
{
	struct error problem = ERROR_INIT;
	struct upload *u;
	uint64_t size = 0;
	int fd;

	for (size_t i = 0; i < p->n_uploads; i++)
		if (digest_equal(&p->uploads[i].digest, &d->digest))
			return 0;
	fd = store_blob_open(p->store, &d->digest, &size, &problem);
	if (fd < 0 &&
	    (problem.kind != ERR_NOT_FOUND || !p->remote->registry->options.blobs_may_be_there)) {
		*e = problem;
		return -1;
	}
	if (fd < 0)
		size = d->size;
	xgrow(&p->uploads, p->n_uploads, &p->room, sizeof(*p->uploads));
	u = &p->uploads[p->n_uploads++];
	*u = (struct upload){ .digest = d->digest, .size = size, .fd = fd };
	p->total += size;
	return 0;
}

static int each_document(struct push *p, const struct descriptor *d, int depth,
    int (*fn)(struct push *p, const struct descriptor *d, const struct buf *body, struct error *e),
    struct error *e);

static int
each_member(struct push *p, const struct descriptor *d, const struct buf *body, int depth,
    int (*fn)(struct push *p, const struct descriptor *d, const struct buf *body, struct error *e),
    struct error *e)
{
	auto(index) struct index index = { 0 };

	if (depth > NESTING_MAX)
		return error_set(e, ERR_INPUT, "indexes are nested more than %d deep", NESTING_MAX);
	if (index_parse(buf_text(body), body->len, d->media_type, &index, e) < 0)
		return -1;
	for (size_t i = 0; i < index.n_manifests; i++) {
		const struct descriptor *member = &index.manifests[i];

		if (store_blob_has(p->store, &member->digest)) {
			if (each_document(p, member, depth + 1, fn, e) < 0)
				return -1;
			continue;
		}
		auto(buf) struct buf platform = { 0 };

		platform_add_text(&platform, &member->platform);
		error_set(e, ERR_NOT_FOUND,
		    "the store does not have the member for %s of the index",
		    platform.len ? buf_text(&platform) : "an unnamed platform");
		return error_hint(e, "croze pull --all-platforms NAME brings all of them");
	}
	return 0;
}

/* Members first. */
static int
each_document(struct push *p, const struct descriptor *d, int depth,
    int (*fn)(struct push *p, const struct descriptor *d, const struct buf *body, struct error *e),
    struct error *e)
{
	auto(buf) struct buf body = { 0 };

	if (store_blob_read(p->store, &d->digest, DOCUMENT_MAX, &body, e) < 0)
		return -1;
	if (media_class(d->media_type) == MEDIA_INDEX && each_member(p, d, &body, depth, fn, e) < 0)
		return -1;
	return fn(p, d, &body, e);
}

static int
collect(struct push *p, const struct descriptor *d, const struct buf *body, struct error *e)
{
	auto(manifest) struct manifest m = { 0 };

	if (media_class(d->media_type) != MEDIA_MANIFEST)
		return 0;
	if (manifest_parse(buf_text(body), body->len, d->media_type, &m, e) < 0 ||
	    add_blob(p, &m.config, e) < 0)
		return -1;
	for (size_t i = 0; i < m.n_layers; i++)
		if (add_blob(p, &m.layers[i], e) < 0)
			return -1;
	return 0;
}

/* ---- where it may be already ---- */

static void
offer_blob(struct push *p, const struct digest *digest, const char *repository)
{
	for (size_t i = 0; i < p->n_uploads; i++) {
		struct upload *u = &p->uploads[i];

		if (u->source || !digest_equal(&u->digest, digest))
			continue;
		u->source = xstrdup(repository);
		p->is_offered = true;
	}
}

/* What of the image @d is to be sent @repository has. An image that is not whole here says nothing. */
static void
offer_image(struct push *p, const struct descriptor *d, const char *repository, int depth)
{
	auto(buf) struct buf body = { 0 };
	auto(manifest) struct manifest m = { 0 };
	auto(index) struct index index = { 0 };
	struct error ignored = ERROR_INIT;

	if (depth > NESTING_MAX || !store_blob_has(p->store, &d->digest) ||
	    store_blob_read(p->store, &d->digest, DOCUMENT_MAX, &body, &ignored) < 0)
		return;
	if (media_class(d->media_type) == MEDIA_INDEX) {
		if (index_parse(buf_text(&body), body.len, d->media_type, &index, &ignored) < 0)
			return;
		for (size_t i = 0; i < index.n_manifests; i++)
			offer_image(p, &index.manifests[i], repository, depth + 1);
		return;
	}
	if (manifest_parse(buf_text(&body), body.len, d->media_type, &m, &ignored) < 0)
		return;
	offer_blob(p, &m.config.digest, repository);
	for (size_t i = 0; i < m.n_layers; i++)
		offer_blob(p, &m.layers[i].digest, repository);
}

/*
 * Other repositories at the same registry of which the store has an image with these blobs: they came from there or went there.
 * The scope becomes that of all of them, so that one token does for the whole push.
 */
static int
find_sources(struct push *p, const struct reference *to, struct error *e)
{
	auto(store_names) struct store_names names = { 0 };

	if (store_names_list(p->store, &names, e) < 0)
		return -1;
	for (size_t n = 0; n < names.count; n++) {
		auto(reference) struct reference r = { 0 };
		auto(descriptor) struct descriptor d = { 0 };
		struct error ignored = ERROR_INIT;

		if (!names.items[n].name ||
		    reference_parse(names.items[n].name, &r, &ignored) < 0 ||
		    strcmp(r.domain, to->domain) != 0 || strcmp(r.path, to->path) == 0)
			continue;
		descriptor_init(
		    &d, names.items[n].media_type, &names.items[n].digest, names.items[n].size);
		p->is_offered = false;
		offer_image(p, &d, r.path, 1);
		if (p->is_offered) {
			autofree char *before = steal_ptr(&p->scope);

			p->scope = xasprintf("%s repository:%s:pull", before, r.path);
		}
	}
	return 0;
}

/* ---- one blob ---- */

static char *
with_digest(const struct upload *u)
{
	char text[DIGEST_TEXT_LEN + 1];

	return xasprintf("%s%cdigest=%s", u->location, strchr(u->location, '?') ? '&' : '?',
	    digest_text(&u->digest, text));
}

static void
set_piece(struct upload *u, struct fetch_request *request, struct strv *headers)
{
	u->piece = u->size - u->at < PIECE_SIZE ? u->size - u->at : PIECE_SIZE;
	request->has_in = true;
	request->in = u->fd;
	request->in_offset = u->at;
	request->in_length = u->piece;
	strv_add(headers, "Content-Type: application/octet-stream");
	strv_printf(headers, "Content-Range: %llu-%llu", (unsigned long long)u->at,
	    (unsigned long long)(u->at + u->piece - 1));
}

static int
send_next(struct push *p, struct upload *u, struct error *e)
{
	auto(strv) struct strv headers = { 0 };
	struct fetch_request request = { .headers = &headers };
	autofree char *url = NULL;
	char text[DIGEST_TEXT_LEN + 1];

	digest_text(&u->digest, text);
	switch (u->state) {
	case UPLOAD_ASK:
		request.method = "HEAD";
		url = remote_url(p->remote, "blobs/%s", text);
		break;
	case UPLOAD_BEGIN:
		request.method = "POST";
		request.flags = FETCH_REPEATABLE; /* a session more does no harm */
		url = u->source ? remote_url(
				      p->remote, "blobs/uploads/?mount=%s&from=%s", text, u->source)
		                : remote_url(p->remote, "blobs/uploads/");
		break;
	case UPLOAD_WHOLE:
		request.method = "PUT";
		request.has_in = true;
		request.in = u->fd;
		request.in_length = u->size;
		request.idle = PUT_IDLE;
		strv_add(&headers, "Content-Type: application/octet-stream");
		url = with_digest(u);
		break;
	case UPLOAD_PIECE:
		request.method = "PATCH";
		set_piece(u, &request, &headers);
		url = xstrdup(u->location);
		break;
	case UPLOAD_STATUS:
		request.method = "GET";
		url = xstrdup(u->location);
		break;
	case UPLOAD_FINISH:
		request.method = "PUT";
		request.idle = PUT_IDLE;
		url = with_digest(u);
		break;
	case UPLOAD_DONE:
		return 0;
	}
	request.url = url;
	if (remote_prepare(p->remote, &request, p->scope, e) < 0)
		return -1;
	return fetch_submit(p->remote->registry->fetch, &request, &u->id, e);
}

/* The registry says where the session goes on. */
static int
take_location(struct upload *u, const struct fetch_response *response, struct error *e)
{
	const char *location = headers_get(&response->headers, "location");
	char *whole = remote_location(response->url, location);

	if (!whole && u->location && u->state != UPLOAD_BEGIN)
		return 0; /* it stays */
	if (!whole)
		return error_set(e, ERR_NETWORK,
		    "'%s' answers %u without saying where the upload goes (Location)",
		    response->url, response->status);
	free(u->location);
	u->location = whole;
	return 0;
}

static int
final_error(const struct fetch_response *response, struct error *e)
{
	if (response->error.kind == ERR_NONE)
		return remote_error(response, e);
	*e = response->error;
	return -1;
}

/* An answer that sending the bytes again does not change. */
static bool
is_final(const struct fetch_response *response)
{
	if (response->error.kind != ERR_NONE)
		return response->error.kind == ERR_POLICY;
	return response->status == 401 || response->status == 403 || response->status == 413;
}

static int
begin_anew(struct upload *u, const struct fetch_response *response, struct error *e)
{
	if (++u->sessions > SESSIONS_MAX)
		return final_error(response, e);
	u->at = 0;
	u->state = UPLOAD_BEGIN;
	return 0;
}

static void
finish(struct push *p, struct upload *u, size_t *counter)
{
	u->state = UPLOAD_DONE;
	++*counter;
	if (counter == &p->result->n_sent)
		p->result->bytes += u->size;
}

static void
choose_way(struct upload *u)
{
	u->state = u->in_one || u->size <= WHOLE_MAX ? UPLOAD_WHOLE : UPLOAD_PIECE;
}

/* "0-N": bytes up to N are there. */
static int
take_range(struct upload *u, const struct fetch_response *response, struct error *e)
{
	const char *range = headers_get(&response->headers, "range");
	const char *dash = range ? strchr(range, '-') : NULL;
	uint64_t last;

	if (!dash) {
		u->at = 0;
		return 0;
	}
	if (parse_u64(dash + 1, 0, INT64_MAX, "Range", &last, e) < 0)
		return error_ctx(e, "'%s'", response->url);
	/* registries answer 0-0 for nothing as well as for one byte: nothing is always safe to assume */
	u->at = last == 0 ? 0 : last + 1;
	if (u->at > u->size)
		return error_set(e, ERR_NETWORK, "'%s' claims to have %llu bytes of %llu",
		    response->url, (unsigned long long)u->at, (unsigned long long)u->size);
	return 0;
}

static int
after_piece(struct upload *u, const struct fetch_response *response, struct error *e)
{
	unsigned status = response->status;

	if (response->error.kind == ERR_NONE && status / 100 == 2) {
		uint64_t sent = u->at + u->piece;

		if (take_location(u, response, e) < 0 || take_range(u, response, e) < 0)
			return -1;
		if (!headers_get(&response->headers, "range"))
			u->at = sent;
		u->state = u->at < u->size ? UPLOAD_PIECE : UPLOAD_FINISH;
		if (u->at < sent && ++u->resumes > RESUMES_MAX)
			return error_set(e, ERR_NETWORK, "'%s' keeps losing bytes", response->url);
		return 0;
	}
	if (status == 405 || status == 400 || status == 501) {
		u->in_one = true;
		return begin_anew(u, response, e);
	}
	if (is_final(response))
		return final_error(response, e);
	if (status == 404 || ++u->resumes > RESUMES_MAX)
		return begin_anew(u, response, e);
	u->state = UPLOAD_STATUS;
	return 0;
}

static int
after_put(struct push *p, struct upload *u, const struct fetch_response *response, struct error *e)
{
	if (response->error.kind == ERR_NONE && response->status / 100 == 2) {
		finish(p, u, &p->result->n_sent);
		return 0;
	}
	return is_final(response) ? final_error(response, e) : begin_anew(u, response, e);
}

static int
after_begin(
    struct push *p, struct upload *u, const struct fetch_response *response, struct error *e)
{
	if (response->error.kind != ERR_NONE)
		return final_error(response, e);
	if (response->status == 201 && u->source) {
		finish(p, u, &p->result->n_mounted);
		return 0;
	}
	if (u->source && response->status != 202) { /* without mount, then */
		free(u->source);
		u->source = NULL;
		return 0;
	}
	if (response->status / 100 != 2)
		return remote_error(response, e);
	if (take_location(u, response, e) < 0)
		return -1;
	choose_way(u);
	return 0;
}

static int
advance(struct push *p, struct upload *u, const struct fetch_response *response, struct error *e)
{
	switch (u->state) {
	case UPLOAD_ASK:
		if (response->error.kind != ERR_NONE)
			return final_error(response, e);
		if (response->status == 200)
			finish(p, u, &p->result->n_there);
		else if (u->fd < 0)
			return error_set(
			    e, ERR_NOT_FOUND, "neither the store nor the registry has it");
		else
			u->state = UPLOAD_BEGIN; /* 404, or a registry without HEAD */
		return 0;
	case UPLOAD_BEGIN:
		return after_begin(p, u, response, e);
	case UPLOAD_PIECE:
		return after_piece(u, response, e);
	case UPLOAD_STATUS:
		if (response->error.kind != ERR_NONE || response->status / 100 != 2)
			return begin_anew(u, response, e);
		if (take_location(u, response, e) < 0 || take_range(u, response, e) < 0)
			return -1;
		u->state = u->at < u->size ? UPLOAD_PIECE : UPLOAD_FINISH;
		return 0;
	case UPLOAD_WHOLE:
	case UPLOAD_FINISH:
		return after_put(p, u, response, e);
	case UPLOAD_DONE:
		return 0;
	}
	return 0;
}

static int
take_response(struct push *p, struct upload *u, struct fetch_response *response, struct error *e)
{
	char text[DIGEST_TEXT_LEN + 1];

	u->id = 0;
	u->gone = 0;
	if (response->error.kind == ERR_NONE && response->status == 401 && !u->was_renewed &&
	    remote_renew(p->remote, response)) {
		u->was_renewed = true;
		return send_next(p, u, e);
	}
	if (response->status != 401)
		u->was_renewed = false;
	if (advance(p, u, response, e) < 0)
		return error_ctx(e, "blob %s", digest_text(&u->digest, text));
	return send_next(p, u, e);
}

static void
tell(struct push *p)
{
	const struct registry_options *o = &p->remote->registry->options;
	uint64_t done = 0;

	if (!o->progress)
		return;
	for (size_t i = 0; i < p->n_uploads; i++)
		done += p->uploads[i].state == UPLOAD_DONE ? p->uploads[i].size
		                                           : p->uploads[i].at + p->uploads[i].gone;
	o->progress(o->arg, done, p->total);
}

static struct upload *
find_upload(struct push *p, uint64_t id)
{
	for (size_t i = 0; i < p->n_uploads; i++)
		if (p->uploads[i].id == id)
			return &p->uploads[i];
	return NULL;
}

static void
on_progress(void *arg, uint64_t id, uint64_t bytes)
{
	struct push *p = arg;
	struct upload *u = find_upload(p, id);

	if (u && (u->state == UPLOAD_WHOLE || u->state == UPLOAD_PIECE)) {
		u->gone = bytes;
		tell(p);
	}
}

static int
send_blobs(struct push *p, struct error *e)
{
	size_t next = 0, running = 0, n_done = 0;

	while (n_done < p->n_uploads) {
		struct fetch_response response;
		struct upload *u;
		uint64_t id = 0;
		int result;

		while (running < IN_FLIGHT && next < p->n_uploads) {
			if (send_next(p, &p->uploads[next++], e) < 0)
				return -1;
			running++;
		}
		if (fetch_wait(p->remote->registry->fetch, &id, &response, e) < 0)
			return -1;
		u = find_upload(p, id);
		result = u ? take_response(p, u, &response, e) : 0;
		fetch_response_release(&response);
		if (result < 0)
			return -1;
		if (u && u->state == UPLOAD_DONE) {
			running--;
			n_done++;
		}
		tell(p);
	}
	return 0;
}

/* ---- manifests ---- */

static int
put_manifest(struct push *p, const char *reference, const char *type, const struct digest *digest,
    const struct buf *body, struct error *e)
{
	autofree char *url = remote_url(p->remote, "manifests/%s", reference);
	auto(strv) struct strv headers = { 0 };
	autofd int file = memfd_create("croze-manifest", MFD_CLOEXEC);
	struct fetch_request request = { .method = "PUT",
		.url = url,
		.flags = FETCH_REPEATABLE,
		.headers = &headers,
		.has_in = true,
		.in = file,
		.in_length = body->len };
	struct fetch_response response = { 0 };
	const char *told;
	struct digest theirs;
	struct error ignored = ERROR_INIT;
	int result = 0;

	if (file < 0)
		return error_sys(e, "cannot make a file in memory");
	strv_printf(&headers, "Content-Type: %s", type);
	if (fd_write_all(file, body->data, body->len, e) < 0 ||
	    remote_perform(p->remote, &request, p->scope, &response, e) < 0)
		return error_ctx(e, "manifest '%s'", reference);
	told = headers_get(&response.headers, "docker-content-digest");
	p->is_noted = headers_get(&response.headers, "oci-subject") != NULL;
	if (response.status / 100 != 2)
		result = remote_error(&response, e);
	else if (told && digest_parse(told, &theirs, &ignored) == 0 &&
		 !digest_equal(&theirs, digest))
		result = error_set(e, ERR_NETWORK, "the registry has stored it as %s", told);
	fetch_response_release(&response);
	return result < 0 ? error_ctx(e, "manifest '%s'", reference) : 0;
}

/* Adds manifest @d, just sent, to the list of the referrers of @subject. */
static int
add_referrer(struct push *p, const struct descriptor *d, const struct buf *body,
    const struct digest *subject, struct error *e)
{
	autofree char *tag = referrers_tag(subject);
	auto(descriptor) struct descriptor found = { 0 };
	auto(buf) struct buf before = { 0 };
	auto(buf) struct buf after = { 0 };
	struct error problem = ERROR_INIT;
	struct digest digest;
	int changed;

	if (remote_manifest(p->remote, tag, NULL, &before, &found, &problem) < 0) {
		if (problem.kind != ERR_NOT_FOUND) {
			*e = problem;
			return -1;
		}
		buf_clear(&before);
	}
	changed = referrers_add(&before, d, body, &after, e);
	if (changed <= 0)
		return changed < 0 ? error_ctx(e, "tag '%s'", tag) : 0;
	digest_of(after.data, after.len, &digest);
	return put_manifest(p, tag, MEDIA_OCI_INDEX, &digest, &after, e);
}

/* What was sent as @reference; its referrer, if it is one, can be found. */
static int
put_document(struct push *p, const struct descriptor *d, const char *reference,
    const struct buf *body, struct error *e)
{
	struct digest subject;
	int refers;

	if (put_manifest(p, reference, d->media_type, &d->digest, body, e) < 0)
		return -1;
	if (p->is_noted)
		return 0;
	refers = referrers_subject(body, &subject, e);
	return refers > 0 ? add_referrer(p, d, body, &subject, e) : refers;
}

static int
put_by_digest(struct push *p, const struct descriptor *d, const struct buf *body, struct error *e)
{
	char text[DIGEST_TEXT_LEN + 1];

	return put_document(p, d, digest_text(&d->digest, text), body, e);
}

static int
put_members(struct push *p, const struct descriptor *d, struct error *e)
{
	auto(buf) struct buf body = { 0 };

	if (media_class(d->media_type) != MEDIA_INDEX)
		return 0;
	if (store_blob_read(p->store, &d->digest, DOCUMENT_MAX, &body, e) < 0)
		return -1;
	return each_member(p, d, &body, 1, put_by_digest, e);
}

static int
put_top(struct push *p, const struct descriptor *d, const struct reference *to, struct error *e)
{
	auto(buf) struct buf body = { 0 };

	if (store_blob_read(p->store, &d->digest, DOCUMENT_MAX, &body, e) < 0)
		return -1;
	if (to->tag)
		return put_document(p, d, to->tag, &body, e);
	return put_by_digest(p, d, &body, e);
}

static int
push_all(struct push *p, const struct descriptor *d, const struct reference *to, struct error *e)
{
	struct fetch *fetch = p->remote->registry->fetch;
	int sent;

	if (each_document(p, d, 1, collect, e) < 0 || find_sources(p, to, e) < 0)
		return -1;
	fetch_on_progress(fetch, on_progress, p);
	sent = send_blobs(p, e);
	fetch_on_progress(fetch, NULL, NULL);
	if (sent < 0 || put_members(p, d, e) < 0)
		return -1;
	return put_top(p, d, to, e);
}

static int
check_name(const struct reference *to, const struct descriptor *d, struct error *e)
{
	char text[DIGEST_TEXT_LEN + 1];

	if (!to->digest || strcmp(to->digest, digest_text(&d->digest, text)) == 0)
		return 0;
	return error_set(e, ERR_USAGE, "the image is %s, not %s", text, to->digest);
}

int
registry_push(struct registry *registry, struct store *store, const struct descriptor *d,
    const char *name, struct push_result *result, struct error *e)
{
	auto(reference) struct reference to = { 0 };
	auto(endpoints) struct endpoints endpoints = { 0 };
	auto(remote) struct remote remote = { 0 };
	struct push p = { .remote = &remote, .store = store, .result = result };
	int ok;

	*result = (struct push_result){ 0 };
	if (text_starts_with(name, "docker://"))
		name += strlen("docker://");
	if (reference_parse(name, &to, e) < 0 || check_name(&to, d, e) < 0 ||
	    registries_endpoints(&registry->registries, &to, true, &endpoints, e) < 0)
		return -1;
	result->name = reference_text(&to);
	ok = remote_open(&remote, registry, &endpoints.items[0], e);
	p.scope = ok < 0 ? NULL : remote_scope(&remote, "pull,push");
	if (ok == 0)
		ok = push_all(&p, d, &to, e);
	push_release(&p);
	if (ok < 0 && e->kind == ERR_NETWORK && !remote.has_credentials && remote.host)
		error_hint(e, "if it needs a password: croze login %s", remote.host);
	return ok < 0 ? error_ctx(e, "cannot push '%s'", result->name) : 0;
}
