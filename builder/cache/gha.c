/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gha - a cache in the cache service of GitHub Actions, version 2.
 *
 * The service keeps entries by key: one that is made is never changed, and is found by the beginning of its key, the newest
 * first. It is asked by JSON over HTTP (twirp), and names signed URLs of an object store for the bytes:
 *
 *	CreateCacheEntry {key, version}                       → {ok, signed_upload_url}; PUT there
 *	FinalizeCacheEntryUpload {key, version, size_bytes}   → {ok}
 *	GetCacheEntryDownloadURL {key, restore_keys, version} → {ok, signed_download_url}; GET there
 *
 * Requests are limited by number, so layers go in packs of many megabytes, named by their digest; the records, in which each
 * layer has its pack and offset, are an entry of their own, written last.
 */
#include "builder/cache/transport.h"

#include "builder/fetch/fetch.h"
#include "runtime/base/fd.h"
#include "runtime/base/mem.h"
#include "runtime/base/text.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#define SERVICE "twirp/github.actions.results.api.v1.CacheService/"
#define PACK_SIZE (64ULL << 20) /* a pack that has so much is full */
#define BLOB_MAX (4ULL << 30)   /* the object store takes no more at once */
#define ANSWER_MAX (64U << 10)

struct service {
	const struct transport_call *call;
	struct fetch *fetch;
	char *authorization;
	char version[DIGEST_HEX_LEN + 1]; /* entries of another one are not found */
	char scope[17];                   /* of the keys: no scope is the beginning of another */
	uint64_t done;                    /* bytes of requests that have ended */
};

static void
service_close(struct service *s)
{
	fetch_free(s->fetch);
	mem_free_secret_at(&s->authorization);
}

static void
on_progress(void *arg, uint64_t id, uint64_t bytes)
{
	struct service *s = arg;

	(void)id;
	__atomic_store_n(&s->call->pulse->bytes, s->done + bytes, __ATOMIC_RELAXED);
}

static void
count(struct service *s, uint64_t bytes)
{
	s->done += bytes;
	__atomic_store_n(&s->call->pulse->bytes, s->done, __ATOMIC_RELAXED);
}

static int
service_open(struct service *s, const struct transport_call *call, struct error *e)
{
	const struct cache_place *place = call->place;
	char hex[DIGEST_HEX_LEN + 1];
	struct digest digest;

	*s = (struct service){ .call = call };
	if (!place->url || !place->token) {
		error_set(e, ERR_NOT_FOUND, "there is no %s",
		    place->url ? "token: $ACTIONS_RUNTIME_TOKEN is not set"
			       : "cache service: $ACTIONS_RESULTS_URL is not set");
		return error_hint(e, "a step that only runs a shell has neither: an action has to "
				     "hand them over");
	}
	digest_of("croze cache 1", strlen("croze cache 1"), &digest);
	(void)digest_hex(&digest, s->version);
	digest_of(place->scope, strlen(place->scope), &digest);
	memcpy(s->scope, digest_hex(&digest, hex), sizeof(s->scope) - 1);
	s->authorization = xasprintf("Bearer %s", place->token);
	s->fetch = fetch_new();
	fetch_on_progress(s->fetch, on_progress, s);
	return 0;
}

/* ---- the service ---- */

static int
body_of(const struct json *json, size_t *length, struct error *e)
{
	auto(buf) struct buf text = { 0 };
	autofd int fd = memfd_create("croze-request", MFD_CLOEXEC);

	if (fd < 0)
		return error_sys(e, "cannot make a file in memory");
	json_write(json, 0, &text);
	if (fd_write_all(fd, buf_text(&text), text.len, e) < 0)
		return -1;
	*length = text.len;
	return steal_fd(&fd);
}

static int
read_answer(int fd, struct json **answer, struct error *e)
{
	auto(buf) struct buf text = { 0 };

	if (lseek(fd, 0, SEEK_SET) < 0)
		return error_sys(e, "cannot read an answer");
	if (fd_read_all(fd, &text, ANSWER_MAX, "an answer", e) < 0)
		return -1;
	*answer = json_parse(buf_text(&text), text.len, e);
	return *answer ? 0 : -1;
}

