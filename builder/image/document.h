/* SPDX-License-Identifier: Apache-2.0 */
/*
 * document - what manifests and indexes have in common, and what must not be in either.
 */
#ifndef CROZE_IMAGE_DOCUMENT_H
#define CROZE_IMAGE_DOCUMENT_H

#include "builder/image/descriptor.h"

#include <stddef.h>

struct document_kind {
	const char *name;       /* "manifest" */
	enum media_class class; /* that its media type must have */
	const char *oci_type;   /* media type of a document that names none */
	const char *foreign[3]; /* members of the other kind: their presence makes it ambiguous */
};

/**
 * Checks schemaVersion, mediaType against @expected (NULL: not known) and @kind, and that no foreign member is there.
 * *@media_type gets the type, to be freed.
 */
int document_check(const struct json *j, const struct document_kind *kind, const char *expected,
    char **media_type, struct error *e);
/** A copy of the annotations, or NULL. */
int document_read_annotations(const struct json *j, struct json **annotations, struct error *e);
void document_write_annotations(struct json *j, const struct json *annotations);
/** Reads array @key of descriptors, which must be there, at most @max of them. */
int document_read_list(const struct json *j, const char *key, size_t max, struct descriptor **list,
    size_t *count, struct error *e);
void document_write_list(
    struct json *j, const char *key, const struct descriptor *list, size_t count);
void document_release_list(struct descriptor **list, size_t *count);

#endif
