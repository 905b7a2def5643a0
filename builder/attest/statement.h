/* SPDX-License-Identifier: Apache-2.0 */
/*
 * statement - what is said of an image, as in-toto statements in a manifest beside it.
 *
 * The manifest is found in two ways: as a member of the index that has the image, marked as BuildKit marks it (platform
 * unknown/unknown, annotations vnd.docker.reference.*), and by its subject, as the referrers of the image
 * (image-spec, manifest.md, "Guidelines for Artifact Usage"; distribution-spec, "Listing Referrers").
 */
#ifndef CROZE_ATTEST_STATEMENT_H
#define CROZE_ATTEST_STATEMENT_H

#include "builder/image/descriptor.h"
#include "builder/store/store.h"
#include "runtime/base/strv.h"

#define MEDIA_IN_TOTO "application/vnd.in-toto+json"
#define ATTESTATION_ARTIFACT "application/vnd.docker.attestation.manifest.v1+json"
#define ANNOTATION_PREDICATE "in-toto.io/predicate-type"

struct statement {
	const char *predicate_type;
	const struct json *predicate; /* borrowed */
};

/**
 * Writes @count (at least one) statements on @image, which has @names (references, may be empty), to the store, and the
 * manifest that holds them. @d is that manifest as a member of an index.
 */
int statements_put(struct store *store, const struct descriptor *image, const struct strv *names,
    const struct statement *statements, size_t count, struct descriptor *d, struct error *e);

#endif
