/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cache - caches that machines share: who does the work, and how long it may take.
 */
#include "builder/cache/cache.h"

#include "builder/cache/transport.h"
#include "builder/layer/apply.h"
#include "builder/layer/stream.h"
#include "runtime/base/fd.h"
#include "runtime/base/mem.h"
#include "runtime/base/process.h"

#include <poll.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define TICK_MS 100
#define RATE_MIN 16384 /* bytes a second; a step is soon run again at less */
#define WRITE_FACTOR 2 /* who stores something may take longer to answer */

static const struct transport *const transports[] = {
	[CACHE_REGISTRY] = &transport_registry,
	[CACHE_LOCAL] = &transport_layout,
	[CACHE_GHA] = &transport_gha,
};

static const struct transport *
transport_of(const struct cache_place *place)
{
	return transports[place->kind]; /* inline caches are never asked for by themselves */
}

/* ---- waiting ---- */

static double
now(void)
{
	struct timespec time;

	(void)clock_gettime(CLOCK_MONOTONIC, &time); /* cannot fail */
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static struct transport_pulse *
pulse_new(struct error *e)
{
	void *pulse = mmap(NULL, sizeof(struct transport_pulse), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (pulse == MAP_FAILED) {
		error_sys(e, "cannot share memory with a worker");
		return NULL;
	}
	return pulse;
}

/* Is there an answer? Waits a little. */
static bool
has_answered(const struct worker *w)
{
	struct pollfd p = { .fd = w->fd, .events = POLLIN };

	return poll(&p, 1, TICK_MS) > 0;
}

/* Waits for the worker as long as bytes come, or it is at work here. */
static int
await(struct worker *w, const struct transport_pulse *pulse, unsigned seconds, struct buf *answer,
    struct error *e)
{
	double since = now();
	uint64_t before = 0;

	while (!has_answered(w)) {
		uint64_t bytes = __atomic_load_n(&pulse->bytes, __ATOMIC_RELAXED);

		if (__atomic_load_n(&pulse->local, __ATOMIC_RELAXED))
			since = now();
		if (now() - since < seconds)
			continue;
		if (bytes - before < (uint64_t)seconds * RATE_MIN) {
			worker_kill(w);
			return error_set(e, ERR_NETWORK, "nearly nothing came for %u s", seconds);
		}
		since = now();
		before = bytes;
	}
	return worker_finish(w, answer, e);
}

/* Does one call in a worker, which fills the store. */
static int
perform(struct transport_call *call, worker_fn *fn, void *arg, unsigned seconds, struct buf *answer,
    struct error *e)
{
	struct worker worker;
	int ok;

	call->pulse = pulse_new(e);
	if (!call->pulse)
		return -1;
	ok = store_tmp_prepare(call->store, e);
	if (ok == 0)
		ok = worker_start(&worker, fn, arg, e);
	if (ok == 0)
		ok = await(&worker, call->pulse, seconds, answer, e);
	(void)munmap(call->pulse, sizeof(*call->pulse));
	return ok;
}

/* ---- reading what there is ---- */

struct take {
	struct transport_call call;
	struct worker worker;
	bool runs;
};

static int
take_main(void *arg, struct buf *result, struct error *e)
{
	const struct take *t = arg;
	autofree char *media_type = NULL;
	auto(buf) struct buf text = { 0 };
	struct cache_records records;

	if (transport_of(t->call.place)->read(&t->call, &text, &media_type, e) < 0 ||
	    cache_records_parse_confined(buf_text(&text), text.len, media_type, &records, e) < 0)
		return -1;
	cache_records_pack(&records, result);
	cache_records_release(&records);
	return 0;
}

static void
start_take(struct take *t, struct cache_taken *taken)
{
	t->call.pulse = pulse_new(&taken->error);
	t->runs = t->call.pulse && worker_start(&t->worker, take_main, t, &taken->error) == 0;
}

static void
finish_take(struct take *t, struct cache_taken *taken, double begin)
{
	double left = begin + taken->place->timeout - now();
	auto(buf) struct buf answer = { 0 };

	if (!t->runs)
		return;
	/* all of it has to be there in time: it is small */
	if (await(&t->worker, t->call.pulse, left < 1 ? 1 : (unsigned)left, &answer,
		&taken->error) == 0)
		(void)cache_records_unpack(answer.data, answer.len, &taken->records, &taken->error);
}

void
cache_take(const struct cache_access *access, struct cache_taken *taken, size_t n_taken)
{
	autofree struct take *takes = xcalloc(n_taken + 1, sizeof(*takes));
	double begin = now();

	for (size_t i = 0; i < n_taken; i++) {
		taken[i].records = (struct cache_records){ 0 };
		error_clear(&taken[i].error);
		takes[i].call = (struct transport_call){
			.access = access, .place = taken[i].place, .platform = taken[i].platform
		};
		start_take(&takes[i], &taken[i]);
	}
	for (size_t i = 0; i < n_taken; i++) {
		finish_take(&takes[i], &taken[i], begin);
		if (takes[i].call.pulse)
			(void)munmap(takes[i].call.pulse, sizeof(struct transport_pulse));
	}
}

/* ---- layers ---- */

static int
compress_tar(int tar, struct store *store, const struct layer_options *options,
    struct layer_result *made, struct error *e)
{
	struct blob_writer writer = BLOB_WRITER_INIT;
	int ok;

	if (lseek(tar, 0, SEEK_SET) < 0)
		return error_sys(e, "cannot read a tar");
	if (blob_writer_open(&writer, store, e) < 0)
		return -1;
	ok = layer_stream(tar, writer.fd, options, made, e);
	if (ok == 0)
		ok = blob_writer_commit(&writer, &made->digest, made->size, e);
	blob_writer_release(&writer);
	return ok;
}

int
cache_recompress(struct store *store, enum compression compression, int level,
    struct cache_layer *layer, struct error *e)
{
	struct layer_options options = { .compression = compression, .level = level };
	struct layer_source source = { .digest = &layer->digest, .diff_id = &layer->diff_id };
	struct apply_limits limits = { .bytes = layer->uncompressed };
	struct layer_result made = { 0 };
	autofd int blob = store_blob_open(store, &layer->digest, NULL, e);
	autofd int tar = blob < 0 ? -1 : store_tmp_file(store, e);

	if (tar < 0)
		return -1;
	source.fd = blob;
	if (layer_decode(&source, tar, &limits, NULL, e) < 0 ||
	    compress_tar(tar, store, &options, &made, e) < 0)
		return -1;
	layer->compression = compression;
	layer->level = level;
	layer->digest = made.digest;
	layer->size = made.size;
	layer->in_pack = false;
	return 0;
}

/* Is the blob what the record says? Its listing is kept on the way. */
static int
check_layer(struct store *store, const struct cache_layer *layer, struct error *e)
{
	struct layer_source source = { .digest = &layer->digest, .diff_id = &layer->diff_id };
	struct apply_limits limits = { .bytes = layer->uncompressed };
	struct apply_result result = { 0 };
	autolisting struct listing *listing = NULL;
	autofd int fd = store_blob_open(store, &layer->digest, NULL, e);
	const void *bytes;
	size_t length;
	int ok;

	if (fd < 0)
		return -1;
	source.fd = fd;
	ok = layer_list(&source, &limits, &listing, &result, e);
	if (ok == 0 && result.tar_size != layer->uncompressed)
		ok = error_set(e, ERR_INPUT, "a layer has %llu bytes unpacked, not %llu",
		    (unsigned long long)result.tar_size, (unsigned long long)layer->uncompressed);
	apply_result_release(&result);
	if (ok < 0)
		return -1;
	bytes = listing_bytes(listing, &length);
	return store_listing_put(store, &layer->diff_id, bytes, length, e);
}

struct fetching {
	struct transport_call call;
	const struct cache_layer *form;
	struct cache_wanted *wanted;
	size_t n_wanted;
};

static void
take_layer(const struct fetching *f, struct cache_wanted *w)
{
	if (check_layer(f->call.store, &w->layer, &w->error) < 0)
		return;
	w->layer.in_pack = false;
	if (w->layer.compression != f->form->compression || w->layer.level != f->form->level)
		(void)cache_recompress(
		    f->call.store, f->form->compression, f->form->level, &w->layer, &w->error);
}

static int
fetch_main(void *arg, struct buf *result, struct error *e)
{
	struct fetching *f = arg;
	autofree struct transport_blob *blobs = xcalloc(f->n_wanted + 1, sizeof(*blobs));

	for (size_t i = 0; i < f->n_wanted; i++)
		blobs[i].layer = f->wanted[i].layer;
	if (transport_of(f->call.place)->fetch(&f->call, blobs, f->n_wanted, e) < 0)
		return -1;
	__atomic_store_n(&f->call.pulse->local, true, __ATOMIC_RELAXED);
	for (size_t i = 0; i < f->n_wanted; i++) {
		f->wanted[i].error = blobs[i].error;
		if (blobs[i].error.kind == ERR_NONE)
			take_layer(f, &f->wanted[i]);
	}
	buf_add(result, f->wanted, f->n_wanted * sizeof(*f->wanted));
	return 0;
}

int
cache_fetch(const struct cache_access *access, const struct cache_place *place, struct store *store,
    const struct cache_layer *form, struct cache_wanted *wanted, size_t n_wanted, struct error *e)
{
	struct fetching f = { { access, place, store, NULL, NULL }, form, wanted, n_wanted };
	auto(buf) struct buf answer = { 0 };

	if (perform(&f.call, fetch_main, &f, place->timeout, &answer, e) < 0)
		return -1;
	if (answer.len == 0 || answer.len != n_wanted * sizeof(*wanted))
		return error_set(e, ERR_SYSTEM, "a worker's answer is cut short");
	memcpy(wanted, answer.data, answer.len);
	return 0;
}

/* ---- writing ---- */

struct giving {
	struct transport_call call;
	const struct cache_records *records;
};

static int
give_main(void *arg, struct buf *result, struct error *e)
{
	const struct giving *g = arg;
	struct cache_given given = { 0 };

	if (transport_of(g->call.place)->write(&g->call, g->records, &given, e) < 0)
		return -1;
	buf_add(result, &given, sizeof(given));
	return 0;
}

int
cache_give(const struct cache_access *access, const struct cache_place *place, struct store *store,
    const struct cache_records *records, struct cache_given *given, struct error *e)
{
	struct giving g = { { access, place, store, NULL, NULL }, records };
	auto(buf) struct buf answer = { 0 };

	*given = (struct cache_given){ 0 };
	if (perform(&g.call, give_main, &g, place->timeout * WRITE_FACTOR, &answer, e) < 0)
		return -1;
	if (answer.len == sizeof(*given))
		memcpy(given, answer.data, sizeof(*given));
	return 0;
}
