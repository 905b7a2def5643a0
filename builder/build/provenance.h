/* SPDX-License-Identifier: Apache-2.0 */
/*
 * provenance - how an image was made, as SLSA provenance v1.
 *
 * Secrets, credentials in addresses and the values of build arguments named like secrets are in none of it.
 */
#ifndef CROZE_BUILDER_BUILD_PROVENANCE_H
#define CROZE_BUILDER_BUILD_PROVENANCE_H

#include "builder/build/state.h"

#define PROVENANCE_PREDICATE "https://slsa.dev/provenance/v1"
/** What externalParameters and internalParameters mean: croze-build(1), ATTESTATIONS. */
#define PROVENANCE_BUILD_TYPE "urn:croze:build:dockerfile:1"
#define PROVENANCE_BUILDER "urn:croze:builder"

/**
 * Remembers what was fetched from @url: @algorithm "sha256" or "sha1" (a commit), @digest in hexadecimal. Nothing when no
 * provenance is wanted.
 */
void provenance_note(struct build *b, const char *url, const char *algorithm, const char *digest);
/** The same for a file by HTTP, @name in @dir. A file that cannot be read is left without a digest. */
void provenance_note_file(struct build *b, const char *url, int dir, const char *name);
/** The predicate for the current target of the plan. */
struct json *provenance_make(const struct build *b);

#endif