/*
 * One call. Returns 1 with what the service says, 0 when it says no (there is no such entry, or there is one already), -1.
 * @reach: where the service is.
 */
static int
ask(struct service *s, const char *method, const struct json *question, struct json **answer,
    enum reach *reach, struct error *e)
{
	const char *base = s->call->place->url;
	autofree char *url =
	    xasprintf("%s%s" SERVICE "%s", base, text_ends_with(base, "/") ? "" : "/", method);
	auto(strv) struct strv headers = { 0 };
	struct fetch_request request = { .method = "POST",
		.url = url,
		.flags = FETCH_REPEATABLE,
		.headers = &headers,
		.authorization = s->authorization,
		.has_in = true,
		.has_out = true,
		.max = ANSWER_MAX };
	struct fetch_response response = { 0 };
	autofd int in = -1, out = memfd_create("croze-answer", MFD_CLOEXEC);
	int result = 1;

	strv_add(&headers, "Content-Type: application/json");
	in = body_of(question, &request.in_length, e);
	if (in < 0 || out < 0)
		return out < 0 ? error_sys(e, "cannot make a file in memory") : -1;
	request.in = in;
	request.out = out;
	if (fetch_perform(s->fetch, &request, &response, e) < 0)
		return -1;
	*reach = response.reach;
	if (response.status == 404 || response.status == 409)
		result = 0;
	else if (response.status / 100 != 2)
		result = fetch_status_error(&response, e);
	fetch_response_release(&response);
	if (result == 1 && read_answer(out, answer, e) < 0)
		result = -1;
	if (result == 1 && !json_is_true(json_get(*answer, "ok")))
		result = 0;
	return result < 0 ? error_ctx(e, "%s", method) : result;
}

static struct json *
question_of(const struct service *s, const char *key)
{
	struct json *question = json_new_object();

	json_set_text(question, "key", key);
	json_set_text(question, "version", s->version);
	return question;
}

/* Where the newest entry is whose key begins with @key, or has it for its own when @exact. Returns 1, 0, -1. */
static int
find_entry(
    struct service *s, const char *key, bool exact, char **url, enum reach *reach, struct error *e)
{
	autojson struct json *question = question_of(s, key);
	autojson struct json *answer = NULL;
	const char *matched = NULL, *text = NULL;
	struct json *prefixes = json_set(question, "restore_keys", json_new_array());
	int found;

	if (!exact)
		json_append(prefixes, json_new_text(key));
	found = ask(s, "GetCacheEntryDownloadURL", question, &answer, reach, e);
	if (found <= 0)
		return found;
	if (json_read_text(answer, "signed_download_url", "answer", &text, e) < 0 ||
	    json_read_text(answer, "matched_key", "answer", &matched, e) < 0)
		return -1;
	if (!text)
		return error_set(e, ERR_NETWORK, "the cache service names no address");
	if (exact && matched && *matched && strcmp(matched, key) != 0)
		return 0;
	*url = xstrdup(text);
	return 1;
}

/* ---- bytes ---- */

static int
get_bytes(struct service *s, const char *url, enum reach reach, struct fetch_request *request,
    struct error *e)
{
	struct fetch_response response = { 0 };
	int result = 0;

	request->method = "GET";
	request->url = url;
	request->referrer = s->call->place->url;
	request->referrer_reach = reach;
	if (fetch_perform(s->fetch, request, &response, e) < 0)
		return -1;
	if (response.status / 100 != 2)
		result = fetch_status_error(&response, e);
	count(s, response.size);
	fetch_response_release(&response);
	return result;
}

