/* SPDX-License-Identifier: Apache-2.0 */
/*
 * index - several manifests under one name (image-spec, image-index.md; docker's manifest list).
 */
#ifndef CROZE_IMAGE_INDEX_H
#define CROZE_IMAGE_INDEX_H

#include "builder/image/descriptor.h"

#include <stdbool.h>
#include <stddef.h>

/** How BuildKit marks a member that is there for another one, and which that is. */
#define ANNOTATION_REFERENCE_TYPE "vnd.docker.reference.type"
#define ANNOTATION_REFERENCE_DIGEST "vnd.docker.reference.digest"

/** More members than this are refused. */
#define INDEX_MANIFESTS_MAX 16384

struct index {
	char *media_type; /* MEDIA_OCI_INDEX or MEDIA_DOCKER_INDEX */
	struct descriptor *manifests;
	size_t n_manifests;
	struct json *annotations; /* or NULL */
	struct json *raw;         /* as it was read; NULL for a new one */
};

void index_release(struct index *x);
/** As manifest_parse(): @media_type may be NULL, a document that has layers or config is refused. */
int index_parse(
    const char *text, size_t length, const char *media_type, struct index *x, struct error *e);
void index_write(const struct index *x, struct buf *b);
/** Appends a copy of @d. */
void index_add(struct index *x, const struct descriptor *d);
/** Is the member of an index there for another one, as BuildKit keeps attestations (platform unknown/unknown)? */
bool index_is_attestation(const struct descriptor *d);
/**
 * The best member for @wanted, or NULL. Attestations (platform unknown/unknown) are never chosen; a member without a
 * platform is taken when it is the only image there is.
 */
const struct descriptor *index_choose(const struct index *x, const struct platform *wanted);

#endif
