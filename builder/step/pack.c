/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pack - from a snapshot to a layer in the store.
 */
#include "builder/step/pack.h"

#include "builder/step/listings.h"
#include "runtime/base/fd.h"
#include "runtime/base/mem.h"
#include "runtime/base/strv.h"

int
layer_sink_open(struct layer_sink *sink, struct store *store, const struct layer_options *options,
    struct error *e)
{
	memset(sink, 0, sizeof(*sink));
	sink->store = store;
	if (blob_writer_open(&sink->blob, store, e) < 0)
		return -1;
	sink->listing = listing_builder_new();
	if (layer_writer_open(sink->blob.fd, options, sink->listing, &sink->writer, e) == 0)
		return 0;
	layer_sink_abort(sink);
	return -1;
}

void
layer_sink_abort(struct layer_sink *sink)
{
	layer_writer_abort(steal_ptr(&sink->writer));
	listing_builder_free(steal_ptr(&sink->listing));
	if (sink->store)
		blob_writer_release(&sink->blob);
	sink->store = NULL;
}

static int
put_listing(struct layer_sink *sink, const struct digest *diff_id, struct error *e)
{
	autolisting struct listing *listing = listing_builder_finish(steal_ptr(&sink->listing), e);

	return listing ? listings_put(sink->store, diff_id, listing, e) : -1;
}

int
layer_sink_finish(struct layer_sink *sink, const struct layer_options *options,
    struct layer_record *layer, struct error *e)
{
	struct layer_result result;
	int ok;

	ok = layer_writer_finish(steal_ptr(&sink->writer), &result, e);
	if (ok == 0)
		ok = blob_writer_commit(&sink->blob, &result.digest, result.size, e);
	if (ok == 0)
		ok = put_listing(sink, &result.diff_id, e);
	if (ok == 0) {
		memset(layer, 0, sizeof(*layer));
		layer->diff_id = result.diff_id;
		layer->digest = result.digest;
		layer->size = result.size;
		layer->uncompressed = result.tar_size;
		layer->media_type = xstrdup(layer_media_type(options->compression));
	}
	layer_sink_abort(sink);
	return ok;
}

static void
add_note(void *arg, const char *text)
{
	struct strv *notes = arg;

	if (notes->count < 100)
		strv_add(notes, text);
}

int
pack_snapshot(struct store *store, int upper, int lower, const struct layer_options *options,
    struct strv *notes, struct layer_record *layer, struct error *e)
{
	struct diff_options diff = {
		.upper = upper, .lower = lower, .note = notes ? add_note : NULL, .note_arg = notes
	};
	struct diff_stats stats = { 0 };
	struct layer_sink sink;

	if (layer_sink_open(&sink, store, options, e) < 0)
		return -1;
	if (diff_upper(&diff, layer_writer_add, sink.writer, &stats, e) < 0) {
		layer_sink_abort(&sink);
		return -1;
	}
	return layer_sink_finish(&sink, options, layer, e);
}

int
pack_nothing(struct store *store, const struct layer_options *options, struct layer_record *layer,
    struct error *e)
{
	struct layer_sink sink;

	if (layer_sink_open(&sink, store, options, e) < 0)
		return -1;
	return layer_sink_finish(&sink, options, layer, e);
}