/* Makes the entry @key of @length bytes of @fd. Returns 1, 0 when it is there already, -1. */
static int
put_entry(struct service *s, const char *key, int fd, uint64_t length, struct error *e)
{
	autojson struct json *question = question_of(s, key);
	autojson struct json *answer = NULL;
	autojson struct json *done = NULL;
	auto(strv) struct strv headers = { 0 };
	autofree char *size = xasprintf("%llu", (unsigned long long)length);
	struct fetch_request request = { .method = "PUT",
		.flags = FETCH_REPEATABLE,
		.headers = &headers,
		.referrer = s->call->place->url,
		.has_in = true,
		.in = fd,
		.in_length = length };
	struct fetch_response response = { 0 };
	int result = ask(s, "CreateCacheEntry", question, &answer, &request.referrer_reach, e);

	if (result <= 0)
		return result;
	request.url = json_text(json_get(answer, "signed_upload_url"));
	if (!request.url)
		return error_set(e, ERR_NETWORK, "the cache service names no address");
	strv_add(&headers, "x-ms-blob-type: BlockBlob");
	strv_add(&headers, "Content-Type: application/octet-stream");
	if (fetch_perform(s->fetch, &request, &response, e) < 0)
		return -1;
	result = response.status / 100 == 2 ? 0 : fetch_status_error(&response, e);
	fetch_response_release(&response);
	if (result < 0)
		return -1;
	count(s, length);
	json_set_text(question, "size_bytes", size); /* 64 bits are text in this form of JSON */
	result = ask(s, "FinalizeCacheEntryUpload", question, &done, &request.referrer_reach, e);
	return result != 0 ? result
	                   : error_set(e, ERR_NETWORK, "the cache service does not take '%s'", key);
}

static char *
index_prefix(const struct service *s)
{
	return xasprintf("croze-index-1-%s-", s->scope);
}

static char *
pack_key(const struct digest *pack)
{
	char hex[DIGEST_HEX_LEN + 1];

	return xasprintf("croze-pack-1-%s", digest_hex(pack, hex));
}

/* ---- reading ---- */

static int
read_index(struct service *s, struct buf *text, struct error *e)
{
	autofree char *prefix = index_prefix(s);
	autofree char *url = NULL;
	autofd int out = memfd_create("croze-index", MFD_CLOEXEC);
	struct fetch_request request = { .has_out = true, .out = out, .max = CACHE_DOCUMENT_MAX };
	enum reach reach = REACH_PUBLIC;
	int found = find_entry(s, prefix, false, &url, &reach, e);

	if (found < 0)
		return -1;
	if (found == 0)
		return error_set(e, ERR_NOT_FOUND, "it has nothing for this scope");
	if (out < 0)
		return error_sys(e, "cannot make a file in memory");
	if (get_bytes(s, url, reach, &request, e) < 0)
		return -1;
	if (lseek(out, 0, SEEK_SET) < 0)
		return error_sys(e, "cannot read an answer");
	return fd_read_all(out, text, CACHE_DOCUMENT_MAX, "the records", e);
}

static int
read_document(
    const struct transport_call *call, struct buf *text, char **media_type, struct error *e)
{
	struct service s;
	int ok = service_open(&s, call, e);

	if (ok == 0) {
		ok = read_index(&s, text, e);
		service_close(&s);
	}
	if (ok == 0)
		*media_type = xstrdup(CACHE_MEDIA_TYPE);
	return ok;
}

/* The pack as a file, checked. */
static int
get_pack(struct service *s, const struct digest *pack, struct error *e)
{
	autofree char *key = pack_key(pack);
	autofree char *url = NULL;
	enum reach reach = REACH_PUBLIC;
	autofd int out = store_tmp_file(s->call->store, e);
	struct fetch_request request = { .has_out = true,
		.out = out,
		.max = PACK_SIZE + BLOB_MAX,
		.size = FETCH_SIZE_UNKNOWN,
		.digest = pack };
	int found = out < 0 ? -1 : find_entry(s, key, true, &url, &reach, e);

	if (found < 0)
		return -1;
	if (found == 0)
		return error_set(e, ERR_NOT_FOUND, "'%s' is there no more", key);
	request.idle = s->call->place->timeout;
	if (get_bytes(s, url, reach, &request, e) < 0)
		return -1;
	return steal_fd(&out);
}

static int
take_from_pack(struct store *store, int pack, const struct cache_layer *layer, struct error *e)
{
	if (lseek(pack, (off_t)layer->offset, SEEK_SET) < 0)
		return error_sys(e, "cannot read a pack");
	return transport_take_blob(store, pack, layer, e);
}

/* All that is wanted of the pack of @blobs[first]. */
static void
fetch_pack(
    struct service *s, struct transport_blob *blobs, size_t n_blobs, size_t first, bool *done)
{
	const struct digest *pack = &blobs[first].layer.pack;
	struct error problem = ERROR_INIT;
	autofd int fd = get_pack(s, pack, &problem);

