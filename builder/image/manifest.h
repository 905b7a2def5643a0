/* SPDX-License-Identifier: Apache-2.0 */
/*
 * manifest - the config and the layers of one image (image-spec, manifest.md; docker's schema 2).
 */
#ifndef CROZE_IMAGE_MANIFEST_H
#define CROZE_IMAGE_MANIFEST_H

#include "builder/image/descriptor.h"

#include <stddef.h>

/** More layers than this are refused. */
#define MANIFEST_LAYERS_MAX 4096

struct manifest {
	char *media_type; /* MEDIA_OCI_MANIFEST or MEDIA_DOCKER_MANIFEST */
	struct descriptor config;
	struct descriptor *layers; /* lowest first */
	size_t n_layers;
	struct json *annotations; /* or NULL */
	struct json *
	    raw; /* as it was read: subject, artifactType and what is not known here; NULL for a new one */
};

void manifest_release(struct manifest *m);
void manifest_copy(struct manifest *to, const struct manifest *from);
/**
 * Reads a manifest. @media_type is what the descriptor that led here says (NULL: no descriptor); it has to agree with
 * the mediaType member. A document that has manifests as well as layers is refused (CVE-2021-41190). ERR_INPUT.
 */
int manifest_parse(
    const char *text, size_t length, const char *media_type, struct manifest *m, struct error *e);
/** Appends the JSON: same content, same bytes. */
void manifest_write(const struct manifest *m, struct buf *b);
/** Appends a copy of @layer. */
void manifest_add_layer(struct manifest *m, const struct descriptor *layer);

#endif
