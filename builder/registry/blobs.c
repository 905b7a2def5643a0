/* SPDX-License-Identifier: Apache-2.0 */
/*
 * blobs - blobs of one repository into the store, several at a time. For the files of registry.
 */
#include "builder/registry/blobs.h"

#include "runtime/base/mem.h"

#include <stdlib.h>

/* Large ones take the whole of most connections, and the first of them is read while it comes. */
#define LARGE_IN_FLIGHT 3
#define LARGE (8ULL << 20) /* bytes under way */

struct taking {
	struct blobs *blobs;
	struct remote *remote;
	struct store *store;
};

void
blobs_release(struct blobs *b)
{
	for (size_t i = 0; i < b->count; i++) {
		blob_writer_release(&b->items[i].writer);
		free(b->items[i].url);
	}
	free(b->items);
	*b = (struct blobs){ 0 };
}

void
blobs_add(struct blobs *b, const struct digest *digest, uint64_t size)
{
	for (size_t i = 0; i < b->count; i++)
		if (digest_equal(&b->items[i].digest, digest))
			return;
	xgrow(&b->items, b->count, &b->room, sizeof(*b->items));
	b->items[b->count++] =
	    (struct blob_arrival){ .digest = *digest, .size = size, .writer = BLOB_WRITER_INIT };
}

static int
send_request(const struct taking *t, struct blob_arrival *a, struct error *e)
{
	autofree char *scope = remote_scope(t->remote, "pull");
	struct fetch_request request = { .method = "GET",
		.has_out = true,
		.size = a->size,
		.max = a->size,
		.digest = &a->digest };
	char text[DIGEST_TEXT_LEN + 1];

	if (!a->url)
		a->url = remote_url(t->remote, "blobs/%s", digest_text(&a->digest, text));
	request.url = a->url;
	if (a->writer.fd < 0 && blob_writer_open_shared(&a->writer, t->store, &a->digest, e) < 0)
		return -1;
	request.out = a->writer.fd;
	if (remote_prepare(t->remote, &request, scope, e) < 0)
		return -1;
	return fetch_submit(t->remote->registry->fetch, &request, &a->id, e);
}

/* An empty blob cannot be asked for with a size of 0, which means any. */
static int
put_empty(const struct taking *t, const struct blob_arrival *a, struct error *e)
{
	struct digest digest;

	if (store_blob_put(t->store, "", 0, &digest, e) < 0)
		return -1;
	if (digest_equal(&digest, &a->digest))
		return 0;
	return error_set(e, ERR_NETWORK, "a blob of no bytes has another digest");
}

/* Returns 1 when it is under way, 0 when it is here, -1. */
static int
begin(const struct taking *t, struct blob_arrival *a, struct error *e)
{
	error_clear(&a->error);
	if (store_blob_has(t->store, &a->digest)) {
		a->so_far = a->size;
		return 0;
	}
	if (a->size == 0)
		return put_empty(t, a, e);
	return send_request(t, a, e) < 0 ? -1 : 1;
}

static void
tell(const struct taking *t)
{
	const struct registry_options *o = &t->remote->registry->options;
	uint64_t done = 0, total = 0;

	if (!o->progress)
		return;
	for (size_t i = 0; i < t->blobs->count; i++) {
		done += t->blobs->items[i].so_far;
		total += t->blobs->items[i].size;
	}
	o->progress(o->arg, done, total);
}

static struct blob_arrival *
find(const struct blobs *b, uint64_t id)
{
	for (size_t i = 0; i < b->count; i++)
		if (b->items[i].id == id)
			return &b->items[i];
	return NULL;
}

static void
on_progress(void *arg, uint64_t id, uint64_t bytes)
{
	const struct taking *t = arg;
	struct blob_arrival *a = find(t->blobs, id);

	if (a) {
		a->so_far = bytes;
		tell(t);
	}
}

/* Returns as begin(). */
static int
take_response(const struct taking *t, struct blob_arrival *a, struct fetch_response *response,
    struct error *e)
{
	char text[DIGEST_TEXT_LEN + 1];

	a->id = 0;
	if (response->error.kind != ERR_NONE) {
		*e = response->error;
		return -1;
	}
	if (response->status == 401 && !a->was_renewed && remote_renew(t->remote, response)) {
		a->was_renewed = true;
		return send_request(t, a, e) < 0 ? -1 : 1;
	}
	if (response->status / 100 != 2)
		return remote_error(response, e);
	if (!response->has_digest || !digest_equal(&response->digest, &a->digest))
		return error_set(
		    e, ERR_NETWORK, "its bytes are not %s", digest_text(&a->digest, text));
	if (blob_writer_commit(&a->writer, &a->digest, a->size, e) < 0)
		return -1;
	a->came = true;
	a->so_far = a->size;
	tell(t);
	return 0;
}

/* One answer: returns 1 when what it belongs to is still under way, 0 when that has ended, in @failed when badly, -1. */
static int
take_one(const struct taking *t, const struct error **failed, struct error *e)
{
	struct fetch_response response;
	struct blob_arrival *a;
	uint64_t id = 0;
	int result;

	if (fetch_wait(t->remote->registry->fetch, &id, &response, e) < 0)
		return -1;
	a = find(t->blobs, id);
	/* of what nobody waits for any more: a mirror was given up in the middle */
	result = a ? take_response(t, a, &response, &a->error) : 1;
	fetch_response_release(&response);
	if (result < 0) {
		blob_writer_release(&a->writer);
		*failed = &a->error;
		return 0;
	}
	return result;
}

static size_t
most_in_flight(const struct blobs *b)
{
	uint64_t bytes = 0;

	for (size_t i = 0; i < b->count; i++)
		if (b->items[i].id)
			bytes += b->items[i].size;
	return bytes < LARGE ? IN_FLIGHT : LARGE_IN_FLIGHT;
}

static int
take_all(const struct taking *t, enum blobs_flags flags, struct error *e)
{
	size_t next = 0, running = 0;

	while (next < t->blobs->count || running > 0) {
		const struct error *failed = NULL;
		int ended;

		while (!failed && next < t->blobs->count && running < most_in_flight(t->blobs)) {
			struct blob_arrival *a = &t->blobs->items[next++];
			int begun = begin(t, a, &a->error);

			running += begun > 0;
			if (begun < 0)
				failed = &a->error;
		}
		if (!failed && running > 0) {
			ended = take_one(t, &failed, e);
			if (ended < 0)
				return -1;
			running -= ended == 0;
		}
		if (failed && flags & BLOBS_TOGETHER) {
			*e = *failed;
			return -1;
		}
	}
	return 0;
}

int
blobs_take(struct blobs *b, struct remote *remote, struct store *store, enum blobs_flags flags,
    struct error *e)
{
	struct taking t = { b, remote, store };
	struct fetch *fetch = remote->registry->fetch;
	int result;

	fetch_on_progress(fetch, on_progress, &t);
	result = take_all(&t, flags, e);
	fetch_on_progress(fetch, NULL, NULL);
	return result;
}
