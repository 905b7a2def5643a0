/* SPDX-License-Identifier: Apache-2.0 */
/*
 * index - several manifests under one name.
 */
#include "builder/image/index.h"

#include "builder/image/document.h"
#include "runtime/base/mem.h"

void
index_release(struct index *x)
{
	free(x->media_type);
	document_release_list(&x->manifests, &x->n_manifests);
	json_free(x->annotations);
	json_free(x->raw);
	*x = (struct index){ 0 };
}

static const struct document_kind index_kind = {
	.name = "index",
	.class = MEDIA_INDEX,
	.oci_type = MEDIA_OCI_INDEX,
	.foreign = { "layers", "config", "fsLayers" },
};

int
index_parse(
    const char *text, size_t length, const char *media_type, struct index *x, struct error *e)
{
	auto(index) struct index read = { 0 };

	read.raw = json_parse(text, length, e);
	if (!read.raw)
		return error_ctx(e, "bad index");
	if (document_check(read.raw, &index_kind, media_type, &read.media_type, e) < 0 ||
	    document_read_annotations(read.raw, &read.annotations, e) < 0 ||
	    document_read_list(read.raw, "manifests", INDEX_MANIFESTS_MAX, &read.manifests,
		&read.n_manifests, e) < 0)
		return error_ctx(e, "bad index");
	index_release(x);
	*x = read;
	read = (struct index){ 0 };
	return 0;
}

void
index_write(const struct index *x, struct buf *b)
{
	autojson struct json *j = x->raw ? json_copy(x->raw) : json_new_object();

	json_set(j, "schemaVersion", json_new_u64(2));
	json_set_text(j, "mediaType", x->media_type ? x->media_type : MEDIA_OCI_INDEX);
	document_write_list(j, "manifests", x->manifests, x->n_manifests);
	document_write_annotations(j, x->annotations);
	json_write(j, 0, b);
}

void
index_add(struct index *x, const struct descriptor *d)
{
	x->manifests = xrealloc(x->manifests, x->n_manifests + 1, sizeof(*x->manifests));
	x->manifests[x->n_manifests] = (struct descriptor){ 0 };
	descriptor_copy(&x->manifests[x->n_manifests++], d);
}

bool
index_is_attestation(const struct descriptor *d)
{
	const char *type = descriptor_annotation(d, ANNOTATION_REFERENCE_TYPE);

	return (type && strcmp(type, "attestation-manifest") == 0) ||
	       (platform_is_set(&d->platform) && strcmp(d->platform.os, "unknown") == 0);
}

const struct descriptor *
index_choose(const struct index *x, const struct platform *wanted)
{
	const struct descriptor *best = NULL;
	const struct descriptor *any = NULL;
	size_t n_images = 0;
	int best_match = 0;

	for (size_t i = 0; i < x->n_manifests; i++) {
		const struct descriptor *d = &x->manifests[i];
		enum media_class class = media_class(d->media_type);
		int match;

		if ((class != MEDIA_MANIFEST && class != MEDIA_INDEX) || index_is_attestation(d))
			continue;
		n_images++;
		any = d;
		if (!platform_is_set(&d->platform))
			continue;
		match = platform_match(wanted, &d->platform);
		if (match > best_match) {
			best_match = match;
			best = d;
		}
	}
	if (!best && n_images == 1 && any && !platform_is_set(&any->platform))
		return any;
	return best;
}
