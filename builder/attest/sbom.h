/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sbom - a list of packages as a software bill of materials: SPDX 2.3 or CycloneDX 1.6, both as JSON.
 *
 * The same image, list and time make the same bytes: numbers that have to be unique are made of the content.
 */
#ifndef CROZE_ATTEST_SBOM_H
#define CROZE_ATTEST_SBOM_H

#include "builder/attest/package.h"
#include "builder/image/platform.h"
#include "runtime/base/digest.h"
#include "runtime/base/json.h"

#include <time.h>

enum sbom_format {
	SBOM_SPDX,
	SBOM_CYCLONEDX,
};

/** Which image it is of. */
struct sbom_subject {
	const char *name;            /* whole reference; NULL: it has none */
	const struct digest *digest; /* of the manifest */
	const struct platform *platform;
	struct timespec created; /* of the document */
};

/** "spdx-json", "cyclonedx-json", or NULL. */
const char *sbom_format_name(enum sbom_format format);
/** What in-toto calls such a document. */
const char *sbom_predicate_type(enum sbom_format format);
/** @inv is finished. */
struct json *sbom_make(
    enum sbom_format format, const struct sbom_subject *subject, const struct inventory *inv);

/* ---- for the two formats ---- */

struct json *spdx_make(const struct sbom_subject *subject, const struct inventory *inv);
struct json *cyclonedx_make(const struct sbom_subject *subject, const struct inventory *inv);
/** A name for the image that is never empty. To be freed. */
char *sbom_subject_name(const struct sbom_subject *subject);
/** Its package URL; NULL without a name. To be freed. */
char *sbom_subject_purl(const struct sbom_subject *subject);
/** "urn:uuid:...", of the document's content. To be freed. */
char *sbom_unique_name(
    const char *format, const struct sbom_subject *subject, const struct inventory *inv);
/** RFC 3339, seconds. To be freed. */
char *sbom_time(const struct timespec *time);
/** May @text stand where an address is expected? */
bool sbom_is_address(const char *text);

#endif
