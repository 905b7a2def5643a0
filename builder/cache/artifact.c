/* SPDX-License-Identifier: Apache-2.0 */
/*
 * artifact - a cache as an OCI manifest: the records are its config, the layers its layers.
 *
 * So any tool that copies images copies caches, and a registry's own clean-up knows what still belongs to one.
 */
#include "builder/cache/transport.h"

#include "builder/image/manifest.h"
#include "builder/layer/writer.h"
#include "runtime/base/fd.h"
#include "runtime/base/mem.h"

#include <stdlib.h>
#include <unistd.h>

static void
add_layer(struct cache_layer *layers, size_t *n, const struct cache_layer *layer)
{
	for (size_t i = 0; i < *n; i++)
		if (digest_equal(&layers[i].digest, &layer->digest))
			return;
	layers[(*n)++] = *layer;
}

struct cache_layer *
transport_layers(const struct cache_records *records, size_t *n_layers)
{
	struct cache_layer *layers =
	    xcalloc(records->count + records->n_mounts + 1, sizeof(*layers));

	*n_layers = 0;
	for (size_t i = 0; i < records->count; i++)
		if (records->items[i].has_layer)
			add_layer(layers, n_layers, &records->items[i].layer);
	for (size_t i = 0; i < records->n_mounts; i++)
		add_layer(layers, n_layers, &records->mounts[i].layer);
	return layers;
}

static void
add_layers(struct manifest *m, const struct cache_records *records)
{
	size_t n_layers;
	autofree struct cache_layer *layers = transport_layers(records, &n_layers);

	for (size_t i = 0; i < n_layers; i++) {
		auto(descriptor) struct descriptor d = { 0 };

		descriptor_init(
		    &d, layer_media_type(layers[i].compression), &layers[i].digest, layers[i].size);
		manifest_add_layer(m, &d);
	}
}

int
transport_make_artifact(
    struct store *store, const struct cache_records *records, struct descriptor *d, struct error *e)
{
	autojson struct json *document = cache_records_to_json(records);
	auto(manifest) struct manifest m = { 0 };
	auto(buf) struct buf config = { 0 };
	auto(buf) struct buf text = { 0 };
	struct digest digest;

	json_write(document, 0, &config);
	if (config.len > CACHE_DOCUMENT_MAX)
		return error_set(e, ERR_POLICY, "its records have %zu bytes, more than %u",
		    config.len, CACHE_DOCUMENT_MAX);
	if (store_blob_put(store, config.data, config.len, &digest, e) < 0)
		return -1;
	m.media_type = xstrdup(MEDIA_OCI_MANIFEST);
	descriptor_init(&m.config, CACHE_MEDIA_TYPE, &digest, config.len);
	add_layers(&m, records);
	if (m.n_layers == 0)
		return error_set(e, ERR_NOT_FOUND, "there is no layer to keep");
	if (m.n_layers > MANIFEST_LAYERS_MAX)
		return error_set(e, ERR_POLICY, "it has %zu layers, more than %u", m.n_layers,
		    MANIFEST_LAYERS_MAX);
	manifest_write(&m, &text);
	if (store_blob_put(store, text.data, text.len, &digest, e) < 0)
		return -1;
	descriptor_release(d);
	descriptor_init(d, MEDIA_OCI_MANIFEST, &digest, text.len);
	return 0;
}

int
transport_take_blob(struct store *store, int from, const struct cache_layer *layer, struct error *e)
{
	auto(blob_writer) struct blob_writer writer = BLOB_WRITER_INIT;
	char text[DIGEST_TEXT_LEN + 1];
	struct digest found;
	uint64_t size = 0;

	if (blob_writer_open(&writer, store, e) < 0 ||
	    fd_copy(from, writer.fd, layer->size, &size, e) < 0)
		return -1;
	if (lseek(writer.fd, 0, SEEK_SET) < 0)
		return error_sys(e, "cannot read a blob");
	if (digest_of_fd(writer.fd, &found, &size, e) < 0)
		return -1;
	if (size != layer->size || !digest_equal(&found, &layer->digest))
		return error_set(e, ERR_INPUT, "the blob %s has another digest",
		    digest_text(&layer->digest, text));
	return blob_writer_commit(&writer, &layer->digest, size, e);
}
