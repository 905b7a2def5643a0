/* SPDX-License-Identifier: Apache-2.0 */
/*
 * product - what a build makes: one image, or an index of several images and of what belongs to them.
 */
#include "builder/build/product.h"

#include "builder/build/state.h"
#include "runtime/base/mem.h"
#include "runtime/base/text.h"

#include <string.h>

void
product_release(struct product *product)
{
	for (size_t i = 0; i < product->n_images; i++)
		descriptor_release(&product->images[i].manifest);
	free(product->images);
	index_release(&product->attached);
	*product = (struct product){ 0 };
}

bool
product_is_split(const struct build *b)
{
	return b->plan.n_targets > 1 || b->options->multi_platform;
}

void
product_add_image(struct build *b, struct product_image *image)
{
	struct product *p = &b->product;

	p->images = xrealloc(p->images, p->n_images + 1, sizeof(*p->images));
	p->images[p->n_images++] = *image;
	*image = (struct product_image){ 0 };
}

void
product_attach(struct build *b, const struct descriptor *d)
{
	index_add(&b->product.attached, d);
}

/* ---- the index ---- */

bool
product_is_annotated(const struct build_annotation *annotation, enum build_annotated what,
    const struct platform *platform)
{
	auto(buf) struct buf text = { 0 };

	if (!(annotation->of & what))
		return false;
	if (!annotation->platform || !platform)
		return true;
	platform_add_text(&text, platform);
	return strcmp(annotation->platform, buf_text(&text)) == 0;
}

static void
set_annotation(struct index *index, const char *key, const char *value)
{
	if (!index->annotations)
		index->annotations = json_new_object();
	json_set_text(index->annotations, key, value);
}

/* The index and its images; what is attached says what it is by itself. */
static void
annotate(const struct build *b, struct index *index)
{
	struct timespec time = { .tv_sec = b->timestamp };
	auto(buf) struct buf text = { 0 };

	if (b->has_timestamp) {
		text_add_rfc3339(&text, &time);
		set_annotation(index, ANNOTATION_CREATED, buf_text(&text));
	}
	for (size_t i = 0; i < b->options->n_annotations; i++) {
		const struct build_annotation *a = &b->options->annotations[i];

		if (product_is_annotated(a, BUILD_ANNOTATE_INDEX, NULL))
			set_annotation(index, a->key, a->value);
		for (size_t k = 0; k < b->product.n_images; k++)
			if (product_is_annotated(
				a, BUILD_ANNOTATE_DESCRIPTOR, &index->manifests[k].platform))
				descriptor_set_annotation(&index->manifests[k], a->key, a->value);
	}
}

/* What is said of an index would be said of nothing. */
static void
warn_of_annotations(struct build *b)
{
	for (size_t i = 0; i < b->options->n_annotations; i++)
		if (!(b->options->annotations[i].of & BUILD_ANNOTATE_MANIFEST))
			progress_warn(b->progress,
			    "--annotation: '%s' is not written: one image without attestations has "
			    "no index",
			    b->options->annotations[i].key);
}

static int
put_index(struct build *b, struct descriptor *d, struct error *e)
{
	auto(index) struct index index = { 0 };
	auto(buf) struct buf text = { 0 };
	struct digest digest;

	for (size_t i = 0; i < b->product.n_images; i++)
		index_add(&index, &b->product.images[i].manifest);
	for (size_t i = 0; i < b->product.attached.n_manifests; i++)
		index_add(&index, &b->product.attached.manifests[i]);
	annotate(b, &index);
	index_write(&index, &text);
	if (store_blob_put(b->store, text.data, text.len, &digest, e) < 0)
		return -1;
	descriptor_init(d, MEDIA_OCI_INDEX, &digest, text.len);
	return 0;
}

/* ---- names ---- */

static int
set_names(struct build *b, struct error *e)
{
	const struct strv *tags = &b->options->tags;
	struct store_names names = { 0 };
	struct store_name name = { .media_type = b->result->manifest_media_type,
		.digest = b->result->manifest,
		.size = b->result->manifest_size };
	int ok;

	if (tags->count == 0)
		store_names_add(&names, &name);
	for (size_t i = 0; i < tags->count; i++) {
		name.name = tags->items[i];
		store_names_add(&names, &name);
	}
	for (size_t i = 0; i < b->options->n_outputs; i++) {
		name.name = b->options->outputs[i].name;
		if (b->options->outputs[i].kind == BUILD_OUTPUT_STORE && name.name &&
		    !strv_has(tags, name.name))
			store_names_add(&names, &name);
	}
	ok = store_names_set(b->store, &names, NULL, e);
	store_names_release(&names);
	return ok;
}

/* An image is known by its config; several of them by their index. */
static void
set_result(struct build *b, const struct descriptor *d)
{
	struct build_result *result = b->result;

	result->has_image = true;
	result->manifest = d->digest;
	result->manifest_size = d->size;
	free(result->manifest_media_type);
	result->manifest_media_type = xstrdup(d->media_type);
	result->has_config = b->product.n_images == 1;
	result->config = result->has_config ? b->product.images[0].config : d->digest;
}

int
product_finish(struct build *b, struct error *e)
{
	auto(descriptor) struct descriptor d = { 0 };

	if (!product_is_split(b) && b->product.attached.n_manifests == 0) {
		descriptor_copy(&d, &b->product.images[0].manifest);
		warn_of_annotations(b);
	} else if (put_index(b, &d, e) < 0) {
		return -1;
	}
	set_result(b, &d);
	return set_names(b, e);
}
