/* SPDX-License-Identifier: Apache-2.0 */
/*
 * manifest - the config and the layers of one image.
 */
#include "builder/image/manifest.h"

#include "builder/image/document.h"
#include "runtime/base/mem.h"

void
manifest_release(struct manifest *m)
{
	free(m->media_type);
	descriptor_release(&m->config);
	document_release_list(&m->layers, &m->n_layers);
	json_free(m->annotations);
	json_free(m->raw);
	*m = (struct manifest){ 0 };
}

void
manifest_copy(struct manifest *to, const struct manifest *from)
{
	struct manifest copy = { 0 };

	copy.media_type = from->media_type ? xstrdup(from->media_type) : NULL;
	descriptor_copy(&copy.config, &from->config);
	for (size_t i = 0; i < from->n_layers; i++)
		manifest_add_layer(&copy, &from->layers[i]);
	copy.annotations = from->annotations ? json_copy(from->annotations) : NULL;
	copy.raw = from->raw ? json_copy(from->raw) : NULL;
	manifest_release(to);
	*to = copy;
}

void
manifest_add_layer(struct manifest *m, const struct descriptor *layer)
{
	m->layers = xrealloc(m->layers, m->n_layers + 1, sizeof(*m->layers));
	m->layers[m->n_layers] = (struct descriptor){ 0 };
	descriptor_copy(&m->layers[m->n_layers++], layer);
}

static const struct document_kind manifest_kind = {
	.name = "manifest",
	.class = MEDIA_MANIFEST,
	.oci_type = MEDIA_OCI_MANIFEST,
	.foreign = { "manifests", "fsLayers" },
};

static int
read_members(struct manifest *m, struct error *e)
{
	if (!json_get(m->raw, "config"))
		return error_set(e, ERR_INPUT, "'config' is missing");
	if (descriptor_read(json_get(m->raw, "config"), "config", &m->config, e) < 0)
		return -1;
	return document_read_list(
	    m->raw, "layers", MANIFEST_LAYERS_MAX, &m->layers, &m->n_layers, e);
}

int
manifest_parse(
    const char *text, size_t length, const char *media_type, struct manifest *m, struct error *e)
{
	auto(manifest) struct manifest read = { 0 };

	read.raw = json_parse(text, length, e);
	if (!read.raw)
		return error_ctx(e, "bad manifest");
	if (document_check(read.raw, &manifest_kind, media_type, &read.media_type, e) < 0 ||
	    document_read_annotations(read.raw, &read.annotations, e) < 0 ||
	    read_members(&read, e) < 0)
		return error_ctx(e, "bad manifest");
	manifest_release(m);
	*m = read;
	read = (struct manifest){ 0 };
	return 0;
}

void
manifest_write(const struct manifest *m, struct buf *b)
{
	autojson struct json *j = m->raw ? json_copy(m->raw) : json_new_object();

	json_set(j, "schemaVersion", json_new_u64(2));
	json_set_text(j, "mediaType", m->media_type ? m->media_type : MEDIA_OCI_MANIFEST);
	json_set(j, "config", descriptor_write(&m->config));
	document_write_list(j, "layers", m->layers, m->n_layers);
	document_write_annotations(j, m->annotations);
	json_write(j, 0, b);
}
