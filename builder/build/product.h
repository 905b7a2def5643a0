/* SPDX-License-Identifier: Apache-2.0 */
/*
 * product - what a build makes: one image, or an index of several images and of what belongs to them.
 *
 * The images come first, in the order of --platform; what was attached (attestations) stands behind them, in the order in
 * which it came. One image with nothing attached is no index.
 */
#ifndef CROZE_BUILDER_BUILD_PRODUCT_H
#define CROZE_BUILDER_BUILD_PRODUCT_H

#include "builder/build/options.h"
#include "builder/image/index.h"

struct build;

struct product_image {
	size_t stage;               /* in plan.stages: what it is made of */
	struct descriptor manifest; /* with its platform */
	struct digest config;
	size_t n_layers;
	uint64_t packed_size; /* of the layers */
};

/** In struct build; zeroed in the beginning. */
struct product {
	struct product_image *images; /* as plan.targets */
	size_t n_images;
	struct index attached; /* only its members */
};

void product_release(struct product *product);
/** Are there several images, or is one to be treated so (BUILDKIT_MULTI_PLATFORM)? */
bool product_is_split(const struct build *b);
/** Is @annotation, on the image for @platform (NULL: on none alone), one of @what? */
bool product_is_annotated(const struct build_annotation *annotation, enum build_annotated what,
    const struct platform *platform);
/** Takes @image over. */
void product_add_image(struct build *b, struct product_image *image);
/**
 * Puts the manifest @d, which is in the store, behind the images: with a platform and annotations of its own. To be called between
 * the last image and product_finish().
 */
void product_attach(struct build *b, const struct descriptor *d);
/** Writes the index, if there is to be one, fills in @b->result and gives the product its names in the store. */
int product_finish(struct build *b, struct error *e);

#endif