	for (size_t i = first; i < n_blobs; i++) {
		if (done[i] || !digest_equal(&blobs[i].layer.pack, pack))
			continue;
		done[i] = true;
		blobs[i].error = problem;
		if (fd >= 0)
			(void)take_from_pack(s->call->store, fd, &blobs[i].layer, &blobs[i].error);
	}
}

static int
fetch_blobs(const struct transport_call *call, struct transport_blob *blobs, size_t n_blobs,
    struct error *e)
{
	autofree bool *done = xcalloc(n_blobs + 1, sizeof(*done));
	struct service s;

	if (service_open(&s, call, e) < 0)
		return -1;
	for (size_t i = 0; i < n_blobs; i++) {
		if (!blobs[i].layer.in_pack)
			error_set(&blobs[i].error, ERR_INPUT, "a layer is in no pack");
		done[i] =
		    !blobs[i].layer.in_pack || store_blob_has(call->store, &blobs[i].layer.digest);
	}
	for (size_t i = 0; i < n_blobs; i++)
		if (!done[i])
			fetch_pack(&s, blobs, n_blobs, i, done);
	service_close(&s);
	return 0;
}

/* ---- writing ---- */

/* What the newest records say of where layers are; nothing when they cannot be read. */
static void
read_former(struct service *s, struct cache_records *former)
{
	struct error ignored = ERROR_INIT; /* then all layers go up */
	auto(buf) struct buf text = { 0 };

	*former = (struct cache_records){ 0 };
	if (read_index(s, &text, &ignored) == 0)
		(void)cache_records_parse_confined(
		    buf_text(&text), text.len, CACHE_MEDIA_TYPE, former, &ignored);
}

/* A pack that somebody has used lately stays. */
static bool
is_there(struct service *s, const struct digest *pack)
{
	autofree char *key = pack_key(pack);
	autofree char *url = NULL;
	struct error ignored = ERROR_INIT;
	enum reach reach;

	return find_entry(s, key, true, &url, &reach, &ignored) == 1;
}

/* Marks the layers of @layers that are in a pack which is there. */
static void
reuse_packs(struct service *s, struct cache_layer *layers, size_t n_layers)
{
	struct cache_records former;
	size_t n_old;
	autofree struct cache_layer *old = NULL;
	autofree bool *known = NULL, *there = NULL;

	read_former(s, &former);
	old = transport_layers(&former, &n_old);
	known = xcalloc(n_old + 1, sizeof(*known));
	there = xcalloc(n_old + 1, sizeof(*there));
	for (size_t i = 0; i < n_layers; i++) {
		layers[i].in_pack = false;
		for (size_t k = 0; k < n_old; k++) {
			if (!old[k].in_pack || !digest_equal(&old[k].digest, &layers[i].digest))
				continue;
			for (size_t j = 0; j < k && !known[k]; j++) {
				if (!known[j] || !digest_equal(&old[j].pack, &old[k].pack))
					continue;
				known[k] = true;
				there[k] = there[j];
			}
			if (!known[k]) {
				known[k] = true;
				there[k] = is_there(s, &old[k].pack);
			}
			if (there[k])
				layers[i] = old[k];
		}
	}
	cache_records_release(&former);
}

/* Sends one pack off, of layers [@first, @end) that have no place yet. */
static int
send_pack(struct service *s, struct cache_layer *layers, size_t first, size_t end, int file,
    struct cache_given *given, struct error *e)
{
	autofree char *key = NULL;
	struct digest digest;
	uint64_t size = 0;

	if (lseek(file, 0, SEEK_SET) < 0)
		return error_sys(e, "cannot read a pack");
	if (digest_of_fd(file, &digest, &size, e) < 0)
		return -1;
	key = pack_key(&digest);
	if (put_entry(s, key, file, size, e) < 0)
		return -1;
	given->bytes += size;
	for (size_t i = first; i < end; i++) {
		if (layers[i].in_pack)
			continue;
		layers[i].in_pack = true;
		layers[i].pack = digest;
	}
	return 0;
}

