/* SPDX-License-Identifier: Apache-2.0 */
/*
 * referrers - the tag under which a registry without a list of referrers keeps one (distribution-spec, "Referrers Tag
 * Schema"): an index of the manifests that have a subject in common.
 */
#ifndef CROZE_REGISTRY_REFERRERS_H
#define CROZE_REGISTRY_REFERRERS_H

#include "builder/image/descriptor.h"

/** Reads the subject of manifest @body: 1 with @subject set, 0 when it has none, -1 with ERR_INPUT. */
int referrers_subject(const struct buf *body, struct digest *subject, struct error *e);
/** "sha256-..."; to be freed. */
char *referrers_tag(const struct digest *subject);
/**
 * Adds the manifest @d, whose text is @body, to the index @before ("" for none). Returns 1 with the new index in @after, 0 when it
 * is in it, -1 when @before is something else: ERR_INPUT.
 */
int referrers_add(const struct buf *before, const struct descriptor *d, const struct buf *body,
    struct buf *after, struct error *e);

#endif