static int
add_to_pack(struct store *store, int file, uint64_t at, struct cache_layer *layer, struct error *e)
{
	uint64_t size = 0;
	autofd int blob = store_blob_open(store, &layer->digest, NULL, e);

	if (blob < 0)
		return -1;
	if (layer->size > BLOB_MAX)
		return error_set(e, ERR_POLICY, "a layer of %llu bytes is too large for it",
		    (unsigned long long)layer->size);
	layer->offset = at;
	return fd_copy(blob, file, layer->size, &size, e);
}

static int
send_layers(struct service *s, struct cache_layer *layers, size_t n_layers,
    struct cache_given *given, struct error *e)
{
	size_t first, next = 0;

	while (next < n_layers) {
		autofd int file = store_tmp_file(s->call->store, e);
		uint64_t size = 0;

		if (file < 0)
			return -1;
		for (first = next; next < n_layers && size < PACK_SIZE; next++) {
			if (layers[next].in_pack)
				continue;
			if (add_to_pack(s->call->store, file, size, &layers[next], e) < 0)
				return -1;
			size += layers[next].size;
		}
		if (size > 0 && send_pack(s, layers, first, next, file, given, e) < 0)
			return -1;
	}
	return 0;
}

static void
place_layer(struct cache_layer *layer, const struct cache_layer *placed, size_t n_placed)
{
	for (size_t k = 0; k < n_placed; k++) {
		if (!digest_equal(&placed[k].digest, &layer->digest))
			continue;
		layer->in_pack = true;
		layer->pack = placed[k].pack;
		layer->offset = placed[k].offset;
		return;
	}
}

/* The records once more, with the places of their layers. */
static void
place_layers(const struct cache_records *from, const struct cache_layer *layers, size_t n_layers,
    struct cache_records *to)
{
	for (size_t i = 0; i < from->count; i++) {
		struct cache_record record = from->items[i];

		if (record.has_layer)
			place_layer(&record.layer, layers, n_layers);
		cache_records_add(to, &record);
	}
	for (size_t i = 0; i < from->n_mounts; i++) {
		struct cache_mount mount = from->mounts[i];

		place_layer(&mount.layer, layers, n_layers);
		cache_records_add_mount(to, &mount);
	}
}

static int
send_index(struct service *s, const struct cache_records *records, struct error *e)
{
	autojson struct json *document = cache_records_to_json(records);
	autofree char *prefix = index_prefix(s);
	autofree char *key = NULL;
	size_t length = 0;
	unsigned random = 0;
	autofd int fd = body_of(document, &length, e);

	if (fd < 0)
		return -1;
	if (length > CACHE_DOCUMENT_MAX)
		return error_set(e, ERR_POLICY, "its records have %zu bytes, more than %u", length,
		    CACHE_DOCUMENT_MAX);
	if (getrandom(&random, sizeof(random), 0) != (ssize_t)sizeof(random))
		return error_sys(e, "there are no random numbers");
	key = xasprintf("%s%lld-%08x", prefix, (long long)time(NULL), random);
	if (put_entry(s, key, fd, length, e) < 0)
		return -1;
	return 0;
}

static int
write_all(struct service *s, const struct cache_records *records, struct cache_given *given,
    struct error *e)
{
	struct cache_records placed = { 0 };
	size_t n_layers;
	autofree struct cache_layer *layers = transport_layers(records, &n_layers);
	int ok;

	if (n_layers == 0)
		return error_set(e, ERR_NOT_FOUND, "there is no layer to keep");
	reuse_packs(s, layers, n_layers);
	ok = send_layers(s, layers, n_layers, given, e);
	if (ok == 0) {
		place_layers(records, layers, n_layers, &placed);
		ok = send_index(s, &placed, e);
	}
	cache_records_release(&placed);
	given->n_layers = n_layers;
	return ok;
}

static int
write_cache(const struct transport_call *call, const struct cache_records *records,
    struct cache_given *given, struct error *e)
{
	struct service s;
	int ok = service_open(&s, call, e);

	if (ok < 0)
		return -1;
	ok = write_all(&s, records, given, e);
	service_close(&s);
	return ok;
}

const struct transport transport_gha = { read_document, fetch_blobs, write_cache };
